#include "client/live/progress.h"

#include <algorithm>
#include <cmath>

#include "common/wire/convert.h"

namespace cambrian {
namespace {

constexpr int64_t kTrialsForARate = 2;
constexpr int64_t kGainWindow = 10;

std::optional<double> ValueOf(const google::protobuf::RepeatedPtrField<v1::Measurement>& metrics,
                              const std::string& metric) {
  for (const v1::Measurement& m : metrics) {
    if (m.metric() == metric) return m.value();
  }
  return std::nullopt;
}

}  // namespace

bool IsFinished(v1::TrialState state) {
  switch (state) {
    case v1::TRIAL_SUCCEEDED:
    case v1::TRIAL_PRUNED:
    case v1::TRIAL_INFEASIBLE:
    case v1::TRIAL_FAILED:
    case v1::TRIAL_CANCELLED:
      return true;
    default:
      return false;
  }
}

bool IsFinished(v1::StudyState state) {
  return state == v1::COMPLETED || state == v1::CANCELLED || state == v1::FAILED;
}

void StudyProgress::SetSummary(const v1::Study& summary, absl::Duration now) {
  summary_ = summary;
  summary_at_ = now;
  if (std::isfinite(summary.hypervolume())) hypervolumes_[finished_] = summary.hypervolume();
}

void StudyProgress::Count(const v1::Trial& trial, int sign) {
  if (!IsFinished(trial.state())) return;
  finished_ += sign;
  if (trial.state() == v1::TRIAL_INFEASIBLE) infeasible_ += sign;
  if (trial.state() == v1::TRIAL_FAILED) failed_ += sign;
  if (trial.state() == v1::TRIAL_SUCCEEDED && trial.attempts() == 0) known_ += sign;
}

void StudyProgress::AddTrial(const v1::Trial& trial) {
  v1::Trial& stored = trials_[trial.number()];
  Count(stored, -1);
  stored = trial;
  Count(stored, +1);
  if (trial.state() == v1::TRIAL_RUNNING && trial.has_progress()) {
    const auto value = ValueOf(trial.progress().metrics(), study_.objectives.front().metric);
    if (value) curves_[trial.number()][trial.progress().step()] = *value;
  }
  if (IsFinished(trial.state())) curves_.erase(trial.number());
  if (!trial.on_front()) return;
  Front::Point point{.id = trial.number(), .values = {}};
  for (const Objective& objective : study_.objectives) {
    const double value = ValueOf(trial.metrics(), objective.metric).value_or(NAN);
    point.values.push_back(objective.maximize ? value : -value);
  }
  front_.Insert(std::move(point));
}

bool StudyProgress::Apply(const v1::Event& event) {
  if (event.has_trial()) {
    v1::Trial trial = event.trial();
    trial.set_on_front(event.on_front());
    const auto known = trials_.find(trial.number());
    const bool ended_before = known != trials_.end() && IsFinished(known->second.state());
    AddTrial(trial);
    return IsFinished(trial.state()) && !ended_before;
  }
  if (event.what_case() == v1::Event::kState) summary_.set_state(event.state());
  return false;
}

absl::Duration StudyProgress::Elapsed(absl::Duration now) const {
  const absl::Duration elapsed = FromProto(summary_.elapsed());
  return summary_.state() == v1::ACTIVE ? elapsed + (now - summary_at_) : elapsed;
}

double StudyProgress::Rate(absl::Duration now) const {
  const double minutes = absl::ToDoubleMinutes(Elapsed(now));
  return finished_ >= kTrialsForARate && minutes > 0 ? static_cast<double>(finished_) / minutes : 0;
}

absl::Duration StudyProgress::Left(absl::Duration now) const {
  absl::Duration left = absl::InfiniteDuration();
  if (const double rate = Rate(now); rate > 0) {
    left = absl::Minutes(static_cast<double>(summary_.trial_budget() - finished_) / rate);
  }
  if (summary_.has_time_budget()) {
    left = std::min(left, FromProto(summary_.time_budget()) - Elapsed(now));
  }
  return std::max(left, absl::ZeroDuration());
}

std::vector<const v1::Trial*> StudyProgress::FrontTrials() const {
  std::vector<const v1::Trial*> trials;
  for (const Front::Point& point : front_.points()) trials.push_back(&trials_.at(point.id));
  return trials;
}

std::vector<const v1::Trial*> StudyProgress::RunningTrials() const {
  std::vector<const v1::Trial*> trials;
  for (const auto& [number, trial] : trials_) {
    if (trial.state() == v1::TRIAL_RUNNING) trials.push_back(&trial);
  }
  return trials;
}

std::vector<double> StudyProgress::Curve(int64_t trial) const {
  std::vector<double> values;
  const auto curve = curves_.find(trial);
  if (curve == curves_.end()) return values;
  for (const auto& [step, value] : curve->second) values.push_back(value);
  return values;
}

std::optional<double> StudyProgress::HypervolumeGain() const {
  if (hypervolumes_.empty()) return std::nullopt;
  // The newest value that is at least ten trials old.
  auto before = hypervolumes_.upper_bound(finished_ - kGainWindow);
  if (before == hypervolumes_.begin()) return std::nullopt;
  --before;
  return hypervolumes_.rbegin()->second - before->second;
}

}  // namespace cambrian
