// What an architecture is before any work: its keys, its analytic metrics, and whether it can work
// at all.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "common/nas/network.h"
#include "common/spec/study_spec.h"
#include "server/strategy/interface.h"

namespace cambrian {

// Lowers architectures of one study. The result is thread-safe and holds on to the study.
Examine MakeExamine(std::shared_ptr<const StudySpec> study);

// Equal for studies whose trials of equal networks and recipes are the same work.
std::string CircumstancesKey(const StudySpec& study);

// The seed of the trial that does this work, which follows from the study's seed as the key does:
// doing it again, anywhere, gives the same bits.
uint64_t TrialSeed(absl::string_view evaluation_key);

}  // namespace cambrian
