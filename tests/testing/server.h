// A whole server in this process: what cambrian-server wires, over real gRPC.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "server/artifact/files.h"
#include "server/rpc/door.h"
#include "server/rpc/rpc_server.h"
#include "server/store/memory.h"
#include "server/store/sqlite.h"
#include "server/study/decision_loop.h"
#include "tests/testing/temporary_folder.h"

namespace cambrian::testing {

// How a server differs from the simplest one.
struct ServerSetup {
  bool in_memory =
      false;  // its store; else SQLite in the folder, which the next server finds again
  Limits limits = {};
  std::string tokens = {};  // a file, or empty
  std::optional<TlsFiles> tls = {};
  Coordinator::Options coordinator = {};
};

// For one server's life: it begins and ends with the object. A call that does not end keeps it from
// ending. Throws if it cannot begin.
class Server {
 public:
  // `listen` as in cambrian-server's flag. The folder outlives it.
  Server(const TemporaryFolder& folder, const std::string& listen, const ServerSetup& setup = {})
      : store_(setup.in_memory ? NewMemoryStore() : OpenSqliteStore(folder / "test.db").value()),
        artifacts_(OpenArtifactFiles(folder / "artifacts").value()),
        tokens_(setup.tokens.empty() ? nullptr : TokenFile::Open(setup.tokens).value()),
        door_(tokens_.get(), setup.limits, Clock::System(), Observer()),
        queries_(*store_, &events_),
        executor_(2),
        watchers_(queries_, executor_),
        coordinator_(setup.coordinator, *store_, Clock::System(), reader_,
                     ListenerFor(events_, watchers_)),
        server_(coordinator_, queries_, reader_, *artifacts_, watchers_, executor_, door_,
                setup.limits),
        loop_(coordinator_) {
    address_ = server_.Start({ParseListenAddress(listen).value()}, setup.tls).value().at(0);
  }
  ~Server() {
    coordinator_.Drain();
    server_.Shutdown(absl::Hours(1));
    loop_.Stop();
    executor_.Stop();
  }

  const std::string& address() const { return address_; }
  RpcServer& rpc() { return server_; }
  TokenFile& tokens() { return *tokens_; }
  TrialStore& store() { return *store_; }
  // "StudyService/GetStudy NOT_FOUND": each answer that was given, once.
  std::set<std::string> answered() const {
    MutexLock lock(&mutex_);
    return answered_;
  }

 private:
  CallObserver Observer() {
    return [this](absl::string_view method, absl::StatusCode code, absl::Duration) {
      MutexLock lock(&mutex_);
      answered_.insert(absl::StrCat(method, " ", absl::StatusCodeToString(code)));
    };
  }

  mutable Mutex mutex_;
  std::set<std::string> answered_ ABSL_GUARDED_BY(mutex_);
  const StudyReader reader_ = NewStudyReader();
  const std::unique_ptr<TrialStore> store_;
  const std::unique_ptr<ArtifactStore> artifacts_;
  const std::unique_ptr<TokenFile> tokens_;
  Door door_;
  EventTail events_;
  const Queries queries_;
  Executor executor_;
  Watchers watchers_;
  Coordinator coordinator_;
  RpcServer server_;
  DecisionLoop loop_;
  std::string address_;
};

}  // namespace cambrian::testing
