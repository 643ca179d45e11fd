#include "server/study/study_reader.h"

#include "common/spec/diagnostics.h"

namespace cambrian {
namespace {

absl::StatusOr<std::shared_ptr<const StudySpec>> Parse(absl::string_view text) {
  Diagnostics diagnostics("study", std::string(text));
  std::shared_ptr<const StudySpec> study = ParseStudy(text, /*folder=*/"", {}, diagnostics);
  if (!study || !diagnostics.ok()) return diagnostics.ToStatus();
  if (!study->data.task || study->data.sha256.empty()) {
    return absl::InvalidArgumentError(
        "the study does not say what its data hold (data: {task: …, sha256: …})");
  }
  return study;
}

}  // namespace

StudyReader NewStudyReader() { return {&Parse, &FinishStudy}; }

}  // namespace cambrian
