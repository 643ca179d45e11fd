#include "common/table/table_estimator.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/spaces.h"

namespace cambrian {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kSpace[] = R"(
network:
  - conv: {out: {choose: [8, 16, 32]}}
  - head
)";
constexpr char kRows[] =
    "out,valid,test_accuracy,judge,seconds,late\n"
    "8,50,0.1,61,100,\n"
    "16,60,0.2,62,200,3\n";

class TableEstimatorTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::shared_ptr<const TableEstimator>> Make(const TableSpec& spec) {
    return TableEstimator::Make(BenchmarkTable::Parse(kRows, "t.csv", *space_).value(), spec);
  }
  Architecture Out(int channels) { return space_->FromJson({{"out", channels}}).value(); }

  const std::shared_ptr<const SearchSpace> space_ = testing::Read(kSpace).space;
};

TEST_F(TableEstimatorTest, AnswersWithTheMetricsThatTheStudyNames) {
  TableSpec spec;
  spec.metrics = {{"accuracy", {"valid", 0.01}}, {"cost", {"seconds", 2}}};
  spec.judge = TableValue{"judge", 0.01};
  spec.seconds = TableValue{"seconds", 0.06};
  const auto estimator = Make(spec);
  ASSERT_TRUE(estimator.ok()) << estimator.status();
  EXPECT_THAT((*estimator)->metric_names(), ElementsAre("accuracy", "cost"));
  EXPECT_EQ((*estimator)->judge(), "judge");
  const auto answer = (*estimator)->Look(Out(16));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->metrics.size(), 2u);
  EXPECT_DOUBLE_EQ(answer->metrics.at("accuracy").value, 0.6);
  EXPECT_DOUBLE_EQ(answer->metrics.at("cost").value, 400);
  EXPECT_DOUBLE_EQ(answer->judged, 0.62);
  EXPECT_DOUBLE_EQ(answer->seconds, 12);
}

TEST_F(TableEstimatorTest, WithoutNamesItGivesAllButTheJudgeAndTheTestSet) {
  TableSpec spec;
  spec.judge = TableValue{"judge", 1};
  const auto estimator = Make(spec);
  ASSERT_TRUE(estimator.ok()) << estimator.status();
  EXPECT_THAT((*estimator)->metric_names(), ElementsAre("valid", "seconds", "late"));
  const auto answer = (*estimator)->Look(Out(8));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->metrics.count("late"), 0u) << "the row does not know it";
  EXPECT_EQ(answer->seconds, 1);
}

TEST_F(TableEstimatorTest, WithoutAJudgeNothingIsJudged) {
  const auto estimator = Make({});
  ASSERT_TRUE(estimator.ok());
  EXPECT_TRUE(std::isnan((*estimator)->Look(Out(8))->judged));
}

TEST_F(TableEstimatorTest, SecondsMayBeANumber) {
  TableSpec spec;
  spec.seconds = TableValue{"", 30};
  const auto estimator = Make(spec);
  ASSERT_TRUE(estimator.ok());
  EXPECT_EQ((*estimator)->Look(Out(8))->seconds, 30);
}

TEST_F(TableEstimatorTest, AnArchitectureWithoutARowIsNotFound) {
  const auto estimator = Make({});
  ASSERT_TRUE(estimator.ok());
  EXPECT_EQ((*estimator)->Look(Out(32)).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(TableEstimatorTest, ARowStandsForAllOfItsKey) {
  const auto key_of = [](const Architecture& architecture) {
    return architecture.values[0] == 0 ? "" : "large";  // 8; 16 and 32
  };
  const auto estimator = TableEstimator::Make(
      BenchmarkTable::Parse("out,valid\n16,60\n", "t.csv", *space_).value(), {}, key_of);
  ASSERT_TRUE(estimator.ok()) << estimator.status();
  EXPECT_EQ((*estimator)->Look(Out(32))->metrics.at("valid").value, 60);
  EXPECT_EQ((*estimator)->Look(Out(8)).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(TableEstimatorTest, AColumnThatIsNotThereIsRefused) {
  TableSpec spec;
  spec.judge = TableValue{"jugde", 1};
  const auto estimator = Make(spec);
  EXPECT_EQ(estimator.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(estimator.status().message()), HasSubstr("did you mean \"judge\"?"));
}

}  // namespace
}  // namespace cambrian
