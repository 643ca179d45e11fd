#include "common/spec/architecture_check.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/nas/decision_values.h"

namespace cambrian {
namespace {

// The part of a message behind its first semicolon says what to do.
void Report(Mark mark, const absl::Status& status, Diagnostics& diagnostics) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(status.message(), absl::MaxSplits("; ", 1));
  diagnostics.Error(mark, parts.first, parts.second);
}

std::string ValuesOf(const Decision& decision) {
  if (decision.kind == Decision::Kind::kCategorical) {
    return absl::StrCat("it is one of ", absl::StrJoin(decision.options, ", "));
  }
  return absl::StrCat("it lies between ", decision.low, " and ", decision.high);
}

// One architecture, entry by entry.
class Check {
 public:
  Check(const Node& node, const SearchSpace& space, Diagnostics& diagnostics)
      : node_(node),
        space_(space),
        diagnostics_(diagnostics),
        entries_(space.decisions().size(), nullptr) {
    architecture_.values.assign(space.decisions().size(), Architecture::kInactive);
  }

  void Run() {
    bool good = true;
    for (const Node::Entry& entry : node_.entries) good = Read(entry) && good;
    if (!good || !HasWhatExists()) return;
    const absl::Status status = space_.Validate(architecture_);
    if (!status.ok()) Report(node_.mark, status, diagnostics_);
  }

 private:
  bool Read(const Node::Entry& entry) {
    const absl::StatusOr<size_t> d = FindDecision(space_.decisions(), entry.key);
    if (!d.ok()) {
      Report(entry.key_mark, d.status(), diagnostics_);
      return false;
    }
    const Decision& decision = space_.decisions()[*d];
    if (std::exchange(entries_[*d], &entry) != nullptr) {
      diagnostics_.Error(entry.key_mark,
                         absl::StrCat("decision \"", decision.name, "\" is given twice"),
                         "keep one");
      return false;
    }
    const absl::StatusOr<double> value = ReadValue(decision, ToJson(entry.value));
    if (!value.ok()) {
      Report(entry.value.mark, value.status(), diagnostics_);
      return false;
    }
    architecture_.values[*d] = *value;
    const bool number = decision.kind != Decision::Kind::kCategorical;
    if (!number || (*value >= decision.low && *value <= decision.high)) return true;
    diagnostics_.Error(entry.value.mark,
                       absl::StrCat("decision \"", decision.name, "\" cannot be ", *value),
                       ValuesOf(decision));
    return false;
  }

  // Whether those decisions are given that exist where those before them are as they are.
  bool HasWhatExists() {
    for (size_t d = 0; d < entries_.size(); ++d) {
      const bool exists = space_.Exists(d, architecture_);
      if (exists == (entries_[d] != nullptr)) continue;
      const Decision& decision = space_.decisions()[d];
      if (exists) {
        diagnostics_.Error(node_.mark, absl::StrCat("decision \"", decision.name, "\" is missing"),
                           ValuesOf(decision));
      } else {
        diagnostics_.Error(entries_[d]->key_mark,
                           absl::StrCat("decision \"", decision.name,
                                        "\" does not exist where the others are as they are"),
                           "remove it");
      }
      return false;
    }
    return true;
  }

  const Node& node_;
  const SearchSpace& space_;
  Diagnostics& diagnostics_;
  std::vector<const Node::Entry*> entries_;  // by decision; null: not given
  Architecture architecture_;
};

}  // namespace

void CheckArchitecture(const Node& node, const SearchSpace& space, Diagnostics& diagnostics) {
  if (node.IsMap()) return Check(node, space, diagnostics).Run();
  diagnostics.Error(node.mark,
                    absl::StrCat("an architecture is a map of decisions, not ", node.Describe()),
                    "write \"{DECISION: VALUE, …}\"");
}

}  // namespace cambrian
