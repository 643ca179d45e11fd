#include "server/rpc/watchers.h"

#include <deque>
#include <utility>

#include "common/wire/convert.h"

namespace cambrian {

// One watcher. It reads a page of events on the executor, writes them one by one, reads the next
// page; when there is none it sleeps until it is notified. Finishes once: at the study's end, at an
// error, or when the caller hangs up.
class Watchers::Stream : public grpc::ServerWriteReactor<v1::Event> {
 public:
  Stream(Watchers& watchers, Entry entry, std::string study, int64_t after)
      : watchers_(watchers), entry_(std::move(entry)), study_(std::move(study)), after_(after) {}

  void Begin(std::shared_ptr<Stream> self) {
    self_ = self;
    if (!entry_.status().ok()) return FinishOnce(entry_.status());
    watchers_.executor_.Run([self] { self->Resolve(self); });
  }

  // There may be more in the store.
  void Wake() {
    MutexLock lock(&mutex_);
    news_ = true;
    if (!busy_ && !finished_) StartRead();
  }

  // Finishes as soon as it neither reads nor writes.
  void End() {
    MutexLock lock(&mutex_);
    ending_ = true;
    if (!busy_) Continue();
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return FinishOnce(absl::CancelledError("the caller hung up"));
    MutexLock lock(&mutex_);
    page_.events.pop_front();
    Continue();
  }
  void OnCancel() override { FinishOnce(absl::CancelledError("the caller hung up")); }
  void OnDone() override {
    entry_.Depart();
    std::shared_ptr<Stream> self = std::move(self_);
    watchers_.Unregister(self);
  }

 private:
  struct Page {
    std::deque<v1::Event> events;
    bool last = false;
  };

  // Finds the study, and reads for the first time.
  void Resolve(const std::shared_ptr<Stream>& self) {
    const absl::StatusOr<std::string> name = watchers_.queries_.Resolve(entry_.scope(), study_);
    const absl::StatusOr<int64_t> id =
        name.ok() ? watchers_.queries_.StudyId(*name) : name.status();
    if (!id.ok()) return FinishOnce(id.status());
    study_ = *name;
    // Before the first read, so that no event falls between the two.
    watchers_.Register(*id, self);
    if (IsFinished()) return watchers_.Unregister(self);  // it may be done already
    Read();
  }

  // Reads a page; on the executor, while `busy_`.
  void Read() {
    absl::StatusOr<Queries::EventPage> page = watchers_.queries_.Events(study_, after_);
    if (!page.ok()) return FinishOnce(page.status());
    MutexLock lock(&mutex_);
    page_.events.assign(std::make_move_iterator(page->events.begin()),
                        std::make_move_iterator(page->events.end()));
    page_.last = page->last;
    if (!page_.events.empty()) {
      after_ = page_.events.back().number();
      news_ = true;  // perhaps there is another page
    }
    Continue();
  }

  void StartRead() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    busy_ = true;
    news_ = false;
    watchers_.executor_.Run([self = self_] { self->Read(); });
  }

  // The next step: finish, write, read or sleep.
  void Continue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (finished_) return;
    if (ending_) {
      finished_ = true;
      entry_.Leave(absl::StatusCode::kUnavailable);
      Finish(ToGrpc(absl::UnavailableError("the server is going down")));
    } else if (!page_.events.empty()) {
      StartWrite(&page_.events.front());
    } else if (page_.last) {
      finished_ = true;
      entry_.Leave(absl::StatusCode::kOk);
      Finish(grpc::Status::OK);
    } else if (news_) {
      StartRead();
    } else {
      busy_ = false;
    }
  }

  bool IsFinished() {
    MutexLock lock(&mutex_);
    return finished_;
  }

  void FinishOnce(const absl::Status& status) {
    MutexLock lock(&mutex_);
    if (finished_) return;
    finished_ = true;
    entry_.Leave(status.code());
    Finish(ToGrpc(status));
  }

  Watchers& watchers_;
  Entry entry_;
  std::string study_;
  int64_t after_;
  std::shared_ptr<Stream> self_;
  Mutex mutex_;
  Page page_ ABSL_GUARDED_BY(mutex_);          // what is left to write; the first is being written
  bool busy_ ABSL_GUARDED_BY(mutex_) = true;   // reading or writing
  bool news_ ABSL_GUARDED_BY(mutex_) = false;  // since the last read began
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

grpc::ServerWriteReactor<v1::Event>* Watchers::Watch(Entry entry, std::string study,
                                                     int64_t after) {
  auto stream = std::make_shared<Stream>(*this, std::move(entry), std::move(study), after);
  stream->Begin(stream);
  return stream.get();
}

void Watchers::Notify(const Batch& batch) {
  std::vector<std::shared_ptr<Stream>> streams;
  {
    MutexLock lock(&mutex_);
    const auto add = [this, &streams](int64_t study) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      const auto it = streams_.find(study);
      if (it != streams_.end()) streams.insert(streams.end(), it->second.begin(), it->second.end());
    };
    for (const StudyRecord& study : batch.studies) add(study.id);
    for (const int64_t study : batch.deleted) add(study);
  }
  for (const std::shared_ptr<Stream>& stream : streams) stream->Wake();
}

void Watchers::NotifyAll() {
  std::map<int64_t, std::set<std::shared_ptr<Stream>>> streams;
  {
    MutexLock lock(&mutex_);
    streams = streams_;
  }
  for (const auto& [study, watching] : streams) {
    for (const std::shared_ptr<Stream>& stream : watching) stream->Wake();
  }
}

void Watchers::End() {
  std::map<int64_t, std::set<std::shared_ptr<Stream>>> streams;
  {
    MutexLock lock(&mutex_);
    ended_ = true;
    streams = streams_;
  }
  for (const auto& [study, watching] : streams) {
    for (const std::shared_ptr<Stream>& stream : watching) stream->End();
  }
}

void Watchers::Register(int64_t study, std::shared_ptr<Stream> stream) {
  bool ended = false;
  {
    MutexLock lock(&mutex_);
    ended = ended_;
    streams_[study].insert(stream);
  }
  if (ended) stream->End();
}

void Watchers::Unregister(const std::shared_ptr<Stream>& stream) {
  MutexLock lock(&mutex_);
  for (auto it = streams_.begin(); it != streams_.end(); ++it) {
    if (it->second.erase(stream) == 0) continue;
    if (it->second.empty()) streams_.erase(it);
    return;
  }
}

CoordinatorListener ListenerFor(EventTail& events, Watchers& watchers) {
  CoordinatorListener listener;
  listener.on_commit = [&events, &watchers](const Batch& batch) {
    events.Add(batch);
    watchers.Notify(batch);
  };
  listener.on_drop = [&events] { events.Clear(); };
  // Not before: while the store is away every look at it would end the watchers' calls.
  listener.on_load = [&events, &watchers] {
    events.Clear();
    watchers.NotifyAll();
  };
  return listener;
}

}  // namespace cambrian
