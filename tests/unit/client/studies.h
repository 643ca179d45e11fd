// Studies and trials for the tests of the client.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cambrian/v1/study.pb.h"
#include "common/spec/study_spec.h"
#include "gtest/gtest.h"

namespace cambrian {

inline constexpr char kStudyText[] = R"(study: fashion
data:
  csv: {file: /data/x.csv, label: label, shape: [1, 8, 8]}
  validation: 20 %
  test: 20 %
  task: {input: [1, 8, 8], classes: 10}
  sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
space:
  parameters: {channels: 4}
  network:
    - conv: {kernel: 3, out: $channels}
    - cell
    - head
  cells:
    cell:
      graph: {nodes: 2, edge: {choose: [none, skip, conv3x3]}}
  blocks:
    conv3x3: [relu, {conv: {kernel: 3}}, batch_norm]
recipe: {epochs: 2}
strategy: random
objectives:
  - maximize: accuracy
  - minimize: latency_ms
    on: {device: cpu, batch: 1, threads: 1}
budget: {trials: 40}
seed: 1
)";

inline std::unique_ptr<StudySpec> TestStudy() {
  Diagnostics diagnostics("test.yaml", kStudyText);
  auto study = ParseStudy(kStudyText, "/", {}, diagnostics);
  EXPECT_NE(study, nullptr) << diagnostics.Render();
  return study;
}

inline void SetMetric(v1::Trial& trial, const std::string& metric, double value) {
  v1::Measurement* m = trial.add_metrics();
  m->set_metric(metric);
  m->set_value(value);
}

inline void SetMetric(v1::Trial& trial, const std::string& metric, double value, double low,
                      double high) {
  SetMetric(trial, metric, value);
  trial.mutable_metrics()->rbegin()->set_low(low);
  trial.mutable_metrics()->rbegin()->set_high(high);
}

// A trial that has succeeded with these results.
inline v1::Trial Succeeded(int64_t number, double accuracy, double latency_ms, double parameters,
                           bool on_front) {
  v1::Trial trial;
  trial.set_study("fashion-1");
  trial.set_number(number);
  trial.set_state(v1::TRIAL_SUCCEEDED);
  trial.set_attempts(1);
  trial.set_on_front(on_front);
  trial.set_architecture(
      R"({"cell.edge_0_1": "conv3x3", "cell.edge_0_2": "skip", "cell.edge_1_2": "none"})");
  SetMetric(trial, "accuracy", accuracy, accuracy - 0.006, accuracy + 0.006);
  SetMetric(trial, "latency_ms", latency_ms, latency_ms * 0.95, latency_ms * 1.1);
  SetMetric(trial, "parameters", parameters);
  return trial;
}

// A trial that trains, after `values` of accuracy, of `steps` epochs.
inline v1::Trial Training(int64_t number, int64_t step, int64_t steps, double accuracy) {
  v1::Trial trial;
  trial.set_study("fashion-1");
  trial.set_number(number);
  trial.set_state(v1::TRIAL_RUNNING);
  trial.set_attempts(1);
  if (step == 0) return trial;
  trial.mutable_progress()->set_step(step);
  trial.mutable_progress()->set_steps(steps);
  v1::Measurement* m = trial.mutable_progress()->add_metrics();
  m->set_metric("accuracy");
  m->set_value(accuracy);
  return trial;
}

inline v1::Event EventOf(int64_t number, const v1::Trial& trial) {
  v1::Event event;
  event.set_number(number);
  event.mutable_time()->set_seconds(1'700'000'000 + number);
  *event.mutable_trial() = trial;
  event.set_on_front(trial.on_front());
  return event;
}

}  // namespace cambrian
