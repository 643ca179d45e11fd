#include "server/rpc/study_service.h"

#include <string>
#include <utility>

#include "common/base/status.h"
#include "common/base/version.h"
#include "server/rpc/unary_call.h"
#include "server/study/protocol_check.h"
#include "server/study/warm_start.h"

namespace cambrian {
namespace {

constexpr size_t kMaxRequestIdBytes = 128;

}  // namespace

template <typename Response>
grpc::ServerUnaryReactor* StudyService::Read(
    Context* context, absl::string_view method, Response* response,
    std::function<absl::StatusOr<Response>(const Scope&)> read) {
  auto call = UnaryCall<Response>::Make(door_, *context, method, response);
  if (call->IsFinished()) return call.get();
  executor_.Run([call, read = std::move(read)] { call->Answer(read(call->scope())); });
  return call.get();
}

template <typename Response>
grpc::ServerUnaryReactor* StudyService::Change(
    Context* context, absl::string_view method, const std::string& study, Response* response,
    std::function<void(const Scope&, std::string name, Answer<Response>)> change) {
  auto call = UnaryCall<Response>::Make(door_, *context, method, response);
  if (call->IsFinished()) return call.get();
  executor_.Run([this, call, study, change = std::move(change)] {
    absl::StatusOr<std::string> name = queries_.Resolve(call->scope(), study);
    if (!name.ok()) return call->Answer(name.status());
    change(call->scope(), *std::move(name), AnswerTo(call));
  });
  return call.get();
}

absl::Status StudyService::CheckTrials(int64_t trials) const {
  if (trials <= limits_.trials) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("this server allows ", limits_.trials, " trials a study, not ", trials));
}

absl::Status StudyService::CheckBudget(const Scope& scope, int64_t trials,
                                       absl::string_view request_id) const {
  RETURN_IF_ERROR(CheckTrials(trials));
  ASSIGN_OR_RETURN(const int64_t open, queries_.OpenStudies(scope.tenant, request_id));
  if (open < limits_.open_studies) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("this server allows ", limits_.open_studies,
                   " studies at once; wait for one to end, or cancel one"));
}

grpc::ServerUnaryReactor* StudyService::GetServer(Context* context,
                                                  const v1::GetServerRequest* request,
                                                  v1::GetServerResponse* response) {
  auto call =
      UnaryCall<v1::GetServerResponse>::Make(door_, *context, "StudyService/GetServer", response);
  const absl::Status status = CheckProtocol("client", request->protocol(), request->version());
  v1::GetServerResponse answer;
  answer.set_protocol(kWireProtocol);
  answer.set_version(kVersion);
  if (status.ok()) {
    call->Answer(answer);
  } else {
    call->Answer(status);
  }
  return call.get();
}

grpc::ServerUnaryReactor* StudyService::CreateStudy(Context* context,
                                                    const v1::CreateStudyRequest* request,
                                                    v1::Study* response) {
  auto call = UnaryCall<v1::Study>::Make(door_, *context, "StudyService/CreateStudy", response);
  if (call->IsFinished()) return call.get();
  if (static_cast<int64_t>(request->text().size()) > limits_.study_bytes) {
    call->Answer(absl::InvalidArgumentError(
        absl::StrCat("a study file has at most ", limits_.study_bytes, " bytes")));
  } else if (request->request_id().size() > kMaxRequestIdBytes) {
    call->Answer(absl::InvalidArgumentError("a request_id has at most 128 bytes"));
  } else {
    executor_.Run([this, call, request = *request] { Create(request, call); });
  }
  return call.get();
}

void StudyService::Create(const v1::CreateStudyRequest& request,
                          const std::shared_ptr<UnaryCall<v1::Study>>& call) {
  absl::StatusOr<std::shared_ptr<const StudySpec>> spec = reader_.parse(request.text());
  if (!spec.ok()) return call->Answer(spec.status());
  creations_.Take(
      call->scope().tenant, [this, request, spec = *std::move(spec), call](Turns::Done done) {
        // The turn before may have ended on the decision loop, which must not read the store.
        executor_.Run([this, request, spec, call, done = std::move(done)] {
          CreateInTurn(call->scope(), request, spec, [call, done](absl::StatusOr<v1::Study> study) {
            call->Answer(std::move(study));
            done();
          });
        });
      });
}

absl::StatusOr<std::shared_ptr<const StudySpec>> StudyService::Complete(
    const Scope& scope, std::shared_ptr<const StudySpec> spec, const std::string& request_id) {
  if (!spec->strategy.warm_start.IsPending()) return spec;
  ASSIGN_OR_RETURN(const bool is_created, queries_.IsCreated(scope.tenant, request_id));
  if (is_created) return spec;  // the coordinator gives that study
  ASSIGN_OR_RETURN(std::shared_ptr<const StudySpec> whole,
                   LookUpWarmStart(scope, std::move(spec), queries_, reader_));
  const auto bytes = static_cast<int64_t>(whole->text.size());
  if (bytes <= limits_.study_bytes) return whole;
  return absl::InvalidArgumentError(
      absl::StrCat("warm_start.best: with these trials the study file has ", bytes,
                   " bytes, and may have at most ", limits_.study_bytes, "; take fewer"));
}

void StudyService::CreateInTurn(const Scope& scope, const v1::CreateStudyRequest& request,
                                std::shared_ptr<const StudySpec> spec, Answer<v1::Study> answer) {
  const absl::Status allowed = CheckBudget(scope, spec->budget.trials, request.request_id());
  if (!allowed.ok()) return answer(allowed);
  std::string continued;
  if (!request.continue_from().empty()) {
    absl::StatusOr<std::string> name = queries_.Resolve(scope, request.continue_from());
    if (!name.ok()) return answer(name.status());
    continued = *std::move(name);
  }
  absl::StatusOr<std::shared_ptr<const StudySpec>> whole =
      Complete(scope, std::move(spec), request.request_id());
  if (!whole.ok()) return answer(whole.status());
  coordinator_.CreateStudy(scope, *std::move(whole), request.request_id(), std::move(continued),
                           std::move(answer));
}

grpc::ServerUnaryReactor* StudyService::GetStudy(Context* context,
                                                 const v1::GetStudyRequest* request,
                                                 v1::Study* response) {
  return Read<v1::Study>(context, "StudyService/GetStudy", response,
                         [this, request = *request](const Scope& scope) {
                           return queries_.GetStudy(scope, request.study(), request.with_text());
                         });
}

grpc::ServerUnaryReactor* StudyService::ListStudies(Context* context,
                                                    const v1::ListStudiesRequest* request,
                                                    v1::ListStudiesResponse* response) {
  return Read<v1::ListStudiesResponse>(context, "StudyService/ListStudies", response,
                                       [this, request = *request](const Scope& scope) {
                                         return queries_.ListStudies(scope, request);
                                       });
}

grpc::ServerWriteReactor<v1::Event>* StudyService::WatchStudy(
    Context* context, const v1::WatchStudyRequest* request) {
  return watchers_.Watch(door_.Enter(*context, "StudyService/WatchStudy"), request->study(),
                         request->after());
}

grpc::ServerUnaryReactor* StudyService::ListTrials(Context* context,
                                                   const v1::ListTrialsRequest* request,
                                                   v1::ListTrialsResponse* response) {
  return Read<v1::ListTrialsResponse>(context, "StudyService/ListTrials", response,
                                      [this, request = *request](const Scope& scope) {
                                        return queries_.ListTrials(scope, request);
                                      });
}

grpc::ServerUnaryReactor* StudyService::GetTrial(Context* context,
                                                 const v1::GetTrialRequest* request,
                                                 v1::Trial* response) {
  return Read<v1::Trial>(context, "StudyService/GetTrial", response,
                         [this, request = *request](const Scope& scope) {
                           return queries_.GetTrial(scope, request.study(), request.number());
                         });
}

grpc::ServerUnaryReactor* StudyService::GetTrialLog(Context* context,
                                                    const v1::GetTrialRequest* request,
                                                    v1::GetTrialLogResponse* response) {
  return Read<v1::GetTrialLogResponse>(
      context, "StudyService/GetTrialLog", response,
      [this, request = *request](const Scope& scope) -> absl::StatusOr<v1::GetTrialLogResponse> {
        ASSIGN_OR_RETURN(std::string log,
                         queries_.GetTrialLog(scope, request.study(), request.number()));
        v1::GetTrialLogResponse answer;
        answer.set_log(std::move(log));
        return answer;
      });
}

grpc::ServerUnaryReactor* StudyService::GetFront(Context* context,
                                                 const v1::GetFrontRequest* request,
                                                 v1::ListTrialsResponse* response) {
  return Read<v1::ListTrialsResponse>(context, "StudyService/GetFront", response,
                                      [this, request = *request](const Scope& scope) {
                                        return queries_.GetFront(scope, request.study());
                                      });
}

grpc::ServerUnaryReactor* StudyService::CancelStudy(Context* context,
                                                    const v1::GetStudyRequest* request,
                                                    v1::Study* response) {
  return Change<v1::Study>(context, "StudyService/CancelStudy", request->study(), response,
                           [this](const Scope& scope, std::string name, Answer<v1::Study> answer) {
                             coordinator_.CancelStudy(scope, std::move(name), std::move(answer));
                           });
}

grpc::ServerUnaryReactor* StudyService::PauseStudy(Context* context,
                                                   const v1::GetStudyRequest* request,
                                                   v1::Study* response) {
  return Change<v1::Study>(context, "StudyService/PauseStudy", request->study(), response,
                           [this](const Scope& scope, std::string name, Answer<v1::Study> answer) {
                             coordinator_.PauseStudy(scope, std::move(name), std::move(answer));
                           });
}

grpc::ServerUnaryReactor* StudyService::ResumeStudy(Context* context,
                                                    const v1::GetStudyRequest* request,
                                                    v1::Study* response) {
  return Change<v1::Study>(context, "StudyService/ResumeStudy", request->study(), response,
                           [this](const Scope& scope, std::string name, Answer<v1::Study> answer) {
                             coordinator_.ResumeStudy(scope, std::move(name), std::move(answer));
                           });
}

grpc::ServerUnaryReactor* StudyService::ExtendStudy(Context* context,
                                                    const v1::ExtendStudyRequest* request,
                                                    v1::Study* response) {
  const auto extend = [this, trials = request->trials()](const Scope& scope, std::string name,
                                                         Answer<v1::Study> answer) {
    if (absl::Status status = CheckTrials(trials); !status.ok()) return answer(status);
    coordinator_.ExtendStudy(scope, std::move(name), trials, std::move(answer));
  };
  return Change<v1::Study>(context, "StudyService/ExtendStudy", request->study(), response, extend);
}

grpc::ServerUnaryReactor* StudyService::DeleteStudy(Context* context,
                                                    const v1::GetStudyRequest* request,
                                                    v1::DeleteStudyResponse* response) {
  return Change<v1::DeleteStudyResponse>(
      context, "StudyService/DeleteStudy", request->study(), response,
      [this](const Scope& scope, std::string name, Answer<v1::DeleteStudyResponse> answer) {
        coordinator_.DeleteStudy(scope, std::move(name), std::move(answer));
      });
}

grpc::ServerUnaryReactor* StudyService::ListWorkers(Context* context,
                                                    const v1::ListWorkersRequest* request,
                                                    v1::ListWorkersResponse* response) {
  auto call = UnaryCall<v1::ListWorkersResponse>::Make(door_, *context, "StudyService/ListWorkers",
                                                       response);
  if (!call->IsFinished()) coordinator_.ListWorkers(call->scope(), AnswerTo(call));
  return call.get();
}

}  // namespace cambrian
