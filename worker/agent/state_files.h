// States that trainings can go on from: taken from evaluators and uploaded, fetched and handed out.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "worker/agent/server_client.h"
#include "worker/agent/task_thread.h"

namespace cambrian {

// Thread-safe. Uploads on a thread of its own, one at a time; of an assignment only the newest file
// counts. An upload that fails is not tried again: the next state comes soon.
class StateFiles {
 public:
  // `folder` is emptied. `on_uploaded` is called on the uploading thread. The client must outlive
  // this.
  using OnUploaded = std::function<void(int64_t token, const std::string& sha256)>;
  StateFiles(std::string folder, ServerClient& server, OnUploaded on_uploaded);

  // Takes the file away from where it is and uploads it. A name that leads elsewhere (a link) is
  // ignored.
  void Submit(int64_t token, const std::string& file);
  // What is not uploaded yet of an assignment that has ended, as a file that is now the caller's;
  // empty: nothing.
  std::string Take(int64_t token);
  // Moves a file here, for Take. Nothing is uploaded.
  void Keep(int64_t token, const std::string& file);

  // Writes the artifact to `path`, from the server or from what was fetched before.
  // \error the server's; kInvalidArgument for what is no hash
  absl::Status Fetch(const std::string& sha256, const std::string& path);

 private:
  std::string Move(int64_t token, const std::string& file);
  void Upload(int64_t token);
  void ForgetOld();

  const std::string folder_;
  ServerClient& server_;
  const OnUploaded on_uploaded_;
  Mutex mutex_;
  std::map<int64_t, std::string> waiting_ ABSL_GUARDED_BY(mutex_);  // or under way
  int64_t count_ ABSL_GUARDED_BY(mutex_) = 0;
  TaskThread uploads_;  // last: it uses the rest
};

}  // namespace cambrian
