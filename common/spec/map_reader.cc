#include "common/spec/map_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace cambrian {
namespace {

bool Contains(const std::vector<std::string>& words, absl::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string Suggest(absl::string_view word, const std::vector<std::string>& known) {
  const std::string near = DidYouMean(word, known);
  return near.empty() && !known.empty() ? absl::StrCat("known here: ", absl::StrJoin(known, ", "))
                                        : near;
}

}  // namespace

MapReader::MapReader(const Node& node, std::string path, const std::vector<std::string>& keys,
                     Diagnostics& diagnostics)
    : node_(node), path_(std::move(path)), diagnostics_(diagnostics) {
  if (!node.IsMap() && !node.IsNull()) {
    diagnostics.Error(
        node.mark,
        absl::StrCat(path_.empty() ? "the file" : path_, " must be a map, not ", node.Describe()),
        keys.empty() ? "" : absl::StrCat("known here: ", absl::StrJoin(keys, ", ")));
  }
  for (const Node::Entry& entry : node.entries) {
    if (Contains(keys, entry.key)) continue;
    diagnostics.Error(
        entry.key_mark,
        absl::StrCat("unknown key \"", entry.key, "\"", path_.empty() ? "" : " in ", path_),
        Suggest(entry.key, keys));
  }
}

const Node* MapReader::Find(absl::string_view key) const { return node_.Find(key); }

Mark MapReader::KeyMark(absl::string_view key) const {
  for (const Node::Entry& entry : node_.entries) {
    if (entry.key == key) return entry.key_mark;
  }
  return node_.mark;
}

std::string MapReader::PathOf(absl::string_view key) const {
  return path_.empty() ? std::string(key) : absl::StrCat(path_, ".", key);
}

void MapReader::Number(absl::string_view key, const NumberRange& range, double& target) const {
  const Node* value = Find(key);
  if (value == nullptr) return;
  const std::optional<double> number = value->AsNumber();
  if (number && range.Holds(*number)) {
    target = *number;
  } else {
    Wrong(key, *value, range.words);
  }
}

void MapReader::Integer(absl::string_view key, int64_t low, int64_t high, int64_t& target) const {
  const Node* value = Find(key);
  if (value == nullptr) return;
  const std::optional<int64_t> number = value->AsInteger();
  if (number && *number >= low && *number <= high) {
    target = *number;
  } else {
    Wrong(key, *value, absl::StrFormat("a whole number from %d to %d", low, high));
  }
}

void MapReader::Truth(absl::string_view key, bool& target) const {
  const Node* value = Find(key);
  if (value == nullptr) return;
  if (const std::optional<bool> truth = value->AsBool()) {
    target = *truth;
  } else {
    Wrong(key, *value, "true or false");
  }
}

void MapReader::Word(absl::string_view key, const std::vector<std::string>& words,
                     std::string& target) const {
  const Node* value = Find(key);
  if (value == nullptr) return;
  if (value->IsScalar() && Contains(words, value->scalar)) {
    target = value->scalar;
  } else {
    Wrong(key, *value, absl::StrCat("one of ", absl::StrJoin(words, ", ")),
          value->IsScalar() ? DidYouMean(value->scalar, words) : "");
  }
}

void MapReader::Text(absl::string_view key, std::string& target) const {
  const Node* value = Find(key);
  if (value == nullptr) return;
  if (value->IsScalar() && !value->scalar.empty()) {
    target = value->scalar;
  } else {
    Wrong(key, *value, "a text");
  }
}

void MapReader::Wrong(absl::string_view key, const Node& value, absl::string_view expected,
                      absl::string_view suggestion) const {
  diagnostics_.Error(value.mark,
                     absl::StrCat(PathOf(key), " must be ", expected, ", not ", value.Describe()),
                     suggestion);
}

bool MapReader::Require(absl::string_view key, absl::string_view suggestion) const {
  if (Find(key) != nullptr) return true;
  if (node_.IsMap() || node_.IsNull()) {
    diagnostics_.Error(node_.mark, absl::StrCat(PathOf(key), " is missing"), suggestion);
  }
  return false;
}

std::optional<Variant> ReadVariant(const Node& node, absl::string_view path,
                                   const std::vector<std::string>& words,
                                   Diagnostics& diagnostics) {
  Variant variant;
  if (node.IsScalar()) {
    variant = {node.scalar, node.mark, nullptr};
  } else if (node.IsMap() && node.entries.size() == 1) {
    variant = {node.entries[0].key, node.entries[0].key_mark, &node.entries[0].value};
  } else {
    diagnostics.Error(node.mark,
                      absl::StrCat(path, " must be one of ", absl::StrJoin(words, ", "), ", not ",
                                   node.IsMap() ? "a map with several keys" : node.Describe()));
    return std::nullopt;
  }
  if (!Contains(words, variant.word)) {
    diagnostics.Error(variant.mark, absl::StrCat("unknown ", path, " \"", variant.word, "\""),
                      Suggest(variant.word, words));
    return std::nullopt;
  }
  return variant;
}

}  // namespace cambrian
