#include "client/draw/folding.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace cambrian {
namespace {

constexpr size_t kDeepest = 6;  // segments of a place that are looked at

// Drawn operations whose places share their first segments, in order.
struct Part {
  std::string place;
  std::vector<size_t> operations;

  size_t output() const { return operations.back(); }
  // The operation's number in this part; -1 if it is outside.
  int Number(size_t operation) const {
    const auto found = std::lower_bound(operations.begin(), operations.end(), operation);
    return found == operations.end() || *found != operation
               ? -1
               : static_cast<int>(found - operations.begin());
  }
};

// The first `depth` segments of a place; empty if it has no more than that.
absl::string_view Prefix(absl::string_view place, size_t depth) {
  size_t end = 0;
  for (; depth > 0; --depth, ++end) {
    end = place.find('.', end);
    if (end == absl::string_view::npos) return "";
  }
  return place.substr(0, end - 1);
}

// "stage.cell" for "stage.cell_3" and "stage.cell.3"; the place itself if it has no number.
absl::string_view WithoutNumber(absl::string_view place) {
  absl::string_view rest = place;
  while (!rest.empty() && rest.back() >= '0' && rest.back() <= '9') rest.remove_suffix(1);
  const bool numbered = rest.size() < place.size() &&
                        (absl::ConsumeSuffix(&rest, "_") || absl::ConsumeSuffix(&rest, "."));
  return numbered ? rest : place;
}

// "stage.1" for the repetitions "stage.1.0" …, "normal" for "normal_2.0" …: there the first number
// only makes the name unique.
std::string NameOf(absl::string_view place) {
  const absl::string_view name = WithoutNumber(place);
  if (name.size() == place.size() || place[name.size()] != '.') return std::string(name);
  const absl::string_view shorter = WithoutNumber(name);
  return std::string(shorter.size() < name.size() && name[shorter.size()] == '_' ? shorter : name);
}

class Folder {
 public:
  explicit Folder(const Network& network) : network_(network), folding_(Unfolded(network)) {
    last_reader_.assign(network.operations.size(), 0);
    for (size_t i = 0; i < network.operations.size(); ++i) {
      for (const int input : network.operations[i].inputs) last_reader_[input] = i;
    }
  }

  Folding Fold() {
    for (size_t depth = 1; depth <= kDeepest; ++depth) {
      const std::vector<Part> parts = PartsAt(depth);
      for (size_t first = 0; first < parts.size();) {
        size_t next = first + 1;
        while (next < parts.size() && Continues(parts, first, next)) ++next;
        if (next - first > 1) Merge(parts, first, next);
        first = next;
      }
    }
    return std::move(folding_);
  }

 private:
  std::vector<Part> PartsAt(size_t depth) const {
    std::vector<Part> parts;
    for (size_t i = 0; i < network_.operations.size(); ++i) {
      if (folding_.stands_for[i] != i) continue;
      const absl::string_view place = Prefix(network_.operations[i].place, depth);
      if (place.empty() || parts.empty() || parts.back().place != place) {
        parts.push_back({std::string(place), {}});
      }
      parts.back().operations.push_back(i);
    }
    return parts;
  }

  // Whether parts[next] repeats parts[first], given that those in between do.
  bool Continues(const std::vector<Part>& parts, size_t first, size_t next) const {
    const Part& a = parts[first];
    const Part& b = parts[next];
    const Part& before = parts[next - 1];
    if (a.place.empty() || WithoutNumber(a.place) != WithoutNumber(b.place) ||
        a.operations.size() != b.operations.size() || LeaksInside(a) || LeaksInside(b) ||
        !(OutputShape(a) == OutputShape(b))) {
      return false;
    }
    bool chained = false;
    for (size_t i = 0; i < a.operations.size(); ++i) {
      if (!Alike(a, b, i)) return false;
      const auto& inputs = network_.operations[b.operations[i]].inputs;
      for (size_t p = 0; p < inputs.size(); ++p) {
        if (b.Number(inputs[p]) >= 0) continue;
        const bool reads_before = static_cast<size_t>(inputs[p]) == before.output();
        chained |= reads_before;
        if (!reads_before && !ReadFromOutside(before, inputs[p])) return false;
        // From the second on, the same inputs read the part before.
        if (next - first > 1 &&
            reads_before !=
                (static_cast<size_t>(network_.operations[before.operations[i]].inputs[p]) ==
                 parts[next - 2].output())) {
          return false;
        }
      }
    }
    return chained;
  }

  const Shape& OutputShape(const Part& part) const {
    return network_.operations[part.output()].shape;
  }

  // Whether something outside reads more of the part than its output.
  bool LeaksInside(const Part& part) const {
    return std::any_of(part.operations.begin(), part.operations.end() - 1,
                       [&](size_t operation) { return last_reader_[operation] > part.output(); });
  }

  bool ReadFromOutside(const Part& part, int operation) const {
    if (part.Number(operation) >= 0) return false;
    return std::any_of(part.operations.begin(), part.operations.end(), [&](size_t i) {
      const auto& inputs = network_.operations[i].inputs;
      return std::find(inputs.begin(), inputs.end(), operation) != inputs.end();
    });
  }

  // Whether the parts' operations of this number are equal and read alike from within. The channels
  // that come in may differ: the first of several cells often reads fewer.
  bool Alike(const Part& a, const Part& b, size_t number) const {
    const Operation& x = network_.operations[a.operations[number]];
    const Operation& y = network_.operations[b.operations[number]];
    if (x.kind != y.kind || !(x.arguments == y.arguments) || x.shape.axes != y.shape.axes ||
        x.inputs.size() != y.inputs.size()) {
      return false;
    }
    for (size_t p = 0; p < x.inputs.size(); ++p) {
      if (a.Number(x.inputs[p]) != b.Number(y.inputs[p])) return false;
    }
    return true;
  }

  void Merge(const std::vector<Part>& parts, size_t first, size_t end) {
    const Part& kept = parts[first];
    for (size_t k = first + 1; k < end; ++k) {
      for (size_t i = 0; i < kept.operations.size(); ++i) {
        folding_.stands_for[parts[k].operations[i]] = kept.operations[i];
      }
    }
    folding_.repeats.push_back({kept.operations.front(), kept.output() + 1,
                                static_cast<int>(end - first), NameOf(kept.place)});
  }

  const Network& network_;
  Folding folding_;
  std::vector<size_t> last_reader_;
};

}  // namespace

Folding Unfolded(const Network& network) {
  Folding folding;
  folding.stands_for.resize(network.operations.size());
  std::iota(folding.stands_for.begin(), folding.stands_for.end(), 0);
  return folding;
}

Folding FoldRepeats(const Network& network) { return Folder(network).Fold(); }

}  // namespace cambrian
