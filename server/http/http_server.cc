#include "server/http/http_server.h"

#include <httplib.h>

#include <atomic>
#include <thread>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace cambrian {
namespace {

constexpr size_t kThreads = 2;
constexpr time_t kTimeoutSeconds = 5;
constexpr size_t kMaxBodyBytes = 1 << 10;  // nothing is uploaded
constexpr char kMetricsType[] = "text/plain; version=0.0.4; charset=utf-8";

void SendMetrics(const HttpPages& pages, httplib::Response& response) {
  const absl::StatusOr<std::string> text = pages.metrics();
  if (text.ok()) return response.set_content(*text, kMetricsType);
  response.status = 503;
  response.set_content(absl::StrCat(text.status().message(), "\n"), "text/plain");
}

void SendHealth(const HttpPages& pages, httplib::Response& response) {
  const absl::Status health = pages.health();
  response.status = health.ok() ? 200 : 503;
  response.set_content(health.ok() ? "ok\n" : absl::StrCat(health.message(), "\n"), "text/plain");
}

}  // namespace

struct HttpServer::Parts {
  httplib::Server server;
  HttpPages pages;
  std::string address;
  std::atomic<bool> ended = false;
  std::thread thread;
};

HttpServer::HttpServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

HttpServer::~HttpServer() {
  parts_->server.stop();
  parts_->thread.join();
}

const std::string& HttpServer::address() const { return parts_->address; }

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const std::string& address,
                                                              HttpPages pages) {
  const size_t colon = address.rfind(':');
  int port = -1;
  if (colon == std::string::npos || colon == 0 ||
      !absl::SimpleAtoi(absl::string_view(address).substr(colon + 1), &port) || port < 0 ||
      port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat("\"", address, "\": write HOST:PORT"));
  }
  absl::string_view host = absl::string_view(address).substr(0, colon);
  if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
  auto parts = std::make_unique<Parts>();
  Parts& p = *parts;
  p.pages = std::move(pages);
  p.server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  p.server.set_read_timeout(kTimeoutSeconds);
  p.server.set_write_timeout(kTimeoutSeconds);
  p.server.set_keep_alive_timeout(kTimeoutSeconds);
  p.server.set_payload_max_length(kMaxBodyBytes);
  // The library's default lets two servers share a port without noticing.
  p.server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  });
  p.server.Get("/metrics", [&p](const httplib::Request&, httplib::Response& response) {
    SendMetrics(p.pages, response);
  });
  p.server.Get("/healthz", [&p](const httplib::Request&, httplib::Response& response) {
    SendHealth(p.pages, response);
  });
  const std::string host_text(host);
  const int bound = port == 0 ? p.server.bind_to_any_port(host_text)
                              : (p.server.bind_to_port(host_text, port) ? port : -1);
  if (bound <= 0) return absl::UnavailableError(absl::StrCat("cannot listen on ", address));
  p.address = absl::StrCat(address.substr(0, colon + 1), bound);
  p.thread = std::thread([&p] {
    p.server.listen_after_bind();
    p.ended = true;
  });
  // Stopping it would be lost before it runs. It listens already: nobody is turned away.
  while (!p.server.is_running() && !p.ended) std::this_thread::yield();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(parts)));
}

}  // namespace cambrian
