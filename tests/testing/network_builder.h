// Networks by hand, for tests and benchmarks.
#pragma once

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/nas/network.h"

namespace cambrian {

// Adds operation after operation; shapes follow by themselves. An operation that cannot work ends
// the program.
class NetworkBuilder {
 public:
  explicit NetworkBuilder(Shape input) {
    network_.operations.push_back({OperationKind::kInput, {}, {}, std::move(input), "input", {}});
  }

  // The index of the new operation.
  int Add(OperationKind kind, std::vector<int> inputs, OperationArguments arguments = {}) {
    std::vector<Shape> shapes;
    for (const int input : inputs) shapes.push_back(network_.operations[input].shape);
    Shape shape = OutputShape(kind, arguments, shapes).value();
    const int index = static_cast<int>(network_.operations.size());
    network_.operations.push_back({kind,
                                   std::move(inputs),
                                   std::move(arguments),
                                   std::move(shape),
                                   absl::StrCat(OperationName(kind), "_", index),
                                   {}});
    return index;
  }
  // Reads the operation before.
  int Then(OperationKind kind, OperationArguments arguments = {}) {
    return Add(kind, {Last()}, std::move(arguments));
  }

  int Last() const { return static_cast<int>(network_.operations.size()) - 1; }

  // Ends it as a classifier.
  Network Classifier(int64_t classes) {
    if (!network_.operations.back().shape.axes.empty()) Then(OperationKind::kGlobalPool);
    Then(OperationKind::kLinear, {.out = classes, .bias = true});
    return network_;
  }
  const Network& network() const { return network_; }

 private:
  Network network_;
};

// NAS-Bench-201's skeleton with a cell of six 3×3 convolutions: `channels` at first, `cells` a
// stage, CIFAR-10's shapes.
inline Network AllConv3x3(int64_t channels, int cells) {
  NetworkBuilder b({3, {32, 32}});
  const auto block = [&b](int from, int64_t out, int64_t stride) {
    const int relu = b.Add(OperationKind::kRelu, {from});
    b.Add(OperationKind::kConv, {relu}, {.out = out, .kernel = 3, .stride = stride});
    return b.Then(OperationKind::kBatchNorm);
  };
  b.Then(OperationKind::kConv, {.out = channels, .kernel = 3});
  int x = b.Then(OperationKind::kBatchNorm);
  for (int stage = 0; stage < 3; ++stage) {
    const int64_t width = channels << stage;
    if (stage > 0) {
      const int body = block(block(x, width, 2), width, 1);
      const int pool = b.Add(OperationKind::kAvgPool, {x}, {.kernel = 2, .stride = 2});
      const int shortcut = b.Add(OperationKind::kConv, {pool}, {.out = width});
      x = b.Add(OperationKind::kSum, {body, shortcut});
    }
    for (int cell = 0; cell < cells; ++cell) {
      const int one = block(x, width, 1);
      const int two = b.Add(OperationKind::kSum, {block(x, width, 1), block(one, width, 1)});
      x = b.Add(OperationKind::kSum,
                {block(x, width, 1), block(one, width, 1), block(two, width, 1)});
    }
  }
  b.Add(OperationKind::kBatchNorm, {x});
  b.Then(OperationKind::kRelu);
  return b.Classifier(10);
}

}  // namespace cambrian
