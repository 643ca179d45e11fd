// Completions that the server has not settled yet, kept on disk.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cambrian/v1/worker_service.pb.h"

namespace cambrian {

// A finished result outlives its worker: a file for each completion, and one for its checkpoint
// until that is uploaded. Not thread-safe.
class Outbox {
 public:
  struct Entry {
    v1::Completion completion;
    std::string checkpoint;  // a file to upload before the completion is sent; empty: none
  };

  // Reads what an earlier life of the worker left in `folder`, which is made if need be. What
  // cannot be read is removed. \error if the folder cannot be used.
  static absl::StatusOr<std::unique_ptr<Outbox>> Open(const std::string& folder);

  // Keeps the completion and, if `checkpoint` names one, moves that file here (it must be on the
  // same file system) and puts its hash into the completion. \error if the disk fails: then it is
  // kept in memory alone, without its checkpoint.
  absl::Status Add(v1::Completion completion, const std::string& checkpoint);
  // The checkpoint has been uploaded.
  void Uploaded(int64_t token);
  // It never will be: the completion goes without it.
  void DropCheckpoint(int64_t token);
  // The completion is the server's now.
  void Settle(int64_t token);

  const std::map<int64_t, Entry>& entries() const { return entries_; }  // by token

 private:
  explicit Outbox(std::string folder) : folder_(std::move(folder)) {}

  std::string PathOf(int64_t token, const char* extension) const;

  const std::string folder_;
  std::map<int64_t, Entry> entries_;
};

// The hash of a file's content, in hexadecimal. \error if it cannot be read.
absl::StatusOr<std::string> Sha256OfFile(const std::string& path);

}  // namespace cambrian
