#include "server/rpc/executor.h"

#include <vector>

#include "gtest/gtest.h"

namespace cambrian {
namespace {

TEST(ExecutorTest, RunsWhatWaitsBeforeItEnds) {
  std::vector<int> ran;  // one thread: no lock
  {
    Executor executor(1);
    for (int i = 0; i < 100; ++i) executor.Run([&ran, i] { ran.push_back(i); });
  }
  ASSERT_EQ(ran.size(), 100);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(ran[i], i);
}

}  // namespace
}  // namespace cambrian
