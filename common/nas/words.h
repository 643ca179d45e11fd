// The operations that a space may name, with their arguments, and how each is lowered to
// primitives.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/nas/expression.h"
#include "common/nas/network.h"
#include "common/nas/shape.h"

namespace cambrian {

// A value in a network that is being lowered: the operation that gives it, or kNothing: what `none`
// leaves.
using Value = int;
inline constexpr Value kNothing = -1;

// What a `fit` must meet where it stands.
struct FitTarget {
  std::optional<int64_t> channels;
  std::optional<std::vector<int64_t>> axes;
};

struct WordArgument {
  enum class Type {
    kCount,     // integer ≥ 1
    kNatural,   // integer ≥ 0
    kPositive,  // number > 0
    kFraction,  // real in [0, 1]
    kBool,
    kText,
  };
  absl::string_view name;
  Type type;
  bool required = false;
};

class WordContext;

struct Word {
  absl::string_view name;
  std::vector<WordArgument> arguments;
  absl::StatusOr<Value> (*lower)(WordContext& context, Value input);

  // Index into `arguments`, or -1.
  int FindArgument(absl::string_view argument) const;
};

// Null if there is none of that name.
const Word* FindWord(absl::string_view name);
std::vector<std::string> WordNames();
// Names that the language keeps for operations and constructs that are not built yet; the second
// says what it will be.
bool IsReservedWord(absl::string_view name);

// \error kInvalidArgument in words ("must be an integer of at least 1, not 0.5") if `value` cannot
// stand there.
absl::Status CheckArgument(const WordArgument& argument, const Scalar& value);

// Where operations are added. Implemented by the lowering.
class WordSink {
 public:
  virtual ~WordSink() = default;
  // `suffix` is appended to the place of the word if it is not empty. \error what OutputShape says.
  virtual absl::StatusOr<Value> Add(OperationKind kind, OperationArguments arguments,
                                    absl::Span<const Value> inputs, absl::string_view suffix) = 0;
  virtual const Shape& ShapeOf(Value value) const = 0;
  virtual const Shape& input_shape() const = 0;  // of the network
  virtual int64_t classes() const = 0;
};

// One word at one place: its evaluated arguments, and how to add what it stands for.
class WordContext {
 public:
  WordContext(WordSink& sink, const Word& word, std::vector<std::optional<Scalar>> arguments,
              const FitTarget* target)
      : sink_(sink), word_(word), arguments_(std::move(arguments)), target_(target) {}

  // The argument or `otherwise`. The types were checked before.
  int64_t Int(absl::string_view name, int64_t otherwise) const;
  double Real(absl::string_view name, double otherwise) const;
  bool Bool(absl::string_view name, bool otherwise) const;
  std::string Text(absl::string_view name, absl::string_view otherwise) const;

  absl::StatusOr<Value> Add(OperationKind kind, const OperationArguments& arguments, Value input,
                            absl::string_view suffix = {}) {
    return sink_.Add(kind, arguments, {input}, suffix);
  }
  absl::StatusOr<Value> AddSum(Value a, Value b) {
    return sink_.Add(OperationKind::kSum, {}, {a, b}, "sum");
  }
  const Shape& ShapeOf(Value value) const { return sink_.ShapeOf(value); }
  const Shape& input_shape() const { return sink_.input_shape(); }
  int64_t classes() const { return sink_.classes(); }
  const FitTarget* target() const { return target_; }

 private:
  const std::optional<Scalar>& Find(absl::string_view name) const;

  WordSink& sink_;
  const Word& word_;
  const std::vector<std::optional<Scalar>> arguments_;
  const FitTarget* const target_;
};

}  // namespace cambrian
