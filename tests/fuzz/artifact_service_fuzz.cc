// Whatever is uploaded, only what has the stated size and hash is stored.
#include <calls.pb.h>

#include "server/artifact/interface.h"
#include "tests/fuzz/service_server.h"

namespace cambrian {
namespace {

void Upload(const fuzz::ArtifactCalls::Call::Upload& upload, v1::ArtifactService::Stub& artifacts) {
  const auto context = ServiceServer::Context();
  v1::UploadResponse response;
  const auto writer = artifacts.Upload(context.get(), &response);
  for (const v1::UploadRequest& part : upload.parts()) {
    if (!writer->Write(part)) break;
  }
  writer->WritesDone();
  FUZZ_CHECK(writer->Finish().error_code() != grpc::StatusCode::DEADLINE_EXCEEDED);
}

void Download(const v1::DownloadRequest& request, v1::ArtifactService::Stub& artifacts) {
  const auto context = ServiceServer::Context();
  const auto reader = artifacts.Download(context.get(), request);
  v1::DownloadResponse part;
  while (reader->Read(&part)) {
  }
  const grpc::Status status = reader->Finish();
  FUZZ_CHECK(status.error_code() != grpc::StatusCode::DEADLINE_EXCEEDED);
  FUZZ_CHECK(!status.ok() || IsSha256(request.sha256()));
}

}  // namespace
}  // namespace cambrian

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using Call = cambrian::fuzz::ArtifactCalls::Call;
  cambrian::fuzz::ArtifactCalls calls;
  if (!calls.ParseFromArray(data, static_cast<int>(size)) || calls.calls_size() > 50) return 0;
  cambrian::ServiceServer server;
  for (const Call& call : calls.calls()) {
    if (call.call_case() == Call::kUpload) cambrian::Upload(call.upload(), server.artifacts());
    if (call.call_case() == Call::kDownload) {
      cambrian::Download(call.download(), server.artifacts());
    }
  }
  return 0;
}
