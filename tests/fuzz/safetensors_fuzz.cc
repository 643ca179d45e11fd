// A checkpoint from outside: tensors that lie within the bytes that were given, or an error.
#include "absl/strings/string_view.h"
#include "common/tensors/safetensors.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::StatusOr<cambrian::Safetensors> content =
      cambrian::ParseSafetensors(absl::string_view(reinterpret_cast<const char*>(data), size));
  if (!content.ok()) return 0;
  size_t total = 0;
  for (const cambrian::NamedTensor& tensor : content->tensors) {
    for (const int64_t side : tensor.shape) FUZZ_CHECK(side >= 0);
    total += tensor.bytes.size();
  }
  FUZZ_CHECK(total <= size);
  return 0;
}
