#include "server/rpc/rpc_server.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <thread>

#include "tests/unit/server/rpc/rpc_fixture.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using testing::StudyText;

grpc::ChannelArguments OwnConnection() {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return arguments;
}

TEST_F(RpcServerTest, AStudyRunsFromEndToEnd) {
  EXPECT_EQ(Create().name(), "toy-1");
  v1::Assignments set = Poll();
  while (set.assignments_size() > 0) {
    set = Complete(set.assignments(0), 0.1 * set.assignments(0).trial());
  }
  const v1::Study study = Get("toy");  // an unambiguous beginning
  EXPECT_EQ(study.state(), v1::COMPLETED);
  EXPECT_EQ(study.succeeded(), 8);
  Context context;
  v1::GetFrontRequest request;
  request.set_study("toy-1");
  v1::ListTrialsResponse front;
  ASSERT_TRUE(studies_->GetFront(&context, request, &front).ok());
  ASSERT_THAT(front.trials(), SizeIs(1));
  EXPECT_EQ(front.trials(0).number(), 8);
}

TEST_F(RpcServerTest, ATrialComesWithItsAttempts) {
  Create();
  Complete(Poll().assignments(0), 0.5);
  Context context;
  v1::GetTrialRequest request;
  request.set_study("toy-1");
  request.set_number(1);
  v1::Trial trial;
  ASSERT_TRUE(studies_->GetTrial(&context, request, &trial).ok());
  ASSERT_THAT(trial.history(), SizeIs(1));
  EXPECT_EQ(trial.history(0).end(), v1::ATTEMPT_SUCCEEDED);
  EXPECT_EQ(trial.history(0).worker(), "w");
  EXPECT_GE(FromProto(trial.history(0).ended()), FromProto(trial.history(0).started()));
}

TEST_F(RpcServerTest, ABrokenStudyIsRefusedWithItsPlace) {
  Context context;
  v1::CreateStudyRequest request;
  request.set_text(StudyText() + "objectivs: [accuracy]\n");
  v1::Study study;
  const grpc::Status status = studies_->CreateStudy(&context, request, &study);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("objectivs"));
  Context list_context;
  v1::ListStudiesResponse list;
  ASSERT_TRUE(studies_->ListStudies(&list_context, {}, &list).ok());
  EXPECT_THAT(list.studies(), SizeIs(0));
}

TEST_F(RpcServerTest, AWarmStartIsPartOfTheStudyFromItsSubmissionOn) {
  Create();
  Complete(Poll().assignments(0), 0.5);
  const auto create = [&](v1::Study& study) {
    Context context;
    v1::CreateStudyRequest request;
    request.set_text(
        StudyText("strategy: random\nobjectives: [{maximize: accuracy}]\n"
                  "budget: {trials: 4}\nwarm_start: {study: toy}\n"));
    request.set_request_id("once");
    return studies_->CreateStudy(&context, request, &study);
  };
  v1::Study study;
  ASSERT_TRUE(create(study).ok());
  EXPECT_EQ(study.name(), "toy-2");
  Context context;
  v1::GetStudyRequest request;
  request.set_study("toy-2");
  request.set_with_text(true);
  ASSERT_TRUE(studies_->GetStudy(&context, request, &study).ok());
  EXPECT_THAT(study.text(), HasSubstr("trial: toy-1/1"));
  // Said again, when "toy" may be either, it is the same study.
  const grpc::Status again = create(study);
  ASSERT_TRUE(again.ok()) << again.error_message();
  EXPECT_EQ(study.name(), "toy-2");
}

TEST_F(RpcServerTest, AWarmStartCountsInTheStudysLength) {
  Create();
  Complete(Poll().assignments(0), 0.5);
  const std::string text = StudyText(
      "strategy: random\nobjectives: [{maximize: accuracy}]\nbudget: {trials: 4}\n"
      "warm_start: {study: toy-1}\n");
  ServerSetup tight;
  tight.limits.study_bytes = static_cast<int64_t>(text.size());
  Restart("127.0.0.1:0", tight);
  Context context;
  v1::CreateStudyRequest request;
  request.set_text(text);
  v1::Study study;
  const grpc::Status status = studies_->CreateStudy(&context, request, &study);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("warm_start.best: with these trials"));
}

TEST_F(RpcServerTest, UnknownNamesGetASuggestion) {
  Create();
  Context context;
  v1::GetStudyRequest request;
  request.set_study("tyo-1");
  v1::Study study;
  const grpc::Status status = studies_->GetStudy(&context, request, &study);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("toy-1"));
}

TEST_F(RpcServerTest, AWatcherHearsEveryEventOnceFromAnyNumber) {
  Create();
  std::vector<int64_t> numbers;
  std::thread watcher([&] {
    Context context;
    v1::WatchStudyRequest request;
    request.set_study("toy-1");
    request.set_after(1);
    auto reader = studies_->WatchStudy(&context, request);
    v1::Event event;
    while (reader->Read(&event)) numbers.push_back(event.number());
    EXPECT_TRUE(reader->Finish().ok());
  });
  v1::Assignments set = Poll();
  while (set.assignments_size() > 0) set = Complete(set.assignments(0), 0.5);
  watcher.join();
  ASSERT_EQ(static_cast<int64_t>(numbers.size()), Get("toy-1").event() - 1);
  for (size_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(numbers[i], static_cast<int64_t>(i) + 2);
}

TEST_F(RpcServerTest, AWatcherThatHangsUpIsForgotten) {
  Create();
  for (int i = 0; i < 20; ++i) {
    Context context;
    v1::WatchStudyRequest request;
    request.set_study("toy-1");
    auto reader = studies_->WatchStudy(&context, request);
    v1::Event event;
    ASSERT_TRUE(reader->Read(&event));
    context.TryCancel();
    while (reader->Read(&event)) {
    }
    EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  // The server still takes events and ends within its grace.
  Complete(Poll().assignments(0), 0.5);
}

// The server's grace is an hour.
TEST_F(RpcServerTest, NeitherIdleClientsNorWatchersHoldUpItsEnd) {
  Create();
  const auto idle = grpc::CreateCustomChannel(server_->address(),
                                              grpc::InsecureChannelCredentials(), OwnConnection());
  ASSERT_TRUE(idle->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(30)));
  Context context;
  v1::WatchStudyRequest request;
  request.set_study("toy-1");
  auto reader = studies_->WatchStudy(&context, request);
  v1::Event event;
  ASSERT_TRUE(reader->Read(&event));
  server_.reset();
  while (reader->Read(&event)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(RpcServerTest, AHungPollThatIsCancelledFinishes) {
  const int64_t revision = Poll().revision();
  grpc::ClientContext context;
  std::thread canceller([&] { context.TryCancel(); });
  v1::PollRequest request;
  *request.mutable_worker() = Identity();
  request.set_free_slots(1);
  request.set_revision(revision);
  v1::Assignments set;
  EXPECT_EQ(workers_->Poll(&context, request, &set).error_code(), grpc::StatusCode::CANCELLED);
  canceller.join();
  Create();
  EXPECT_THAT(Poll(revision).assignments(), SizeIs(1));
}

TEST_F(RpcServerTest, GoingDownLetsAHungPollGoAtOnce) {
  const int64_t revision = Poll().revision();
  grpc::Status status;
  std::thread poller([&] {
    Context context;
    v1::PollRequest request;
    *request.mutable_worker() = Identity();
    request.set_revision(revision);
    v1::Assignments set;
    status = workers_->Poll(&context, request, &set);
  });
  // Whether the Poll hangs already or comes while the server goes down: it fails, and soon.
  const absl::Time start = absl::Now();
  server_.reset();
  poller.join();
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));
  EXPECT_NE(status.error_code(), grpc::StatusCode::OK);
}

TEST_F(RpcServerTest, WhatWasAcknowledgedIsThereAfterARestart) {
  Create();
  const v1::Assignment first = Poll().assignments(0);
  const v1::Assignment second = Complete(first, 0.5).assignments(0);
  Restart("127.0.0.1:0");
  EXPECT_EQ(Get("toy-1").succeeded(), 1);
  const v1::Assignments set = Poll();
  ASSERT_THAT(set.assignments(), SizeIs(1));
  EXPECT_EQ(set.assignments(0).token(), second.token());
  Complete(second, 0.6);
  EXPECT_EQ(Get("toy-1").succeeded(), 2);
}

TEST_F(RpcServerTest, HostileReportsAreRefused) {
  const auto code = [&](const std::function<void(v1::ReportRequest&)>& spoil) {
    Context context;
    v1::ReportRequest request;
    *request.mutable_worker() = Identity();
    spoil(request);
    v1::Assignments set;
    return workers_->Report(&context, request, &set).error_code();
  };
  EXPECT_EQ(code([](v1::ReportRequest&) {}), grpc::StatusCode::OK);
  EXPECT_EQ(code([](v1::ReportRequest& r) { r.mutable_worker()->clear_name(); }),
            grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(code([](v1::ReportRequest& r) {
              for (int i = 0; i < 5000; ++i) r.add_held();
            }),
            grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(code([](v1::ReportRequest& r) { r.add_completions()->set_checkpoint("../../etc"); }),
            grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(code([](v1::ReportRequest& r) { r.add_completions()->add_metrics(); }),
            grpc::StatusCode::INVALID_ARGUMENT);
  // What names nothing is settled and forgotten.
  EXPECT_EQ(code([](v1::ReportRequest& r) { r.add_completions()->set_assignment("x/1"); }),
            grpc::StatusCode::OK);
}

TEST_F(RpcServerTest, AClientOfAnotherProtocolIsToldWhichSideIsTooOld) {
  Context context;
  v1::GetServerRequest request;
  request.set_protocol(kWireProtocol + 1);
  v1::GetServerResponse response;
  const grpc::Status status = studies_->GetServer(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("the server is too old"));
}

TEST_F(RpcServerTest, AStaleUnixSocketIsReplacedButNotALiveOne) {
  const std::string path = folder_ / "socket";
  const int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  ASSERT_EQ(bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  close(descriptor);  // nobody listens on it any longer
  ASSERT_TRUE(std::filesystem::exists(path));
  Restart("unix:" + path);
  Create();

  const testing::TemporaryFolder other;
  const auto store = OpenSqliteStore(other / "test.db").value();
  const auto artifacts = OpenArtifactFiles(other / "artifacts").value();
  const Queries queries(*store);
  const StudyReader reader = NewStudyReader();
  Executor executor(1);
  Watchers watchers(queries, executor);
  Coordinator coordinator({}, *store, Clock::System(), reader, {});
  Door door(/*tokens=*/nullptr, {}, Clock::System());
  RpcServer second(coordinator, queries, reader, *artifacts, watchers, executor, door);
  EXPECT_TRUE(
      absl::IsUnavailable(second.Start({ParseListenAddress("unix:" + path).value()}).status()));
  EXPECT_EQ(Get("toy-1").name(), "toy-1");
}

TEST(ListenAddressTest, KnowsWhatOnlyThisMachineReaches) {
  for (const char* local : {"unix:/run/x", "127.0.0.1:0", "localhost:7700", "[::1]:7700"}) {
    EXPECT_TRUE(ParseListenAddress(local)->is_local) << local;
  }
  for (const char* open : {"0.0.0.0:7700", "[::]:7700", "example.org:7700", "10.0.0.1:1"}) {
    EXPECT_FALSE(ParseListenAddress(open)->is_local) << open;
  }
  for (const char* wrong : {"", "7700", ":7700", "host:", "host:x", "host:70000", "unix:"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseListenAddress(wrong).status())) << wrong;
  }
}

}  // namespace
}  // namespace cambrian
