#include "worker/agent/worker_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <system_error>

#include "absl/strings/str_format.h"
#include "common/base/status.h"

namespace cambrian {
namespace {

std::string NewName() {
  char host[64] = {};
  gethostname(host, sizeof(host) - 1);
  return absl::StrFormat("%s-%08x", host, std::random_device()());
}

}  // namespace

absl::StatusOr<std::unique_ptr<WorkerFolder>> WorkerFolder::Open(const std::string& path,
                                                                 const std::string& name) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  if (!std::filesystem::exists(absolute, error)) {
    std::filesystem::create_directories(absolute, error);
    chmod(absolute.c_str(), S_IRWXU);
  }
  const std::string lock_file = absolute / "lock";
  const int lock = open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (lock < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", lock_file));
  std::unique_ptr<WorkerFolder> folder(new WorkerFolder(absolute, lock));
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    return absl::AlreadyExistsError(
        absl::StrCat("another worker uses ", folder->path(), "; give this one its own --folder"));
  }
  const std::string name_file = absolute / "name";
  std::ifstream(name_file) >> folder->name_;
  if (!name.empty()) folder->name_ = name;
  if (folder->name_.empty()) folder->name_ = NewName();
  if (!(std::ofstream(name_file) << folder->name_ << '\n')) {
    return absl::InternalError(absl::StrCat("cannot write ", name_file));
  }
  return folder;
}

WorkerFolder::~WorkerFolder() { close(lock_); }

}  // namespace cambrian
