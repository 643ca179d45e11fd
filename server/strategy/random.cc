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
    AskAnswer answer;
    Novelty novelty(context_.examine, known_);
    while (static_cast<int>(answer.proposals.size()) < count) {
      std::optional<Candidate> candidate = novelty.Sample(*context_.space, random);
      if (!candidate) {
        answer.state = AskState::kExhausted;
        break;
      }
      answer.proposals.push_back({*std::move(candidate), "random"});
    }
    return answer;
  }

  void Add(int64_t trial, const Architecture& architecture,
           absl::string_view evaluation_key) override {
    known_.emplace(evaluation_key);
  }

  void Tell(int64_t trial, const Outcome& outcome) override {}

  std::string Snapshot() const override { return KnownToJson(known_).dump(); }

  absl::Status Restore(absl::string_view snapshot) override {
    ASSIGN_OR_RETURN(const nlohmann::json json, ParseSnapshot(snapshot));
    return KnownFromJson(json, known_);
  }

 private:
  const StrategyContext context_;
  absl::flat_hash_set<std::string> known_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<SearchStrategy>> NewRandomStrategy(const StrategySpec& spec,
                                                                  StrategyContext context) {
  return std::make_unique<RandomStrategy>(std::move(context));
}

}  // namespace cambrian
