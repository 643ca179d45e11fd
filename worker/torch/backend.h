// What differs between LibTorch 1.13 and 2.x and between devices, and what is set once in a
// process. The one file that asks for LibTorch's version.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cambrian {

// "1.13.1"
std::string TorchVersion();

// "cpu", and "cuda:0" … where CUDA works.
std::vector<std::string> Devices();
// \error kInvalidArgument for a device that is not there.
absl::StatusOr<at::Device> FindDevice(absl::string_view name);

// Before anything else, once in a process: no threads but those that SetThreads asks for.
void StartTorch();

// Threads of LibTorch and of the BLAS beneath it, for work that the calling thread starts.
void SetThreads(int threads);
int Threads();

// Seeds what LibTorch itself draws (dropout).
void SeedTorch(uint64_t seed);

// Milliseconds of device time that `work` takes: on CUDA by events on its stream.
double TimeMilliseconds(at::Device device, const std::function<void()>& work);

// While it lives and if it is enabled, this thread computes in bf16 where that is safe (autocast).
class Bf16Scope {
 public:
  Bf16Scope(at::Device device, bool enabled);
  ~Bf16Scope();
  Bf16Scope(const Bf16Scope&) = delete;
  Bf16Scope& operator=(const Bf16Scope&) = delete;

 private:
  const at::Device device_;
  const bool enabled_;
};

}  // namespace cambrian
