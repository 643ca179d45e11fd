// Whatever a client asks, the server answers, and its studies stay whole.
#include <calls.pb.h>

#include "tests/fuzz/service_server.h"

namespace cambrian {
namespace {

using Call = fuzz::StudyCalls::Call;

// A stream that goes on as long as its study does: some events are enough.
void Watch(const v1::WatchStudyRequest& request, v1::StudyService::Stub& studies) {
  const auto context = ServiceServer::Context();
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(50));
  const auto reader = studies.WatchStudy(context.get(), request);
  v1::Event event;
  int64_t last = request.after();
  while (reader->Read(&event)) {
    FUZZ_CHECK(event.number() > last);
    last = event.number();
  }
  reader->Finish();
}

grpc::Status Make(const Call& call, v1::StudyService::Stub& studies) {
  const auto owned = ServiceServer::Context();
  grpc::ClientContext* context = owned.get();
  v1::Study study;
  v1::ListTrialsResponse trials;
  v1::Trial trial;
  v1::GetServerResponse server;
  v1::ListStudiesResponse list;
  v1::GetTrialLogResponse log;
  v1::DeleteStudyResponse deleted;
  v1::ListWorkersResponse workers;
  switch (call.call_case()) {
    case Call::kGetServer:
      return studies.GetServer(context, call.get_server(), &server);
    case Call::kCreate:
      return studies.CreateStudy(context, call.create(), &study);
    case Call::kGet:
      return studies.GetStudy(context, call.get(), &study);
    case Call::kList:
      return studies.ListStudies(context, call.list(), &list);
    case Call::kWatch:
      Watch(call.watch(), studies);
      return grpc::Status::OK;
    case Call::kListTrials:
      return studies.ListTrials(context, call.list_trials(), &trials);
    case Call::kGetTrial:
      return studies.GetTrial(context, call.get_trial(), &trial);
    case Call::kGetLog:
      return studies.GetTrialLog(context, call.get_log(), &log);
    case Call::kGetFront:
      return studies.GetFront(context, call.get_front(), &trials);
    case Call::kCancel:
      return studies.CancelStudy(context, call.cancel(), &study);
    case Call::kPause:
      return studies.PauseStudy(context, call.pause(), &study);
    case Call::kResume:
      return studies.ResumeStudy(context, call.resume(), &study);
    case Call::kExtend:
      return studies.ExtendStudy(context, call.extend(), &study);
    case Call::kDelete:
      return studies.DeleteStudy(context, call.delete_(), &deleted);
    case Call::kListWorkers:
      return studies.ListWorkers(context, call.list_workers(), &workers);
    default:
      return grpc::Status::OK;
  }
}

}  // namespace
}  // namespace cambrian

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  cambrian::fuzz::StudyCalls calls;
  if (!calls.ParseFromArray(data, static_cast<int>(size)) || calls.calls_size() > 50) return 0;
  cambrian::ServiceServer server;
  for (const auto& call : calls.calls()) {
    const grpc::Status status = cambrian::Make(call, server.studies());
    FUZZ_CHECK(status.error_code() != grpc::StatusCode::DEADLINE_EXCEEDED);
    FUZZ_CHECK(status.error_code() != grpc::StatusCode::UNAVAILABLE);
  }
  server.Check();
  return 0;
}
