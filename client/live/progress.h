// What is known of a study while it is watched: fed with its summary, its trials and its events.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "cambrian/v1/study.pb.h"
#include "common/nas/front.h"
#include "common/spec/study_spec.h"

namespace cambrian {

// Pure: times are handed in. Not thread-safe.
class StudyProgress {
 public:
  // `study` must outlive it.
  explicit StudyProgress(const StudySpec& study) : study_(study) {}

  // `now` is when the summary was taken, on a clock that never jumps.
  void SetSummary(const v1::Study& summary, absl::Duration now);
  void AddTrial(const v1::Trial& trial);
  // Returns whether a trial has ended by it.
  bool Apply(const v1::Event& event);

  const StudySpec& study() const { return study_; }
  const v1::Study& summary() const { return summary_; }

  int64_t finished() const { return finished_; }
  int64_t known() const { return known_; }  // without work, among the finished
  int64_t infeasible() const { return infeasible_; }
  int64_t failed() const { return failed_; }
  // While the study was active.
  absl::Duration Elapsed(absl::Duration now) const;
  // Finished trials a minute; 0 as long as it says little.
  double Rate(absl::Duration now) const;
  // Until a budget is used up, by the rate so far; infinite if not known yet.
  absl::Duration Left(absl::Duration now) const;

  // Of the front, best in the first objective first.
  std::vector<const v1::Trial*> FrontTrials() const;
  std::vector<const v1::Trial*> RunningTrials() const;
  // The trial's values of the first objective, epoch by epoch, as far as they were heard.
  std::vector<double> Curve(int64_t trial) const;
  // How much the hypervolume has grown over the last ten finished trials.
  std::optional<double> HypervolumeGain() const;

 private:
  void Count(const v1::Trial& trial, int sign);

  const StudySpec& study_;
  v1::Study summary_;
  absl::Duration summary_at_;
  std::map<int64_t, v1::Trial> trials_;
  std::map<int64_t, std::map<int64_t, double>> curves_;  // by trial and step, while they run
  Front front_;
  std::map<int64_t, double> hypervolumes_;  // by finished trials
  int64_t finished_ = 0;
  int64_t known_ = 0;
  int64_t infeasible_ = 0;
  int64_t failed_ = 0;
};

bool IsFinished(v1::TrialState state);
bool IsFinished(v1::StudyState state);

}  // namespace cambrian
