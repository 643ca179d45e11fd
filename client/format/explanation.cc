#include "client/format/explanation.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "client/format/number.h"
#include "client/format/terminal.h"
#include "client/format/text.h"
#include "client/format/trial_table.h"

namespace cambrian {
namespace {

using nlohmann::ordered_json;

constexpr size_t kMostDecisions = 20;
constexpr size_t kMostPreferences = 12;
constexpr size_t kMostChanges = 4;
constexpr double kNearNothing = 0.05;  // r2 below which no table is worth reading
constexpr double kLittle = 0.3;        // r2 below which it is said so

std::string Count(size_t count, absl::string_view what) {
  return absl::StrCat(FormatCount(static_cast<int64_t>(count)), " ", what, count == 1 ? "" : "s");
}

std::string PercentSpread(const Spread& spread) {
  // What is less than nothing is nothing; its deviation says how sure that is.
  return absl::StrFormat("%.0f ± %.0f %%", 100 * std::max(spread.mean, 0.0) + 0.0,
                         100 * spread.deviation);
}

std::string Percent(double share) { return absl::StrFormat("%.0f %%", 100 * share); }

std::string ProbabilityText(double p) {
  if (p < 1e-4) return "< 0.0001";
  return absl::StrFormat("%.2g", p);
}

std::string LiftText(double lift) {
  return lift < 1 ? absl::StrFormat("× %.2g", lift)
                  : absl::StrFormat("× %.*f", lift < 10 ? 1 : 0, lift);
}

std::string PreferenceText(const SearchSpace& space, const Preference& preference) {
  return absl::StrJoin(preference.values, " with ", [&](std::string* out, const ValueOf& value) {
    absl::StrAppend(out, ShortName(space, value.decision), " ", value.label);
  });
}

// A paragraph that fits, with an empty line after it.
std::string Paragraph(absl::string_view text, int width) {
  return absl::StrCat(width > 0 ? Truncate(text, width) : std::string(text), "\n");
}

class StudyText {
 public:
  StudyText(const SearchSpace& space, int width, bool colour)
      : space_(space), width_(width), colour_(colour) {}

  void Say(absl::string_view text) { absl::StrAppend(&out_, Paragraph(text, width_)); }
  void Head(absl::string_view text) {
    if (!out_.empty()) out_ += "\n";
    absl::StrAppend(
        &out_, Coloured(width_ > 0 ? Truncate(text, width_) : text, Colour::kBold, colour_), "\n");
  }
  void Warn(absl::string_view text) {
    absl::StrAppend(&out_,
                    ColourDiagnostics(Paragraph(absl::StrCat("warning: ", text), width_), colour_));
  }
  void Show(const Table& table) { absl::StrAppend(&out_, "\n", table.Render(width_, colour_)); }

  void Importance(const Target& target, const ImportanceReport& report) {
    Head(absl::StrCat("What decides ", target.name, target.maximize ? " ↑" : " ↓"));
    if (!report.enough) {
      Say(report.trials < kLeastForImportance
              ? absl::StrCat("Too few trials to say: ", report.trials, " of at least ",
                             kLeastForImportance)
              : std::string("Nothing: all trials have the same"));
      return;
    }
    Say(absl::StrFormat("%s; R² %.2f on trials that the trees have not seen: shares are of that",
                        Count(report.trials, "trial"), report.r2));
    if (report.r2 < kNearNothing || report.decisions.empty()) {
      Say("These trials do not show that any decision matters: R² is near 0");
      return;
    }
    if (report.r2 < kLittle) {
      Warn("R² is small, so is what these figures explain; more trials would help");
    }
    Show(ImportanceTable(space_, report, kMostDecisions));
    if (report.interactions >= 0.005) {
      Say(absl::StrCat(" interactions, which none decides alone: ", Percent(report.interactions)));
    }
    if (report.decisions.size() > kMostDecisions) {
      Say(absl::StrCat(" … and ", Count(report.decisions.size() - kMostDecisions, "decision"),
                       " more, none above ",
                       PercentSpread(report.decisions[kMostDecisions].together)));
    }
  }

  void Preferences(absl::string_view best, const PreferenceReport& report) {
    if (report.values.empty()) {
      Say(absl::StrCat(best, " prefer no value more than by chance"));
    } else {
      Say(absl::StrCat(best, " prefer (+) or avoid (−)"));
      Show(PreferenceTable(space_, report.values, kMostPreferences));
      More(report.values.size());
    }
    if (report.pairs_skipped) {
      Say("Pairs were not counted: there are too many");
    } else if (!report.pairs.empty()) {
      Say("");
      Say("and of pairs, beyond what the two alone give");
      Show(PreferenceTable(space_, report.pairs, kMostPreferences));
      More(report.pairs.size());
    }
  }

  std::string Take() { return std::move(out_); }

 private:
  void More(size_t all) {
    if (all <= kMostPreferences) return;
    Say(absl::StrCat(" … and ", all - kMostPreferences, " more; --output json has all"));
  }

  const SearchSpace& space_;
  const int width_;
  const bool colour_;
  std::string out_;
};

ordered_json SpreadJson(const Spread& spread) {
  return {{"mean", spread.mean}, {"deviation", spread.deviation}};
}

ordered_json ImportanceJson(const SearchSpace& space, const ImportanceReport& report) {
  ordered_json decisions = ordered_json::array();
  for (const DecisionImportance& each : report.decisions) {
    const bool levels = !each.best.empty();
    decisions.push_back(
        {{"decision", space.decisions()[each.decision].name},
         {"alone", SpreadJson(each.alone)},
         {"together", SpreadJson(each.together)},
         {"best", levels ? ordered_json(each.best) : ordered_json(nullptr)},
         {"best_value", levels ? ordered_json(each.best_value) : ordered_json(nullptr)},
         {"worst", levels ? ordered_json(each.worst) : ordered_json(nullptr)},
         {"worst_value", levels ? ordered_json(each.worst_value) : ordered_json(nullptr)}});
  }
  return {{"trials", report.trials},
          {"r2", report.enough ? ordered_json(report.r2) : ordered_json(nullptr)},
          {"interactions",
           report.decisions.empty() ? ordered_json(nullptr) : ordered_json(report.interactions)},
          {"decisions", std::move(decisions)}};
}

ordered_json PreferencesJson(const SearchSpace& space, absl::Span<const Preference> preferences) {
  ordered_json list = ordered_json::array();
  for (const Preference& each : preferences) {
    ordered_json values = ordered_json::array();
    for (const ValueOf& value : each.values) {
      values.push_back(
          {{"decision", space.decisions()[value.decision].name}, {"value", value.label}});
    }
    const double odds = each.counts.LogOddsRatio();
    const double error = each.counts.LogOddsError();
    list.push_back({{"values", std::move(values)},
                    {"preferred", each.preferred},
                    {"best_with", each.counts.best_with},
                    {"best", each.counts.best()},
                    {"rest_with", each.counts.rest_with},
                    {"rest", each.counts.rest()},
                    {"lift", each.Lift()},
                    {"log_odds_ratio", odds},
                    {"log_odds_ratio_low", odds - 1.96 * error},
                    {"log_odds_ratio_high", odds + 1.96 * error},
                    {"p_adjusted", each.p}});
  }
  return list;
}

ordered_json GroupJson(const SearchSpace& space, size_t size, const PreferenceReport& report) {
  return {{"trials", size},
          {"tested_values", report.tested_values},
          {"tested_pairs",
           report.pairs_skipped ? ordered_json(nullptr) : ordered_json(report.tested_pairs)},
          {"values", PreferencesJson(space, report.values)},
          {"pairs", PreferencesJson(space, report.pairs)}};
}

}  // namespace

std::string ShortName(const SearchSpace& space, size_t decision) {
  absl::string_view name = space.decisions()[decision].name;
  if (absl::ConsumePrefix(&name, ArchitectureTitle(space)) && absl::ConsumePrefix(&name, ".")) {
    return std::string(name);
  }
  return space.decisions()[decision].name;
}

std::string ValueText(const Decision& decision, const std::optional<double>& value) {
  if (!value) return "–";
  if (decision.kind == Decision::Kind::kCategorical) {
    return decision.options[static_cast<size_t>(*value)];
  }
  return decision.kind == Decision::Kind::kInteger ? absl::StrFormat("%.0f", *value)
                                                   : absl::StrFormat("%.4g", *value);
}

std::string ChangesText(const SearchSpace& space, absl::Span<const DecisionChange> changes) {
  std::vector<std::string> parts;
  for (const DecisionChange& change : changes) {
    if (parts.size() == kMostChanges && changes.size() > kMostChanges + 1) {
      parts.push_back(absl::StrCat("and ", changes.size() - kMostChanges, " more"));
      break;
    }
    const Decision& decision = space.decisions()[change.decision];
    parts.push_back(absl::StrCat(ShortName(space, change.decision), ": ",
                                 ValueText(decision, change.from), " → ",
                                 ValueText(decision, change.to)));
  }
  return absl::StrJoin(parts, ", ");
}

Table ImportanceTable(const SearchSpace& space, const ImportanceReport& report, size_t most) {
  Table table;
  table.columns = {{.title = "decision", .flexible = true},
                   {.title = "alone", .right = true},
                   {.title = "in all", .right = true},
                   {.title = "best", .drop = 2, .flexible = true},
                   {.title = "typical", .right = true, .drop = 3},
                   {.title = "worst", .drop = 4, .flexible = true},
                   {.title = "typical", .right = true, .drop = 5}};
  for (size_t i = 0; i < std::min(most, report.decisions.size()); ++i) {
    const DecisionImportance& each = report.decisions[i];
    const bool levels = !each.best.empty();
    table.rows.push_back({ShortName(space, each.decision), PercentSpread(each.alone),
                          PercentSpread(each.together), each.best,
                          levels ? FormatNumber(each.best_value) : "", each.worst,
                          levels ? FormatNumber(each.worst_value) : ""});
  }
  return table;
}

Table PreferenceTable(const SearchSpace& space, absl::Span<const Preference> preferences,
                      size_t most) {
  Table table;
  table.columns = {{.title = ""},
                   {.title = "value", .flexible = true, .least = 30},
                   {.title = "the best", .right = true},
                   {.title = "the rest", .right = true},
                   {.title = "lift", .right = true, .drop = 1},
                   {.title = "p", .right = true, .drop = 2}};
  for (size_t i = 0; i < std::min(most, preferences.size()); ++i) {
    const Preference& each = preferences[i];
    table.rows.push_back({each.preferred ? "+" : "−", PreferenceText(space, each),
                          Percent(each.BestShare()), Percent(each.RestShare()),
                          LiftText(each.Lift()), ProbabilityText(each.p)});
  }
  return table;
}

std::string StudyExplanationText(const SearchSpace& space, const StudyExplanation& explanation,
                                 int width, bool colour) {
  StudyText text(space, width, colour);
  std::string rests =
      absl::StrCat(explanation.study, ": ", Count(explanation.evaluated, "trial"), " with results");
  if (explanation.infeasible > 0) {
    absl::StrAppend(&rests, ", ", explanation.infeasible, " infeasible left out");
  }
  if (explanation.other > 0) absl::StrAppend(&rests, ", ", explanation.other, " without a result");
  text.Say(rests);
  for (const TargetExplanation& each : explanation.targets) {
    text.Importance(each.target, each.importance);
    if (each.best.size == 0) continue;
    text.Say("");
    text.Preferences(
        absl::StrFormat("The best %s (%s %s %.4g)",
                        FormatCount(static_cast<int64_t>(each.best.size)), each.target.name,
                        each.target.maximize ? "≥" : "≤", each.best.threshold),
        each.preferences);
  }
  if (explanation.front > 0) {
    text.Head("The front against the rest");
    text.Preferences(absl::StrCat("The ", explanation.front, " on it"),
                     explanation.front_preferences);
  }
  return text.Take();
}

ordered_json StudyExplanationJson(const SearchSpace& space, const StudyExplanation& explanation) {
  ordered_json targets = ordered_json::array();
  for (const TargetExplanation& each : explanation.targets) {
    ordered_json best = nullptr;
    if (each.best.size > 0) {
      best = GroupJson(space, each.best.size, each.preferences);
      best["threshold"] = each.best.threshold;
    }
    targets.push_back({{"objective", each.target.name},
                       {"maximize", each.target.maximize},
                       {"importance", ImportanceJson(space, each.importance)},
                       {"best", std::move(best)}});
  }
  return {{"study", explanation.study},
          {"trials", explanation.evaluated},
          {"infeasible", explanation.infeasible},
          {"without_result", explanation.other},
          {"objectives", std::move(targets)},
          {"front", explanation.front > 0
                        ? GroupJson(space, explanation.front, explanation.front_preferences)
                        : ordered_json(nullptr)}};
}

std::string StudyExplanationCsv(const SearchSpace& space, const StudyExplanation& explanation) {
  const auto number = [](double value) { return ordered_json(value).dump(); };
  std::string out =
      CsvLine({"study", "objective", "decision", "alone", "alone_deviation", "together",
               "together_deviation", "best", "best_value", "worst", "worst_value", "trials", "r2"});
  for (const TargetExplanation& each : explanation.targets) {
    const ImportanceReport& report = each.importance;
    for (const DecisionImportance& importance : report.decisions) {
      out +=
          CsvLine({explanation.study, each.target.name, space.decisions()[importance.decision].name,
                   number(importance.alone.mean), number(importance.alone.deviation),
                   number(importance.together.mean), number(importance.together.deviation),
                   importance.best, number(importance.best_value), importance.worst,
                   number(importance.worst_value), absl::StrCat(report.trials), number(report.r2)});
    }
  }
  return out;
}

}  // namespace cambrian
