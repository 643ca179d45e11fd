// A Control for tests: keeps what it is told, and can stop a training.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "worker/torch/control.h"

namespace cambrian {

class TestControl final : public Control {
 public:
  absl::Status Proceed() override {
    if (++proceeded == stop_at) return absl::CancelledError("stopped");
    return absl::OkStatus();
  }
  void Report(const evaluator::Progress& progress) override { reports.push_back(progress); }
  absl::Status Acquire() override {
    calls.push_back("acquire");
    return absl::OkStatus();
  }
  void Release() override { calls.push_back("release"); }

  int stop_at = 0;  // which call of Proceed is told to stop; 0: none
  int proceeded = 0;
  std::vector<evaluator::Progress> reports;
  std::vector<std::string> calls;
};

}  // namespace cambrian
