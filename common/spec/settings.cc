#include "common/spec/settings.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace cambrian {
namespace {

constexpr size_t kMaxSegments = 16;

void ForgetPlaces(Node& node) {
  node.mark = {};
  for (Node& item : node.items) ForgetPlaces(item);
  for (Node::Entry& entry : node.entries) {
    entry.key_mark = {};
    ForgetPlaces(entry.value);
  }
}

Node EmptyMap(Mark mark) {
  Node node;
  node.kind = Node::Kind::kMap;
  node.mark = mark;
  return node;
}

// A word that stands for a map becomes that map, so that `next` can be put into it.
void OpenWord(absl::string_view segment, absl::string_view next, Node& node) {
  if (node.IsNull()) node = EmptyMap(node.mark);
  if (!node.IsScalar()) return;
  Node word = std::move(node);
  node = EmptyMap(word.mark);
  if (segment == "space") {
    node.Set("use", std::move(word));
  } else if (word.scalar == next) {
    node.Set(next, EmptyMap(word.mark));
  } else {
    node = std::move(word);
  }
}

// The place that `segments` name, made where it is missing; null with the reason in `problem`.
Node* Reach(const std::vector<std::string>& segments, Node& file, std::string& problem) {
  Node* node = &file;
  for (size_t i = 0; i < segments.size(); ++i) {
    OpenWord(i == 0 ? "" : segments[i - 1], segments[i], *node);
    if (node->IsList()) {
      size_t index = 0;
      if (!absl::SimpleAtoi(segments[i], &index) || index >= node->items.size()) {
        problem = absl::StrCat("\"", segments[i], "\" is not one of the list's ",
                               node->items.size(), " items, which count from 0");
        return nullptr;
      }
      node = &node->items[index];
    } else if (node->IsMap()) {
      if (node->Find(segments[i]) == nullptr) node->Set(segments[i], Node());
      node = node->Find(segments[i]);
    } else {
      problem = absl::StrCat("there is no \"", segments[i], "\" in ", node->Describe());
      return nullptr;
    }
  }
  return node;
}

void ApplySetting(const std::string& setting, Node& file, Diagnostics& diagnostics) {
  const std::string name = absl::StrCat("--set ", setting);
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(setting, absl::MaxSplits('=', 1));
  const std::vector<std::string> segments = absl::StrSplit(parts.first, '.');
  bool good = setting.find('=') != std::string::npos && segments.size() <= kMaxSegments;
  for (const std::string& segment : segments) good = good && !segment.empty();
  if (!good) {
    diagnostics.Error({}, name, "write it as path=value, such as budget.trials=200");
    return;
  }
  Diagnostics of_value(name, parts.second);
  Node value = ParseYaml(parts.second, of_value);
  diagnostics.Append(of_value);
  if (!of_value.ok()) return;
  ForgetPlaces(value);
  std::string problem;
  Node* const place = Reach(segments, file, problem);
  if (place == nullptr) {
    diagnostics.Error({}, absl::StrCat(name, ": ", problem));
  } else {
    *place = std::move(value);
  }
}

}  // namespace

void ApplySettings(const std::vector<std::string>& settings, Node& file, Diagnostics& diagnostics) {
  for (const std::string& setting : settings) ApplySetting(setting, file, diagnostics);
}

}  // namespace cambrian
