// Suggestions for words that were probably mistyped.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace cambrian {

// The candidate nearest to `word` if it is near enough for a typing error (Damerau-Levenshtein ≤ 1
// + length / 4), else empty.
std::string Nearest(absl::string_view word, const std::vector<std::string>& candidates);
// "did you mean \"x\"?" or empty.
std::string DidYouMean(absl::string_view word, const std::vector<std::string>& candidates);

}  // namespace cambrian
