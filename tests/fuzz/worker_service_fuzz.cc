// Whatever a worker sends, the server answers, and its studies stay whole.
#include <calls.pb.h>

#include "tests/fuzz/service_server.h"

namespace cambrian {
namespace {

grpc::Status Make(const fuzz::WorkerCalls::Call& call, v1::WorkerService::Stub& workers) {
  const auto context = ServiceServer::Context();
  v1::Assignments set;
  v1::GetStudySpecResponse spec;
  switch (call.call_case()) {
    case fuzz::WorkerCalls::Call::kPoll:
      return workers.Poll(context.get(), call.poll(), &set);
    case fuzz::WorkerCalls::Call::kReport:
      return workers.Report(context.get(), call.report(), &set);
    case fuzz::WorkerCalls::Call::kGetSpec:
      return workers.GetStudySpec(context.get(), call.get_spec(), &spec);
    default:
      return grpc::Status::OK;
  }
}

}  // namespace
}  // namespace cambrian

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  cambrian::fuzz::WorkerCalls calls;
  if (!calls.ParseFromArray(data, static_cast<int>(size)) || calls.calls_size() > 50) return 0;
  cambrian::ServiceServer server;
  for (const auto& call : calls.calls()) {
    const grpc::Status status = cambrian::Make(call, server.workers());
    FUZZ_CHECK(status.error_code() != grpc::StatusCode::DEADLINE_EXCEEDED);
    FUZZ_CHECK(status.error_code() != grpc::StatusCode::UNAVAILABLE);
  }
  server.Check();
  return 0;
}
