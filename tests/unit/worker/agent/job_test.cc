#include "worker/agent/job.h"

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/temporary_folder.h"
#include "tests/unit/worker/agent/test_study.h"
#include "worker/agent/study_cache.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;

const WorkerOffer kAnyPath{.any_path = true};

std::shared_ptr<const StudySpec> Study() {
  StudyCache cache([](const std::string&) { return std::string(kTestStudy); });
  const auto study = cache.Get("test-1");
  EXPECT_TRUE(study.ok() && study->ok()) << study->status();
  return **study;
}

TEST(JobTest, TellsTheEvaluatorEverything) {
  const auto job =
      MakeJob(*Study(), MakeAssignment(3, "flood"), {.folder = "/tmp/x", .offer = kAnyPath});
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

TEST(JobTest, TellsWhatPartOfTheWorkItIs) {
  StudySpec study = *Study();
  study.test = true;
  study.latency = LatencySpec{.target = "pi4"};
  v1::Assignment assignment = MakeAssignment(3, "flood");
  const JobSettings settings{.folder = "/tmp/x",
                             .offer = kAnyPath,
                             .checkpoint_interval = absl::Seconds(60),
                             .checkpoint = "/tmp/x/resume"};
  auto job = MakeJob(study, assignment, settings);
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_TRUE(job->start.train);
  EXPECT_TRUE(job->start.test);
  EXPECT_TRUE(job->start.latency);
  EXPECT_EQ(job->start.checkpoint_seconds, 60);
  EXPECT_EQ(job->start.checkpoint, "/tmp/x/resume");
  assignment.set_work(v1::WORK_TRAIN);
  job = MakeJob(study, assignment, settings);
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_TRUE(job->start.train);
  EXPECT_FALSE(job->start.latency);
  EXPECT_EQ(job->device, "");
  // Measuring needs no data.
  assignment.set_work(v1::WORK_MEASURE);
  job = MakeJob(study, assignment, {.folder = "/tmp/x"});
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_FALSE(job->start.train);
  EXPECT_FALSE(job->start.test);
  EXPECT_TRUE(job->start.latency);
}

TEST(JobTest, ALookupNeedsTheStudyAndNoNetwork) {
  StudySpec study = *Study();
  study.estimator.table.emplace();
  study.estimator.evaluator = "table";
  study.data.format = DataSpec::Format::kTable;
  // An architecture that lets nothing through has its row like any other.
  const auto job = MakeJob(study, MakeAssignment(3, "flood", "yes"), {.offer = kAnyPath});
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->evaluator, "table");
  EXPECT_TRUE(job->start.network.is_null());
  EXPECT_EQ(job->start.data["study"], study.text);
  EXPECT_EQ(job->start.data["table"]["file"], "/nowhere/data.csv");
}

TEST(JobTest, TheDataAreFoundBelowTheirRoot) {
  const testing::TemporaryFolder folder;
  std::filesystem::create_directory(folder / "root");
  std::ofstream(folder / "root/digits.csv") << "a,label\n";
  StudySpec study = *Study();
  study.data.root = "tables";
  study.data.path = "digits.csv";
  const v1::Assignment assignment = MakeAssignment(3, "flood");
  const WorkerOffer offer{.data_roots = {{"tables", folder / "root"}}};
  const auto job = MakeJob(study, assignment, {.folder = "/tmp/x", .offer = offer});
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->start.data["csv"]["file"],
            std::filesystem::canonical(folder / "root/digits.csv").string());
  EXPECT_FALSE(job->start.data.contains("root"));
  EXPECT_TRUE(absl::IsNotFound(MakeJob(study, assignment, {.folder = "/tmp/x"}).status()));
}

TEST(OfferTest, NothingLeadsOutOfARoot) {
  namespace fs = std::filesystem;
  const testing::TemporaryFolder folder;
  fs::create_directories(folder / "root/inner");
  fs::create_directories(folder / "root-two");
  fs::create_directory_symlink(folder / "root-two", folder / "root/link");
  fs::create_directory_symlink(folder / "root/inner", folder / "root/alias");
  fs::create_directory_symlink("/", folder / "root/slash");
  const WorkerOffer offer{.data_roots = {{"r", folder / "root"}, {"gone", folder / "gone"}}};
  const auto find = [&](const std::string& root, const std::string& path) {
    DataSpec data;
    data.root = root;
    data.path = path;
    return FindData(data, offer);
  };
  const std::string inner = fs::canonical(folder / "root/inner");
  EXPECT_EQ(find("r", "inner").value(), inner);
  EXPECT_EQ(find("r", "./inner").value(), inner);
  EXPECT_EQ(find("r", "alias").value(), inner);
  for (const std::string path :
       {"..", "../root-two", "inner/../..", "inner/../inner", "link", "slash/etc", "/etc", "/"}) {
    const auto found = find("r", path);
    EXPECT_TRUE(absl::IsPermissionDenied(found.status())) << path << " " << found.status();
  }
  EXPECT_EQ(find("r", folder / "root/inner").status().code(),
            absl::StatusCode::kPermissionDenied);  // absolute, even if it is inside
  EXPECT_TRUE(absl::IsNotFound(find("r", "missing").status()));
  EXPECT_TRUE(absl::IsNotFound(find("gone", "inner").status()));
  EXPECT_TRUE(absl::IsNotFound(find("other", "inner").status()));
  // Without a root the path is the study's, where the worker allows that.
  EXPECT_TRUE(absl::IsPermissionDenied(find("", "/data").status()));
}

TEST(JobTest, ANetworkThatLetsNothingThroughIsInfeasible) {
  const auto job =
      MakeJob(*Study(), MakeAssignment(3, "flood", "yes"), {.folder = "/tmp/x", .offer = kAnyPath});
  EXPECT_EQ(job.status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(JobTest, AnArchitectureOfAnotherStudyIsRefused) {
  v1::Assignment assignment = MakeAssignment(3, "dance");
  EXPECT_EQ(MakeJob(*Study(), assignment, {.folder = "/", .offer = kAnyPath}).status().code(),
            absl::StatusCode::kInvalidArgument);
  assignment.set_architecture("{");
  EXPECT_THAT(MakeJob(*Study(), assignment, {.folder = "/", .offer = kAnyPath}).status().message(),
              HasSubstr("no JSON"));
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
