#include "client/live/view.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/format/json.h"
#include "client/format/number.h"
#include "client/format/terminal.h"
#include "client/format/text.h"
#include "client/format/time.h"
#include "common/wire/convert.h"

namespace cambrian {
namespace {

constexpr int kWidestBar = 31;
constexpr int kNarrowestBar = 6;
constexpr int kFrontStrip = 24;
constexpr int kSparkline = 12;

const v1::Measurement* Find(const google::protobuf::RepeatedPtrField<v1::Measurement>& metrics,
                            const std::string& metric) {
  for (const v1::Measurement& m : metrics) {
    if (m.metric() == metric) return &m;
  }
  return nullptr;
}

// The metrics that a line about a trial names: the objectives, then the size.
std::vector<std::string> NamedMetrics(const StudySpec& study) {
  std::vector<std::string> names;
  if (study.test) names.push_back("test_accuracy");
  for (const Objective& objective : study.objectives) names.push_back(objective.metric);
  if (std::find(names.begin(), names.end(), "parameters") == names.end()) {
    names.push_back("parameters");
  }
  return names;
}

std::string DescribeMetrics(const v1::Trial& trial, const StudySpec& study) {
  const Metrics metrics = FromProto(trial.metrics());
  std::vector<std::string> parts;
  for (const std::string& name : NamedMetrics(study)) {
    const auto found = metrics.find(name);
    if (found != metrics.end()) parts.push_back(DescribeMetric(name, found->second));
  }
  return absl::StrJoin(parts, "   ");
}

std::string Bar(double share, int width, bool colour) {
  const int full = std::clamp(static_cast<int>(std::round(share * width)), 0, width);
  std::string done;
  std::string open;
  for (int i = 0; i < full; ++i) done += "━";
  for (int i = full; i < width; ++i) open += "─";
  return Coloured(done, Colour::kGreen, colour) + Coloured(open, Colour::kDim, colour);
}

std::string ProgressLine(const StudyProgress& progress, absl::Duration now, int width,
                         bool colour) {
  const int64_t budget = std::max<int64_t>(progress.summary().trial_budget(), 1);
  const std::string count =
      absl::StrCat("  ", progress.finished(), "/", budget, budget == 1 ? " trial " : " trials ");
  std::vector<std::string> parts = {FormatElapsed(progress.Elapsed(now))};
  const absl::Duration left = progress.Left(now);
  if (left == absl::ZeroDuration()) {
    parts[0] += ", finishing";
  } else if (left < absl::InfiniteDuration()) {
    absl::StrAppend(&parts[0], ", about ", FormatElapsed(left), " left");
  }
  if (const double rate = progress.Rate(now); rate > 0) {
    parts.push_back(absl::StrCat(FormatNumber(rate), " trials/min"));
  }
  if (progress.known() > 0) parts.push_back(absl::StrCat(progress.known(), " known already"));
  if (progress.infeasible() > 0) {
    parts.push_back(absl::StrCat(progress.infeasible(), " infeasible"));
  }
  if (progress.failed() > 0) {
    parts.push_back(Coloured(absl::StrCat(progress.failed(), " failed"), Colour::kYellow, colour));
  }
  // What matters least goes first where the line is short.
  const auto bar_width = [&] {
    return width - DisplayWidth(count) - DisplayWidth(absl::StrJoin(parts, " · ")) - 2;
  };
  while (parts.size() > 1 && bar_width() < kNarrowestBar) parts.pop_back();
  const double share = static_cast<double>(progress.finished()) / static_cast<double>(budget);
  return absl::StrCat(count, Bar(share, std::clamp(bar_width(), kNarrowestBar, kWidestBar), colour),
                      " ", absl::StrJoin(parts, " · "));
}

std::string DescribeRunning(const StudyProgress& progress, const v1::Trial& trial) {
  const StudySpec& study = progress.study();
  std::string text = absl::StrCat("trial ", trial.number());
  if (!trial.has_progress()) return absl::StrCat(text, "   starting");
  const v1::Progress& p = trial.progress();
  if (p.step() >= p.steps() && study.latency) return absl::StrCat(text, "   measuring latency");
  absl::StrAppend(&text, "   epoch ", p.step(), "/", p.steps());
  const std::string& metric = study.objectives.front().metric;
  if (const v1::Measurement* m = Find(p.metrics(), metric); m != nullptr) {
    const Measurement value{.value = m->value(), .low = std::nullopt, .high = std::nullopt};
    absl::StrAppend(&text, "  ", DescribeMetric(metric, value), " ",
                    Sparkline(progress.Curve(trial.number()), kSparkline));
  }
  return text;
}

std::string RunningLine(const StudyProgress& progress, int width) {
  std::string line = "  now    ";
  const auto running = progress.RunningTrials();
  if (running.empty()) return absl::StrCat(line, "waiting for a worker");
  size_t shown = 0;
  for (const v1::Trial* trial : running) {
    const std::string text = DescribeRunning(progress, *trial);
    const int needed = DisplayWidth(text) + (shown > 0 ? 6 : 0);
    if (shown > 0 && DisplayWidth(line) + needed > width - 10) break;
    absl::StrAppend(&line, shown > 0 ? "      " : "", text);
    ++shown;
  }
  if (shown < running.size()) absl::StrAppend(&line, "   + ", running.size() - shown);
  return line;
}

// The front's trials where they stand between the best and the worst of it in the first objective.
std::string FrontStrip(const std::vector<const v1::Trial*>& front, const std::string& metric) {
  std::vector<double> values;
  for (const v1::Trial* trial : front) {
    const v1::Measurement* m = Find(trial->metrics(), metric);
    if (m != nullptr) values.push_back(m->value());
  }
  if (values.empty()) return "";
  std::vector<bool> marks(kFrontStrip);
  const double span = values.back() - values.front();
  for (const double value : values) {
    const double share = span != 0 ? (value - values.front()) / span : 0;
    marks[std::clamp<int>(static_cast<int>(std::lround(share * (kFrontStrip - 1))), 0,
                          kFrontStrip - 1)] = true;
  }
  std::string strip;
  const int end = span != 0 ? kFrontStrip : 1;
  for (int i = 0; i < end; ++i) strip += marks[i] ? "●" : "─";
  return strip;
}

std::string FrontLine(const StudyProgress& progress, bool colour) {
  const auto front = progress.FrontTrials();
  const std::string strip = FrontStrip(front, progress.study().objectives.front().metric);
  std::string line = absl::StrCat("  front  ", Coloured(strip, Colour::kCyan, colour), "   ",
                                  front.size(), front.size() == 1 ? " trial" : " trials");
  const double hypervolume = progress.summary().hypervolume();
  if (!std::isfinite(hypervolume)) return line;
  absl::StrAppend(&line, ", hypervolume ", FormatFixed(hypervolume, 3));
  if (const auto gain = progress.HypervolumeGain(); gain) {
    absl::StrAppend(&line, " (", absl::StrFormat("%+.3f", *gain), " in the last 10)");
  }
  return line;
}

}  // namespace

std::vector<std::string> RenderLive(const StudyProgress& progress, absl::Duration now, int width,
                                    bool colour) {
  std::vector<std::string> lines = {ProgressLine(progress, now, width, colour)};
  const auto front = progress.FrontTrials();
  if (!front.empty()) {
    lines.push_back(absl::StrCat(
        "  best   ",
        Coloured(absl::StrCat("trial ", front.front()->number()), Colour::kBold, colour), "   ",
        DescribeMetrics(*front.front(), progress.study())));
  }
  if (!IsFinished(progress.summary().state())) lines.push_back(RunningLine(progress, width));
  if (!front.empty() && progress.study().objectives.size() > 1) {
    lines.push_back(FrontLine(progress, colour));
  }
  for (std::string& line : lines) line = Truncate(line, width);
  return lines;
}

std::string RenderEvent(const v1::Event& event, const StudySpec& study, absl::TimeZone zone) {
  const std::string time = FormatClock(FromProto(event.time()), zone);
  if (!event.has_trial()) {
    if (event.what_case() != v1::Event::kState || event.state() == v1::ACTIVE) return "";
    return absl::StrCat(time, " study ", StudyStateName(event.state()));
  }
  const v1::Trial& trial = event.trial();
  if (!IsFinished(trial.state())) return "";
  std::string line =
      absl::StrCat(time, " trial ", trial.number(), " ", TrialStateName(trial.state()));
  const Metrics metrics = FromProto(trial.metrics());
  for (const std::string& name : NamedMetrics(study)) {
    const auto found = metrics.find(name);
    if (found != metrics.end()) {
      absl::StrAppend(&line, " ", name, "=", absl::StrFormat("%.6g", found->second.value));
    }
  }
  if (trial.state() == v1::TRIAL_SUCCEEDED && trial.attempts() == 0) line += " (known already)";
  if (event.on_front()) line += " (front)";
  if (!trial.reason().empty()) absl::StrAppend(&line, ": ", OneLine(trial.reason()));
  return line;
}

std::string RenderHeader(const std::string& name, const StudySpec& study,
                         const std::string& where) {
  const SpaceSize size = study.space->Size();
  const size_t decisions = study.space->decisions().size();
  std::vector<std::string> objectives;
  for (const Objective& objective : study.objectives) {
    objectives.push_back(absl::StrCat(objective.metric, objective.maximize ? " ↑" : " ↓"));
  }
  std::string text =
      absl::StrCat(name, " · ", study.space_name.empty() ? "own space" : study.space_name, ", ",
                   decisions, decisions == 1 ? " decision, " : " decisions, ", size.ToString(),
                   size.infinite ? "" : " architectures", " · ", absl::StrJoin(objectives, ", "));
  if (!where.empty()) absl::StrAppend(&text, " · ", where);
  return text;
}

}  // namespace cambrian
