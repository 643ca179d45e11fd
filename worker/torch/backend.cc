#include "worker/torch/backend.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>
#include <torch/version.h>

#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace cambrian {
namespace {

double WallMilliseconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

void SetAutocast(at::Device device, bool enabled) {
#if TORCH_VERSION_MAJOR >= 2
  at::autocast::set_autocast_enabled(device.type(), enabled);
  at::autocast::set_autocast_dtype(device.type(), at::kBFloat16);
#else
  if (device.is_cpu()) {
    at::autocast::set_cpu_enabled(enabled);
    at::autocast::set_autocast_cpu_dtype(at::kBFloat16);
  } else {
    at::autocast::set_enabled(enabled);
    at::autocast::set_autocast_gpu_dtype(at::kBFloat16);
  }
#endif
}

}  // namespace

std::string TorchVersion() { return TORCH_VERSION; }

std::vector<std::string> Devices() {
  std::vector<std::string> devices = {"cpu"};
  const int count = at::globalContext().hasCUDA() ? static_cast<int>(at::getNumGPUs()) : 0;
  for (int i = 0; i < count; ++i) devices.push_back(absl::StrCat("cuda:", i));
  return devices;
}

absl::StatusOr<at::Device> FindDevice(absl::string_view name) {
  const std::vector<std::string> devices = Devices();
  for (const std::string& device : devices) {
    if (device == name) return at::Device(device);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("no device \"", name, "\"; there is ", absl::StrJoin(devices, ", ")));
}

void StartTorch() {
  at::set_num_interop_threads(1);
  SetThreads(1);
}

void SetThreads(int threads) {
  at::set_num_threads(threads);
  // LibTorch does not pass its number on to OpenBLAS, which would take every core.
  using SetBlasThreads = void (*)(int);
  static const auto set_blas_threads =
      reinterpret_cast<SetBlasThreads>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads"));
  if (set_blas_threads != nullptr) set_blas_threads(threads);
}

int Threads() { return at::get_num_threads(); }

void SeedTorch(uint64_t seed) { at::manual_seed(seed); }

double TimeMilliseconds(at::Device device, const std::function<void()>& work) {
  if (device.is_cpu()) return WallMilliseconds(work);
  const c10::impl::VirtualGuardImpl guard(device.type());
  const c10::Stream stream = guard.getStream(device);
#if TORCH_VERSION_MAJOR >= 2
  c10::Event start(device.type(), c10::EventFlag::BACKEND_DEFAULT);
  c10::Event end(device.type(), c10::EventFlag::BACKEND_DEFAULT);
  start.record(stream);
  work();
  end.record(stream);
  end.synchronize();
  return start.elapsedTime(end);
#else
  guard.synchronizeStream(stream);
  return WallMilliseconds([&] {
    work();
    guard.synchronizeStream(stream);
  });
#endif
}

Bf16Scope::Bf16Scope(at::Device device, bool enabled) : device_(device), enabled_(enabled) {
  if (enabled_) SetAutocast(device_, true);
}

Bf16Scope::~Bf16Scope() {
  if (!enabled_) return;
  SetAutocast(device_, false);
  // It holds this step's casts of the weights.
  at::autocast::clear_cache();
}

}  // namespace cambrian
