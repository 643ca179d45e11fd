// One assignment from its start to its result: data, training, judging, measuring, checkpoint.
#pragma once

#include <memory>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "common/evaluator/protocol.h"
#include "worker/torch/control.h"
#include "worker/torch/dataset.h"

namespace cambrian {

// Runs one assignment after another, on the thread that calls. Keeps the last data set in memory.
// Not thread-safe.
class AssignmentRunner {
 public:
  using Outcome = std::variant<evaluator::Result, evaluator::Error>;

  // Here exceptions of LibTorch and of the standard library become errors.
  Outcome Run(const evaluator::Start& start, Control& control);

 private:
  absl::StatusOr<evaluator::Result> RunOrFail(const evaluator::Start& start, Control& control,
                                              std::string& stopped_at);
  absl::StatusOr<const DataSet*> Data(const DataRequest& request, const std::string& key);

  std::string data_key_;
  std::unique_ptr<const DataSet> data_;
};

}  // namespace cambrian
