// A small web server for machines: /metrics and /healthz.
//
// It holds no secret and changes nothing, so it asks for no token: whoever reaches its address sees
// the names of studies and workers, and their figures.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cambrian {

struct HttpPages {
  std::function<absl::StatusOr<std::string>()> metrics;  // in Prometheus' text format
  std::function<absl::Status()> health;                  // OK, or why not
};

// Pages are made on threads of its own, so they may block, and at once.
class HttpServer {
 public:
  // `address` is "HOST:PORT"; port 0 picks a free one. \error kInvalidArgument, kUnavailable
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const std::string& address,
                                                           HttpPages pages);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;

  // "HOST:PORT" with the port that was chosen.
  const std::string& address() const;

 private:
  struct Parts;
  explicit HttpServer(std::unique_ptr<Parts> parts);

  const std::unique_ptr<Parts> parts_;
};

}  // namespace cambrian
