#include "server/store/postgres_watch.h"

#include <sys/socket.h>

#include "common/base/clock.h"

namespace cambrian {
namespace {

constexpr absl::Duration kPeriod = absl::Seconds(1);

}  // namespace

PostgresWatch::PostgresWatch() : thread_([this] { Look(); }) {}

PostgresWatch::~PostgresWatch() {
  {
    MutexLock lock(&mutex_);
    end_ = true;
    ending_.SignalAll();
  }
  thread_.join();
}

void PostgresWatch::Look() {
  MutexLock lock(&mutex_);
  while (!end_) {
    ending_.WaitWithTimeout(&mutex_, kPeriod);
    const absl::Duration now = Clock::System().Monotonic();
    for (const Guard* guard : guards_) {
      // The descriptor stays the connection's own: whoever waits on it reads an end of file.
      if (guard->deadline_ <= now) shutdown(guard->socket_, SHUT_RDWR);
    }
  }
}

PostgresWatch::Guard::Guard(PostgresWatch& watch, int socket, absl::Duration limit)
    : watch_(watch), socket_(socket), deadline_(Clock::System().Monotonic() + limit) {
  MutexLock lock(&watch_.mutex_);
  watch_.guards_.insert(this);
}

PostgresWatch::Guard::~Guard() {
  MutexLock lock(&watch_.mutex_);
  watch_.guards_.erase(this);
}

}  // namespace cambrian
