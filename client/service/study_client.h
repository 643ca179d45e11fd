// The server's study service as plain calls: versions checked, deadlines set, statuses ours.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cambrian/v1/study_service.grpc.pb.h"
#include "client/service/settings.h"

namespace cambrian {

// Errors carry the server's words; kUnavailable says which server and what to do. Thread-safe.
class StudyClient {
 public:
  // Connects to "host:port" or "unix:PATH" and compares versions, waiting for at most `patience`
  // for a server that is not there yet. \error kUnavailable; kFailedPrecondition that says which
  // side is too old; kUnauthenticated, kPermissionDenied; kInvalidArgument if a file of the
  // settings cannot be used.
  static absl::StatusOr<std::unique_ptr<StudyClient>> Connect(const ServerSettings& settings,
                                                              absl::Duration patience);
  // Without TLS and token: a server of this machine.
  static absl::StatusOr<std::unique_ptr<StudyClient>> Connect(const std::string& address,
                                                              absl::Duration patience);

  const std::string& address() const { return settings_.server; }
  const std::string& server_version() const { return server_version_; }

  // `study` may be an unambiguous beginning of a name wherever one is wanted.
  absl::StatusOr<v1::Study> GetStudy(const std::string& study, bool with_text = false);
  absl::StatusOr<std::vector<v1::Study>> ListStudies();
  // With `continue_from`, the new study inherits the trials of that one, which has ended.
  absl::StatusOr<v1::Study> CreateStudy(const std::string& text,
                                        const std::string& continue_from = "");
  absl::StatusOr<v1::Study> CancelStudy(const std::string& study);
  absl::StatusOr<v1::Study> PauseStudy(const std::string& study);
  absl::StatusOr<v1::Study> ResumeStudy(const std::string& study);
  absl::StatusOr<v1::Study> ExtendStudy(const std::string& study, int64_t trials);
  absl::Status DeleteStudy(const std::string& study);

  absl::StatusOr<std::vector<v1::Trial>> ListTrials(const std::string& study);
  absl::StatusOr<std::vector<v1::Trial>> GetFront(const std::string& study);
  // With its curve and the history of its attempts.
  absl::StatusOr<v1::Trial> GetTrial(const std::string& study, int64_t number);
  absl::StatusOr<std::string> GetTrialLog(const std::string& study, int64_t number);

  absl::StatusOr<std::vector<v1::WorkerStatus>> ListWorkers();

  // Hands every event after number `after` to `on_event`, until the study has ended (OK) or
  // `context` is cancelled from another thread (kCancelled).
  absl::Status Watch(const std::string& study, int64_t after, grpc::ClientContext& context,
                     const std::function<void(const v1::Event&)>& on_event);

 private:
  StudyClient(ServerSettings settings, std::unique_ptr<v1::StudyService::Stub> stub)
      : settings_(std::move(settings)), stub_(std::move(stub)) {}

  absl::Status CheckServer(absl::Duration patience);
  absl::Status Translate(const grpc::Status& status) const;

  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (v1::StudyService::Stub::*method)(grpc::ClientContext*,
                                                                               const Request&,
                                                                               Response*),
                                const Request& request);

  const ServerSettings settings_;
  const std::unique_ptr<v1::StudyService::Stub> stub_;
  std::string server_version_;
};

}  // namespace cambrian
