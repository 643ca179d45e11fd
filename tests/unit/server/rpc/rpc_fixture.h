// The services over a real server in this process, on a port that the machine picks.
#pragma once

#include <memory>
#include <string>

#include "cambrian/v1/artifact_service.grpc.pb.h"
#include "cambrian/v1/study_service.grpc.pb.h"
#include "cambrian/v1/worker_service.grpc.pb.h"
#include "common/base/version.h"
#include "common/wire/convert.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "tests/testing/server.h"
#include "tests/testing/server_study.h"
#include "tests/testing/temporary_folder.h"

namespace cambrian {

using testing::Server;
using testing::ServerSetup;

class RpcServerTest : public ::testing::Test {
 protected:
  RpcServerTest() { Restart("127.0.0.1:0"); }

  void Restart(const std::string& listen, const ServerSetup& setup = {}) {
    server_.reset();
    server_ = std::make_unique<Server>(folder_, listen, setup);
    channel_ = grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials());
    studies_ = v1::StudyService::NewStub(channel_);
    workers_ = v1::WorkerService::NewStub(channel_);
    artifacts_ = v1::ArtifactService::NewStub(channel_);
  }

  // Calls fail rather than hang.
  struct Context : grpc::ClientContext {
    Context() { set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30)); }
  };

  v1::Study Create(const std::string& text = testing::StudyText()) {
    Context context;
    v1::CreateStudyRequest request;
    request.set_text(text);
    v1::Study study;
    const grpc::Status status = studies_->CreateStudy(&context, request, &study);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return study;
  }
  v1::Study Get(const std::string& name) {
    Context context;
    v1::GetStudyRequest request;
    request.set_study(name);
    v1::Study study;
    const grpc::Status status = studies_->GetStudy(&context, request, &study);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return study;
  }

  static v1::WorkerIdentity Identity() {
    v1::WorkerIdentity identity;
    identity.set_name("w");
    identity.set_protocol(kWireProtocol);
    identity.set_slots(1);
    identity.add_evaluators("torch");
    identity.set_any_path(true);
    return identity;
  }
  v1::Assignments Poll(int64_t revision = 0) {
    Context context;
    v1::PollRequest request;
    *request.mutable_worker() = Identity();
    request.set_free_slots(1);
    request.set_revision(revision);
    v1::Assignments set;
    const grpc::Status status = workers_->Poll(&context, request, &set);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return set;
  }
  v1::Assignments Complete(const v1::Assignment& assignment, double accuracy) {
    Context context;
    v1::ReportRequest request;
    *request.mutable_worker() = Identity();
    request.set_free_slots(1);
    v1::Completion& completion = *request.add_completions();
    completion.set_assignment(assignment.assignment());
    completion.set_token(assignment.token());
    completion.set_outcome(v1::OUTCOME_SUCCEEDED);
    ToProto(Metrics{{"accuracy", {accuracy, {}, {}}}}, completion.mutable_metrics());
    v1::Assignments set;
    const grpc::Status status = workers_->Report(&context, request, &set);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return set;
  }

  testing::TemporaryFolder folder_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::StudyService::Stub> studies_;
  std::unique_ptr<v1::WorkerService::Stub> workers_;
  std::unique_ptr<v1::ArtifactService::Stub> artifacts_;
};

}  // namespace cambrian
