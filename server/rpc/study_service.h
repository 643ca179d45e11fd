// The study service: a thin adapter from gRPC to the coordinator and to what the store can tell.
#pragma once

#include <functional>
#include <memory>

#include "cambrian/v1/study_service.grpc.pb.h"
#include "server/rpc/door.h"
#include "server/rpc/executor.h"
#include "server/rpc/limits.h"
#include "server/rpc/turns.h"
#include "server/rpc/unary_call.h"
#include "server/rpc/watchers.h"
#include "server/study/coordinator.h"
#include "server/study/queries.h"

namespace cambrian {

// Thread-safe. Everything handed in outlives it.
class StudyService : public v1::StudyService::CallbackService {
 public:
  StudyService(Coordinator& coordinator, const Queries& queries, const StudyReader& reader,
               Watchers& watchers, Executor& executor, Door& door, Limits limits)
      : coordinator_(coordinator),
        queries_(queries),
        reader_(reader),
        watchers_(watchers),
        executor_(executor),
        door_(door),
        limits_(limits) {}

  using Context = grpc::CallbackServerContext;
  using Reactor = grpc::ServerUnaryReactor;

  Reactor* GetServer(Context* context, const v1::GetServerRequest* request,
                     v1::GetServerResponse* response) override;
  Reactor* CreateStudy(Context* context, const v1::CreateStudyRequest* request,
                       v1::Study* response) override;
  Reactor* GetStudy(Context* context, const v1::GetStudyRequest* request,
                    v1::Study* response) override;
  Reactor* ListStudies(Context* context, const v1::ListStudiesRequest* request,
                       v1::ListStudiesResponse* response) override;
  grpc::ServerWriteReactor<v1::Event>* WatchStudy(Context* context,
                                                  const v1::WatchStudyRequest* request) override;
  Reactor* ListTrials(Context* context, const v1::ListTrialsRequest* request,
                      v1::ListTrialsResponse* response) override;
  Reactor* GetTrial(Context* context, const v1::GetTrialRequest* request,
                    v1::Trial* response) override;
  Reactor* GetTrialLog(Context* context, const v1::GetTrialRequest* request,
                       v1::GetTrialLogResponse* response) override;
  Reactor* GetFront(Context* context, const v1::GetFrontRequest* request,
                    v1::ListTrialsResponse* response) override;
  Reactor* CancelStudy(Context* context, const v1::GetStudyRequest* request,
                       v1::Study* response) override;
  Reactor* PauseStudy(Context* context, const v1::GetStudyRequest* request,
                      v1::Study* response) override;
  Reactor* ResumeStudy(Context* context, const v1::GetStudyRequest* request,
                       v1::Study* response) override;
  Reactor* ExtendStudy(Context* context, const v1::ExtendStudyRequest* request,
                       v1::Study* response) override;
  Reactor* DeleteStudy(Context* context, const v1::GetStudyRequest* request,
                       v1::DeleteStudyResponse* response) override;
  Reactor* ListWorkers(Context* context, const v1::ListWorkersRequest* request,
                       v1::ListWorkersResponse* response) override;

 private:
  // Answers with what `read` gives, on the executor.
  template <typename Response>
  Reactor* Read(Context* context, absl::string_view method, Response* response,
                std::function<absl::StatusOr<Response>(const Scope&)> read);
  // Resolves the study's name on the executor, then hands over to the coordinator.
  template <typename Response>
  Reactor* Change(Context* context, absl::string_view method, const std::string& study,
                  Response* response,
                  std::function<void(const Scope&, std::string name, Answer<Response>)> change);
  // On the executor. The tenant's creations take turns: each sees those before it when it asks
  // whether there may be another study.
  void Create(const v1::CreateStudyRequest& request,
              const std::shared_ptr<UnaryCall<v1::Study>>& call);
  // Answers once.
  void CreateInTurn(const Scope& scope, const v1::CreateStudyRequest& request,
                    std::shared_ptr<const StudySpec> spec, Answer<v1::Study> answer);
  // With its warm start looked up, unless this request has created the study before. \error
  // kInvalidArgument if its file is too long with it; of LookUpWarmStart
  absl::StatusOr<std::shared_ptr<const StudySpec>> Complete(const Scope& scope,
                                                            std::shared_ptr<const StudySpec> spec,
                                                            const std::string& request_id);
  // Whether a study of so many trials may be created. \error kResourceExhausted
  absl::Status CheckBudget(const Scope& scope, int64_t trials, absl::string_view request_id) const;
  absl::Status CheckTrials(int64_t trials) const;

  Coordinator& coordinator_;
  const Queries& queries_;
  const StudyReader& reader_;
  Watchers& watchers_;
  Executor& executor_;
  Door& door_;
  const Limits limits_;
  Turns creations_;  // by tenant
};

}  // namespace cambrian
