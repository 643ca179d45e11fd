// The worker service: Poll and Report go to the coordinator as they come.
#pragma once

#include "cambrian/v1/worker_service.grpc.pb.h"
#include "server/rpc/door.h"
#include "server/rpc/executor.h"
#include "server/study/coordinator.h"
#include "server/study/queries.h"

namespace cambrian {

// Thread-safe. Everything handed in outlives it.
class WorkerService : public v1::WorkerService::CallbackService {
 public:
  WorkerService(Coordinator& coordinator, const Queries& queries, Executor& executor, Door& door)
      : coordinator_(coordinator), queries_(queries), executor_(executor), door_(door) {}

  grpc::ServerUnaryReactor* Poll(grpc::CallbackServerContext* context,
                                 const v1::PollRequest* request,
                                 v1::Assignments* response) override;
  grpc::ServerUnaryReactor* Report(grpc::CallbackServerContext* context,
                                   const v1::ReportRequest* request,
                                   v1::Assignments* response) override;
  grpc::ServerUnaryReactor* GetStudySpec(grpc::CallbackServerContext* context,
                                         const v1::GetStudySpecRequest* request,
                                         v1::GetStudySpecResponse* response) override;

 private:
  Coordinator& coordinator_;
  const Queries& queries_;
  Executor& executor_;
  Door& door_;
};

}  // namespace cambrian
