#include "server/http/http_server.h"

#include <httplib.h>

#include <atomic>

#include "absl/strings/numbers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cambrian {
namespace {

class HttpServerTest : public ::testing::Test {
 protected:
  HttpServerTest() {
    HttpPages pages;
    pages.metrics = [this]() -> absl::StatusOr<std::string> {
      if (!metrics_.ok()) return metrics_;
      return std::string("cambrian_healthy 1\n");
    };
    pages.health = [this] { return health_; };
    server_ = HttpServer::Start("127.0.0.1:0", std::move(pages)).value();
  }
  httplib::Result Get(const std::string& path) const {
    httplib::Client client("http://" + server_->address());
    return client.Get(path);
  }

  absl::Status metrics_;
  absl::Status health_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, ShowsMetricsInPrometheusFormat) {
  const auto answer = Get("/metrics");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "cambrian_healthy 1\n");
  EXPECT_THAT(answer->get_header_value("Content-Type"),
              ::testing::StartsWith("text/plain; version=0.0.4"));
  metrics_ = absl::UnavailableError("away");
  EXPECT_EQ(Get("/metrics")->status, 503);
}

TEST_F(HttpServerTest, HealthIs200OrWhyNot) {
  EXPECT_EQ(Get("/healthz")->status, 200);
  health_ = absl::UnavailableError("standing by");
  const auto answer = Get("/healthz");
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(answer->body, "standing by\n");
}

TEST_F(HttpServerTest, NothingElseIsThere) {
  EXPECT_EQ(Get("/")->status, 404);
  EXPECT_EQ(Get("/../etc/passwd")->status, 404);
  httplib::Client client("http://" + server_->address());
  EXPECT_EQ(client.Post("/metrics", "x", "text/plain")->status, 404);
}

TEST_F(HttpServerTest, ATakenPortAndAWrongAddressAreRefused) {
  EXPECT_TRUE(absl::IsUnavailable(HttpServer::Start(server_->address(), {}).status()));
  for (const char* wrong : {"", "8080", ":8080", "host:", "host:70000"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(HttpServer::Start(wrong, {}).status())) << wrong;
  }
}

TEST_F(HttpServerTest, StartsAndStopsAtOnce) {
  for (int i = 0; i < 50; ++i) {
    HttpPages pages;
    pages.health = [] { return absl::OkStatus(); };
    ASSERT_TRUE(HttpServer::Start("127.0.0.1:0", std::move(pages)).ok());
  }
}

}  // namespace
}  // namespace cambrian
