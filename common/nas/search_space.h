// A search space: the decisions of a template, and how an architecture becomes a network.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/random.h"
#include "common/nas/architecture.h"
#include "common/nas/network.h"
#include "common/nas/shape.h"
#include "nlohmann/json.hpp"

namespace cambrian {

// How many architectures a space has.
struct SpaceSize {
  bool infinite = false;  // a real-valued decision
  bool exact = false;
  absl::uint128 count = 0;  // if exact
  double log10 = 0;         // of the count, exact or estimated

  // "15,625", "≈ 10^17", "unbounded (real-valued)".
  std::string ToString() const;
};

// Immutable and thread-safe. Every architecture that it returns validates. Read from YAML by
// `common/spec/space_parser.h`.
class SearchSpace {
 public:
  virtual ~SearchSpace() = default;

  // In the file's order; a decision comes after those that decide whether it exists. Holes of the
  // recipe come last.
  virtual const std::vector<Decision>& decisions() const = 0;

  // Top down: each active decision uniform over its values (log where so scaled), not uniform over
  // architectures.
  virtual Architecture Sample(Random& random) const = 0;

  // Another architecture that differs in one decision (and in what that opens and closes). Numbers
  // mostly move to a neighbour. Returns `parent` if no decision has a second value.
  virtual Architecture Mutate(const Architecture& parent, Random& random) const = 0;

  // Each decision from one of the two, together with all that depends on it; half the time whole
  // cells.
  virtual Architecture Crossover(const Architecture& a, const Architecture& b,
                                 Random& random) const = 0;

  // All architectures one change away (reals: a step down and up); for a change that opens
  // decisions, one draw of them.
  virtual std::vector<Architecture> Neighbours(const Architecture& architecture,
                                               Random& random) const = 0;

  // \error kInvalidArgument naming the decision: missing, inactive, out of range, or a `require`
  // that does not hold.
  virtual absl::Status Validate(const Architecture& architecture) const = 0;

  // Whether the decision exists where those before it have the values of `architecture`; the others
  // are not read.
  virtual bool Exists(size_t decision, const Architecture& architecture) const = 0;

  // The network for a task, dead parts dropped.
  // \error kInvalidArgument with the place, if its shapes cannot work; kFailedPrecondition if
  // nothing gets through (both: INFEASIBLE).
  virtual absl::StatusOr<Network> Lower(const Architecture& architecture,
                                        const Task& task) const = 0;

  // The recipe with every hole and expression replaced by its value: a JSON object for
  // `RecipeFromJson`.
  virtual absl::StatusOr<nlohmann::json> ResolveRecipe(const Architecture& architecture) const = 0;

  virtual SpaceSize Size() const = 0;

  // How many values the decision has; 0 for real-valued ones.
  uint64_t Cardinality(size_t decision) const;

  // The flat map of active decisions, in order: {"normal.from_2": "0+1", "recipe.lr": 0.031}.
  nlohmann::ordered_json ToJson(const Architecture& architecture) const;

  // Names may be any unambiguous tail ("edge_0_1"). \error kInvalidArgument with a suggestion for
  // an unknown name or value.
  absl::StatusOr<Architecture> FromJson(const nlohmann::json& json) const;
};

}  // namespace cambrian
