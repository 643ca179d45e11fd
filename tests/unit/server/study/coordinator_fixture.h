// A coordinator driven by hand, on one thread and in fake time.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/version.h"
#include "common/wire/convert.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store/memory.h"
#include "server/study/coordinator.h"
#include "server/study/queries.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/server_study.h"
#include "tests/testing/unreliable_store.h"

namespace cambrian {

template <typename T>
using Got = std::shared_ptr<std::optional<absl::StatusOr<T>>>;

class CoordinatorTest : public ::testing::Test {
 protected:
  CoordinatorTest() : memory_(NewMemoryStore()), store_(*memory_), queries_(store_) { Restart(); }

  void Restart() {
    CoordinatorListener listener;
    listener.on_commit = [this](const Batch& batch) {
      for (const StudyRecord& study : batch.studies) ++notified_[study.id];
    };
    listener.on_drop = [this] { ++drops_; };
    listener.on_load = [this] { ++loads_; };
    listener.on_unused = [this](std::vector<std::string> checkpoints) {
      for (const std::string& checkpoint : checkpoints) {
        if (!memory_->IsCheckpointUsed(checkpoint).value()) unused_.push_back(checkpoint);
      }
    };
    coordinator_ = std::make_unique<Coordinator>(Coordinator::Options{}, store_, clock_,
                                                 NewStudyReader(), listener);
  }

  template <typename T>
  static std::pair<Got<T>, Answer<T>> Wait() {
    auto got = std::make_shared<std::optional<absl::StatusOr<T>>>();
    return {got, [got](absl::StatusOr<T> answer) {
              ASSERT_FALSE(got->has_value()) << "answered twice";
              *got = std::move(answer);
            }};
  }

  static v1::WorkerIdentity Identity(const std::string& name, int slots) {
    v1::WorkerIdentity identity;
    identity.set_name(name);
    identity.set_protocol(kWireProtocol);
    identity.set_version(kVersion);
    identity.set_slots(slots);
    identity.add_evaluators("torch");
    identity.add_devices("cpu");
    identity.set_any_path(true);
    return identity;
  }

  std::string Create(const std::string& text, const std::string& request_id = "") {
    auto [got, answer] = Wait<v1::Study>();
    coordinator_->CreateStudy(Scope(), testing::ParseToy(text), request_id, "", answer);
    coordinator_->RunOnce();
    return (*got)->value().name();
  }

  // A worker that polls with what it was told last. Null while the Poll hangs.
  Got<v1::Assignments> Poll(const std::string& name, int slots = 1) {
    v1::PollRequest request;
    const v1::Assignments& known = known_[name];
    *request.mutable_worker() = Identity(name, slots);
    request.set_revision(known.revision());
    for (const v1::Assignment& assignment : known.assignments()) {
      v1::Held& held = *request.add_held();
      held.set_assignment(assignment.assignment());
      held.set_token(assignment.token());
    }
    request.set_free_slots(slots - request.held_size());
    auto [got, answer] = Wait<v1::Assignments>();
    coordinator_->Poll(Scope(), request, answer, [this] { return hung_up_; });
    coordinator_->RunOnce();
    return got;
  }
  // The same, answered.
  v1::Assignments Polled(const std::string& name, int slots = 1) {
    const Got<v1::Assignments> got = Poll(name, slots);
    EXPECT_TRUE(got->has_value());
    if (got->has_value()) known_[name] = (*got)->value();
    return known_[name];
  }

  static v1::Completion Success(const v1::Assignment& assignment, double accuracy,
                                const std::string& checkpoint = "") {
    v1::Completion completion;
    completion.set_assignment(assignment.assignment());
    completion.set_token(assignment.token());
    completion.set_outcome(v1::OUTCOME_SUCCEEDED);
    completion.set_seconds(1);
    completion.set_checkpoint(checkpoint);
    completion.set_log("trained");
    ToProto(Metrics{{"accuracy", {accuracy, {}, {}}}, {"loss", {1 - accuracy, {}, {}}}},
            completion.mutable_metrics());
    return completion;
  }

  absl::StatusOr<v1::Assignments> Report(const std::string& name, v1::ReportRequest request,
                                         int slots = 1) {
    *request.mutable_worker() = Identity(name, slots);
    request.set_free_slots(slots);
    auto [got, answer] = Wait<v1::Assignments>();
    coordinator_->Report(Scope(), request, answer);
    coordinator_->RunOnce();
    if ((*got)->ok()) known_[name] = (*got)->value();
    return *std::move(*got);
  }
  absl::StatusOr<v1::Assignments> Complete(const std::string& name,
                                           const v1::Completion& completion, int slots = 1) {
    v1::ReportRequest request;
    *request.add_completions() = completion;
    return Report(name, request, slots);
  }
  // Takes and completes until there is nothing more; gives the architectures in order.
  std::vector<std::string> WorkToTheEnd(const std::string& name) {
    std::vector<std::string> architectures;
    v1::Assignments set = Polled(name);
    while (set.assignments_size() > 0) {
      const v1::Assignment assignment = set.assignments(0);
      architectures.push_back(assignment.architecture());
      set = Complete(name, Success(assignment, 0.1 + 0.01 * assignment.trial())).value();
    }
    return architectures;
  }

  // The active server's epoch ends, as if its term were over.
  void EndTerm() { ASSERT_TRUE(memory_->EndEpoch(memory_->LastCommit()->epoch).ok()); }

  testing::FakeClock clock_;
  std::unique_ptr<TrialStore> memory_;
  testing::UnreliableStore store_;
  Queries queries_;
  std::unique_ptr<Coordinator> coordinator_;
  std::map<std::string, v1::Assignments> known_;
  std::map<int64_t, int> notified_;
  int drops_ = 0;
  int loads_ = 0;
  std::vector<std::string> unused_;
  bool hung_up_ = false;
};

}  // namespace cambrian
