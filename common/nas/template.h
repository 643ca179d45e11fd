// A search space's network after compiling: a tree in which every name is resolved and every hole
// is a decision.
//
// Made by `common/spec/space_compiler.h`, read by `lowering.h`. Immutable plain data. Slots number
// what a chain can refer to: first its inputs, then its steps.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/nas/expression.h"

namespace cambrian {

struct Word;
struct Template;
using TemplatePtr = std::shared_ptr<const Template>;

// Where something stands in the space's file, for messages; 0 = unknown.
struct TemplateMark {
  int line = 0;
  int column = 0;
};

// A possible source of a step.
struct Link {
  static constexpr int kPrevious = -1;  // what comes in along the chain
  int slot = kPrevious;
  TemplatePtr edge;     // the operation on the link; null: none
  std::string segment;  // of the edge's place: "edge_0_3", "merge.edge_a"
  std::string name;     // for messages
};

// What must hold of the links and nodes that are alive.
struct LivenessRequirement {
  ExpressionPtr condition;
  std::string text;
  TemplateMark mark;
};

struct Step {
  std::string segment;       // of the body's place; empty: the only step of a definition
  std::string join_segment;  // of the join's place
  TemplatePtr body;
  ExpressionPtr when;  // null: always there
  bool fresh = false;  // a named block: the memory of two-input cells starts anew in it

  // Without links the step takes what comes in along the chain.
  std::vector<Link> links;
  int from_decision = -1;                // a categorical one, or -1: all links
  std::vector<std::vector<int>> chosen;  // by its option: indices into `links`
  bool unused = false;                   // only links to steps that no other step reads
  ExpressionPtr join;                    // "sum", "mean", "product", "concat" or "none"

  // In a graph: what counts for $nodes, and what `fit` meets as `prepare`.
  bool node = false;
  bool prepare = false;
  TemplateMark mark;
};

struct Template {
  enum class Kind { kWord, kChain, kResidual, kChoice };
  Kind kind = Kind::kChain;
  int inputs = 1;
  TemplateMark mark;
  std::vector<LivenessRequirement> requirements;

  // kWord
  const Word* word = nullptr;
  std::vector<std::pair<int, ExpressionPtr>> arguments;  // by index into word->arguments

  // kChain: its last step's value leaves. `graph`: links are counted for $edges.
  std::vector<Step> steps;
  bool graph = false;

  // kResidual: steps[0].body is the body; what the shortcut and the join are.
  TemplatePtr body;
  TemplatePtr shortcut;  // null: the input itself
  ExpressionPtr join;

  // kChoice
  int decision = -1;
  std::vector<std::pair<std::string, TemplatePtr>> options;  // label, body
};

}  // namespace cambrian
