// One column of many rows as a parameter of a statement.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace cambrian {

// The element types of arrays, as PostgreSQL numbers them.
enum class PostgresType : uint32_t {
  kBoolean = 16,
  kBytes = 17,
  kBigint = 20,
  kSmallint = 21,
  kInteger = 23,
  kText = 25,
  kDouble = 701,
};
// Its name in statements: "bigint".
const char* NameOf(PostgresType type);

// The values of one column, as PostgreSQL sends and receives an array: a head (dimensions, whether
// there are NULLs, element type, length, lower bound), then each element's length and bytes, -1 for
// NULL; numbers in network order. The database need not parse them.
class PostgresArray {
 public:
  explicit PostgresArray(PostgresType type) : type_(type) {}

  void Add(std::optional<int64_t> value);
  void Add(int64_t value) { Add(std::optional<int64_t>(value)); }
  void Add(bool value) { AddElement(static_cast<uint8_t>(value)); }
  void Add(double value);  // NaN: NULL
  // PostgreSQL refuses text that is not UTF-8 or has a NUL in it, and with it the whole batch: such
  // a byte becomes U+FFFD.
  void Add(absl::string_view text);
  void AddBytes(absl::string_view bytes);

  PostgresType type() const { return type_; }
  // The array's bytes, once.
  std::string Take();

 private:
  template <typename Number>
  void AppendNumber(Number number) {
    char bytes[sizeof(Number)];
    for (size_t i = 0; i < sizeof(Number); ++i) {
      bytes[i] = static_cast<char>(number >> 8 * (sizeof(Number) - 1 - i));
    }
    bytes_.append(bytes, sizeof(Number));
  }
  template <typename Number>
  void AddElement(Number number) {
    ++count_;
    AppendNumber(static_cast<uint32_t>(sizeof(number)));
    AppendNumber(number);
  }
  void AddNull() {
    ++count_;
    has_null_ = true;
    AppendNumber(~uint32_t{0});
  }

  const PostgresType type_;
  uint32_t count_ = 0;
  bool has_null_ = false;
  std::string bytes_;
};

}  // namespace cambrian
