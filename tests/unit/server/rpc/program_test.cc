// The program itself: how it begins, whom it refuses, what ends it, what a kill -9 leaves.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/strip.h"
#include "cambrian/v1/study_service.grpc.pb.h"
#include "cambrian/v1/worker_service.grpc.pb.h"
#include "common/base/random.h"
#include "common/base/version.h"
#include "common/wire/convert.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "tests/testing/server_study.h"
#include "tests/testing/temporary_folder.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// cambrian-server as a child, with its output in a pipe and a parent pipe of its own.
class Program {
 public:
  explicit Program(const std::vector<std::string>& arguments, bool parent_pipe = true) {
    int output[2];
    int parent[2];
    EXPECT_EQ(pipe2(output, O_CLOEXEC), 0);
    EXPECT_EQ(pipe2(parent, O_CLOEXEC), 0);
    const std::string path = std::string(getenv("CAMBRIAN_BIN")) + "/cambrian-server";
    std::vector<std::string> words = {path};
    if (parent_pipe) words.insert(words.end(), {"--parent-pipe", "9", "--log-level", "error"});
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, output[1], 1);
    posix_spawn_file_actions_adddup2(&actions, output[1], 2);
    posix_spawn_file_actions_adddup2(&actions, parent[0], 9);
    EXPECT_EQ(posix_spawn(&pid_, path.c_str(), &actions, nullptr, argv.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(output[1]);
    close(parent[0]);
    output_ = output[0];
    parent_ = parent[1];
  }
  ~Program() {
    if (pid_ > 0) Kill(SIGKILL);
    close(output_);
    CloseParentPipe();
  }

  // The next line that it prints; empty at its end.
  std::string Line() {
    std::string line;
    char byte;
    while (read(output_, &byte, 1) == 1 && byte != '\n') line += byte;
    return line;
  }
  void CloseParentPipe() {
    if (parent_ >= 0) close(parent_);
    parent_ = -1;
  }
  // Its exit code, or minus the signal that ended it.
  int Wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  int Kill(int signal) {
    kill(pid_, signal);
    return Wait();
  }

 private:
  pid_t pid_ = 0;
  int output_ = -1;
  int parent_ = -1;
};

class MainTest : public ::testing::Test {
 protected:
  std::vector<std::string> Arguments(const std::string& listen) const {
    return {"--listen",    listen,
            "--database",  "sqlite:" + (folder_ / "cambrian.db"),
            "--artifacts", folder_ / "artifacts"};
  }
  std::string Socket() const { return "unix:" + (folder_ / "socket"); }

  testing::TemporaryFolder folder_;
};

TEST_F(MainTest, SaysWhereItListensAndEndsOnSigterm) {
  Program program(Arguments("127.0.0.1:0"));
  const std::string line = program.Line();
  EXPECT_THAT(line, StartsWith("listening on 127.0.0.1:"));
  EXPECT_NE(line, "listening on 127.0.0.1:0");
  EXPECT_EQ(program.Kill(SIGTERM), 0);
}

TEST_F(MainTest, EndsWithItsParent) {
  Program program(Arguments(Socket()));
  EXPECT_EQ(program.Line(), "listening on " + Socket());
  program.CloseParentPipe();
  EXPECT_EQ(program.Wait(), 0);
}

TEST_F(MainTest, ASecondServerOnTheSameDatabaseIsRefused) {
  Program first(Arguments(Socket()));
  first.Line();
  Program second(Arguments("127.0.0.1:0"));
  EXPECT_THAT(second.Line(), HasSubstr("another cambrian-server uses"));
  EXPECT_EQ(second.Wait(), 1);
}

TEST_F(MainTest, AnAddressThatOthersReachIsRefused) {
  Program program(Arguments("0.0.0.0:0"));
  EXPECT_THAT(program.Line(), HasSubstr("--insecure"));
  EXPECT_EQ(program.Wait(), 2);
}

TEST_F(MainTest, AnUnknownDatabaseIsRefused) {
  Program program({"--listen", Socket(), "--database", "oracle:x", "--artifacts", folder_ / "a"});
  EXPECT_THAT(program.Line(), HasSubstr("sqlite:PATH"));
  EXPECT_EQ(program.Wait(), 2);
}

TEST_F(MainTest, APasswordOnTheCommandLineIsRefusedAndNotShown) {
  for (const std::string url :
       {"postgresql://u:hunter2@localhost/x", "postgresql://localhost/x?password=hunter2"}) {
    Program program({"--listen", Socket(), "--database", url, "--artifacts", folder_ / "a"});
    const std::string line = program.Line();
    EXPECT_THAT(line, HasSubstr("--database-file"));
    EXPECT_THAT(line, Not(HasSubstr("hunter2")));
    EXPECT_EQ(program.Wait(), 2);
  }
}

TEST_F(MainTest, TheDatabaseMayStandInAFile) {
  std::ofstream(folder_ / "database") << "sqlite:" << folder_ / "cambrian.db"
                                      << "\n";
  Program program({"--listen", Socket(), "--database-file", folder_ / "database", "--artifacts",
                   folder_ / "artifacts"});
  EXPECT_EQ(program.Line(), "listening on " + Socket());
  EXPECT_EQ(program.Kill(SIGTERM), 0);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "cambrian.db"));
}

TEST_F(MainTest, AWebAddressThatOthersReachIsRefused) {
  std::vector<std::string> arguments = Arguments(Socket());
  arguments.insert(arguments.end(), {"--http", "0.0.0.0:0"});
  Program program(arguments);
  EXPECT_THAT(program.Line(), HasSubstr("/metrics asks for no token"));
  EXPECT_EQ(program.Wait(), 2);
}

TEST_F(MainTest, SaysWhyTlsAndTokensCannotBe) {
  const auto refused = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = Arguments(Socket());
    arguments.insert(arguments.end(), more.begin(), more.end());
    Program program(arguments);
    const std::string line = program.Line();
    EXPECT_NE(program.Wait(), 0) << line;
    return line;
  };
  EXPECT_THAT(refused({"--tls-cert", "x.pem"}), HasSubstr("--tls-cert and --tls-key"));
  EXPECT_THAT(refused({"--tls-cert", "x.pem", "--tls-key", "x.key"}),
              HasSubstr("x.pem cannot be read as a certificate"));
  EXPECT_THAT(refused({"--tokens", folder_ / "nothing"}), HasSubstr("nothing"));
  EXPECT_THAT(refused({"--log-format", "xml"}), HasSubstr("text or json"));
}

TEST_F(MainTest, AMadeTokenOpensTheDoorAndATakenOneCloses) {
  Program maker({"token", "--role", "submit", "--tenant", "vision", "--name", "ada"},
                /*parent_pipe=*/false);
  std::string token;
  std::string entry;
  for (std::string line = maker.Line(); !line.empty(); line = maker.Line()) {
    const size_t found = line.find("cambrian_");
    (found == std::string::npos ? entry : token) =
        found == std::string::npos ? line : line.substr(found);
  }
  EXPECT_EQ(maker.Wait(), 0);
  std::ofstream(folder_ / "tokens") << entry << "\n";
  std::vector<std::string> arguments = Arguments(Socket());
  arguments.insert(arguments.end(), {"--tokens", folder_ / "tokens"});
  Program program(arguments);
  ASSERT_EQ(program.Line(), "listening on " + Socket());
  const auto channel = grpc::CreateChannel(Socket(), grpc::InsecureChannelCredentials());
  const auto studies = v1::StudyService::NewStub(channel);
  const auto list = [&](const std::string& with) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    context.AddMetadata("authorization", "Bearer " + with);
    v1::ListStudiesResponse response;
    return studies->ListStudies(&context, {}, &response).error_code();
  };
  EXPECT_EQ(list(token), grpc::StatusCode::OK);
  EXPECT_EQ(list(token + "x"), grpc::StatusCode::UNAUTHENTICATED);
  std::ofstream(folder_ / "tokens") << "# nobody\n";
  while (list(token) == grpc::StatusCode::OK) {
  }
  EXPECT_EQ(list(token), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(program.Kill(SIGTERM), 0);
}

// What the server has acknowledged is there, whenever it is killed.
TEST_F(MainTest, AKillLosesNothingThatWasAcknowledged) {
  Random random(11);
  int acknowledged = 0;
  v1::Assignments set;
  for (int life = 0; life < 6; ++life) {
    Program program(Arguments(Socket()));
    ASSERT_EQ(program.Line(), "listening on " + Socket());
    const auto channel = grpc::CreateChannel(Socket(), grpc::InsecureChannelCredentials());
    const auto studies = v1::StudyService::NewStub(channel);
    const auto workers = v1::WorkerService::NewStub(channel);
    const auto deadline = std::chrono::system_clock::now() + std::chrono::seconds(30);
    grpc::ClientContext create;
    create.set_deadline(deadline);
    v1::CreateStudyRequest request;
    request.set_text(testing::StudyText(
        "strategy: random\nobjectives: [{maximize: accuracy}]\nbudget: {trials: 27}\n"));
    request.set_request_id("once");
    v1::Study study;
    ASSERT_TRUE(studies->CreateStudy(&create, request, &study).ok());
    EXPECT_EQ(study.name(), "toy-1");
    EXPECT_GE(study.succeeded(), acknowledged);
    EXPECT_LE(study.succeeded(), acknowledged + 1);  // one whose answer the kill has swallowed
    acknowledged = static_cast<int>(study.succeeded());
    v1::WorkerIdentity identity;
    identity.set_name("w");
    identity.set_protocol(kWireProtocol);
    identity.set_slots(1);
    identity.add_evaluators("torch");
    identity.set_any_path(true);
    grpc::ClientContext poll;
    poll.set_deadline(deadline);
    v1::PollRequest poll_request;
    *poll_request.mutable_worker() = identity;
    poll_request.set_free_slots(1);
    ASSERT_TRUE(workers->Poll(&poll, poll_request, &set).ok());
    for (uint64_t reports = 1 + random.Below(4); reports > 0 && set.assignments_size() > 0;
         --reports) {
      v1::ReportRequest report;
      *report.mutable_worker() = identity;
      report.set_free_slots(1);
      v1::Completion& completion = *report.add_completions();
      completion.set_assignment(set.assignments(0).assignment());
      completion.set_token(set.assignments(0).token());
      completion.set_outcome(v1::OUTCOME_SUCCEEDED);
      ToProto(Metrics{{"accuracy", {0.5, {}, {}}}}, completion.mutable_metrics());
      grpc::ClientContext context;
      context.set_deadline(deadline);
      ASSERT_TRUE(workers->Report(&context, report, &set).ok());
      ++acknowledged;
    }
    EXPECT_EQ(program.Kill(SIGKILL), -SIGKILL);
  }
  EXPECT_GT(acknowledged, 6);
}

}  // namespace
}  // namespace cambrian
