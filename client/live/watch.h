// Watching a study until it ends: live on a terminal, one line an event in a pipe.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/format/terminal.h"
#include "client/live/interrupt.h"
#include "client/service/study_client.h"
#include "common/spec/study_spec.h"

namespace cambrian {

struct WatchOptions {
  bool quiet = false;        // say nothing
  bool json_events = false;  // each event as a line of JSON on stdout instead
  // After the connection was lost: another one, starting what is missing. Never null.
  std::function<absl::StatusOr<std::unique_ptr<StudyClient>>()> reconnect;
  // Whether what the study runs on still works; asked when one of `descriptors` is readable.
  std::function<absl::Status()> check = [] { return absl::OkStatus(); };
  std::function<std::vector<int>()> descriptors = [] { return std::vector<int>(); };
};

// Returns the summary once the study has ended, or kCancelled after an interrupt: then the study
// goes on where it is. `client` is replaced where the connection had to be made again.
absl::StatusOr<v1::Study> WatchStudy(const std::string& name, const StudySpec& study,
                                     std::unique_ptr<StudyClient>& client, Interrupt& interrupt,
                                     const WatchOptions& options);

}  // namespace cambrian
