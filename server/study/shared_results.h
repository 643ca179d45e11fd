// Studies that share results: the same work is done once for all of them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/nas/canonical_key.h"
#include "server/store/records.h"

namespace cambrian {

// Only studies of one tenant in the same circumstances (`StudyRecord::circumstances`) can have
// equal evaluation keys. Who has which result is read when such a study asks for the first time,
// and forgotten when one ends: a study without others like it costs nothing. Not thread-safe.
class SharedResults {
 public:
  struct Place {
    int64_t study = 0;  // its id
    int64_t trial = 0;
  };
  // `TrialStore::ResultKeys`.
  using ReadKeys = absl::FunctionRef<absl::StatusOr<std::vector<ResultKey>>(int64_t study)>;

  // A study is there, open or not; and no longer.
  void Add(const StudyRecord& study);
  void Remove(const StudyRecord& study);
  // The study has ended.
  void Rest(const StudyRecord& study);

  // A trial of the study has a result.
  void Note(const StudyRecord& study, int64_t trial, absl::string_view evaluation_key);

  // Who has a result for this work, the study itself included; it may be gone by now. \error of
  // `read`
  absl::StatusOr<std::optional<Place>> Find(const StudyRecord& study,
                                            absl::string_view evaluation_key, ReadKeys read);

 private:
  struct Pool {
    std::set<int64_t> studies;
    bool is_read = false;
    absl::flat_hash_map<CanonicalKey, Place> places;
  };
  static std::pair<std::string, std::string> KeyOf(const StudyRecord& study) {
    return {study.tenant, study.circumstances};
  }

  std::map<std::pair<std::string, std::string>, Pool> pools_;
};

}  // namespace cambrian
