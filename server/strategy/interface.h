// What proposes architectures and learns from their results.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/random.h"
#include "common/nas/architecture.h"
#include "common/nas/objective.h"
#include "common/nas/search_space.h"
#include "common/spec/study_spec.h"

namespace cambrian {

// An architecture and what is known of it before any work.
struct Candidate {
  Architecture architecture;
  std::string canonical_key;       // of its network; empty if nothing gets through
  std::string evaluation_key;      // equal for architectures that are the same work
  Metrics metrics;                 // analytic
  std::string obstacle;            // why it is infeasible at once; empty: it may be tried
  bool breaks_constraint = false;  // the obstacle is a constraint on an analytic metric
};

// Looks at an architecture that validates. Pure and thread-safe.
using Examine = std::function<Candidate(Architecture)>;

// Whether a trial of the study stands for this work, in whatever state.
using IsKnown = std::function<bool(absl::string_view evaluation_key)>;

// What a strategy stands on. The space and whatever the functions hold outlive it.
struct StrategyContext {
  std::shared_ptr<const SearchSpace> space;
  Examine examine;
  IsKnown is_known;  // true of each proposal from the time that it is added
};

struct Proposal {
  Candidate candidate;
  std::string origin;  // a line of common/nas/origin.h: "mutation of 7: cell.edge_0_1"
};

enum class AskState {
  kMore,       // there is more where that came from
  kWait,       // not before another result
  kExhausted,  // never again
};

struct AskAnswer {
  std::vector<Proposal> proposals;  // at most as many as asked for
  AskState state = AskState::kMore;
};

// What became of a trial. The order of merit: feasible before infeasible before no result; then by
// values.
struct Outcome {
  std::vector<double> values;  // by objective, larger is better; empty: no result
  bool feasible = false;       // every constraint holds
};

// Deterministic: its state follows from the sequence of `Add` and `Tell`, an answer from that
// state, what is known, and `random`; asking changes nothing. So a study that is read back from the
// store feeds what was recorded into a fresh strategy, and asks that led to nothing need no record.
// Not thread-safe. `tests/conformance/strategy` holds every strategy to this contract.
class SearchStrategy {
 public:
  virtual ~SearchStrategy() = default;

  // Proposes work that no trial stands for yet, pending ones included. Candidates that break an
  // analytic constraint are drawn again up to kMaxRedraws times.
  virtual AskAnswer Ask(int count, Random& random) const = 0;

  // A proposal became trial number `trial`, which is pending from now on.
  virtual void Add(int64_t trial, const Architecture& architecture) = 0;

  // The result of a pending trial; others are ignored.
  virtual void Tell(int64_t trial, const Outcome& outcome) = 0;

  // The whole state as text, and back into a fresh strategy of the same study. What is known is the
  // study's to remember.
  // \error kInvalidArgument
  virtual std::string Snapshot() const = 0;
  virtual absl::Status Restore(absl::string_view snapshot) = 0;

  // Why this strategy, where it chose itself; else empty.
  virtual std::string Reason() const { return ""; }
};

inline constexpr int kMaxRedraws = 50;

// Keeps one ask from proposing what is known, or the same work twice.
class Novelty {
 public:
  // `context` outlives it.
  explicit Novelty(const StrategyContext& context) : context_(context) {}

  // The candidate if it is new and, while redraws are left, breaks no analytic constraint.
  std::optional<Candidate> Try(const Architecture& architecture);

  // Random architectures until one is new; nothing after kMaxDraws.
  std::optional<Candidate> Sample(Random& random);

 private:
  static constexpr int kMaxDraws = 1000;

  const StrategyContext& context_;
  absl::flat_hash_set<std::string> proposed_;
  int redraws_ = 0;
};

// How most strategies answer an ask: `next` proposes, told how many this ask has already; where it
// has nothing, a random candidate does; without one the space is exhausted.
AskAnswer ProposeOrSample(
    const StrategyContext& context, int count, Random& random,
    absl::FunctionRef<std::optional<Proposal>(Novelty& novelty, int64_t already)> next);

}  // namespace cambrian
