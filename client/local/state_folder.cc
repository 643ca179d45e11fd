#include "client/local/state_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status.h"

namespace cambrian {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLongestSocketPath = sizeof(sockaddr_un::sun_path) - 1;

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

absl::Status SystemError(absl::string_view what) {
  return absl::InternalError(absl::StrCat(what, ": ", std::strerror(errno)));
}

// FNV-1a: a short name that is the same for a path every time.
uint64_t HashOf(absl::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

absl::Status CheckPrivate(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return SystemError(path);
  if (info.st_uid != geteuid()) {
    return absl::PermissionDeniedError(
        absl::StrCat("state folder ", path, " belongs to somebody else; choose one with --state"));
  }
  if ((info.st_mode & 077) != 0) {
    return absl::PermissionDeniedError(absl::StrCat("others may enter the state folder ", path,
                                                    "; run \"chmod 700 ", path, "\" first"));
  }
  return absl::OkStatus();
}

// A link to `folder` that is short enough for a socket below it.
absl::StatusOr<std::string> ShortLink(const std::string& folder) {
  std::string base = Environment("XDG_RUNTIME_DIR");
  if (base.empty() || base.size() > 60) base = "/tmp";
  const std::string link = absl::StrFormat("%s/cambrian-%d-%016x", base, geteuid(), HashOf(folder));
  if (symlink(folder.c_str(), link.c_str()) != 0 && errno != EEXIST) return SystemError(link);
  // In a folder that all may write to, somebody else may have made it first.
  struct stat info;
  std::error_code error;
  const bool ours = lstat(link.c_str(), &info) == 0 && info.st_uid == geteuid() &&
                    fs::read_symlink(link, error) == folder;
  if (!ours) {
    return absl::PermissionDeniedError(absl::StrCat(link, " is not a link of ours to ", folder,
                                                    "; choose a shorter folder with --state"));
  }
  return link;
}

}  // namespace

absl::StatusOr<std::optional<FileLock>> FileLock::Try(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return SystemError(path);
  FileLock lock(descriptor);
  if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) return std::optional<FileLock>(std::move(lock));
  if (errno == EWOULDBLOCK) return std::optional<FileLock>();
  return SystemError(path);
}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

std::string DefaultStateFolder() {
  const std::string state = Environment("XDG_STATE_HOME");
  if (!state.empty() && state[0] == '/') return state + "/cambrian";
  const std::string home = Environment("HOME");
  return (home.empty() ? "/tmp" : home) + "/.local/state/cambrian";
}

absl::StatusOr<StateFolder> StateFolder::Open(const std::string& path) {
  std::error_code error;
  const std::string absolute = fs::absolute(path, error).lexically_normal().string();
  if (!fs::exists(absolute, error)) {
    fs::create_directories(fs::path(absolute).parent_path(), error);
    if (mkdir(absolute.c_str(), 0700) != 0 && errno != EEXIST) {
      return SystemError(absl::StrCat("cannot make the state folder ", absolute));
    }
  }
  if (!fs::is_directory(absolute, error)) {
    return absl::InvalidArgumentError(absl::StrCat("state folder ", absolute, " is no folder"));
  }
  const std::string folder = fs::canonical(absolute, error).string();
  if (error) return absl::InternalError(absl::StrCat(absolute, ": ", error.message()));
  RETURN_IF_ERROR(CheckPrivate(folder));
  fs::create_directory(folder + "/logs", error);
  std::string socket = folder + "/server.sock";
  if (socket.size() > kLongestSocketPath) {
    ASSIGN_OR_RETURN(const std::string link, ShortLink(folder));
    socket = link + "/server.sock";
  }
  return StateFolder(folder, socket);
}

std::string StateFolder::Log(absl::string_view program) const {
  return absl::StrCat(path_, "/logs/", program, ".log");
}

int64_t StateFolder::Size() const {
  int64_t bytes = 0;
  std::error_code error;
  for (auto it = fs::recursive_directory_iterator(path_, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    std::error_code gone;
    if (it->is_regular_file(gone) && !gone) {
      const auto size = it->file_size(gone);
      if (!gone) bytes += static_cast<int64_t>(size);
    }
  }
  return bytes;
}

}  // namespace cambrian
