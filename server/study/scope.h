// Whose studies a caller may see and touch.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace cambrian {

// A caller belongs to a tenant and sees that tenant's studies only: anything else is "not found" to
// it. An administrator, and everybody where the server has no tokens, sees all.
struct Scope {
  std::string tenant;  // of the studies that the caller creates
  bool all = true;

  bool Sees(absl::string_view owner) const { return all || owner == tenant; }
};

}  // namespace cambrian
