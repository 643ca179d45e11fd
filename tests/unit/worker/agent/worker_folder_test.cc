#include "worker/agent/worker_folder.h"

#include <filesystem>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/worker/evaluator/test_evaluators.h"

namespace cambrian {
namespace {

TEST(WorkerFolderTest, KeepsItsName) {
  TemporaryFolder folder;
  const std::string path = folder / "deep/worker";
  std::string name;
  {
    const auto worker = WorkerFolder::Open(path, "");
    ASSERT_TRUE(worker.ok()) << worker.status();
    name = (*worker)->name();
    EXPECT_FALSE(name.empty());
    EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms::owner_all);
  }
  EXPECT_EQ((*WorkerFolder::Open(path, ""))->name(), name);
  EXPECT_EQ((*WorkerFolder::Open(path, "bert"))->name(), "bert");
  EXPECT_EQ((*WorkerFolder::Open(path, ""))->name(), "bert");
}

TEST(WorkerFolderTest, IsOneWorkersAlone) {
  TemporaryFolder folder;
  const auto first = WorkerFolder::Open(folder / "worker", "");
  ASSERT_TRUE(first.ok());
  const auto second = WorkerFolder::Open(folder / "worker", "");
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists);
}

}  // namespace
}  // namespace cambrian
