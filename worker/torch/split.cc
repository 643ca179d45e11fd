#include "worker/torch/split.h"

#include <algorithm>
#include <cmath>

namespace cambrian {
namespace {

int64_t ShareOf(int64_t count, double share) {
  if (count < 2) return 0;
  return std::clamp<int64_t>(std::llround(static_cast<double>(count) * share), 1, count - 1);
}

template <typename T>
std::vector<T> SelectValues(const std::vector<T>& values, int64_t elements,
                            absl::Span<const int32_t> indices) {
  std::vector<T> selected;
  if (values.empty()) return selected;
  selected.reserve(indices.size() * elements);
  for (int32_t index : indices) {
    const auto first = values.begin() + index * elements;
    selected.insert(selected.end(), first, first + elements);
  }
  return selected;
}

}  // namespace

void Shuffle(std::vector<int32_t>& items, Random& random) {
  for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[random.Below(i)]);
}

Split MakeSplit(absl::Span<const int32_t> labels, int64_t classes, double validation, double share,
                uint64_t seed) {
  std::vector<std::vector<int32_t>> members(classes);
  for (size_t i = 0; i < labels.size(); ++i) {
    members[labels[i]].push_back(static_cast<int32_t>(i));
  }
  Split split;
  for (int64_t c = 0; c < classes; ++c) {
    Random random(seed, c);
    Shuffle(members[c], random);
    const auto first = members[c].begin();
    const int64_t judges = ShareOf(members[c].size(), validation);
    const int64_t rest = static_cast<int64_t>(members[c].size()) - judges;
    const int64_t trains = share >= 1 ? rest : std::max<int64_t>(ShareOf(rest, share), rest > 0);
    split.validation.insert(split.validation.end(), first, first + judges);
    split.train.insert(split.train.end(), first + judges, first + judges + trains);
  }
  std::sort(split.train.begin(), split.train.end());
  Random random(seed, classes);
  Shuffle(split.validation, random);
  return split;
}

Examples Select(const Examples& examples, absl::Span<const int32_t> indices) {
  const int64_t elements = examples.shape.Elements();
  Examples selected;
  selected.shape = examples.shape;
  selected.bytes = SelectValues(examples.bytes, elements, indices);
  selected.floats = SelectValues(examples.floats, elements, indices);
  for (int32_t index : indices) selected.labels.push_back(examples.labels[index]);
  return selected;
}

}  // namespace cambrian
