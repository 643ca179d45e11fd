#include "server/rpc/turns.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cambrian {
namespace {

using ::testing::ElementsAre;

TEST(TurnsTest, TheNextBeginsWhenTheOneBeforeIsDone) {
  Turns turns;
  std::vector<std::string> begun;
  std::vector<Turns::Done> done;
  const auto work = [&](const std::string& name) {
    return [&, name](Turns::Done its_end) {
      begun.push_back(name);
      done.push_back(std::move(its_end));
    };
  };
  turns.Take("a", work("a1"));
  turns.Take("a", work("a2"));
  turns.Take("a", work("a3"));
  turns.Take("b", work("b1"));  // waits for no other key
  EXPECT_THAT(begun, ElementsAre("a1", "b1"));
  done[0]();
  EXPECT_THAT(begun, ElementsAre("a1", "b1", "a2"));
  done[1]();
  done[2]();
  EXPECT_THAT(begun, ElementsAre("a1", "b1", "a2", "a3"));
  done[3]();
  turns.Take("a", work("a4"));
  EXPECT_THAT(begun, ElementsAre("a1", "b1", "a2", "a3", "a4"));
}

TEST(TurnsTest, WorkThatIsDoneAtOnceDoesNotOverlapOnAnyThread) {
  Turns turns;
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::atomic<int> runs{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 1000; ++k) {
        turns.Take("a", [&](const Turns::Done& done) {
          if (++inside > 1) most = 2;
          ++runs;
          --inside;
          done();
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(runs, 4000);
  EXPECT_EQ(most, 0);
}

}  // namespace
}  // namespace cambrian
