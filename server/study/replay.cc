#include "server/study/replay.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "common/base/status.h"
#include "common/nas/origin.h"
#include "nlohmann/json.hpp"
#include "server/strategy/factory.h"
#include "server/study/examine.h"
#include "server/study/merit.h"

namespace cambrian {
namespace {

class Replay {
 public:
  Replay(std::shared_ptr<const StudySpec> spec, absl::string_view continues)
      : spec_(std::move(spec)), continues_(continues) {}

  absl::Status Begin() {
    StrategyContext context;
    context.space = spec_->space;
    context.examine = MakeExamine(spec_);
    context.is_known = [this](absl::string_view key) { return known_.contains(key); };
    ASSIGN_OR_RETURN(strategy_, MakeStrategy(spec_->strategy, std::move(context)));
    return absl::OkStatus();
  }

  absl::Status Proposed(const TrialRecord& trial) {
    if (IsInherited(trial)) {
      ++report_.inherited;
    } else {
      Compare(trial);
    }
    const absl::StatusOr<Architecture> architecture =
        spec_->space->FromJson(nlohmann::json::parse(trial.architecture, nullptr, false));
    if (!architecture.ok()) {
      return Annotate(architecture.status(), absl::StrCat("trial ", trial.number));
    }
    known_.insert(trial.evaluation_key);
    strategy_->Add(trial.number, *architecture);
    return absl::OkStatus();
  }

  void Ended(const TrialRecord& trial) {
    strategy_->Tell(trial.number, OutcomeOfTrial(*spec_, trial));
  }

  ReplayReport& report() { return report_; }

 private:
  bool IsInherited(const TrialRecord& trial) const {
    const std::optional<Origin> origin = ParseOrigin(trial.origin);
    return !continues_.empty() && origin && origin->source == Origin::Source::kInherited &&
           origin->study == continues_;
  }

  void Compare(const TrialRecord& trial) {
    ++report_.proposals;
    if (!report_.difference.empty()) return;
    Random random(spec_->seed, static_cast<uint64_t>(trial.number));
    const AskAnswer answer = strategy_->Ask(1, random);
    report_.difference = Difference(trial, answer);
    if (report_.difference.empty()) ++report_.reproduced;
  }

  std::string Difference(const TrialRecord& trial, const AskAnswer& answer) const {
    const std::string recorded = absl::StrCat("proposal ", trial.number, ": recorded ");
    if (answer.proposals.empty()) {
      return absl::StrCat(recorded, trial.architecture,
                          ", but the strategy has nothing to propose");
    }
    const Proposal& proposal = answer.proposals[0];
    const std::string architecture = spec_->space->ToJson(proposal.candidate.architecture).dump();
    if (architecture != trial.architecture || !SaysTheSame(trial.origin, proposal.origin)) {
      return absl::StrCat(recorded, trial.architecture, " (", trial.origin, "), replayed ",
                          architecture, " (", proposal.origin, ")");
    }
    if (proposal.candidate.evaluation_key != trial.evaluation_key) {
      return absl::StrCat(recorded, "evaluation key ", trial.evaluation_key, ", replayed ",
                          proposal.candidate.evaluation_key,
                          ": was it another version of this program?");
    }
    return "";
  }

  const std::shared_ptr<const StudySpec> spec_;
  const std::string continues_;
  absl::flat_hash_set<std::string> known_;
  std::unique_ptr<SearchStrategy> strategy_;
  ReplayReport report_;
};

}  // namespace

absl::StatusOr<ReplayReport> VerifyReplay(const std::shared_ptr<const StudySpec>& spec,
                                          absl::string_view continues, int64_t event,
                                          const std::vector<TrialRecord>& trials) {
  std::vector<std::tuple<int64_t, const TrialRecord*, bool>>
      sequence;  // event, …, whether it ended
  for (const TrialRecord& trial : trials) {
    if (trial.proposed_event > event) continue;
    sequence.emplace_back(trial.proposed_event, &trial, false);
    if (!trial.IsOpen() && trial.ended_event <= event) {
      sequence.emplace_back(trial.ended_event, &trial, true);
    }
  }
  std::sort(sequence.begin(), sequence.end());
  Replay replay(spec, continues);
  RETURN_IF_ERROR(replay.Begin());
  for (const auto& [number, trial, ended] : sequence) {
    if (ended) {
      replay.Ended(*trial);
    } else {
      RETURN_IF_ERROR(replay.Proposed(*trial));
    }
  }
  return std::move(replay.report());
}

}  // namespace cambrian
