// The same command again continues the study that it began.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/service/study_client.h"

namespace cambrian {

// The study file without its budget and what a server looked up for its warm start, written in one
// way: equal for files that ask for the same search.
std::string WhatIsAsked(absl::string_view text);

// Whether `name` is "`base`-N".
bool IsNumbered(absl::string_view name, absl::string_view base);

// The newest study "`base`-N" of the same file (its budget apart) that inherited the trials of
// `continues` (empty: of none) and is neither cancelled nor failed; its text is set.
absl::StatusOr<std::optional<v1::Study>> FindContinuation(StudyClient& client,
                                                          const std::string& base,
                                                          const std::string& text,
                                                          const std::string& continues);

}  // namespace cambrian
