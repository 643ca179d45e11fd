// What is known of one thing, a line for each fact.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace cambrian {

// Names in a column, values beside them. Plain data.
class Facts {
 public:
  // Nothing is added if `value` is empty.
  void Add(absl::string_view name, absl::string_view value);

  // For the terminal or pipe at `descriptor`: names are dim, long values are cut at its width.
  std::string Render(int descriptor) const;

 private:
  std::vector<std::pair<std::string, std::string>> facts_;
};

}  // namespace cambrian
