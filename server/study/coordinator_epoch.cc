// The coordinator's part that makes it the only writer of a store, and reads the store then.
#include <utility>

#include "common/base/status.h"
#include "server/log/log.h"
#include "server/study/coordinator.h"
#include "spdlog/spdlog.h"

namespace cambrian {
namespace {

constexpr absl::Duration kRetry = absl::Seconds(1);  // after the store failed, or stood by

}  // namespace

// Renews the epoch where it is due; while there is none, tries for one.
void Coordinator::KeepEpoch() {
  if (loaded_ && now_ >= renew_at_) {
    const absl::Status renewed = store_.RenewEpoch(epoch_, options_.epoch_term);
    if (!renewed.ok()) {
      spdlog::error("the epoch is not renewed: {}", renewed.ToString());
      FailGroup(renewed);
    }
    renew_at_ = now_ + options_.epoch_term / 3;
  }
  if (loaded_ || now_ < retry_at_) return;
  const absl::Status status = Rebuild();
  loaded_ = status.ok();
  retry_at_ = now_ + kRetry;
  if (loaded_) {
    on_load_();
    why_not_loaded_.clear();
    spdlog::info("active, epoch {}", epoch_);
    return;
  }
  const bool stands_by = absl::IsAlreadyExists(status);
  std::string why = stands_by ? std::string(status.message())
                              : absl::StrCat("the store is away: ", status.message());
  if (why == why_not_loaded_) return;  // said already
  why_not_loaded_ = std::move(why);
  if (stands_by) {
    spdlog::info("standing by: {}", why_not_loaded_);
  } else {
    spdlog::error("cannot read the store: {}", status.ToString());
  }
}

void Coordinator::Retire() {
  committer_.Stop();
  if (!loaded_) return;
  const absl::Status status = store_.EndEpoch(epoch_);
  if (!status.ok()) spdlog::warn("the epoch ends by its term: {}", status.ToString());
  FailGroup(absl::UnavailableError("the server is going down"));
}

// Reads everything from the store. Every lease gets one full term.
absl::Status Coordinator::Rebuild() {
  absl::StatusOr<TrialStore::Epoch> epoch = store_.StartEpoch(options_.holder, options_.epoch_term);
  if (absl::IsAlreadyExists(epoch.status())) {
    return absl::AlreadyExistsError(
        absl::StrCat("another server is active: ", epoch.status().message()));
  }
  RETURN_IF_ERROR(epoch.status());
  renew_at_ = now_ + options_.epoch_term / 3;
  ASSIGN_OR_RETURN(const std::vector<StudyRecord> records, store_.Studies());
  epoch_ = epoch->number;
  commits_ = 0;
  last_study_ = epoch->counters.study;
  // An attempt to read it that failed may have left some.
  touched_studies_.clear();
  unfinished_.clear();
  studies_.clear();
  names_.clear();
  requests_.clear();
  shared_ = SharedResults();
  study_dues_.clear();
  scheduler_ = Scheduler();
  leases_ = std::make_unique<LeaseManager>(options_.leases, epoch->counters.token);
  workers_ = std::make_unique<WorkerTable>(epoch_ << 32);
  for (const StudyRecord& record : records) {
    Know(record);
    if (record.state != v1::ACTIVE && record.state != v1::PAUSED) continue;
    // A long reading is no reason to lose the epoch.
    if (clock_.Monotonic() >= renew_at_) {
      RETURN_IF_ERROR(store_.RenewEpoch(epoch_, options_.epoch_term));
      renew_at_ = clock_.Monotonic() + options_.epoch_term / 3;
    }
    const absl::Status status = LoadStudy(record);
    if (absl::IsUnavailable(status)) return status;
    const LogFields about(record.name);
    if (!status.ok()) spdlog::error("study {} rests: {}", record.name, status.ToString());
  }
  return store_.RenewEpoch(epoch_, options_.epoch_term);
}

}  // namespace cambrian
