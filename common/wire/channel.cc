#include "common/wire/channel.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/client_interceptor.h"

namespace cambrian {
namespace {

constexpr size_t kMaxFileBytes = 1 << 20;
constexpr size_t kMaxTokenBytes = 4096;

// A small file's content. `secret`: it must not be everybody's to read or to write.
absl::StatusOr<std::string> ReadFile(const std::string& path, bool secret) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path));
  struct stat info = {};
  std::string content;
  absl::Status status;
  if (fstat(file, &info) != 0 || S_ISDIR(info.st_mode)) {
    status = absl::InvalidArgumentError(absl::StrCat(path, " is no file"));
  } else if (secret && (info.st_mode & (S_IROTH | S_IWOTH)) != 0) {
    // Checked on what was opened, not on what the name may mean a moment later.
    status = absl::PermissionDeniedError(
        absl::StrCat(path, " is open to every user of this machine: chmod 600 it"));
  }
  char buffer[4096];
  ssize_t count = 0;
  while (status.ok() && (count = read(file, buffer, sizeof(buffer))) > 0) {
    content.append(buffer, static_cast<size_t>(count));
    if (content.size() > kMaxFileBytes) {
      status = absl::InvalidArgumentError(absl::StrCat(path, " is too large"));
    }
  }
  if (count < 0) status = absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path));
  close(file);
  if (!status.ok()) return status;
  return content;
}

// The token that calls carry. Thread-safe.
class Token {
 public:
  explicit Token(std::string file) : file_(std::move(file)) {}

  // \error as MakeChannel; then the token stays as it was.
  absl::Status Read() {
    ASSIGN_OR_RETURN(const std::string content, ReadFile(file_, /*secret=*/true));
    const std::string token(absl::StripAsciiWhitespace(content));
    const bool printable = std::all_of(token.begin(), token.end(), absl::ascii_isgraph);
    if (token.empty() || token.size() > kMaxTokenBytes || !printable) {
      return absl::InvalidArgumentError(absl::StrCat(file_, " holds no token: one line of text"));
    }
    const MutexLock lock(&mutex_);
    header_ = "Bearer " + token;
    return absl::OkStatus();
  }

  std::string header() {
    const MutexLock lock(&mutex_);
    return header_;
  }

 private:
  const std::string file_;
  Mutex mutex_;
  std::string header_ ABSL_GUARDED_BY(mutex_);
};

// gRPC's own call credentials refuse a channel without TLS, a Unix socket's for one; an interceptor
// serves all, and hears when the server does not take the token any longer.
class TokenInterceptor final : public grpc::experimental::Interceptor {
 public:
  explicit TokenInterceptor(std::shared_ptr<Token> token) : token_(std::move(token)) {}

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    using Point = grpc::experimental::InterceptionHookPoints;
    if (methods->QueryInterceptionHookPoint(Point::PRE_SEND_INITIAL_METADATA)) {
      header_ = token_->header();  // lives as long as the call
      methods->GetSendInitialMetadata()->insert({"authorization", header_});
    }
    if (methods->QueryInterceptionHookPoint(Point::POST_RECV_STATUS) &&
        methods->GetRecvStatus()->error_code() == grpc::StatusCode::UNAUTHENTICATED) {
      // What is wrong with the file, the user has heard at the start, or hears from the server.
      token_->Read().IgnoreError();
    }
    methods->Proceed();
  }

 private:
  const std::shared_ptr<Token> token_;
  std::string header_;
};

class TokenInterceptorFactory final : public grpc::experimental::ClientInterceptorFactoryInterface {
 public:
  explicit TokenInterceptorFactory(std::shared_ptr<Token> token) : token_(std::move(token)) {}

  grpc::experimental::Interceptor* CreateClientInterceptor(
      grpc::experimental::ClientRpcInfo* /*info*/) override {
    return new TokenInterceptor(token_);  // gRPC owns it
  }

 private:
  const std::shared_ptr<Token> token_;
};

bool WantsTls(const ChannelOptions& options) {
  return options.tls || !options.tls_ca.empty() || !options.tls_cert.empty() ||
         !options.tls_key.empty();
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeCredentials(
    const ChannelOptions& options) {
  if (!WantsTls(options)) return grpc::InsecureChannelCredentials();
  if (options.tls_cert.empty() != options.tls_key.empty()) {
    return absl::InvalidArgumentError(
        "mutual TLS needs a certificate and its key: give both or none");
  }
  grpc::SslCredentialsOptions ssl;
  if (!options.tls_ca.empty()) {
    ASSIGN_OR_RETURN(ssl.pem_root_certs, ReadFile(options.tls_ca, /*secret=*/false));
  }
  if (!options.tls_cert.empty()) {
    ASSIGN_OR_RETURN(ssl.pem_cert_chain, ReadFile(options.tls_cert, /*secret=*/false));
    ASSIGN_OR_RETURN(ssl.pem_private_key, ReadFile(options.tls_key, /*secret=*/true));
  }
  return grpc::SslCredentials(ssl);
}

// While no call waits, gRPC looks at what a channel's connection says only now and then, by default
// every 5 s: a TLS handshake, of several messages, would run out of time. gRPC reads this once,
// when the first channel is made.
void LookAtIdleChannels() {
  setenv("GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS", "100", /*overwrite=*/0);
}

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  // By its name a backoff, in truth how long one try to connect may take: a slow link, and TLS.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 2'000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 5'000);
  return arguments;
}

// Four numbers from 0 to 255, the first of them 127. "127.evil.example" is a name.
bool IsLoopbackIpv4(absl::string_view host) {
  const std::vector<absl::string_view> parts = absl::StrSplit(host, '.');
  int first = 0;
  return parts.size() == 4 && absl::SimpleAtoi(parts[0], &first) && first == 127 &&
         std::all_of(parts.begin(), parts.end(), [](absl::string_view part) {
           int number = 0;
           return absl::SimpleAtoi(part, &number) && number >= 0 && number <= 255;
         });
}

}  // namespace

bool IsLocalAddress(absl::string_view address) {
  if (absl::StartsWith(address, "unix:") || absl::StartsWith(address, "unix-abstract:")) {
    return true;
  }
  absl::ConsumePrefix(&address, "dns:");
  absl::ConsumePrefix(&address, "///");
  if (absl::ConsumePrefix(&address, "ipv6:") || absl::StartsWith(address, "[")) {
    return address == "[::1]" || absl::StartsWith(address, "[::1]:");
  }
  absl::ConsumePrefix(&address, "ipv4:");
  const absl::string_view host = address.substr(0, address.rfind(':'));
  return absl::EqualsIgnoreCase(host, "localhost") || IsLoopbackIpv4(host);
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(const std::string& address,
                                                           const ChannelOptions& options) {
  static std::once_flag once;
  std::call_once(once, LookAtIdleChannels);
  std::shared_ptr<Token> token;
  if (!options.token_file.empty()) {
    if (!WantsTls(options) && !options.insecure && !IsLocalAddress(address)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "a token would go to ", address, " in clear: use TLS (a certificate authority, say)"));
    }
    token = std::make_shared<Token>(options.token_file);
    RETURN_IF_ERROR(token->Read());
  }
  ASSIGN_OR_RETURN(const auto credentials, MakeCredentials(options));
  if (token == nullptr) return grpc::CreateCustomChannel(address, credentials, Arguments());
  std::vector<std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>> interceptors;
  interceptors.push_back(std::make_unique<TokenInterceptorFactory>(std::move(token)));
  return grpc::experimental::CreateCustomChannelWithInterceptors(address, credentials, Arguments(),
                                                                 std::move(interceptors));
}

}  // namespace cambrian
