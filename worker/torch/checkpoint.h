// Trained weights as safetensors files.
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "worker/torch/network_module.h"

namespace cambrian {

// Every weight and running statistic under its name, fp32, row-major, with `metadata`.
// \error kInternal, kResourceExhausted
absl::Status SaveCheckpoint(const std::string& path, const NetworkModule& network,
                            const std::map<std::string, std::string>& metadata);

// Fills the network's weights. Names, types and shapes must agree one to one. On an error the
// network is as before. \error kNotFound, kInvalidArgument that names the tensor
absl::Status LoadCheckpoint(const std::string& path, NetworkModule& network);

}  // namespace cambrian
