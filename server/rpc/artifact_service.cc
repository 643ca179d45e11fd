#include "server/rpc/artifact_service.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/wire/convert.h"

namespace cambrian {
namespace {

constexpr size_t kMaxChunkBytes = 1 << 20;
constexpr size_t kDownloadChunkBytes = 256 << 10;

// One message at a time: read it, store it on the executor, read the next. Finishes once.
class UploadStream : public grpc::ServerReadReactor<v1::UploadRequest> {
 public:
  UploadStream(ArtifactStore& artifacts, Executor& executor, Entry entry, int64_t max_bytes)
      : artifacts_(artifacts),
        executor_(executor),
        max_bytes_(max_bytes),
        entry_(std::move(entry)) {}

  void Begin(std::shared_ptr<UploadStream> self) {
    self_ = std::move(self);
    if (!entry_.status().ok()) return FinishOnce(entry_.status());
    StartRead(&request_);
  }

  // `ok` is false at the end of the stream, and when the caller has hung up.
  void OnReadDone(bool ok) override {
    executor_.Run([self = self_, ok] { self->Take(ok); });
  }
  void OnCancel() override { FinishOnce(absl::CancelledError("the caller hung up")); }
  void OnDone() override {
    entry_.Depart();
    std::shared_ptr<UploadStream> self = std::move(self_);
  }

 private:
  void Take(bool ok) {
    absl::Status status = ok ? Store() : Complete();
    if (!ok || !status.ok()) return FinishOnce(status);
    MutexLock lock(&mutex_);
    if (!finished_) StartRead(&request_);
  }

  absl::Status Store() {
    if (request_.has_header()) {
      if (writer_) return absl::InvalidArgumentError("a second header");
      const v1::UploadRequest::Header& header = request_.header();
      if (header.size() < 0 || header.size() > max_bytes_) {
        return absl::InvalidArgumentError(
            absl::StrCat("an artifact has at most ", max_bytes_, " bytes"));
      }
      absl::StatusOr<std::unique_ptr<ArtifactWriter>> writer =
          artifacts_.Create(header.size(), header.sha256());
      if (!writer.ok()) return writer.status();
      writer_ = *std::move(writer);
      return absl::OkStatus();
    }
    if (!writer_) return absl::InvalidArgumentError("a chunk before the header");
    if (request_.chunk().size() > kMaxChunkBytes) {
      return absl::InvalidArgumentError("a chunk has at most 1 MiB");
    }
    return writer_->Write(request_.chunk());
  }

  absl::Status Complete() {
    if (!writer_) return absl::InvalidArgumentError("no header");
    return writer_->Finish();
  }

  void FinishOnce(const absl::Status& status) {
    MutexLock lock(&mutex_);
    if (finished_) return;
    finished_ = true;
    entry_.Leave(status.code());
    Finish(ToGrpc(status));
  }

  ArtifactStore& artifacts_;
  Executor& executor_;
  const int64_t max_bytes_;
  Entry entry_;
  std::shared_ptr<UploadStream> self_;
  v1::UploadRequest request_;
  std::unique_ptr<ArtifactWriter> writer_;
  Mutex mutex_;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

// Reads a chunk on the executor, writes it, reads the next. Finishes once.
class DownloadStream : public grpc::ServerWriteReactor<v1::DownloadResponse> {
 public:
  DownloadStream(ArtifactStore& artifacts, const Queries& queries, Executor& executor, Entry entry,
                 std::string sha256)
      : artifacts_(artifacts),
        queries_(queries),
        executor_(executor),
        entry_(std::move(entry)),
        sha256_(std::move(sha256)) {}

  void Begin(std::shared_ptr<DownloadStream> self) {
    self_ = self;
    if (!entry_.status().ok()) return FinishOnce(entry_.status());
    executor_.Run([self] {
      const absl::Status opened = self->Open();
      if (!opened.ok()) return self->FinishOnce(opened);
      self->Next();
    });
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return FinishOnce(absl::CancelledError("the caller hung up"));
    executor_.Run([self = self_] { self->Next(); });
  }
  void OnCancel() override { FinishOnce(absl::CancelledError("the caller hung up")); }
  void OnDone() override {
    entry_.Depart();
    std::shared_ptr<DownloadStream> self = std::move(self_);
  }

 private:
  absl::Status Open() {
    ASSIGN_OR_RETURN(const bool seen, queries_.SeesArtifact(entry_.scope(), sha256_));
    if (!seen) return absl::NotFoundError(absl::StrCat("no artifact ", sha256_));
    ASSIGN_OR_RETURN(reader_, artifacts_.Open(sha256_));
    return absl::OkStatus();
  }

  void Next() {
    absl::StatusOr<std::string> chunk = reader_->Read(kDownloadChunkBytes);
    if (!chunk.ok() || chunk->empty()) return FinishOnce(chunk.status());
    MutexLock lock(&mutex_);
    if (finished_) return;
    response_.set_chunk(*std::move(chunk));
    StartWrite(&response_);
  }

  void FinishOnce(const absl::Status& status) {
    MutexLock lock(&mutex_);
    if (finished_) return;
    finished_ = true;
    entry_.Leave(status.code());
    Finish(ToGrpc(status));
  }

  ArtifactStore& artifacts_;
  const Queries& queries_;
  Executor& executor_;
  Entry entry_;
  const std::string sha256_;
  std::shared_ptr<DownloadStream> self_;
  std::unique_ptr<ArtifactReader> reader_;
  v1::DownloadResponse response_;
  Mutex mutex_;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

grpc::ServerReadReactor<v1::UploadRequest>* ArtifactService::Upload(
    grpc::CallbackServerContext* context, v1::UploadResponse* response) {
  auto stream = std::make_shared<UploadStream>(artifacts_, executor_,
                                               door_.Enter(*context, "ArtifactService/Upload"),
                                               limits_.artifact_bytes);
  stream->Begin(stream);
  return stream.get();
}

grpc::ServerWriteReactor<v1::DownloadResponse>* ArtifactService::Download(
    grpc::CallbackServerContext* context, const v1::DownloadRequest* request) {
  auto stream = std::make_shared<DownloadStream>(artifacts_, queries_, executor_,
                                                 door_.Enter(*context, "ArtifactService/Download"),
                                                 request->sha256());
  stream->Begin(stream);
  return stream.get();
}

}  // namespace cambrian
