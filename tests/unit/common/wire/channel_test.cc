#include "common/wire/channel.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <fstream>

#include "cambrian/v1/study_service.grpc.pb.h"
#include "common/base/mutex.h"
#include "gmock/gmock.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"
#include "tests/testing/temporary_folder.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Answers one token, and remembers what came with the last call.
class Door final : public v1::StudyService::Service {
 public:
  explicit Door(std::string token) : token_(std::move(token)) {}

  grpc::Status GetServer(grpc::ServerContext* context, const v1::GetServerRequest*,
                         v1::GetServerResponse* response) override {
    const auto& metadata = context->client_metadata();
    const auto found = metadata.find("authorization");
    const std::string header =
        found == metadata.end() ? "" : std::string(found->second.data(), found->second.size());
    const MutexLock lock(&mutex_);
    seen_ = header;
    if (!token_.empty() && header != "Bearer " + token_) {
      return grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "who are you?");
    }
    response->set_version("here");
    return grpc::Status::OK;
  }

  void SetToken(std::string token) {
    const MutexLock lock(&mutex_);
    token_ = std::move(token);
  }
  std::string seen() {
    const MutexLock lock(&mutex_);
    return seen_;
  }

 private:
  Mutex mutex_;
  std::string token_ ABSL_GUARDED_BY(mutex_);
  std::string seen_ ABSL_GUARDED_BY(mutex_);
};

class ChannelTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& content, mode_t mode = 0600) {
    const std::string path = folder_.path() + "/" + name;
    std::ofstream(path) << content;
    chmod(path.c_str(), mode);
    return path;
  }

  // A server on loopback; its address.
  std::string Serve(Door& door, std::shared_ptr<grpc::ServerCredentials> credentials) {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("localhost:0", std::move(credentials), &port);
    builder.RegisterService(&door);
    server_ = builder.BuildAndStart();
    return "localhost:" + std::to_string(port);
  }

  static grpc::StatusCode Ask(const std::shared_ptr<grpc::Channel>& channel) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    v1::GetServerResponse response;
    return v1::StudyService::NewStub(channel)
        ->GetServer(&context, v1::GetServerRequest(), &response)
        .error_code();
  }

  // A certificate authority, and certificates that it signs: NAME.pem and NAME.key.
  bool MakeCertificates() {
    const std::string script =
        "cd '" + folder_.path() +
        "' && exec >/dev/null 2>&1; "
        "new='openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'; "
        "$new -x509 -keyout ca.key -out ca.pem -subj /CN=ca -days 2 && "
        "$new -x509 -keyout other.key -out other.pem -subj /CN=other -days 2 && "
        "printf 'subjectAltName=DNS:localhost' > san && for name in server client; do "
        "$new -keyout $name.key -out $name.csr -subj /CN=$name && "
        "openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 "
        "-extfile san -out $name.pem || exit 1; done";
    return system(script.c_str()) == 0;
  }
  std::string Read(const std::string& name) {
    std::ifstream file(folder_.path() + "/" + name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::string Path(const std::string& name) { return folder_.path() + "/" + name; }

  testing::TemporaryFolder folder_;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(ChannelTest, CallsCarryTheToken) {
  Door door("s3cret");
  const std::string address = Serve(door, grpc::InsecureServerCredentials());
  const auto channel = MakeChannel(address, {.token_file = Write("token", "s3cret\n")});
  ASSERT_TRUE(channel.ok()) << channel.status();
  EXPECT_EQ(Ask(*channel), grpc::StatusCode::OK);
  EXPECT_EQ(door.seen(), "Bearer s3cret");

  const auto without = MakeChannel(address, {});
  ASSERT_TRUE(without.ok()) << without.status();
  EXPECT_EQ(Ask(*without), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(door.seen(), "");
}

TEST_F(ChannelTest, ATokenThatChangedIsReadAgainAfterARefusal) {
  Door door("old");
  const std::string file = Write("token", "old");
  const auto channel =
      MakeChannel(Serve(door, grpc::InsecureServerCredentials()), {.token_file = file});
  ASSERT_TRUE(channel.ok()) << channel.status();
  EXPECT_EQ(Ask(*channel), grpc::StatusCode::OK);
  door.SetToken("new");
  EXPECT_EQ(Ask(*channel), grpc::StatusCode::UNAUTHENTICATED);  // the file still says "old"
  Write("token", "new");
  EXPECT_EQ(Ask(*channel), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Ask(*channel), grpc::StatusCode::OK);
  // A file that has gone takes nothing away.
  ASSERT_EQ(unlink(file.c_str()), 0);
  door.SetToken("other");
  EXPECT_EQ(Ask(*channel), grpc::StatusCode::UNAUTHENTICATED);
  door.SetToken("new");
  EXPECT_EQ(Ask(*channel), grpc::StatusCode::OK);
}

TEST_F(ChannelTest, RefusesATokenFileThatIsOpenToAllOrEmpty) {
  const auto refused = [](const std::string& file) {
    return MakeChannel("unix:/nowhere", {.token_file = file}).status();
  };
  const absl::Status open = refused(Write("open", "s3cret", 0644));
  EXPECT_TRUE(absl::IsPermissionDenied(open)) << open;
  EXPECT_THAT(std::string(open.message()), HasSubstr("open"));
  for (const char* content : {"", "\n", "two words", "s3cret\x01"}) {
    const absl::Status status = refused(Write("bad", content));
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("s3cret")));
  }
  EXPECT_TRUE(absl::IsNotFound(refused(Path("missing"))));
  EXPECT_TRUE(absl::IsInvalidArgument(refused(folder_.path())));
}

TEST_F(ChannelTest, ATokenGoesInClearOnlyToThisMachine) {
  ChannelOptions options{.token_file = Write("token", "s3cret")};
  const absl::Status status = MakeChannel("search.example.org:7700", options).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("in clear"));
  options.insecure = true;
  EXPECT_TRUE(MakeChannel("search.example.org:7700", options).ok());
  options.insecure = false;
  options.tls = true;
  EXPECT_TRUE(MakeChannel("search.example.org:7700", options).ok());
}

TEST_F(ChannelTest, KnowsWhatIsLocal) {
  for (const char* address : {"unix:/run/x.sock", "localhost:7700", "LOCALHOST:1", "127.0.0.1:7700",
                              "127.8.9.10:1", "[::1]:7700", "dns:///localhost:1", "ipv6:[::1]:2"}) {
    EXPECT_TRUE(IsLocalAddress(address)) << address;
  }
  for (const char* address :
       {"", "example.org:7700", "10.0.0.1:7700", "127.0.0.1.example.org:1", "127.evil.example:1",
        "localhost.example.org:1", "[::2]:1", "[::1].example.org:1", "0.0.0.0:1", "1.127.0.0:1"}) {
    EXPECT_FALSE(IsLocalAddress(address)) << address;
  }
}

TEST_F(ChannelTest, MutualTlsKnowsBothSides) {
  if (!MakeCertificates()) GTEST_SKIP() << "no openssl program";
  Door door("");
  grpc::SslServerCredentialsOptions ssl(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  ssl.pem_root_certs = Read("ca.pem");
  ssl.pem_key_cert_pairs.push_back({Read("server.key"), Read("server.pem")});
  const std::string address = Serve(door, grpc::SslServerCredentials(ssl));
  const ChannelOptions good{
      .tls_ca = Path("ca.pem"), .tls_cert = Path("client.pem"), .tls_key = Path("client.key")};
  ASSERT_EQ(chmod(good.tls_key.c_str(), 0600), 0);
  const auto ask = [&](const ChannelOptions& options) {
    const auto channel = MakeChannel(address, options);
    EXPECT_TRUE(channel.ok()) << channel.status();
    return channel.ok() ? Ask(*channel) : grpc::StatusCode::INTERNAL;
  };
  EXPECT_EQ(ask(good), grpc::StatusCode::OK);
  ChannelOptions stranger = good;
  stranger.tls_ca = Path("other.pem");
  EXPECT_EQ(ask(stranger), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ask({.tls_ca = Path("ca.pem")}), grpc::StatusCode::UNAVAILABLE);  // no certificate
  EXPECT_EQ(ask({}), grpc::StatusCode::UNAVAILABLE);                          // no TLS

  ChannelOptions half = good;
  half.tls_key.clear();
  EXPECT_TRUE(absl::IsInvalidArgument(MakeChannel(address, half).status()));
  ASSERT_EQ(chmod(good.tls_key.c_str(), 0644), 0);
  EXPECT_TRUE(absl::IsPermissionDenied(MakeChannel(address, good).status()));
}

}  // namespace
}  // namespace cambrian
