// Trials of a space whose truth is known.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "client/explain/trials.h"
#include "common/base/random.h"
#include "common/nas/search_space.h"

namespace cambrian::testing {

// Decisions "d0", "d1", … of the options "a", "b", … of that many.
inline std::vector<Decision> Choices(int decisions, int options) {
  std::vector<Decision> all;
  for (int d = 0; d < decisions; ++d) {
    Decision decision;
    decision.name = "d" + std::to_string(d);
    for (int option = 0; option < options; ++option) {
      decision.options.push_back(std::string(1, static_cast<char>('a' + option)));
    }
    all.push_back(std::move(decision));
  }
  return all;
}

using Truth = std::function<double(const Architecture& architecture, Random& random)>;

// Drawn uniformly; values[0] is what `truth` says.
inline std::vector<EvaluatedTrial> Draw(const std::vector<Decision>& decisions, int trials,
                                        uint64_t seed, const Truth& truth) {
  Random random(seed);
  std::vector<EvaluatedTrial> drawn;
  for (int i = 0; i < trials; ++i) {
    EvaluatedTrial trial;
    trial.number = i + 1;
    for (const Decision& decision : decisions) {
      trial.architecture.values.push_back(
          decision.kind == Decision::Kind::kCategorical
              ? static_cast<double>(random.Below(decision.options.size()))
              : decision.low + (decision.high - decision.low) * random.Uniform());
    }
    trial.values = {truth(trial.architecture, random)};
    drawn.push_back(std::move(trial));
  }
  return drawn;
}

inline std::vector<EvaluatedTrial> Draw(const SearchSpace& space, int trials, uint64_t seed,
                                        const Truth& truth) {
  Random random(seed);
  std::vector<EvaluatedTrial> drawn;
  for (int i = 0; i < trials; ++i) {
    EvaluatedTrial trial;
    trial.number = i + 1;
    trial.architecture = space.Sample(random);
    trial.values = {truth(trial.architecture, random)};
    drawn.push_back(std::move(trial));
  }
  return drawn;
}

inline std::vector<double> ValuesOf(const std::vector<EvaluatedTrial>& trials) {
  std::vector<double> values;
  for (const EvaluatedTrial& trial : trials) values.push_back(trial.values[0]);
  return values;
}

// The place of the decision of that name (or end of a name).
inline size_t Place(const std::vector<Decision>& decisions, const std::string& name) {
  for (size_t d = 0; d < decisions.size(); ++d) {
    if (decisions[d].name.ends_with(name)) return d;
  }
  return decisions.size();
}

}  // namespace cambrian::testing
