// The artifact service: files in chunks, written and read on the executor.
#pragma once

#include "cambrian/v1/artifact_service.grpc.pb.h"
#include "server/artifact/interface.h"
#include "server/rpc/executor.h"

namespace cambrian {

// Thread-safe. Everything handed in outlives it.
class ArtifactService : public v1::ArtifactService::CallbackService {
 public:
  ArtifactService(ArtifactStore& artifacts, Executor& executor)
      : artifacts_(artifacts), executor_(executor) {}

  grpc::ServerReadReactor<v1::UploadRequest>* Upload(grpc::CallbackServerContext* context,
                                                     v1::UploadResponse* response) override;
  grpc::ServerWriteReactor<v1::DownloadResponse>* Download(
      grpc::CallbackServerContext* context, const v1::DownloadRequest* request) override;

 private:
  ArtifactStore& artifacts_;
  Executor& executor_;
};

}  // namespace cambrian
