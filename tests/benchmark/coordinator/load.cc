#include "tests/benchmark/coordinator/load.h"

#include <poll.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cambrian/v1/worker_service.grpc.pb.h"
#include "common/base/version.h"
#include "grpcpp/grpcpp.h"

namespace cambrian {
namespace {

v1::WorkerIdentity Identity(const std::string& name, int slots) {
  v1::WorkerIdentity identity;
  identity.set_name(name);
  identity.set_host("benchmark");
  identity.set_version(kVersion);
  identity.set_protocol(kWireProtocol);
  identity.set_slots(slots);
  identity.add_evaluators("torch");
  identity.add_devices("cpu");
  identity.set_any_path(true);
  return identity;
}

std::shared_ptr<grpc::Channel> Connect(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

// One call at a time: the answer of one makes the next. Its thread is gRPC's.
class LoadWorker {
 public:
  LoadWorker(const Load& load, std::shared_ptr<grpc::Channel> channel, const std::string& name,
             const std::atomic<bool>& stop, std::atomic<int>& running)
      : load_(load),
        stub_(v1::WorkerService::NewStub(std::move(channel))),
        stop_(stop),
        running_(running) {
    *poll_.mutable_worker() = *report_.mutable_worker() = Identity(name, load.slots);
    poll_.set_free_slots(load.slots);
    report_.set_free_slots(load.slots);
  }

  void Poll() {
    Renew();
    stub_->async()->Poll(context_.get(), &poll_, &answer_,
                         [this](const grpc::Status& status) { Answered(status, false); });
  }
  // The pace is over: the next report may go.
  void GoOn() { answer_.assignments_size() > 0 ? Report() : Poll(); }
  absl::Time due() const { return absl::FromUnixNanos(due_.load()); }
  bool TakeWaiting() { return waiting_.exchange(false); }

  // Measured from this time on. Reading them is safe once all calls are over.
  std::atomic<bool> measures = false;
  std::vector<absl::Duration> took;
  int64_t settled = 0;
  int64_t settled_measured = 0;
  int64_t errors = 0;

 private:
  void Renew() {
    context_ = std::make_unique<grpc::ClientContext>();
    context_->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    started_ = absl::Now();
  }
  void Report() {
    Renew();
    report_.clear_completions();
    for (const v1::Assignment& assignment : answer_.assignments()) {
      v1::Completion& completion = *report_.add_completions();
      completion.set_assignment(assignment.assignment());
      completion.set_token(assignment.token());
      completion.set_outcome(v1::OUTCOME_SUCCEEDED);
      completion.set_seconds(0.001);
      v1::Measurement& metric = *completion.add_metrics();
      metric.set_metric("accuracy");
      metric.set_value(static_cast<double>(assignment.seed() % 1'000'003) / 1e6);
    }
    stub_->async()->Report(context_.get(), &report_, &answer_,
                           [this](const grpc::Status& status) { Answered(status, true); });
  }
  void Answered(const grpc::Status& status, bool report) {
    if (!status.ok()) {
      ++errors;
      answer_.Clear();
    } else if (report) {
      settled += answer_.settled_size();
      if (measures) {
        took.push_back(absl::Now() - started_);
        settled_measured += answer_.settled_size();
      }
    }
    poll_.set_revision(answer_.revision());
    if (stop_) {
      --running_;
    } else if (load_.pause > absl::ZeroDuration() && report) {
      due_ = absl::ToUnixNanos(started_ + load_.pause);
      waiting_ = true;
    } else {
      GoOn();
    }
  }

  const Load load_;
  const std::unique_ptr<v1::WorkerService::Stub> stub_;
  const std::atomic<bool>& stop_;
  std::atomic<int>& running_;
  v1::PollRequest poll_;
  v1::ReportRequest report_;
  v1::Assignments answer_;
  std::unique_ptr<grpc::ClientContext> context_;
  absl::Time started_;
  std::atomic<int64_t> due_ = 0;
  std::atomic<bool> waiting_ = false;
};

}  // namespace

LoadFigures RunLoad(const Load& load) {
  static std::atomic<int> runs = 0;
  const int run = ++runs;
  std::atomic<bool> stop = false;
  std::atomic<int> running = load.workers;
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (int i = 0; i < load.channels; ++i) channels.push_back(Connect(load.address));
  std::vector<std::unique_ptr<LoadWorker>> workers;
  for (int i = 0; i < load.workers; ++i) {
    workers.push_back(std::make_unique<LoadWorker>(
        load, channels[i % load.channels], absl::StrCat("load-", run, "-", i), stop, running));
  }
  for (auto& worker : workers) worker->Poll();
  const absl::Time start = absl::Now() + load.warm_up;
  const absl::Time end = start + load.measured;
  bool measures = false;
  while (running > 0) {
    const absl::Time now = absl::Now();
    if (!measures && now >= start) {
      measures = true;
      for (auto& worker : workers) worker->measures = true;
    }
    if (now >= end && !stop) {
      for (auto& worker : workers) worker->measures = false;
      stop = true;
    }
    for (auto& worker : workers) {
      if ((worker->due() <= now || stop) && worker->TakeWaiting()) {
        if (stop) {
          --running;
        } else {
          worker->GoOn();
        }
      }
    }
    poll(nullptr, 0, load.pause > absl::ZeroDuration() ? 1 : 20);
  }
  LoadFigures figures;
  std::vector<absl::Duration> took;
  int64_t trials = 0;
  for (const auto& worker : workers) {
    took.insert(took.end(), worker->took.begin(), worker->took.end());
    trials += worker->settled_measured;
    figures.settled += worker->settled;
    figures.errors += worker->errors;
  }
  const double seconds = absl::ToDoubleSeconds(load.measured);
  figures.calls = static_cast<double>(took.size()) / seconds;
  figures.trials = static_cast<double>(trials) / seconds;
  if (!took.empty()) {
    std::sort(took.begin(), took.end());
    figures.p99 = took[took.size() * 99 / 100];
  }
  return figures;
}

struct IdleWorkers::State {
  struct One {
    std::unique_ptr<v1::WorkerService::Stub> stub;
    v1::PollRequest request;
    v1::Assignments answer;
    std::unique_ptr<grpc::ClientContext> context;
  };
  std::mutex mutex;  // contexts are replaced and cancelled
  bool stop = false;
  std::atomic<int> running = 0;
  std::vector<One> workers;

  void Poll(One& one) {
    std::lock_guard<std::mutex> lock(mutex);
    if (stop) {
      --running;
      return;
    }
    one.context = std::make_unique<grpc::ClientContext>();
    one.context->set_wait_for_ready(true);
    one.stub->async()->Poll(one.context.get(), &one.request, &one.answer,
                            [this, &one](const grpc::Status& status) {
                              if (status.ok()) one.request.set_revision(one.answer.revision());
                              Poll(one);
                            });
  }
};

IdleWorkers::IdleWorkers(const std::string& address, int workers)
    : state_(std::make_shared<State>()) {
  state_->workers.resize(workers);
  state_->running = workers;
  for (int i = 0; i < workers; ++i) {
    State::One& one = state_->workers[i];
    one.stub = v1::WorkerService::NewStub(Connect(address));
    *one.request.mutable_worker() = Identity(absl::StrCat("idle-", i), 1);
    one.request.set_free_slots(1);
  }
  for (State::One& one : state_->workers) state_->Poll(one);
}

IdleWorkers::~IdleWorkers() {
  {
    std::lock_guard<std::mutex> lock(state_->mutex);
    state_->stop = true;
    for (State::One& one : state_->workers) {
      if (one.context) one.context->TryCancel();
    }
  }
  while (state_->running > 0) poll(nullptr, 0, 10);
}

}  // namespace cambrian
