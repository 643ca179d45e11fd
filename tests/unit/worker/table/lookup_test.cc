#include "worker/table/lookup.h"

#include <fstream>
#include <variant>

#include "absl/strings/str_cat.h"
#include "common/base/version.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/temporary_folder.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class LookupTest : public ::testing::Test {
 protected:
  LookupTest() { Write("out,valid,test,time\n8,50,61,100\n16,60,62,200\n"); }

  void Write(const std::string& rows) { std::ofstream(folder_ / "t.csv") << rows; }

  evaluator::Start Start(int channels, const std::string& sha256 = "") {
    evaluator::Start start;
    start.assignment = "t-1/1#1";
    start.architecture = {{"conv.out", channels}};
    start.data = {{"table", {{"file", folder_ / "t.csv"}}}, {"study", Study(sha256)}};
    return start;
  }

  std::string Study(const std::string& sha256) {
    const std::string hash = sha256.empty() ? "" : absl::StrCat(", sha256: ", sha256);
    return absl::StrCat(
        "study: t\ndata: {task: {input: [3, 8, 8], classes: 10}, table: {file: /t.csv}", hash,
        "}\nspace: {network: [{conv: {out: {choose: [8, 16, 32]}}}, head]}\n"
        "estimator: {table: {metrics: {accuracy: {column: valid, times: 1 %}}, judge: test, "
        "seconds: time}}\n");
  }

  evaluator::Result ResultOf(const evaluator::Start& start) {
    const evaluator::Message answer = lookup_.Answer(start);
    if (const auto* result = std::get_if<evaluator::Result>(&answer)) return *result;
    ADD_FAILURE() << std::get<evaluator::Error>(answer).message;
    return {};
  }
  evaluator::Error ErrorOf(const evaluator::Start& start) {
    const evaluator::Message answer = lookup_.Answer(start);
    if (const auto* error = std::get_if<evaluator::Error>(&answer)) return *error;
    ADD_FAILURE() << "a result";
    return {};
  }

  testing::TemporaryFolder folder_;
  Lookup lookup_;
};

TEST_F(LookupTest, AnswersFromTheTable) {
  const evaluator::Result result = ResultOf(Start(16));
  EXPECT_EQ(result.assignment, "t-1/1#1");
  EXPECT_DOUBLE_EQ(result.metrics.at("accuracy").value, 0.6);
  EXPECT_EQ(result.metrics.at("train_seconds").value, 200);
  EXPECT_EQ(result.metrics.count("test_accuracy"), 0u) << "no search sees the judge";
}

TEST_F(LookupTest, TheFinalStudyIsToldTheJudgesWord) {
  evaluator::Start start = Start(16);
  start.test = true;
  EXPECT_EQ(ResultOf(start).metrics.at("test_accuracy").value, 62);
}

TEST_F(LookupTest, AnArchitectureWithoutARowIsInfeasible) {
  const evaluator::Error error = ErrorOf(Start(32));
  EXPECT_EQ(error.kind, evaluator::Error::Kind::kInfeasible);
  EXPECT_THAT(error.message, HasSubstr("no row"));
}

TEST_F(LookupTest, ATableThatCannotBeUsedIsBadData) {
  EXPECT_EQ(ErrorOf(Start(8, std::string(64, 'a'))).kind, evaluator::Error::Kind::kData);
  Write("out,valid\n8,50\n");
  EXPECT_THAT(ErrorOf(Start(8)).message, HasSubstr("no column \"test\""));
  evaluator::Start nothing = Start(8);
  nothing.data = nullptr;
  EXPECT_EQ(ErrorOf(nothing).kind, evaluator::Error::Kind::kData);
}

TEST_F(LookupTest, TheTableIsReadOnce) {
  ResultOf(Start(8));
  Write("");
  EXPECT_DOUBLE_EQ(ResultOf(Start(8)).metrics.at("accuracy").value, 0.5);
}

TEST_F(LookupTest, SpeaksTheProtocol) {
  const auto say = [&](const evaluator::Message& message) {
    const absl::StatusOr<std::string> answer = Converse(Encode(message), lookup_);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.value_or("");
  };
  EXPECT_THAT(say(evaluator::Welcome{kEvaluatorProtocol, kVersion}), IsEmpty());
  EXPECT_THAT(say(Start(8)), HasSubstr(R"("type":"result")"));
  EXPECT_THAT(say(evaluator::Pause{}), HasSubstr("paused"));
  EXPECT_THAT(say(evaluator::Resume{}), IsEmpty());
  EXPECT_THAT(say(evaluator::Stop{"t-1/1#1"}), IsEmpty());
}

TEST_F(LookupTest, LinesThatCannotBeUnderstoodAreRefused) {
  EXPECT_FALSE(Converse("{", lookup_).ok());
  EXPECT_FALSE(Converse(Encode(evaluator::Paused{}), lookup_).ok());
  EXPECT_FALSE(Converse(Encode(evaluator::Welcome{kEvaluatorProtocol + 1, "9"}), lookup_).ok());
}

}  // namespace
}  // namespace cambrian
