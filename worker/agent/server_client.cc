#include "worker/agent/server_client.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

#include "absl/time/time.h"
#include "common/base/status.h"
#include "common/wire/convert.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"

namespace cambrian {
namespace {

constexpr absl::Duration kPollDeadline = absl::Seconds(25);  // the server hangs 15 s
constexpr absl::Duration kCallDeadline = absl::Seconds(10);
constexpr absl::Duration kUploadDeadline = absl::Minutes(10);
constexpr size_t kChunkBytes = 256 << 10;

template <typename Response>
absl::StatusOr<Response> Answer(const grpc::Status& status, Response response) {
  if (!status.ok()) return FromGrpc(status);
  return response;
}

}  // namespace

// One attempt: its context, with a deadline, which can be cancelled while it lives.
class ServerClient::Call {
 public:
  Call(ServerClient& client, absl::Duration timeout, bool is_poll = false)
      : client_(client), is_poll_(is_poll) {
    context_.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(timeout));
    MutexLock lock(&client_.mutex_);
    client_.calls_.insert(this);
    // A call on a cancelled context ends at once.
    if (client_.no_calls_ || (is_poll && client_.no_polls_)) context_.TryCancel();
  }
  ~Call() {
    MutexLock lock(&client_.mutex_);
    client_.calls_.erase(this);
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  grpc::ClientContext* context() { return &context_; }
  bool is_poll() const { return is_poll_; }

 private:
  ServerClient& client_;
  const bool is_poll_;
  grpc::ClientContext context_;
};

std::shared_ptr<grpc::Channel> ServerClient::Connect(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 5'000);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

ServerClient::ServerClient(std::shared_ptr<grpc::Channel> channel)
    : worker_(v1::WorkerService::NewStub(channel)),
      artifacts_(v1::ArtifactService::NewStub(channel)) {}

absl::StatusOr<v1::Assignments> ServerClient::Poll(const v1::PollRequest& request) {
  Call call(*this, kPollDeadline, /*is_poll=*/true);
  v1::Assignments response;
  const grpc::Status status = worker_->Poll(call.context(), request, &response);
  return Answer(status, std::move(response));
}

void ServerClient::CancelPolls() {
  MutexLock lock(&mutex_);
  no_polls_ = true;
  for (Call* call : calls_) {
    if (call->is_poll()) call->context()->TryCancel();
  }
}

void ServerClient::CancelAll() {
  MutexLock lock(&mutex_);
  no_calls_ = true;
  for (Call* call : calls_) call->context()->TryCancel();
}

absl::StatusOr<v1::Assignments> ServerClient::Report(const v1::ReportRequest& request) {
  Call call(*this, kCallDeadline);
  v1::Assignments response;
  const grpc::Status status = worker_->Report(call.context(), request, &response);
  return Answer(status, std::move(response));
}

absl::StatusOr<std::string> ServerClient::GetStudySpec(const std::string& study) {
  Call call(*this, kCallDeadline);
  v1::GetStudySpecRequest request;
  request.set_study(study);
  v1::GetStudySpecResponse response;
  const grpc::Status status = worker_->GetStudySpec(call.context(), request, &response);
  return Answer(status, std::move(*response.mutable_text()));
}

absl::Status ServerClient::Upload(const std::string& path, const std::string& sha256) {
  std::error_code error;
  const uintmax_t size = std::filesystem::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  if (error || !file) return absl::NotFoundError(absl::StrCat("cannot read ", path));

  Call call(*this, kUploadDeadline);
  v1::UploadResponse response;
  const auto writer = artifacts_->Upload(call.context(), &response);
  v1::UploadRequest request;
  request.mutable_header()->set_size(static_cast<int64_t>(size));
  request.mutable_header()->set_sha256(sha256);
  std::vector<char> buffer(kChunkBytes);
  // A write fails once the server has answered, be it that it has the content already.
  while (writer->Write(request)) {
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    if (file.gcount() == 0) break;
    request.set_chunk(buffer.data(), file.gcount());
  }
  writer->WritesDone();
  return Annotate(FromGrpc(writer->Finish()), "upload of a checkpoint");
}

}  // namespace cambrian
