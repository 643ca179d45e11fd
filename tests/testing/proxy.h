// A TCP proxy between two programs that can do what networks do: cut, stall, swallow answers.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <list>
#include <string>
#include <thread>
#include <vector>

namespace cambrian::testing {

// Listens on a free port of 127.0.0.1 and hands every connection on to another port. One thread of
// its own; the methods may be called from any.
class Proxy {
 public:
  explicit Proxy(int to_port) : to_port_(to_port) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_in address = Loopback(0);
    bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    listen(listener_, 64);
    socklen_t length = sizeof(address);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    thread_ = std::thread([this] { Run(); });
  }
  ~Proxy() {
    ending_ = true;
    Wake();
    thread_.join();
    close(listener_);
    close(wake_);
  }
  Proxy(const Proxy&) = delete;

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  // The server may have moved to another port; new connections go there.
  void SetTarget(int port) { to_port_ = port; }
  // Resets all connections.
  void Cut() {
    cut_ = true;
    Wake();
  }
  // Resets the connection that has carried so many more bytes to the server in all: in the middle
  // of an upload, say. Once.
  void CutAfterUpload(int64_t bytes) { upload_budget_ = bytes; }
  // Cuts in place of the next bytes of the server that follow a message of the client of at least
  // `bytes`: the server has acted, its answer is lost. Once.
  void LoseAnswer(int64_t bytes) { lose_after_ = bytes; }
  // While stalled, nothing passes.
  void Stall(bool stalled) {
    stalled_ = stalled;
    Wake();
  }

  int64_t cuts() const { return cuts_; }

 private:
  struct Pair {
    int client = -1;
    int server = -1;
    bool told = false;  // the server has got the message whose answer is to be lost
  };

  static sockaddr_in Loopback(int port) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }

  void Wake() const {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof(one));
  }

  void Accept() {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return;
    const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = Loopback(to_port_);
    const int yes = 1;
    for (const int end : {client, server}) {
      setsockopt(end, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    }
    Pair pair;
    pair.client = client;
    pair.server = server;
    if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      Reset(pair);
      return;
    }
    pairs_.push_back(pair);
  }

  // Closes with RST, so that nobody waits.
  static void Reset(const Pair& pair) {
    const linger at_once = {1, 0};
    for (const int end : {pair.client, pair.server}) {
      setsockopt(end, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
      close(end);
    }
  }

  static bool SendAll(int to, const char* data, ssize_t size) {
    while (size > 0) {
      const ssize_t count = send(to, data, static_cast<size_t>(size), MSG_NOSIGNAL);
      if (count <= 0) return false;
      data += count;
      size -= count;
    }
    return true;
  }

  // Hands on what waits at one end. False: the connection is over.
  bool Pump(Pair& pair, bool upwards) {
    char buffer[1 << 16];
    const ssize_t count = recv(upwards ? pair.client : pair.server, buffer, sizeof(buffer), 0);
    if (count <= 0) return false;
    if (!upwards && pair.told) {
      lose_after_ = -1;
      ++cuts_;
      return false;
    }
    ssize_t send_bytes = count;
    bool cut = false;
    if (upwards) {
      if (lose_after_ >= 0 && count >= lose_after_) pair.told = true;
      const int64_t budget = upload_budget_;
      if (budget >= 0) {
        cut = count >= budget;
        send_bytes = cut ? static_cast<ssize_t>(budget) : count;
        upload_budget_ = cut ? -1 : budget - count;
      }
    }
    if (!SendAll(upwards ? pair.server : pair.client, buffer, send_bytes)) return false;
    if (cut) ++cuts_;
    return !cut;
  }

  void Run() {
    while (!ending_) {
      std::vector<pollfd> waited = {{wake_, POLLIN, 0}, {listener_, POLLIN, 0}};
      const bool stalled = stalled_;
      for (const Pair& pair : pairs_) {
        const short events = stalled ? 0 : POLLIN;  // NOLINT(google-runtime-int): poll's type
        waited.push_back({pair.client, events, 0});
        waited.push_back({pair.server, events, 0});
      }
      if (poll(waited.data(), waited.size(), -1) < 0) continue;
      uint64_t ignored;
      [[maybe_unused]] const ssize_t read_bytes = read(wake_, &ignored, sizeof(ignored));
      if (cut_.exchange(false)) {
        cuts_ += static_cast<int64_t>(pairs_.size());
        for (const Pair& pair : pairs_) Reset(pair);
        pairs_.clear();
        continue;
      }
      size_t i = 2;
      for (auto pair = pairs_.begin(); pair != pairs_.end(); i += 2) {
        bool alive = true;
        if (waited[i].revents != 0) alive = Pump(*pair, /*upwards=*/true);
        if (alive && waited[i + 1].revents != 0) alive = Pump(*pair, /*upwards=*/false);
        if (!alive) Reset(*pair);
        pair = alive ? std::next(pair) : pairs_.erase(pair);
      }
      if (waited[1].revents != 0) Accept();
    }
    for (const Pair& pair : pairs_) Reset(pair);
  }

  std::atomic<int> to_port_;
  int port_ = 0;
  int listener_ = -1;
  int wake_ = -1;
  std::list<Pair> pairs_;  // the thread's own
  std::atomic<bool> ending_{false};
  std::atomic<bool> cut_{false};
  std::atomic<bool> stalled_{false};
  std::atomic<int64_t> upload_budget_{-1};
  std::atomic<int64_t> lose_after_{-1};
  std::atomic<int64_t> cuts_{0};
  std::thread thread_;
};

}  // namespace cambrian::testing
