// Drives the program itself over its two pipes.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/version.h"
#include "common/evaluator/protocol.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/worker/torch/test_data.h"
#include "tests/unit/worker/torch/test_files.h"

namespace cambrian {
namespace {

using namespace evaluator;  // NOLINT(google-build-using-namespace): the messages

std::string Program() { return absl::StrCat(getenv("CAMBRIAN_BIN"), "/cambrian-evaluator"); }

// The program with the other ends of its pipes.
class Evaluator {
 public:
  Evaluator() {
    int in[2], out[2];
    EXPECT_EQ(pipe2(in, O_CLOEXEC), 0);
    EXPECT_EQ(pipe2(out, O_CLOEXEC), 0);
    // The child's ends live on in it.
    fcntl(in[0], F_SETFD, 0);
    fcntl(out[1], F_SETFD, 0);
    setenv("CAMBRIAN_EVALUATOR_IN", absl::StrCat(in[0]).c_str(), 1);
    setenv("CAMBRIAN_EVALUATOR_OUT", absl::StrCat(out[1]).c_str(), 1);
    std::string program = Program();
    char* arguments[] = {program.data(), nullptr};
    EXPECT_EQ(posix_spawn(&pid_, program.c_str(), nullptr, nullptr, arguments, environ), 0);
    close(in[0]);
    close(out[1]);
    to_ = in[1];
    from_ = fdopen(out[0], "r");
  }
  ~Evaluator() {
    if (pid_ != 0) End();
    fclose(from_);
  }

  void SendLine(const std::string& line) {
    const std::string bytes = line + "\n";
    EXPECT_EQ(write(to_, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  void Send(const Message& message) { SendLine(Encode(message)); }

  Message Receive() {
    char* line = nullptr;
    size_t size = 0;
    const ssize_t count = getline(&line, &size, from_);
    absl::StatusOr<Message> message = Decode(count > 0 ? std::string(line, count - 1) : "closed");
    free(line);
    EXPECT_TRUE(message.ok()) << message.status();
    return message.ok() ? *message : Message();
  }
  template <typename M>
  M Expect() {
    const Message message = Receive();
    EXPECT_TRUE(std::holds_alternative<M>(message)) << Encode(message);
    return std::holds_alternative<M>(message) ? std::get<M>(message) : M{};
  }
  void ShakeHands() {
    EXPECT_EQ(Expect<Hello>().protocol, kEvaluatorProtocol);
    Send(Welcome{kEvaluatorProtocol, kVersion});
  }
  // Closes the pipe and waits: the exit status.
  int End() {
    close(to_);
    return Wait();
  }
  int Wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = 0;
  int to_ = -1;
  FILE* from_ = nullptr;
};

class EvaluatorProgramTest : public ::testing::Test {
 protected:
  EvaluatorProgramTest() {
    std::string text = "a,b,label\n";
    for (int i = 0; i < 200; ++i) absl::StrAppend(&text, i % 2, ",", i % 7, ",", i % 2, "\n");
    start_.assignment = "1";
    start_.network = ToJson(testing::HandBuilt({2, {}}).Classifier(2));
    start_.recipe = {{"epochs", 3}, {"batch", 16}};
    start_.data = {{"csv", {{"file", folder_.Write("t.csv", text)}, {"label", "label"}}},
                   {"validation", 0.2}};
    start_.folder = folder_.path();
  }
  // An assignment that does not end by itself.
  Start Endless() const {
    Start start = start_;
    start.recipe["epochs"] = 1e6;
    return start;
  }

  const TestFolder folder_;
  Start start_;
};

TEST_F(EvaluatorProgramTest, RunsOneAssignmentAfterTheOther) {
  Evaluator evaluator;
  const Hello hello = evaluator.Expect<Hello>();
  EXPECT_EQ(hello.name, "torch");
  EXPECT_EQ(hello.version, kVersion);
  EXPECT_THAT(hello.devices, ::testing::Contains("cpu"));
  evaluator.Send(Welcome{kEvaluatorProtocol, kVersion});
  for (const char* assignment : {"1", "2"}) {
    start_.assignment = assignment;
    evaluator.Send(start_);
    for (int64_t step = 1; step <= 3; ++step) {
      const Progress progress = evaluator.Expect<Progress>();
      EXPECT_EQ(progress.assignment, assignment);
      EXPECT_EQ(progress.step, step);
      EXPECT_EQ(progress.steps, 3);
    }
    const Result result = evaluator.Expect<Result>();
    EXPECT_EQ(result.assignment, assignment);
    EXPECT_GT(result.metrics.at("accuracy").value, 0.9);
    EXPECT_TRUE(std::filesystem::exists(folder_.At(result.checkpoint)));
  }
  EXPECT_EQ(evaluator.End(), 0);
}

TEST_F(EvaluatorProgramTest, AsksForTheDeviceBeforeItMeasures) {
  Evaluator evaluator;
  evaluator.ShakeHands();
  start_.recipe["epochs"] = 1;
  start_.latency = MeasureLatency{};
  evaluator.Send(start_);
  evaluator.Expect<Progress>();
  EXPECT_EQ(evaluator.Expect<Acquire>().assignment, "1");
  // While it waits it is idle: it answers at once.
  evaluator.Send(Pause{});
  evaluator.Expect<Paused>();
  evaluator.Send(Resume{});
  evaluator.Send(Acquired{});
  EXPECT_EQ(evaluator.Expect<Release>().assignment, "1");
  EXPECT_GT(evaluator.Expect<Result>().metrics.at("latency_ms").value, 0);
}

TEST_F(EvaluatorProgramTest, StopsAndTakesTheNextAssignment) {
  Evaluator evaluator;
  evaluator.ShakeHands();
  evaluator.Send(Endless());
  evaluator.Expect<Progress>();
  evaluator.Send(Stop{"another"});
  evaluator.Expect<Progress>();
  evaluator.Send(Stop{"1"});
  Message message = evaluator.Receive();
  while (std::holds_alternative<Progress>(message)) message = evaluator.Receive();
  ASSERT_TRUE(std::holds_alternative<Error>(message)) << Encode(message);
  EXPECT_EQ(std::get<Error>(message).kind, Error::Kind::kStopped);
  evaluator.Send(start_);
  for (int i = 0; i < 3; ++i) evaluator.Expect<Progress>();
  evaluator.Expect<Result>();
}

TEST_F(EvaluatorProgramTest, PausesBetweenStepsAndGoesOn) {
  Evaluator evaluator;
  evaluator.ShakeHands();
  evaluator.Send(Pause{});
  evaluator.Expect<Paused>();  // idle
  evaluator.Send(Resume{});
  evaluator.Send(Endless());
  evaluator.Expect<Progress>();
  evaluator.Send(Pause{});
  Message message = evaluator.Receive();
  while (std::holds_alternative<Progress>(message)) message = evaluator.Receive();
  EXPECT_TRUE(std::holds_alternative<Paused>(message)) << Encode(message);
  evaluator.Send(Resume{});
  evaluator.Expect<Progress>();
  evaluator.Send(Pause{});
  message = evaluator.Receive();
  while (std::holds_alternative<Progress>(message)) message = evaluator.Receive();
  evaluator.Send(Stop{"1"});  // also while it is paused
  EXPECT_EQ(evaluator.Expect<Error>().kind, Error::Kind::kStopped);
}

TEST_F(EvaluatorProgramTest, EndsAtOnceWhenThePipeCloses) {
  Evaluator evaluator;
  evaluator.ShakeHands();
  evaluator.Send(Endless());
  evaluator.Expect<Progress>();
  EXPECT_EQ(evaluator.End(), 0);
}

TEST_F(EvaluatorProgramTest, LeavesAnAgentOfAnotherProtocol) {
  Evaluator evaluator;
  evaluator.Expect<Hello>();
  evaluator.Send(Welcome{kEvaluatorProtocol + 1, "9.9"});
  EXPECT_EQ(evaluator.Wait(), 1);
}

TEST_F(EvaluatorProgramTest, LeavesAnAgentThatTalksNonsense) {
  Evaluator evaluator;
  evaluator.Expect<Hello>();
  evaluator.SendLine("nonsense");
  EXPECT_EQ(evaluator.Wait(), 1);
}

// What `command` prints on stdout and stderr, and its exit status.
std::pair<std::string, int> Shell(const std::string& command) {
  FILE* const pipe = popen((command + " 2>&1").c_str(), "r");
  std::string output;
  for (int c = fgetc(pipe); c != EOF; c = fgetc(pipe)) output += static_cast<char>(c);
  return {output, WEXITSTATUS(pclose(pipe))};
}

TEST_F(EvaluatorProgramTest, DescribesData) {
  const auto [output, status] =
      Shell(absl::StrCat(Program(), " --describe-data '", start_.data.dump(), "'"));
  EXPECT_EQ(status, 0);
  const auto json = nlohmann::json::parse(output);
  EXPECT_EQ(json["input"], nlohmann::json({2}));
  EXPECT_EQ(json["classes"], 2);
  EXPECT_EQ(json["train"], 200);
  EXPECT_EQ(json["test"], 0);
  EXPECT_EQ(json["sha256"].get<std::string>().size(), 64u);
}

TEST_F(EvaluatorProgramTest, SaysWhatIsWrongWithData) {
  folder_.Write("t.csv", "a,label\n1,0\nnan,1\n");
  const auto [output, status] =
      Shell(absl::StrCat(Program(), " --describe-data '", start_.data.dump(), "'"));
  EXPECT_EQ(status, 1);
  EXPECT_EQ(output, "error: data: t.csv: line 3: column \"a\": \"nan\" is not a finite number\n");
}

TEST_F(EvaluatorProgramTest, SaysItsVersionAndWhoStartsIt) {
  EXPECT_THAT(Shell(Program() + " --version").first,
              ::testing::StartsWith(absl::StrCat("cambrian-evaluator ", kVersion)));
  EXPECT_EQ(Shell("env -u CAMBRIAN_EVALUATOR_IN " + Program()).second, 2);
}

TEST_F(EvaluatorProgramTest, AnotherProcessGoesOnToTheSameResult) {
  // Its progress fills the pipe long before it is done: it cannot be too late to stop it.
  start_.assignment = std::string(4000, 'a');
  start_.recipe = {{"epochs", 60}, {"batch", 16}};
  start_.checkpoint_seconds = 3600;
  const auto bytes = [this](const std::string& name) {
    std::ifstream file(folder_.At(name), std::ios::binary);
    return std::string{std::istreambuf_iterator<char>(file), {}};
  };
  const auto finish = [](Evaluator& evaluator) {
    while (true) {
      const Message message = evaluator.Receive();
      if (const auto* result = std::get_if<Result>(&message)) return *result;
      if (!std::holds_alternative<Progress>(message)) {
        ADD_FAILURE() << Encode(message);
        return Result{};
      }
    }
  };
  Result whole;
  {
    Evaluator evaluator;
    evaluator.ShakeHands();
    evaluator.Send(start_);
    whole = finish(evaluator);
  }
  const std::string weights = bytes(whole.checkpoint);
  {
    Evaluator evaluator;
    evaluator.ShakeHands();
    evaluator.Send(start_);
    evaluator.Expect<Progress>();
    evaluator.Send(Stop{start_.assignment});
    Message message = evaluator.Receive();
    while (std::holds_alternative<Progress>(message)) message = evaluator.Receive();
    ASSERT_TRUE(std::holds_alternative<Error>(message)) << Encode(message);
    ASSERT_EQ(std::get<Error>(message).kind, Error::Kind::kStopped);
    start_.checkpoint = folder_.At(std::get<Error>(message).checkpoint);
    ASSERT_TRUE(std::filesystem::is_regular_file(start_.checkpoint));
  }
  Evaluator evaluator;
  evaluator.ShakeHands();
  evaluator.Send(start_);
  const Result result = finish(evaluator);
  EXPECT_EQ(result.metrics.at("accuracy"), whole.metrics.at("accuracy"));
  EXPECT_EQ(result.metrics.at("loss"), whole.metrics.at("loss"));
  EXPECT_FALSE(weights.empty());
  EXPECT_EQ(bytes(result.checkpoint), weights);
}

}  // namespace
}  // namespace cambrian
