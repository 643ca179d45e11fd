#include "server/http/server_metrics.h"

#include "common/wire/convert.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cambrian {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ServerMetricsTest : public ::testing::Test {
 protected:
  ServerMetricsTest() {
    state_.now = absl::FromUnixSeconds(1'000'000);
    ServerMetrics::StudyNow study;
    study.record.name = "toy-1";
    study.record.created = state_.now;
    study.record.trials = 7;
    study.record.queued = 1;
    study.record.running = 2;
    study.record.succeeded = 4;
    study.record.trial_budget = 8;
    study.record.device_seconds = 12.5;
    study.record.hypervolume = 0.25;
    study.record.objective.metric = "accuracy";
    study.best = 0.75;
    state_.studies.push_back(study);
  }
  void AddWorker(const std::string& name) {
    v1::WorkerStatus worker;
    worker.set_name(name);
    worker.set_host("h");
    worker.set_slots(4);
    worker.set_usable_slots(3);
    worker.add_running("toy-1/1");
    *worker.mutable_last_contact() = ToProto(state_.now - absl::Seconds(5));
    state_.coordinator.workers.push_back(worker);
  }

  ServerMetrics metrics_;
  ServerMetrics::State state_;
};

TEST_F(ServerMetricsTest, ShowsStudies) {
  const std::string text = metrics_.Text(state_);
  EXPECT_THAT(text, HasSubstr("cambrian_trials{state=\"succeeded\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("cambrian_studies{state=\"active\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("cambrian_studies{state=\"failed\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("cambrian_queue_depth 1\n"));
  EXPECT_THAT(text, HasSubstr("cambrian_study_trials{study=\"toy-1\",state=\"running\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("cambrian_study_trial_budget{study=\"toy-1\"} 8\n"));
  EXPECT_THAT(text, HasSubstr("cambrian_study_device_seconds{study=\"toy-1\"} 12.5\n"));
  EXPECT_THAT(
      text, HasSubstr("cambrian_study_best_objective{study=\"toy-1\",metric=\"accuracy\"} 0.75\n"));
  EXPECT_THAT(text, HasSubstr("cambrian_study_hypervolume{study=\"toy-1\"} 0.25\n"));
}

TEST_F(ServerMetricsTest, AStudyThatEndedLongAgoHasNoSeriesButCounts) {
  state_.studies[0].record.state = v1::COMPLETED;
  state_.studies[0].record.ended = state_.now - absl::Minutes(59);
  EXPECT_THAT(metrics_.Text(state_), HasSubstr("study=\"toy-1\""));
  state_.studies[0].record.ended = state_.now - absl::Minutes(61);
  const std::string text = metrics_.Text(state_);
  EXPECT_THAT(text, Not(HasSubstr("toy-1")));
  EXPECT_THAT(text, HasSubstr("cambrian_trials{state=\"succeeded\"} 4\n"));
}

TEST_F(ServerMetricsTest, ShowsWorkersAndForgetsThem) {
  AddWorker("w1");
  google::protobuf::RepeatedPtrField<v1::DeviceUse> devices;
  v1::DeviceUse& device = *devices.Add();
  device.set_device("cuda:0");
  device.set_memory_bytes(1000);
  device.set_memory_used_bytes(600);
  device.set_utilization(0.5);
  metrics_.OnDevices("w1", devices);
  const std::string text = metrics_.Text(state_);
  EXPECT_THAT(text, HasSubstr("cambrian_workers 1\n"));
  EXPECT_THAT(text, HasSubstr("cambrian_worker_slots{worker=\"w1\",host=\"h\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("cambrian_worker_usable_slots{worker=\"w1\",host=\"h\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("cambrian_worker_running{worker=\"w1\",host=\"h\"} 1\n"));
  EXPECT_THAT(text,
              HasSubstr("cambrian_worker_last_contact_age_seconds{worker=\"w1\",host=\"h\"} 5\n"));
  EXPECT_THAT(
      text, HasSubstr("cambrian_device_memory_used_bytes{worker=\"w1\",device=\"cuda:0\"} 600\n"));
  EXPECT_THAT(
      text, HasSubstr("cambrian_device_utilization_ratio{worker=\"w1\",device=\"cuda:0\"} 0.5\n"));
  state_.coordinator.workers.clear();
  EXPECT_THAT(metrics_.Text(state_), Not(HasSubstr("w1")));
}

TEST_F(ServerMetricsTest, CountsWhatHappens) {
  metrics_.OnAsk(absl::Milliseconds(2));
  metrics_.OnTell(absl::Milliseconds(2));
  metrics_.OnCommit(absl::Milliseconds(20), 3, true);
  metrics_.OnCommit(absl::Milliseconds(20), 1, false);
  metrics_.OnAttempt("toy-1", v1::ATTEMPT_LOST);
  metrics_.OnCall("StudyService/GetStudy", absl::StatusCode::kOk, absl::Milliseconds(1));
  metrics_.OnCall("StudyService/GetStudy", absl::StatusCode::kNotFound, absl::Milliseconds(1));
  const std::string text = metrics_.Text(state_);
  EXPECT_THAT(text, HasSubstr("cambrian_ask_seconds_count 1\n"));
  EXPECT_THAT(text, HasSubstr("cambrian_tell_seconds_count 1\n"));
  EXPECT_THAT(text, HasSubstr("cambrian_commit_seconds_bucket{le=\"0.01\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("cambrian_commit_seconds_bucket{le=\"0.025\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("cambrian_commit_requests_sum 4\n"));
  EXPECT_THAT(text, HasSubstr("cambrian_commits_failed_total 1\n"));
  EXPECT_THAT(text, HasSubstr("cambrian_attempts_total{end=\"lost\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("cambrian_attempts_total{end=\"out_of_memory\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("cambrian_rpc_seconds_count{method=\"StudyService/GetStudy\"} 2\n"));
  for (const char* code : {"OK", "NOT_FOUND"}) {
    EXPECT_THAT(
        text,
        AnyOf(
            HasSubstr(absl::StrCat("code=\"", code, "\",method=\"StudyService/GetStudy\"} 1\n")),
            HasSubstr(absl::StrCat("method=\"StudyService/GetStudy\",code=\"", code, "\"} 1\n"))));
  }
}

TEST_F(ServerMetricsTest, ShowsTheCoordinatorAndTheProcess) {
  state_.healthy = true;
  state_.coordinator.active = true;
  state_.coordinator.leases = 3;
  state_.coordinator.waiting = 2;
  state_.coordinator.oldest_lease = absl::Seconds(90);
  const std::string text = metrics_.Text(state_);
  EXPECT_THAT(text, HasSubstr("cambrian_healthy 1\n"));
  EXPECT_THAT(text, HasSubstr("cambrian_active 1\n"));
  EXPECT_THAT(text, HasSubstr("cambrian_leases 3\n"));
  EXPECT_THAT(text, HasSubstr("cambrian_inbox_requests 2\n"));
  EXPECT_THAT(text, HasSubstr("cambrian_oldest_lease_seconds 90\n"));
  for (const char* name :
       {"process_resident_memory_bytes ", "process_cpu_seconds_total ", "process_open_fds "}) {
    EXPECT_THAT(text, HasSubstr(name));
  }
}

}  // namespace
}  // namespace cambrian
