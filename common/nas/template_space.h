// The search space of a compiled template.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/nas/search_space.h"
#include "common/nas/space_rules.h"
#include "common/nas/template.h"

namespace cambrian {

// A value of the recipe with its holes. Immutable plain data.
struct ValueTemplate {
  enum class Kind { kExpression, kList, kMap, kChoice, kSubset };
  Kind kind = Kind::kMap;
  ExpressionPtr expression;  // kExpression
  std::vector<std::pair<std::string, std::shared_ptr<const ValueTemplate>>>
      entries;                           // kMap, kList (no names), options
  int decision = -1;                     // kChoice, kSubset
  std::vector<std::vector<int>> chosen;  // kSubset: by option, indices of entries
};

// Immutable and thread-safe. Existence of decisions is a list of conditions on earlier ones, so
// that drawing and changing an architecture never touches the template; only Lower walks it.
class TemplateSpace : public SearchSpace {
 public:
  struct Parts {
    std::string file;  // for messages
    SpaceRules rules;
    TemplatePtr network;
    std::shared_ptr<const ValueTemplate> recipe;
  };
  explicit TemplateSpace(Parts parts);

  const std::vector<Decision>& decisions() const override { return rules_.decisions; }
  Architecture Sample(Random& random) const override;
  Architecture Mutate(const Architecture& parent, Random& random) const override;
  Architecture Crossover(const Architecture& a, const Architecture& b,
                         Random& random) const override;
  std::vector<Architecture> Neighbours(const Architecture& architecture,
                                       Random& random) const override;
  absl::Status Validate(const Architecture& architecture) const override;
  bool Exists(size_t decision, const Architecture& architecture) const override {
    return rules_.Exists(decision, architecture.values);
  }
  absl::StatusOr<Network> Lower(const Architecture& architecture, const Task& task) const override;
  absl::StatusOr<nlohmann::json> ResolveRecipe(const Architecture& architecture) const override;
  SpaceSize Size() const override { return size_; }

 private:
  // Walks the decisions in order and sets each that exists to `propose(d)`, which must be a value
  // of it. One that breaks a requirement is drawn anew unless it is `fixed`. False if no value
  // holds.
  template <typename Propose>
  bool Fill(std::vector<double>& values, int fixed, Random& random, const Propose& propose) const;
  bool RequirementsHold(size_t decision, absl::Span<const double> values) const;
  bool DrawAllowed(size_t decision, std::vector<double>& values, Random& random) const;
  // `parent` with `decision` set to `value`, the rest kept where it can be. Empty if no such
  // architecture holds.
  std::vector<double> Changed(const Architecture& parent, size_t decision, double value,
                              Random& random) const;
  double Moved(size_t decision, double value, Random& random) const;
  SpaceSize ComputeSize() const;

  const std::string file_;
  const SpaceRules rules_;
  const TemplatePtr network_;
  const std::shared_ptr<const ValueTemplate> recipe_;
  std::vector<std::vector<int>> required_;  // by decision: requirements that it settles
  std::vector<std::vector<std::vector<int>>>
      near_sets_;  // by decision of sets, by option: one exchange, drop or addition away
  std::vector<int> controller_;  // by decision: the first that its existence hangs on, or -1
  std::vector<int> group_;       // by decision: the cell (first segment of its name)
  int groups_ = 0;
  SpaceSize size_;
};

}  // namespace cambrian
