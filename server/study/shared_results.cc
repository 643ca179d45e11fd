#include "server/study/shared_results.h"

#include "common/base/status.h"

namespace cambrian {

void SharedResults::Add(const StudyRecord& study) {
  Pool& pool = pools_[KeyOf(study)];
  pool.studies.insert(study.id);
  pool.is_read = false;
}

void SharedResults::Remove(const StudyRecord& study) {
  const auto it = pools_.find(KeyOf(study));
  if (it == pools_.end()) return;
  it->second.studies.erase(study.id);
  if (it->second.studies.empty()) pools_.erase(it);
}

void SharedResults::Rest(const StudyRecord& study) {
  const auto it = pools_.find(KeyOf(study));
  if (it == pools_.end()) return;
  it->second.is_read = false;
  it->second.places = {};
}

void SharedResults::Note(const StudyRecord& study, int64_t trial,
                         absl::string_view evaluation_key) {
  const auto it = pools_.find(KeyOf(study));
  if (it == pools_.end() || it->second.studies.size() < 2) return;
  const auto key = CanonicalKey::FromString(evaluation_key);
  if (key.ok()) it->second.places.try_emplace(*key, Place{study.id, trial});
}

absl::StatusOr<std::optional<SharedResults::Place>> SharedResults::Find(
    const StudyRecord& study, absl::string_view evaluation_key, ReadKeys read) {
  const auto it = pools_.find(KeyOf(study));
  if (it == pools_.end() || it->second.studies.size() < 2) return std::optional<Place>();
  Pool& pool = it->second;
  if (!pool.is_read) {
    for (const int64_t id : pool.studies) {
      ASSIGN_OR_RETURN(const std::vector<ResultKey> results, read(id));
      for (const ResultKey& result : results) {
        const auto key = CanonicalKey::FromString(result.evaluation_key);
        if (key.ok()) pool.places.try_emplace(*key, Place{id, result.trial});
      }
    }
    pool.is_read = true;
  }
  const auto key = CanonicalKey::FromString(evaluation_key);
  const auto place = key.ok() ? pool.places.find(*key) : pool.places.end();
  if (place == pool.places.end()) return std::optional<Place>();
  return std::optional<Place>(place->second);
}

}  // namespace cambrian
