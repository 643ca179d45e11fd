// The artifact service: files in chunks, written and read on the executor.
#pragma once

#include "cambrian/v1/artifact_service.grpc.pb.h"
#include "server/artifact/interface.h"
#include "server/rpc/door.h"
#include "server/rpc/executor.h"
#include "server/rpc/limits.h"
#include "server/study/queries.h"

namespace cambrian {

// Thread-safe. Everything handed in outlives it. An artifact goes to those who see a study that has
// it: to others it is not there.
class ArtifactService : public v1::ArtifactService::CallbackService {
 public:
  ArtifactService(ArtifactStore& artifacts, const Queries& queries, Executor& executor, Door& door,
                  Limits limits)
      : artifacts_(artifacts),
        queries_(queries),
        executor_(executor),
        door_(door),
        limits_(limits) {}

  grpc::ServerReadReactor<v1::UploadRequest>* Upload(grpc::CallbackServerContext* context,
                                                     v1::UploadResponse* response) override;
  grpc::ServerWriteReactor<v1::DownloadResponse>* Download(
      grpc::CallbackServerContext* context, const v1::DownloadRequest* request) override;

 private:
  ArtifactStore& artifacts_;
  const Queries& queries_;
  Executor& executor_;
  Door& door_;
  const Limits limits_;
};

}  // namespace cambrian
