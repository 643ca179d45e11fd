#include "server/study/shared_results.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cambrian {
namespace {

const char kWork[] = "0123456789abcdef0123456789abcdef";
const char kOther[] = "0123456789abcdef0123456789abcde0";

StudyRecord MakeStudy(int64_t id, const std::string& tenant, const std::string& circumstances) {
  StudyRecord study;
  study.id = id;
  study.tenant = tenant;
  study.circumstances = circumstances;
  return study;
}

class SharedResultsTest : public ::testing::Test {
 protected:
  // The place as STUDY * 1000 + TRIAL; 0: nobody has it.
  int64_t Find(const StudyRecord& study, const std::string& key) {
    const auto place = shared_.Find(study, key, [this](int64_t id) {
      ++reads_;
      return absl::StatusOr<std::vector<ResultKey>>(stored_[id]);
    });
    EXPECT_TRUE(place.ok());
    return *place ? (*place)->study * 1000 + (*place)->trial : 0;
  }

  SharedResults shared_;
  std::map<int64_t, std::vector<ResultKey>> stored_;
  int reads_ = 0;
};

TEST_F(SharedResultsTest, StudiesInOtherCircumstancesCostNoRead) {
  const StudyRecord study = MakeStudy(1, "a", "x");
  shared_.Add(study);
  shared_.Add(MakeStudy(2, "a", "y"));
  shared_.Add(MakeStudy(3, "b", "x"));
  stored_[2] = stored_[3] = {{7, kWork}};
  EXPECT_EQ(Find(study, kWork), 0);
  EXPECT_EQ(reads_, 0);
}

TEST_F(SharedResultsTest, TheOldestStudyAlikeHasIt) {
  const StudyRecord study = MakeStudy(3, "a", "x");
  for (int64_t id : {3, 2, 1}) shared_.Add(MakeStudy(id, "a", "x"));
  stored_[1] = {{5, kWork}};
  stored_[2] = {{4, kWork}, {6, "no key of ours"}};
  EXPECT_EQ(Find(study, kWork), 1005);
  EXPECT_EQ(Find(study, kOther), 0);
  EXPECT_EQ(Find(study, "no key of ours"), 0);
  EXPECT_EQ(reads_, 3);  // once each
}

TEST_F(SharedResultsTest, WhatIsNotedLaterIsFound) {
  const StudyRecord first = MakeStudy(1, "a", "x");
  const StudyRecord second = MakeStudy(2, "a", "x");
  shared_.Add(first);
  shared_.Note(first, 1, kWork);  // nobody asks yet: the store will say it
  shared_.Add(second);
  EXPECT_EQ(Find(second, kWork), 0);
  shared_.Note(first, 1, kWork);
  shared_.Note(second, 9, kWork);
  EXPECT_EQ(Find(second, kWork), 1001);
}

TEST_F(SharedResultsTest, IsForgottenWithItsStudies) {
  const StudyRecord first = MakeStudy(1, "a", "x");
  const StudyRecord second = MakeStudy(2, "a", "x");
  shared_.Add(first);
  shared_.Add(second);
  stored_[1] = {{5, kWork}};
  EXPECT_EQ(Find(second, kWork), 1005);
  shared_.Rest(first);  // it has ended, and its results count still
  EXPECT_EQ(Find(second, kWork), 1005);
  EXPECT_EQ(reads_, 4);
  shared_.Remove(first);
  EXPECT_EQ(Find(second, kWork), 0);
}

TEST_F(SharedResultsTest, AFailedReadIsAnError) {
  const StudyRecord study = MakeStudy(1, "", "x");
  shared_.Add(study);
  shared_.Add(MakeStudy(2, "", "x"));
  const auto place = shared_.Find(study, kWork, [](int64_t) {
    return absl::StatusOr<std::vector<ResultKey>>(absl::UnavailableError("away"));
  });
  EXPECT_TRUE(absl::IsUnavailable(place.status()));
}

}  // namespace
}  // namespace cambrian
