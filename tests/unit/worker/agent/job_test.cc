#include "worker/agent/job.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/worker/agent/test_study.h"
#include "worker/agent/study_cache.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;

std::shared_ptr<const StudySpec> Study() {
  StudyCache cache([](const std::string&) { return std::string(kTestStudy); });
  const auto study = cache.Get("test-1");
  EXPECT_TRUE(study.ok() && study->ok()) << study->status();
  return **study;
}

TEST(JobTest, TellsTheEvaluatorEverything) {
  const auto job = MakeJob(*Study(), MakeAssignment(3, "flood"), "/tmp/x");
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->evaluator, "scripted");
  const evaluator::Start& start = job->start;
  EXPECT_EQ(TokenOf(start.assignment), 3);
  EXPECT_EQ(start.architecture["do"], "flood");
  EXPECT_EQ(start.recipe["epochs"], 3);
  EXPECT_EQ(start.data["csv"]["file"], "/nowhere/data.csv");
  EXPECT_EQ(start.share, 0.5);
  EXPECT_EQ(start.seed, 11u);
  EXPECT_EQ(start.split_seed, 7u);
  EXPECT_EQ(start.folder, "/tmp/x");
  EXPECT_FALSE(start.latency);
  const auto network = NetworkFromJson(start.network);
  ASSERT_TRUE(network.ok()) << network.status();
  EXPECT_EQ(network->Parameters(), (4 * 6 + 6) + (6 * 2 + 2));
}

TEST(JobTest, ANetworkThatLetsNothingThroughIsInfeasible) {
  const auto job = MakeJob(*Study(), MakeAssignment(3, "flood", "yes"), "/tmp/x");
  EXPECT_EQ(job.status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(JobTest, AnArchitectureOfAnotherStudyIsRefused) {
  v1::Assignment assignment = MakeAssignment(3, "dance");
  EXPECT_EQ(MakeJob(*Study(), assignment, "/").status().code(), absl::StatusCode::kInvalidArgument);
  assignment.set_architecture("{");
  EXPECT_THAT(MakeJob(*Study(), assignment, "/").status().message(), HasSubstr("no JSON"));
}

TEST(JobTest, NamesTellAttemptsApart) {
  v1::Assignment assignment = MakeAssignment(3, "work");
  const std::string first = JobName(assignment);
  assignment.set_token(4);
  EXPECT_NE(JobName(assignment), first);
  EXPECT_EQ(TokenOf(JobName(assignment)), 4);
  EXPECT_EQ(TokenOf("nonsense"), 0);
  EXPECT_EQ(TokenOf("a#b"), 0);
}

TEST(JobTest, AnOutcomeBecomesACompletion) {
  EvaluatorOutcome outcome;
  outcome.metrics["accuracy"] = {0.9, 0.8, 1.0};
  outcome.log = "log";
  v1::Completion completion =
      MakeCompletion(MakeAssignment(3, "work"), outcome, absl::Milliseconds(1500));
  EXPECT_EQ(completion.assignment(), "test-1/3");
  EXPECT_EQ(completion.token(), 3);
  EXPECT_EQ(completion.outcome(), v1::OUTCOME_SUCCEEDED);
  EXPECT_EQ(completion.seconds(), 1.5);
  EXPECT_EQ(completion.log(), "log");
  ASSERT_EQ(completion.metrics_size(), 1);
  EXPECT_EQ(completion.metrics(0).low(), 0.8);

  outcome.error = evaluator::Error::Kind::kMemory;
  outcome.reason = std::string(4095, 'x') + "\u00e9" + std::string(100, 'y');  // é across the limit
  completion = MakeCompletion(MakeAssignment(3, "work"), outcome, absl::ZeroDuration());
  EXPECT_EQ(completion.outcome(), v1::OUTCOME_OUT_OF_MEMORY);
  EXPECT_EQ(completion.reason(), std::string(4095, 'x') + " …");
}

TEST(StudyCacheTest, FetchesOnceAndRemembersWhatItCannotRead) {
  int fetched = 0;
  StudyCache cache([&](const std::string& study) -> absl::StatusOr<std::string> {
    ++fetched;
    if (study == "away") return absl::UnavailableError("away");
    return study == "good" ? std::string(kTestStudy) : "study: [";
  });
  EXPECT_TRUE((*cache.Get("good")).ok());
  EXPECT_TRUE((*cache.Get("good")).ok());
  EXPECT_EQ(fetched, 1);
  EXPECT_THAT((*cache.Get("bad")).status().message(), HasSubstr("cannot read the study"));
  cache.Get("bad").IgnoreError();
  EXPECT_EQ(fetched, 2);
  EXPECT_TRUE(absl::IsUnavailable(cache.Get("away").status()));
  EXPECT_TRUE(absl::IsUnavailable(cache.Get("away").status()));
  EXPECT_EQ(fetched, 4);
}

}  // namespace
}  // namespace cambrian
