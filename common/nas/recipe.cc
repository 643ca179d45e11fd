#include "common/nas/recipe.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "absl/base/casts.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/base/nearest.h"

namespace cambrian {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr double kMaxEpochs = 1e6;
constexpr int64_t kMaxBatch = 1 << 20;
constexpr int64_t kMaxPixels = 1 << 12;  // of padding, of a cutout's side
constexpr size_t kMaxSteps = 100;
constexpr double kAdamWLr = 0.001;
constexpr double kAdamWDecay = 0.01;

const std::vector<std::string> kKeys = {"epochs",          "batch",   "optimizer",
                                        "schedule",        "warmup",  "clip",
                                        "label_smoothing", "augment", "precision"};
const std::vector<std::string> kSgdKeys = {"lr", "momentum", "nesterov", "decay"};
const std::vector<std::string> kAdamWKeys = {"lr", "beta1", "beta2", "decay"};

// What other frameworks call our keys.
const std::map<std::string, std::string>& KnownElsewhere() {
  static const auto* const names = new std::map<std::string, std::string>{
      {"learning_rate", "lr"},          {"weight_decay", "decay"}, {"batch_size", "batch"},
      {"smoothing", "label_smoothing"}, {"grad_clip", "clip"},     {"augmentation", "augment"},
      {"augmentations", "augment"},     {"scheduler", "schedule"}};
  return *names;
}

std::string Describe(const json& value) {
  if (value.is_null()) return "nothing";
  if (value.is_object()) return "a map";
  if (value.is_array()) return "a list";
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() > 40) text = "a long text";
  return text;
}

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// A range of numbers, and how a person is told of it.
struct Range {
  double low;
  bool low_itself;  // low ≤ x rather than low < x
  double high;
  bool high_itself;
  std::string words;  // "a number above 0"

  bool Holds(double x) const {
    return (low_itself ? x >= low : x > low) && (high_itself ? x <= high : x < high);
  }
};

// Reads one object of the recipe: every key asked for is optional, every other one a problem.
class Fields {
 public:
  Fields(const json& object, std::string path, std::vector<JsonProblem>& problems)
      : object_(object), path_(std::move(path)), problems_(problems) {}

  std::string PathOf(absl::string_view key) const {
    return path_.empty() ? std::string(key) : absl::StrCat(path_, "/", key);
  }

  const json* Find(const std::string& key) const {
    const auto found = object_.find(key);
    return found == object_.end() ? nullptr : &*found;
  }

  void Problem(absl::string_view key, std::string message, std::string suggestion = "") {
    problems_.push_back({PathOf(key), std::move(message), std::move(suggestion)});
  }

  void Number(const std::string& key, const Range& range, double& target) {
    const json* value = Find(key);
    if (value == nullptr) return;
    if (value->is_number() && range.Holds(value->get<double>())) {
      target = value->get<double>();
    } else {
      Wrong(key, range.words, *value);
    }
  }

  // An integer; 128.0, as a computed value may be, serves as well.
  void Integer(const std::string& key, int64_t low, int64_t high, int64_t& target) {
    const json* value = Find(key);
    if (value == nullptr) return;
    const double number = value->is_number() ? value->get<double>() : 0.5;
    if (number == std::floor(number) && number >= low && number <= high) {
      target = static_cast<int64_t>(number);
    } else {
      Wrong(key, absl::StrFormat("a whole number from %d to %d", low, high), *value);
    }
  }

  void Truth(const std::string& key, bool& target) {
    const json* value = Find(key);
    if (value == nullptr) return;
    if (value->is_boolean()) {
      target = value->get<bool>();
    } else {
      Wrong(key, "true or false", *value);
    }
  }

  void Wrong(absl::string_view key, absl::string_view expected, const json& value) {
    Problem(key, absl::StrCat(key, " must be ", expected, ", not ", Describe(value)));
  }

  // Every key that is not among `known` is a problem.
  void RefuseOthers(const std::vector<std::string>& known) {
    for (const auto& [key, value] : object_.items()) {
      if (Contains(known, key)) continue;
      Problem(key, absl::StrCat("unknown key \"", key, "\""), Suggest(key, known));
    }
  }

 private:
  static std::string Suggest(const std::string& key, const std::vector<std::string>& known) {
    const auto alias = KnownElsewhere().find(key);
    const std::string name = alias == KnownElsewhere().end() ? key : alias->second;
    if (Contains(known, name)) return absl::StrCat("did you mean \"", name, "\"?");
    for (const auto& [owner, keys] :
         {std::pair("the recipe itself", &kKeys), std::pair("sgd", &kSgdKeys),
          std::pair("adamw", &kAdamWKeys)}) {
      if (Contains(*keys, name)) return absl::StrCat("\"", name, "\" belongs to ", owner);
    }
    std::string near = DidYouMean(name, known);
    if (!near.empty() || known.empty()) return near;
    return absl::StrCat("known here: ", absl::StrJoin(known, ", "));
  }

  const json& object_;
  const std::string path_;
  std::vector<JsonProblem>& problems_;
};

const Range kAboveZero = {0, false, 1e6, true, "a number above 0"};
const Range kNotNegative = {0, true, 1e6, true, "a number that is not negative"};
const Range kBelowOne = {0, true, 1, false, "a number from 0 to below 1"};

// A word, or a map with that one key: "flip", {"crop": {"padding": 2}}. The arguments are an empty
// object if there are none; false if it is neither.
bool ReadChoice(const json& value, std::string& word, json& arguments) {
  arguments = json::object();
  if (value.is_string()) {
    word = value.get<std::string>();
    return true;
  }
  if (!value.is_object() || value.size() != 1) return false;
  word = value.begin().key();
  if (!value.begin()->is_null()) arguments = *value.begin();
  return true;
}

void ReadOptimizer(Fields& fields, std::vector<JsonProblem>& problems, Recipe& recipe) {
  const json* value = fields.Find("optimizer");
  if (value == nullptr) return;
  std::string word;
  json arguments;
  if (!ReadChoice(*value, word, arguments) || (word != "sgd" && word != "adamw")) {
    fields.Wrong("optimizer", "{sgd: {…}} or {adamw: {…}}", *value);
    return;
  }
  if (!arguments.is_object()) {
    fields.Problem(absl::StrCat("optimizer/", word), absl::StrCat(word, " takes a map of options"),
                   absl::StrCat("write \"", word, ": {lr: 0.1}\""));
    return;
  }
  Fields options(arguments, fields.PathOf(absl::StrCat("optimizer/", word)), problems);
  if (word == "sgd") {
    recipe.optimizer = Recipe::Optimizer::kSgd;
    options.RefuseOthers(kSgdKeys);
    options.Number("momentum", kBelowOne, recipe.momentum);
    recipe.nesterov = recipe.momentum > 0;
    options.Truth("nesterov", recipe.nesterov);
    if (recipe.nesterov && recipe.momentum == 0) {
      options.Problem("nesterov", "nesterov needs a momentum above 0",
                      "write \"momentum: 0.9\" or \"nesterov: false\"");
    }
  } else {
    recipe.optimizer = Recipe::Optimizer::kAdamW;
    recipe.lr = kAdamWLr;
    recipe.decay = kAdamWDecay;
    options.RefuseOthers(kAdamWKeys);
    options.Number("beta1", kBelowOne, recipe.beta1);
    options.Number("beta2", kBelowOne, recipe.beta2);
  }
  options.Number("lr", kAboveZero, recipe.lr);
  options.Number("decay", kNotNegative, recipe.decay);
}

void ReadSteps(const json& arguments, const std::string& path, std::vector<JsonProblem>& problems,
               Recipe& recipe) {
  recipe.steps = {0.5, 0.75};
  Fields options(arguments, path, problems);
  options.RefuseOthers({"at", "factor"});
  options.Number("factor", kAboveZero, recipe.step_factor);
  const json* at = options.Find("at");
  if (at == nullptr) return;
  std::vector<double> steps;
  bool good = at->is_array() && !at->empty() && at->size() <= kMaxSteps;
  for (size_t i = 0; good && i < at->size(); ++i) {
    good = (*at)[i].is_number();
    if (good) steps.push_back((*at)[i].get<double>());
    good = good && steps[i] > (i == 0 ? 0 : steps[i - 1]) && steps[i] < 1;
  }
  if (good) {
    recipe.steps = std::move(steps);
  } else {
    options.Wrong("at", "a list of rising shares of the training, such as [0.5, 0.75]", *at);
  }
}

void ReadSchedule(Fields& fields, std::vector<JsonProblem>& problems, Recipe& recipe) {
  const json* value = fields.Find("schedule");
  if (value == nullptr) return;
  std::string word;
  json arguments;
  const bool good = ReadChoice(*value, word, arguments) && arguments.is_object();
  if (good && word == "step") {
    recipe.schedule = Recipe::Schedule::kStep;
    ReadSteps(arguments, fields.PathOf("schedule/step"), problems, recipe);
  } else if (good && arguments.empty() && word == "cosine") {
    recipe.schedule = Recipe::Schedule::kCosine;
  } else if (good && arguments.empty() && word == "constant") {
    recipe.schedule = Recipe::Schedule::kConstant;
  } else {
    fields.Wrong("schedule", "cosine, constant or {step: {at: [0.5, 0.75], factor: 0.1}}", *value);
  }
}

void ReadAugmentation(const json& value, const std::string& path,
                      std::vector<JsonProblem>& problems, Recipe& recipe) {
  std::string word;
  json arguments;
  const bool good = ReadChoice(value, word, arguments) && arguments.is_object();
  Fields options(arguments, absl::StrCat(path, value.is_object() ? "/" + word : ""), problems);
  if (good && word == "crop") {
    recipe.crop_padding = 2;
    options.RefuseOthers({"padding"});
    options.Integer("padding", 0, kMaxPixels, recipe.crop_padding);
  } else if (good && word == "flip") {
    recipe.flip = true;
    options.RefuseOthers({});
  } else if (good && word == "cutout") {
    recipe.cutout = 8;
    options.RefuseOthers({"size"});
    options.Integer("size", 0, kMaxPixels, recipe.cutout);
  } else if (!good || word != "none" || !arguments.empty()) {
    problems.push_back({path,
                        absl::StrCat("an augmentation is {crop: {padding: 2}}, flip, {cutout: "
                                     "{size: 8}} or none, not ",
                                     Describe(value)),
                        ""});
  }
}

// A list of augmentations, or a single one.
void ReadAugment(Fields& fields, std::vector<JsonProblem>& problems, Recipe& recipe) {
  const json* value = fields.Find("augment");
  if (value == nullptr || value->is_null()) return;
  if (!value->is_array()) {
    ReadAugmentation(*value, fields.PathOf("augment"), problems, recipe);
    return;
  }
  for (size_t i = 0; i < value->size(); ++i) {
    ReadAugmentation((*value)[i], absl::StrCat(fields.PathOf("augment"), "/", i), problems, recipe);
  }
}

void ReadPrecision(Fields& fields, Recipe& recipe) {
  const json* value = fields.Find("precision");
  if (value == nullptr) return;
  if (*value == "fp32") {
    recipe.precision = Recipe::Precision::kFp32;
  } else if (*value == "bf16") {
    recipe.precision = Recipe::Precision::kBf16;
  } else {
    fields.Wrong("precision", "fp32 or bf16", *value);
  }
}

}  // namespace

Recipe RecipeFromJson(const json& value, std::vector<JsonProblem>& problems) {
  Recipe recipe;
  if (value.is_null()) return recipe;
  if (!value.is_object()) {
    problems.push_back({"", absl::StrCat("the recipe must be a map, not ", Describe(value)),
                        "write \"recipe: {epochs: 2}\""});
    return recipe;
  }
  Fields fields(value, "", problems);
  fields.RefuseOthers(kKeys);
  fields.Number("epochs", {0, false, kMaxEpochs, true, "a number above 0"}, recipe.epochs);
  fields.Integer("batch", 1, kMaxBatch, recipe.batch);
  ReadOptimizer(fields, problems, recipe);
  ReadSchedule(fields, problems, recipe);
  fields.Number("warmup", kNotNegative, recipe.warmup);
  if (recipe.warmup > recipe.epochs) {
    fields.Problem("warmup", absl::StrFormat("warmup of %g epochs is longer than the training (%g)",
                                             recipe.warmup, recipe.epochs));
  }
  fields.Number("label_smoothing", kBelowOne, recipe.label_smoothing);
  fields.Number("clip", kNotNegative, recipe.clip);
  ReadAugment(fields, problems, recipe);
  ReadPrecision(fields, recipe);
  return recipe;
}

ordered_json ToJson(const Recipe& recipe) {
  ordered_json out;
  out["epochs"] = recipe.epochs;
  out["batch"] = recipe.batch;
  if (recipe.optimizer == Recipe::Optimizer::kSgd) {
    out["optimizer"]["sgd"] = {{"lr", recipe.lr},
                               {"momentum", recipe.momentum},
                               {"nesterov", recipe.nesterov},
                               {"decay", recipe.decay}};
  } else {
    out["optimizer"]["adamw"] = {{"lr", recipe.lr},
                                 {"beta1", recipe.beta1},
                                 {"beta2", recipe.beta2},
                                 {"decay", recipe.decay}};
  }
  if (recipe.schedule == Recipe::Schedule::kStep) {
    out["schedule"]["step"] = {{"at", recipe.steps}, {"factor", recipe.step_factor}};
  } else {
    out["schedule"] = recipe.schedule == Recipe::Schedule::kCosine ? "cosine" : "constant";
  }
  out["warmup"] = recipe.warmup;
  out["label_smoothing"] = recipe.label_smoothing;
  out["clip"] = recipe.clip;
  out["augment"] = ordered_json::array();
  if (recipe.crop_padding > 0) {
    out["augment"].push_back({{"crop", {{"padding", recipe.crop_padding}}}});
  }
  if (recipe.flip) out["augment"].push_back("flip");
  if (recipe.cutout > 0) out["augment"].push_back({{"cutout", {{"size", recipe.cutout}}}});
  out["precision"] = recipe.precision == Recipe::Precision::kFp32 ? "fp32" : "bf16";
  return out;
}

std::string Fingerprint(const Recipe& recipe) {
  // Names every field, or it does not compile.
  const auto& [epochs, batch, optimizer, lr, momentum, nesterov, beta1, beta2, decay, schedule,
               warmup, steps, step_factor, label_smoothing, clip, crop_padding, flip, cutout,
               precision] = recipe;
  std::string text;
  for (const double value :
       {epochs, lr, momentum, beta1, beta2, decay, warmup, step_factor, label_smoothing, clip}) {
    absl::StrAppend(&text, absl::Hex(absl::bit_cast<uint64_t>(value)), " ");
  }
  for (const int64_t value :
       {batch, static_cast<int64_t>(optimizer), static_cast<int64_t>(nesterov),
        static_cast<int64_t>(schedule), crop_padding, static_cast<int64_t>(flip), cutout,
        static_cast<int64_t>(precision)}) {
    absl::StrAppend(&text, value, " ");
  }
  for (const double value : steps) {
    absl::StrAppend(&text, absl::Hex(absl::bit_cast<uint64_t>(value)), " ");
  }
  return text;
}

}  // namespace cambrian
