#include "server/study/queries.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "common/base/nearest.h"
#include "common/base/status.h"
#include "common/wire/convert.h"
#include "server/study/messages.h"

namespace cambrian {
namespace {

constexpr int64_t kDefaultPage = 500;
constexpr int64_t kMaxPage = 1000;  // with the largest trials still below gRPC's 4 MiB
constexpr int64_t kEventPage = 200;

int64_t PageSize(int32_t asked) {
  return asked <= 0 ? kDefaultPage : std::min<int64_t>(asked, kMaxPage);
}

// A page token is the last number (or id) of the page before; empty: from the start.
absl::StatusOr<int64_t> ParsePageToken(absl::string_view token) {
  int64_t after = 0;
  if (!token.empty() && (!absl::SimpleAtoi(token, &after) || after < 0)) {
    return absl::InvalidArgumentError("the page token is not one of this server's");
  }
  return after;
}

bool IsOpen(const StudyRecord& record) {
  return record.state == v1::ACTIVE || record.state == v1::PAUSED;
}

void AddAttempt(const AttemptRecord& record, v1::Trial& trial) {
  v1::Attempt& attempt = *trial.add_history();
  attempt.set_token(record.token);
  attempt.set_worker(record.worker);
  attempt.set_measures(record.measures);
  *attempt.mutable_started() = ToProto(record.started);
  *attempt.mutable_ended() = ToProto(record.ended);
  attempt.set_end(record.end);
  attempt.set_reason(record.reason);
  attempt.set_seconds(record.seconds);
}

}  // namespace

absl::StatusOr<std::string> Queries::Resolve(const Scope& scope, absl::string_view name) const {
  ASSIGN_OR_RETURN(const std::vector<StudyRecord> records, store_.Studies());
  std::vector<std::string> names;
  std::vector<std::string> matches;
  for (const StudyRecord& record : records) {
    if (!scope.Sees(record.tenant)) continue;
    if (record.name == name) return record.name;
    names.push_back(record.name);
    if (!name.empty() && absl::StartsWith(record.name, name)) matches.push_back(record.name);
  }
  if (matches.size() == 1) return matches[0];
  if (matches.size() > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", name, "\" may be ", absl::StrJoin(matches, ", ")));
  }
  const std::string suggestion = DidYouMean(name, names);
  return absl::NotFoundError(
      absl::StrCat("no study \"", name, "\"", suggestion.empty() ? "" : "; ", suggestion));
}

absl::StatusOr<StudyRecord> Queries::Find(const Scope& scope, absl::string_view name) const {
  ASSIGN_OR_RETURN(const std::string whole, Resolve(scope, name));
  return store_.Study(whole);
}

absl::StatusOr<int64_t> Queries::StudyId(absl::string_view study) const {
  ASSIGN_OR_RETURN(const StudyRecord record, store_.Study(study));
  return record.id;
}

absl::StatusOr<v1::Study> Queries::GetStudy(const Scope& scope, absl::string_view name,
                                            bool with_text) const {
  ASSIGN_OR_RETURN(StudyRecord record, Find(scope, name));
  if (with_text) {
    ASSIGN_OR_RETURN(record.text, store_.StudyText(record.id));
  }
  return ToMessage(record);
}

absl::StatusOr<std::string> Queries::StudyText(const Scope& scope, absl::string_view name) const {
  ASSIGN_OR_RETURN(const StudyRecord record, Find(scope, name));
  return store_.StudyText(record.id);
}

absl::StatusOr<v1::ListStudiesResponse> Queries::ListStudies(
    const Scope& scope, const v1::ListStudiesRequest& request) const {
  ASSIGN_OR_RETURN(const int64_t after, ParsePageToken(request.page_token()));
  ASSIGN_OR_RETURN(const std::vector<StudyRecord> records, store_.Studies());
  v1::ListStudiesResponse response;
  for (const StudyRecord& record : records) {
    if (record.id <= after || !scope.Sees(record.tenant)) continue;
    if (response.studies_size() == PageSize(request.page_size())) return response;
    *response.add_studies() = ToMessage(record);
    response.set_next_page_token(absl::StrCat(record.id));
  }
  response.clear_next_page_token();
  return response;
}

absl::StatusOr<v1::ListTrialsResponse> Queries::ListTrials(
    const Scope& scope, const v1::ListTrialsRequest& request) const {
  ASSIGN_OR_RETURN(const int64_t after, ParsePageToken(request.page_token()));
  ASSIGN_OR_RETURN(const StudyRecord record, Find(scope, request.study()));
  const int64_t size = PageSize(request.page_size());
  ASSIGN_OR_RETURN(const std::vector<TrialRecord> trials,
                   store_.Trials(record.id, after, size + 1));
  v1::ListTrialsResponse response;
  for (const TrialRecord& trial : trials) {
    if (response.trials_size() == size) {
      response.set_next_page_token(absl::StrCat(response.trials(size - 1).number()));
      break;
    }
    *response.add_trials() = ToMessage(trial, record.name);
  }
  return response;
}

absl::StatusOr<v1::Trial> Queries::GetTrial(const Scope& scope, absl::string_view study,
                                            int64_t number) const {
  ASSIGN_OR_RETURN(const StudyRecord record, Find(scope, study));
  absl::StatusOr<TrialRecord> trial = store_.Trial(record.id, number);
  if (!trial.ok()) return Annotate(trial.status(), absl::StrCat("study \"", record.name, "\""));
  ASSIGN_OR_RETURN(const std::vector<v1::Progress> curve, store_.Curve(record.id, number));
  ASSIGN_OR_RETURN(const std::vector<AttemptRecord> attempts, store_.Attempts(record.id, number));
  v1::Trial message = ToMessage(*trial, record.name);
  message.mutable_curve()->Add(curve.begin(), curve.end());
  for (const AttemptRecord& attempt : attempts) AddAttempt(attempt, message);
  return message;
}

absl::StatusOr<std::string> Queries::GetTrialLog(const Scope& scope, absl::string_view study,
                                                 int64_t number) const {
  ASSIGN_OR_RETURN(const StudyRecord record, Find(scope, study));
  const absl::StatusOr<TrialRecord> trial = store_.Trial(record.id, number);
  if (!trial.ok()) return Annotate(trial.status(), absl::StrCat("study \"", record.name, "\""));
  return store_.Log(record.id, number);
}

absl::StatusOr<v1::ListTrialsResponse> Queries::GetFront(const Scope& scope,
                                                         absl::string_view study) const {
  ASSIGN_OR_RETURN(const StudyRecord record, Find(scope, study));
  ASSIGN_OR_RETURN(std::vector<TrialRecord> trials, store_.FrontTrials(record.id));
  std::stable_sort(trials.begin(), trials.end(), [&](const TrialRecord& a, const TrialRecord& b) {
    const double x = a.metrics.at(record.objective.metric).value;
    const double y = b.metrics.at(record.objective.metric).value;
    return record.objective.maximize ? x > y : x < y;
  });
  v1::ListTrialsResponse response;
  for (const TrialRecord& trial : trials) *response.add_trials() = ToMessage(trial, record.name);
  return response;
}

absl::StatusOr<int64_t> Queries::OpenStudies(absl::string_view tenant,
                                             absl::string_view request_id) const {
  ASSIGN_OR_RETURN(const std::vector<StudyRecord> records, store_.Studies());
  return std::count_if(records.begin(), records.end(), [&](const StudyRecord& record) {
    const bool same = !request_id.empty() && record.request_id == request_id;
    return record.tenant == tenant && IsOpen(record) && !same;
  });
}

absl::StatusOr<bool> Queries::IsCreated(absl::string_view tenant,
                                        absl::string_view request_id) const {
  if (request_id.empty()) return false;
  ASSIGN_OR_RETURN(const std::vector<StudyRecord> records, store_.Studies());
  return std::any_of(records.begin(), records.end(), [&](const StudyRecord& record) {
    return record.tenant == tenant && record.request_id == request_id;
  });
}

absl::StatusOr<std::vector<TrialRecord>> Queries::TrialPage(int64_t study, int64_t after) const {
  return store_.Trials(study, after, kMaxPage);
}

absl::StatusOr<bool> Queries::SeesArtifact(const Scope& scope, absl::string_view sha256) const {
  if (scope.all) return true;
  ASSIGN_OR_RETURN(const std::vector<std::string> tenants, store_.CheckpointTenants(sha256));
  return std::any_of(tenants.begin(), tenants.end(),
                     [&](const std::string& tenant) { return scope.Sees(tenant); });
}

absl::StatusOr<Queries::EventPage> Queries::Events(absl::string_view study, int64_t after) const {
  ASSIGN_OR_RETURN(const StudyRecord record, store_.Study(study));
  EventPage page;
  if (after >= record.event) {
    page.last = !IsOpen(record);
    return page;
  }
  ASSIGN_OR_RETURN(const std::vector<EventRecord> events, EventsAfter(record.id, after));
  std::set<int64_t> numbers;
  for (const EventRecord& event : events) {
    if (event.trial != 0) numbers.insert(event.trial);
  }
  ASSIGN_OR_RETURN(const std::vector<TrialRecord> trials,
                   store_.TrialsWith(record.id, {numbers.begin(), numbers.end()}));
  if (trials.size() != numbers.size()) {
    // It was deleted in between; or else rows are missing.
    RETURN_IF_ERROR(store_.Study(study).status());
    return absl::DataLossError(absl::StrCat("study \"", study, "\" has events of no trial"));
  }
  absl::flat_hash_map<int64_t, const TrialRecord*> by_number;
  for (const TrialRecord& trial : trials) by_number[trial.number] = &trial;
  for (const EventRecord& event : events) {
    const TrialRecord* const trial = event.trial == 0 ? nullptr : by_number.at(event.trial);
    page.events.push_back(ToMessage(event, trial, record.name));
  }
  page.last = !IsOpen(record) && !events.empty() && events.back().number >= record.event;
  return page;
}

absl::StatusOr<std::vector<EventRecord>> Queries::EventsAfter(int64_t study, int64_t after) const {
  if (events_ != nullptr) {
    if (auto events = events_->After(study, after, kEventPage)) return *std::move(events);
  }
  return store_.Events(study, after, kEventPage);
}

}  // namespace cambrian
