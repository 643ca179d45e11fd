// Cuts connections whose peer does not answer in time: neither libpq nor a server's own timeout
// helps against a server process that stands still.
#pragma once

#include <set>
#include <thread>

#include "absl/time/time.h"
#include "common/base/mutex.h"

namespace cambrian {

// Thread-safe. Looks once in a while, so a cut comes a second late at most.
class PostgresWatch {
 public:
  PostgresWatch();
  ~PostgresWatch();

  // While it lives, `socket` has until `limit` from now.
  class Guard {
   public:
    Guard(PostgresWatch& watch, int socket, absl::Duration limit);
    ~Guard();
    Guard(const Guard&) = delete;

   private:
    friend class PostgresWatch;
    PostgresWatch& watch_;
    const int socket_;
    absl::Duration deadline_;
  };

 private:
  void Look();

  Mutex mutex_;
  CondVar ending_;
  bool end_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<const Guard*> guards_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace cambrian
