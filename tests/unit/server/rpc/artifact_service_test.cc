#include "server/rpc/artifact_service.h"

#include "tests/unit/server/rpc/rpc_fixture.h"

namespace cambrian {
namespace {

constexpr char kHello[] = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

class ArtifactServiceTest : public RpcServerTest {
 protected:
  grpc::Status Upload(const std::vector<v1::UploadRequest>& requests) {
    Context context;
    v1::UploadResponse response;
    auto writer = artifacts_->Upload(&context, &response);
    for (const v1::UploadRequest& request : requests) {
      if (!writer->Write(request)) break;
    }
    writer->WritesDone();
    return writer->Finish();
  }
  static v1::UploadRequest Header(int64_t size, const std::string& sha256) {
    v1::UploadRequest request;
    request.mutable_header()->set_size(size);
    request.mutable_header()->set_sha256(sha256);
    return request;
  }
  static v1::UploadRequest Chunk(const std::string& bytes) {
    v1::UploadRequest request;
    request.set_chunk(bytes);
    return request;
  }
};

TEST_F(ArtifactServiceTest, ArtifactsGoUpAndDown) {
  ASSERT_TRUE(Upload({Header(5, kHello), Chunk("hel"), Chunk("lo")}).ok());
  Context context;
  v1::DownloadRequest request;
  request.set_sha256(kHello);
  auto reader = artifacts_->Download(&context, request);
  std::string content;
  v1::DownloadResponse response;
  while (reader->Read(&response)) content += response.chunk();
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(content, "hello");
}

TEST_F(ArtifactServiceTest, BrokenUploadsAreRefused) {
  const auto code = [&](const std::vector<v1::UploadRequest>& requests) {
    return Upload(requests).error_code();
  };
  EXPECT_EQ(code({}), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(code({Chunk("hello")}), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(code({Header(5, "../x"), Chunk("hello")}), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(code({Header(5, kHello), Chunk("hullo")}), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(code({Header(4, kHello), Chunk("hello")}), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(code({Header(5, kHello), Header(5, kHello)}), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(code({Header(-1, kHello)}), grpc::StatusCode::INVALID_ARGUMENT);
  Context context;
  v1::DownloadRequest request;
  request.set_sha256(kHello);
  auto reader = artifacts_->Download(&context, request);
  v1::DownloadResponse response;
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace cambrian
