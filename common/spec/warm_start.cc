// The section `warm_start` of a study file.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/spec/architecture_check.h"
#include "common/spec/map_reader.h"
#include "common/spec/study_sections.h"

namespace cambrian {
namespace {

constexpr int64_t kMaxArchitectures = 1000;  // each ask looks at all of them
constexpr size_t kMaxTrialName = 100;

// The list at `key`; null with an error if it is none, or empty, or too long.
const Node* ReadList(const MapReader& reader, absl::string_view key) {
  const Node* const list = reader.Find(key);
  if (list == nullptr) return nullptr;
  const bool good = list->IsList() && !list->items.empty() &&
                    static_cast<int64_t>(list->items.size()) <= kMaxArchitectures;
  if (good) return list;
  reader.Wrong(key, *list, absl::StrCat("a list of 1 to ", kMaxArchitectures, " architectures"));
  return nullptr;
}

void ReadListed(const MapReader& reader, WarmStartSpec& warm_start) {
  const Node* const list = ReadList(reader, "architectures");
  if (list == nullptr) return;
  for (const Node& item : list->items) {
    warm_start.entries.push_back(
        {ToJson(item), absl::StrCat("listed ", warm_start.entries.size() + 1)});
  }
}

bool IsTrialName(absl::string_view text) {
  const size_t slash = text.rfind('/');
  int64_t number = 0;
  return slash != absl::string_view::npos && slash > 0 && text.size() <= kMaxTrialName &&
         absl::SimpleAtoi(text.substr(slash + 1), &number) && number > 0 &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isalnum(c) || absl::StrContains("-_/", c); });
}

// What a server made of `study` and `best`.
void ReadTrials(const MapReader& reader, WarmStartSpec& warm_start, Diagnostics& diagnostics) {
  const Node* const list = ReadList(reader, "trials");
  if (list == nullptr) return;
  for (const Node& item : list->items) {
    const MapReader of_trial(item, "warm_start.trials", {"trial", "architecture"}, diagnostics);
    WarmStartSpec::Entry entry;
    of_trial.Text("trial", entry.name);
    if (!entry.name.empty() && !IsTrialName(entry.name)) {
      of_trial.Wrong("trial", *of_trial.Find("trial"), "STUDY/NUMBER");
    }
    const bool whole = of_trial.Require("trial", "write \"trial: STUDY/NUMBER\"") &&
                       of_trial.Require("architecture", "write \"architecture: {…}\"");
    if (!whole) continue;
    entry.architecture = ToJson(*of_trial.Find("architecture"));
    warm_start.entries.push_back(std::move(entry));
  }
}

}  // namespace

WarmStartSpec ReadWarmStart(const Node& node, Diagnostics& diagnostics) {
  const MapReader reader(node, "warm_start", {"study", "best", "trials", "architectures"},
                         diagnostics);
  WarmStartSpec warm_start;
  if (node.IsNull()) return warm_start;
  const Node* const study = reader.Find("study");
  const Node* const architectures = reader.Find("architectures");
  if ((study == nullptr) == (architectures == nullptr)) {
    if (node.IsMap()) {
      diagnostics.Error(
          study == nullptr ? node.mark : reader.KeyMark("architectures"),
          study == nullptr ? "warm_start names neither a study nor architectures"
                           : "warm_start names a study already, not architectures too",
          study == nullptr ? "write \"warm_start: {study: NAME, best: 20}\"" : "keep one");
    }
    return warm_start;
  }
  for (const char* key : {"best", "trials"}) {
    if (study != nullptr || reader.Find(key) == nullptr) continue;
    diagnostics.Error(reader.KeyMark(key),
                      absl::StrCat("\"", key, "\" is said of a study, and none is named"),
                      "write \"study: NAME\" instead of \"architectures\", or remove it");
  }
  reader.Integer("best", 1, kMaxArchitectures, warm_start.best);
  if (study == nullptr) {
    ReadListed(reader, warm_start);
  } else {
    warm_start.mark = study->mark;
    reader.Text("study", warm_start.study);
    ReadTrials(reader, warm_start, diagnostics);
  }
  return warm_start;
}

void CheckWarmStart(const StudySpec& study, const Node& file, Mark key, Diagnostics& diagnostics) {
  const WarmStartSpec& warm_start = study.strategy.warm_start;
  if (warm_start.empty()) return;
  if (study.strategy.name == "listed") {
    diagnostics.Error(key, "strategy.listed tries its own list and nothing else",
                      "remove \"warm_start\", or take another strategy");
  }
  const int64_t count =
      warm_start.IsPending() ? warm_start.best : static_cast<int64_t>(warm_start.entries.size());
  if (count > study.budget.trials) {
    diagnostics.Warning(key,
                        absl::StrCat("warm_start has ", count, " architectures for a budget of ",
                                     study.budget.trials, " trials: not all are tried"),
                        "raise budget.trials");
  }
  if (study.space == nullptr || warm_start.entries.empty()) return;
  const Node& section = Section(file, "warm_start");
  const Node* const listed = section.Find("architectures");
  for (const Node& item : (listed != nullptr ? listed : section.Find("trials"))->items) {
    const Node* const architecture = listed != nullptr ? &item : item.Find("architecture");
    if (architecture != nullptr) CheckArchitecture(*architecture, *study.space, diagnostics);
  }
}

}  // namespace cambrian
