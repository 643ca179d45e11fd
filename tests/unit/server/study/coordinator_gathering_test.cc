// When the decision loop goes on, with commits on their own thread.
#include <atomic>
#include <memory>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store/memory.h"
#include "server/study/coordinator.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/held_store.h"
#include "tests/testing/server_study.h"

namespace cambrian {
namespace {

constexpr absl::Duration kForEver = absl::Hours(10);

class GatheringTest : public ::testing::Test {
 protected:
  GatheringTest() : memory_(NewMemoryStore()), store_(*memory_) {
    Coordinator::Options options;
    options.gather = absl::Hours(1);  // of a clock that stands still
    options.gather_trials = 3;
    options.epoch_term = absl::Hours(9);
    CoordinatorListener listener;
    listener.on_unused = [](const std::vector<std::string>&) {};
    coordinator_ =
        std::make_unique<Coordinator>(options, store_, clock_, NewStudyReader(), listener);
    coordinator_->StartCommitter();
    coordinator_->RunOnce();
  }
  ~GatheringTest() override {
    store_.Allow(100);
    coordinator_->Retire();
  }

  void CreateStudy() {
    coordinator_->CreateStudy(Scope(), testing::ParseToy(testing::StudyText()), "", "",
                              [this](const absl::StatusOr<v1::Study>&) { ++answers_; });
  }
  // The store is busy from here on.
  void BeginCommit() {
    CreateStudy();
    coordinator_->RunOnce();
    store_.AwaitCommits(1);
  }
  void ReportCompletions(int count) {
    v1::ReportRequest request;
    for (int i = 0; i < count; ++i) request.add_completions();
    coordinator_->Report(Scope(), request,
                         [this](const absl::StatusOr<v1::Assignments>&) { ++answers_; });
  }
  // The loop goes on once so many commits are let go.
  void ExpectToWaitFor(int commits) {
    std::atomic<bool> is_free = false;
    std::thread frees([&] {
      is_free = true;
      store_.Allow(commits);
    });
    coordinator_->WaitForWork(kForEver);
    EXPECT_TRUE(is_free);
    frees.join();
  }

  const std::unique_ptr<TrialStore> memory_;
  testing::HeldStore store_;
  testing::FakeClock clock_;
  std::atomic<int> answers_ = 0;
  std::unique_ptr<Coordinator> coordinator_;
};

TEST_F(GatheringTest, ARequestDoesNotWaitWhileTheStoreIsFree) {
  CreateStudy();
  coordinator_->WaitForWork(kForEver);  // returns
  EXPECT_EQ(store_.begun(), 0);
}

TEST_F(GatheringTest, ARequestWaitsUntilTheStoreIsFree) {
  BeginCommit();
  CreateStudy();
  ExpectToWaitFor(1);
}

TEST_F(GatheringTest, RequestsThatEndManyTrialsDoNotWait) {
  BeginCommit();
  ReportCompletions(1);
  ReportCompletions(2);
  coordinator_->WaitForWork(kForEver);  // returns
  EXPECT_EQ(answers_, 0);               // the commit is still held
}

TEST_F(GatheringTest, RequestsThatWereDecidedDoNotCountAgain) {
  BeginCommit();
  ReportCompletions(3);
  coordinator_->RunOnce();
  ReportCompletions(1);
  ExpectToWaitFor(2);
}

}  // namespace
}  // namespace cambrian
