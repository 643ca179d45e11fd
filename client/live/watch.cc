#include "client/live/watch.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/format/json.h"
#include "client/format/time.h"
#include "client/live/event_pump.h"
#include "client/live/progress.h"
#include "client/live/screen.h"
#include "client/live/view.h"
#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/wire/convert.h"

namespace cambrian {
namespace {

// At most five pictures a second, and one where nothing happens but time.
constexpr absl::Duration kRedraw = absl::Milliseconds(200);
constexpr int kIdleMs = 1000;
constexpr absl::Duration kReconnectPatience = absl::Minutes(10);

std::string EventJson(const v1::Event& event) {
  nlohmann::ordered_json json = {{"event", event.number()},
                                 {"time", FormatUtc(FromProto(event.time()))}};
  if (event.has_trial()) {
    v1::Trial trial = event.trial();
    trial.set_on_front(event.on_front());
    json["trial"] = TrialToJson(trial);
  } else {
    json["study_state"] = StudyStateName(event.state());
  }
  return JsonLine(json);
}

class Watcher {
 public:
  Watcher(std::string name, const StudySpec& study, std::unique_ptr<StudyClient>& client,
          Interrupt& interrupt, const WatchOptions& options)
      : name_(std::move(name)),
        client_(client),
        interrupt_(interrupt),
        options_(options),
        live_(!options.quiet && !options.json_events && Terminal::Of(STDERR_FILENO).is_terminal),
        progress_(study) {}

  absl::StatusOr<v1::Study> Run() {
    const absl::Status status = Loop();
    if (live_) screen_.Clear(Terminal::Of(STDERR_FILENO).width);
    RETURN_IF_ERROR(status);
    return client_->GetStudy(name_);
  }

 private:
  absl::Status Loop() {
    RETURN_IF_ERROR(Start());
    while (true) {
      RETURN_IF_ERROR(Wait());
      EventPump::Batch batch = pump_->Take();
      Handle(batch);
      if (batch.ended) {
        if (batch.ended->ok()) return absl::OkStatus();
        RETURN_IF_ERROR(Resume(*batch.ended));
      }
      Draw();
    }
  }

  // What there is already, then what comes.
  absl::Status Start() {
    ASSIGN_OR_RETURN(v1::Study summary, client_->GetStudy(name_));
    ASSIGN_OR_RETURN(std::vector<v1::Trial> trials, client_->ListTrials(name_));
    for (const v1::Trial& trial : trials) progress_.AddTrial(trial);
    last_event_ = summary.event();
    progress_.SetSummary(summary, Clock::System().Monotonic());
    pump_ = std::make_unique<EventPump>(*client_, name_, last_event_);
    return absl::OkStatus();
  }

  // Sleeps until something happens. \error kCancelled after an interrupt.
  absl::Status Wait() {
    std::vector<pollfd> waiting = {{interrupt_.descriptor(), POLLIN, 0},
                                   {pump_->descriptor(), POLLIN, 0}};
    for (const int descriptor : options_.descriptors()) waiting.push_back({descriptor, POLLIN, 0});
    poll(waiting.data(), waiting.size(), live_ ? DrawDelayMs() : -1);
    if (interrupt_.count() > 0) return absl::CancelledError("interrupted");
    return options_.check();
  }

  void Handle(EventPump::Batch& batch) {
    for (const v1::Event& event : batch.events) {
      last_event_ = std::max(last_event_, event.number());
      const bool ended = progress_.Apply(event);
      if (options_.json_events) std::cout << EventJson(event) << std::flush;
      if (options_.quiet || options_.json_events || live_) continue;
      if (!ended && event.has_trial()) continue;
      const std::string line = RenderEvent(event, progress_.study(), absl::LocalTimeZone());
      if (!line.empty()) std::cerr << line << std::endl;
    }
    if (batch.summary) progress_.SetSummary(*batch.summary, Clock::System().Monotonic());
  }

  // Goes on after the last event heard, over another connection if the server has gone.
  absl::Status Resume(const absl::Status& why) {
    if (!absl::IsUnavailable(why)) return why;
    pump_.reset();
    const absl::Time until = absl::Now() + kReconnectPatience;
    while (true) {
      auto again = options_.reconnect();
      if (again.ok()) {
        client_ = *std::move(again);
        break;
      }
      if (!absl::IsUnavailable(again.status()) || absl::Now() > until) return again.status();
      pollfd waiting = {interrupt_.descriptor(), POLLIN, 0};
      poll(&waiting, 1, kIdleMs);
      if (interrupt_.count() > 0) return absl::CancelledError("interrupted");
    }
    pump_ = std::make_unique<EventPump>(*client_, name_, last_event_);
    return absl::OkStatus();
  }

  // Until the next picture is due: soon if one was put off, so that the newest is always shown.
  int DrawDelayMs() const {
    if (!draw_put_off_) return kIdleMs;
    const int64_t left = absl::ToInt64Milliseconds(next_draw_ - absl::Now());
    return static_cast<int>(std::clamp<int64_t>(left + 1, 1, kIdleMs));
  }

  void Draw() {
    if (!live_) return;
    draw_put_off_ = absl::Now() < next_draw_;
    if (draw_put_off_) return;
    next_draw_ = absl::Now() + kRedraw;
    const Terminal terminal = Terminal::Of(STDERR_FILENO);
    // One column is left free: a terminal may wrap after its last one.
    const auto lines =
        RenderLive(progress_, Clock::System().Monotonic(), terminal.width - 1, terminal.colour);
    screen_.Draw(lines, terminal.width);
  }

  const std::string name_;
  std::unique_ptr<StudyClient>& client_;
  Interrupt& interrupt_;
  const WatchOptions& options_;
  const bool live_;
  StudyProgress progress_;
  Screen screen_{[](absl::string_view text) { WriteAll(STDERR_FILENO, text); }};
  std::unique_ptr<EventPump> pump_;
  int64_t last_event_ = 0;
  absl::Time next_draw_ = absl::InfinitePast();
  bool draw_put_off_ = false;
};

}  // namespace

absl::StatusOr<v1::Study> WatchStudy(const std::string& name, const StudySpec& study,
                                     std::unique_ptr<StudyClient>& client, Interrupt& interrupt,
                                     const WatchOptions& options) {
  return Watcher(name, study, client, interrupt, options).Run();
}

}  // namespace cambrian
