#include "tests/fuzz/service_server.h"

#include <chrono>
#include <vector>

#include "spdlog/spdlog.h"

namespace cambrian {
namespace {

constexpr char kStudy[] =
    "study: s\n"
    "data: {idx: {folder: /d}, task: {input: [1, 8, 8], classes: 10}, sha256: ab}\n"
    "space: {network: [{conv: {kernel: {choose: [1, 3]}, out: {choose: [2, 3, 4, 5]}}}, head]}\n"
    "strategy: {regularized_evolution: {population: 3, sample: 2}}\n"
    "budget: {trials: 8, failures: 3}\n";

testing::ServerSetup Quick() {
  testing::ServerSetup setup;
  setup.in_memory = true;
  setup.coordinator.hang = absl::Milliseconds(1);
  return setup;
}

}  // namespace

ServiceServer::ServiceServer() : server_(folder_, "unix:" + (folder_ / "socket"), Quick()) {
  spdlog::set_level(spdlog::level::off);
  const auto channel = grpc::CreateChannel(server_.address(), grpc::InsecureChannelCredentials());
  studies_ = v1::StudyService::NewStub(channel);
  workers_ = v1::WorkerService::NewStub(channel);
  artifacts_ = v1::ArtifactService::NewStub(channel);
  v1::CreateStudyRequest request;
  request.set_text(kStudy);
  v1::Study study;
  const auto context = Context();
  const grpc::Status status = studies_->CreateStudy(context.get(), request, &study);
  FUZZ_CHECK(status.ok());
}

std::unique_ptr<grpc::ClientContext> ServiceServer::Context() {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  return context;
}

void ServiceServer::Check() {
  const std::vector<StudyRecord> records = server_.store().Studies().value();
  for (const StudyRecord& study : records) {
    const std::vector<TrialRecord> trials = server_.store().Trials(study.id, 0, 1'000).value();
    FUZZ_CHECK(static_cast<int64_t>(trials.size()) == study.trials);
    int64_t open = 0;
    for (size_t i = 0; i < trials.size(); ++i) {
      FUZZ_CHECK(trials[i].number == static_cast<int64_t>(i) + 1);
      open += trials[i].IsOpen();
    }
    const int64_t ended = study.succeeded + study.infeasible + study.failed + study.cancelled;
    FUZZ_CHECK(open + ended == study.trials);
  }
}

}  // namespace cambrian
