// What people ask of committed studies, read from the store.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cambrian/v1/study_service.pb.h"
#include "server/store/interface.h"
#include "server/study/event_tail.h"
#include "server/study/scope.h"

namespace cambrian {

// Thread-safe; every call reads the store and may block. Names of studies may be unambiguous
// beginnings; a study that the scope does not see is not there. \error kNotFound with a suggestion;
// kInvalidArgument for an ambiguous name or a bad page token.
class Queries {
 public:
  // `store` and `events` outlive it. Without `events` all are read from the store.
  explicit Queries(TrialStore& store, const EventTail* events = nullptr)
      : store_(store), events_(events) {}

  // The whole name.
  absl::StatusOr<std::string> Resolve(const Scope& scope, absl::string_view name) const;
  absl::StatusOr<StudyRecord> Find(const Scope& scope, absl::string_view name) const;

  absl::StatusOr<v1::Study> GetStudy(const Scope& scope, absl::string_view name,
                                     bool with_text) const;
  absl::StatusOr<v1::ListStudiesResponse> ListStudies(const Scope& scope,
                                                      const v1::ListStudiesRequest& request) const;
  absl::StatusOr<std::string> StudyText(const Scope& scope, absl::string_view name) const;
  absl::StatusOr<v1::ListTrialsResponse> ListTrials(const Scope& scope,
                                                    const v1::ListTrialsRequest& request) const;
  // With its curve and its attempts.
  absl::StatusOr<v1::Trial> GetTrial(const Scope& scope, absl::string_view study,
                                     int64_t number) const;
  absl::StatusOr<std::string> GetTrialLog(const Scope& scope, absl::string_view study,
                                          int64_t number) const;
  absl::StatusOr<v1::ListTrialsResponse> GetFront(const Scope& scope,
                                                  absl::string_view study) const;
  // Studies of the tenant that have not ended, but for the one that this request created.
  absl::StatusOr<int64_t> OpenStudies(absl::string_view tenant, absl::string_view request_id) const;
  // Whether this request has created a study of the tenant.
  absl::StatusOr<bool> IsCreated(absl::string_view tenant, absl::string_view request_id) const;
  // Whether the scope sees a study with a trial that has this artifact.
  absl::StatusOr<bool> SeesArtifact(const Scope& scope, absl::string_view sha256) const;

  // For whoever has resolved the name: a page of the study's events, and whether the study has
  // ended with the last of them.
  struct EventPage {
    std::vector<v1::Event> events;
    bool last = false;
  };
  absl::StatusOr<EventPage> Events(absl::string_view study, int64_t after) const;
  absl::StatusOr<int64_t> StudyId(absl::string_view study) const;
  // For whoever has found the study: its next trials, by number; none at the end.
  absl::StatusOr<std::vector<TrialRecord>> TrialPage(int64_t study, int64_t after) const;

 private:
  absl::StatusOr<std::vector<EventRecord>> EventsAfter(int64_t study, int64_t after) const;

  TrialStore& store_;
  const EventTail* const events_;
};

}  // namespace cambrian
