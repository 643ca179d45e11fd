#include "common/spec/study_sections.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/spec/map_reader.h"

namespace cambrian {
namespace {

constexpr int64_t kMaxSide = 1 << 16;  // of an image
constexpr int64_t kMaxClasses = 1 << 20;
constexpr int64_t kMaxTrials = 10'000'000;
constexpr int64_t kNsga2Population = 20;
constexpr int64_t kMaxMembers = 10'000;     // of a population that is sorted for each result
constexpr int64_t kMaxUnits = 1'000;        // of an LSTM
constexpr int64_t kMaxCandidates = 10'000;  // for one proposal
constexpr NumberRange kShare = {0, false, 1, true, "a share above 0 %, up to 100 %"};
constexpr NumberRange kAnyShare = {0, true, 1, true, "a share from 0 % to 100 %"};
constexpr NumberRange kPart = {0, false, 1, false, "a share between 0 % and 100 %"};
constexpr NumberRange kPartOrNone = {0, true, 1, false, "a share from 0 % to below 100 %"};
constexpr size_t kMaxWorkerWord = 64;
constexpr size_t kMaxTags = 32;
constexpr char kWorkerWord[] = "a name of at most 64 letters, digits, \"-\", \"_\" and \".\"";
constexpr NumberRange kEpochs = {0, false, 1e6, true, "a number of epochs above 0"};

// [channels, height, width], or fewer axes.
std::vector<int64_t> ReadShape(const MapReader& reader, absl::string_view key) {
  const Node* value = reader.Find(key);
  if (value == nullptr) return {};
  std::vector<int64_t> shape;
  bool good = value->IsList() && !value->items.empty() && value->items.size() <= 3;
  for (const Node& item : value->items) {
    const std::optional<int64_t> side = item.AsInteger();
    good = good && side && *side >= 1 && *side <= kMaxSide;
    shape.push_back(side.value_or(0));
  }
  if (good) return shape;
  reader.Wrong(key, *value, "a shape such as [1, 28, 28] (channels, height, width)");
  return {};
}

std::optional<Task> ReadTask(const Node& node, Diagnostics& diagnostics) {
  MapReader reader(node, "data.task", {"input", "classes"}, diagnostics);
  Task task;
  reader.Integer("classes", 2, kMaxClasses, task.classes);
  const std::vector<int64_t> shape = ReadShape(reader, "input");
  const bool whole = reader.Require("input", "write \"input: [1, 28, 28]\"") &&
                     reader.Require("classes", "write \"classes: 10\"");
  if (!whole || shape.empty() || task.classes == 0) return std::nullopt;
  task.input = {shape[0], {shape.begin() + 1, shape.end()}};
  return task;
}

void ReadPath(const MapReader& reader, absl::string_view key, absl::string_view folder,
              DataSpec& data, Diagnostics& diagnostics) {
  if (!reader.Require(key, absl::StrCat("write \"", key, ": PATH\""))) return;
  reader.Text(key, data.path);
  if (data.path.empty()) return;
  std::filesystem::path path(data.path);
  if (!data.root.empty()) {
    data.path = path.lexically_normal().string();
    if (path.is_absolute() || data.path == ".." || absl::StartsWith(data.path, "../")) {
      diagnostics.Error(
          reader.Find(key)->mark,
          absl::StrCat(reader.PathOf(key), " must lie below the root: a relative path"),
          "leave out \"root\" for a path of this machine");
    }
    return;
  }
  if (path.is_relative() && folder.empty()) {
    diagnostics.Error(reader.Find(key)->mark,
                      absl::StrCat(reader.PathOf(key), " must be an absolute path here"));
    return;
  }
  if (path.is_relative()) path = std::filesystem::path(std::string(folder)) / path;
  std::error_code ignored;  // without a working directory the path stays relative
  const std::filesystem::path absolute = std::filesystem::absolute(path, ignored);
  data.path = (ignored ? path : absolute).lexically_normal().string();
}

struct FormatRow {
  const char* name;
  DataSpec::Format format;
  const char* path_key;
  bool splits;  // a test set can be split off
  std::vector<std::string> keys;
};

const std::vector<FormatRow>& Formats() {
  static const auto* const formats = new std::vector<FormatRow>{
      {"idx", DataSpec::Format::kIdx, "folder", false, {"folder"}},
      {"cifar10", DataSpec::Format::kCifar10, "folder", false, {"folder"}},
      {"csv", DataSpec::Format::kCsv, "file", true, {"file", "label", "shape"}},
      {"images", DataSpec::Format::kImages, "folder", true, {"folder", "shape"}},
      {"table", DataSpec::Format::kTable, "file", false, {"file"}}};
  return *formats;
}

void ReadFormat(const FormatRow& row, const Node& node, absl::string_view folder, DataSpec& data,
                Diagnostics& diagnostics) {
  const MapReader reader(node, absl::StrCat("data.", row.name), row.keys, diagnostics);
  data.format = row.format;
  if (node.IsMap() || node.IsNull()) ReadPath(reader, row.path_key, folder, data, diagnostics);
  if (row.format == DataSpec::Format::kCsv) {
    data.label = "label";
    reader.Text("label", data.label);
  }
  data.shape = ReadShape(reader, "shape");
}

// "5 min", "90 s", "1.5 days", "1h30m".
std::optional<absl::Duration> ReadDuration(absl::string_view text) {
  static const auto* const seconds = new std::map<std::string, double>{
      {"s", 1},        {"sec", 1},     {"second", 1},   {"seconds", 1}, {"m", 60},
      {"min", 60},     {"minute", 60}, {"minutes", 60}, {"h", 3600},    {"hour", 3600},
      {"hours", 3600}, {"d", 86400},   {"day", 86400},  {"days", 86400}};
  const size_t split = std::min(text.find_first_not_of("0123456789."), text.size());
  const auto unit = seconds->find(std::string(absl::StripAsciiWhitespace(text.substr(split))));
  double count;
  if (unit != seconds->end() && absl::SimpleAtod(text.substr(0, split), &count)) {
    return absl::Seconds(count * unit->second);
  }
  absl::Duration duration;
  if (!absl::ParseDuration(text, &duration)) return std::nullopt;
  return duration;
}

}  // namespace

bool IsWorkerWord(absl::string_view word) {
  if (word.empty() || word.size() > kMaxWorkerWord || !absl::ascii_isalnum(word[0])) return false;
  return std::all_of(word.begin(), word.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
  });
}

const Node& Section(const Node& file, absl::string_view name) {
  static const Node* const nothing = new Node();
  const Node* section = file.Find(name);
  return section == nullptr ? *nothing : *section;
}

DataSpec ReadData(const Node& node, absl::string_view folder, Diagnostics& diagnostics) {
  std::vector<std::string> keys;
  for (const FormatRow& row : Formats()) keys.push_back(row.name);
  for (const char* key : {"root", "validation", "test", "task", "sha256"}) keys.push_back(key);
  const MapReader reader(node, "data", keys, diagnostics);
  DataSpec data;
  reader.Text("root", data.root);
  if (!data.root.empty() && !IsWorkerWord(data.root)) {
    reader.Wrong("root", *reader.Find("root"), kWorkerWord);
  }
  const FormatRow* found = nullptr;
  for (const FormatRow& row : Formats()) {
    const Node* const value = reader.Find(row.name);
    if (value == nullptr) continue;
    if (found != nullptr) {
      diagnostics.Error(reader.KeyMark(row.name),
                        absl::StrCat("data is ", found->name, " already, not ", row.name, " too"),
                        "keep one");
      continue;
    }
    found = &row;
    ReadFormat(row, *value, folder, data, diagnostics);
  }
  if (found == nullptr && node.IsMap()) {
    diagnostics.Error(node.mark, "data does not say which: idx, cifar10, csv or images",
                      "write \"idx: {folder: PATH}\"");
  }
  reader.Number("validation", kPart, data.validation);
  reader.Number("test", kPartOrNone, data.test);
  if (data.test > 0 && found != nullptr && !found->splits) {
    diagnostics.Error(reader.KeyMark("test"),
                      absl::StrCat(found->name, " data have a test set of their own"),
                      "remove \"test\"");
  }
  if (const Node* const task = reader.Find("task")) data.task = ReadTask(*task, diagnostics);
  reader.Text("sha256", data.sha256);
  return data;
}

EstimatorSpec ReadEstimator(const Node& node, Diagnostics& diagnostics) {
  EstimatorSpec estimator;
  if (node.IsNull() || (node.IsScalar() && node.scalar == "train")) return estimator;
  const Node* const table = node.Find("table");
  if (table != nullptr || (node.IsScalar() && node.scalar == "table")) {
    if (table != nullptr) const MapReader outer(node, "estimator", {"table"}, diagnostics);
    estimator.evaluator = "table";
    estimator.table = table == nullptr ? TableSpec() : ReadTable(*table, diagnostics);
    return estimator;
  }
  const Node* const train = node.Find("train");
  if (train != nullptr) const MapReader outer(node, "estimator", {"train"}, diagnostics);
  const MapReader reader =
      train != nullptr
          ? MapReader(*train, "estimator.train", {"evaluator", "share"}, diagnostics)
          : MapReader(node, "estimator", {"train", "table", "evaluator", "share"}, diagnostics);
  reader.Text("evaluator", estimator.evaluator);
  reader.Number("share", kShare, estimator.share);
  return estimator;
}

StrategySpec ReadStrategy(const Node& node, Diagnostics& diagnostics) {
  StrategySpec strategy;
  if (node.IsNull()) return strategy;
  const std::optional<Variant> variant =
      ReadVariant(node, "strategy",
                  {"auto", "random", "exhaustive", "local_search", "regularized_evolution", "nsga2",
                   "tpe", "gp", "ensemble", "reinforce", "listed"},
                  diagnostics);
  if (!variant) return strategy;
  strategy.name = variant->word;
  static const Node* const nothing = new Node();
  const Node& value = variant->value == nullptr ? *nothing : *variant->value;
  const std::string path = absl::StrCat("strategy.", strategy.name);
  if (strategy.name == "regularized_evolution") {
    const MapReader reader(value, path, {"population", "sample", "crossover"}, diagnostics);
    reader.Integer("population", 2, kMaxTrials, strategy.population);
    reader.Integer("sample", 1, kMaxTrials, strategy.sample);
    reader.Number("crossover", kAnyShare, strategy.crossover);
    if (strategy.sample > strategy.population) {
      const Node* const sample = reader.Find("sample");
      diagnostics.Error(sample == nullptr ? reader.KeyMark("population") : sample->mark,
                        absl::StrCat("a sample of ", strategy.sample,
                                     " is larger than the population of ", strategy.population),
                        absl::StrCat("write \"sample: ", strategy.population, "\" or less"));
    }
  } else if (strategy.name == "nsga2") {
    const MapReader reader(value, path, {"population", "mutation"}, diagnostics);
    strategy.population = kNsga2Population;
    reader.Integer("population", 2, kMaxMembers, strategy.population);
    reader.Number("mutation", kAnyShare, strategy.mutation);
  } else if (strategy.name == "tpe") {
    const MapReader reader(value, path, {"startup", "candidates", "good"}, diagnostics);
    reader.Integer("startup", 0, kMaxTrials, strategy.startup);
    reader.Integer("candidates", 1, kMaxCandidates, strategy.candidates);
    reader.Number("good", kPart, strategy.good);
  } else if (strategy.name == "gp") {
    const MapReader reader(value, path, {"startup", "kernel"}, diagnostics);
    reader.Integer("startup", 0, kMaxTrials, strategy.startup);
    reader.Word("kernel", {"auto", "hamming", "paths", "weisfeiler_lehman"}, strategy.kernel);
  } else if (strategy.name == "ensemble") {
    const MapReader reader(value, path, {"startup"}, diagnostics);
    reader.Integer("startup", 0, kMaxTrials, strategy.startup);
  } else if (strategy.name == "reinforce") {
    const MapReader reader(value, path, {"controller", "units", "rate", "entropy"}, diagnostics);
    reader.Word("controller", {"logits", "lstm"}, strategy.controller);
    reader.Integer("units", 1, kMaxUnits, strategy.units);
    strategy.rate = strategy.controller == "lstm" ? 3.5e-4 : 0.1;
    reader.Number("rate", {0, false, 1, true, "a step above 0, up to 1"}, strategy.rate);
    reader.Number("entropy", {0, true, 10, true, "a weight from 0 to 10"}, strategy.entropy);
  } else if (strategy.name == "listed") {
    const MapReader reader(value, path, {"architectures"}, diagnostics);
    const Node* const list = reader.Find("architectures");
    if (list == nullptr || !list->IsList() || list->items.empty()) {
      diagnostics.Error(list == nullptr ? variant->mark : list->mark,
                        "strategy.listed needs a list of architectures",
                        "write \"architectures: [{DECISION: VALUE, …}]\"");
      return strategy;
    }
    for (const Node& item : list->items) strategy.architectures.push_back(ToJson(item));
  } else {
    const MapReader reader(value, path, {}, diagnostics);
  }
  return strategy;
}

WorkersSpec ReadWorkers(const Node& node, Diagnostics& diagnostics) {
  const MapReader reader(node, "workers", {"tags"}, diagnostics);
  WorkersSpec workers;
  const Node* const tags = reader.Find("tags");
  if (tags == nullptr) return workers;
  bool good = tags->IsList() && tags->items.size() <= kMaxTags;
  for (const Node& tag : tags->items) {
    good = good && tag.IsScalar() && IsWorkerWord(tag.scalar);
    workers.tags.push_back(tag.scalar);
  }
  if (!good) reader.Wrong("tags", *tags, "a list of tags such as [gpu, a100]");
  return workers;
}

Budget ReadBudget(const Node& node, Diagnostics& diagnostics) {
  const MapReader reader(node, "budget", {"trials", "time", "failures"}, diagnostics);
  Budget budget;
  reader.Integer("trials", 1, kMaxTrials, budget.trials);
  reader.Integer("failures", 1, kMaxTrials, budget.failures);
  const Node* const time = reader.Find("time");
  if (time == nullptr) return budget;
  const std::optional<absl::Duration> duration =
      time->IsScalar() ? ReadDuration(time->scalar) : std::nullopt;
  if (duration && *duration > absl::ZeroDuration()) {
    budget.time = *duration;
  } else {
    reader.Wrong("time", *time, "a time with its unit, such as \"5 min\"",
                 time->AsInteger() ? absl::StrCat("write \"", time->scalar, " min\"") : "");
  }
  return budget;
}

std::optional<FinishSpec> ReadFinish(const Node& node, Diagnostics& diagnostics) {
  if (node.IsNull()) return std::nullopt;
  const MapReader reader(node, "finish", {"retrain", "epochs", "share"}, diagnostics);
  FinishSpec finish;
  const Node* const retrain = reader.Find("retrain");
  if (retrain != nullptr && retrain->scalar != "best") {
    reader.Wrong("retrain", *retrain, "best", "write \"retrain: best\"");
  }
  reader.Require("epochs", "write \"epochs: 10\"");
  reader.Number("epochs", kEpochs, finish.epochs);
  reader.Number("share", kShare, finish.share);
  return finish;
}

}  // namespace cambrian
