// The server and the worker of one machine: what `cambrian run` starts and ends.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/local/child.h"
#include "client/local/state_folder.h"
#include "client/service/study_client.h"

namespace cambrian {

// Joins the server that holds the state folder's lock, or starts one, and a worker if one is
// wanted. What it started ends with it. Not thread-safe.
class LocalCluster {
 public:
  struct Options {
    int slots = 0;    // of the worker; 0: none
    int threads = 1;  // of each slot
    // Also where the joined server has workers already.
    bool worker_in_any_case = false;
    std::vector<std::string> evaluators;  // "name=path": offered beside "torch"
    std::vector<std::string> data_roots;  // "name=path": where the worker finds such data
  };

  LocalCluster(StateFolder folder, Options options)
      : folder_(std::move(folder)), options_(std::move(options)) {}
  ~LocalCluster() {
    Stop(absl::Seconds(5), [] { return false; });
  }

  // A connection to the folder's server, after starting what is missing: also for going on when
  // the server that was joined has left with its owner.
  // \error kUnavailable, kInternal with the end of the log of a program that did not start.
  absl::StatusOr<std::unique_ptr<StudyClient>> Connect();

  // \error kInternal if a program that we started has ended, with its last words.
  absl::Status Check();
  // Readable when one of them ends: for poll().
  std::vector<int> pidfds() const;

  // Asks the worker and then the server to end, and waits at most `patience` for each. Once `hurry`
  // says so they are killed.
  void Stop(absl::Duration patience, const std::function<bool()>& hurry);

  const StateFolder& folder() const { return folder_; }
  bool owns_worker() const { return worker_ != nullptr; }

 private:
  std::string Address() const { return "unix:" + folder_.Socket(); }
  // Starts the server if nobody else has the lock. True once somebody listens.
  absl::StatusOr<bool> EnsureServer();
  absl::Status StartServer();
  absl::Status EnsureWorker(StudyClient& client);
  absl::Status StartWorker();

  const StateFolder folder_;
  const Options options_;
  std::optional<FileLock> server_lock_;
  std::optional<FileLock> worker_lock_;
  std::unique_ptr<Child> server_;
  std::unique_ptr<Child> worker_;
};

}  // namespace cambrian
