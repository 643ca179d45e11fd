// The folder that a worker keeps its things in.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace cambrian {

// Locked while it lives, so that no two workers share one. The worker's name lies in it: the same
// after a restart, so that the server knows whose results are in the outbox.
class WorkerFolder {
 public:
  // Makes the folder, for its user alone, if there is none. `name` is the worker's; empty: what the
  // folder says, or a new one from the host's name.
  // \error kAlreadyExists: another worker has it; kInternal: it cannot be used.
  static absl::StatusOr<std::unique_ptr<WorkerFolder>> Open(const std::string& path,
                                                            const std::string& name);
  ~WorkerFolder();
  WorkerFolder(const WorkerFolder&) = delete;
  WorkerFolder& operator=(const WorkerFolder&) = delete;

  const std::string& path() const { return path_; }
  const std::string& name() const { return name_; }

 private:
  WorkerFolder(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}

  const std::string path_;
  const int lock_;
  std::string name_;
};

}  // namespace cambrian
