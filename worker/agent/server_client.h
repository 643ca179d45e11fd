// The worker's side of the wire: every call with a deadline, none repeated here.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cambrian/v1/artifact_service.grpc.pb.h"
#include "cambrian/v1/worker_service.grpc.pb.h"
#include "common/base/mutex.h"
#include "common/wire/channel.h"
#include "grpcpp/channel.h"

namespace cambrian {

// Thread-safe. Errors are the server's, or kUnavailable and kDeadlineExceeded.
class ServerClient {
 public:
  // "unix:PATH" or "host:port". \error of MakeChannel
  static absl::StatusOr<std::shared_ptr<grpc::Channel>> Connect(const std::string& address,
                                                                const ChannelOptions& options = {});

  explicit ServerClient(std::shared_ptr<grpc::Channel> channel);

  // Hangs while there is no news, 15 s at most.
  absl::StatusOr<v1::Assignments> Poll(const v1::PollRequest& request);
  absl::StatusOr<v1::Assignments> Report(const v1::ReportRequest& request);
  // The complete text of a study.
  absl::StatusOr<std::string> GetStudySpec(const std::string& study);
  // Streams a file to the artifact store.
  absl::Status Upload(const std::string& path, const std::string& sha256,
                      absl::Duration timeout = absl::Minutes(10));
  // Streams an artifact to a file, which is whole when it has its name.
  // \error kNotFound: there is none; kResourceExhausted: larger than that; kDataLoss: not what its
  // hash says; kInternal: the disk
  absl::Status Download(const std::string& sha256, const std::string& path, int64_t max_bytes);

  // Ends the poll that hangs, downloads under way, and every later one at once.
  void CancelPolls();
  // Ends every call, and every later one at once.
  void CancelAll();

 private:
  class Call;

  const std::unique_ptr<v1::WorkerService::Stub> worker_;
  const std::unique_ptr<v1::ArtifactService::Stub> artifacts_;

  Mutex mutex_;
  bool no_polls_ ABSL_GUARDED_BY(mutex_) = false;
  bool no_calls_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<Call*> calls_ ABSL_GUARDED_BY(mutex_);  // under way
};

}  // namespace cambrian
