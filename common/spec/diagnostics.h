// What is wrong in a user's file: where, what, and what to write instead.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/base/nearest.h"

namespace cambrian {

// A place in a file; line and column count from 1, 0 = the whole file.
struct Mark {
  int line = 0;
  int column = 0;
  int length = 1;  // characters to underline

  bool operator==(const Mark&) const = default;
};

struct Diagnostic {
  enum class Severity { kError, kWarning };
  Severity severity = Severity::kError;
  std::string file;
  Mark mark;
  std::string message;
  std::string suggestion;  // "did you mean \"objectives\"?"; may be empty
  std::string quote;       // the offending line, cut around the place if it is long
  int caret = 0;           // where the place is in `quote`, from 0
};

// Collects what is wrong, so that a user sees all of it at once. Not thread-safe.
class Diagnostics {
 public:
  // `text` is the file's content, from which the offending line is quoted.
  Diagnostics(std::string file, std::string text);

  void Error(Mark mark, absl::string_view message, absl::string_view suggestion = {});
  void Warning(Mark mark, absl::string_view message, absl::string_view suggestion = {});
  // Adds the findings about another file (a space beside the study).
  void Append(const Diagnostics& other);

  const std::string& file() const { return file_; }
  bool ok() const { return errors_ == 0; }
  int errors() const { return errors_; }
  // In the order found, each once; past 100 findings, errors are only counted.
  const std::vector<Diagnostic>& all() const { return all_; }

  // Every finding, by place (this file first): "error: FILE:LINE:COLUMN: message", the line, carets
  // with the suggestion.
  std::string Render() const;
  // OK, or kInvalidArgument with Render() as its message.
  absl::Status ToStatus() const;

 private:
  void Add(Diagnostic diagnostic);
  int ShownErrors() const;
  Diagnostic Make(Mark mark, absl::string_view message, absl::string_view suggestion) const;

  const std::string file_;
  const std::string text_;
  std::vector<Diagnostic> all_;
  int errors_ = 0;
};

}  // namespace cambrian
