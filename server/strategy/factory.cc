#include "server/strategy/factory.h"

#include <utility>

#include "server/strategy/auto.h"
#include "server/strategy/ensemble.h"
#include "server/strategy/exhaustive.h"
#include "server/strategy/gp.h"
#include "server/strategy/listed.h"
#include "server/strategy/local_search.h"
#include "server/strategy/nsga2.h"
#include "server/strategy/random.h"
#include "server/strategy/regularized_evolution.h"
#include "server/strategy/reinforce.h"
#include "server/strategy/tpe.h"
#include "server/strategy/warm_start.h"

namespace cambrian {
namespace {

struct Row {
  absl::string_view name;
  absl::StatusOr<std::unique_ptr<SearchStrategy>> (*make)(const StrategySpec&, StrategyContext);
};

constexpr Row kStrategies[] = {
    {"auto", &NewAuto},
    {"random", &NewRandomStrategy},
    {"exhaustive", &NewExhaustive},
    {"local_search", &NewLocalSearch},
    {"regularized_evolution", &NewRegularizedEvolution},
    {"nsga2", &NewNsga2},
    {"tpe", &NewTpe},
    {"gp", &NewGp},
    {"ensemble", &NewEnsemble},
    {"reinforce", &NewReinforce},
    {"listed", &NewListedStrategy},
};

}  // namespace

absl::StatusOr<std::unique_ptr<SearchStrategy>> MakeStrategy(const StrategySpec& spec,
                                                             StrategyContext context) {
  for (const Row& row : kStrategies) {
    if (row.name != spec.name) continue;
    // `auto` hands it on to what it chooses, so that the first proposal says what that is.
    if (spec.warm_start.empty() || spec.name == "auto") return row.make(spec, std::move(context));
    return NewWarmStart(spec.warm_start, std::move(context),
                        [&](StrategyContext rest) { return row.make(spec, std::move(rest)); });
  }
  return absl::InvalidArgumentError(absl::StrCat("no strategy \"", spec.name, "\""));
}

std::vector<absl::string_view> StrategyNames() {
  std::vector<absl::string_view> names;
  for (const Row& row : kStrategies) names.push_back(row.name);
  return names;
}

}  // namespace cambrian
