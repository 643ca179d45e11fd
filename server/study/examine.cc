#include "server/study/examine.h"

#include <openssl/sha.h>

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/base/version.h"
#include "common/nas/canonical_key.h"
#include "nlohmann/json.hpp"

namespace cambrian {
namespace {

// The first 128 bits of SHA-256 as 32 hexadecimal digits.
std::string Digest(absl::string_view text) {
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), hash);
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(hash), 16));
}

// All that decides the result of a trial but the network and the recipe.
nlohmann::ordered_json Circumstances(const StudySpec& study) {
  const DataSpec& data = study.data;
  nlohmann::ordered_json json = {
      // Paths differ between machines; the content's hash does not. The split follows from the
      // rest.
      {"data", {data.sha256, data.label, data.shape, data.test, data.validation}},
      {"task", {data.task->input.channels, data.task->input.axes, data.task->classes}},
      {"evaluator", study.estimator.evaluator},
      {"version", kVersion},  // stands for the evaluator's: an upgrade does not trust old results
      {"share", study.estimator.share},
      {"test", study.test},
      {"seed", study.seed},
  };
  if (study.estimator.table) json["table"] = study.estimator.table->ToJson();
  if (study.latency) {
    json["latency"] = {study.latency->device, study.latency->batch, study.latency->threads,
                       study.latency->runs};
    if (!study.latency->target.empty()) json["latency"].push_back(study.latency->target);
  }
  return json;
}

// The first analytic constraint that does not hold, in words, or empty.
std::string Broken(const std::vector<Constraint>& constraints, const Metrics& metrics) {
  for (const Constraint& constraint : constraints) {
    auto it = metrics.find(constraint.metric);
    if (it != metrics.end() && !constraint.Holds(it->second.value)) {
      return absl::StrCat(constraint.metric, " ", static_cast<int64_t>(it->second.value),
                          " breaks ", constraint.ToString());
    }
  }
  return "";
}

// What is the same for most architectures of a study, as text.
struct Constants {
  std::string circumstances;
  // Of some architecture: where the recipe has no holes, of all.
  absl::StatusOr<Recipe> recipe;
  std::string recipe_text;
};

Constants ConstantsOf(const StudySpec& study) {
  Random random(0);
  Constants constants{Circumstances(study).dump(), study.RecipeFor(study.space->Sample(random)),
                      ""};
  if (constants.recipe.ok()) constants.recipe_text = ToJson(*constants.recipe).dump();
  return constants;
}

// Where each architecture is work of its own: no network is looked at.
Candidate ExamineUnlowered(const StudySpec& study, const Constants& constants,
                           Architecture architecture) {
  Candidate candidate;
  candidate.evaluation_key = Digest(absl::StrCat(
      "architecture\n", study.space->ToJson(architecture).dump(), "\n", constants.circumstances));
  candidate.architecture = std::move(architecture);
  return candidate;
}

Candidate ExamineOne(const StudySpec& study, const Constants& constants,
                     Architecture architecture) {
  Candidate candidate;
  const absl::StatusOr<Network> network = study.space->Lower(architecture, *study.data.task);
  const absl::StatusOr<Recipe> recipe = study.RecipeFor(architecture);
  if (!network.ok() || !recipe.ok()) {
    const absl::Status& status = network.ok() ? recipe.status() : network.status();
    candidate.obstacle = std::string(status.message());
    candidate.evaluation_key = Digest(absl::StrCat(
        "nothing\n", study.space->ToJson(architecture).dump(), "\n", constants.circumstances));
  } else {
    candidate.canonical_key = KeyOf(*network).ToString();
    const bool usual = constants.recipe.ok() && *recipe == *constants.recipe;
    candidate.evaluation_key = Digest(absl::StrCat(
        candidate.canonical_key, "\n", usual ? constants.recipe_text : ToJson(*recipe).dump(), "\n",
        constants.circumstances));
    candidate.metrics["parameters"].value = static_cast<double>(network->Parameters());
    candidate.metrics["macs"].value = static_cast<double>(network->Macs());
    candidate.obstacle = Broken(study.constraints, candidate.metrics);
    candidate.breaks_constraint = !candidate.obstacle.empty();
  }
  candidate.architecture = std::move(architecture);
  return candidate;
}

}  // namespace

Examine MakeExamine(std::shared_ptr<const StudySpec> study) {
  Constants constants = ConstantsOf(*study);
  return [study = std::move(study), constants = std::move(constants)](Architecture architecture) {
    return study->dedupe == Dedupe::kArchitecture
               ? ExamineUnlowered(*study, constants, std::move(architecture))
               : ExamineOne(*study, constants, std::move(architecture));
  };
}

std::string CircumstancesKey(const StudySpec& study) { return Digest(Circumstances(study).dump()); }

uint64_t TrialSeed(absl::string_view evaluation_key) {
  const std::string digest = Digest(absl::StrCat("seed\n", evaluation_key));
  uint64_t seed = 0;
  for (int i = 0; i < 16; ++i) {
    const char digit = digest[i];
    seed = seed * 16 + (digit <= '9' ? digit - '0' : digit - 'a' + 10);
  }
  return seed;
}

}  // namespace cambrian
