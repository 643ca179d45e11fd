// An evaluator that trains nothing: what it reports is a hash of the architecture and the seed, so
// that thousands of trials a minute can be lost, moved and told again, and every result still be
// checked against what it must be. For fault tests and soaks.
//
// Its numbers pass through a chain, one link a step: "chain" in the result is right only if every
// step was done once, in order, whether or not the trial moved between workers meanwhile.
//
// The environment (of the worker, which passes it on) says how:
//   FAST_STEPS    steps of a training (3)
//   FAST_STEP_MS  milliseconds that each one takes (10)
//   FAST_CRASH, FAST_HANG, FAST_OOM, FAST_NAN
//                 probability, per attempt, that it dies, goes silent, says "memory" or says
//                 "infeasible" at one of its steps (0). NaN depends on the seed alone: the trial
//                 has it in every attempt
//   FAST_CHECKPOINTS  0: none; else at every step where checkpoints are wanted at all (1)
//   FAST_JOURNAL  a file to append a line to when an assignment begins ("begin NAME STEP", the
//                 steps done before) and when it has a result ("done NAME CHAIN")
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/base/version.h"
#include "common/evaluator/protocol.h"

namespace cambrian {
namespace {

using evaluator::Error;
using evaluator::Message;
using evaluator::Start;
using nlohmann::json;

double Setting(const char* name, double otherwise) {
  const char* const text = std::getenv(name);
  double value = 0;
  return text != nullptr && absl::SimpleAtod(text, &value) ? value : otherwise;
}

// Steele, Lea and Flood 2014 (SplitMix64's finalizer): the same on every machine.
uint64_t Mix(uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

uint64_t Hash(absl::string_view text, uint64_t seed) {
  uint64_t hash = Mix(seed);
  for (const char c : text) hash = Mix(hash ^ static_cast<unsigned char>(c));
  return hash;
}

// In [0, 1).
double Unit(uint64_t hash) { return static_cast<double>(hash >> 11) * 0x1.0p-53; }

// The agent's lines, one thread: a step of training is a wait that its messages interrupt.
class Agent {
 public:
  Agent(int in, int out) : in_(in), out_(out) {}

  void Send(const Message& message) {
    const std::string line = evaluator::Encode(message) + "\n";
    for (size_t sent = 0; sent < line.size();) {
      const ssize_t count = write(out_, line.data() + sent, line.size() - sent);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) std::_Exit(0);  // nobody is left to work for
      sent += static_cast<size_t>(count);
    }
  }

  Start Next() {
    while (!start_) Obey(absl::InfiniteDuration());
    Start start = *std::exchange(start_, std::nullopt);
    stop_ = false;
    running_ = start.assignment;
    return start;
  }

  // Lets the time pass; while paused it does not. Returns false once it is told to stop.
  bool Work(absl::Duration time) {
    const Clock& clock = Clock::System();
    for (absl::Duration until = clock.Monotonic() + time; !stop_;) {
      const absl::Duration left = paused_ ? absl::InfiniteDuration() : until - clock.Monotonic();
      if (!paused_ && left <= absl::ZeroDuration()) return true;
      const absl::Duration before = clock.Monotonic();
      const bool was_paused = paused_;
      Obey(left);
      if (was_paused) until += clock.Monotonic() - before;
    }
    return false;
  }

  bool AcquireDevice() {
    acquired_ = false;
    Send(evaluator::Acquire{running_});
    while (!acquired_ && !stop_) Obey(absl::InfiniteDuration());
    return !stop_;
  }

  // Obeys nothing and says nothing any longer, but ends when the agent closes its pipe.
  [[noreturn]] void Hang() {
    char ignored[4096];
    while (read(in_, ignored, sizeof(ignored)) != 0) {
    }
    std::_Exit(0);
  }

 private:
  // Waits for lines and takes in what they say.
  void Obey(absl::Duration at_most) {
    pollfd descriptor = {in_, POLLIN, 0};
    const int64_t wait =
        at_most == absl::InfiniteDuration()
            ? -1
            : absl::ToInt64Milliseconds(absl::Ceil(at_most, absl::Milliseconds(1)));
    if (poll(&descriptor, 1, static_cast<int>(wait)) <= 0) return;
    char buffer[1 << 16];
    const ssize_t count = read(in_, buffer, sizeof(buffer));
    if (count == 0) std::_Exit(0);
    if (count > 0) lines_.append(buffer, static_cast<size_t>(count));
    for (size_t end = lines_.find('\n'); end != std::string::npos; end = lines_.find('\n')) {
      const absl::StatusOr<Message> message =
          evaluator::Decode(absl::string_view(lines_).substr(0, end));
      if (!message.ok()) {
        std::cerr << message.status() << std::endl;
        std::_Exit(1);
      }
      lines_.erase(0, end + 1);
      Take(*message);
    }
  }

  void Take(const Message& message) {
    if (const auto* start = std::get_if<Start>(&message)) start_ = *start;
    if (const auto* stop = std::get_if<evaluator::Stop>(&message)) {
      stop_ = stop_ || stop->assignment == running_;
    }
    if (std::holds_alternative<evaluator::Acquired>(message)) acquired_ = true;
    if (std::holds_alternative<evaluator::Resume>(message)) paused_ = false;
    if (std::holds_alternative<evaluator::Pause>(message)) {
      paused_ = true;
      Send(evaluator::Paused{});
    }
  }

  const int in_;
  const int out_;
  std::string lines_;
  std::string running_;
  std::optional<Start> start_;
  bool stop_ = false;
  bool paused_ = false;
  bool acquired_ = false;
};

// What befalls this attempt, and at which step (from 1); 0: nothing.
struct Fate {
  int64_t crash = 0;
  int64_t hang = 0;
  int64_t memory = 0;
  int64_t nan = 0;
};

Fate FateOf(const Start& start, int64_t steps) {
  // An attempt's name holds its token: the next attempt may do better.
  const auto draw = [&](const char* what, const std::string& of) -> int64_t {
    const uint64_t hash = Hash(absl::StrCat(what, " ", of), start.seed);
    if (Unit(hash) >= Setting(what, 0)) return 0;
    return 1 + static_cast<int64_t>(Mix(hash) % static_cast<uint64_t>(steps));
  };
  return {.crash = draw("FAST_CRASH", start.assignment),
          .hang = draw("FAST_HANG", start.assignment),
          .memory = draw("FAST_OOM", start.assignment),
          .nan = draw("FAST_NAN", "")};
}

class Training {
 public:
  Training(const Start& start, Agent& agent)
      : start_(start),
        agent_(agent),
        steps_(std::max<int64_t>(1, static_cast<int64_t>(Setting("FAST_STEPS", 3)))),
        step_time_(absl::Milliseconds(Setting("FAST_STEP_MS", 10))),
        checkpoints_(start.checkpoint_seconds > 0 && Setting("FAST_CHECKPOINTS", 1) != 0),
        architecture_(Hash(start.architecture.dump(), 0)),
        work_(Hash(start.recipe.dump(), architecture_ ^ start.seed)),
        fate_(FateOf(start, steps_)),
        chain_(work_) {}

  Message Run() {
    Metrics metrics;
    if (start_.train) {
      if (!start_.checkpoint.empty()) Resume();
      Journal("begin", static_cast<uint64_t>(step_));
      while (step_ < steps_) {
        if (std::optional<Message> end = Step()) return *std::move(end);
        metrics = MetricsNow();
        // A state for each step but the last: then only the result is left.
        agent_.Send(evaluator::Progress{start_.assignment, step_, steps_, metrics, SaveState()});
      }
      metrics = MetricsNow();
      metrics["chain"].value = Unit(chain_);
      metrics["train_seconds"].value = absl::ToDoubleSeconds(step_time_) * double(steps_);
    }
    metrics["parameters"].value = 1'000 + static_cast<double>(architecture_ % 1'000'000);
    metrics["macs"].value = 1e5 + static_cast<double>(Mix(architecture_) % 10'000'000);
    metrics["peak_memory_mb"].value = 1 + 9 * Unit(Mix(architecture_ + 1));
    if (start_.latency) {
      if (!agent_.AcquireDevice()) return Stopped();
      metrics["latency_ms"] = Latency();
      agent_.Send(evaluator::Release{start_.assignment});
    }
    if (start_.test) metrics["test_accuracy"].value = metrics["accuracy"].value;
    if (start_.train) Journal("done", chain_);
    return evaluator::Result{start_.assignment, metrics, start_.train ? SaveWeights() : ""};
  }

 private:
  // One step, or what ends the assignment instead.
  std::optional<Message> Step() {
    if (!agent_.Work(step_time_)) return Stopped();
    ++step_;
    chain_ = Mix(chain_ ^ static_cast<uint64_t>(step_));
    if (step_ == fate_.nan) {
      return Error{start_.assignment, Error::Kind::kInfeasible,
                   absl::StrCat("step ", step_, ": the loss is NaN"), ""};
    }
    if (step_ == fate_.memory) {
      return Error{start_.assignment, Error::Kind::kMemory, "out of memory", ""};
    }
    if (step_ == fate_.crash) {
      std::cerr << "crashing at step " << step_ << std::endl;
      raise(SIGKILL);
    }
    if (step_ == fate_.hang) agent_.Hang();
    return std::nullopt;
  }

  Message Stopped() {
    return Error{start_.assignment, Error::Kind::kStopped, "stopped", SaveState()};
  }

  Metrics MetricsNow() const {
    const double best = 0.1 + 0.9 * Unit(Mix(work_));
    const double accuracy = best * (0.5 + 0.5 * double(step_) / double(steps_));
    Metrics metrics;
    metrics["accuracy"] = {accuracy, accuracy * 0.99, std::min(1.0, accuracy * 1.01)};
    metrics["loss"].value = 3 * (1 - accuracy);
    return metrics;
  }

  Measurement Latency() const {
    const double value = 0.1 + 10 * Unit(Mix(architecture_ + 2));
    return {value, value * 0.9, value * 1.1};
  }

  // ---- States that training can go on from.

  std::string Work() const { return absl::StrCat(work_, "/", steps_); }

  std::string SaveState() {
    if (!checkpoints_ || step_ == 0 || step_ == saved_ || step_ == steps_) return "";
    saved_ = step_;
    const std::string name = absl::StrCat("state-", step_, ".json");
    return Write(name, json{{"work", Work()}, {"step", step_}, {"chain", chain_}}.dump()) ? name
                                                                                          : "";
  }

  std::string SaveWeights() {
    return Write("weights.json", json(chain_).dump()) ? "weights.json" : "";
  }

  bool Write(const std::string& name, const std::string& content) const {
    if (start_.folder.empty()) return false;
    const std::string path = absl::StrCat(start_.folder, "/", name);
    std::ofstream file(path + ".new");
    file << content;
    file.close();
    return file.good() && rename((path + ".new").c_str(), path.c_str()) == 0;
  }

  void Resume() {
    std::ifstream file(start_.checkpoint);
    const json state = json::parse(file, nullptr, /*allow_exceptions=*/false);
    const bool ours = state.is_object() && state.value("work", json()) == Work() &&
                      state.value("step", json()).is_number_integer() &&
                      state.value("chain", json()).is_number_unsigned();
    if (!ours) {
      std::cerr << "the checkpoint is of other work: beginning anew" << std::endl;
      return;
    }
    step_ = saved_ = state["step"].get<int64_t>();
    chain_ = state["chain"].get<uint64_t>();
    std::cerr << "going on after step " << step_ << std::endl;
  }

  void Journal(const char* what, uint64_t number) const {
    const char* const path = std::getenv("FAST_JOURNAL");
    if (path == nullptr) return;
    const std::string line = absl::StrCat(what, " ", start_.assignment, " ", number, "\n");
    const int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return;
    [[maybe_unused]] const ssize_t written = write(file, line.data(), line.size());
    close(file);
  }

  const Start& start_;
  Agent& agent_;
  const int64_t steps_;
  const absl::Duration step_time_;
  const bool checkpoints_;
  const uint64_t architecture_;
  const uint64_t work_;
  const Fate fate_;
  int64_t step_ = 0;
  int64_t saved_ = 0;
  uint64_t chain_;
};

int Descriptor(const char* variable) {
  const char* const text = std::getenv(variable);
  int descriptor = -1;
  return text != nullptr && absl::SimpleAtoi(text, &descriptor) ? descriptor : -1;
}

int Main() {
  std::signal(SIGPIPE, SIG_IGN);
  const int in = Descriptor("CAMBRIAN_EVALUATOR_IN");
  const int out = Descriptor("CAMBRIAN_EVALUATOR_OUT");
  if (in < 0 || out < 0) {
    std::cerr << "error: a worker starts this program" << std::endl;
    return 2;
  }
  Agent agent(in, out);
  agent.Send(evaluator::Hello{kEvaluatorProtocol, "fast", kVersion, {"cpu", "cuda:0"}, {}});
  while (true) {
    const Start start = agent.Next();
    agent.Send(Training(start, agent).Run());
  }
}

}  // namespace
}  // namespace cambrian

int main() { return cambrian::Main(); }
