#include "server/study/worker_table.h"

#include "common/base/version.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/study/messages.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

AssignmentSet::Item Item(const Lease& lease) {
  return {FormatAssignment("toy-1", lease.assignment.trial), lease.assignment, lease.token, false,
          0};
}

google::protobuf::RepeatedPtrField<v1::Held> Held(const std::vector<int64_t>& tokens) {
  google::protobuf::RepeatedPtrField<v1::Held> held;
  for (int64_t token : tokens) {
    v1::Held& item = *held.Add();
    item.set_assignment("toy-1/1");
    item.set_token(token);
  }
  return held;
}

class WorkerTableTest : public ::testing::Test {
 protected:
  WorkerTableTest() : table_(int64_t{7} << 32) {
    identity_.set_name("w");
    identity_.set_slots(2);
    identity_.set_protocol(kWireProtocol);
  }
  Worker& Hear(int free, const std::vector<int64_t>& tokens) {
    v1::WorkerIdentity identity = identity_;
    auto held = Held(tokens);
    return table_.Hear(Scope(), identity, free, held, absl::UnixEpoch(), absl::Seconds(1));
  }
  void Grant() { ASSERT_TRUE(leases_.Grant({1, 1}, "w", absl::Seconds(1)).ok()); }  // token 5
  void Release() { ASSERT_TRUE(leases_.Release({1, 1}, 5).ok()); }

  LeaseManager leases_{{}, 4};
  WorkerTable table_;
  v1::WorkerIdentity identity_;
};

TEST_F(WorkerTableTest, UsableSlotsAreThoseFreeAndThoseHeld) {
  EXPECT_EQ(Hear(2, {}).usable, 2);
  EXPECT_EQ(Hear(1, {4}).usable, 2);
  EXPECT_EQ(Hear(0, {4}).usable, 1);  // it is leaving
  EXPECT_EQ(Hear(2, {4}).usable, 2);  // never more than it has
  EXPECT_EQ(Hear(-5, {}).usable, 0);
}

TEST_F(WorkerTableTest, ARevisionGrowsWithEveryChangeOfTheSetOnly) {
  Worker& worker = Hear(2, {});
  const int64_t first = worker.set.revision;
  EXPECT_GT(first, int64_t{7} << 32);
  table_.Renumber(worker, leases_, &Item);
  EXPECT_EQ(worker.set.revision, first);
  Grant();
  table_.Renumber(worker, leases_, &Item);
  EXPECT_GT(worker.set.revision, first);
  const int64_t second = worker.set.revision;
  table_.Renumber(worker, leases_, &Item);
  EXPECT_EQ(worker.set.revision, second);
}

TEST_F(WorkerTableTest, WhatAWorkerListsButDoesNotHoldIsToBeStopped) {
  Worker& worker = Hear(1, {5});
  table_.Renumber(worker, leases_, &Item);
  ASSERT_THAT(worker.set.items, SizeIs(1));
  EXPECT_TRUE(worker.set.items[0].stop);
}

TEST_F(WorkerTableTest, OnlyWhatAWorkerWasToldOfCanBeMissing) {
  Worker& worker = Hear(2, {});
  const int64_t before = worker.set.revision;
  Grant();
  table_.Renumber(worker, leases_, &Item);
  EXPECT_THAT(table_.Unlisted(worker, before, leases_), IsEmpty());  // the answer is on its way
  EXPECT_THAT(table_.Unlisted(worker, worker.set.revision, leases_), SizeIs(1));
  Hear(1, {5});
  EXPECT_THAT(table_.Unlisted(worker, worker.set.revision, leases_), IsEmpty());
}

TEST_F(WorkerTableTest, ForgetsWhoIsGoneAndHoldsNothing) {
  Hear(2, {});
  Grant();
  table_.Forget(absl::Hours(1), leases_);
  ASSERT_NE(table_.Find("w"), nullptr);
  Release();
  table_.Forget(absl::Seconds(1), leases_);
  ASSERT_NE(table_.Find("w"), nullptr);  // heard of a second ago
  table_.Forget(absl::Hours(1), leases_);
  EXPECT_EQ(table_.Find("w"), nullptr);
}

TEST_F(WorkerTableTest, IntroductionsAreChecked) {
  EXPECT_TRUE(CheckIdentity(identity_).ok());
  identity_.set_slots(100'000);
  EXPECT_TRUE(absl::IsInvalidArgument(CheckIdentity(identity_)));
  identity_.set_slots(1);
  identity_.set_name("");
  EXPECT_TRUE(absl::IsInvalidArgument(CheckIdentity(identity_)));
  identity_.set_name("w");
  identity_.set_protocol(kWireProtocol + 1);
  const absl::Status status = CheckIdentity(identity_);
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("the server is too old"));
}

TEST_F(WorkerTableTest, AWorkerTrainsWhereItsTagsDataAndDeviceFit) {
  StudySpec study;
  identity_.add_evaluators("torch");
  identity_.add_devices("cuda:0");
  EXPECT_FALSE(OfferOf(identity_, study).trains);  // its data are a path
  identity_.set_any_path(true);
  EXPECT_TRUE(OfferOf(identity_, study).trains);
  study.data.root = "sets";
  EXPECT_FALSE(OfferOf(identity_, study).trains);
  identity_.add_data_roots("sets");
  EXPECT_TRUE(OfferOf(identity_, study).trains);
  study.workers.tags = {"gpu", "a100"};
  identity_.add_tags("gpu");
  EXPECT_FALSE(OfferOf(identity_, study).trains);
  identity_.add_tags("a100");
  EXPECT_TRUE(OfferOf(identity_, study).trains);
  study.latency = LatencySpec{};
  EXPECT_FALSE(OfferOf(identity_, study).trains);
  study.latency->device = "cuda";
  EXPECT_TRUE(OfferOf(identity_, study).trains);
  EXPECT_FALSE(OfferOf(identity_, study).measures);
  study.estimator.evaluator = "mine";
  EXPECT_FALSE(OfferOf(identity_, study).trains);
}

TEST_F(WorkerTableTest, AWorkerMeasuresOnItsTargets) {
  StudySpec study;
  study.latency = LatencySpec{};
  study.latency->target = "pi4";
  identity_.add_evaluators("torch");
  EXPECT_FALSE(OfferOf(identity_, study).measures);
  identity_.add_targets("pi4");
  EXPECT_TRUE(OfferOf(identity_, study).measures);
  EXPECT_FALSE(OfferOf(identity_, study).trains);
}

TEST_F(WorkerTableTest, ANameBelongsToTheScopeThatIntroducedIt) {
  Hear(1, {});
  EXPECT_TRUE(table_.Check(Scope(), identity_).ok());
  EXPECT_TRUE(absl::IsPermissionDenied(table_.Check(Scope{"one", false}, identity_)));
}

TEST_F(WorkerTableTest, ARowIsWrittenForAnIntroductionAndSeldomElse) {
  Worker& worker = Hear(1, {});
  EXPECT_EQ(table_.TakeRecord(worker, absl::Minutes(10))->name, "w");
  Hear(1, {});
  EXPECT_FALSE(table_.TakeRecord(worker, absl::Minutes(10)).has_value());
  EXPECT_TRUE(table_.TakeRecord(worker, absl::ZeroDuration()).has_value());
  identity_.add_tags("gpu");
  Hear(1, {});
  EXPECT_EQ(table_.TakeRecord(worker, absl::Minutes(10))->tags, std::vector<std::string>{"gpu"});
}

TEST_F(WorkerTableTest, WorkersThatOfferTheSameAreOfOneKindUntilOneCannot) {
  StudySpec study;
  identity_.add_evaluators("torch");
  identity_.set_any_path(true);
  Worker& first = Hear(1, {});
  identity_.set_name("v");
  Worker& second = Hear(1, {});
  EXPECT_EQ(first.kind, second.kind);
  EXPECT_TRUE(table_.OfferTo(first, 1, study, "").trains);
  table_.MarkUnable(first, 1);
  EXPECT_NE(first.kind, second.kind);
  EXPECT_FALSE(table_.OfferTo(first, 1, study, "").trains);
  EXPECT_TRUE(table_.OfferTo(second, 1, study, "").trains);
  identity_.set_name("w");
  identity_.set_host("elsewhere");
  Hear(1, {});  // anew
  EXPECT_EQ(first.kind, second.kind);
}

TEST_F(WorkerTableTest, PollsAreDueInOrderAndIdleUntilTheyAreTaken) {
  Worker& worker = Hear(1, {});
  EXPECT_EQ(table_.NextDue(), std::nullopt);
  EXPECT_FALSE(table_.Hang(worker, {{}, {}, 3, absl::Seconds(20)}).has_value());
  table_.Idle(worker);
  EXPECT_EQ(table_.NextDue(), absl::Seconds(20));
  EXPECT_THAT(table_.Due(absl::Seconds(19)), IsEmpty());
  EXPECT_THAT(table_.Due(absl::Seconds(20)), SizeIs(1));
  EXPECT_THAT(table_.idle_kinds(), SizeIs(1));
  EXPECT_EQ(table_.Hang(worker, {{}, {}, 4, absl::Seconds(30)})->revision, 3);  // a newer one
  EXPECT_THAT(table_.idle_kinds(), IsEmpty());
  EXPECT_EQ(table_.TakePoll(worker).revision, 4);
  EXPECT_EQ(table_.NextDue(), std::nullopt);
}

}  // namespace
}  // namespace cambrian
