#include "server/strategy/interface.h"

namespace cambrian {

std::optional<Candidate> Novelty::Try(const Architecture& architecture) {
  Candidate candidate = context_.examine(architecture);
  if (context_.is_known(candidate.evaluation_key)) return std::nullopt;
  if (candidate.breaks_constraint && redraws_ < kMaxRedraws) {
    ++redraws_;
    return std::nullopt;
  }
  if (!proposed_.insert(candidate.evaluation_key).second) return std::nullopt;
  return candidate;
}

std::optional<Candidate> Novelty::Sample(Random& random) {
  for (int draw = 0; draw < kMaxDraws; ++draw) {
    if (auto candidate = Try(context_.space->Sample(random))) return candidate;
  }
  return std::nullopt;
}

}  // namespace cambrian
