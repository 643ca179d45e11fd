#include "server/rpc/tokens.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status.h"

namespace cambrian {
namespace {

constexpr size_t kHashDigits = 64;
constexpr size_t kMaxWordBytes = 128;

std::string HashOf(absl::string_view token) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  EVP_Digest(token.data(), token.size(), digest, &length, EVP_sha256(), nullptr);
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest), length));
}

// A tenant or a name.
absl::Status CheckWord(absl::string_view what, absl::string_view word) {
  if (word.empty() || word.size() > kMaxWordBytes || word[0] == '#') {
    return absl::InvalidArgumentError(
        absl::StrCat("a ", what, " has 1 to ", kMaxWordBytes, " bytes and does not begin with #"));
  }
  for (const char c : word) {
    if (!absl::ascii_isgraph(static_cast<unsigned char>(c))) {
      return absl::InvalidArgumentError(absl::StrCat("a ", what, " is one word of ASCII"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Caller> ParseLine(absl::string_view line) {
  const std::vector<std::string> words =
      absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
  if (words.size() != 4) {
    return absl::InvalidArgumentError("write SHA256 ROLE[,ROLE…] TENANT NAME");
  }
  Caller caller;
  caller.hash = absl::AsciiStrToLower(words[0]);
  if (caller.hash.size() != kHashDigits ||
      caller.hash.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return absl::InvalidArgumentError("a SHA-256 is 64 hexadecimal digits");
  }
  ASSIGN_OR_RETURN(caller.roles, ParseRoles(words[1]));
  RETURN_IF_ERROR(CheckWord("tenant", words[2]));
  RETURN_IF_ERROR(CheckWord("name", words[3]));
  const bool every_tenant = words[2] == "*";
  caller.scope.all = every_tenant || (caller.roles & kAdminRole) != 0;
  caller.scope.tenant = every_tenant ? "" : words[2];
  caller.name = words[3];
  return caller;
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return absl::UnavailableError(absl::StrCat(path, ": ", strerror(errno)));
  return text.str();
}

}  // namespace

absl::StatusOr<std::vector<Caller>> ParseTokens(absl::string_view text) {
  std::vector<Caller> callers;
  std::set<std::string> hashes;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') continue;
    absl::StatusOr<Caller> caller = ParseLine(line);
    if (!caller.ok()) return Annotate(caller.status(), absl::StrCat("line ", number));
    if (!hashes.insert(caller->hash).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", number, ": this token is there twice"));
    }
    callers.push_back(*std::move(caller));
  }
  return callers;
}

absl::StatusOr<NewToken> MakeToken(absl::string_view roles, absl::string_view tenant,
                                   absl::string_view name) {
  RETURN_IF_ERROR(ParseRoles(roles).status());
  RETURN_IF_ERROR(CheckWord("tenant", tenant));
  RETURN_IF_ERROR(CheckWord("name", name));
  std::string bits(32, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bits.data()), static_cast<int>(bits.size())) !=
      1) {
    return absl::InternalError("the system has no random numbers");
  }
  NewToken made;
  made.token = absl::StrCat("cambrian_", absl::BytesToHexString(bits));
  made.line = absl::StrCat(HashOf(made.token), " ", roles, " ", tenant, " ", name);
  return made;
}

absl::StatusOr<std::unique_ptr<TokenFile>> TokenFile::Open(const std::string& path) {
  std::unique_ptr<TokenFile> file(new TokenFile(path));
  RETURN_IF_ERROR(file->Refresh().status());
  return file;
}

std::optional<Caller> TokenFile::Find(absl::string_view token) const {
  std::shared_ptr<const std::vector<Caller>> callers;
  {
    MutexLock lock(&mutex_);
    callers = callers_;
  }
  const std::string hash = HashOf(token);
  const Caller* found = nullptr;
  for (const Caller& caller : *callers) {
    if (CRYPTO_memcmp(caller.hash.data(), hash.data(), kHashDigits) == 0) found = &caller;
  }
  if (found == nullptr) return std::nullopt;
  return *found;
}

absl::StatusOr<bool> TokenFile::Refresh() {
  struct stat info;
  if (stat(path_.c_str(), &info) != 0) {
    return absl::UnavailableError(absl::StrCat(path_, ": ", strerror(errno)));
  }
  const Version version = {info.st_ino, info.st_size, info.st_mtim};
  {
    MutexLock lock(&mutex_);
    if (callers_ && version == version_) return false;
    version_ = version;  // a broken one is not read again and again
  }
  if ((info.st_mode & S_IWOTH) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(path_, ": everybody may write it, and so let themselves in; chmod o-w"));
  }
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path_));
  absl::StatusOr<std::vector<Caller>> callers = ParseTokens(text);
  if (!callers.ok()) return Annotate(callers.status(), path_);
  MutexLock lock(&mutex_);
  callers_ = std::make_shared<const std::vector<Caller>>(*std::move(callers));
  return true;
}

}  // namespace cambrian
