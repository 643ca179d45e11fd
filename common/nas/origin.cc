#include "common/nas/origin.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

namespace cambrian {
namespace {

constexpr absl::string_view kReason = " (auto: ";
constexpr absl::string_view kMutated = ", mutated";
constexpr absl::string_view kUntilNew = ", mutated until new";
constexpr absl::string_view kEmittedKnown = "emitted and mutated: what was emitted is known";

std::string JudgementText(const Origin& origin) {
  const double value = origin.value.value_or(0);
  const Origin::Prediction predicted =
      origin.predictions.empty() ? Origin::Prediction() : origin.predictions[0];
  switch (origin.judgement) {
    case Origin::Judgement::kNone:
      return "";
    case Origin::Judgement::kFeasibility:
      return absl::StrFormat("feasible with %.0f %%", 100 * value);
    case Origin::Judgement::kDraw:
      return absl::StrFormat("drew %+.2f (%+.2f ± %.2f deviations)", value, predicted.mean,
                             predicted.deviation);
    case Origin::Judgement::kImprovement:
    case Origin::Judgement::kHypervolume:
      break;
  }
  const bool one = origin.judgement == Origin::Judgement::kImprovement;
  std::string text =
      absl::StrFormat("expected %simprovement %.2g", one ? "" : "hypervolume ", value);
  const char* separator = " (";
  for (const Origin::Prediction& each : origin.predictions) {
    absl::StrAppendFormat(&text, "%s%.5g ± %.2g", separator, each.mean, each.deviation);
    separator = " and ";
  }
  if (!origin.predictions.empty()) text += ")";
  if (!origin.weights.empty()) {
    absl::StrAppend(&text, " with weights ",
                    absl::StrJoin(origin.weights, " : ", [](std::string* out, double weight) {
                      absl::StrAppendFormat(out, "%.2f", weight);
                    }));
  }
  return text;
}

std::string SourceText(const Origin& origin) {
  const bool judged = origin.judgement != Origin::Judgement::kNone;
  switch (origin.source) {
    case Origin::Source::kRandom:
      return absl::StrCat(judged ? "random draw" : "random", origin.remark.empty() ? "" : ": ",
                          origin.remark);
    case Origin::Source::kEnumerated:
      return "one of all";
    case Origin::Source::kListed:
      return "listed";
    case Origin::Source::kInherited:
      return absl::StrCat("from ", origin.study, "/", origin.parent);
    case Origin::Source::kWarmStart:
      return absl::StrCat("warm start: ", origin.remark);
    case Origin::Source::kDensity:
      return absl::StrFormat("density ratio e^%.2f, the best new one of %d",
                             origin.value.value_or(0), origin.drawn);
    case Origin::Source::kPolicy:
      return origin.value ? absl::StrFormat("emitted, log-probability %.2f", *origin.value)
                          : std::string(kEmittedKnown);
    case Origin::Source::kMutation:
      return absl::StrCat(!judged        ? "mutation of "
                          : origin.twice ? "second mutant of "
                                         : "mutant of ",
                          origin.parent, origin.changed.empty() ? "" : ": ", origin.changed);
    case Origin::Source::kNeighbour:
      return absl::StrCat("neighbour of ", origin.parent, origin.changed.empty() ? "" : ": ",
                          origin.changed);
    case Origin::Source::kCrossover:
      return absl::StrCat("crossover of ", origin.parent, " and ", origin.other);
  }
  return "";
}

// What is left of a line. Each call takes what it returns; where one fails the line is none.
class LineReader {
 public:
  explicit LineReader(absl::string_view text) : text_(text) {}

  bool Take(absl::string_view word) { return absl::ConsumePrefix(&text_, word); }
  bool Take(absl::string_view word, int64_t& count) {
    return Take(word) && absl::SimpleAtoi(TakeWhile("0123456789"), &count);
  }
  bool Take(absl::string_view word, std::optional<double>& number) {
    double value = 0;
    if (!Take(word) || !TakeNumber(value)) return false;
    number = value;
    return true;
  }
  bool TakeNumber(double& number) {
    return absl::SimpleAtod(TakeWhile("0123456789+-.einfa"), &number);
  }
  std::string Rest() { return std::string(std::exchange(text_, "")); }
  bool done() const { return text_.empty(); }

 private:
  absl::string_view TakeWhile(absl::string_view of) {
    const absl::string_view taken = text_.substr(0, text_.find_first_not_of(of));
    text_.remove_prefix(taken.size());
    return taken;
  }

  absl::string_view text_;
};

bool ReadPrediction(LineReader& reader, absl::string_view end, Origin& origin) {
  Origin::Prediction predicted;
  if (!reader.TakeNumber(predicted.mean) || !reader.Take(" ± ") ||
      !reader.TakeNumber(predicted.deviation) || !reader.Take(end)) {
    return false;
  }
  origin.predictions.push_back(predicted);
  return true;
}

// Whether what the line begins with is a judgement, read, or none; false if it is a broken one.
bool ReadJudgement(LineReader& reader, Origin& origin) {
  if (reader.Take("expected improvement ", origin.value)) {
    origin.judgement = Origin::Judgement::kImprovement;
    if (reader.Take(" (") && !ReadPrediction(reader, ")", origin)) return false;
    for (bool more = reader.Take(" with weights "); more; more = reader.Take(" : ")) {
      if (!reader.TakeNumber(origin.weights.emplace_back())) return false;
    }
  } else if (reader.Take("expected hypervolume improvement ", origin.value)) {
    origin.judgement = Origin::Judgement::kHypervolume;
    return reader.Take(" (") && ReadPrediction(reader, " and ", origin) &&
           ReadPrediction(reader, ")", origin);
  } else if (reader.Take("feasible with ", origin.value)) {
    origin.judgement = Origin::Judgement::kFeasibility;
    *origin.value /= 100;
    if (!reader.Take(" %")) return false;
  } else if (reader.Take("drew ", origin.value)) {
    origin.judgement = Origin::Judgement::kDraw;
    if (!reader.Take(" (") || !ReadPrediction(reader, " deviations)", origin)) return false;
  }
  return true;
}

void ReadAgain(LineReader& reader, Origin& origin) {
  origin.until_new = reader.Take(kUntilNew);
  if (origin.until_new) return;
  origin.mutated = reader.Take(kMutated);
  origin.until_new = reader.Take(kUntilNew);
}

bool ReadSource(LineReader& reader, Origin& origin) {
  if (reader.Take("random")) {
    reader.Take(" draw");
    if (reader.Take(": ")) origin.remark = reader.Rest();
  } else if (reader.Take("one of all")) {
    origin.source = Origin::Source::kEnumerated;
  } else if (reader.Take("listed")) {
    origin.source = Origin::Source::kListed;
  } else if (reader.Take("warm start: ")) {
    origin.source = Origin::Source::kWarmStart;
    origin.remark = reader.Rest();
  } else if (reader.Take("from ")) {
    origin.source = Origin::Source::kInherited;
    const std::string trial = reader.Rest();
    const size_t slash = trial.rfind('/');
    if (slash == std::string::npos) return false;
    origin.study = trial.substr(0, slash);
    return absl::SimpleAtoi(trial.substr(slash + 1), &origin.parent);
  } else if (reader.Take("density ratio e^", origin.value)) {
    origin.source = Origin::Source::kDensity;
    return reader.Take(", the best new one of ", origin.drawn);
  } else if (reader.Take("emitted, log-probability ", origin.value)) {
    origin.source = Origin::Source::kPolicy;
    ReadAgain(reader, origin);
  } else if (reader.Take(kEmittedKnown)) {
    origin.source = Origin::Source::kPolicy;
    origin.until_new = true;
  } else if (reader.Take("crossover of ", origin.parent)) {
    origin.source = Origin::Source::kCrossover;
    if (!reader.Take(" and ", origin.other)) return false;
    ReadAgain(reader, origin);
  } else {
    origin.twice = reader.Take("second mutant of ", origin.parent);
    const bool neighbour = reader.Take("neighbour of ", origin.parent);
    origin.source = neighbour ? Origin::Source::kNeighbour : Origin::Source::kMutation;
    if (!origin.twice && !neighbour && !reader.Take("mutation of ", origin.parent) &&
        !reader.Take("mutant of ", origin.parent)) {
      return false;
    }
    if (reader.Take(": ")) origin.changed = reader.Rest();
    ReadAgain(reader, origin);
  }
  return true;
}

}  // namespace

std::string Origin::ToString() const {
  std::string text = JudgementText(*this);
  if (!text.empty()) text += ", ";
  text += SourceText(*this);
  const bool said = source == Source::kPolicy && !value;
  if (mutated) absl::StrAppend(&text, kMutated);
  if (until_new && !said) absl::StrAppend(&text, kUntilNew);
  return reason.empty() ? text : WithReason(text, reason);
}

std::string WithReason(absl::string_view line, absl::string_view reason) {
  return absl::StrCat(line, " (", reason, ")");
}

std::optional<Origin> ParseOrigin(absl::string_view line) {
  Origin origin;
  if (const size_t at = line.find(kReason); at != absl::string_view::npos && line.back() == ')') {
    origin.reason = std::string(line.substr(at + 2, line.size() - at - 3));
    line = line.substr(0, at);
  }
  LineReader reader(line);
  if (!ReadJudgement(reader, origin)) return std::nullopt;
  if (origin.judgement != Origin::Judgement::kNone && !reader.Take(", ")) return std::nullopt;
  if (!ReadSource(reader, origin) || !reader.done()) return std::nullopt;
  return origin;
}

bool SaysTheSame(absl::string_view recorded, absl::string_view now) {
  if (recorded == now) return true;
  const std::optional<Origin> before = ParseOrigin(recorded);
  std::optional<Origin> after = ParseOrigin(now);
  if (!before || !after) return false;
  if (before->predictions.empty()) after->predictions.clear();
  if (!before->value) after->value.reset();
  if (!before->until_new) after->until_new = false;
  return *before == *after;
}

}  // namespace cambrian
