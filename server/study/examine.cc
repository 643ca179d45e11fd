#include "server/study/examine.h"

#include <openssl/sha.h>

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/base/version.h"
#include "common/nas/canonical_key.h"
#include "nlohmann/json.hpp"
#include "server/study/network_memo.h"

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
  if (constants.recipe.ok()) constants.recipe_text = Fingerprint(*constants.recipe);
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

NetworkFacts LookAt(const StudySpec& study, const Architecture& architecture) {
  NetworkFacts facts;
  const absl::StatusOr<Network> network = study.space->Lower(architecture, *study.data.task);
  if (!network.ok()) {
    facts.obstacle = std::string(network.status().message());
    return facts;
  }
  facts.canonical_key = KeyOf(*network).ToString();
  facts.metrics["parameters"].value = static_cast<double>(network->Parameters());
  facts.metrics["macs"].value = static_cast<double>(network->Macs());
  return facts;
}

Candidate ExamineOne(const StudySpec& study, const Constants& constants, NetworkMemo& memo,
                     Architecture architecture) {
  NetworkFacts network = memo.Get(architecture, [&] { return LookAt(study, architecture); });
  const absl::StatusOr<Recipe> recipe = study.RecipeFor(architecture);
  Candidate candidate;
  if (network.canonical_key.empty() || !recipe.ok()) {
    candidate.obstacle = network.canonical_key.empty() ? std::move(network.obstacle)
                                                       : std::string(recipe.status().message());
    candidate.evaluation_key = Digest(absl::StrCat(
        "nothing\n", study.space->ToJson(architecture).dump(), "\n", constants.circumstances));
  } else {
    const bool usual = constants.recipe.ok() && *recipe == *constants.recipe;
    candidate.evaluation_key = Digest(absl::StrCat(
        network.canonical_key, "\n", usual ? constants.recipe_text : Fingerprint(*recipe), "\n",
        constants.circumstances));
    candidate.canonical_key = std::move(network.canonical_key);
    candidate.metrics = std::move(network.metrics);
    candidate.obstacle = Broken(study.constraints, candidate.metrics);
    candidate.breaks_constraint = !candidate.obstacle.empty();
  }
  candidate.architecture = std::move(architecture);
  return candidate;
}

}  // namespace

Examine MakeExamine(std::shared_ptr<const StudySpec> study) {
  Constants constants = ConstantsOf(*study);
  auto memo = std::make_shared<NetworkMemo>(*study->space);
  return [study = std::move(study), constants = std::move(constants),
          memo = std::move(memo)](Architecture architecture) {
    return study->dedupe == Dedupe::kArchitecture
               ? ExamineUnlowered(*study, constants, std::move(architecture))
               : ExamineOne(*study, constants, *memo, std::move(architecture));
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
