#include "client/format/json.h"

#include <limits>

#include "gtest/gtest.h"
#include "tests/unit/client/studies.h"

namespace cambrian {
namespace {

TEST(JsonTest, WhatIsNotKnownIsNull) {
  v1::Trial trial;
  trial.set_study("fashion-1");
  trial.set_number(3);
  trial.set_state(v1::TRIAL_QUEUED);
  const auto json = TrialToJson(trial);
  EXPECT_EQ(json["trial"], 3);
  EXPECT_EQ(json["state"], "queued");
  for (const char* field :
       {"reason", "architecture", "canonical_key", "origin", "same_as", "created", "started",
        "ended", "worker", "progress", "curve", "checkpoint_sha256"}) {
    ASSERT_TRUE(json.contains(field)) << field;
    EXPECT_TRUE(json[field].is_null()) << field;
  }
}

TEST(JsonTest, MetricsAreNumbersWithTheirInterval) {
  v1::Trial trial = Succeeded(19, 0.874, 0.41, 58122, true);
  SetMetric(trial, "loss", std::numeric_limits<double>::quiet_NaN());
  const auto json = TrialToJson(trial);
  EXPECT_EQ(json["metrics"]["accuracy"]["value"], 0.874);
  EXPECT_EQ(json["metrics"]["accuracy"]["high"], 0.88);
  EXPECT_TRUE(json["metrics"]["parameters"]["low"].is_null());
  EXPECT_TRUE(json["metrics"]["loss"]["value"].is_null());
  EXPECT_EQ(json["architecture"]["cell.edge_0_2"], "skip");
  EXPECT_EQ(json["on_front"], true);
}

TEST(JsonTest, StudiesHaveUtcTimesAndUnits) {
  v1::Study study;
  study.set_name("fashion-1");
  study.set_state(v1::ACTIVE);
  study.mutable_created()->set_seconds(1'700'000'000);
  study.mutable_elapsed()->set_seconds(90);
  study.set_hypervolume(std::numeric_limits<double>::quiet_NaN());
  const auto json = StudyToJson(study);
  EXPECT_EQ(json["state"], "active");
  EXPECT_EQ(json["created"], "2023-11-14T22:13:20.000Z");
  EXPECT_EQ(json["elapsed_seconds"], 90);
  EXPECT_TRUE(json["ended"].is_null());
  EXPECT_TRUE(json["hypervolume"].is_null());
  EXPECT_TRUE(json["time_budget_seconds"].is_null());
}

TEST(JsonTest, BytesThatAreNoTextAreReplaced) {
  v1::Trial trial;
  trial.set_reason("bad \xff byte");
  EXPECT_NE(JsonLine(TrialToJson(trial)).find("bad \xEF\xBF\xBD byte"), std::string::npos);
}

}  // namespace
}  // namespace cambrian
