#include "server/rpc/study_service.h"

#include <string>
#include <utility>

#include "common/base/status.h"
#include "common/base/version.h"
#include "server/rpc/unary_call.h"
#include "server/study/protocol_check.h"

namespace cambrian {
namespace {

constexpr size_t kMaxStudyBytes = 1 << 20;
constexpr size_t kMaxRequestIdBytes = 128;

}  // namespace

template <typename Response>
grpc::ServerUnaryReactor* StudyService::Read(Response* response,
                                             std::function<absl::StatusOr<Response>()> read) {
  auto call = UnaryCall<Response>::Make(response);
  executor_.Run([call, read = std::move(read)] { call->Answer(read()); });
  return call.get();
}

template <typename Response>
grpc::ServerUnaryReactor* StudyService::Change(
    const std::string& study, Response* response,
    std::function<void(std::string name, Answer<Response>)> change) {
  auto call = UnaryCall<Response>::Make(response);
  executor_.Run([this, call, study, change = std::move(change)] {
    absl::StatusOr<std::string> name = queries_.Resolve(study);
    if (!name.ok()) return call->Answer(name.status());
    change(*std::move(name), AnswerTo(call));
  });
  return call.get();
}

grpc::ServerUnaryReactor* StudyService::GetServer(Context* context,
                                                  const v1::GetServerRequest* request,
                                                  v1::GetServerResponse* response) {
  auto call = UnaryCall<v1::GetServerResponse>::Make(response);
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
  auto call = UnaryCall<v1::Study>::Make(response);
  if (request->text().size() > kMaxStudyBytes) {
    call->Answer(absl::InvalidArgumentError("a study file has at most 1 MiB"));
  } else if (request->request_id().size() > kMaxRequestIdBytes) {
    call->Answer(absl::InvalidArgumentError("a request_id has at most 128 bytes"));
  } else {
    executor_.Run([this, call, text = request->text(), id = request->request_id()] {
      absl::StatusOr<std::shared_ptr<const StudySpec>> spec = reader_.parse(text);
      if (!spec.ok()) return call->Answer(spec.status());
      coordinator_.CreateStudy(*std::move(spec), id, AnswerTo(call));
    });
  }
  return call.get();
}

grpc::ServerUnaryReactor* StudyService::GetStudy(Context* context,
                                                 const v1::GetStudyRequest* request,
                                                 v1::Study* response) {
  return Read<v1::Study>(response, [this, request = *request] {
    return queries_.GetStudy(request.study(), request.with_text());
  });
}

grpc::ServerUnaryReactor* StudyService::ListStudies(Context* context,
                                                    const v1::ListStudiesRequest* request,
                                                    v1::ListStudiesResponse* response) {
  return Read<v1::ListStudiesResponse>(
      response, [this, request = *request] { return queries_.ListStudies(request); });
}

grpc::ServerWriteReactor<v1::Event>* StudyService::WatchStudy(
    Context* context, const v1::WatchStudyRequest* request) {
  return watchers_.Watch(request->study(), request->after());
}

grpc::ServerUnaryReactor* StudyService::ListTrials(Context* context,
                                                   const v1::ListTrialsRequest* request,
                                                   v1::ListTrialsResponse* response) {
  return Read<v1::ListTrialsResponse>(
      response, [this, request = *request] { return queries_.ListTrials(request); });
}

grpc::ServerUnaryReactor* StudyService::GetTrial(Context* context,
                                                 const v1::GetTrialRequest* request,
                                                 v1::Trial* response) {
  return Read<v1::Trial>(response, [this, request = *request] {
    return queries_.GetTrial(request.study(), request.number());
  });
}

grpc::ServerUnaryReactor* StudyService::GetTrialLog(Context* context,
                                                    const v1::GetTrialRequest* request,
                                                    v1::GetTrialLogResponse* response) {
  return Read<v1::GetTrialLogResponse>(
      response, [this, request = *request]() -> absl::StatusOr<v1::GetTrialLogResponse> {
        ASSIGN_OR_RETURN(std::string log, queries_.GetTrialLog(request.study(), request.number()));
        v1::GetTrialLogResponse answer;
        answer.set_log(std::move(log));
        return answer;
      });
}

grpc::ServerUnaryReactor* StudyService::GetFront(Context* context,
                                                 const v1::GetFrontRequest* request,
                                                 v1::ListTrialsResponse* response) {
  return Read<v1::ListTrialsResponse>(
      response, [this, study = request->study()] { return queries_.GetFront(study); });
}

grpc::ServerUnaryReactor* StudyService::CancelStudy(Context* context,
                                                    const v1::GetStudyRequest* request,
                                                    v1::Study* response) {
  return Change<v1::Study>(request->study(), response,
                           [this](std::string name, Answer<v1::Study> answer) {
                             coordinator_.CancelStudy(std::move(name), std::move(answer));
                           });
}

grpc::ServerUnaryReactor* StudyService::ExtendStudy(Context* context,
                                                    const v1::ExtendStudyRequest* request,
                                                    v1::Study* response) {
  const int64_t trials = request->trials();
  return Change<v1::Study>(request->study(), response,
                           [this, trials](std::string name, Answer<v1::Study> answer) {
                             coordinator_.ExtendStudy(std::move(name), trials, std::move(answer));
                           });
}

grpc::ServerUnaryReactor* StudyService::DeleteStudy(Context* context,
                                                    const v1::GetStudyRequest* request,
                                                    v1::DeleteStudyResponse* response) {
  return Change<v1::DeleteStudyResponse>(
      request->study(), response, [this](std::string name, Answer<v1::DeleteStudyResponse> answer) {
        coordinator_.DeleteStudy(std::move(name), std::move(answer));
      });
}

grpc::ServerUnaryReactor* StudyService::ListWorkers(Context* context,
                                                    const v1::ListWorkersRequest* request,
                                                    v1::ListWorkersResponse* response) {
  auto call = UnaryCall<v1::ListWorkersResponse>::Make(response);
  coordinator_.ListWorkers(AnswerTo(call));
  return call.get();
}

}  // namespace cambrian
