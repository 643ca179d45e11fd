#include "tests/benchmark/coordinator/bare_server.h"

#include <unistd.h>

#include <cstdio>

#include "cambrian/v1/worker_service.grpc.pb.h"
#include "common/base/version.h"
#include "grpcpp/grpcpp.h"

namespace cambrian {
namespace {

constexpr char kArchitecture[] =
    R"({"cell.edge_0_1": "conv3x3", "cell.edge_0_2": "skip", "cell.edge_1_2": "conv1x1", "recipe.optimizer.lr": 0.0310518})";

class BareService : public v1::WorkerService::CallbackService {
 public:
  grpc::ServerUnaryReactor* Poll(grpc::CallbackServerContext* context, const v1::PollRequest*,
                                 v1::Assignments* response) override {
    return Answer(context, response);
  }
  grpc::ServerUnaryReactor* Report(grpc::CallbackServerContext* context,
                                   const v1::ReportRequest* request,
                                   v1::Assignments* response) override {
    for (const v1::Completion& completion : request->completions()) {
      response->add_settled(completion.token());
    }
    return Answer(context, response);
  }

 private:
  static grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context,
                                          v1::Assignments* response) {
    response->set_revision(int64_t{1} << 33);
    response->set_protocol(kWireProtocol);
    response->set_version(kVersion);
    v1::Assignment& assignment = *response->add_assignments();
    assignment.set_assignment("speed-1/100000");
    assignment.set_token(100'000);
    assignment.set_attempt(1);
    assignment.set_study("speed-1");
    assignment.set_trial(100'000);
    assignment.set_architecture(kArchitecture);
    assignment.set_seed(0x1234'5678'9abc'def0);
    assignment.set_keep_checkpoint(true);
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

}  // namespace

int ServeBare() {
  BareService service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server || port == 0) return 1;
  std::printf("listening on 127.0.0.1:%d\n", port);
  std::fflush(stdout);
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  pause();  // stdin may be /dev/null: whoever started it ends it
  return 0;
}

}  // namespace cambrian
