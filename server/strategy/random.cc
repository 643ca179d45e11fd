#include "server/strategy/random.h"

#include <utility>

#include "common/base/status.h"
#include "server/strategy/snapshot.h"

namespace cambrian {
namespace {

class RandomStrategy : public SearchStrategy {
 public:
  explicit RandomStrategy(StrategyContext context) : context_(std::move(context)) {}

  AskAnswer Ask(int count, Random& random) const override {
    return ProposeOrSample(context_, count, random,
                           [](Novelty&, int64_t) { return std::optional<Proposal>(); });
  }

  void Add(int64_t trial, const Architecture& architecture) override {}

  void Tell(int64_t trial, const Outcome& outcome) override {}

  // What is known is all that it goes by.
  std::string Snapshot() const override { return "{}"; }

  absl::Status Restore(absl::string_view snapshot) override {
    ASSIGN_OR_RETURN(const nlohmann::json json, ParseSnapshot(snapshot));
    if (json.is_object() && json.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError("the snapshot is of another strategy");
  }

 private:
  const StrategyContext context_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<SearchStrategy>> NewRandomStrategy(const StrategySpec& spec,
                                                                  StrategyContext context) {
  return std::make_unique<RandomStrategy>(std::move(context));
}

}  // namespace cambrian
