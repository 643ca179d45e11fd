// Safetensors files: named tensors, nothing that can run.
// https://github.com/huggingface/safetensors (format)
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cambrian {

// One tensor, row-major, little-endian. Plain data.
struct NamedTensor {
  std::string name;
  std::string dtype;  // "F32", "BF16", "F64", "I64", "U8", …
  std::vector<int64_t> shape;
  std::string bytes;
};

struct Safetensors {
  std::vector<NamedTensor> tensors;
  std::map<std::string, std::string> metadata;  // the file's "__metadata__"
};

// Writes to a temporary file beside `path`, flushes it to the disk and renames it. \error
// kInternal, kResourceExhausted (disk full)
absl::Status WriteSafetensors(const std::string& path, const Safetensors& content);

// Checks everything: header size (≤ 100 MB), JSON, names, types, offsets that fit, overlap or leave
// gaps, shapes against bytes. \error kInvalidArgument that says what; kNotFound.
absl::StatusOr<Safetensors> ReadSafetensors(const std::string& path);
absl::StatusOr<Safetensors> ParseSafetensors(absl::string_view bytes);

}  // namespace cambrian
