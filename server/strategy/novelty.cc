#include <utility>

#include "common/nas/origin.h"
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

AskAnswer ProposeOrSample(
    const StrategyContext& context, int count, Random& random,
    absl::FunctionRef<std::optional<Proposal>(Novelty& novelty, int64_t already)> next) {
  AskAnswer answer;
  Novelty novelty(context);
  while (static_cast<int>(answer.proposals.size()) < count) {
    std::optional<Proposal> proposal = next(novelty, static_cast<int64_t>(answer.proposals.size()));
    if (!proposal) {
      std::optional<Candidate> candidate = novelty.Sample(random);
      if (!candidate) {
        answer.state = AskState::kExhausted;
        break;
      }
      proposal = Proposal{*std::move(candidate), Origin().ToString()};
    }
    answer.proposals.push_back(*std::move(proposal));
  }
  return answer;
}

}  // namespace cambrian
