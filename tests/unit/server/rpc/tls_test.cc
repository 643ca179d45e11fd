// Real certificates, made by openssl, over real connections.
#include "server/rpc/tls.h"

#include <fstream>

#include "absl/strings/str_cat.h"
#include "grpcpp/security/credentials.h"
#include "tests/testing/programs.h"
#include "tests/unit/server/rpc/rpc_fixture.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;

class TlsTest : public RpcServerTest {
 protected:
  void SetUp() override {
    if (!Run("openssl version")) GTEST_SKIP() << "there is no openssl program";
    MakeAuthority("ca");
    MakeAuthority("other");
    MakeCertificate("server", "ca");
    MakeCertificate("client", "ca");
  }

  static bool Run(const std::string& command) {
    return system((command + " >/dev/null 2>&1").c_str()) == 0;
  }
  void MakeAuthority(const std::string& name) {
    ASSERT_TRUE(Run(absl::StrCat(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=",
        name, " -keyout ", folder_ / (name + ".key"), " -out ", folder_ / (name + ".pem"))));
  }
  // For localhost and 127.0.0.1, signed by `authority`.
  void MakeCertificate(const std::string& name, const std::string& authority) {
    const std::string base = folder_ / name;
    const std::string signer = folder_ / authority;
    std::ofstream(base + ".ext") << "subjectAltName=DNS:localhost,IP:127.0.0.1\n";
    ASSERT_TRUE(Run(absl::StrCat(
        "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=", name,
        " -keyout ", base, ".newkey -out ", base, ".csr && openssl x509 -req -in ", base,
        ".csr -CA ", signer, ".pem -CAkey ", signer, ".key -CAcreateserial -days 2 -extfile ", base,
        ".ext -out ", base, ".newpem && mv ", base, ".newkey ", base, ".key && mv ", base,
        ".newpem ", base, ".pem")));
  }
  std::string Pem(const std::string& file) const { return testing::Child::Read(folder_ / file); }

  TlsFiles Files() const {
    TlsFiles files;
    files.certificate = folder_ / "server.pem";
    files.key = folder_ / "server.key";
    files.refresh_seconds = 1;
    return files;
  }
  void Serve(const TlsFiles& files) {
    ServerSetup setup;
    setup.tls = files;
    Restart("127.0.0.1:0", setup);
  }

  // A call over a connection of its own, by a client that trusts `roots`.
  grpc::Status Call(const std::string& roots, const std::string& client = "") const {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = Pem(roots + ".pem");
    if (!client.empty()) {
      options.pem_cert_chain = Pem(client + ".pem");
      options.pem_private_key = Pem(client + ".key");
    }
    return CallOver(grpc::SslCredentials(options));
  }
  grpc::Status CallOver(const std::shared_ptr<grpc::ChannelCredentials>& credentials) const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const auto channel = grpc::CreateCustomChannel(server_->address(), credentials, arguments);
    const auto stub = v1::StudyService::NewStub(channel);
    Context context;
    v1::GetServerRequest request;
    request.set_protocol(kWireProtocol);
    v1::GetServerResponse response;
    return stub->GetServer(&context, request, &response);
  }
};

TEST_F(TlsTest, AClientThatTrustsTheAuthorityComesIn) {
  Serve(Files());
  EXPECT_TRUE(Call("ca").ok());
  EXPECT_EQ(Call("other").error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(CallOver(grpc::InsecureChannelCredentials()).error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

TEST_F(TlsTest, ARenewedCertificateIsServedWithoutARestart) {
  Serve(Files());
  ASSERT_TRUE(Call("ca").ok());
  ASSERT_FALSE(Call("other").ok());
  MakeCertificate("server", "other");
  EXPECT_TRUE(testing::Eventually([&] { return Call("other").ok(); }));
  EXPECT_FALSE(Call("ca").ok());
}

TEST_F(TlsTest, MutualTlsLetsOnlySignedClientsIn) {
  TlsFiles files = Files();
  files.client_ca = folder_ / "ca.pem";
  MakeCertificate("stranger", "other");
  Serve(files);
  EXPECT_TRUE(Call("ca", "client").ok());
  EXPECT_FALSE(Call("ca").ok());
  EXPECT_FALSE(Call("ca", "stranger").ok());
}

TEST_F(TlsTest, AReplacedClientAuthorityDecidesWithoutARestart) {
  std::filesystem::copy_file(folder_ / "ca.pem", folder_ / "clients.pem");
  TlsFiles files = Files();
  files.client_ca = folder_ / "clients.pem";
  MakeCertificate("stranger", "other");
  Serve(files);
  ASSERT_TRUE(Call("ca", "client").ok());
  std::filesystem::copy_file(folder_ / "other.pem", folder_ / "clients.new");
  std::filesystem::rename(folder_ / "clients.new", folder_ / "clients.pem");
  EXPECT_TRUE(testing::Eventually([&] { return Call("ca", "stranger").ok(); }));
  EXPECT_FALSE(Call("ca", "client").ok());
}

TEST_F(TlsTest, AUnixSocketNeedsNoTls) {
  ServerSetup setup;
  setup.tls = Files();
  Restart("unix:" + (folder_ / "socket"), setup);
  EXPECT_EQ(Create().name(), "toy-1");
}

TEST_F(TlsTest, FilesThatDoNotFitAreNamed) {
  TlsFiles files = Files();
  EXPECT_TRUE(CheckTlsFiles(files).ok());
  files.key = folder_ / "client.key";
  EXPECT_THAT(std::string(CheckTlsFiles(files).message()), HasSubstr("is not the key of"));
  files.key = folder_ / "nothing.key";
  EXPECT_THAT(std::string(CheckTlsFiles(files).message()), HasSubstr("nothing.key cannot be read"));
  files = Files();
  files.certificate = folder_ / "server.key";
  EXPECT_TRUE(absl::IsInvalidArgument(CheckTlsFiles(files)));
  files = Files();
  files.client_ca = folder_ / "server.key";
  EXPECT_TRUE(absl::IsInvalidArgument(CheckTlsFiles(files)));
  ASSERT_TRUE(Run(absl::StrCat("openssl ec -aes256 -passout pass:x -in ", folder_ / "server.key",
                               " -out ", folder_ / "locked.key")));
  files = Files();
  files.key = folder_ / "locked.key";
  EXPECT_THAT(std::string(CheckTlsFiles(files).message()), HasSubstr("without a passphrase"));
}

}  // namespace
}  // namespace cambrian
