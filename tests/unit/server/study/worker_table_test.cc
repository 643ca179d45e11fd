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

std::string Name(const AssignmentId& id) { return FormatAssignment("toy-1", id.trial); }

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
    return table_.Hear(identity_, free, Held(tokens), absl::UnixEpoch(), absl::Seconds(1));
  }

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
  table_.Renumber(worker, {}, &Name);
  EXPECT_EQ(worker.set.revision, first);
  table_.Renumber(worker, {{{1, 1}, 5, "w", {}}}, &Name);
  EXPECT_GT(worker.set.revision, first);
  const int64_t second = worker.set.revision;
  table_.Renumber(worker, {{{1, 1}, 5, "w", {}}}, &Name);
  EXPECT_EQ(worker.set.revision, second);
}

TEST_F(WorkerTableTest, WhatAWorkerListsButDoesNotHoldIsToBeStopped) {
  Worker& worker = Hear(1, {5});
  table_.Renumber(worker, {}, &Name);
  ASSERT_THAT(worker.set.items, SizeIs(1));
  EXPECT_TRUE(worker.set.items[0].stop);
}

TEST_F(WorkerTableTest, OnlyWhatAWorkerWasToldOfCanBeMissing) {
  const std::vector<Lease> leases = {{{1, 1}, 5, "w", {}}};
  Worker& worker = Hear(2, {});
  const int64_t before = worker.set.revision;
  table_.Renumber(worker, leases, &Name);
  EXPECT_THAT(table_.Unlisted(worker, before, leases), IsEmpty());  // the answer is on its way
  EXPECT_THAT(table_.Unlisted(worker, worker.set.revision, leases), SizeIs(1));
  Hear(1, {5});
  EXPECT_THAT(table_.Unlisted(worker, worker.set.revision, leases), IsEmpty());
}

TEST_F(WorkerTableTest, ForgetsWhoIsGoneAndHoldsNothing) {
  Worker& worker = Hear(2, {});
  table_.Renumber(worker, {{{1, 1}, 5, "w", {}}}, &Name);
  table_.Forget(absl::Hours(1));
  ASSERT_NE(table_.Find("w"), nullptr);
  table_.Renumber(worker, {}, &Name);
  table_.Forget(absl::Seconds(1));
  ASSERT_NE(table_.Find("w"), nullptr);  // heard of a second ago
  table_.Forget(absl::Hours(1));
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

TEST_F(WorkerTableTest, LatencyIsMeasuredWhereTheDeviceIs) {
  StudySpec study;
  identity_.add_evaluators("torch");
  identity_.add_devices("cuda:0");
  EXPECT_TRUE(CanServe(identity_, study));
  study.latency = LatencySpec{};
  EXPECT_FALSE(CanServe(identity_, study));
  study.latency->device = "cuda";
  EXPECT_TRUE(CanServe(identity_, study));
  study.estimator.evaluator = "mine";
  EXPECT_FALSE(CanServe(identity_, study));
}

}  // namespace
}  // namespace cambrian
