#include "common/tensors/safetensors.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "nlohmann/json.hpp"

namespace cambrian {
namespace {

using nlohmann::json;

constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kMaxHeaderBytes = 100'000'000;
constexpr size_t kMaxAxes = 64;

constexpr std::pair<const char*, uint64_t> kDtypes[] = {
    {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E5M2", 1}, {"F8_E4M3", 1},
    {"U16", 2},  {"I16", 2}, {"F16", 2}, {"BF16", 2},    {"U32", 4},
    {"I32", 4},  {"F32", 4}, {"U64", 8}, {"I64", 8},     {"F64", 8}};

// Bytes of one value; 0 for an unknown type.
uint64_t DtypeBytes(absl::string_view dtype) {
  for (const auto& [name, bytes] : kDtypes) {
    if (dtype == name) return bytes;
  }
  return 0;
}

template <typename... Text>
absl::Status Refuse(const Text&... text) {
  return absl::InvalidArgumentError(absl::StrCat(text...));
}

// Where a tensor lies in the data part.
struct Extent {
  uint64_t begin = 0;
  uint64_t end = 0;
  size_t tensor = 0;
};

absl::StatusOr<json> ParseHeader(absl::string_view text) {
  // Duplicate names would hide one of two tensors.
  std::set<std::string> names;
  bool duplicate = false;
  const auto watch = [&](int depth, json::parse_event_t event, json& value) {
    if (event == json::parse_event_t::key && depth == 1) {
      duplicate = duplicate || !names.insert(value.get<std::string>()).second;
    }
    return true;
  };
  json header = json::parse(text.begin(), text.end(), watch, /*allow_exceptions=*/false);
  if (header.is_discarded() || !header.is_object()) return Refuse("the header is not JSON");
  if (duplicate) return Refuse("two tensors have one name");
  return header;
}

absl::Status ParseMetadata(const json& value, std::map<std::string, std::string>& metadata) {
  if (!value.is_object()) return Refuse("__metadata__ is not an object");
  for (const auto& [key, text] : value.items()) {
    if (!text.is_string()) return Refuse("__metadata__: \"", key, "\" is not a string");
    metadata[key] = text.get<std::string>();
  }
  return absl::OkStatus();
}

// Fills everything but the bytes. `available` is the size of the data part.
absl::StatusOr<Extent> ParseTensor(const json& entry, uint64_t available, NamedTensor& tensor) {
  if (!entry.is_object() || !entry.contains("dtype") || !entry["dtype"].is_string() ||
      !entry.contains("shape") || !entry["shape"].is_array() || !entry.contains("data_offsets") ||
      !entry["data_offsets"].is_array() || entry["data_offsets"].size() != 2) {
    return Refuse("expected dtype, shape and data_offsets");
  }
  tensor.dtype = entry["dtype"].get<std::string>();
  uint64_t bytes = DtypeBytes(tensor.dtype);
  if (bytes == 0) return Refuse("unknown dtype \"", tensor.dtype, "\"");
  if (entry["shape"].size() > kMaxAxes) return Refuse("too many axes");
  for (const json& size : entry["shape"]) {
    if (!size.is_number_unsigned()) return Refuse("a size is not a whole number");
    // With an axis of size 0 the others may be anything, as long as they are int64_t.
    const uint64_t axis = size.get<uint64_t>();
    if (axis > INT64_MAX || __builtin_mul_overflow(bytes, axis, &bytes)) {
      return Refuse("the shape is too large");
    }
    tensor.shape.push_back(static_cast<int64_t>(axis));
  }
  const json& offsets = entry["data_offsets"];
  if (!offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned()) {
    return Refuse("data_offsets are not whole numbers");
  }
  const Extent extent{offsets[0].get<uint64_t>(), offsets[1].get<uint64_t>(), 0};
  if (extent.begin > extent.end || extent.end > available) {
    return Refuse("data_offsets lie outside the file's ", available, " bytes of data");
  }
  if (extent.end - extent.begin != bytes) {
    return Refuse("data_offsets span ", extent.end - extent.begin, " bytes, the shape needs ",
                  bytes);
  }
  return extent;
}

std::string EncodeHeader(const Safetensors& content) {
  json header = json::object();
  if (!content.metadata.empty()) header["__metadata__"] = content.metadata;
  uint64_t offset = 0;
  for (const NamedTensor& tensor : content.tensors) {
    header[tensor.name] = {{"dtype", tensor.dtype},
                           {"shape", tensor.shape},
                           {"data_offsets", {offset, offset + tensor.bytes.size()}}};
    offset += tensor.bytes.size();
  }
  std::string text = header.dump();
  // Spaces so that the data start at a multiple of 8.
  text.append((kLengthBytes - text.size() % kLengthBytes) % kLengthBytes, ' ');
  return text;
}

std::string LittleEndian(uint64_t number) {
  std::string bytes;
  for (uint64_t i = 0; i < kLengthBytes; ++i) bytes += static_cast<char>(number >> (8 * i));
  return bytes;
}

absl::Status FromErrno(absl::string_view what) {
  const int error = errno;
  const std::string message = absl::StrCat(what, ": ", std::strerror(error));
  if (error == ENOSPC || error == EDQUOT) return absl::ResourceExhaustedError(message);
  return absl::InternalError(message);
}

absl::Status WriteAll(int fd, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FromErrno("write");
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status WriteContent(int fd, const Safetensors& content) {
  const std::string header = EncodeHeader(content);
  RETURN_IF_ERROR(WriteAll(fd, absl::StrCat(LittleEndian(header.size()), header)));
  for (const NamedTensor& tensor : content.tensors) RETURN_IF_ERROR(WriteAll(fd, tensor.bytes));
  return fsync(fd) == 0 ? absl::OkStatus() : FromErrno("fsync");
}

}  // namespace

absl::Status WriteSafetensors(const std::string& path, const Safetensors& content) {
  const std::string temporary = absl::StrCat(path, ".", getpid(), ".tmp");
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return Annotate(FromErrno("open"), temporary);
  absl::Status status = WriteContent(fd, content);
  close(fd);
  if (status.ok() && rename(temporary.c_str(), path.c_str()) != 0) status = FromErrno("rename");
  if (!status.ok()) unlink(temporary.c_str());
  return Annotate(status, path);
}

absl::StatusOr<Safetensors> ReadSafetensors(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return absl::NotFoundError(absl::StrCat(path, ": cannot be opened"));
  std::stringstream bytes;
  bytes << stream.rdbuf();
  absl::StatusOr<Safetensors> content = ParseSafetensors(bytes.str());
  if (!content.ok()) return Annotate(content.status(), path);
  return content;
}

absl::StatusOr<Safetensors> ParseSafetensors(absl::string_view bytes) {
  if (bytes.size() < kLengthBytes) return Refuse("shorter than a header's length");
  uint64_t length = 0;
  for (uint64_t i = 0; i < kLengthBytes; ++i) {
    length |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  bytes.remove_prefix(kLengthBytes);
  if (length > kMaxHeaderBytes) return Refuse("the header is longer than 100 MB");
  if (length > bytes.size()) return Refuse("the file ends within the header");
  ASSIGN_OR_RETURN(const json header, ParseHeader(bytes.substr(0, length)));
  const absl::string_view data = bytes.substr(length);

  Safetensors content;
  std::vector<Extent> extents;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      RETURN_IF_ERROR(ParseMetadata(entry, content.metadata));
      continue;
    }
    NamedTensor tensor;
    tensor.name = name;
    absl::StatusOr<Extent> extent = ParseTensor(entry, data.size(), tensor);
    if (!extent.ok()) return Annotate(extent.status(), absl::StrCat("tensor \"", name, "\""));
    extent->tensor = content.tensors.size();
    extents.push_back(*extent);
    content.tensors.push_back(std::move(tensor));
  }
  // In order of place they must follow one another from the first byte to the last.
  std::sort(extents.begin(), extents.end(), [](const Extent& a, const Extent& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  uint64_t next = 0;
  for (const Extent& extent : extents) {
    if (extent.begin != next) {
      return Refuse("tensor \"", content.tensors[extent.tensor].name, "\" ",
                    extent.begin < next ? "overlaps another" : "leaves a gap before it");
    }
    next = extent.end;
  }
  if (next != data.size()) return Refuse(data.size() - next, " bytes belong to no tensor");
  for (const Extent& extent : extents) {
    content.tensors[extent.tensor].bytes.assign(data.data() + extent.begin,
                                                extent.end - extent.begin);
  }
  return content;
}

}  // namespace cambrian
