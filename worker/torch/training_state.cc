#include "worker/torch/training_state.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <openssl/evp.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <system_error>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/tensors/safetensors.h"

namespace cambrian {
namespace {

// Raised when an older state no longer leads to the same result.
constexpr char kFormat[] = "cambrian training 1";
constexpr uintmax_t kMaxHeaderBytes = 16 << 20;

std::string Sha256(absl::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr);
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<char*>(digest), size));
}

absl::Status Unsuitable(absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("the state of a training ", problem));
}

// Before it is read into memory: no larger than what it must hold.
absl::Status CheckSize(const std::string& path, const StateTensors& tensors) {
  uintmax_t most = kMaxHeaderBytes;
  for (const auto& [name, tensor] : tensors) most += tensor.nbytes();
  std::error_code error;
  const uintmax_t size = std::filesystem::file_size(path, error);
  if (error) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  return size <= most ? absl::OkStatus() : Unsuitable("is too large for this network");
}

absl::StatusOr<TrainingPosition> ParsePosition(const std::map<std::string, std::string>& metadata) {
  const auto get = [&](const char* key) {
    const auto found = metadata.find(key);
    return found == metadata.end() ? std::string() : found->second;
  };
  TrainingPosition position;
  position.reported = get("reported") == "true";
  if (!absl::SimpleAtoi(get("step"), &position.step) || position.step < 0 ||
      !absl::SimpleAtod(get("seconds"), &position.seconds) || !std::isfinite(position.seconds) ||
      position.seconds < 0) {
    return Unsuitable("does not say where it stands");
  }
  return position;
}

// What the file holds of each tensor, in their order.
absl::StatusOr<std::vector<const NamedTensor*>> Match(const Safetensors& content,
                                                      const StateTensors& tensors) {
  std::map<std::string, const NamedTensor*> stored;
  for (const NamedTensor& tensor : content.tensors) stored[tensor.name] = &tensor;
  if (stored.size() != tensors.size()) return Unsuitable("holds other tensors");
  std::vector<const NamedTensor*> matched;
  for (const auto& [name, tensor] : tensors) {
    const auto found = stored.find(name);
    if (found == stored.end() || found->second->dtype != "F32" ||
        found->second->shape != tensor.sizes().vec()) {
      return Unsuitable(absl::StrCat("lacks tensor \"", name, "\" of this shape"));
    }
    matched.push_back(found->second);
  }
  return matched;
}

}  // namespace

TrainingStates::TrainingStates(std::string folder, absl::string_view work, absl::Duration interval)
    : folder_(std::move(folder)),
      work_(Sha256(work)),
      interval_(interval),
      saved_(std::chrono::steady_clock::now()) {}

bool TrainingStates::Due() const {
  return wanted() && absl::FromChrono(std::chrono::steady_clock::now() - saved_) >= interval_;
}

absl::Status TrainingStates::Save(const TrainingPosition& position, const StateTensors& tensors) {
  const std::string name =
      absl::StrCat("training-", position.step, position.reported ? "r" : "", ".safetensors");
  if (name == newest_) return absl::OkStatus();
  const c10::AutoGradMode no_grad(false);
  Safetensors content;
  content.metadata = {{"format", kFormat},
                      {"work", work_},
                      {"step", absl::StrCat(position.step)},
                      {"seconds", absl::StrCat(position.seconds)},
                      {"reported", position.reported ? "true" : "false"}};
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor values = tensor.to(at::kCPU).contiguous();
    NamedTensor stored{name, "F32", values.sizes().vec(), {}};
    stored.bytes.assign(static_cast<const char*>(values.data_ptr()), values.nbytes());
    content.tensors.push_back(std::move(stored));
  }
  RETURN_IF_ERROR(WriteSafetensors(absl::StrCat(folder_, "/", name), content));
  saved_ = std::chrono::steady_clock::now();
  newest_ = news_ = name;
  return absl::OkStatus();
}

absl::StatusOr<TrainingPosition> TrainingStates::Load(const std::string& path, int64_t steps,
                                                      StateTensors& tensors) const {
  const c10::AutoGradMode no_grad(false);
  RETURN_IF_ERROR(CheckSize(path, tensors));
  ASSIGN_OR_RETURN(const Safetensors content, ReadSafetensors(path));
  const auto is = [&](const char* key, const std::string& value) {
    const auto found = content.metadata.find(key);
    return found != content.metadata.end() && found->second == value;
  };
  if (!is("format", kFormat)) return Unsuitable("is of another version");
  if (!is("work", work_)) return Unsuitable("belongs to other work");
  ASSIGN_OR_RETURN(const TrainingPosition position, ParsePosition(content.metadata));
  if (position.step > steps) return Unsuitable("stands beyond its end");
  ASSIGN_OR_RETURN(const std::vector<const NamedTensor*> stored, Match(content, tensors));
  for (size_t i = 0; i < stored.size(); ++i) {
    // from_blob wants a pointer to what it may write; copy_ only reads.
    tensors[i].second.copy_(at::from_blob(const_cast<char*>(stored[i]->bytes.data()),
                                          stored[i]->shape, at::TensorOptions(at::kFloat)));
  }
  return position;
}

}  // namespace cambrian
