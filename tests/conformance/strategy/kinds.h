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
  std::string name;
  std::string yaml;   // the study file's `strategy:`
  bool warm = false;  // with a warm start before it
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

// Those that take any space, each also with a warm start.
inline std::vector<StrategyKind> GeneralKinds() {
  std::vector<StrategyKind> kinds = {
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
  const size_t plain = kinds.size();
  for (size_t i = 0; i < plain; ++i) {
    kinds.push_back({absl::StrCat("Warm", kinds[i].name), kinds[i].yaml, true});
  }
  return kinds;
}

// And those that take only some.
inline std::vector<StrategyKind> AllKinds() {
  std::vector<StrategyKind> kinds = GeneralKinds();
  kinds.push_back({"Exhaustive", "exhaustive"});
  kinds.push_back({"Listed", AllCells()});
  kinds.push_back({"WarmExhaustive", "exhaustive", true});
  return kinds;
}

// The study file's sections for the toy study.
inline std::string SectionsOf(const StrategyKind& kind) {
  return absl::StrCat("strategy: ", kind.yaml,
                      "\nobjectives: [{maximize: accuracy}]\nbudget: {trials: 100}\n",
                      kind.warm ? "warm_start: {architectures: [\n"
                                  "  {edge_0_1: skip, edge_0_2: conv3x3, edge_1_2: conv3x3},\n"
                                  "  {edge_0_1: conv1x1, edge_0_2: skip, edge_1_2: conv3x3},\n"
                                  "  {edge_0_1: skip, edge_0_2: skip, edge_1_2: skip}]}\n"
                                : "");
}

// The strategy's options, by way of a study file; with a warm start of six architectures of
// `space`.
inline StrategySpec SpecOf(const StrategyKind& kind, const SearchSpace& space) {
  StrategySpec spec = ParseToy(StudyText(SectionsOf({kind.name, kind.yaml})))->strategy;
  Random random(13);
  for (int i = 1; kind.warm && i <= 6; ++i) {
    spec.warm_start.entries.push_back(
        {space.ToJson(space.Sample(random)), absl::StrCat("listed ", i)});
  }
  return spec;
}

}  // namespace cambrian::testing
