// The strategies as study files name them. A new one is one more row.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/spec/study_spec.h"
#include "tests/testing/server_study.h"

namespace cambrian::testing {

struct StrategyKind {
  const char* name;
  std::string yaml;  // the study file's `strategy:`
};

// The 27 cells of the toy study.
inline std::string AllCells() {
  std::vector<std::string> cells;
  for (const char* a : {"skip", "conv1x1", "conv3x3"}) {
    for (const char* b : {"skip", "conv1x1", "conv3x3"}) {
      for (const char* c : {"skip", "conv1x1", "conv3x3"}) {
        cells.push_back(absl::StrCat("{edge_0_1: ", a, ", edge_0_2: ", b, ", edge_1_2: ", c, "}"));
      }
    }
  }
  return absl::StrCat("{listed: {architectures: [", absl::StrJoin(cells, ", "), "]}}");
}

// Those that take any space.
inline std::vector<StrategyKind> GeneralKinds() {
  return {
      {"Auto", "auto"},
      {"Random", "random"},
      {"LocalSearch", "local_search"},
      {"RegularizedEvolution",
       "{regularized_evolution: {population: 5, sample: 3, crossover: 0.3}}"},
      {"Nsga2", "{nsga2: {population: 5}}"},
      {"Tpe", "{tpe: {startup: 5}}"},
      {"Gp", "{gp: {startup: 5}}"},
      {"Ensemble", "{ensemble: {startup: 5}}"},
      {"ReinforceLogits", "reinforce"},
      {"ReinforceLstm", "{reinforce: {controller: lstm, units: 10}}"},
  };
}

// And those that take only some.
inline std::vector<StrategyKind> AllKinds() {
  std::vector<StrategyKind> kinds = GeneralKinds();
  kinds.push_back({"Exhaustive", "exhaustive"});
  kinds.push_back({"Listed", AllCells()});
  return kinds;
}

// The strategy's options, by way of a study file.
inline StrategySpec SpecOf(const StrategyKind& kind) {
  return ParseToy(StudyText(absl::StrCat("strategy: ", kind.yaml,
                                         "\nobjectives: [{maximize: accuracy}]\n"
                                         "budget: {trials: 100}\n")))
      ->strategy;
}

}  // namespace cambrian::testing
