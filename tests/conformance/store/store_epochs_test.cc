// What every store promises of epochs: one server writes.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/conformance/store/make_records.h"
#include "tests/conformance/store/store_home.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

}  // namespace

TEST_P(StoreConformanceTest, ACommitIsNamedByItsMarker) {
  Fill(1, 0);
  EXPECT_EQ(store_->LastCommit().value(), (CommitMarker{epoch_, 1}));
  Fill(2, 0);
  EXPECT_EQ(store_->LastCommit().value(), (CommitMarker{epoch_, 2}));
}

TEST_P(StoreConformanceTest, OnlyTheNewestEpochWrites) {
  Batch batch;
  batch.studies = {MakeStudy(1)};
  batch.counters = {4, 17};
  ASSERT_TRUE(Commit(batch).ok());
  const TrialStore::Epoch epoch = store_->StartEpoch("first", absl::Seconds(10)).value();
  EXPECT_GT(epoch.number, epoch_);
  EXPECT_EQ(epoch.counters, (Counters{4, 17}));
  batch.studies = {MakeStudy(2)};
  EXPECT_TRUE(absl::IsFailedPrecondition(Commit(batch)));
  EXPECT_THAT(store_->Studies().value(), SizeIs(1));
  // A new epoch alone is no commit: a marker still names the one before.
  EXPECT_EQ(store_->LastCommit().value(), (CommitMarker{epoch_, 1}));
}

TEST_P(StoreConformanceTest, AnEpochIsRenewedWhileItIsTheNewest) {
  EXPECT_TRUE(store_->RenewEpoch(epoch_, absl::Seconds(10)).ok());
  const TrialStore::Epoch epoch = store_->StartEpoch("first", absl::Seconds(10)).value();
  EXPECT_TRUE(absl::IsFailedPrecondition(store_->RenewEpoch(epoch_, absl::Seconds(10))));
  EXPECT_TRUE(store_->EndEpoch(epoch_).ok());  // not the newest: nothing happens
  EXPECT_TRUE(store_->RenewEpoch(epoch.number, absl::Seconds(10)).ok());
  EXPECT_TRUE(store_->EndEpoch(epoch.number).ok());
  EXPECT_TRUE(store_->StartEpoch("second", absl::Seconds(10)).ok());
}

TEST_P(SharedStoreTest, AnotherServerWaitsUntilTheTermIsOver) {
  TrialStore* const other = home_->Second(*store_);
  const absl::Status refused = other->StartEpoch("second", absl::Seconds(10)).status();
  EXPECT_TRUE(absl::IsAlreadyExists(refused));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("first"));
  home_->Pass(absl::Seconds(9));
  EXPECT_TRUE(store_->RenewEpoch(epoch_, absl::Seconds(10)).ok());
  home_->Pass(absl::Seconds(9));
  EXPECT_TRUE(absl::IsAlreadyExists(other->StartEpoch("second", absl::Seconds(10)).status()));

  home_->Pass(absl::Seconds(2));
  Batch batch;
  batch.studies = {MakeStudy(1)};
  batch.counters = {1, 5};
  EXPECT_TRUE(Commit(batch).ok()) << "nobody has taken over yet";
  const TrialStore::Epoch epoch = other->StartEpoch("second", absl::Seconds(10)).value();
  EXPECT_GT(epoch.number, epoch_);
  EXPECT_EQ(epoch.counters, (Counters{1, 5}));
  EXPECT_TRUE(absl::IsFailedPrecondition(store_->RenewEpoch(epoch_, absl::Seconds(10))));
  EXPECT_TRUE(absl::IsAlreadyExists(store_->StartEpoch("first", absl::Seconds(10)).status()));
  batch.trials = {MakeTrial(1, 1)};
  EXPECT_TRUE(absl::IsFailedPrecondition(Commit(batch)));
  EXPECT_THAT(store_->Trials(1, 0, 10).value(), IsEmpty());
  batch.marker = {epoch.number, 1};
  EXPECT_TRUE(other->Commit(batch).ok());
  EXPECT_THAT(store_->Trials(1, 0, 10).value(), SizeIs(1));
}

TEST_P(SharedStoreTest, AServerThatLeavesMakesRoomAtOnce) {
  TrialStore* const other = home_->Second(*store_);
  ASSERT_TRUE(store_->EndEpoch(epoch_).ok());
  const TrialStore::Epoch epoch = other->StartEpoch("second", absl::Seconds(10)).value();
  ASSERT_TRUE(store_->EndEpoch(epoch_).ok());  // it is not its epoch any more
  EXPECT_TRUE(absl::IsAlreadyExists(store_->StartEpoch("first", absl::Seconds(10)).status()));
  EXPECT_TRUE(other->RenewEpoch(epoch.number, absl::Seconds(10)).ok());
}

}  // namespace cambrian
