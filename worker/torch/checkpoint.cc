#include "worker/torch/checkpoint.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/tensors/safetensors.h"

namespace cambrian {

absl::Status SaveCheckpoint(const std::string& path, const NetworkModule& network,
                            const std::map<std::string, std::string>& metadata) {
  const c10::AutoGradMode no_grad(false);
  Safetensors content;
  content.metadata = metadata;
  for (const NamedWeight& weight : network.weights()) {
    const at::Tensor values = weight.tensor.to(at::kCPU).contiguous();
    NamedTensor tensor{weight.name, "F32", values.sizes().vec(), {}};
    tensor.bytes.assign(static_cast<const char*>(values.data_ptr()), values.nbytes());
    content.tensors.push_back(std::move(tensor));
  }
  return WriteSafetensors(path, content);
}

absl::Status LoadCheckpoint(const std::string& path, NetworkModule& network) {
  const c10::AutoGradMode no_grad(false);
  ASSIGN_OR_RETURN(const Safetensors content, ReadSafetensors(path));
  std::map<std::string, const NamedTensor*> stored;
  for (const NamedTensor& tensor : content.tensors) stored[tensor.name] = &tensor;
  for (const NamedWeight& weight : network.weights()) {
    const auto found = stored.find(weight.name);
    if (found == stored.end()) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": no tensor \"", weight.name, "\""));
    }
    if (found->second->dtype != "F32" || found->second->shape != weight.tensor.sizes().vec()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": tensor \"", weight.name, "\" is of another type or shape"));
    }
  }
  if (stored.size() != network.weights().size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": holds ", stored.size(), " tensors, the network has ", network.weights().size()));
  }
  for (const NamedWeight& weight : network.weights()) {
    const NamedTensor& tensor = *stored[weight.name];
    // from_blob wants a pointer to what it may write; copy_ only reads.
    weight.tensor.copy_(at::from_blob(const_cast<char*>(tensor.bytes.data()), tensor.shape,
                                      at::TensorOptions(at::kFloat)));
  }
  return absl::OkStatus();
}

}  // namespace cambrian
