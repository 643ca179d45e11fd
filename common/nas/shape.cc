#include "common/nas/shape.h"

#include "absl/strings/str_cat.h"

namespace cambrian {

int64_t Shape::Elements() const {
  int64_t elements = channels;
  for (const int64_t axis : axes) elements *= axis;
  return elements;
}

std::string Shape::ToString() const {
  std::string text = absl::StrCat(channels);
  for (const int64_t axis : axes) absl::StrAppend(&text, "×", axis);
  return text;
}

}  // namespace cambrian
