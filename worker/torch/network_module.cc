#include "worker/torch/network_module.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/random.h"

namespace cambrian {
namespace {

using Role = WeightSpec::Role;

std::vector<Shape> InputShapes(const Network& network, const Operation& operation) {
  std::vector<Shape> shapes;
  for (int input : operation.inputs) shapes.push_back(network.operations[input].shape);
  return shapes;
}

int64_t Numel(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (int64_t size : shape) count *= size;
  return count;
}

// A view of flat[offset, …) with `shape`; the kernels of images lie channels innermost.
at::Tensor View(const at::Tensor& flat, int64_t offset, const std::vector<int64_t>& shape) {
  const at::Tensor part = flat.narrow(0, offset, Numel(shape));
  if (shape.size() != 4) return part.view(shape);
  return part.view({shape[0], shape[2], shape[3], shape[1]}).permute({0, 3, 1, 2});
}

void Fill(const WeightSpec& spec, Random& random, at::Tensor& tensor) {
  if (spec.deviation == 0) {
    tensor.fill_(spec.fill);
    return;
  }
  at::Tensor values = at::empty(spec.shape, at::kFloat);
  float* const first = values.data_ptr<float>();
  for (int64_t i = 0; i < values.numel(); ++i) {
    first[i] = static_cast<float>(random.Normal() * spec.deviation);
  }
  tensor.copy_(values);
}

// Bytes of the storages that `maps` hold, each counted once.
int64_t LiveBytes(const std::vector<at::Tensor>& maps) {
  std::set<const void*> seen;
  int64_t bytes = 0;
  for (const at::Tensor& map : maps) {
    if (!map.defined() || !seen.insert(map.storage().unsafeGetStorageImpl()).second) continue;
    bytes += static_cast<int64_t>(map.storage().nbytes());
  }
  return bytes;
}

// Whether `b` computes the very value of `a`: the canonical key counts the two as one. Saves time
// where several edges begin with a ReLU of one map.
bool IsRepeat(const Operation& a, const Operation& b) {
  return a.kind == b.kind && a.inputs == b.inputs && a.arguments == b.arguments &&
         !HasWeights(a.kind) && a.kind != OperationKind::kDropout;
}

// The network with each such value computed once.
Network WithoutRepeats(const Network& network) {
  Network unique;
  std::vector<std::vector<int>> readers(network.operations.size());  // of each unique operation
  std::vector<int> now;  // where an operation's value is found
  for (Operation operation : network.operations) {
    for (int& input : operation.inputs) input = now[input];
    now.push_back(static_cast<int>(unique.operations.size()));
    if (!operation.inputs.empty()) {
      std::vector<int>& beside = readers[operation.inputs[0]];
      const auto same = std::find_if(beside.begin(), beside.end(), [&](int other) {
        return IsRepeat(unique.operations[other], operation);
      });
      if (same != beside.end()) {
        now.back() = *same;
        continue;
      }
      beside.push_back(now.back());
    }
    unique.operations.push_back(std::move(operation));
  }
  return unique;
}

bool FoldsNorm(const Network& network, const std::vector<int>& readers, const Operation& norm) {
  if (norm.kind != OperationKind::kBatchNorm || readers[norm.inputs[0]] != 1) return false;
  const OperationKind before = network.operations[norm.inputs[0]].kind;
  return before == OperationKind::kConv || before == OperationKind::kLinear;
}

// The kernel and bias of a convolution (or linear layer) followed by a batch norm.
std::vector<at::Tensor> Folded(const std::vector<at::Tensor>& layer,
                               const std::vector<at::Tensor>& norm) {
  const at::Tensor scale = norm[0] / at::sqrt(norm[3] + kNormEpsilon);
  std::vector<int64_t> per_output(layer[0].dim(), 1);
  per_output[0] = -1;
  const at::Tensor bias = layer.size() > 1 ? layer[1] - norm[2] : -norm[2];
  return {layer[0] * scale.view(per_output), bias * scale + norm[1]};
}

}  // namespace

NetworkModule::NetworkModule(Network network, at::Device device)
    : network_(std::move(network)),
      device_(device),
      readers_(network_.operations.size()),
      weights_(network_.operations.size()) {
  for (const Operation& operation : network_.operations) {
    for (int input : operation.inputs) ++readers_[input];
  }
}

NetworkModule::NetworkModule(const Network& network, uint64_t seed, at::Device device)
    : NetworkModule(WithoutRepeats(network), device) {
  const c10::AutoGradMode no_grad(false);
  AllocateTrained();
  Random random(seed);
  int64_t next[] = {0, decayed_};  // by role: weights, norms and biases
  for (size_t i = 0; i < network_.operations.size(); ++i) {
    const Operation& operation = network_.operations[i];
    const auto inputs = InputShapes(network_, operation);
    for (const WeightSpec& spec : WeightSpecs(operation.kind, operation.arguments, inputs)) {
      NamedWeight weight{absl::StrCat(operation.place, ".", spec.name), spec.role, {}};
      if (spec.role == Role::kStatistic) {
        weight.tensor = at::empty(spec.shape, parameters_.options());
        Fill(spec, random, weight.tensor);
      } else {
        int64_t& offset = next[spec.role == Role::kWeight ? 0 : 1];
        at::Tensor view = View(parameters_, offset, spec.shape);
        Fill(spec, random, view);
        // Not a view any more as far as autograd knows: a leaf that shares the memory.
        weight.tensor = view.variable_data().set_requires_grad(true);
        weight.tensor.mutable_grad() = View(gradients_, offset, spec.shape).variable_data();
        offset += Numel(spec.shape);
      }
      AddWeight(static_cast<int>(i), std::move(weight));
    }
  }
}

void NetworkModule::AllocateTrained() {
  int64_t trained = 0;
  for (const Operation& operation : network_.operations) {
    const auto inputs = InputShapes(network_, operation);
    for (const WeightSpec& spec : WeightSpecs(operation.kind, operation.arguments, inputs)) {
      if (spec.role != Role::kStatistic) trained += Numel(spec.shape);
      if (spec.role == Role::kWeight) decayed_ += Numel(spec.shape);
    }
  }
  parameters_ = at::empty({trained}, at::TensorOptions(device_).dtype(at::kFloat));
  gradients_ = at::zeros_like(parameters_);
}

void NetworkModule::AddWeight(int operation, NamedWeight weight) {
  weights_[operation].push_back(weight.tensor);
  named_.push_back(std::move(weight));
}

at::Tensor NetworkModule::Forward(const at::Tensor& batch, const ApplyMode& mode) {
  return Walk(batch, mode, nullptr);
}

int64_t NetworkModule::PeakMapBytes(const at::Tensor& batch) {
  const c10::AutoGradMode no_grad(false);
  int64_t peak = 0;
  Walk(batch, {}, &peak);
  return peak;
}

at::Tensor NetworkModule::Walk(const at::Tensor& batch, const ApplyMode& mode,
                               int64_t* peak_bytes) {
  std::vector<at::Tensor> maps(network_.operations.size());
  std::vector<int> readers = readers_;
  std::vector<at::Tensor> inputs;
  for (size_t i = 0; i < maps.size(); ++i) {
    const Operation& operation = network_.operations[i];
    inputs.clear();
    for (int input : operation.inputs) inputs.push_back(maps[input]);
    if (operation.kind == OperationKind::kInput) inputs.push_back(batch);
    maps[i] = Apply(operation, inputs, weights_[i], mode);
    if (peak_bytes != nullptr) *peak_bytes = std::max(*peak_bytes, LiveBytes(maps));
    for (int input : operation.inputs) {
      if (--readers[input] == 0) maps[input].reset();
    }
  }
  return maps.back();
}

NetworkModule NetworkModule::InferenceForm() const {
  const c10::AutoGradMode no_grad(false);
  Network folded;
  std::vector<std::vector<at::Tensor>> weights;
  std::vector<int> now(network_.operations.size());  // where an operation's value is found
  for (size_t i = 0; i < now.size(); ++i) {
    Operation operation = network_.operations[i];
    if (FoldsNorm(network_, readers_, operation)) {
      now[i] = now[operation.inputs[0]];
      folded.operations[now[i]].arguments.bias = true;
      weights[now[i]] = Folded(weights[now[i]], weights_[i]);
      continue;
    }
    now[i] = static_cast<int>(folded.operations.size());
    for (int& input : operation.inputs) input = now[input];
    folded.operations.push_back(std::move(operation));
    weights.push_back(weights_[i]);
  }
  NetworkModule module(std::move(folded), device_);
  for (size_t i = 0; i < weights.size(); ++i) {
    for (const at::Tensor& tensor : weights[i]) {
      module.weights_[i].push_back(tensor.detach().clone());
    }
  }
  return module;
}

int64_t NetworkModule::WeightBytes() const {
  int64_t bytes = 0;
  for (const auto& weights : weights_) {
    for (const at::Tensor& tensor : weights) bytes += static_cast<int64_t>(tensor.nbytes());
  }
  return bytes;
}

at::Tensor EmptyBatch(int64_t count, const Shape& shape) {
  std::vector<int64_t> sizes = {count};
  sizes.insert(sizes.end(), shape.axes.begin(), shape.axes.end());
  sizes.push_back(shape.channels);
  const at::Tensor memory = at::empty(sizes, at::kFloat);
  return shape.axes.empty() ? memory : memory.movedim(-1, 1);
}

}  // namespace cambrian
