#include "server/rpc/worker_service.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/artifact/interface.h"
#include "server/rpc/unary_call.h"

namespace cambrian {
namespace {

constexpr int kMaxListed = 4096;  // held leases, completions … in one message
constexpr int kMaxDevices = 64;
constexpr int kMaxMetrics = 64;
constexpr size_t kMaxMetricNameBytes = 64;
constexpr size_t kMaxReasonBytes = 8 << 10;

template <typename Measurements>
bool AreFine(const Measurements& measurements) {
  if (measurements.size() > kMaxMetrics) return false;
  for (const v1::Measurement& measurement : measurements) {
    const std::string& name = measurement.metric();
    if (name.empty() || name.size() > kMaxMetricNameBytes) return false;
  }
  return true;
}

// Empty, or the name of an artifact.
bool IsCheckpoint(const std::string& text) { return text.empty() || IsSha256(text); }

absl::Status NotACheckpoint(absl::string_view assignment) {
  return absl::InvalidArgumentError(
      absl::StrCat(assignment, ": a checkpoint is named by its SHA-256"));
}

absl::Status Check(const v1::ReportRequest& request) {
  if (request.held_size() > kMaxListed || request.completions_size() > kMaxListed ||
      request.progress_size() > kMaxListed || request.hand_backs_size() > kMaxListed) {
    return absl::InvalidArgumentError("a report has at most 4096 entries of a kind");
  }
  for (const v1::ProgressReport& progress : request.progress()) {
    if (!AreFine(progress.progress().metrics()) || progress.progress().step() < 0) {
      return absl::InvalidArgumentError(absl::StrCat(progress.assignment(), ": bad progress"));
    }
    if (!IsCheckpoint(progress.checkpoint())) return NotACheckpoint(progress.assignment());
  }
  for (const v1::Completion& completion : request.completions()) {
    if (!AreFine(completion.metrics()) || completion.reason().size() > kMaxReasonBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat(completion.assignment(), ": bad metrics or too long a reason"));
    }
    if (!IsCheckpoint(completion.checkpoint())) return NotACheckpoint(completion.assignment());
  }
  for (const v1::HandBack& hand_back : request.hand_backs()) {
    if (!IsCheckpoint(hand_back.checkpoint())) return NotACheckpoint(hand_back.assignment());
    if (hand_back.reason().size() > kMaxReasonBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat(hand_back.assignment(), ": too long a reason"));
    }
  }
  if (request.devices_size() > kMaxDevices) {
    return absl::InvalidArgumentError("a worker has at most 64 devices");
  }
  return absl::OkStatus();
}

}  // namespace

grpc::ServerUnaryReactor* WorkerService::Poll(grpc::CallbackServerContext* context,
                                              const v1::PollRequest* request,
                                              v1::Assignments* response) {
  auto call = UnaryCall<v1::Assignments>::Make(door_, *context, "WorkerService/Poll", response);
  if (call->IsFinished()) return call.get();
  if (request->held_size() > kMaxListed) {
    call->Answer(absl::InvalidArgumentError("a worker holds at most 4096 leases"));
  } else {
    coordinator_.Poll(call->scope(), *request, AnswerTo(call),
                      [call] { return call->IsFinished(); });
  }
  return call.get();
}

grpc::ServerUnaryReactor* WorkerService::Report(grpc::CallbackServerContext* context,
                                                const v1::ReportRequest* request,
                                                v1::Assignments* response) {
  auto call = UnaryCall<v1::Assignments>::Make(door_, *context, "WorkerService/Report", response);
  if (call->IsFinished()) return call.get();
  if (absl::Status status = Check(*request); !status.ok()) {
    call->Answer(status);
  } else {
    coordinator_.Report(call->scope(), *request, AnswerTo(call));
  }
  return call.get();
}

grpc::ServerUnaryReactor* WorkerService::GetStudySpec(grpc::CallbackServerContext* context,
                                                      const v1::GetStudySpecRequest* request,
                                                      v1::GetStudySpecResponse* response) {
  auto call = UnaryCall<v1::GetStudySpecResponse>::Make(door_, *context,
                                                        "WorkerService/GetStudySpec", response);
  if (call->IsFinished()) return call.get();
  executor_.Run([this, call, study = request->study()] {
    absl::StatusOr<std::string> text = queries_.StudyText(call->scope(), study);
    if (!text.ok()) return call->Answer(text.status());
    v1::GetStudySpecResponse answer;
    answer.set_text(*std::move(text));
    call->Answer(std::move(answer));
  });
  return call.get();
}

}  // namespace cambrian
