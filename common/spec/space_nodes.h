// Small questions about the nodes of a space's file.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "common/nas/template.h"
#include "common/nas/words.h"
#include "common/spec/document.h"

namespace cambrian {

// Keys that stand beside the operation of a step.
inline const std::vector<std::string>& StepKeywords() {
  static const auto& keywords =
      *new std::vector<std::string>{"name", "from", "edge", "join", "when"};
  return keywords;
}
// Keys that make a body a definition.
inline const std::vector<std::string>& DefinitionKeywords() {
  static const auto& keywords =
      *new std::vector<std::string>{"parameters", "inputs", "cells", "require", "steps"};
  return keywords;
}
inline const std::vector<std::string>& Constructs() {
  static const auto& constructs =
      *new std::vector<std::string>{"choose", "repeat", "graph", "residual"};
  return constructs;
}

inline bool Contains(const std::vector<std::string>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

inline TemplateMark MarkOf(const Node& node) { return {node.mark.line, node.mark.column}; }

// A segment of a place must be a valid PyTorch name.
inline std::string Valid(const std::string& segment) {
  std::string valid = segment;
  for (char& c : valid) {
    if (!absl::ascii_isalnum(c)) c = '_';
  }
  return valid;
}

inline bool IsDefinition(const Node& node) {
  return node.IsMap() &&
         std::any_of(node.entries.begin(), node.entries.end(), [](const Node::Entry& entry) {
           return Contains(DefinitionKeywords(), entry.key);
         });
}

inline bool HasStepKeywords(const Node& node) {
  return node.IsMap() &&
         std::any_of(node.entries.begin(), node.entries.end(),
                     [](const Node::Entry& entry) { return Contains(StepKeywords(), entry.key); });
}

// What a reserved word will be.
inline const char* Awaited(const std::string& word) {
  return word == "inner" || word == "core" || word == "recurrent" || word == "repeats" ||
                 word == "widths"
             ? "a construct that is not built yet"
             : "an operation that is not built yet";
}

// What passes through unchanged.
inline TemplatePtr SkipTemplate() {
  auto skip = std::make_shared<Template>();
  skip->kind = Template::Kind::kWord;
  skip->word = FindWord("skip");
  return skip;
}

// Whether a hole stands anywhere in it.
inline bool HoldsHole(const Node& node) {
  if (node.IsMap() && (node.Find("choose") != nullptr || node.Find("range") != nullptr))
    return true;
  return std::any_of(node.items.begin(), node.items.end(), HoldsHole) ||
         std::any_of(node.entries.begin(), node.entries.end(),
                     [](const Node::Entry& entry) { return HoldsHole(entry.value); });
}

}  // namespace cambrian
