// Study files that the tests here start from.
#pragma once

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "common/spec/diagnostics.h"
#include "common/spec/study_spec.h"
#include "gtest/gtest.h"

namespace cambrian {

inline constexpr char kSmallest[] =
    "study: s\n"
    "data: {idx: {folder: /data}}\n"
    "space: {network: [head]}\n";

// Every key of a study file.
inline constexpr char kWhole[] = R"(study: whole
data:
  csv: {file: digits.csv, label: digit, shape: [1, 8, 8]}
  validation: 20 %
  test: 0.25
space:
  parameters: {width: 8}
  network:
    - conv: {kernel: {choose: [1, 3]}, out: $width}
    - head
  set: {width: 4}
recipe:
  epochs: 4 if $width > 4 else 2
  batch: 32
  optimizer:
    choose:
      sgd: {lr: {range: [0.001, 0.5], scale: log}, momentum: 0.8}
      adamw: {decay: 0.1}
  warmup: 1
  augment: [{crop: {padding: 1}}]
estimator: {train: {share: 50 %}}
strategy: {regularized_evolution: {population: 10, sample: 3, crossover: 0.5}}
objectives:
  - maximize: accuracy
  - minimize: latency_ms
    on: {device: cpu, batch: 4, threads: 2, runs: 50}
constraints: [parameters <= 500000, accuracy >= 80 %]
budget: {trials: 30, time: 1h30m, failures: 5}
finish: {retrain: best, epochs: 6, share: 90 %}
seed: 7
)";

inline std::unique_ptr<StudySpec> ParseGood(absl::string_view text, absl::string_view folder = "/f",
                                            const std::vector<std::string>& settings = {}) {
  Diagnostics diagnostics("s.yaml", std::string(text));
  std::unique_ptr<StudySpec> study = ParseStudy(text, folder, settings, diagnostics);
  EXPECT_TRUE(diagnostics.ok()) << diagnostics.Render();
  return study;
}

// What is wrong with a study file, rendered; empty if nothing is.
inline std::string Problems(absl::string_view text, absl::string_view folder = "/f",
                            const std::vector<std::string>& settings = {}) {
  Diagnostics diagnostics("s.yaml", std::string(text));
  const std::unique_ptr<StudySpec> study = ParseStudy(text, folder, settings, diagnostics);
  EXPECT_EQ(study == nullptr, !diagnostics.ok());
  return diagnostics.Render();
}

}  // namespace cambrian
