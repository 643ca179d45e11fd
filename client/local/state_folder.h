// The folder where a user's server keeps its database, artifacts, logs and socket.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cambrian {

// A lock on a file (flock), held as long as any process has its descriptor: a child that inherits
// it keeps it when its parent dies. Movable.
class FileLock {
 public:
  // Nothing if somebody else holds it.
  static absl::StatusOr<std::optional<FileLock>> Try(const std::string& path);

  FileLock(FileLock&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

  int descriptor() const { return descriptor_; }

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
};

// $XDG_STATE_HOME/cambrian, or ~/.local/state/cambrian.
std::string DefaultStateFolder();

// A state folder that exists and that only its user may enter. Plain paths.
class StateFolder {
 public:
  // Makes the folder (mode 0700) where it is missing. \error kPermissionDenied if it belongs to
  // somebody else or others may enter it; kInvalidArgument if it is no folder.
  static absl::StatusOr<StateFolder> Open(const std::string& path);

  // Absolute.
  const std::string& path() const { return path_; }
  std::string Database() const { return path_ + "/cambrian.db"; }
  std::string Artifacts() const { return path_ + "/artifacts"; }
  std::string Log(absl::string_view program) const;
  // Held by whoever runs the folder's server, and by that server.
  std::string ServerLock() const { return path_ + "/server.lock"; }
  // The server's socket. A socket's path may have 107 bytes: below a longer folder it is reached
  // through a link with a short name in $XDG_RUNTIME_DIR or /tmp, that only this user can make.
  const std::string& Socket() const { return socket_; }

  // Bytes of all files in it.
  int64_t Size() const;

 private:
  StateFolder(std::string path, std::string socket)
      : path_(std::move(path)), socket_(std::move(socket)) {}

  std::string path_;
  std::string socket_;
};

}  // namespace cambrian
