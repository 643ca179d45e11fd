// How a network is trained: the recipe after every hole of it is decided.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace cambrian {

// Plain data with the defaults that `cambrian validate --explain` prints.
struct Recipe {
  enum class Optimizer { kSgd, kAdamW };
  enum class Schedule { kConstant, kCosine, kStep };
  enum class Precision { kFp32, kBf16 };

  double epochs = 1;  // of the share of the data that is used
  int64_t batch = 128;
  Optimizer optimizer = Optimizer::kSgd;
  double lr = 0.1;
  double momentum = 0.9;  // sgd
  bool nesterov = true;   // sgd
  double beta1 = 0.9;     // adamw
  double beta2 = 0.999;   // adamw
  double decay = 0.0005;  // weight decay; not on norms and biases
  Schedule schedule = Schedule::kCosine;
  double warmup = 0;  // epochs of linear warm-up
  std::vector<double>
      steps;  // schedule: {step: {at: [0.5, 0.75], factor: 0.1}}, in shares of the training
  double step_factor = 0.1;
  double label_smoothing = 0;  // [0, 1)
  double clip = 0;             // gradient norm; 0 = off
  int64_t crop_padding = 0;    // augment: [{crop: {padding: 2}}, flip, {cutout: {size: 8}}]
  bool flip = false;           // left to right
  int64_t cutout = 0;          // side of the square in pixels; 0 = off
  Precision precision = Precision::kFp32;

  bool operator==(const Recipe&) const = default;
};

// One thing that is wrong in a JSON tree, where ("optimizer/sgd/lr", array items by index), and
// what to write instead (may be empty).
struct JsonProblem {
  std::string path;
  std::string message;
  std::string suggestion;
};

// Reads the shape of the study file's `recipe:` — {"epochs", "batch", "optimizer": {"sgd": {"lr",
// "momentum", "nesterov", "decay"}} or
// {"adamw": {"lr", "beta1", "beta2", "decay"}}, "schedule": "cosine"|"constant"|{"step": {"at",
// "factor"}}, "warmup", "label_smoothing", "clip", "augment": [...], "precision"} — all keys
// optional. Adds every problem to `problems`.
Recipe RecipeFromJson(const nlohmann::json& json, std::vector<JsonProblem>& problems);
nlohmann::ordered_json ToJson(const Recipe& recipe);

// A text that equal recipes have (but for the sign of a zero), and no others. Quicker than JSON;
// for hashes, not for people.
std::string Fingerprint(const Recipe& recipe);

}  // namespace cambrian
