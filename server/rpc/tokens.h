// Who may come in: a file of hashed bearer tokens.
//
// A line is "SHA256 ROLE[,ROLE…] TENANT NAME": the hash of the token in hexadecimal digits, what it
// allows, whose studies it is for ("*": of all tenants), and a name for people and logs. Lines that
// are empty or begin with # say nothing. The file holds no secret: a token is 256 random bits, and
// its hash does not give it away. But who may write it may come in.
#pragma once

#include <atomic>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/mutex.h"
#include "server/rpc/methods.h"
#include "server/study/scope.h"

namespace cambrian {

struct Caller {
  std::string hash;  // of its token: 64 hexadecimal digits
  Roles roles = 0;
  Scope scope;
  std::string name;
};

// All lines. \error kInvalidArgument with the line's number, never with its text
absl::StatusOr<std::vector<Caller>> ParseTokens(absl::string_view text);

// A new token, "cambrian_" and 256 random bits; and the line for it. \error kInvalidArgument for
// roles, a tenant or a name that cannot be in a line.
struct NewToken {
  std::string token;
  std::string line;
};
absl::StatusOr<NewToken> MakeToken(absl::string_view roles, absl::string_view tenant,
                                   absl::string_view name);

// Thread-safe.
class TokenFile {
 public:
  // \error kInvalidArgument if the file is wrong or others may write it, kUnavailable
  static absl::StatusOr<std::unique_ptr<TokenFile>> Open(const std::string& path);

  // Whose token this is, or nothing. Takes equally long wherever it differs from the tokens there.
  std::optional<Caller> Find(absl::string_view token) const;

  // Reads the file again if it has changed; whether it was read. \error as for Open, and then the
  // old lines stay.
  absl::StatusOr<bool> Refresh();

 private:
  // What tells one version of the file from another.
  struct Version {
    ino_t inode = 0;
    off_t size = 0;
    timespec changed = {};

    bool operator==(const Version& other) const {
      return inode == other.inode && size == other.size && changed.tv_sec == other.changed.tv_sec &&
             changed.tv_nsec == other.changed.tv_nsec;
    }
  };

  explicit TokenFile(std::string path) : path_(std::move(path)) {}

  const std::string path_;
  mutable Mutex mutex_;
  Version version_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const std::vector<Caller>> callers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cambrian
