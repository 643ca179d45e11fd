// Whether two programs may speak to each other.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace cambrian {

// `peer` is what it is ("worker", "client"). \error kFailedPrecondition that says which side is too
// old.
absl::Status CheckProtocol(absl::string_view peer, int protocol, absl::string_view version);

}  // namespace cambrian
