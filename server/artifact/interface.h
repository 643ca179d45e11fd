// Files by their content: checkpoints.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace cambrian {

// A file that is being stored. It counts only after `Finish`; before, destroying it leaves nothing
// behind. Not thread-safe.
class ArtifactWriter {
 public:
  virtual ~ArtifactWriter() = default;
  // \error kInvalidArgument past the stated size; kResourceExhausted: the disk is full;
  // kUnavailable.
  virtual absl::Status Write(absl::string_view bytes) = 0;
  // Durable once OK. \error kInvalidArgument if size or hash are not as stated;
  // kResourceExhausted: the disk is full; kUnavailable.
  virtual absl::Status Finish() = 0;
};

// A file that is being read. Not thread-safe.
class ArtifactReader {
 public:
  virtual ~ArtifactReader() = default;
  // At most `limit` bytes; empty at the end. \error kUnavailable
  virtual absl::StatusOr<std::string> Read(size_t limit) = 0;
};

// Thread-safe; calls block on files. A name is the SHA-256 of the content in 64 lower-case
// hexadecimal digits, anything else is kInvalidArgument.
class ArtifactStore {
 public:
  virtual ~ArtifactStore() = default;
  // Storing what is there already is no error.
  virtual absl::StatusOr<std::unique_ptr<ArtifactWriter>> Create(int64_t size,
                                                                 absl::string_view sha256) = 0;
  // \error kNotFound
  virtual absl::StatusOr<std::unique_ptr<ArtifactReader>> Open(absl::string_view sha256) = 0;
  // Removing what is not there is no error.
  virtual absl::Status Remove(absl::string_view sha256) = 0;

  // The names of all that were stored last before `before`, in no order.
  virtual absl::StatusOr<std::vector<std::string>> StoredBefore(absl::Time before) = 0;
  // Removes it unless it was stored anew since `before`; whether it was removed.
  virtual absl::StatusOr<bool> RemoveStoredBefore(absl::string_view sha256, absl::Time before) = 0;
};

inline bool IsSha256(absl::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == absl::string_view::npos;
}

}  // namespace cambrian
