// What may be called, and by whom: the one table of it.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cambrian {

// What a token allows. A set is a sum of them.
enum Role : unsigned {
  kReadRole = 1,    // sees the studies of its tenant
  kSubmitRole = 2,  // creates, changes and deletes them, and sees them
  kWorkRole = 4,    // takes assignments and reports on them
  kAdminRole = 8,   // everything, for every tenant
};
using Roles = unsigned;

// "read,submit" → kReadRole | kSubmitRole. \error kInvalidArgument with a suggestion
absl::StatusOr<Roles> ParseRoles(absl::string_view text);

struct Method {
  absl::string_view name;  // "StudyService/GetStudy"
  Roles roles;             // one of these is needed; an administrator needs none
};

// Every method of every service but the health check, which is open to all.
const std::vector<Method>& AllMethods();
// The one with this name: a CHECK, names are constants.
const Method& MethodNamed(absl::string_view name);

}  // namespace cambrian
