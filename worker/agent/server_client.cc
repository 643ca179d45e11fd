#include "worker/agent/server_client.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

#include "absl/time/time.h"
#include "common/base/status.h"
#include "common/wire/convert.h"
#include "worker/agent/outbox.h"

namespace cambrian {
namespace {

constexpr absl::Duration kPollDeadline = absl::Seconds(25);  // the server hangs 15 s
constexpr absl::Duration kCallDeadline = absl::Seconds(10);
constexpr absl::Duration kDownloadDeadline = absl::Minutes(10);
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

absl::StatusOr<std::shared_ptr<grpc::Channel>> ServerClient::Connect(
    const std::string& address, const ChannelOptions& options) {
  return MakeChannel(address, options);
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

absl::Status ServerClient::Upload(const std::string& path, const std::string& sha256,
                                  absl::Duration timeout) {
  std::error_code error;
  const uintmax_t size = std::filesystem::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  if (error || !file) return absl::NotFoundError(absl::StrCat("cannot read ", path));

  Call call(*this, timeout);
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

absl::Status ServerClient::Download(const std::string& sha256, const std::string& path,
                                    int64_t max_bytes) {
  const std::string temporary = path + ".new";
  std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
  Call call(*this, kDownloadDeadline, /*is_poll=*/true);  // only who stays needs it
  v1::DownloadRequest request;
  request.set_sha256(sha256);
  const auto reader = artifacts_->Download(call.context(), request);
  v1::DownloadResponse response;
  int64_t bytes = 0;
  while (file && bytes <= max_bytes && reader->Read(&response)) {
    bytes += static_cast<int64_t>(response.chunk().size());
    file << response.chunk();
  }
  const bool stopped = !file || bytes > max_bytes;
  if (stopped) call.context()->TryCancel();
  absl::Status status = FromGrpc(reader->Finish());
  file.close();
  if (bytes > max_bytes) status = absl::ResourceExhaustedError("it is too large");
  if (!file) status = absl::InternalError(absl::StrCat("cannot write ", temporary));
  if (status.ok()) {
    const absl::StatusOr<std::string> hash = Sha256OfFile(temporary);
    status = hash.status();
    if (hash.ok() && *hash != sha256) status = absl::DataLossError("it is not what its hash says");
  }
  std::error_code error;
  if (status.ok()) std::filesystem::rename(temporary, path, error);
  if (error) status = absl::InternalError(absl::StrCat(path, ": ", error.message()));
  if (!status.ok()) std::filesystem::remove(temporary, error);
  return Annotate(status, "download of a checkpoint");
}

}  // namespace cambrian
