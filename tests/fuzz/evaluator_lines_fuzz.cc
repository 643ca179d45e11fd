// What an evaluator says on its pipe, and what an agent says to it: a message or an error. A
// message that was read is written and read again as the same.
#include "absl/strings/string_view.h"
#include "common/evaluator/protocol.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cambrian::evaluator;
  const absl::StatusOr<Message> message =
      Decode(absl::string_view(reinterpret_cast<const char*>(data), size));
  if (!message.ok()) return 0;
  const std::string line = Encode(*message);
  FUZZ_CHECK(line.find('\n') == std::string::npos);
  const absl::StatusOr<Message> again = Decode(line);
  FUZZ_CHECK(again.ok());
  FUZZ_CHECK(again->index() == message->index());
  FUZZ_CHECK(Encode(*again) == line);
  return 0;
}
