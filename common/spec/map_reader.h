// Reads one map of the study file: each value checked, every key that is not known refused.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/spec/diagnostics.h"
#include "common/spec/document.h"

namespace cambrian {

// A range of numbers, and how a person is told of it.
struct NumberRange {
  double low = 0;
  bool low_itself = true;  // low ≤ x rather than low < x
  double high = 0;
  bool high_itself = true;
  const char* words = "";  // "a share above 0 %, up to 100 %"

  bool Holds(double x) const {
    return (low_itself ? x >= low : x > low) && (high_itself ? x <= high : x < high);
  }
};

// Not thread-safe; keeps references to the node and the diagnostics.
class MapReader {
 public:
  // `path` names the map in messages: "budget"; empty for the file itself. A node that is nothing
  // counts as an empty map; one that is no map is an error, and then nothing is found in it.
  // Unknown keys become errors with a suggestion.
  MapReader(const Node& node, std::string path, const std::vector<std::string>& keys,
            Diagnostics& diagnostics);

  // The value of `key`, or null if it is left out.
  const Node* Find(absl::string_view key) const;
  // Where `key` stands, or the map if it does not.
  Mark KeyMark(absl::string_view key) const;
  std::string PathOf(absl::string_view key) const;

  // Each leaves its target alone if the key is left out or (with an error) wrong.
  void Number(absl::string_view key, const NumberRange& range, double& target) const;
  void Integer(absl::string_view key, int64_t low, int64_t high, int64_t& target) const;
  void Truth(absl::string_view key, bool& target) const;
  // One of `words`.
  void Word(absl::string_view key, const std::vector<std::string>& words,
            std::string& target) const;
  // A text that is not empty.
  void Text(absl::string_view key, std::string& target) const;

  // "budget.trials must be `expected`, not the text "many"", where the value stands.
  void Wrong(absl::string_view key, const Node& value, absl::string_view expected,
             absl::string_view suggestion = {}) const;
  // An error where the map stands if `key` is left out. Returns whether it is there.
  bool Require(absl::string_view key, absl::string_view suggestion) const;

 private:
  const Node& node_;
  const std::string path_;
  Diagnostics& diagnostics_;
};

// A value that is a word, or a map with that word as its only key: `random`, `{random: {}}`.
struct Variant {
  std::string word;
  Mark mark;                    // of the word
  const Node* value = nullptr;  // what it is given; null for a bare word
};
// Nothing, with an error, if the node is neither or the word is not one of `words`.
std::optional<Variant> ReadVariant(const Node& node, absl::string_view path,
                                   const std::vector<std::string>& words, Diagnostics& diagnostics);

}  // namespace cambrian
