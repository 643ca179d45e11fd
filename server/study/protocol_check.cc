#include "server/study/protocol_check.h"

#include "absl/strings/str_cat.h"
#include "common/base/version.h"

namespace cambrian {

absl::Status CheckProtocol(absl::string_view peer, int protocol, absl::string_view version) {
  if (protocol == kWireProtocol) return absl::OkStatus();
  const absl::string_view old = protocol < kWireProtocol ? peer : absl::string_view("server");
  return absl::FailedPreconditionError(
      absl::StrCat("the ", peer, " (", version, ") speaks protocol ", protocol, ", the server (",
                   kVersion, ") protocol ", kWireProtocol, ": the ", old, " is too old"));
}

}  // namespace cambrian
