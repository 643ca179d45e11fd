#include "worker/agent/agent.h"

#include <signal.h>

#include <filesystem>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/worker/agent/fake_server.h"
#include "tests/unit/worker/agent/test_study.h"
#include "tests/unit/worker/evaluator/test_evaluators.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;
using Manner = Agent::Manner;

std::vector<int64_t> HeldIn(const v1::PollRequest& request) {
  std::vector<int64_t> tokens;
  for (const v1::Held& held : request.held()) tokens.push_back(held.token());
  return tokens;
}

class AgentTest : public ::testing::Test {
 protected:
  AgentTest() {
    signal(SIGPIPE, SIG_IGN);
    server_.AddStudy("test-1", kTestStudy);
  }
  ~AgentTest() override {
    if (thread_.joinable()) End(Manner::kAtOnce).IgnoreError();
  }

  void Start(int slots = 2) {
    Agent::Options options;
    options.name = "bert";
    options.folder = folder_ / "worker";
    options.pool.evaluators["scripted"] = ScriptedEvaluator();
    options.pool.devices.assign(slots, "cpu");
    options.offer = offer_;
    options.watch = watch_;
    if (!device_.empty()) options.pool.devices.assign(slots, device_);
    options.checkpoint_interval = absl::Seconds(60);
    options.report_interval = absl::Milliseconds(1);
    options.first_retry = absl::Milliseconds(1);
    options.last_retry = absl::Milliseconds(20);
    client_ = std::make_unique<ServerClient>(ServerClient::Connect("unix:" + socket_).value());
    agent_ = std::make_unique<Agent>(options, *client_, Clock::System());
    thread_ = std::thread([this] { result_ = agent_->Run(); });
  }
  absl::Status End(Manner manner) {
    agent_->Shutdown(manner);
    return Join();
  }
  absl::Status Join() {
    thread_.join();
    agent_ = nullptr;
    return result_;
  }

  bool AwaitCompletions(size_t count) {
    return server_.Await([&](const Heard& heard) { return heard.completions.size() >= count; });
  }
  bool AwaitProgress(int64_t token) {
    return server_.Await([&](const Heard& heard) {
      return std::any_of(heard.progress.begin(), heard.progress.end(),
                         [&](const auto& report) { return report.token() == token; });
    });
  }
  // Waits for a Poll that knows the newest set and says just this.
  bool AwaitPoll(int free_slots, const std::vector<int64_t>& held) {
    const int64_t revision = server_.revision();
    return server_.Await([&](const Heard& heard) {
      return !heard.polls.empty() && heard.polls.back().revision() == revision &&
             heard.polls.back().free_slots() == free_slots && HeldIn(heard.polls.back()) == held;
    });
  }

  DeviceWatch::Options watch_;
  std::string device_;
  WorkerOffer offer_{.any_path = true};
  TemporaryFolder folder_;
  const std::string socket_ = folder_ / "socket";
  FakeServer server_{socket_};
  std::unique_ptr<ServerClient> client_;
  std::unique_ptr<Agent> agent_;
  std::thread thread_;
  absl::Status result_;
};

TEST_F(AgentTest, EvaluatesReportsAndForgets) {
  Start();
  ASSERT_TRUE(AwaitPoll(2, {}));
  EXPECT_EQ(server_.heard().polls[0].worker().name(), "bert");
  EXPECT_EQ(server_.heard().polls[0].worker().slots(), 2);
  EXPECT_EQ(server_.heard().polls[0].worker().evaluators(0), "scripted");
  server_.Set({MakeAssignment(1, "succeed")});
  ASSERT_TRUE(AwaitCompletions(1));
  const v1::Completion completion = server_.heard().completions[0];
  EXPECT_EQ(completion.assignment(), "test-1/1");
  EXPECT_EQ(completion.token(), 1);
  EXPECT_EQ(completion.outcome(), v1::OUTCOME_SUCCEEDED);
  EXPECT_EQ(completion.metrics_size(), 3);
  EXPECT_THAT(completion.log(), HasSubstr("with succeed"));
  EXPECT_GT(completion.seconds(), 0);
  EXPECT_TRUE(server_.Await([](const Heard& heard) { return heard.progress.size() == 2; }));

  // Settled: no longer held, and never started or reported again.
  server_.Set({});
  EXPECT_TRUE(AwaitPoll(2, {}));
  EXPECT_EQ(server_.heard().completions.size(), 1u);
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "worker/outbox"));
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "worker/trials"));
}

TEST_F(AgentTest, FetchesAStudyOnce) {
  Start();
  server_.Set({MakeAssignment(1, "succeed"), MakeAssignment(2, "succeed")});
  ASSERT_TRUE(AwaitCompletions(2));
  server_.Set({MakeAssignment(3, "succeed")});
  ASSERT_TRUE(AwaitCompletions(3));
  EXPECT_EQ(server_.heard().specs, 1);
}

TEST_F(AgentTest, RepeatsACompletionWhoseAnswerWasLost) {
  Start();
  server_.LoseAnswers(1000);
  server_.Set({MakeAssignment(1, "succeed")});
  ASSERT_TRUE(AwaitCompletions(3));
  server_.LoseAnswers(0);
  server_.Set({});
  ASSERT_TRUE(AwaitPoll(2, {}));
  const Heard heard = server_.heard();
  for (const v1::Completion& completion : heard.completions) {
    EXPECT_EQ(completion.SerializeAsString(), heard.completions[0].SerializeAsString());
  }
}

TEST_F(AgentTest, StopsWhatTheServerMarks) {
  Start();
  v1::Assignment assignment = MakeAssignment(1, "work");
  server_.Set({assignment});
  ASSERT_TRUE(AwaitProgress(1));
  assignment.set_stop(true);
  server_.Set({assignment});
  ASSERT_TRUE(AwaitCompletions(1));
  EXPECT_EQ(server_.heard().completions[0].outcome(), v1::OUTCOME_STOPPED);
}

TEST_F(AgentTest, DropsWhatTheServerListsNoLonger) {
  Start();
  server_.Set({MakeAssignment(1, "work")});
  ASSERT_TRUE(AwaitProgress(1));
  server_.Set({MakeAssignment(2, "succeed")});
  ASSERT_TRUE(AwaitCompletions(1));
  EXPECT_EQ(server_.heard().completions[0].token(), 2);
  server_.Set({});
  EXPECT_TRUE(AwaitPoll(2, {}));
  EXPECT_EQ(server_.heard().completions.size(), 1u);
}

TEST_F(AgentTest, IgnoresAnOlderRevision) {
  Start();
  server_.Set({MakeAssignment(1, "work")});
  ASSERT_TRUE(AwaitProgress(1));
  const size_t polls = server_.heard().polls.size();
  server_.SetOlder({MakeAssignment(2, "work")});
  ASSERT_TRUE(server_.Await([&](const Heard& heard) { return heard.polls.size() > polls; }));
  EXPECT_TRUE(AwaitPoll(1, {1}));
}

TEST_F(AgentTest, UploadsACheckpointBeforeTheCompletion) {
  Start();
  server_.Set({MakeAssignment(1, "checkpoint")});
  ASSERT_TRUE(AwaitCompletions(1));
  const Heard heard = server_.heard();
  ASSERT_EQ(heard.uploads.size(), 1u);
  EXPECT_EQ(heard.completions[0].checkpoint(), heard.uploads.begin()->first);
  EXPECT_EQ(heard.uploads.begin()->second.size(), 700'000u);

  v1::Assignment unwanted = MakeAssignment(2, "checkpoint");
  unwanted.set_keep_checkpoint(false);
  server_.Set({unwanted});
  ASSERT_TRUE(AwaitCompletions(2));
  EXPECT_EQ(server_.heard().completions[1].checkpoint(), "");
}

TEST_F(AgentTest, TriesAnUploadAgainButNotForEver) {
  server_.RefuseUploads({grpc::Status(grpc::StatusCode::UNAVAILABLE, "away"),
                         grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "disk full")});
  Start();
  server_.Set({MakeAssignment(1, "checkpoint")});
  ASSERT_TRUE(AwaitCompletions(1));
  EXPECT_EQ(server_.heard().uploads.count(server_.heard().completions[0].checkpoint()), 1u);

  server_.RefuseUploads({grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "not this one")});
  server_.Set({MakeAssignment(2, "checkpoint")});
  ASSERT_TRUE(AwaitCompletions(2));
  EXPECT_EQ(server_.heard().completions[1].checkpoint(), "");
}

// ---- States that a training can go on from.

constexpr char kFirst[] = "first state";
// Of "first state".
constexpr char kFirstHash[] = "c8fce04c35ed87c14a6fe6a6dc43d5ae55dbdede70eefde54b5349b289f1ca1a";

TEST_F(AgentTest, UploadsStatesThenReportsThem) {
  Start();
  server_.Set({MakeAssignment(1, "save")});
  const auto named = [](const v1::ProgressReport& report) { return !report.checkpoint().empty(); };
  ASSERT_TRUE(server_.Await([&](const Heard& heard) {
    return std::any_of(heard.progress.begin(), heard.progress.end(), named);
  }));
  const Heard heard = server_.heard();
  const auto report = std::find_if(heard.progress.begin(), heard.progress.end(), named);
  EXPECT_EQ(report->token(), 1);
  EXPECT_EQ(report->progress().step(), 1);  // the newest, again
  EXPECT_EQ(report->checkpoint(), kFirstHash);
  EXPECT_EQ(heard.uploads.at(kFirstHash), kFirst);
}

TEST_F(AgentTest, WhatIsStoppedLeavesItsState) {
  Start();
  v1::Assignment assignment = MakeAssignment(1, "save");
  assignment.set_keep_checkpoint(false);  // that is about the trained network
  server_.Set({assignment});
  ASSERT_TRUE(AwaitProgress(1));
  assignment.set_stop(true);
  server_.Set({assignment});
  ASSERT_TRUE(AwaitCompletions(1));
  const v1::Completion completion = server_.heard().completions[0];
  EXPECT_EQ(completion.outcome(), v1::OUTCOME_STOPPED);
  ASSERT_EQ(server_.heard().uploads.count(completion.checkpoint()), 1u);
  EXPECT_EQ(server_.heard().uploads.at(completion.checkpoint()), "last state");
}

TEST_F(AgentTest, AHandBackCarriesTheState) {
  Start();
  server_.Set({MakeAssignment(1, "save")});
  ASSERT_TRUE(AwaitProgress(1));
  EXPECT_TRUE(End(Manner::kOrderly).ok());
  const Heard heard = server_.heard();
  ASSERT_EQ(heard.hand_backs.size(), 1u);
  EXPECT_EQ(heard.hand_backs[0].reason(), "preempted");
  EXPECT_FALSE(heard.hand_backs[0].unable());
  ASSERT_EQ(heard.uploads.count(heard.hand_backs[0].checkpoint()), 1u);
  EXPECT_EQ(heard.uploads.at(heard.hand_backs[0].checkpoint()), "last state");
}

TEST_F(AgentTest, AStateThatCannotBeUploadedHoldsNoHandBackUp) {
  const grpc::Status refused(grpc::StatusCode::RESOURCE_EXHAUSTED, "disk full");
  server_.RefuseUploads({refused, refused, refused});
  Start();
  server_.Set({MakeAssignment(1, "save")});
  ASSERT_TRUE(AwaitProgress(1));
  EXPECT_TRUE(End(Manner::kOrderly).ok());
  ASSERT_EQ(server_.heard().hand_backs.size(), 1u);
  EXPECT_EQ(server_.heard().hand_backs[0].checkpoint(), "");
}

TEST_F(AgentTest, GoesOnFromACheckpointThatItFetchesOnce) {
  server_.AddArtifact(kFirstHash, kFirst);
  Start();
  for (int64_t token : {1, 2}) {
    v1::Assignment assignment = MakeAssignment(token, "save");
    assignment.set_checkpoint(kFirstHash);
    server_.Set({assignment});
    ASSERT_TRUE(AwaitCompletions(static_cast<size_t>(token)));
    EXPECT_THAT(server_.heard().completions.back().log(), HasSubstr("going on from first state"));
  }
  EXPECT_EQ(server_.heard().downloads, 1);
}

TEST_F(AgentTest, BeginsAnewWhereTheCheckpointIsGoneOrIsNotWhatItSays) {
  const std::string other(64, 'a');
  server_.AddArtifact(other, kFirst);
  Start(1);
  int64_t token = 0;
  for (const std::string& checkpoint :
       {std::string(kFirstHash), other, std::string("../../name"), std::string("x")}) {
    v1::Assignment assignment = MakeAssignment(++token, "save");
    assignment.set_checkpoint(checkpoint);
    server_.Set({assignment});
    ASSERT_TRUE(AwaitProgress(token)) << checkpoint;
  }
  EXPECT_EQ(server_.heard().downloads, 2);  // no hash, no question
}

// ---- What a worker can do.

TEST_F(AgentTest, SaysWhatItOffers) {
  offer_ = {.tags = {"gpu", "a100"}, .targets = {"pi4"}, .data_roots = {{"images", "/"}}};
  Start();
  ASSERT_TRUE(AwaitPoll(2, {}));
  const v1::WorkerIdentity worker = server_.heard().polls[0].worker();
  EXPECT_THAT(worker.tags(), ::testing::ElementsAre("gpu", "a100"));
  EXPECT_THAT(worker.targets(), ::testing::ElementsAre("pi4"));
  EXPECT_THAT(worker.data_roots(), ::testing::ElementsAre("images"));
  EXPECT_FALSE(worker.any_path());
}

TEST_F(AgentTest, TellsWhatItsDevicesSay) {
  device_ = "cuda:0";
  watch_.command = {"sh", "-c", "echo '0, 3, 4, 50'; echo '1, 1, 1, 1'"};
  Start();
  ASSERT_TRUE(server_.Await([](const Heard& heard) {
    return !heard.reports.empty() && heard.reports.back().devices_size() > 0;
  }));
  const v1::ReportRequest report = server_.heard().reports.back();
  ASSERT_EQ(report.devices_size(), 1);  // the other is not its own
  EXPECT_EQ(report.devices(0).device(), "cuda:0");
  EXPECT_EQ(report.devices(0).memory_used_bytes(), 3 << 20);
  EXPECT_EQ(report.devices(0).utilization(), 0.5);
}

TEST_F(AgentTest, HandsBackWhatItCannotDo) {
  offer_.any_path = false;
  Start();
  server_.Set({MakeAssignment(1, "succeed")});
  ASSERT_TRUE(server_.Await([](const Heard& heard) { return !heard.hand_backs.empty(); }));
  const v1::HandBack hand_back = server_.heard().hand_backs[0];
  EXPECT_EQ(hand_back.assignment(), "test-1/1");
  EXPECT_EQ(hand_back.token(), 1);
  EXPECT_TRUE(hand_back.unable());
  EXPECT_THAT(hand_back.reason(), HasSubstr("only below its data roots"));
  // Still in the set, it is not begun again; its slot is free.
  EXPECT_TRUE(AwaitPoll(2, {}));
  server_.Set({MakeAssignment(1, "succeed")});
  EXPECT_TRUE(AwaitPoll(2, {}));
  server_.Set({});
  EXPECT_TRUE(AwaitPoll(2, {}));
  EXPECT_TRUE(server_.heard().completions.empty());
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "worker/trials"));
}

TEST_F(AgentTest, ALateResultIsDroppedOnceItIsSettled) {
  Start();
  server_.LoseAnswers(1'000'000);  // cut off while it works
  server_.Set({MakeAssignment(1, "succeed")});
  ASSERT_TRUE(AwaitCompletions(1));
  server_.Set({});  // its lease ran out; another worker has the trial now
  server_.LoseAnswers(0);
  EXPECT_TRUE(AwaitPoll(2, {}));
  EXPECT_TRUE(server_.Await(
      [&](const Heard&) { return std::filesystem::is_empty(folder_ / "worker/outbox"); }));
}

TEST_F(AgentTest, TheSameTokenComingAgainRunsNothingTwice) {
  Start();
  server_.LoseAnswers(1'000'000);
  server_.Set({MakeAssignment(1, "succeed")});
  ASSERT_TRUE(AwaitCompletions(2));
  server_.Set({MakeAssignment(1, "succeed")});  // the server did not hear of the result, it thinks
  ASSERT_TRUE(AwaitPoll(2, {1}));
  server_.LoseAnswers(0);
  server_.Set({});
  ASSERT_TRUE(AwaitPoll(2, {}));
  const Heard heard = server_.heard();
  for (const v1::Completion& completion : heard.completions) {
    EXPECT_EQ(completion.SerializeAsString(), heard.completions[0].SerializeAsString());
  }
}

TEST_F(AgentTest, ACrashIsACompletionToo) {
  Start();
  server_.Set({MakeAssignment(1, "crash"), MakeAssignment(2, "flood", "yes")});
  ASSERT_TRUE(AwaitCompletions(2));
  for (const v1::Completion& completion : server_.heard().completions) {
    EXPECT_EQ(completion.outcome(),
              completion.token() == 1 ? v1::OUTCOME_CRASHED : v1::OUTCOME_INFEASIBLE);
    EXPECT_FALSE(completion.reason().empty());
  }
}

TEST_F(AgentTest, AStudyThatItCannotReadFailsItsTrials) {
  server_.AddStudy("test-1", "study: [");
  Start();
  server_.Set({MakeAssignment(1, "succeed")});
  ASSERT_TRUE(AwaitCompletions(1));
  EXPECT_EQ(server_.heard().completions[0].outcome(), v1::OUTCOME_FAILED);
  EXPECT_THAT(server_.heard().completions[0].reason(), HasSubstr("cannot read the study"));
}

TEST_F(AgentTest, AResultOutlivesItsWorker) {
  Start();
  server_.LoseAnswers(1'000'000);
  server_.Set({MakeAssignment(1, "checkpoint")});
  ASSERT_TRUE(AwaitCompletions(1));
  EXPECT_TRUE(End(Manner::kAtOnce).ok());

  const v1::Completion completion = server_.heard().completions[0];
  server_.LoseAnswers(0);
  const size_t reports = server_.heard().reports.size();
  Start();
  ASSERT_TRUE(server_.Await([&](const Heard& heard) { return heard.reports.size() > reports; }));
  EXPECT_EQ(server_.heard().completions.back().SerializeAsString(), completion.SerializeAsString());
  server_.Set({});
  EXPECT_TRUE(AwaitPoll(2, {}));
}

TEST_F(AgentTest, HandsBackWhatRunsWhenItLeaves) {
  Start();
  server_.Set({MakeAssignment(1, "work"), MakeAssignment(2, "succeed")});
  ASSERT_TRUE(AwaitProgress(1));
  ASSERT_TRUE(AwaitCompletions(1));
  EXPECT_TRUE(End(Manner::kOrderly).ok());
  const Heard heard = server_.heard();
  ASSERT_EQ(heard.hand_backs.size(), 1u);
  EXPECT_EQ(heard.hand_backs[0].assignment(), "test-1/1");
  EXPECT_EQ(heard.hand_backs[0].token(), 1);
  EXPECT_EQ(heard.reports.back().free_slots(), 0);
}

TEST_F(AgentTest, EndsAtOnceIfTold) {
  Start();
  server_.Set({MakeAssignment(1, "work")});
  ASSERT_TRUE(AwaitProgress(1));
  const auto pid = static_cast<pid_t>(server_.heard().progress[0].progress().metrics(0).value());
  EXPECT_TRUE(End(Manner::kAtOnce).ok());
  EXPECT_FALSE(Lives(pid));
  EXPECT_TRUE(server_.heard().hand_backs.empty());
}

TEST_F(AgentTest, SaysWhichSideIsTooOld) {
  server_.SetProtocol(kWireProtocol + 1);
  server_.Set({});
  Start();
  const absl::Status status = Join();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("the worker is too old"));
}

TEST_F(AgentTest, WaitsForAServerThatIsAway) {
  server_.Close();
  Start();
  FakeServer other(folder_ / "socket");
  other.AddStudy("test-1", kTestStudy);
  other.Set({MakeAssignment(1, "succeed")});
  EXPECT_TRUE(other.Await([](const Heard& heard) { return heard.completions.size() == 1; }));
  End(Manner::kAtOnce).IgnoreError();
}

}  // namespace
}  // namespace cambrian
