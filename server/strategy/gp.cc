#include "server/strategy/gp.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/nas/origin.h"
#include "server/strategy/gp_search.h"
#include "server/strategy/snapshot.h"

namespace cambrian {
namespace {

constexpr size_t kLeastKnown = 3;  // results before there is a model

absl::StatusOr<std::vector<Likeness>> ReadKernel(const SearchSpace& space,
                                                 absl::string_view kernel) {
  if (kernel == "auto") return LikenessesOf(space);
  if (kernel == "hamming") return std::vector{Likeness::kHamming};
  if (kernel == "paths") return std::vector{Likeness::kPaths};
  if (kernel == "weisfeiler_lehman") return std::vector{Likeness::kRefined};
  return absl::InvalidArgumentError(absl::StrCat("no kernel \"", kernel, "\""));
}

class Gp : public SearchStrategy {
 public:
  Gp(const StrategySpec& spec, StrategyContext context, const std::vector<Likeness>& likenesses)
      : context_(std::move(context)), startup_(spec.startup) {
    for (const Likeness likeness : likenesses) {
      encoded_.push_back(std::make_unique<EncodedTrials>(*context_.space, likeness));
    }
    if (spec.kernel == "auto") {
      combined_.push_back(std::make_unique<EncodedTrials>(*context_.space, Likeness::kCombined));
    }
  }

  AskAnswer Ask(int count, Random& random) const override;
  void Add(int64_t trial, const Architecture& architecture) override {
    observations_.Add(trial, architecture);
  }
  void Tell(int64_t trial, const Outcome& outcome) override { observations_.Tell(trial, outcome); }
  std::string Snapshot() const override { return observations_.ToJson().dump(); }
  absl::Status Restore(absl::string_view snapshot) override {
    ASSIGN_OR_RETURN(const nlohmann::json json, ParseSnapshot(snapshot));
    return observations_.Restore(*context_.space, json);
  }

 private:
  bool HasModel() const;
  GpSearch Begin(int count, Random& random) const;

  const StrategyContext context_;
  const int64_t startup_;
  Observations observations_;
  // Brought up to date by asks.
  GpSearch::Encoded encoded_;   // by likeness
  GpSearch::Encoded combined_;  // for two objectives, where no kernel is given
};

bool Gp::HasModel() const {
  size_t known = 0;
  for (const ToldTrial& told : observations_.trials()) {
    if (!told.outcome.values.empty() && ++known == kLeastKnown) return true;
  }
  return false;
}

AskAnswer Gp::Ask(int count, Random& random) const {
  std::optional<GpSearch> search;
  return ProposeOrSample(context_, count, random,
                         [&](Novelty& novelty, int64_t already) -> std::optional<Proposal> {
                           if (observations_.added() + already < startup_ || !HasModel()) return {};
                           if (!search) search.emplace(Begin(count, random));
                           if (auto proposal = search->Next(*context_.space, novelty, random))
                             return proposal;
                           std::optional<Candidate> candidate = novelty.Sample(random);
                           if (!candidate) return {};
                           Origin origin;
                           origin.remark = "no improvement expected nearby";
                           return Proposal{*std::move(candidate), origin.ToString()};
                         });
}

GpSearch Gp::Begin(int count, Random& random) const {
  const std::vector<ToldTrial>& trials = observations_.trials();
  const bool two = std::any_of(trials.begin(), trials.end(), [](const ToldTrial& told) {
    return told.outcome.values.size() == 2;
  });
  const GpSearch::Encoded& encoded = two && !combined_.empty() ? combined_ : encoded_;
  for (const auto& each : encoded) each->Update(trials);
  return {encoded, observations_, count, random};
}

}  // namespace

absl::StatusOr<std::unique_ptr<SearchStrategy>> NewGp(const StrategySpec& spec,
                                                      StrategyContext context) {
  ASSIGN_OR_RETURN(const std::vector<Likeness> likenesses, ReadKernel(*context.space, spec.kernel));
  return std::make_unique<Gp>(spec, std::move(context), likenesses);
}

}  // namespace cambrian
