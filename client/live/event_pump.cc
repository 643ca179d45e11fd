#include "client/live/event_pump.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace cambrian {
namespace {

constexpr absl::Duration kSummaryEvery = absl::Seconds(1);

}  // namespace

EventPump::EventPump(StudyClient& client, std::string study, int64_t after)
    : client_(client),
      study_(std::move(study)),
      descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this, after] { Run(after); }) {}

EventPump::~EventPump() {
  context_.TryCancel();
  thread_.join();
  close(descriptor_);
}

void EventPump::Run(int64_t after) {
  absl::Time next_summary = absl::InfinitePast();
  const absl::Status status = client_.Watch(study_, after, context_, [&](const v1::Event& event) {
    std::optional<v1::Study> summary;
    if (absl::Now() >= next_summary) {
      if (auto study = client_.GetStudy(study_); study.ok()) summary = *std::move(study);
      next_summary = absl::Now() + kSummaryEvery;
    }
    {
      MutexLock lock(&mutex_);
      batch_.events.push_back(event);
      if (summary) batch_.summary = std::move(summary);
    }
    Wake();
  });
  {
    MutexLock lock(&mutex_);
    batch_.ended = status;
  }
  Wake();
}

void EventPump::Wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(descriptor_, &one, sizeof(one));
}

EventPump::Batch EventPump::Take() {
  uint64_t ignored;
  [[maybe_unused]] const ssize_t count = read(descriptor_, &ignored, sizeof(ignored));
  MutexLock lock(&mutex_);
  return std::exchange(batch_, Batch());
}

}  // namespace cambrian
