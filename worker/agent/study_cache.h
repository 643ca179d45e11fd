// The studies that a worker has assignments of, fetched and read once.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/spec/study_spec.h"

namespace cambrian {

// A study never changes, so neither does what is read from it. Not thread-safe.
class StudyCache {
 public:
  using Fetch = std::function<absl::StatusOr<std::string>(const std::string& study)>;
  // One that this worker cannot read is a status (an older worker, say): its assignments fail.
  using Study = absl::StatusOr<std::shared_ptr<const StudySpec>>;

  explicit StudyCache(Fetch fetch) : fetch_(std::move(fetch)) {}

  // \error if it cannot be fetched: try again later.
  absl::StatusOr<Study> Get(const std::string& study);

 private:
  static constexpr size_t kMaxStudies = 64;

  const Fetch fetch_;
  std::map<std::string, Study> studies_;
};

}  // namespace cambrian
