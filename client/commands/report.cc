#include "client/commands/report.h"

#include <unistd.h>

#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/format/number.h"
#include "client/format/study_table.h"
#include "client/format/terminal.h"
#include "client/format/time.h"
#include "client/live/progress.h"
#include "common/base/status.h"
#include "common/wire/convert.h"

namespace cambrian {
namespace {

// "(3:01, 5.4 device-minutes)"
std::string DescribeEffort(const v1::Study& study) {
  return absl::StrFormat("(%s, %.1f device-minutes)", FormatElapsed(FromProto(study.elapsed())),
                         study.device_seconds() / 60);
}

std::string Share(double share) {
  return share >= 1 ? "all data" : absl::StrCat(FormatNumber(share * 100), " % of the data");
}

std::string MetricOr(const Metrics& metrics, const std::string& name) {
  const auto found = metrics.find(name);
  return found == metrics.end() ? "" : MetricFormat(name, {found->second}).Value(found->second);
}

}  // namespace

absl::StatusOr<std::vector<v1::Trial>> PrintFront(StudyClient& client, const OpenStudy& study,
                                                  const CommonOptions& options) {
  ASSIGN_OR_RETURN(std::vector<v1::Trial> front, client.GetFront(study.summary.name()));
  if (options.output != Output::kTable) {
    PrintTrials(*study.spec, front, options, /*with_state=*/false);
    return front;
  }
  const int64_t finished = FinishedTrials(study.summary);
  if (front.empty()) {
    std::cout << "No feasible trial in " << study.summary.name() << " after " << finished
              << (finished == 1 ? " trial" : " trials") << "\n";
    return front;
  }
  const bool colour = Terminal::Of(STDOUT_FILENO).colour;
  std::cout << Coloured(absl::StrCat("Front of ", study.summary.name(), " after ", finished,
                                     finished == 1 ? " trial " : " trials "),
                        Colour::kBold, colour)
            << DescribeEffort(study.summary) << "\n\n";
  PrintTrials(*study.spec, front, options, /*with_state=*/false);
  return front;
}

absl::StatusOr<std::string> DescribeRetraining(StudyClient& client, const OpenStudy& study,
                                               const OpenStudy& retraining) {
  ASSIGN_OR_RETURN(const std::vector<v1::Trial> trials,
                   client.ListTrials(retraining.summary.name()));
  if (trials.empty() || trials.front().state() != v1::TRIAL_SUCCEEDED || !study.spec->finish) {
    return std::string();
  }
  const v1::Trial& trial = trials.front();
  ASSIGN_OR_RETURN(const std::vector<v1::Trial> front, client.GetFront(study.summary.name()));
  std::string winner = "The best network";
  for (const v1::Trial& candidate : front) {
    if (candidate.canonical_key() == trial.canonical_key() &&
        candidate.architecture() == trial.architecture()) {
      winner = absl::StrCat("Trial ", candidate.number());
    }
  }
  const Metrics metrics = FromProto(trial.metrics());
  const double epochs = study.spec->finish->epochs;
  std::string text =
      absl::StrCat(winner, " retrained for ", epochs, epochs == 1 ? " epoch on " : " epochs on ",
                   Share(study.spec->finish->share));
  const std::string test = MetricOr(metrics, "test_accuracy");
  const std::string validation = MetricOr(metrics, "accuracy");
  if (test.empty()) return absl::StrCat(text, ": validation accuracy ", validation);
  return absl::StrCat(text, ": test accuracy ", test, " (read once; validation ", validation, ")");
}

absl::Status CheckEnd(StudyClient& client, const OpenStudy& study) {
  const std::string& name = study.summary.name();
  if (study.summary.state() == v1::CANCELLED) {
    return absl::AbortedError(absl::StrCat("study \"", name, "\" was cancelled"));
  }
  if (study.summary.state() != v1::FAILED) return absl::OkStatus();
  std::string hint;
  if (const auto trials = client.ListTrials(name); trials.ok()) {
    for (const v1::Trial& trial : *trials) {
      if (trial.state() == v1::TRIAL_FAILED) {
        hint = absl::StrCat("; see \"cambrian trial logs ", name, "/", trial.number(), "\"");
      }
    }
  }
  const int64_t most = study.spec->budget.failures;
  const std::string when = study.summary.failed() >= most
                               ? absl::StrCat(" after ", most, " failures in a row")
                               : std::string();
  return absl::InternalError(
      absl::StrCat("study \"", name, "\" stopped", when, ": ", study.summary.reason(), hint));
}

}  // namespace cambrian
