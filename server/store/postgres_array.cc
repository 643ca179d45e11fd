#include "server/store/postgres_array.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/base/casts.h"

namespace cambrian {
namespace {

// The length of the UTF-8 character that begins `text`; 0 if none does.
size_t CharacterLength(absl::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  const size_t length = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (lead == 0 || length == 0 || lead > 0xF4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const bool wrong = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) > 0x9F) ||
                     (lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) > 0x8F);
  return wrong ? 0 : length;
}

}  // namespace

const char* NameOf(PostgresType type) {
  switch (type) {
    case PostgresType::kBoolean:
      return "boolean";
    case PostgresType::kBytes:
      return "bytea";
    case PostgresType::kBigint:
      return "bigint";
    case PostgresType::kSmallint:
      return "smallint";
    case PostgresType::kInteger:
      return "integer";
    case PostgresType::kText:
      return "text";
    case PostgresType::kDouble:
      return "float8";
  }
  return "";
}

void PostgresArray::Add(std::optional<int64_t> value) {
  if (!value) return AddNull();
  switch (type_) {
    case PostgresType::kSmallint:
      return AddElement(static_cast<uint16_t>(*value));
    case PostgresType::kInteger:
      return AddElement(static_cast<uint32_t>(*value));
    default:
      return AddElement(static_cast<uint64_t>(*value));
  }
}

void PostgresArray::Add(double value) {
  if (std::isnan(value)) return AddNull();
  AddElement(absl::bit_cast<uint64_t>(value));
}

void PostgresArray::Add(absl::string_view text) {
  std::string mended;
  for (size_t i = 0; i < text.size();) {
    const size_t length = CharacterLength(text.substr(i));
    if (length == 0 && mended.empty()) mended = std::string(text.substr(0, i));
    if (length == 0) {
      mended += "\xEF\xBF\xBD";
    } else if (!mended.empty()) {
      mended.append(text.data() + i, length);
    }
    i += std::max<size_t>(length, 1);
  }
  AddBytes(mended.empty() ? text : mended);
}

void PostgresArray::AddBytes(absl::string_view bytes) {
  ++count_;
  AppendNumber(static_cast<uint32_t>(bytes.size()));
  bytes_.append(bytes.data(), bytes.size());
}

std::string PostgresArray::Take() {
  const std::string elements = std::exchange(bytes_, "");
  for (const uint32_t field :
       {1U, static_cast<uint32_t>(has_null_), static_cast<uint32_t>(type_), count_, 1U}) {
    AppendNumber(field);
  }
  return std::move(bytes_) + elements;
}

}  // namespace cambrian
