#include "server/strategy/change.h"

#include <vector>

#include "absl/strings/str_join.h"

namespace cambrian {
namespace {

constexpr size_t kMaxNamed = 3;

}  // namespace

int ChangedDecisions(const Architecture& from, const Architecture& to) {
  int changed = 0;
  for (size_t d = 0; d < from.values.size(); ++d) {
    changed += from.Has(d) && to.Has(d) && from.values[d] != to.values[d];
  }
  return changed;
}

std::string NameChanges(const SearchSpace& space, const Architecture& from,
                        const Architecture& to) {
  std::vector<std::string> changed;
  for (size_t d = 0; d < from.values.size(); ++d) {
    const bool equal = from.Has(d) == to.Has(d) && (!to.Has(d) || from.values[d] == to.values[d]);
    if (equal) continue;
    if (changed.size() == kMaxNamed) {
      changed.push_back("…");
      break;
    }
    changed.push_back(space.decisions()[d].name);
  }
  return absl::StrJoin(changed, ", ");
}

}  // namespace cambrian
