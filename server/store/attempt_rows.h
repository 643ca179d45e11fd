// The rows of the table `trial_attempt`. A trial's row says how its last attempt went: if that
// succeeded and has nothing more to say, it has no row of its own; with cheap evaluators that is
// nearly every attempt.
#pragma once

#include <vector>

#include "server/store/records.h"

namespace cambrian {

// The attempts of the batch that have rows.
std::vector<const AttemptRecord*> AttemptsWithRows(const Batch& batch);
// Adds the attempt without a row, if there is one, to those with rows.
void AddLastAttempt(const TrialRecord& trial, std::vector<AttemptRecord>& attempts);

}  // namespace cambrian
