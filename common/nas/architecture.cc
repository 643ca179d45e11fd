#include "common/nas/architecture.h"

#include <algorithm>

namespace cambrian {

bool operator==(const Architecture& a, const Architecture& b) {
  return std::equal(a.values.begin(), a.values.end(), b.values.begin(), b.values.end(),
                    [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); });
}

}  // namespace cambrian
