// A YAML file as a tree that remembers where everything stands.
//
// The seam to yaml-cpp, which throws, lets duplicate keys pass and expands aliases without bound:
// none of that leaves this file.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/spec/diagnostics.h"
#include "nlohmann/json.hpp"

namespace cambrian {

// One value of the file. Plain data; children are owned.
struct Node {
  enum class Kind { kNull, kScalar, kList, kMap };
  struct Entry;

  Kind kind = Kind::kNull;
  Mark mark;
  std::string scalar;   // as written, quotes removed
  bool quoted = false;  // "1" is text, 1 is a number
  std::vector<Node> items;
  std::vector<Entry> entries;  // in the file's order; keys are distinct

  bool IsNull() const { return kind == Kind::kNull; }
  bool IsScalar() const { return kind == Kind::kScalar; }
  bool IsList() const { return kind == Kind::kList; }
  bool IsMap() const { return kind == Kind::kMap; }
  // The value of `key` in a map, or null.
  const Node* Find(absl::string_view key) const;
  Node* Find(absl::string_view key);
  // Puts `value` under `key` of a map: in place of what stands there, else at the end.
  void Set(absl::string_view key, Node value);
  // Removes `key` from a map if it is there.
  void Remove(absl::string_view key);
  // A plain scalar as a number ("1e-3", "20 %" = 0.2), integer ("128"; not "1.0") or truth ("true",
  // "false").
  std::optional<double> AsNumber() const;
  std::optional<int64_t> AsInteger() const;
  std::optional<bool> AsBool() const;
  // "a map", "a list", "the number 3", "the text \"x\"": for error messages.
  std::string Describe() const;
};

struct Node::Entry {
  std::string key;
  Mark key_mark;
  Node value;
};

// Reads `text`. Errors in `diagnostics`, after which the result may be partial: more than 4 MiB,
// other text than UTF-8, control characters, syntax errors, tags, duplicate keys, merge keys, keys
// that are no scalars, more than one document, more than 200,000 values after aliases are expanded,
// nesting past 64, and an expression that a comma in braces cuts in two. Never throws.
Node ParseYaml(absl::string_view text, Diagnostics& diagnostics);

// The tree as YAML again, for files that are written by the program (a space inlined, a study
// continued).
std::string ToYaml(const Node& node);

// Plain scalars that look like a number or a truth become one ("20 %" 0.2), all others text.
nlohmann::ordered_json ToJson(const Node& node);
// Texts that could be taken for something else are quoted. Places are unknown (line 0).
Node NodeFromJson(const nlohmann::ordered_json& json);

}  // namespace cambrian
