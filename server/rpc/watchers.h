// Those who watch a study: its events so far, then those that come.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "cambrian/v1/study_service.grpc.pb.h"
#include "common/base/mutex.h"
#include "server/rpc/door.h"
#include "server/rpc/executor.h"
#include "server/study/event_tail.h"
#include "server/study/observer.h"
#include "server/study/queries.h"

namespace cambrian {

// Thread-safe. A watcher sees committed events only, each once, in order, from whatever number it
// starts. `executor` and `queries` outlive it; it outlives the gRPC server.
class Watchers {
 public:
  Watchers(const Queries& queries, Executor& executor) : queries_(queries), executor_(executor) {}

  // A stream of the study's events after number `after`, owned by gRPC; or a refusal, if `entry` is
  // one.
  grpc::ServerWriteReactor<v1::Event>* Watch(Entry entry, std::string study, int64_t after);

  // These studies have new events, or any may have. They do not block.
  void Notify(const Batch& batch);
  void NotifyAll();

  // Ends all streams, and those that come later, with UNAVAILABLE: the server is going down.
  void End();

 private:
  class Stream;

  void Register(int64_t study, std::shared_ptr<Stream> stream);
  void Unregister(const std::shared_ptr<Stream>& stream);

  const Queries& queries_;
  Executor& executor_;
  Mutex mutex_;
  std::map<int64_t, std::set<std::shared_ptr<Stream>>> streams_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

// Keeps `events` and tells the watchers of them. Both outlive the coordinator that has it.
CoordinatorListener ListenerFor(EventTail& events, Watchers& watchers);

}  // namespace cambrian
