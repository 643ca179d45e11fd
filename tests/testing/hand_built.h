// Networks by hand, for tests: what the search space would lower, without the search space.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/nas/network.h"

namespace cambrian::testing {

// Adds operations one by one; an operation is named by the number that `Add` gives. Shapes follow
// by themselves; a shape that cannot work throws (a test's own mistake).
class HandBuilt {
 public:
  static constexpr int kInput = 0;

  explicit HandBuilt(Shape input) {
    operations_.push_back({OperationKind::kInput, {}, {}, std::move(input), "input", {}});
  }

  int Add(OperationKind kind, std::vector<int> inputs, OperationArguments arguments = {}) {
    std::vector<Shape> shapes;
    for (const int input : inputs) shapes.push_back(operations_.at(input).shape);
    Shape shape = OutputShape(kind, arguments, shapes).value();
    const int number = static_cast<int>(operations_.size());
    operations_.push_back({kind, std::move(inputs), std::move(arguments), std::move(shape),
                           absl::StrCat(prefix_, OperationName(kind), "_", number), decisions_});
    return number;
  }
  // The same, reading the operation before.
  int Then(OperationKind kind, OperationArguments arguments = {}) {
    return Add(kind, {static_cast<int>(operations_.size()) - 1}, std::move(arguments));
  }
  int Conv(int input, int64_t out, int64_t kernel, int64_t stride = 1, int64_t groups = 1) {
    OperationArguments arguments;
    arguments.out = out;
    arguments.kernel = kernel;
    arguments.stride = stride;
    arguments.groups = groups;
    return Add(OperationKind::kConv, {input}, arguments);
  }
  int Pool(OperationKind kind, int input, int64_t kernel, int64_t stride = 1,
           bool count_padding = true) {
    OperationArguments arguments;
    arguments.kernel = kernel;
    arguments.stride = stride;
    arguments.count_padding = count_padding;
    return Add(kind, {input}, arguments);
  }
  int Relu(int input) { return Add(OperationKind::kRelu, {input}); }
  int BatchNorm(int input) { return Add(OperationKind::kBatchNorm, {input}); }
  int Sum(std::vector<int> inputs) { return Add(OperationKind::kSum, std::move(inputs)); }
  int Linear(int input, int64_t out) {
    OperationArguments arguments;
    arguments.out = out;
    arguments.bias = true;
    return Add(OperationKind::kLinear, {input}, arguments);
  }
  // Mean over the axes, linear.
  int Head(int input, int64_t classes) {
    return Linear(Add(OperationKind::kGlobalPool, {input}), classes);
  }

  // The same after the operation before, as the network's end.
  Network Classifier(int64_t classes) {
    const int last = static_cast<int>(operations_.size()) - 1;
    shape(last).axes.empty() ? Linear(last, classes) : Head(last, classes);
    return Build();
  }

  const Shape& shape(int operation) const { return operations_.at(operation).shape; }
  // Where the next operations stand ("cell_0."), and the decisions that shape them.
  void SetPlace(std::string prefix, std::vector<std::string> decisions = {}) {
    prefix_ = std::move(prefix);
    decisions_ = std::move(decisions);
  }

  // The network whose output is the last operation, without the parts that it does not read.
  Network Build() const {
    std::vector<int> number(operations_.size(), -1);
    number.back() = 0;
    for (size_t i = operations_.size(); i-- > 0;) {
      if (number[i] < 0) continue;
      for (const int input : operations_[i].inputs) number[input] = 0;
    }
    Network network;
    for (size_t i = 0; i < operations_.size(); ++i) {
      if (number[i] < 0) continue;
      number[i] = static_cast<int>(network.operations.size());
      network.operations.push_back(operations_[i]);
      for (int& input : network.operations.back().inputs) input = number[input];
    }
    return network;
  }

 private:
  std::vector<Operation> operations_;
  std::string prefix_;
  std::vector<std::string> decisions_;
};

// The operations on the edges 0→1, 0→2, 1→2, 0→3, 1→3, 2→3 of a NAS-Bench-201 cell.
using Nb201Cell = std::array<std::string, 6>;

inline constexpr const char* kNb201Operations[] = {"none", "skip", "conv1x1", "conv3x3",
                                                   "avg_pool3x3"};

// The cell's output for its input, -1 if nothing gets through.
inline int AddNb201Cell(HandBuilt& builder, const Nb201Cell& cell, int input,
                        const std::string& place) {
  std::array<int, 4> nodes = {input, -1, -1, -1};
  size_t edge = 0;
  for (int to = 1; to < 4; ++to) {
    std::vector<int> terms;
    for (int from = 0; from < to; ++from, ++edge) {
      const std::string& operation = cell[edge];
      if (operation == "none" || nodes[from] < 0) continue;
      const std::string name = absl::StrCat("edge_", from, "_", to);
      builder.SetPlace(absl::StrCat(place, name, "."), {absl::StrCat("cell.", name)});
      if (operation == "skip") {
        terms.push_back(nodes[from]);
      } else if (operation == "avg_pool3x3") {
        terms.push_back(builder.Pool(OperationKind::kAvgPool, nodes[from], 3, 1, false));
      } else {
        terms.push_back(
            builder.BatchNorm(builder.Conv(builder.Relu(nodes[from]), builder.shape(input).channels,
                                           operation == "conv1x1" ? 1 : 3)));
      }
    }
    builder.SetPlace(place);
    if (!terms.empty()) nodes[to] = terms.size() == 1 ? terms[0] : builder.Sum(terms);
  }
  return nodes[3];
}

// A whole NAS-Bench-201 network for 32×32 pixels and 10 classes; none if nothing gets through.
inline std::optional<Network> Nb201Network(const Nb201Cell& cell, int64_t channels = 16,
                                           int cells = 5) {
  HandBuilt builder({3, {32, 32}});
  builder.SetPlace("stem.");
  int last = builder.BatchNorm(builder.Conv(HandBuilt::kInput, channels, 3));
  int number = 0;
  for (int stage = 0; stage < 3; ++stage) {
    if (stage > 0) {
      builder.SetPlace(absl::StrCat("reduce_", stage, "."));
      const int64_t out = channels << stage;
      const int shortcut = builder.Conv(builder.Pool(OperationKind::kAvgPool, last, 2, 2), out, 1);
      const int half = builder.BatchNorm(builder.Conv(builder.Relu(last), out, 3, 2));
      last = builder.Sum({builder.BatchNorm(builder.Conv(builder.Relu(half), out, 3)), shortcut});
    }
    for (int i = 0; i < cells; ++i) {
      last = AddNb201Cell(builder, cell, last, absl::StrCat("cell_", number++, "."));
      if (last < 0) return std::nullopt;
    }
  }
  builder.SetPlace("head.");
  builder.Head(builder.Relu(builder.BatchNorm(last)), 10);
  return builder.Build();
}

// The cell of six 3×3 convolutions, one a stage.
inline Network AllConv3x3(int64_t channels) {
  const Nb201Cell cell = {"conv3x3", "conv3x3", "conv3x3", "conv3x3", "conv3x3", "conv3x3"};
  return *Nb201Network(cell, channels, /*cells=*/1);
}

}  // namespace cambrian::testing
