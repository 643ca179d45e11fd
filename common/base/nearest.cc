#include "common/base/nearest.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace cambrian {
namespace {

constexpr size_t kMaxWord = 64;  // longer ones are no typing errors

// Damerau-Levenshtein distance (optimal string alignment): insert, delete, replace, swap
// neighbours.
size_t Distance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

}  // namespace

std::string Nearest(absl::string_view word, const std::vector<std::string>& candidates) {
  if (word.empty() || word.size() > kMaxWord) return "";
  std::string nearest;
  size_t best = 2 + word.size() / 4;  // one more than is near enough
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kMaxWord) continue;
    // As long as nothing of the word remains, it is another word.
    const size_t distance = Distance(word, candidate);
    if (distance < best && distance < std::max(word.size(), candidate.size())) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::string DidYouMean(absl::string_view word, const std::vector<std::string>& candidates) {
  const std::string nearest = Nearest(word, candidates);
  return nearest.empty() ? "" : absl::StrCat("did you mean \"", nearest, "\"?");
}

}  // namespace cambrian
