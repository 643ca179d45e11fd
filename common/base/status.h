// Helpers for absl::Status: early return, and context added at each hop.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace cambrian {

// `status` with "`context`: " before its message; OK stays OK.
inline absl::Status Annotate(const absl::Status& status, absl::string_view context) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(context, ": ", status.message()));
}

}  // namespace cambrian

#define CAMBRIAN_CONCAT_INNER(a, b) a##b
#define CAMBRIAN_CONCAT(a, b) CAMBRIAN_CONCAT_INNER(a, b)

// Leaves the function with the status if it is not OK.
#define RETURN_IF_ERROR(expression)                                         \
  do {                                                                      \
    if (absl::Status status_ = (expression); !status_.ok()) return status_; \
  } while (false)

// ASSIGN_OR_RETURN(auto x, F()): x = the value, or leaves the function with the status.
#define ASSIGN_OR_RETURN(left, expression) \
  CAMBRIAN_ASSIGN_OR_RETURN(CAMBRIAN_CONCAT(status_or_, __LINE__), left, expression)
#define CAMBRIAN_ASSIGN_OR_RETURN(temporary, left, expression) \
  auto temporary = (expression);                               \
  if (!temporary.ok()) return temporary.status();              \
  left = *std::move(temporary)
