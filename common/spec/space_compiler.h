// The structure of the space language: YAML → Template and its decisions.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/nas/template.h"
#include "common/nas/template_space.h"
#include "common/spec/document.h"
#include "common/spec/hole_registry.h"
#include "common/spec/value_compiler.h"

namespace cambrian {

// Walks a space once, with every option of every hole. Not thread-safe; for one walk.
class SpaceCompiler {
 public:
  // `space`: the map with `network`, already with its parameters set. `recipe` may be null.
  SpaceCompiler(const Node& space, const Node* recipe, HoleRegistry& registry, ErrorSink& errors,
                ErrorSink& recipe_errors);

  // Null after an error.
  TemplatePtr CompileNetwork();
  std::shared_ptr<const ValueTemplate> CompileRecipe();

 private:
  // Where a body is compiled.
  struct Context {
    const Scope* scope = nullptr;  // names that it sees
    HolePath path;                 // prefix of its decisions
    bool bound = false;  // the scope's own names are the arguments of the definition to come
    const Context* block = nullptr;  // the definition around it that has cells of its own
    const Node* cells = nullptr;     // those cells
  };
  // A step of the file, taken apart.
  struct StepNode {
    const Node* node = nullptr;
    std::string name;  // as written, or empty
    const Node* from = nullptr;
    const Node* edge = nullptr;
    const Node* join = nullptr;
    const Node* when = nullptr;
    std::string key;              // the operation, block or construct; empty for a list of steps
    const Node* value = nullptr;  // its arguments
  };
  // What a step may take its input from: names and slots, the newest last.
  struct Sources {
    std::vector<std::string> names;
    std::vector<int> slots;
  };
  using Names = std::vector<std::string>;

  // A body: an operation, a block, a construct, a list, or a definition with parameters, inputs,
  // cells or require. `inputs` are the names of what comes in. `as_step`: its name, from, edge,
  // join and when are taken care of.
  TemplatePtr CompileDefinition(const Node& node, const Context& context, const Names& inputs,
                                bool as_step = false);
  TemplatePtr CompileBody(const Node& node, const Context& context) {
    return CompileDefinition(node, context, {"input"});
  }
  TemplatePtr CompileContent(const Node& node, const Context& context, const Names& inputs);
  TemplatePtr CompileOperation(const StepNode& step, const Context& context, const Names& inputs);
  TemplatePtr CompileNamed(const std::string& name, const Node* arguments, const Node& place,
                           const Context& context);
  TemplatePtr CompileWord(const Word& word, const Node* arguments, const Node& place,
                          const Context& context);
  TemplatePtr CompileUse(const std::string& name, const Node& definition, bool cell,
                         const Node* arguments, const Node& place, const Context& context);
  bool BindArguments(const std::string& name, const Node& definition, const Node* arguments,
                     const Node& place, const Context& context, bool cell, Scope& scope);
  void BindParameters(const Node& parameters, const Context& context, const HolePath& path,
                      Scope& scope);
  TemplatePtr CompileChoice(const Node& hole, const Context& context);
  TemplatePtr CompileSelected(const Node& place,
                              const Context& context);  // `$act` where an operation stands

  // space_steps.cc: chains
  TemplatePtr CompileSteps(const std::vector<const Node*>& nodes, const Context& context,
                           const Names& inputs, const Node& whole);
  bool CompileStep(const StepNode& step, const Context& context, const Names& inputs,
                   const Sources& sources, bool whole, Step& out);
  bool CompileFrom(const Node* from, const Sources& sources, const HolePath& path, Step& step);
  bool CompileChosen(const Node& hole, const Sources& sources, const HolePath& path, Step& step);
  bool CompileEdges(const Node& edge, const Context& context, const HolePath& path,
                    const std::string& segment, Step& step);
  ExpressionPtr CompileJoin(const Node* node, const Context& context, const HolePath& path);
  std::vector<std::string> Segments(const std::vector<StepNode>& steps);

  // space_constructs.cc
  TemplatePtr CompileRepeat(const Node& node, const Context& context);
  TemplatePtr CompileRepetition(const Node& block, const Node* arguments, const Context& context,
                                bool& fresh);
  TemplatePtr CompileResidual(const Node& node, const Context& context);
  TemplatePtr CompileGraph(const Node& node, const Context& context, size_t inputs);
  bool CompileGraphNode(const Node& node, const Context& context, const Sources& sources,
                        const std::string& number, Step& step);
  Scope& NewScope(const Scope* outer);
  void BindConstant(Scope& scope, const std::string& name, Scalar value);
  void CompileRequire(const Node& node, const Context& context, Template& definition);

  StepNode TakeApart(const Node& node);
  const Node* FindDefinition(const std::string& name, const Context& context, bool& cell) const;
  bool IsNamed(const Node& block,
               const Context& context) const;  // a block or cell, perhaps with arguments
  std::string DefaultName(const StepNode& step, const Context& context) const;
  bool KnownKeys(const Node& node, const std::vector<std::string>& keys, const char* where);
  TemplatePtr Fail(Mark mark, const std::string& message, const std::string& suggestion = {});

  const Node& space_;
  const Node* const recipe_;
  HoleRegistry& registry_;
  ErrorSink& errors_;
  ErrorSink& recipe_errors_;
  ValueCompiler values_;
  Scope file_;
  std::vector<std::string> open_;  // blocks and cells being compiled, to find recursion
  std::vector<std::unique_ptr<Scope>> scopes_;  // kept as bindings point into them
  int64_t steps_ = 0;
  bool gave_up_ = false;
};

}  // namespace cambrian
