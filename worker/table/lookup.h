// The evaluator that looks results up instead of training.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/evaluator/protocol.h"
#include "common/spec/study_spec.h"
#include "common/table/table_estimator.h"

namespace cambrian {

// Answers assignments; keeps the table of the study that it was asked about last. Not thread-safe.
class Lookup {
 public:
  // `start.data` names the table's file and holds the study's text. A result, or an error: of kind
  // kData for a table that cannot be used, kInfeasible for an architecture that it lacks. With
  // `start.test` the result holds the judge's metric, too.
  evaluator::Message Answer(const evaluator::Start& start);

 private:
  absl::Status Open(const nlohmann::json& data);

  std::string text_;  // of the study, and its table's file
  std::string file_;
  std::unique_ptr<const StudySpec> study_;
  std::shared_ptr<const TableEstimator> estimator_;
};

// One line from the agent to the lines that answer it, each with its '\n'. A lookup is over before
// the next line is read, so that there is never anything to stop or to pause. \error
// kInvalidArgument for a line that cannot be understood; kFailedPrecondition if the agent speaks
// another protocol
absl::StatusOr<std::string> Converse(absl::string_view line, Lookup& lookup);

}  // namespace cambrian
