#include "server/http/server_metrics.h"

#include <cmath>
#include <set>
#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"
#include "common/base/version.h"
#include "common/wire/convert.h"
#include "prometheus/text_serializer.h"
#include "server/http/gauges.h"
#include "server/http/process_metrics.h"

namespace cambrian {
namespace {

using prometheus::MetricFamily;
using Buckets = prometheus::Histogram::BucketBoundaries;

constexpr absl::Duration kShowEnded = absl::Hours(1);

// From a tenth of a millisecond to half a minute.
const Buckets& SecondsBuckets() {
  static const Buckets* const buckets = new Buckets{
      1e-4, 2.5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30};
  return *buckets;
}

prometheus::Histogram& Seconds(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add(
      {}, SecondsBuckets());
}

// "ATTEMPT_OUT_OF_MEMORY" → "out_of_memory".
std::string Lower(absl::string_view name, absl::string_view prefix) {
  absl::ConsumePrefix(&name, prefix);
  return absl::AsciiStrToLower(name);
}

void AddCoordinator(const CoordinatorStatus& status, bool healthy,
                    std::vector<MetricFamily>& families) {
  const auto add = [&](const char* name, const char* help, double value) {
    Gauges gauges(name, help);
    gauges.Set(value);
    std::move(gauges).MoveInto(families);
  };
  Gauges build("cambrian_build_info", "1; the label is the server's version.");
  build.Set(1, {{"version", kVersion}});
  std::move(build).MoveInto(families);
  add("cambrian_healthy", "1 if /healthz says that the server serves.", healthy);
  add("cambrian_active", "1 if this server holds the store, 0 if it stands by.", status.active);
  add("cambrian_inbox_requests", "Requests that wait for the decision loop.",
      static_cast<double>(status.waiting));
  add("cambrian_leases", "Assignments that workers hold.", static_cast<double>(status.leases));
  add("cambrian_oldest_lease_seconds", "Age of the oldest lease; 0 without one.",
      absl::ToDoubleSeconds(status.oldest_lease));
}

void AddWorkers(const std::vector<v1::WorkerStatus>& workers, absl::Time now,
                std::vector<MetricFamily>& families) {
  Gauges slots("cambrian_worker_slots", "Slots that the worker has.");
  Gauges usable("cambrian_worker_usable_slots", "Slots of the worker that work.");
  Gauges busy("cambrian_worker_running", "Assignments that the worker holds.");
  Gauges contact("cambrian_worker_last_contact_age_seconds", "Time since the worker was heard of.");
  Gauges count("cambrian_workers", "Workers that are known.");
  count.Set(static_cast<double>(workers.size()));
  for (const v1::WorkerStatus& worker : workers) {
    const std::vector<prometheus::ClientMetric::Label> labels = {{"worker", worker.name()},
                                                                 {"host", worker.host()}};
    slots.Set(worker.slots(), labels);
    usable.Set(worker.usable_slots(), labels);
    busy.Set(worker.running_size(), labels);
    const absl::Duration age = now - FromProto(worker.last_contact());
    contact.Set(std::max(0.0, absl::ToDoubleSeconds(age)), labels);
  }
  for (Gauges* gauges : {&count, &slots, &usable, &busy, &contact}) {
    std::move(*gauges).MoveInto(families);
  }
}

void AddDevices(const std::map<std::string, std::vector<v1::DeviceUse>>& devices,
                std::vector<MetricFamily>& families) {
  Gauges used("cambrian_device_memory_used_bytes", "Memory of the device that is in use.");
  Gauges memory("cambrian_device_memory_bytes", "Memory of the device.");
  Gauges utilization("cambrian_device_utilization_ratio", "How busy the device is, 0 to 1.");
  for (const auto& [worker, uses] : devices) {
    for (const v1::DeviceUse& use : uses) {
      const std::vector<prometheus::ClientMetric::Label> labels = {{"worker", worker},
                                                                   {"device", use.device()}};
      used.Set(static_cast<double>(use.memory_used_bytes()), labels);
      memory.Set(static_cast<double>(use.memory_bytes()), labels);
      utilization.Set(use.utilization(), labels);
    }
  }
  for (Gauges* gauges : {&used, &memory, &utilization}) std::move(*gauges).MoveInto(families);
}

struct Count {
  const char* state;
  int64_t value;
};
std::vector<Count> CountsOf(const StudyRecord& study) {
  return {{"queued", study.queued},       {"running", study.running},
          {"succeeded", study.succeeded}, {"infeasible", study.infeasible},
          {"failed", study.failed},       {"cancelled", study.cancelled}};
}

void AddSums(const std::vector<ServerMetrics::StudyNow>& studies,
             std::vector<MetricFamily>& families) {
  std::map<std::string, double> trials;
  std::map<std::string, double> states;
  for (const Count& count : CountsOf({})) trials[count.state] = 0;
  for (const v1::StudyState state :
       {v1::ACTIVE, v1::PAUSED, v1::COMPLETED, v1::CANCELLED, v1::FAILED}) {
    states[Lower(v1::StudyState_Name(state), "")] = 0;
  }
  double queued = 0;
  for (const ServerMetrics::StudyNow& study : studies) {
    for (const Count& count : CountsOf(study.record)) {
      trials[count.state] += static_cast<double>(count.value);
    }
    states[Lower(v1::StudyState_Name(study.record.state), "")] += 1;
    if (study.record.state == v1::ACTIVE) queued += static_cast<double>(study.record.queued);
  }
  Gauges trial_sums("cambrian_trials", "Trials of all studies that are stored, by state.");
  for (const auto& [state, value] : trials) trial_sums.Set(value, {{"state", state}});
  Gauges study_sums("cambrian_studies", "Studies that are stored, by state.");
  for (const auto& [state, value] : states) study_sums.Set(value, {{"state", state}});
  Gauges depth("cambrian_queue_depth", "Trials of active studies that wait for a slot.");
  depth.Set(queued);
  for (Gauges* gauges : {&trial_sums, &study_sums, &depth}) std::move(*gauges).MoveInto(families);
}

void AddStudies(const std::vector<ServerMetrics::StudyNow>& studies, absl::Time now,
                std::vector<MetricFamily>& families) {
  Gauges trials("cambrian_study_trials", "Trials of the study, by state.");
  Gauges budget("cambrian_study_trial_budget", "Trials that the study may have.");
  Gauges seconds("cambrian_study_device_seconds", "Time that slots were busy with the study.");
  Gauges best("cambrian_study_best_objective",
              "Best value of the study's first objective, which the label names.");
  Gauges hypervolume("cambrian_study_hypervolume",
                     "Hypervolume of the front, 0 to 1; only with several objectives.");
  for (const ServerMetrics::StudyNow& study : studies) {
    const StudyRecord& record = study.record;
    if (!ServerMetrics::IsShown(record, now)) continue;
    for (const Count& count : CountsOf(record)) {
      trials.Set(static_cast<double>(count.value),
                 {{"study", record.name}, {"state", count.state}});
    }
    budget.Set(static_cast<double>(record.trial_budget), {{"study", record.name}});
    seconds.Set(record.device_seconds, {{"study", record.name}});
    if (study.best) {
      best.Set(*study.best, {{"study", record.name}, {"metric", record.objective.metric}});
    }
    if (!std::isnan(record.hypervolume)) {
      hypervolume.Set(record.hypervolume, {{"study", record.name}});
    }
  }
  for (Gauges* gauges : {&trials, &budget, &seconds, &best, &hypervolume}) {
    std::move(*gauges).MoveInto(families);
  }
}

}  // namespace

ServerMetrics::ServerMetrics()
    : calls_(prometheus::BuildCounter()
                 .Name("cambrian_rpc_calls_total")
                 .Help("Calls that were answered, by method and status code.")
                 .Register(registry_)),
      call_seconds_(prometheus::BuildHistogram()
                        .Name("cambrian_rpc_seconds")
                        .Help("Time from a call's arrival to its answer, by method.")
                        .Register(registry_)),
      attempts_(prometheus::BuildCounter()
                    .Name("cambrian_attempts_total")
                    .Help("Attempts at trials that ended, by how they ended.")
                    .Register(registry_)),
      ask_seconds_(Seconds(registry_, "cambrian_ask_seconds", "Time of a strategy's ask.")),
      tell_seconds_(Seconds(registry_, "cambrian_tell_seconds", "Time of a strategy's tell.")),
      commit_seconds_(
          Seconds(registry_, "cambrian_commit_seconds", "Time of a commit to the store.")),
      commit_requests_(prometheus::BuildHistogram()
                           .Name("cambrian_commit_requests")
                           .Help("Requests that one commit carried.")
                           .Register(registry_)
                           .Add({}, Buckets{0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024})),
      failed_commits_(prometheus::BuildCounter()
                          .Name("cambrian_commits_failed_total")
                          .Help("Commits that the store did not take.")
                          .Register(registry_)
                          .Add({})) {
  // Series are there from the start, so that a rate sees the first of each.
  for (int end = v1::AttemptEnd_MIN + 1; end <= v1::AttemptEnd_MAX; ++end) {
    attempts_.Add({{"end", Lower(v1::AttemptEnd_Name(end), "ATTEMPT_")}});
  }
}

void ServerMetrics::OnAsk(absl::Duration took) {
  ask_seconds_.Observe(absl::ToDoubleSeconds(took));
}

void ServerMetrics::OnTell(absl::Duration took) {
  tell_seconds_.Observe(absl::ToDoubleSeconds(took));
}

void ServerMetrics::OnCommit(absl::Duration took, int64_t requests, bool ok) {
  commit_seconds_.Observe(absl::ToDoubleSeconds(took));
  commit_requests_.Observe(static_cast<double>(requests));
  if (!ok) failed_commits_.Increment();
}

void ServerMetrics::OnAttempt(absl::string_view /*study*/, v1::AttemptEnd end) {
  attempts_.Add({{"end", Lower(v1::AttemptEnd_Name(end), "ATTEMPT_")}}).Increment();
}

void ServerMetrics::OnDevices(absl::string_view worker,
                              const google::protobuf::RepeatedPtrField<v1::DeviceUse>& devices) {
  MutexLock lock(&mutex_);
  devices_[std::string(worker)].uses.assign(devices.begin(), devices.end());
}

ServerMetrics::Calls ServerMetrics::CallsOf(absl::string_view method) {
  MutexLock lock(&mutex_);
  const std::string name(method);
  auto it = methods_.find(name);
  if (it == methods_.end()) {
    Calls calls;
    calls.ok = &calls_.Add({{"method", name}, {"code", "OK"}});
    calls.seconds = &call_seconds_.Add({{"method", name}}, SecondsBuckets());
    it = methods_.emplace(name, calls).first;
  }
  return it->second;
}

void ServerMetrics::OnCall(absl::string_view method, absl::StatusCode code, absl::Duration took) {
  const Calls calls = CallsOf(method);
  calls.seconds->Observe(absl::ToDoubleSeconds(took));
  if (code == absl::StatusCode::kOk) return calls.ok->Increment();
  calls_.Add({{"method", std::string(method)}, {"code", absl::StatusCodeToString(code)}})
      .Increment();
}

std::map<std::string, std::vector<v1::DeviceUse>> ServerMetrics::DevicesOf(
    const std::vector<v1::WorkerStatus>& workers) {
  std::set<std::string> known;
  for (const v1::WorkerStatus& worker : workers) known.insert(worker.name());
  MutexLock lock(&mutex_);
  std::map<std::string, std::vector<v1::DeviceUse>> devices;
  for (auto it = devices_.begin(); it != devices_.end();) {
    if (known.contains(it->first)) {
      it->second.is_confirmed = true;
      devices[it->first] = it->second.uses;
    }
    // One that has just reported may be on no list yet.
    const bool is_gone = it->second.is_confirmed && !known.contains(it->first);
    it = is_gone ? devices_.erase(it) : std::next(it);
  }
  return devices;
}

bool ServerMetrics::IsShown(const StudyRecord& study, absl::Time now) {
  return !study.ended || *study.ended > now - kShowEnded;
}

std::string ServerMetrics::Text(const State& state) {
  std::vector<MetricFamily> families = registry_.Collect();
  AddCoordinator(state.coordinator, state.healthy, families);
  AddWorkers(state.coordinator.workers, state.now, families);
  AddDevices(DevicesOf(state.coordinator.workers), families);
  AddSums(state.studies, families);
  AddStudies(state.studies, state.now, families);
  AddProcess(families);
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, families);
  return text.str();
}

}  // namespace cambrian
