#include "client/service/study_client.h"

#include <algorithm>
#include <random>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status.h"
#include "common/base/version.h"
#include "common/wire/channel.h"
#include "common/wire/convert.h"

namespace cambrian {
namespace {

constexpr absl::Duration kDeadline = absl::Seconds(20);
constexpr int kPageSize = 1000;

ChannelOptions ToChannelOptions(const ServerSettings& settings) {
  ChannelOptions options;
  options.tls_ca = settings.tls_ca;
  options.tls_cert = settings.tls_cert;
  options.tls_key = settings.tls_key;
  options.token_file = settings.token_file;
  return options;
}

void SetDeadline(grpc::ClientContext& context, absl::Duration patience) {
  context.set_deadline(absl::ToChronoTime(absl::Now() + patience));
}

// 128 random bits: the server creates one study for one id, however often it is asked.
std::string RandomId() {
  std::random_device device;
  return absl::StrFormat("%08x%08x%08x%08x", device(), device(), device(), device());
}

v1::GetStudyRequest StudyRequest(const std::string& study) {
  v1::GetStudyRequest request;
  request.set_study(study);
  return request;
}

v1::GetTrialRequest TrialRequest(const std::string& study, int64_t number) {
  v1::GetTrialRequest request;
  request.set_study(study);
  request.set_number(number);
  return request;
}

}  // namespace

absl::StatusOr<std::unique_ptr<StudyClient>> StudyClient::Connect(const ServerSettings& settings,
                                                                  absl::Duration patience) {
  ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel,
                   MakeChannel(settings.server, ToChannelOptions(settings)));
  std::unique_ptr<StudyClient> client(
      new StudyClient(settings, v1::StudyService::NewStub(channel)));
  RETURN_IF_ERROR(client->CheckServer(patience));
  return client;
}

absl::StatusOr<std::unique_ptr<StudyClient>> StudyClient::Connect(const std::string& address,
                                                                  absl::Duration patience) {
  return Connect(ServerSettings{.server = address}, patience);
}

absl::Status StudyClient::CheckServer(absl::Duration patience) {
  v1::GetServerRequest request;
  request.set_protocol(kWireProtocol);
  request.set_version(kVersion);
  v1::GetServerResponse response;
  grpc::ClientContext context;
  context.set_wait_for_ready(patience > absl::ZeroDuration());
  SetDeadline(context, std::max(patience, absl::Seconds(5)));
  const grpc::Status status = stub_->GetServer(&context, request, &response);
  if (!status.ok()) return Translate(status);
  server_version_ = response.version();
  if (response.protocol() == kWireProtocol) return absl::OkStatus();
  const bool server_is_old = response.protocol() < kWireProtocol;
  return absl::FailedPreconditionError(absl::StrCat(
      "the ", server_is_old ? "server" : "client", " is too old: server ", response.version(),
      " speaks protocol ", response.protocol(), ", cambrian ", kVersion, " speaks protocol ",
      kWireProtocol, "; update the ", server_is_old ? "server" : "client"));
}

absl::Status StudyClient::Translate(const grpc::Status& status) const {
  absl::Status ours = FromGrpc(status);
  if (ours.code() == absl::StatusCode::kDeadlineExceeded) {
    return absl::UnavailableError(
        absl::StrCat("the server at ", settings_.server, " does not answer"));
  }
  if (ours.code() != absl::StatusCode::kUnavailable) return ours;
  const std::string why = absl::StrContains(ours.message(), "Connection refused")
                              ? "connection refused"
                              : std::string(ours.message());
  return absl::UnavailableError(
      absl::StrCat("no server at ", settings_.server, " (", why,
                   "); start one with \"cambrian-server\", or run on this machine with "
                   "\"cambrian run FILE\""));
}

template <typename Request, typename Response>
absl::StatusOr<Response> StudyClient::Call(
    grpc::Status (v1::StudyService::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
    const Request& request) {
  grpc::ClientContext context;
  SetDeadline(context, kDeadline);
  Response response;
  const grpc::Status status = (stub_.get()->*method)(&context, request, &response);
  if (!status.ok()) return Translate(status);
  return response;
}

absl::StatusOr<v1::Study> StudyClient::GetStudy(const std::string& study, bool with_text) {
  v1::GetStudyRequest request = StudyRequest(study);
  request.set_with_text(with_text);
  return Call(&v1::StudyService::Stub::GetStudy, request);
}

absl::StatusOr<std::vector<v1::Study>> StudyClient::ListStudies() {
  std::vector<v1::Study> studies;
  v1::ListStudiesRequest request;
  request.set_page_size(kPageSize);
  do {
    ASSIGN_OR_RETURN(v1::ListStudiesResponse page,
                     Call(&v1::StudyService::Stub::ListStudies, request));
    for (v1::Study& study : *page.mutable_studies()) studies.push_back(std::move(study));
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return studies;
}

absl::StatusOr<v1::Study> StudyClient::CreateStudy(const std::string& text,
                                                   const std::string& continue_from) {
  v1::CreateStudyRequest request;
  request.set_text(text);
  request.set_request_id(RandomId());
  request.set_continue_from(continue_from);
  return Call(&v1::StudyService::Stub::CreateStudy, request);
}

absl::StatusOr<v1::Study> StudyClient::CancelStudy(const std::string& study) {
  return Call(&v1::StudyService::Stub::CancelStudy, StudyRequest(study));
}

absl::StatusOr<v1::Study> StudyClient::PauseStudy(const std::string& study) {
  return Call(&v1::StudyService::Stub::PauseStudy, StudyRequest(study));
}

absl::StatusOr<v1::Study> StudyClient::ResumeStudy(const std::string& study) {
  return Call(&v1::StudyService::Stub::ResumeStudy, StudyRequest(study));
}

absl::StatusOr<v1::Study> StudyClient::ExtendStudy(const std::string& study, int64_t trials) {
  v1::ExtendStudyRequest request;
  request.set_study(study);
  request.set_trials(trials);
  return Call(&v1::StudyService::Stub::ExtendStudy, request);
}

absl::Status StudyClient::DeleteStudy(const std::string& study) {
  return Call(&v1::StudyService::Stub::DeleteStudy, StudyRequest(study)).status();
}

absl::StatusOr<std::vector<v1::Trial>> StudyClient::ListTrials(const std::string& study) {
  std::vector<v1::Trial> trials;
  v1::ListTrialsRequest request;
  request.set_study(study);
  request.set_page_size(kPageSize);
  do {
    ASSIGN_OR_RETURN(v1::ListTrialsResponse page,
                     Call(&v1::StudyService::Stub::ListTrials, request));
    for (v1::Trial& trial : *page.mutable_trials()) trials.push_back(std::move(trial));
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return trials;
}

absl::StatusOr<std::vector<v1::Trial>> StudyClient::GetFront(const std::string& study) {
  v1::GetFrontRequest request;
  request.set_study(study);
  ASSIGN_OR_RETURN(v1::ListTrialsResponse response,
                   Call(&v1::StudyService::Stub::GetFront, request));
  return std::vector<v1::Trial>(response.trials().begin(), response.trials().end());
}

absl::StatusOr<v1::Trial> StudyClient::GetTrial(const std::string& study, int64_t number) {
  return Call(&v1::StudyService::Stub::GetTrial, TrialRequest(study, number));
}

absl::StatusOr<std::string> StudyClient::GetTrialLog(const std::string& study, int64_t number) {
  ASSIGN_OR_RETURN(v1::GetTrialLogResponse response,
                   Call(&v1::StudyService::Stub::GetTrialLog, TrialRequest(study, number)));
  return response.log();
}

absl::StatusOr<std::vector<v1::WorkerStatus>> StudyClient::ListWorkers() {
  ASSIGN_OR_RETURN(v1::ListWorkersResponse response,
                   Call(&v1::StudyService::Stub::ListWorkers, v1::ListWorkersRequest()));
  return std::vector<v1::WorkerStatus>(response.workers().begin(), response.workers().end());
}

absl::Status StudyClient::Watch(const std::string& study, int64_t after,
                                grpc::ClientContext& context,
                                const std::function<void(const v1::Event&)>& on_event) {
  v1::WatchStudyRequest request;
  request.set_study(study);
  request.set_after(after);
  auto reader = stub_->WatchStudy(&context, request);
  v1::Event event;
  while (reader->Read(&event)) on_event(event);
  return Translate(reader->Finish());
}

}  // namespace cambrian
