// Objectives and constraints of a study file.
#include <cmath>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/spec/map_reader.h"
#include "common/spec/study_sections.h"

namespace cambrian {
namespace {

const std::vector<std::string>& KnownMetrics() {
  static const auto* const metrics = new std::vector<std::string>{
      "accuracy", "loss", "latency_ms", "parameters", "macs", "peak_memory_mb", "train_seconds"};
  return *metrics;
}

bool IsWord(absl::string_view text) {
  if (text.empty() || text.size() > 64) return false;
  for (const char c : text) {
    if (!absl::ascii_isalnum(c) && c != '_') return false;
  }
  return true;
}

// Reads everything into one study.
class Goals {
 public:
  Goals(StudySpec& study, Diagnostics& diagnostics) : study_(study), diagnostics_(diagnostics) {}

  void ReadObjectives(const Node& node) {
    if (node.IsNull()) {
      study_.objectives = {Objective{"accuracy", true}};
      return;
    }
    if (!node.IsList() || node.items.empty()) {
      diagnostics_.Error(node.mark,
                         absl::StrCat("objectives must be a list of at least one, not ",
                                      node.IsList() ? "an empty list" : node.Describe()),
                         "write \"objectives: [maximize: accuracy]\"");
      return;
    }
    for (const Node& item : node.items) ReadObjective(item);
  }

  void ReadConstraints(const Node& node) {
    if (!node.IsNull() && !node.IsList()) {
      diagnostics_.Error(node.mark,
                         absl::StrCat("constraints must be a list, not ", node.Describe()),
                         absl::StrCat("write \"constraints: [",
                                      node.IsScalar() ? node.scalar : "accuracy >= 0.8", "]\""));
    }
    for (const Node& item : node.items) ReadConstraint(item);
  }

 private:
  void ReadObjective(const Node& node) {
    if (!node.IsMap()) {
      diagnostics_.Error(
          node.mark, absl::StrCat("an objective must be a map, not ", node.Describe()),
          absl::StrCat("write \"maximize: ", node.IsScalar() ? node.scalar : "accuracy", "\""));
      return;
    }
    const MapReader reader(node, "objective", {"maximize", "minimize", "on"}, diagnostics_);
    const Node* const maximize = reader.Find("maximize");
    const Node* const minimize = reader.Find("minimize");
    const bool misspelt = node.entries.size() > (reader.Find("on") != nullptr ? 1u : 0u);
    if (maximize == nullptr && minimize == nullptr && misspelt) return;  // reported already
    if ((maximize == nullptr) == (minimize == nullptr)) {
      diagnostics_.Error(node.mark,
                         maximize == nullptr ? "an objective says maximize or minimize"
                                             : "an objective cannot be maximized and minimized",
                         "write \"maximize: accuracy\"");
      return;
    }
    const Node& what = maximize != nullptr ? *maximize : *minimize;
    const size_t before = study_.objectives.size();
    if (what.IsMap()) {
      ReadScalarization(what, maximize != nullptr ? 1 : -1);
    } else {
      AddObjective(what, what.scalar, what.mark, maximize != nullptr);
    }
    if (const Node* const on = reader.Find("on")) {
      bool latency = false;
      for (size_t i = before; i < study_.objectives.size(); ++i) {
        latency = latency || study_.objectives[i].metric == "latency_ms";
      }
      ReadLatency(*on, reader.KeyMark("on"), latency);
    }
  }

  // A weighted sum; each metric in it is an objective of the front as well.
  void ReadScalarization(const Node& node, double sign) {
    if (study_.scalarization) {
      diagnostics_.Error(node.mark, "a second weighted sum", "keep one");
      return;
    }
    study_.scalarization.emplace();
    for (const Node::Entry& entry : node.entries) {
      const std::optional<double> weight = entry.value.AsNumber();
      if (!weight || *weight == 0) {
        diagnostics_.Error(entry.value.mark, absl::StrCat("the weight of ", entry.key,
                                                          " must be a number other than 0, not ",
                                                          entry.value.Describe()));
        continue;
      }
      study_.scalarization->weights.emplace_back(entry.key, sign * *weight);
      AddObjective(node, entry.key, entry.key_mark, sign * *weight > 0);
    }
    if (node.entries.empty()) {
      diagnostics_.Error(node.mark, "a weighted sum without metrics",
                         "write \"maximize: {accuracy: 1, latency_ms: -0.05}\"");
    }
  }

  void AddObjective(const Node& node, const std::string& metric, Mark mark, bool maximize) {
    if (node.IsList() || node.IsNull()) {
      diagnostics_.Error(node.mark,
                         absl::StrCat("an objective must be a metric, not ", node.Describe()));
      return;
    }
    if (!CheckMetric(metric, mark)) return;
    for (const Objective& other : study_.objectives) {
      if (other.metric != metric) continue;
      diagnostics_.Error(mark, absl::StrCat(metric, " is an objective already"), "remove one");
      return;
    }
    study_.objectives.push_back(Objective{metric, maximize});
  }

  bool CheckMetric(const std::string& metric, Mark mark) {
    mark.length = std::max<int>(1, metric.size());
    if (absl::StartsWith(metric, "test_")) {
      diagnostics_.Error(mark, "the test set is read once, at the end, and guides no search",
                         absl::StrCat("write \"", metric.substr(5), "\", on the validation set"));
      return false;
    }
    if (study_.estimator.table) return CheckTableMetric(metric, mark);
    const bool own = study_.estimator.evaluator == "torch";
    bool known = !own && IsWord(metric);  // another evaluator may report what it likes
    for (const std::string& name : KnownMetrics()) known = known || name == metric;
    if (known) {
      if (metric == "latency_ms" && !study_.latency) study_.latency.emplace();
      return true;
    }
    const std::string near = DidYouMean(metric, KnownMetrics());
    diagnostics_.Error(mark, absl::StrCat("unknown metric \"", metric, "\""),
                       near.empty() ? "there are accuracy, loss, latency_ms, parameters, macs, "
                                      "peak_memory_mb and train_seconds"
                                    : near);
    return false;
  }

  // Which columns there are shows when the table is read.
  bool CheckTableMetric(const std::string& metric, Mark mark) {
    const std::map<std::string, TableValue>& metrics = study_.estimator.table->metrics;
    if (IsWord(metric) && (metrics.empty() || metrics.contains(metric) || IsAnalytic(metric))) {
      return true;
    }
    std::vector<std::string> known;
    for (const auto& [name, value] : metrics) known.push_back(name);
    diagnostics_.Error(mark, absl::StrCat("estimator.table.metrics has no \"", metric, "\""),
                       DidYouMean(metric, known));
    return false;
  }

  void ReadLatency(const Node& node, Mark key_mark, bool belongs) {
    if (study_.estimator.table) {
      diagnostics_.Error(key_mark, "a table's latencies have been measured", "remove \"on\"");
      return;
    }
    if (!belongs) {
      diagnostics_.Error(
          key_mark, "\"on\" says how latency_ms is measured, which is not meant here", "remove it");
      return;
    }
    LatencySpec latency;
    const MapReader reader(node, "on", {"target", "device", "batch", "threads", "runs"},
                           diagnostics_);
    reader.Text("target", latency.target);
    if (!latency.target.empty() && !IsWorkerWord(latency.target)) {
      reader.Wrong("target", *reader.Find("target"), "the name of a target, such as pi4");
    }
    reader.Text("device", latency.device);
    if (latency.device != "cpu" && latency.device != "cuda") {
      reader.Wrong("device", *reader.Find("device"), "cpu or cuda");
    }
    reader.Integer("batch", 1, 1 << 16, latency.batch);
    reader.Integer("threads", 1, 1 << 12, latency.threads);
    reader.Integer("runs", 30, 1'000'000, latency.runs);
    study_.latency = latency;
  }

  void ReadConstraint(const Node& node) {
    const absl::string_view text = node.scalar;
    const size_t sign = text.find_first_of("<>=");
    const size_t after = text.find_first_not_of("<>=", sign);
    const bool split = sign != absl::string_view::npos && after != absl::string_view::npos;
    const absl::string_view bound = split ? text.substr(sign, after - sign) : "";
    if (bound != "<=" && bound != ">=") {
      diagnostics_.Error(node.mark,
                         absl::StrCat("a constraint is \"METRIC <= NUMBER\" or \"METRIC >= "
                                      "NUMBER\", not ",
                                      node.Describe()),
                         "write \"parameters <= 500000\"");
      return;
    }
    Constraint constraint;
    constraint.metric = std::string(absl::StripAsciiWhitespace(text.substr(0, sign)));
    constraint.bound = bound == "<=" ? Constraint::Bound::kAtMost : Constraint::Bound::kAtLeast;
    Node number;
    number.kind = Node::Kind::kScalar;
    number.scalar = std::string(absl::StripAsciiWhitespace(text.substr(after)));
    const std::optional<double> value = number.AsNumber();
    if (!value) {
      diagnostics_.Error(node.mark, absl::StrCat("the bound of ", constraint.metric,
                                                 " must be a number, not ", number.Describe()));
    }
    if (!CheckMetric(constraint.metric, node.mark) || !value) return;
    constraint.value = *value;
    CheckBound(constraint, node.mark);
    study_.constraints.push_back(std::move(constraint));
  }

  // No metric of ours is negative; an accuracy is at most 1.
  void CheckBound(const Constraint& added, Mark mark) {
    bool known = false;
    for (const std::string& name : KnownMetrics()) known = known || name == added.metric;
    const bool accuracy = added.metric == "accuracy";
    if (known && (added.value < 0 || (accuracy && added.value > 1))) {
      diagnostics_.Error(mark,
                         absl::StrCat("\"", added.ToString(), "\": ", added.metric,
                                      accuracy ? " lies between 0 and 1"
                                               : " is never "
                                                 "negative"),
                         accuracy && added.value > 1 ? "write a share such as 0.8 or 80 %" : "");
    }
    for (const Constraint& other : study_.constraints) {
      if (other.metric != added.metric) continue;
      const bool lower = added.bound == Constraint::Bound::kAtLeast;
      if (other.bound == added.bound) {
        diagnostics_.Error(
            mark, absl::StrCat(added.metric, " has that bound already: \"", other.ToString(), "\""),
            "keep one");
      } else if (lower ? added.value > other.value : added.value < other.value) {
        diagnostics_.Error(mark, absl::StrCat("nothing can meet \"", added.ToString(), "\" and \"",
                                              other.ToString(), "\""));
      }
    }
  }

  StudySpec& study_;
  Diagnostics& diagnostics_;
};

}  // namespace

void ReadGoals(const Node& objectives, const Node& constraints, StudySpec& study,
               Diagnostics& diagnostics) {
  Goals goals(study, diagnostics);
  goals.ReadObjectives(objectives);
  goals.ReadConstraints(constraints);
}

}  // namespace cambrian
