// cambrian-server replay: whether a stored study is what its strategy makes of its results.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "server/store/interface.h"

namespace cambrian {

// Reads the study, compares every proposal, and prints "study fashion-1: 40 of 40 proposals
// reproduced", or the first difference. Returns the program's exit code: 0 if all are, 1 if not, or
// after an error, which it prints. Only reads: a server may go on with the study meanwhile.
int ReplayCommand(TrialStore& store, absl::string_view study);

// The same with `database` (sqlite:PATH or postgresql://…), opened for reading.
int ReplayCommand(const std::string& database, absl::string_view study);

}  // namespace cambrian
