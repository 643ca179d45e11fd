#include "client/explain/levels.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace cambrian {
namespace {

std::string NumberText(double value) { return absl::StrFormat("%.3g", value); }

}  // namespace

Levels::Levels(const Decision& decision, int most) {
  categorical_ = decision.kind == Decision::Kind::kCategorical;
  ordered_ = !categorical_ || decision.ordered;
  if (categorical_) {
    ReadOptions(decision, most);
  } else {
    ReadRange(decision, most);
  }
  MakeItems(decision);
}

void Levels::ReadOptions(const Decision& decision, int most) {
  const size_t n = decision.options.size();
  const size_t levels = ordered_ ? std::min(n, static_cast<size_t>(most)) : n;
  width_ = static_cast<double>(n) / static_cast<double>(levels);
  shares_.assign(levels, 0);
  labels_.resize(levels);
  std::vector<size_t> last(levels);
  for (size_t option = 0; option < n; ++option) {
    const auto level = static_cast<size_t>(Of(static_cast<double>(option)));
    shares_[level] += 1 / static_cast<double>(n);
    if (labels_[level].empty()) labels_[level] = decision.options[option];
    last[level] = option;
  }
  for (size_t level = 0; level < levels; ++level) {
    const std::string& end = decision.options[last[level]];
    if (labels_[level] != end) absl::StrAppend(&labels_[level], " … ", end);
  }
}

void Levels::ReadRange(const Decision& decision, int most) {
  log_ = decision.log_scale && decision.low > 0;
  const bool integer = decision.kind == Decision::Kind::kInteger;
  const double step = decision.step > 0 ? decision.step : 1;
  const double count = integer ? std::floor((decision.high - decision.low) / step + 1e-9) + 1 : 0;
  if (integer && count <= most) {
    log_ = false;
    low_ = decision.low;
    width_ = step;
    for (int level = 0; level < static_cast<int>(count); ++level) {
      shares_.push_back(1 / count);
      labels_.push_back(absl::StrCat(decision.low + level * step));
    }
    return;
  }
  low_ = log_ ? std::log(decision.low) : decision.low;
  const double high = log_ ? std::log(decision.high) : decision.high;
  const int levels = high > low_ ? most : 1;
  width_ = high > low_ ? (high - low_) / levels : 1;
  for (int level = 0; level < levels; ++level) {
    const auto edge = [&](int at) {
      const double value = at == levels ? high : low_ + at * width_;
      return log_ ? std::exp(value) : value;
    };
    shares_.push_back(1.0 / levels);
    labels_.push_back(absl::StrCat(NumberText(edge(level)), " … ", NumberText(edge(level + 1))));
  }
}

void Levels::MakeItems(const Decision& decision) {
  if (!decision.is_set) {
    for (int level = 0; level < size(); ++level) {
      items_.push_back({label(level), std::vector<bool>(shares_.size())});
      items_.back().levels[static_cast<size_t>(level)] = true;
    }
    return;
  }
  std::map<std::string, size_t> places;
  for (size_t level = 0; level < shares_.size(); ++level) {
    for (const auto member : absl::StrSplit(labels_[level], '+')) {
      const auto [it, fresh] = places.try_emplace(std::string(member), items_.size());
      if (fresh) {
        items_.push_back({absl::StrCat("from ", it->first), std::vector<bool>(shares_.size())});
      }
      items_[it->second].levels[level] = true;
    }
  }
}

bool Levels::either_or() const {
  if (items_.size() != 2) return false;
  for (size_t level = 0; level < shares_.size(); ++level) {
    if (items_[0].levels[level] == items_[1].levels[level]) return false;
  }
  return true;
}

int Levels::Of(double value) const {
  const double place =
      categorical_ ? value / width_ : ((log_ ? std::log(value) : value) - low_) / width_;
  // An integer's value lies in the middle of its level, a boundary belongs to the upper one.
  const int level = static_cast<int>(std::floor(place + 1e-9));
  return std::clamp(level, 0, size() - 1);
}

std::vector<Levels> LevelsOf(const std::vector<Decision>& decisions, int most) {
  std::vector<Levels> levels;
  for (const Decision& decision : decisions) levels.emplace_back(decision, most);
  return levels;
}

}  // namespace cambrian
