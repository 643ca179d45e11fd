#include "server/strategy/warm_start.h"

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/nas/origin.h"

namespace cambrian {
namespace {

using Keys = absl::flat_hash_set<std::string>;

class WarmStart : public SearchStrategy {
 public:
  WarmStart(IsKnown is_known, std::vector<Proposal> list, std::unique_ptr<SearchStrategy> rest)
      : is_known_(std::move(is_known)), list_(std::move(list)), rest_(std::move(rest)) {}

  AskAnswer Ask(int count, Random& random) const override {
    AskAnswer answer;
    for (const Proposal& proposal : list_) {
      if (static_cast<int>(answer.proposals.size()) >= count) return answer;
      if (!is_known_(proposal.candidate.evaluation_key)) answer.proposals.push_back(proposal);
    }
    const int left = count - static_cast<int>(answer.proposals.size());
    if (left <= 0) return answer;
    AskAnswer more = rest_->Ask(left, random);
    std::move(more.proposals.begin(), more.proposals.end(), std::back_inserter(answer.proposals));
    answer.state = more.state;
    return answer;
  }

  void Add(int64_t trial, const Architecture& architecture) override {
    rest_->Add(trial, architecture);
  }
  void Tell(int64_t trial, const Outcome& outcome) override { rest_->Tell(trial, outcome); }
  std::string Snapshot() const override { return rest_->Snapshot(); }
  absl::Status Restore(absl::string_view snapshot) override { return rest_->Restore(snapshot); }
  std::string Reason() const override { return rest_->Reason(); }

 private:
  const IsKnown is_known_;
  const std::vector<Proposal> list_;  // each work once
  const std::unique_ptr<SearchStrategy> rest_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<SearchStrategy>> NewWarmStart(
    const WarmStartSpec& spec, StrategyContext context,
    absl::FunctionRef<absl::StatusOr<std::unique_ptr<SearchStrategy>>(StrategyContext)> make) {
  if (spec.IsPending()) {
    return absl::InvalidArgumentError(
        absl::StrCat("warm_start: nobody has looked up the trials of ", spec.study));
  }
  std::vector<Proposal> list;
  auto keys = std::make_shared<Keys>();
  for (const WarmStartSpec::Entry& entry : spec.entries) {
    absl::StatusOr<Architecture> architecture = context.space->FromJson(entry.architecture);
    if (!architecture.ok()) {
      return Annotate(architecture.status(), absl::StrCat("warm_start: ", entry.name));
    }
    Candidate candidate = context.examine(*std::move(architecture));
    if (!keys->insert(candidate.evaluation_key).second) continue;
    Origin origin;
    origin.source = Origin::Source::kWarmStart;
    origin.remark = entry.name;
    list.push_back({std::move(candidate), origin.ToString()});
  }
  IsKnown is_known = context.is_known;
  context.is_known = [keys, is_known](absl::string_view key) {
    return keys->contains(key) || is_known(key);
  };
  ASSIGN_OR_RETURN(std::unique_ptr<SearchStrategy> rest, make(std::move(context)));
  return std::make_unique<WarmStart>(std::move(is_known), std::move(list), std::move(rest));
}

}  // namespace cambrian
