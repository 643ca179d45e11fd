// A whole server in this process, for the fuzz targets of its services: real gRPC over a Unix
// socket, a store in memory, and one study, "s-1".
#pragma once

#include <memory>
#include <string>

#include "cambrian/v1/artifact_service.grpc.pb.h"
#include "cambrian/v1/study_service.grpc.pb.h"
#include "cambrian/v1/worker_service.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/testing/server.h"
#include "tests/testing/temporary_folder.h"

namespace cambrian {

class ServiceServer {
 public:
  ServiceServer();

  // A new context for each call, which ends soon: no input may make a call hang.
  static std::unique_ptr<grpc::ClientContext> Context();

  // What holds after any calls: the counts of every study add up to its trials, and its trials are
  // numbered without gaps.
  void Check();

  v1::StudyService::Stub& studies() { return *studies_; }
  v1::WorkerService::Stub& workers() { return *workers_; }
  v1::ArtifactService::Stub& artifacts() { return *artifacts_; }

 private:
  const testing::TemporaryFolder folder_;
  testing::Server server_;
  std::unique_ptr<v1::StudyService::Stub> studies_;
  std::unique_ptr<v1::WorkerService::Stub> workers_;
  std::unique_ptr<v1::ArtifactService::Stub> artifacts_;
};

}  // namespace cambrian
