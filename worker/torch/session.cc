#include "worker/torch/session.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/version.h"

namespace cambrian {
namespace {

using evaluator::Acquired;
using evaluator::Message;
using evaluator::Pause;
using evaluator::Paused;
using evaluator::Progress;
using evaluator::Resume;
using evaluator::Start;
using evaluator::Stop;
using evaluator::Welcome;

constexpr size_t kMaxLineBytes = 16 << 20;

}  // namespace

absl::Status Session::ReadUntilClosed() {
  std::string buffer;
  char chunk[1 << 16];
  while (true) {
    const ssize_t count = read(in_, chunk, sizeof(chunk));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return absl::OkStatus();
    const size_t searched = buffer.size();
    buffer.append(chunk, static_cast<size_t>(count));
    size_t start = 0;
    for (size_t end = buffer.find('\n', searched); end != std::string::npos;
         end = buffer.find('\n', start)) {
      ASSIGN_OR_RETURN(const Message message,
                       evaluator::Decode(absl::string_view(buffer).substr(start, end - start)));
      RETURN_IF_ERROR(Obey(message));
      start = end + 1;
    }
    buffer.erase(0, start);
    if (buffer.size() > kMaxLineBytes) return absl::InvalidArgumentError("a line is too long");
  }
}

absl::Status Session::Obey(const Message& message) {
  if (const auto* welcome = std::get_if<Welcome>(&message)) {
    if (welcome->protocol == kEvaluatorProtocol) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat(
        "the agent (", welcome->version, ") speaks protocol ", welcome->protocol,
        ", this evaluator (", kVersion, ") ", kEvaluatorProtocol, ": the ",
        welcome->protocol < kEvaluatorProtocol ? "agent" : "evaluator", " is too old"));
  }
  if (const auto* start = std::get_if<Start>(&message)) return Begin(*start);
  const MutexLock lock(&mutex_);
  if (const auto* stop = std::get_if<Stop>(&message)) {
    if (stop->assignment == assignment_) stop_ = true;
  } else if (std::holds_alternative<Pause>(message)) {
    pause_ = true;
    pause_answered_ = false;
    if (!working_) AnswerPause();
  } else if (std::holds_alternative<Resume>(message)) {
    if (pause_) AnswerPause();  // each pause is answered, also one that no step came after
    pause_ = false;
  } else if (std::holds_alternative<Acquired>(message)) {
    acquired_ = true;
  } else {
    return absl::InvalidArgumentError("an evaluator's message came from the agent");
  }
  changed_.SignalAll();
  return absl::OkStatus();
}

absl::Status Session::Begin(const Start& start) {
  const MutexLock lock(&mutex_);
  if (!assignment_.empty()) {
    return absl::InvalidArgumentError("a second assignment was started");
  }
  assignment_ = start.assignment;
  stop_ = false;
  next_ = start;
  changed_.SignalAll();
  return absl::OkStatus();
}

void Session::Send(const Message& message) {
  const std::string line = Encode(message) + "\n";
  const MutexLock lock(&send_mutex_);
  for (size_t sent = 0; sent < line.size();) {
    const ssize_t count = write(out_, line.data() + sent, line.size() - sent);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) std::_Exit(1);  // nobody is left to work for
    sent += static_cast<size_t>(count);
  }
}

Start Session::Next() {
  const MutexLock lock(&mutex_);
  while (!next_.has_value()) changed_.Wait(&mutex_);
  SetWorking(true);
  return *std::exchange(next_, std::nullopt);
}

void Session::Finish(const Message& outcome) {
  {
    const MutexLock lock(&mutex_);
    assignment_.clear();  // before the agent hears of it and starts the next one
  }
  Send(outcome);
  const MutexLock lock(&mutex_);
  SetWorking(false);
}

absl::Status Session::Proceed() {
  const MutexLock lock(&mutex_);
  while (pause_ && !stop_) {
    AnswerPause();
    changed_.Wait(&mutex_);
  }
  return stop_ ? absl::CancelledError("stopped") : absl::OkStatus();
}

void Session::Report(const Progress& progress) { Send(progress); }

absl::Status Session::Acquire() {
  std::string assignment;
  {
    const MutexLock lock(&mutex_);
    acquired_ = false;
    assignment = assignment_;
  }
  Send(evaluator::Acquire{assignment});
  const MutexLock lock(&mutex_);
  SetWorking(false);
  while (!acquired_ && !stop_) changed_.Wait(&mutex_);
  SetWorking(true);
  return stop_ ? absl::CancelledError("stopped") : absl::OkStatus();
}

void Session::Release() {
  std::string assignment;
  {
    const MutexLock lock(&mutex_);
    assignment = assignment_;
  }
  Send(evaluator::Release{assignment});
}

void Session::SetWorking(bool working) {
  working_ = working;
  if (!working_ && pause_) AnswerPause();
}

void Session::AnswerPause() {
  if (pause_answered_) return;
  pause_answered_ = true;
  Send(Paused{});
}

}  // namespace cambrian
