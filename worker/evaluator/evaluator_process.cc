#include "worker/evaluator/evaluator_process.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/base/version.h"

namespace cambrian {
namespace {

constexpr size_t kLogTailBytes = 64 << 10;
constexpr size_t kMaxLineBytes = 16 << 20;
constexpr size_t kMaxLogBytesAtOnce = 4 << 20;  // a child that prints without end starves nobody

// Appends what the descriptor has now. Returns false at its end.
bool ReadAvailable(int descriptor, size_t at_most, std::string& out) {
  char buffer[64 << 10];
  for (size_t total = 0; total < at_most;) {
    const ssize_t count = read(descriptor, buffer, sizeof(buffer));
    if (count == 0) return false;
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    out.append(buffer, count);
    total += count;
  }
  return true;
}

}  // namespace

absl::StatusOr<std::unique_ptr<EvaluatorProcess>> EvaluatorProcess::Spawn(Options options,
                                                                          const Clock& clock) {
  const std::string threads = absl::StrCat(options.threads);
  ASSIGN_OR_RETURN(std::unique_ptr<ChildProcess> child,
                   ChildProcess::Spawn(options.command, {{"OMP_NUM_THREADS", threads},
                                                         {"OPENBLAS_NUM_THREADS", threads},
                                                         {"MKL_NUM_THREADS", threads}}));
  return std::unique_ptr<EvaluatorProcess>(
      new EvaluatorProcess(std::move(options), clock, std::move(child)));
}

EvaluatorProcess::EvaluatorProcess(Options options, const Clock& clock,
                                   std::unique_ptr<ChildProcess> child)
    : options_(std::move(options)),
      clock_(clock),
      child_(std::move(child)),
      heard_(clock.Monotonic()),
      hello_deadline_(clock.Monotonic() + options_.hello_timeout) {}

void EvaluatorProcess::Start(const evaluator::Start& start) {
  running_ = start.assignment;
  stopping_ = measuring_ = false;
  heard_ = clock_.Monotonic();
  if (welcomed_) log_.clear();  // what it printed while it started belongs to its first assignment
  Send(start);
}

void EvaluatorProcess::Stop() {
  if (!running_ || stopping_) return;
  stopping_ = true;
  stop_deadline_ = clock_.Monotonic() + options_.stop_grace;
  Send(evaluator::Stop{*running_});
}

void EvaluatorProcess::Send(const evaluator::Message& message) {
  std::string& lines = welcomed_ ? to_write_ : early_;
  lines += evaluator::Encode(message);
  lines += '\n';
  if (welcomed_) Flush();
}

void EvaluatorProcess::AddTo(std::vector<pollfd>& descriptors) const {
  if (!output_ended_) descriptors.push_back({child_->output(), POLLIN, 0});
  if (!exited_) descriptors.push_back({child_->log(), POLLIN, 0});
  if (!to_write_.empty() && child_->input() >= 0) {
    descriptors.push_back({child_->input(), POLLOUT, 0});
  }
}

absl::Duration EvaluatorProcess::Deadline() const {
  // A process can end without closing its pipes (its children have them too), so look now and then.
  const absl::Duration look = output_ended_ ? absl::Milliseconds(5) : absl::Milliseconds(200);
  return std::min({hello_deadline_, stop_deadline_, exit_deadline_, SilenceDeadline(),
                   clock_.Monotonic() + look});
}

std::vector<EvaluatorProcess::Event> EvaluatorProcess::Work() {
  std::vector<Event> events;
  if (exited_) return events;
  const bool exited = child_->Reap();  // before reading: what it said before it ended counts
  Flush();
  ReadLog();
  ReadMessages(events);
  CheckDeadlines();
  if (!exited) return events;

  exited_ = true;
  ReadLog();
  EvaluatorExited end{killed_because_.empty() ? absl::StrCat("evaluator \"", options_.name,
                                                             "\" ended ", child_->ending())
                                              : killed_because_};
  if (running_) {
    EvaluatorOutcome outcome = End();
    outcome.error = stopping_                          ? evaluator::Error::Kind::kStopped
                    : killed_because_.empty() || hung_ ? evaluator::Error::Kind::kCrashed
                                                       : evaluator::Error::Kind::kFailed;
    outcome.reason = stopping_ ? "stopped" : end.reason;
    events.push_back(std::move(outcome));
  }
  events.push_back(std::move(end));
  return events;
}

void EvaluatorProcess::Flush() {
  while (!to_write_.empty() && child_->input() >= 0) {
    const ssize_t count = write(child_->input(), to_write_.data(), to_write_.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      if (errno != EAGAIN) to_write_.clear();  // it has gone: its end will be noticed
      return;
    }
    to_write_.erase(0, count);
  }
}

void EvaluatorProcess::ReadLog() {
  ReadAvailable(child_->log(), kMaxLogBytesAtOnce, log_);
  if (log_.size() > kLogTailBytes) log_.erase(0, log_.size() - kLogTailBytes);
}

void EvaluatorProcess::ReadMessages(std::vector<Event>& events) {
  if (output_ended_) return;
  const size_t seen = line_.size();
  if (!ReadAvailable(child_->output(), kMaxLineBytes, line_)) {
    output_ended_ = true;
    exit_deadline_ = clock_.Monotonic() + options_.stop_grace;
  }
  size_t begin = 0;
  for (size_t end = line_.find('\n', seen); end != std::string::npos && killed_because_.empty();
       end = line_.find('\n', begin)) {
    HandleLine(absl::string_view(line_).substr(begin, end - begin), events);
    begin = end + 1;
  }
  line_.erase(0, begin);
  if (line_.size() > kMaxLineBytes) Kill("sent a line longer than 16 MiB");
}

void EvaluatorProcess::HandleLine(absl::string_view line, std::vector<Event>& events) {
  heard_ = clock_.Monotonic();
  absl::StatusOr<evaluator::Message> decoded = evaluator::Decode(line);
  if (!decoded.ok()) {
    return Kill(absl::StrCat("sent a bad line: ", decoded.status().message()));
  }
  if (const auto* hello = std::get_if<evaluator::Hello>(&*decoded)) {
    return HandleHello(*hello, events);
  }
  if (!welcomed_) return Kill("did not say hello first");
  if (std::holds_alternative<evaluator::Paused>(*decoded)) {
    events.push_back(evaluator::Paused{});
    return;
  }
  // Of an assignment that is over, nothing counts any longer.
  const auto about = [this](const auto& m) { return running_ && m.assignment == *running_; };
  if (const auto* progress = std::get_if<evaluator::Progress>(&*decoded)) {
    if (about(*progress)) events.push_back(*progress);
  } else if (const auto* acquire = std::get_if<evaluator::Acquire>(&*decoded)) {
    if (!about(*acquire)) return;
    measuring_ = true;
    events.push_back(*acquire);
  } else if (const auto* release = std::get_if<evaluator::Release>(&*decoded)) {
    if (!about(*release)) return;
    measuring_ = false;
    events.push_back(*release);
  } else if (auto* result = std::get_if<evaluator::Result>(&*decoded)) {
    if (!about(*result)) return;
    EvaluatorOutcome outcome = End();
    outcome.metrics = std::move(result->metrics);
    outcome.checkpoint = std::move(result->checkpoint);
    events.push_back(std::move(outcome));
  } else if (auto* error = std::get_if<evaluator::Error>(&*decoded)) {
    if (!about(*error)) return;
    EvaluatorOutcome outcome = End();
    // One that stops untold has failed.
    const bool untold = error->kind == evaluator::Error::Kind::kStopped && !stopping_;
    outcome.error = untold ? evaluator::Error::Kind::kFailed : error->kind;
    outcome.reason = std::move(error->message);
    if (outcome.error == evaluator::Error::Kind::kStopped) {
      outcome.checkpoint = std::move(error->checkpoint);
    }
    events.push_back(std::move(outcome));
  } else {
    Kill("sent a message that only agents send");
  }
}

void EvaluatorProcess::HandleHello(const evaluator::Hello& hello, std::vector<Event>& events) {
  if (welcomed_) return Kill("said hello twice");
  if (hello.protocol != kEvaluatorProtocol) {
    const bool older = hello.protocol < kEvaluatorProtocol;
    return Kill(absl::StrCat("(version ", hello.version, ") speaks evaluator protocol ",
                             hello.protocol, ", this worker (version ", kVersion, ") speaks ",
                             kEvaluatorProtocol, ": the ", older ? "evaluator" : "worker",
                             " is too old"));
  }
  welcomed_ = true;
  hello_deadline_ = absl::InfiniteDuration();
  Send(evaluator::Welcome{kEvaluatorProtocol, kVersion});
  to_write_ += std::exchange(early_, "");
  Flush();
  events.push_back(hello);
}

absl::Duration EvaluatorProcess::SilenceDeadline() const {
  const bool works = running_ && welcomed_ && !paused_ && !frozen_ && !measuring_;
  return works && killed_because_.empty() ? heard_ + options_.silence : absl::InfiniteDuration();
}

void EvaluatorProcess::CheckDeadlines() {
  const absl::Duration now = clock_.Monotonic();
  if (now >= SilenceDeadline()) {
    hung_ = true;
    Kill(absl::StrCat("hangs: it has not said anything for ",
                      absl::FormatDuration(options_.silence)));
  }
  if (now >= hello_deadline_) {
    Kill(absl::StrCat("did not say hello within ", absl::FormatDuration(options_.hello_timeout)));
  }
  if (now >= stop_deadline_) Kill("did not stop when told");
  if (now >= exit_deadline_) Kill("closed its pipe without ending");
}

void EvaluatorProcess::Kill(std::string reason) {
  child_->Signal(SIGKILL);
  hello_deadline_ = stop_deadline_ = exit_deadline_ = absl::InfiniteDuration();
  if (killed_because_.empty()) {
    killed_because_ = absl::StrCat("evaluator \"", options_.name, "\" ", reason);
  }
}

EvaluatorOutcome EvaluatorProcess::End() {
  ReadLog();  // what it printed before it answered
  EvaluatorOutcome outcome;
  outcome.assignment = *std::exchange(running_, std::nullopt);
  outcome.log = std::exchange(log_, "");
  stop_deadline_ = absl::InfiniteDuration();
  return outcome;
}

}  // namespace cambrian
