#include "server/rpc/door.h"

#include <atomic>
#include <fstream>
#include <future>
#include <memory>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "grpcpp/generic/generic_stub.h"
#include "server/rpc/token_bucket.h"
#include "tests/unit/server/rpc/rpc_fixture.h"

namespace cambrian {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using testing::StudyText;

TEST(MethodsTest, EveryMethodOfEveryServiceHasItsRoles) {
  const auto* pool = google::protobuf::DescriptorPool::generated_pool();
  std::set<std::string> served;
  for (const char* name : {"StudyService", "WorkerService", "ArtifactService"}) {
    const auto* service = pool->FindServiceByName(absl::StrCat("cambrian.v1.", name));
    ASSERT_NE(service, nullptr) << name;
    for (int i = 0; i < service->method_count(); ++i) {
      served.insert(absl::StrCat(name, "/", service->method(i)->name()));
    }
  }
  std::set<std::string> known;
  for (const Method& method : AllMethods()) {
    known.emplace(method.name);
    EXPECT_NE(method.roles, 0u) << method.name;
  }
  EXPECT_EQ(served, known);
}

TEST(TokenBucketTest, LetsABurstThroughAndThenTheRate) {
  TokenBucket bucket(10, absl::Seconds(100));
  int taken = 0;
  while (bucket.Take(absl::Seconds(100))) ++taken;
  EXPECT_EQ(taken, 10);
  EXPECT_TRUE(bucket.Take(absl::Seconds(100) + absl::Milliseconds(101)));
  EXPECT_FALSE(bucket.Take(absl::Seconds(100) + absl::Milliseconds(102)));
  taken = 0;
  while (bucket.Take(absl::Seconds(1000))) ++taken;
  EXPECT_EQ(taken, 10);
}

constexpr char kHello[] = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

class DoorTest : public RpcServerTest {
 protected:
  DoorTest() {
    for (const char* name : {"read", "submit", "work", "admin"}) Add(name, name, "vision");
    Add("submit", "stranger", "speech");
    Add("read", "snoop", "speech");
    Add("work", "speech-worker", "speech");
    Open({});
  }

  void Add(const std::string& roles, const std::string& name, const std::string& tenant) {
    const NewToken made = MakeToken(roles, tenant, name).value();
    tokens_[name] = made.token;
    std::ofstream(folder_ / "tokens", std::ios::app) << made.line << "\n";
  }
  void Open(ServerSetup setup) {
    setup.tokens = folder_ / "tokens";
    Restart("127.0.0.1:0", setup);
  }

  struct As : Context {
    explicit As(const std::string& token) { AddMetadata("authorization", "Bearer " + token); }
  };
  grpc::Status CreateAs(const std::string& name, v1::Study& study,
                        const std::string& text = StudyText()) {
    As context(tokens_[name]);
    v1::CreateStudyRequest request;
    request.set_text(text);
    return studies_->CreateStudy(&context, request, &study);
  }
  grpc::Status GetAs(const std::string& name, const std::string& study_name) {
    As context(tokens_[name]);
    v1::GetStudyRequest request;
    request.set_study(study_name);
    v1::Study study;
    return studies_->GetStudy(&context, request, &study);
  }
  int ListedFor(const std::string& name) {
    As context(tokens_[name]);
    v1::ListStudiesResponse list;
    EXPECT_TRUE(studies_->ListStudies(&context, {}, &list).ok());
    return list.studies_size();
  }
  grpc::Status PollAs(const std::string& name, v1::Assignments& set) {
    As context(tokens_[name]);
    v1::PollRequest request;
    *request.mutable_worker() = Identity();
    request.mutable_worker()->set_name(name);
    request.set_free_slots(1);
    return workers_->Poll(&context, request, &set);
  }

  grpc::Status UploadAs(const std::string& name, const std::string& sha256,
                        const std::string& content) {
    As context(tokens_[name]);
    v1::UploadResponse response;
    auto writer = artifacts_->Upload(&context, &response);
    v1::UploadRequest request;
    request.mutable_header()->set_size(static_cast<int64_t>(content.size()));
    request.mutable_header()->set_sha256(sha256);
    writer->Write(request);
    request.set_chunk(content);
    writer->Write(request);
    writer->WritesDone();
    return writer->Finish();
  }
  // The content, or the error's code.
  std::string DownloadAs(const std::string& name, const std::string& sha256) {
    As context(tokens_[name]);
    v1::DownloadRequest request;
    request.set_sha256(sha256);
    auto reader = artifacts_->Download(&context, request);
    std::string content;
    v1::DownloadResponse response;
    while (reader->Read(&response)) content += response.chunk();
    const grpc::Status status = reader->Finish();
    return status.ok() ? content : absl::StatusCodeToString(FromGrpc(status).code());
  }

  std::map<std::string, std::string> tokens_;
};

TEST(ClosingDoorTest, WaitsForThoseInsideAndRefusesOthers) {
  Door door(/*tokens=*/nullptr, {}, Clock::System());
  const grpc::CallbackServerContext context;
  auto entry = std::make_unique<Entry>(door.Enter(context, "StudyService/GetStudy"));
  EXPECT_TRUE(entry->status().ok());
  EXPECT_FALSE(door.CloseAndWait(absl::Milliseconds(1)));
  EXPECT_TRUE(absl::IsUnavailable(door.Enter(context, "StudyService/GetStudy").status()));
  std::thread caller([&] { entry.reset(); });
  EXPECT_TRUE(door.CloseAndWait(absl::Hours(1)));
  caller.join();
}

TEST_F(DoorTest, WithoutAKnownTokenNobodyComesIn) {
  Context none;
  v1::ListStudiesResponse list;
  const grpc::Status status = studies_->ListStudies(&none, {}, &list);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_THAT(status.error_message(), HasSubstr("wants a token"));
  As wrong("cambrian_0123");
  EXPECT_EQ(studies_->ListStudies(&wrong, {}, &list).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
  Context other_scheme;
  other_scheme.AddMetadata("authorization", "Basic " + tokens_["admin"]);
  EXPECT_EQ(studies_->ListStudies(&other_scheme, {}, &list).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
  // Streams go through the same door.
  Context watch;
  v1::Event event;
  auto reader = studies_->WatchStudy(&watch, {});
  EXPECT_FALSE(reader->Read(&event));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::UNAUTHENTICATED);
  Context upload;
  v1::UploadResponse uploaded;
  auto writer = artifacts_->Upload(&upload, &uploaded);
  writer->WritesDone();
  EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::UNAUTHENTICATED);
  Context download;
  v1::DownloadResponse chunk;
  auto file = artifacts_->Download(&download, {});
  EXPECT_FALSE(file->Read(&chunk));
  EXPECT_EQ(file->Finish().error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(DoorTest, ARoleAllowsWhatItSaysAndNothingElse) {
  v1::Study study;
  v1::Assignments set;
  const grpc::Status refused = CreateAs("read", study);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_THAT(refused.error_message(), HasSubstr("needs the role submit"));
  EXPECT_EQ(CreateAs("work", study).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(PollAs("submit", set).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  ASSERT_TRUE(CreateAs("submit", study).ok());
  EXPECT_EQ(study.tenant(), "vision");
  EXPECT_TRUE(GetAs("read", study.name()).ok());
  EXPECT_EQ(GetAs("work", study.name()).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_TRUE(PollAs("work", set).ok());
  EXPECT_THAT(set.assignments(), SizeIs(1));
  EXPECT_TRUE(CreateAs("admin", study).ok());
}

TEST_F(DoorTest, AnotherTenantNeitherSeesNorTouchesAStudy) {
  v1::Study study;
  ASSERT_TRUE(CreateAs("submit", study).ok());
  EXPECT_EQ(GetAs("snoop", study.name()).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(GetAs("snoop", "toy").error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(ListedFor("snoop"), 0);
  EXPECT_EQ(ListedFor("read"), 1);
  EXPECT_EQ(ListedFor("admin"), 1);
  As cancel(tokens_["stranger"]);
  v1::GetStudyRequest request;
  request.set_study(study.name());
  v1::Study answer;
  EXPECT_EQ(studies_->CancelStudy(&cancel, request, &answer).error_code(),
            grpc::StatusCode::NOT_FOUND);
  As watch(tokens_["snoop"]);
  v1::WatchStudyRequest watched;
  watched.set_study(study.name());
  auto reader = studies_->WatchStudy(&watch, watched);
  v1::Event event;
  EXPECT_FALSE(reader->Read(&event));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
  As spec(tokens_["speech-worker"]);
  v1::GetStudySpecRequest wanted;
  wanted.set_study(study.name());
  v1::GetStudySpecResponse text;
  EXPECT_EQ(workers_->GetStudySpec(&spec, wanted, &text).error_code(), grpc::StatusCode::NOT_FOUND);
  As continued(tokens_["stranger"]);
  v1::CreateStudyRequest create;
  create.set_text(StudyText());
  create.set_continue_from(study.name());
  EXPECT_EQ(studies_->CreateStudy(&continued, create, &answer).error_code(),
            grpc::StatusCode::NOT_FOUND);
  const grpc::Status warm = CreateAs("stranger", answer, StudyText("warm_start: {study: toy-1}\n"));
  EXPECT_EQ(warm.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(warm.error_message(), "warm_start.study: no study \"toy-1\"");
}

TEST_F(DoorTest, ATokenThatIsTakenOutOfTheFileIsRefusedFromThenOn) {
  EXPECT_EQ(ListedFor("read"), 0);
  std::ofstream(folder_ / "tokens") << "# nobody\n";
  ASSERT_TRUE(server_->tokens().Refresh().value());
  EXPECT_EQ(GetAs("read", "toy-1").error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(DoorTest, ATokenHasItsRate) {
  ServerSetup slow;
  slow.limits.calls_per_second = 2;  // and a burst of two
  Open(slow);
  grpc::Status status;
  for (int i = 0; i < 100 && status.error_code() != grpc::StatusCode::RESOURCE_EXHAUSTED; ++i) {
    status = GetAs("read", "toy-1");
  }
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("\"read\" makes more than 2 calls a second"));
  EXPECT_EQ(GetAs("submit", "toy-1").error_code(), grpc::StatusCode::NOT_FOUND);  // has its own
}

TEST_F(DoorTest, StudiesHaveLimits) {
  ServerSetup small;
  small.limits.trials = 10;
  small.limits.open_studies = 1;
  small.limits.study_bytes = 4096;
  Open(small);
  v1::Study study;
  const auto with_budget = [](int trials) {
    return StudyText(absl::StrCat(
        "strategy: random\nobjectives: [{maximize: accuracy}]\nbudget: {trials: ", trials, "}\n"));
  };
  const grpc::Status trials = CreateAs("submit", study, with_budget(11));
  EXPECT_EQ(trials.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(trials.error_message(), HasSubstr("10 trials a study"));
  EXPECT_EQ(CreateAs("submit", study, std::string(5000, '#')).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  ASSERT_TRUE(CreateAs("submit", study, with_budget(10)).ok());
  EXPECT_EQ(CreateAs("submit", study, with_budget(10)).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(CreateAs("stranger", study, with_budget(10)).ok());  // another tenant's count
  As context(tokens_["submit"]);
  v1::ExtendStudyRequest extend;
  extend.set_study("toy-1");
  extend.set_trials(11);
  EXPECT_EQ(studies_->ExtendStudy(&context, extend, &study).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(DoorTest, ManyCreationsAtOnceDoNotPassTheLimit) {
  ServerSetup small;
  small.limits.open_studies = 3;
  Open(small);
  std::atomic<int> created{0};
  std::atomic<int> refused{0};
  std::vector<std::thread> users;
  for (int i = 0; i < 16; ++i) {
    users.emplace_back([&] {
      v1::Study study;
      const grpc::Status status = CreateAs("submit", study);
      created += status.ok();
      refused += status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
    });
  }
  for (std::thread& user : users) user.join();
  EXPECT_EQ(created, 3);
  EXPECT_EQ(refused, 13);
}

TEST_F(DoorTest, AnArtifactIsThereForThoseWhoSeeItsStudy) {
  Add("work", "machine", "*");
  Open({});
  v1::Study study;
  ASSERT_TRUE(CreateAs("submit", study).ok());
  v1::Assignments set;
  ASSERT_TRUE(PollAs("work", set).ok());
  ASSERT_THAT(set.assignments(), SizeIs(1));
  ASSERT_TRUE(UploadAs("work", kHello, "hello").ok());
  // Nobody's study has it yet.
  EXPECT_EQ(DownloadAs("work", kHello), "NOT_FOUND");
  As context(tokens_["work"]);
  v1::ReportRequest report;
  *report.mutable_worker() = Identity();
  report.mutable_worker()->set_name("work");
  v1::HandBack& hand_back = *report.add_hand_backs();
  hand_back.set_assignment(set.assignments(0).assignment());
  hand_back.set_token(set.assignments(0).token());
  hand_back.set_checkpoint(kHello);
  ASSERT_TRUE(workers_->Report(&context, report, &set).ok());
  // The next worker goes on from there.
  ASSERT_TRUE(PollAs("work", set).ok());
  ASSERT_THAT(set.assignments(), SizeIs(1));
  ASSERT_EQ(set.assignments(0).checkpoint(), kHello);
  for (const char* name : {"work", "machine", "read", "submit", "admin"}) {
    EXPECT_EQ(DownloadAs(name, kHello), "hello") << name;
  }
  for (const char* name : {"stranger", "snoop", "speech-worker"}) {
    EXPECT_EQ(DownloadAs(name, kHello), "NOT_FOUND") << name;
  }
}

TEST_F(DoorTest, MessagesAndArtifactsHaveLimits) {
  ServerSetup small;
  small.limits.message_bytes = 64 << 10;
  small.limits.artifact_bytes = 1000;
  Open(small);
  v1::Study study;
  EXPECT_EQ(CreateAs("submit", study, std::string(100 << 10, '#')).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  As context(tokens_["work"]);
  v1::UploadResponse response;
  auto writer = artifacts_->Upload(&context, &response);
  v1::UploadRequest header;
  header.mutable_header()->set_size(1001);
  header.mutable_header()->set_sha256(std::string(64, 'a'));
  writer->Write(header);
  writer->WritesDone();
  const grpc::Status status = writer->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("at most 1000 bytes"));
}

// The health check's answer for a service, as its one byte of status: 1 SERVING, 2 NOT_SERVING. (No
// package ships the generated client.)
int HealthOf(const std::shared_ptr<grpc::Channel>& channel, const std::string& service) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  std::string message;
  if (!service.empty())
    message = "\x0a" + std::string(1, static_cast<char>(service.size())) + service;
  const grpc::Slice slice(message);
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer response;
  std::promise<grpc::Status> done;
  stub.UnaryCall(&context, "/grpc.health.v1.Health/Check", {}, &request, &response,
                 [&](grpc::Status status) { done.set_value(std::move(status)); });
  const grpc::Status status = done.get_future().get();
  EXPECT_TRUE(status.ok()) << status.error_message();
  grpc::Slice answer;
  if (!status.ok() || !response.DumpToSingleSlice(&answer).ok() || answer.size() != 2) return -1;
  return answer.begin()[1];
}

TEST_F(DoorTest, TheHealthCheckIsOpenAndSaysWhetherTheServerServes) {
  for (const char* service : {"", "cambrian.v1.StudyService", "cambrian.v1.WorkerService",
                              "cambrian.v1.ArtifactService"}) {
    EXPECT_EQ(HealthOf(channel_, service), 2) << service;
    server_->rpc().SetServing(true);
    EXPECT_EQ(HealthOf(channel_, service), 1) << service;
    server_->rpc().SetServing(false);
    EXPECT_EQ(HealthOf(channel_, service), 2) << service;
  }
}

TEST_F(DoorTest, EveryAnswerIsCounted) {
  GetAs("read", "toy-1");
  GetAs("work", "toy-1");
  ListedFor("read");
  const std::set<std::string> answered = server_->answered();
  EXPECT_THAT(answered, Contains("StudyService/GetStudy NOT_FOUND"));
  EXPECT_THAT(answered, Contains("StudyService/GetStudy PERMISSION_DENIED"));
  EXPECT_THAT(answered, Contains("StudyService/ListStudies OK"));
}

}  // namespace
}  // namespace cambrian
