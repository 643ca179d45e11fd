// One ask of the strategy `gp`: models of all that is known, and where they send it.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "common/base/random.h"
#include "common/nas/origin.h"
#include "server/strategy/candidate_pool.h"
#include "server/strategy/gp_model.h"
#include "server/strategy/interface.h"
#include "server/strategy/observations.h"
#include "server/strategy/plane_front.h"

namespace cambrian {

// One objective has one model; two have one each, and what is climbed is the hypervolume of their
// front in the models' units, above the worst feasible result. More are one, by weights drawn for
// this search. Not thread-safe.
class GpSearch {
 public:
  using Encoded = std::vector<std::unique_ptr<EncodedTrials>>;

  // At least one trial has values. `encoded` (up to date) and `observations` outlive it. Room for
  // `more` proposals.
  GpSearch(const Encoded& encoded, const Observations& observations, int more, Random& random);

  // The candidate of a fresh pool with the largest expected improvement, of those that are new
  // work. Counts as pending from then on. Nothing if nothing is expected of any.
  std::optional<Proposal> Next(const SearchSpace& space, Novelty& novelty, Random& random);

 private:
  using Expectations = std::vector<GpModel::Expectation>;  // by model

  // The best trials, the first front among them where there are two objectives.
  void FindParents(const std::vector<ToldTrial>& trials);
  void FindFront(const std::vector<ToldTrial>& trials);
  void Believe(const Architecture& architecture);
  double Improvement(const Expectations& expected) const;
  Origin OriginOf(const Expectations& expected, double improvement, const PoolEntry& entry) const;

  std::vector<double> weights_;  // by objective, where there are three or more
  std::vector<GpModel> models_;
  std::optional<PlaneFront> front_;  // of two objectives, once anything is feasible
  std::vector<PoolParent> parents_;
  absl::flat_hash_set<uint64_t> seen_;
};

}  // namespace cambrian
