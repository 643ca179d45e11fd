// Decisions as a handful of levels each: what trees split on and counts are taken of.
#pragma once

#include <string>
#include <vector>

#include "common/nas/architecture.h"

namespace cambrian {

// One decision. Options and few numbers are a level each, more numbers so many ranges of equal
// width (of their logarithm where so scaled). Immutable and thread-safe.
class Levels {
 public:
  // At most `most` ranges of numbers; options that are no numbers are all kept.
  Levels(const Decision& decision, int most);

  int size() const { return static_cast<int>(shares_.size()); }
  // Whether neighbouring levels resemble each other.
  bool ordered() const { return ordered_; }
  // Of an active decision's value.
  int Of(double value) const;
  // How much of the decision's range the level is, which is how often a random draw gives it. They
  // sum up to 1.
  const std::vector<double>& shares() const { return shares_; }
  // "conv3x3", "16", "0.01 … 0.1".
  const std::string& label(int level) const { return labels_[static_cast<size_t>(level)]; }

  // What can be preferred about the decision: its levels or, where it chooses sets, their members.
  // A level has several of those items.
  struct Item {
    std::string label;
    std::vector<bool> levels;  // that have it
  };
  const std::vector<Item>& items() const { return items_; }
  // Whether there are two items, and a level has either one or the other.
  bool either_or() const;

 private:
  void ReadOptions(const Decision& decision, int most);
  void ReadRange(const Decision& decision, int most);
  void MakeItems(const Decision& decision);

  bool ordered_ = false;
  bool categorical_ = false;
  bool log_ = false;
  double low_ = 0;
  double width_ = 1;  // of a level, on the scale
  std::vector<double> shares_;
  std::vector<std::string> labels_;
  std::vector<Item> items_;
};

std::vector<Levels> LevelsOf(const std::vector<Decision>& decisions, int most);

}  // namespace cambrian
