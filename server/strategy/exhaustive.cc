#include "server/strategy/exhaustive.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "common/base/status.h"
#include "common/nas/origin.h"
#include "common/nas/space_rules.h"
#include "server/strategy/snapshot.h"
#include "server/strategy/told_trial.h"

namespace cambrian {
namespace {

constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();

uint64_t Times(uint64_t a, uint64_t b) { return a > kNever / b ? kNever : a * b; }

// How far the values of a decision are shifted, by the digits before it.
class Shift {
 public:
  uint64_t Of(uint64_t count) const { return (hash_ >> 32) % count; }
  void Append(uint64_t digit) { hash_ = (hash_ ^ (digit + 1)) * 0x9e3779b97f4a7c15u; }

 private:
  uint64_t hash_ = 0;
};

class Exhaustive : public SearchStrategy {
 public:
  explicit Exhaustive(StrategyContext context) : context_(std::move(context)) {}

  AskAnswer Ask(int count, Random& random) const override;
  void Add(int64_t trial, const Architecture& architecture) override {
    const Place place = PlaceOf(architecture);
    Cover(place.number);
    covered_end_ = std::max(covered_end_, place.end);
  }
  void Tell(int64_t trial, const Outcome& outcome) override {}
  std::string Snapshot() const override;
  absl::Status Restore(absl::string_view snapshot) override;

 private:
  // The architecture of a number; nothing if it had its turn or breaks a requirement.
  std::optional<Architecture> At(uint64_t number) const;
  struct Place {
    uint64_t number = 0;  // kNever if it is too large to be reached
    uint64_t end = 1;     // how many numbers its digits tell apart
  };
  Place PlaceOf(const Architecture& architecture) const;
  void Cover(uint64_t number);
  // The first number from `number` on that no trial covers.
  uint64_t SkipCovered(uint64_t number) const;
  // What is new work, from the first number on; `later` gets those that break a constraint.
  void Scan(size_t count, std::vector<Candidate>& found, std::vector<Candidate>& later) const;

  const StrategyContext context_;
  // Numbers of trials: [first, end) by first, as few pieces as can be.
  std::map<uint64_t, uint64_t> covered_;
  uint64_t covered_end_ = 1;  // the largest Place::end of theirs

  // Both follow from the space and from what is known, which only grows.
  mutable uint64_t first_ = 0;  // nothing before it is new work
  // The largest Place::end that was met in numbers without a trial. From here and covered_end_ on
  // all numbers are repetitions: take the smallest one that is not. Without its last digit other
  // than 0 it is a smaller number, which was met, and whose end is beyond that digit.
  mutable uint64_t met_end_ = 1;
};

std::optional<Architecture> Exhaustive::At(uint64_t number) const {
  const SearchSpace& space = *context_.space;
  Architecture architecture;
  architecture.values.assign(space.decisions().size(), Architecture::kInactive);
  Shift shift;
  uint64_t place = 1;
  for (size_t d = 0; d < architecture.values.size(); ++d) {
    if (!space.Exists(d, architecture)) continue;
    const uint64_t count = space.Cardinality(d);
    const uint64_t digit = number % count;
    number /= count;
    place = Times(place, count);
    architecture.values[d] = ValueAt(space.decisions()[d], (digit + shift.Of(count)) % count);
    shift.Append(digit);
  }
  met_end_ = std::max(met_end_, place);
  if (number > 0 || !space.Validate(architecture).ok()) return std::nullopt;
  return architecture;
}

Exhaustive::Place Exhaustive::PlaceOf(const Architecture& architecture) const {
  const SearchSpace& space = *context_.space;
  Shift shift;
  Place place;
  for (size_t d = 0; d < architecture.values.size(); ++d) {
    if (!architecture.Has(d)) continue;
    const uint64_t count = space.Cardinality(d);
    const uint64_t index = IndexOf(space.decisions()[d], architecture.values[d]);
    const uint64_t digit = (index + count - shift.Of(count)) % count;
    const uint64_t part = digit == 0 ? 0 : Times(place.end, digit);
    place.number = part > kNever - place.number ? kNever : place.number + part;
    place.end = Times(place.end, count);
    shift.Append(digit);
  }
  return place;
}

void Exhaustive::Cover(uint64_t number) {
  if (number == kNever) return;
  auto next = covered_.upper_bound(number);
  if (next != covered_.begin()) {
    auto before = std::prev(next);
    if (number < before->second) return;
    if (number == before->second) {
      ++before->second;
      if (next != covered_.end() && next->first == before->second) {
        before->second = next->second;
        covered_.erase(next);
      }
      return;
    }
  }
  uint64_t end = number + 1;
  if (next != covered_.end() && next->first == end) {
    end = next->second;
    covered_.erase(next);
  }
  covered_[number] = end;
}

uint64_t Exhaustive::SkipCovered(uint64_t number) const {
  const auto next = covered_.upper_bound(number);
  if (next == covered_.begin()) return number;
  return std::max(number, std::prev(next)->second);
}

void Exhaustive::Scan(size_t count, std::vector<Candidate>& found,
                      std::vector<Candidate>& later) const {
  absl::flat_hash_set<std::string> proposed;
  for (uint64_t number = SkipCovered(first_);
       number < std::max(met_end_, covered_end_) && found.size() < count;
       number = SkipCovered(number + 1)) {
    bool open = false;
    if (std::optional<Architecture> architecture = At(number)) {
      Candidate candidate = context_.examine(*std::move(architecture));
      open = !context_.is_known(candidate.evaluation_key);
      if (open && proposed.insert(candidate.evaluation_key).second) {
        const bool wait = candidate.breaks_constraint && later.size() < kMaxRedraws;
        (wait ? later : found).push_back(std::move(candidate));
      }
    }
    // Nothing open lies before this number, and it is not open either.
    if (!open && found.empty() && later.empty()) first_ = number + 1;
  }
}

AskAnswer Exhaustive::Ask(int count, Random& random) const {
  std::vector<Candidate> found;
  std::vector<Candidate> later;
  if (count > 0) Scan(static_cast<size_t>(count), found, later);
  Origin origin;
  origin.source = Origin::Source::kEnumerated;
  AskAnswer answer;
  for (std::vector<Candidate>* const some : {&found, &later}) {
    for (Candidate& candidate : *some) {
      if (static_cast<int>(answer.proposals.size()) == count) break;
      answer.proposals.push_back({std::move(candidate), origin.ToString()});
    }
  }
  if (static_cast<int>(answer.proposals.size()) < count) answer.state = AskState::kExhausted;
  return answer;
}

std::string Exhaustive::Snapshot() const {
  nlohmann::json covered = nlohmann::json::array();
  for (const auto& [first, end] : covered_) covered.push_back({first, end});
  return nlohmann::json{{"covered", std::move(covered)}, {"end", covered_end_}}.dump();
}

absl::Status Exhaustive::Restore(absl::string_view snapshot) {
  ASSIGN_OR_RETURN(const nlohmann::json json, ParseSnapshot(snapshot));
  ASSIGN_OR_RETURN(const nlohmann::json* const list, ListAt(json, "covered"));
  if (!json.contains("end") || !json["end"].is_number_unsigned()) {
    return absl::InvalidArgumentError("the snapshot has no \"end\"");
  }
  std::map<uint64_t, uint64_t> covered;
  uint64_t last = 0;
  for (const nlohmann::json& piece : *list) {
    const bool pair = piece.is_array() && piece.size() == 2 && piece[0].is_number_unsigned() &&
                      piece[1].is_number_unsigned();
    if (!pair || piece[0].get<uint64_t>() < last ||
        piece[1].get<uint64_t>() <= piece[0].get<uint64_t>()) {
      return absl::InvalidArgumentError("what the snapshot covers is broken");
    }
    last = piece[1].get<uint64_t>();
    covered[piece[0].get<uint64_t>()] = last;
  }
  covered_ = std::move(covered);
  covered_end_ = json["end"].get<uint64_t>();
  first_ = 0;
  met_end_ = 1;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<SearchStrategy>> NewExhaustive(const StrategySpec& spec,
                                                              StrategyContext context) {
  for (const Decision& decision : context.space->decisions()) {
    if (decision.kind != Decision::Kind::kReal) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "exhaustive: \"", decision.name,
        "\" is real-valued, so the space has no end; write \"choose\" instead of \"range\", or "
        "take another strategy"));
  }
  return std::make_unique<Exhaustive>(std::move(context));
}

}  // namespace cambrian
