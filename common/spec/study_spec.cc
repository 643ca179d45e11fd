#include "common/spec/study_spec.h"

#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/spec/architecture_check.h"
#include "common/spec/document.h"
#include "common/spec/map_reader.h"
#include "common/spec/recipe_check.h"
#include "common/spec/settings.h"
#include "common/spec/space_parser.h"
#include "common/spec/study_sections.h"

namespace cambrian {
namespace {

constexpr size_t kMaxName = 64;
constexpr uintmax_t kMaxSpaceBytes = 4 << 20;

const std::vector<std::string>& StudyKeys() {
  static const auto* const keys =
      new std::vector<std::string>{"study",    "data",       "space",  "recipe",     "estimator",
                                   "strategy", "warm_start", "dedupe", "objectives", "constraints",
                                   "workers",  "budget",     "finish", "test",       "seed"};
  return *keys;
}

bool IsName(absl::string_view name) {
  if (name.empty() || name.size() > kMaxName || !absl::ascii_isalnum(name[0])) return false;
  for (const char c : name) {
    if (!absl::ascii_isalnum(c) && c != '-' && c != '_') return false;
  }
  return true;
}

// Where a space comes from, before it is compiled.
struct SpaceSource {
  std::string name;
  Node space;  // `network` and the rest; nothing if it cannot be had
  std::vector<ParameterSetting> settings;
  Node set;                          // the study file's `set`
  std::optional<Diagnostics> other;  // of a space that does not stand in the study file
};

void ReadOther(std::string file, const std::string& text, SpaceSource& source) {
  source.other.emplace(std::move(file), text);
  source.space = ParseYaml(text, *source.other);
}

void UseBuiltin(const Node& name, SpaceSource& source, Diagnostics& diagnostics) {
  if (!name.IsScalar()) {
    diagnostics.Error(name.mark, absl::StrCat("space.use must be a name, not ", name.Describe()));
    return;
  }
  source.name = name.scalar;
  const absl::string_view text = BuiltinSpaceText(name.scalar);
  if (!text.empty()) {
    ReadOther(absl::StrCat(name.scalar, ".yaml (built in)"), std::string(text), source);
    return;
  }
  const bool file = absl::EndsWith(name.scalar, ".yaml") || absl::EndsWith(name.scalar, ".yml");
  std::string suggestion = DidYouMean(name.scalar, BuiltinSpaces());
  if (file) suggestion = absl::StrCat("write \"space: {file: ", name.scalar, "}\"");
  if (suggestion.empty()) suggestion = "\"cambrian spaces list\" prints those that are";
  diagnostics.Error(name.mark, absl::StrCat("no space \"", name.scalar, "\" is built in"),
                    suggestion);
}

void ReadSpaceFile(const Node& name, absl::string_view folder, SpaceSource& source,
                   Diagnostics& diagnostics) {
  if (folder.empty() || !name.IsScalar()) {
    diagnostics.Error(name.mark, name.IsScalar()
                                     ? "a study that is submitted has its space in place"
                                     : "space.file must be the name of a file");
    return;
  }
  const std::filesystem::path path =
      std::filesystem::path(std::string(folder)) / name.scalar;  // absolute names stay
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    diagnostics.Error(name.mark, absl::StrCat("there is no file ", path.string()));
    return;
  }
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  if (std::filesystem::file_size(path, error) <= kMaxSpaceBytes) text << stream.rdbuf();
  if (!stream || text.str().empty()) {
    diagnostics.Error(name.mark, absl::StrCat(path.string(), " cannot be read, or is empty"));
    return;
  }
  source.name = path.stem().string();
  ReadOther(name.scalar, text.str(), source);
}

void ReadSet(const Node& set, SpaceSource& source, Diagnostics& diagnostics) {
  if (!set.IsMap()) {
    if (!set.IsNull()) {
      diagnostics.Error(set.mark, absl::StrCat("space.set must be a map, not ", set.Describe()),
                        "write \"set: {PARAMETER: VALUE}\"");
    }
    return;
  }
  source.set = set;
  for (const Node::Entry& entry : set.entries) source.settings.push_back({entry.key, entry.value});
}

SpaceSource FindSpace(const Node& node, const std::string& study, absl::string_view folder,
                      Diagnostics& diagnostics) {
  SpaceSource source;
  const Node* const use = node.Find("use");
  const Node* const file = node.Find("file");
  if (node.IsScalar()) {
    UseBuiltin(node, source, diagnostics);
  } else if (use != nullptr || file != nullptr) {
    const MapReader reader(node, "space", {use != nullptr ? "use" : "file", "set"}, diagnostics);
    if (use != nullptr) {
      UseBuiltin(*use, source, diagnostics);
    } else {
      ReadSpaceFile(*file, folder, source, diagnostics);
    }
  } else if (node.IsMap()) {
    source.name = study;
    source.space = node;
    source.space.Remove("set");
    source.space.Remove("name");
    if (const Node* const name = node.Find("name")) source.name = name->scalar;
  } else {
    diagnostics.Error(node.mark,
                      absl::StrCat("space must be a name or a map, not ", node.Describe()),
                      "write \"space: nasbench201\"");
  }
  if (const Node* const set = node.Find("set")) ReadSet(*set, source, diagnostics);
  return source;
}

// Compiles space and recipe; null if either has errors, whatever else is wrong with the file.
std::shared_ptr<const SearchSpace> Compile(SpaceSource& source, const Node* recipe,
                                           Diagnostics& own, Diagnostics& diagnostics) {
  std::shared_ptr<const SearchSpace> space;
  if (!source.space.IsNull()) {
    space =
        ParseSpace(source.space, source.settings, recipe, source.other ? *source.other : own, own);
  }
  diagnostics.Append(own);
  if (source.other) diagnostics.Append(*source.other);
  return space;
}

// The file with its space in place and its data's path absolute.
std::string SelfContained(Node& file, const SpaceSource& source, const DataSpec& data) {
  Node space;
  space.kind = Node::Kind::kMap;
  space.Set("name", NodeFromJson(source.name));
  if (!source.set.IsNull()) space.Set("set", source.set);
  for (const Node::Entry& entry : source.space.entries) space.Set(entry.key, entry.value);
  file.Set("space", std::move(space));
  const nlohmann::ordered_json described = data.ToJson();
  const std::string format = described.begin().key();
  file.Find("data")->Find(format)->Set(described.front().begin().key(), NodeFromJson(data.path));
  return ToYaml(file);
}

void CheckArchitectures(const StudySpec& study, const Node& file, Diagnostics& diagnostics) {
  if (study.strategy.architectures.empty()) return;
  const Node* const list = file.Find("strategy")->Find("listed")->Find("architectures");
  for (const Node& item : list->items) CheckArchitecture(item, *study.space, diagnostics);
}

// The final training reads the test set: there must be one.
void CheckTest(const StudySpec& study, const Node& file, Diagnostics& diagnostics) {
  if (!study.finish && !study.test) return;
  if (study.data.format != DataSpec::Format::kCsv || study.data.test > 0) return;
  diagnostics.Error(Section(file, "data").mark,
                    "the final training reads the test set, but the CSV keeps none",
                    "write \"data: {…, test: 20 %}\"");
}

void ReadName(const MapReader& reader, const Node& file, StudySpec& study) {
  if (!reader.Require("study", "write \"study: NAME\"")) return;
  reader.Text("study", study.name);
  if (!study.name.empty() && !IsName(study.name)) {
    reader.Wrong("study", *file.Find("study"),
                 "a name of at most 64 letters, digits, \"-\" and \"_\"");
  }
}

Dedupe ReadDedupe(const MapReader& reader) {
  const Node* const dedupe = reader.Find("dedupe");
  if (dedupe == nullptr || dedupe->scalar == "network") return Dedupe::kNetwork;
  if (dedupe->scalar != "architecture") {
    reader.Wrong("dedupe", *dedupe, "network or architecture");
  }
  return Dedupe::kArchitecture;
}

// All but space and recipe.
void ReadSections(const MapReader& reader, const Node& file, absl::string_view folder,
                  StudySpec& study, Diagnostics& diagnostics) {
  ReadName(reader, file, study);
  if (reader.Require("data", "write \"data: {idx: {folder: PATH}}\"")) {
    study.data = ReadData(*file.Find("data"), folder, diagnostics);
  }
  study.estimator = ReadEstimator(Section(file, "estimator"), diagnostics);
  study.strategy = ReadStrategy(Section(file, "strategy"), diagnostics);
  study.strategy.warm_start = ReadWarmStart(Section(file, "warm_start"), diagnostics);
  study.dedupe = ReadDedupe(reader);
  ReadGoals(Section(file, "objectives"), Section(file, "constraints"), study, diagnostics);
  study.workers = ReadWorkers(Section(file, "workers"), diagnostics);
  study.budget = ReadBudget(Section(file, "budget"), diagnostics);
  study.strategy.trials = study.budget.trials;
  study.strategy.objectives = study.scalarization ? 1 : study.objectives.size();
  study.finish = ReadFinish(Section(file, "finish"), diagnostics);
  reader.Truth("test", study.test);
  int64_t seed = 1;
  reader.Integer("seed", 0, std::numeric_limits<int64_t>::max(), seed);
  study.seed = static_cast<uint64_t>(seed);
  CheckTest(study, file, diagnostics);
  CheckTable(study, file, diagnostics);
}

}  // namespace

absl::StatusOr<Recipe> StudySpec::RecipeFor(const Architecture& architecture) const {
  ASSIGN_OR_RETURN(const nlohmann::json resolved, space->ResolveRecipe(architecture));
  std::vector<JsonProblem> problems;
  Recipe recipe = RecipeFromJson(resolved, problems);
  if (problems.empty()) return recipe;
  return absl::InvalidArgumentError(
      absl::StrCat("recipe: ", problems[0].path, ": ", problems[0].message));
}

std::unique_ptr<StudySpec> ParseStudy(absl::string_view text, absl::string_view folder,
                                      const std::vector<std::string>& settings,
                                      Diagnostics& diagnostics) {
  Node file = ParseYaml(text, diagnostics);
  if (file.IsNull() && !diagnostics.ok()) return nullptr;
  ApplySettings(settings, file, diagnostics);
  const MapReader reader(file, "", StudyKeys(), diagnostics);
  if (!file.IsMap()) {
    if (file.IsNull()) diagnostics.Error({}, "the file is empty");
    return nullptr;
  }
  MoveTableFile(file);
  auto study = std::make_unique<StudySpec>();
  ReadSections(reader, file, folder, *study, diagnostics);
  const bool has_space = reader.Require("space", "write \"space: nasbench201\"");
  SpaceSource source =
      has_space ? FindSpace(*file.Find("space"), study->name, folder, diagnostics) : SpaceSource();
  study->space_name = source.name;
  const Node* const recipe = file.Find("recipe");
  Diagnostics compiling(diagnostics.file(), std::string(text));
  study->space = Compile(source, recipe, compiling, diagnostics);
  CheckRecipe(study->space.get(), Section(file, "recipe"), study->finish, reader.KeyMark("finish"),
              diagnostics);
  if (study->space) CheckArchitectures(*study, file, diagnostics);
  CheckWarmStart(*study, file, reader.KeyMark("warm_start"), diagnostics);
  if (!diagnostics.ok()) return nullptr;
  study->text = SelfContained(file, source, study->data);
  study->design = absl::StrCat(ToYaml(*file.Find("space")), "\n", ToYaml(Section(file, "recipe")));
  return study;
}

}  // namespace cambrian
