#include "server/store/attempt_rows.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace cambrian {
namespace {

// What the trial's row says of its last attempt, if it may be one that succeeded.
std::optional<AttemptRecord> LastAttemptOf(const TrialRecord& trial) {
  if (trial.state != v1::TRIAL_SUCCEEDED || trial.known || trial.token <= 0) return std::nullopt;
  if (!trial.started || !trial.ended) return std::nullopt;
  AttemptRecord attempt;
  attempt.study = trial.study;
  attempt.trial = trial.number;
  attempt.token = trial.token;
  attempt.worker = trial.worker;
  attempt.started = *trial.started;
  attempt.ended = *trial.ended;
  attempt.end = v1::ATTEMPT_SUCCEEDED;
  attempt.seconds = trial.seconds;
  return attempt;
}

}  // namespace

std::vector<const AttemptRecord*> AttemptsWithRows(const Batch& batch) {
  std::vector<const AttemptRecord*> result;
  if (batch.attempts.empty()) return result;
  absl::flat_hash_map<std::pair<int64_t, int64_t>, const TrialRecord*> trials;  // as they are last
  for (const TrialRecord& trial : batch.trials) trials[{trial.study, trial.number}] = &trial;
  for (const AttemptRecord& attempt : batch.attempts) {
    const auto trial = trials.find({attempt.study, attempt.trial});
    if (trial == trials.end() || LastAttemptOf(*trial->second) != attempt) {
      result.push_back(&attempt);
    }
  }
  return result;
}

void AddLastAttempt(const TrialRecord& trial, std::vector<AttemptRecord>& attempts) {
  std::optional<AttemptRecord> last = LastAttemptOf(trial);
  const bool has_row = std::any_of(attempts.begin(), attempts.end(), [&](const AttemptRecord& row) {
    return row.token == trial.token;
  });
  if (last && !has_row) attempts.push_back(*std::move(last));
}

}  // namespace cambrian
