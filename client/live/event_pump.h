// A study's events, read on a thread of its own and handed over where they are wanted.
#pragma once

#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "client/service/study_client.h"
#include "common/base/mutex.h"
#include "grpcpp/client_context.h"

namespace cambrian {

// Thread-safe; `Take` is for one thread.
class EventPump {
 public:
  struct Batch {
    std::vector<v1::Event> events;
    std::optional<v1::Study> summary;   // taken about once a second while events come
    std::optional<absl::Status> ended;  // the stream has ended: OK if the study has
  };

  // `client` must outlive it.
  EventPump(StudyClient& client, std::string study, int64_t after);
  // Cancels the stream.
  ~EventPump();

  // Readable while there is something to take: for poll().
  int descriptor() const { return descriptor_; }
  Batch Take();

 private:
  void Run(int64_t after);
  void Wake();

  StudyClient& client_;
  const std::string study_;
  const int descriptor_;
  grpc::ClientContext context_;

  Mutex mutex_;
  Batch batch_ ABSL_GUARDED_BY(mutex_);

  std::thread thread_;  // last: it uses all the others
};

}  // namespace cambrian
