#include "server/strategy/listed.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/nas/origin.h"
#include "server/strategy/snapshot.h"

namespace cambrian {
namespace {

class ListedStrategy : public SearchStrategy {
 public:
  ListedStrategy(StrategyContext context, std::vector<Architecture> architectures)
      : context_(std::move(context)), architectures_(std::move(architectures)) {
    origin_.source = Origin::Source::kListed;
  }

  AskAnswer Ask(int count, Random& random) const override {
    AskAnswer answer;
    const size_t end = std::min(next_ + count, architectures_.size());
    for (size_t i = next_; i < end; ++i) {
      answer.proposals.push_back({context_.examine(architectures_[i]), origin_.ToString()});
    }
    if (end == architectures_.size()) answer.state = AskState::kExhausted;
    return answer;
  }

  void Add(int64_t trial, const Architecture& architecture) override { ++next_; }

  void Tell(int64_t trial, const Outcome& outcome) override {}

  std::string Snapshot() const override { return nlohmann::json(next_).dump(); }

  absl::Status Restore(absl::string_view snapshot) override {
    ASSIGN_OR_RETURN(const nlohmann::json json, ParseSnapshot(snapshot));
    if (!json.is_number_unsigned() || json.get<size_t>() > architectures_.size()) {
      return absl::InvalidArgumentError("the snapshot is no place in the list");
    }
    next_ = json.get<size_t>();
    return absl::OkStatus();
  }

 private:
  const StrategyContext context_;
  const std::vector<Architecture> architectures_;
  Origin origin_;  // of all
  size_t next_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<SearchStrategy>> NewListedStrategy(const StrategySpec& spec,
                                                                  StrategyContext context) {
  std::vector<Architecture> architectures;
  for (const nlohmann::json& json : spec.architectures) {
    ASSIGN_OR_RETURN(Architecture architecture, context.space->FromJson(json));
    architectures.push_back(std::move(architecture));
  }
  return std::make_unique<ListedStrategy>(std::move(context), std::move(architectures));
}

}  // namespace cambrian
