#include "common/nas/front.h"

#include <algorithm>
#include <cmath>

namespace cambrian {
namespace {

using Row = absl::Span<const double>;

// The area that `rows`, sorted by their first coordinate with the largest first, dominate in their
// first two coordinates.
double Area(const std::vector<Row>& rows, Row reference) {
  double area = 0;
  double covered = reference[1];
  for (const Row& row : rows) {
    if (row[1] <= covered) continue;
    area += (row[0] - reference[0]) * (row[1] - covered);
    covered = row[1];
  }
  return area;
}

// The volume in the first `dimensions` coordinates. Slices along the last of them: between two
// neighbouring values of it, what is dominated is a volume of one dimension less.
double Volume(std::vector<Row> rows, Row reference, size_t dimensions) {
  const size_t by = dimensions <= 2 ? 0 : dimensions - 1;
  std::sort(rows.begin(), rows.end(), [by](Row a, Row b) { return a[by] > b[by]; });
  if (rows.empty()) return 0;
  if (dimensions == 1) return rows[0][0] - reference[0];
  if (dimensions == 2) return Area(rows, reference);
  double volume = 0;
  std::vector<Row> above;
  for (size_t i = 0; i < rows.size(); ++i) {
    above.push_back(rows[i]);
    const double next = i + 1 < rows.size() ? rows[i + 1][by] : reference[by];
    if (rows[i][by] > next) {
      volume += (rows[i][by] - next) * Volume(above, reference, dimensions - 1);
    }
  }
  return volume;
}

bool AtLeast(Row a, Row b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (!(a[i] >= b[i])) return false;
  }
  return true;
}

}  // namespace

bool Dominates(absl::Span<const double> a, absl::Span<const double> b) {
  return AtLeast(a, b) && !AtLeast(b, a);
}

bool Front::Insert(Point point) {
  for (const double value : point.values) {
    if (std::isnan(value)) return false;
  }
  for (const Point& other : points_) {
    if (AtLeast(other.values, point.values)) return false;
  }
  std::erase_if(points_, [&](const Point& other) { return AtLeast(point.values, other.values); });
  const auto place = std::find_if(points_.begin(), points_.end(),
                                  [&](const Point& other) { return other.values < point.values; });
  points_.insert(place, std::move(point));
  return true;
}

double Front::Hypervolume(absl::Span<const double> reference) const {
  std::vector<Row> rows;
  for (const Point& point : points_) {
    bool counts = true;
    for (size_t i = 0; i < reference.size(); ++i) counts &= point.values[i] > reference[i];
    if (counts) rows.push_back(point.values);
  }
  return reference.empty() ? 0 : Volume(std::move(rows), reference, reference.size());
}

}  // namespace cambrian
