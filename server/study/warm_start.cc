#include "server/study/warm_start.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "server/strategy/merit_order.h"
#include "server/study/examine.h"
#include "server/study/merit.h"

namespace cambrian {
namespace {

// A succeeded trial, and its result as either study sees it.
struct Row {
  int64_t number = 0;
  std::string architecture;
  Outcome here;
  Outcome there;
};

absl::StatusOr<std::vector<Row>> Succeeded(const StudySpec& here, const StudySpec& there,
                                           int64_t study, const Queries& queries) {
  std::vector<Row> rows;
  for (int64_t after = 0;;) {
    ASSIGN_OR_RETURN(const std::vector<TrialRecord> page, queries.TrialPage(study, after));
    if (page.empty()) return rows;
    after = page.back().number;
    for (const TrialRecord& trial : page) {
      if (trial.state != v1::TRIAL_SUCCEEDED) continue;
      rows.push_back({trial.number, trial.architecture, OutcomeOf(here, trial.metrics),
                      OutcomeOf(there, trial.metrics)});
    }
  }
}

// The feasible ones, best first; the older of two that are as good.
std::vector<const Row*> InOrder(const std::vector<Row>& rows) {
  const bool judged_here = std::any_of(rows.begin(), rows.end(),
                                       [](const Row& row) { return !row.here.values.empty(); });
  std::vector<const Row*> feasible;
  std::vector<const Outcome*> outcomes;
  for (const Row& row : rows) {
    const Outcome& outcome = judged_here ? row.here : row.there;
    if (outcome.values.empty() || !outcome.feasible) continue;
    feasible.push_back(&row);
    outcomes.push_back(&outcome);
  }
  const std::vector<Merit> merits = MeritsOf(outcomes);
  std::vector<size_t> order(feasible.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return Better(merits[a], merits[b]); });
  std::vector<const Row*> sorted;
  for (const size_t i : order) sorted.push_back(feasible[i]);
  return sorted;
}

// Takes the first of `rows` that can work in `study`, each work once.
absl::StatusOr<std::vector<WarmStartSpec::Entry>> Take(
    const std::vector<const Row*>& rows, const std::string& name,
    const std::shared_ptr<const StudySpec>& study) {
  const Examine examine = MakeExamine(study);
  const auto best = static_cast<size_t>(study->strategy.warm_start.best);
  std::vector<WarmStartSpec::Entry> entries;
  absl::flat_hash_set<std::string> keys;
  std::string problem;  // of the best one
  for (const Row* const row : rows) {
    if (entries.size() == best) break;
    const std::string trial = absl::StrCat(name, "/", row->number);
    const absl::StatusOr<Architecture> architecture =
        study->space->FromJson(nlohmann::json::parse(row->architecture, nullptr, false));
    const Candidate candidate = architecture.ok() ? examine(*architecture) : Candidate();
    if (!architecture.ok() || !candidate.obstacle.empty()) {
      if (problem.empty()) {
        problem = absl::StrCat(
            trial, ": ",
            architecture.ok() ? candidate.obstacle : std::string(architecture.status().message()));
      }
    } else if (keys.insert(candidate.evaluation_key).second) {
      entries.push_back({study->space->ToJson(*architecture), trial});
    }
  }
  if (!entries.empty()) return entries;
  return absl::FailedPreconditionError(
      rows.empty() ? absl::StrCat("no trial of ", name, " has succeeded and is feasible")
                   : absl::StrCat("no trial of ", name, " can be tried in this space; ", problem));
}

absl::StatusOr<std::shared_ptr<const StudySpec>> LookUp(
    const Scope& scope, const std::shared_ptr<const StudySpec>& study, const Queries& queries,
    const StudyReader& reader) {
  // Also who sees everything copies nothing from one tenant to another.
  const Scope own{scope.tenant, /*all=*/false};
  ASSIGN_OR_RETURN(const StudyRecord record, queries.Find(own, study->strategy.warm_start.study));
  ASSIGN_OR_RETURN(const std::string text, queries.StudyText(own, record.name));
  ASSIGN_OR_RETURN(const std::shared_ptr<const StudySpec> other, reader.parse(text));
  ASSIGN_OR_RETURN(const std::vector<Row> rows, Succeeded(*study, *other, record.id, queries));
  ASSIGN_OR_RETURN(const std::vector<WarmStartSpec::Entry> entries,
                   Take(InOrder(rows), record.name, study));
  return reader.parse(CompleteWarmStart(*study, entries));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const StudySpec>> LookUpWarmStart(
    const Scope& scope, std::shared_ptr<const StudySpec> study, const Queries& queries,
    const StudyReader& reader) {
  if (!study->strategy.warm_start.IsPending()) return study;
  absl::StatusOr<std::shared_ptr<const StudySpec>> whole = LookUp(scope, study, queries, reader);
  if (!whole.ok()) return Annotate(whole.status(), "warm_start.study");
  return whole;
}

}  // namespace cambrian
