// What the store holds: plain data, one struct a table.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "cambrian/v1/study.pb.h"
#include "cambrian/v1/trial.pb.h"
#include "common/nas/objective.h"

namespace cambrian {

// A study's summary. Its counts add up to `trials`.
struct StudyRecord {
  int64_t id = 0;
  std::string tenant;
  std::string name;        // "fashion-1"
  std::string request_id;  // chosen by who created it; empty: none
  std::string text;        // the complete file; set when it is created only, read by `StudyText`
  v1::StudyState state = v1::ACTIVE;
  std::string reason;
  absl::Time created;
  std::optional<absl::Time> ended;
  absl::Duration elapsed;  // from the first trial's start, while it was active
  std::string parent;
  std::string successor;
  std::string continues;  // the study whose trials it inherited
  // All that decides results but networks and recipes, as a hash; empty: not known.
  std::string circumstances;

  int64_t trials = 0;
  int64_t queued = 0;
  int64_t running = 0;
  int64_t succeeded = 0;
  int64_t infeasible = 0;
  int64_t failed = 0;
  int64_t cancelled = 0;
  int64_t known = 0;    // of the succeeded, those that needed no work
  Objective objective;  // the first: the front is listed by it
  int64_t trial_budget = 0;
  absl::Duration time_budget = absl::InfiniteDuration();
  double device_seconds = 0;

  int64_t event = 0;  // the newest event's number
  double hypervolume = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> reference;  // of the hypervolume; empty until set
};

struct TrialRecord {
  int64_t study = 0;   // its id
  int64_t number = 0;  // from 1 in each study
  v1::TrialState state = v1::TRIAL_QUEUED;
  std::string reason;
  std::string architecture;    // JSON: the flat map of active decisions
  std::string canonical_key;   // empty if nothing gets through
  std::string evaluation_key;  // equal: the same work
  std::string origin;
  Metrics metrics;
  int64_t same_as = 0;  // the trial of this study whose result it shares
  bool known = false;   // has a result without work of its own
  absl::Time created;
  std::optional<absl::Time> started;  // the newest attempt
  std::optional<absl::Time> ended;
  int64_t proposed_event = 0;  // when the strategy proposed it
  int64_t ended_event = 0;     // when the strategy was told; 0 while it is open
  int32_t attempts = 0;
  int32_t losses = 0;         // attempts that nobody heard of again, since the newest `resume_from`
  int32_t out_of_memory = 0;  // attempts that ran out of memory
  int64_t token = 0;          // of the newest attempt
  std::string worker;         // of the newest attempt
  double seconds = 0;         // that slots were busy with it
  std::string checkpoint;     // sha256 of an artifact, or empty
  std::string resume_from;    // sha256 of an artifact that the next attempt goes on from, or empty
  bool trained = false;       // only the measurement on the study's target is left
  bool on_front = false;
  v1::Progress progress;  // the newest of this attempt

  bool IsOpen() const { return ended_event == 0; }
};

// What happened to a study: one sequence for each, numbered from 1 without gaps, which holds every
// input to a decision.
enum class EventKind {
  kState = 1,     // the study's state or budget
  kProposed = 2,  // by the strategy, with the randomness of (study's seed, trial's number)
  kStarted = 3,   // a lease was granted, not right after the proposal: that is one kProposed
  kProgress = 4,
  kRequeued = 5,  // the lease was lost or handed back
  kEnded = 6,     // the strategy was told
};

// Whether the store has a row for such an event. That a trial was proposed or has ended is said by
// the trial's own row: when, and what came of it.
inline bool HasRow(EventKind kind) {
  return kind != EventKind::kProposed && kind != EventKind::kEnded;
}

struct EventRecord {
  int64_t study = 0;
  int64_t number = 0;
  EventKind kind = EventKind::kState;
  int64_t trial = 0;  // 0: of the study itself
  // Without what the trial's row says for good (architecture, canonical key, origin); empty of an
  // event that has no row.
  v1::Event event;
};

// An attempt that has ended.
struct AttemptRecord {
  int64_t study = 0;
  int64_t trial = 0;
  int64_t token = 0;
  std::string worker;
  bool measures = false;  // WORK_MEASURE
  absl::Time started;
  absl::Time ended;
  v1::AttemptEnd end = v1::ATTEMPT_END_UNSPECIFIED;
  std::string reason;
  double seconds = 0;
  std::string log;  // the tail of what its evaluator printed

  bool operator==(const AttemptRecord&) const = default;
};

// A worker as it introduced itself last, for people who query the database.
struct WorkerRecord {
  std::string name;
  std::string host;
  std::string version;
  int64_t slots = 0;
  std::vector<std::string> devices;
  std::vector<std::string> tags;
  std::vector<std::string> targets;
  absl::Time first_contact;
  // As of this row: written when it introduces itself anew, and seldom else.
  absl::Time last_contact;
};

// What a study's strategy knew after an event, so that a restart reads only what came after it.
struct SnapshotRecord {
  int64_t study = 0;
  int64_t event = 0;
  std::string strategy;  // SearchStrategy::Snapshot
  std::string state;     // what StudyState cannot get from rows; its own format
};

// A trial that has a result, and of which work.
struct ResultKey {
  int64_t trial = 0;
  std::string evaluation_key;
};

// Names a commit, so that one whose outcome is unknown is settled by one read.
struct CommitMarker {
  int64_t epoch = 0;   // of the server that wrote it
  int64_t number = 0;  // of its commits

  bool operator==(const CommitMarker&) const = default;
};

// The highest numbers ever given out; they never go back, whatever is deleted.
struct Counters {
  int64_t study = 0;
  int64_t token = 0;

  bool operator==(const Counters&) const = default;
};

// Everything that one transaction writes.
struct Batch {
  CommitMarker marker;
  Counters counters;
  std::vector<StudyRecord> studies;       // new, or replaced but for their text
  std::vector<TrialRecord> trials;        // new (with their kProposed events) or replaced
  std::vector<EventRecord> events;        // new
  std::vector<AttemptRecord> attempts;    // new
  std::vector<WorkerRecord> workers;      // new or replaced
  std::vector<SnapshotRecord> snapshots;  // new or replaced
  std::vector<int64_t> deleted;           // studies, with all that belongs to them

  bool empty() const {
    return studies.empty() && trials.empty() && events.empty() && attempts.empty() &&
           workers.empty() && snapshots.empty() && deleted.empty();
  }
};

}  // namespace cambrian
