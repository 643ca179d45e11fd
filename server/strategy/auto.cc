#include "server/strategy/auto.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/nas/origin.h"
#include "server/strategy/factory.h"
#include "server/strategy/snapshot.h"

namespace cambrian {
namespace {

// Beyond these a model is no longer worth what it costs.
constexpr int64_t kMostModelled = 2'000;  // trials
constexpr size_t kMostDecisions = 300;
constexpr int64_t kMostFront = 500;   // trials, of a model with two objectives
constexpr int64_t kMostParzen = 200;  // trials, with several objectives and no model

class Auto : public SearchStrategy {
 public:
  Auto(AutoChoice choice, std::unique_ptr<SearchStrategy> chosen)
      : choice_(std::move(choice)), chosen_(std::move(chosen)) {}

  AskAnswer Ask(int count, Random& random) const override {
    AskAnswer answer = chosen_->Ask(count, random);
    if (!begun_ && !answer.proposals.empty()) {
      answer.proposals[0].origin = WithReason(answer.proposals[0].origin, Reason());
    }
    return answer;
  }
  void Add(int64_t trial, const Architecture& architecture) override {
    begun_ = true;
    chosen_->Add(trial, architecture);
  }
  void Tell(int64_t trial, const Outcome& outcome) override { chosen_->Tell(trial, outcome); }

  std::string Snapshot() const override {
    return nlohmann::json{
        {"strategy", choice_.strategy}, {"begun", begun_}, {"state", chosen_->Snapshot()}}
        .dump();
  }
  absl::Status Restore(absl::string_view snapshot) override {
    ASSIGN_OR_RETURN(const nlohmann::json json, ParseSnapshot(snapshot));
    if (!json.is_object() || json.value("strategy", nlohmann::json()) != choice_.strategy ||
        !json.contains("begun") || !json["begun"].is_boolean() || !json.contains("state") ||
        !json["state"].is_string()) {
      return absl::InvalidArgumentError("the snapshot is of another strategy");
    }
    RETURN_IF_ERROR(chosen_->Restore(json["state"].get<std::string>()));
    begun_ = json["begun"].get<bool>();
    return absl::OkStatus();
  }
  std::string Reason() const override {
    return absl::StrCat("auto: ", choice_.strategy, ", since ", choice_.reason);
  }

 private:
  const AutoChoice choice_;
  const std::unique_ptr<SearchStrategy> chosen_;
  bool begun_ = false;
};

}  // namespace

AutoChoice ChooseStrategy(const StrategySpec& spec, const SearchSpace& space) {
  const SpaceSize size = space.Size();
  const size_t decisions = space.decisions().size();
  const bool several = spec.objectives > 1;
  if (!size.infinite && size.exact && spec.trials > 0 &&
      size.count <= absl::uint128(static_cast<uint64_t>(spec.trials))) {
    return {"exhaustive",
            absl::StrCat("the space has ", size.ToString(), " architectures, which the budget of ",
                         spec.trials, " covers")};
  }
  if (spec.objectives == 2 && spec.trials <= kMostFront && decisions <= kMostDecisions) {
    return {"gp", absl::StrCat("a model of each objective finds the front of both in the fewest ",
                               "trials")};
  }
  if (several && spec.trials > kMostParzen) {
    return {"nsga2", absl::StrCat(spec.objectives, " objectives have a front to spread over in ",
                                  spec.trials, " trials")};
  }
  if (several) {
    return {"tpe", absl::StrCat("it spreads over a front of ", spec.objectives,
                                " objectives in the fewest trials")};
  }
  if (spec.trials > kMostModelled) {
    return {"regularized_evolution",
            absl::StrCat("a budget of ", spec.trials, " trials needs no model")};
  }
  if (decisions > kMostDecisions) {
    return {"tpe", absl::StrCat(decisions, " decisions are too many to compare architectures by")};
  }
  return {"gp", absl::StrCat("a model finds the most in ",
                             spec.trials > 0 ? absl::StrCat(spec.trials) : "so few", " trials of ",
                             decisions, decisions == 1 ? " decision" : " decisions")};
}

absl::StatusOr<std::unique_ptr<SearchStrategy>> NewAuto(const StrategySpec& spec,
                                                        StrategyContext context) {
  AutoChoice choice = ChooseStrategy(spec, *context.space);
  StrategySpec chosen;
  chosen.name = choice.strategy;
  if (chosen.name == "nsga2") chosen.population = 20;
  chosen.warm_start = spec.warm_start;
  ASSIGN_OR_RETURN(std::unique_ptr<SearchStrategy> strategy,
                   MakeStrategy(chosen, std::move(context)));
  return std::make_unique<Auto>(std::move(choice), std::move(strategy));
}

}  // namespace cambrian
