#include "common/evaluator/protocol.h"

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <set>

#include "common/base/random.h"
#include "common/nas/network.h"
#include "common/nas/recipe.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cambrian::evaluator {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// Encoding, decoding and encoding again gives the same line; returns what was decoded.
template <typename M>
M RoundTrip(const M& message) {
  const std::string line = Encode(message);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  absl::StatusOr<Message> decoded = Decode(line);
  EXPECT_TRUE(decoded.ok()) << decoded.status() << "\n" << line;
  EXPECT_EQ(Encode(*decoded), line);
  return std::get<M>(*decoded);
}

Measurement Value(double value, std::optional<double> low = {}, std::optional<double> high = {}) {
  return {value, low, high};
}

std::string ErrorOf(absl::string_view line) {
  const absl::StatusOr<Message> decoded = Decode(line);
  EXPECT_FALSE(decoded.ok()) << line.substr(0, 200);
  EXPECT_EQ(decoded.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(decoded.status().message());
}

TEST(ProtocolTest, HelloAndWelcomeSurviveTheWire) {
  const Hello hello = RoundTrip(Hello{.protocol = 1,
                                      .name = "torch",
                                      .version = "0.1.0",
                                      .devices = {"cpu", "cuda:0"},
                                      .capabilities = {{"bf16", true}}});
  EXPECT_EQ(hello.protocol, 1);
  EXPECT_EQ(hello.name, "torch");
  EXPECT_EQ(hello.devices, (std::vector<std::string>{"cpu", "cuda:0"}));
  EXPECT_EQ(hello.capabilities["bf16"], true);
  EXPECT_EQ(RoundTrip(Welcome{.protocol = 3, .version = "1.2"}).version, "1.2");
}

TEST(ProtocolTest, StartSurvivesTheWire) {
  Start start;
  start.assignment = "fashion-1/17";
  start.device = "cuda:1";
  start.threads = 3;
  start.network = {{"operations", json::array({{{"op", "input"}}})}};
  start.architecture = {{"cell.edge_0_1", "conv3x3"}, {"recipe.lr", 0.031}};
  start.recipe = {{"epochs", 2}};
  start.data = {{"csv", "a\nb.csv"}};
  start.share = 0.2;
  start.seed = std::numeric_limits<uint64_t>::max();
  start.split_seed = 7;
  start.test = true;
  start.train = false;
  start.checkpoint = "/tmp/x/state";
  start.checkpoint_seconds = 2.5;
  start.latency = MeasureLatency{.batch = 8, .threads = 2, .runs = 50};
  start.folder = "/tmp/x";
  const Start back = RoundTrip(start);
  EXPECT_EQ(back.assignment, start.assignment);
  EXPECT_EQ(back.device, start.device);
  EXPECT_EQ(back.threads, 3);
  EXPECT_EQ(back.network, start.network);
  EXPECT_EQ(back.architecture, start.architecture);
  EXPECT_EQ(back.recipe, start.recipe);
  EXPECT_EQ(back.data, start.data);
  EXPECT_EQ(back.share, 0.2);
  EXPECT_EQ(back.seed, start.seed);
  EXPECT_EQ(back.split_seed, 7u);
  EXPECT_TRUE(back.test);
  EXPECT_FALSE(back.train);
  EXPECT_EQ(back.checkpoint, "/tmp/x/state");
  EXPECT_EQ(back.checkpoint_seconds, 2.5);
  ASSERT_TRUE(back.latency);
  EXPECT_EQ(back.latency->batch, 8);
  EXPECT_EQ(back.latency->threads, 2);
  EXPECT_EQ(back.latency->runs, 50);
  EXPECT_EQ(back.folder, "/tmp/x");
}

TEST(ProtocolTest, StartFillsInDefaultsAndIgnoresUnknownFields) {
  const absl::StatusOr<Message> message =
      Decode(R"({"type": "start", "assignment": "a/1", "colour": "red", "latency": null})");
  ASSERT_TRUE(message.ok()) << message.status();
  const Start& start = std::get<Start>(*message);
  EXPECT_EQ(start.device, "cpu");
  EXPECT_EQ(start.threads, 1);
  EXPECT_EQ(start.share, 1);
  EXPECT_TRUE(start.train);
  EXPECT_TRUE(start.checkpoint.empty());
  EXPECT_EQ(start.checkpoint_seconds, 0);
  EXPECT_FALSE(start.latency);
  EXPECT_TRUE(start.network.is_null());
}

TEST(ProtocolTest, AnswersSurviveTheWire) {
  const Progress progress = RoundTrip(Progress{.assignment = "a/1",
                                               .step = 2,
                                               .steps = 5,
                                               .metrics = {{"accuracy", Value(0.5)}},
                                               .checkpoint = ""});
  EXPECT_EQ(progress.step, 2);
  EXPECT_EQ(progress.steps, 5);
  EXPECT_EQ(progress.metrics.at("accuracy").value, 0.5);
  EXPECT_TRUE(progress.checkpoint.empty());
  EXPECT_EQ(RoundTrip(Progress{.assignment = "a/1", .metrics = {}, .checkpoint = "s"}).checkpoint,
            "s");

  const Metrics metrics = {{"latency_ms", Value(0.4, 0.3, 0.5)}};
  const Result result =
      RoundTrip(Result{.assignment = "a/1", .metrics = metrics, .checkpoint = "model.safetensors"});
  EXPECT_EQ(result.metrics, metrics);
  EXPECT_EQ(result.checkpoint, "model.safetensors");

  for (Error::Kind kind : {Error::Kind::kInfeasible, Error::Kind::kData, Error::Kind::kMemory,
                           Error::Kind::kStopped, Error::Kind::kFailed}) {
    const Error error = RoundTrip(
        Error{.assignment = "a/1", .kind = kind, .message = "why", .checkpoint = "state"});
    EXPECT_EQ(error.kind, kind);
    EXPECT_EQ(error.checkpoint, "state");
    EXPECT_EQ(error.message, "why");
  }
}

TEST(ProtocolTest, SmallMessagesSurviveTheWire) {
  EXPECT_EQ(RoundTrip(Acquire{"a/1"}).assignment, "a/1");
  EXPECT_EQ(RoundTrip(Release{"a/2"}).assignment, "a/2");
  EXPECT_EQ(RoundTrip(Stop{"a/3"}).assignment, "a/3");
  RoundTrip(Acquired{});
  RoundTrip(Pause{});
  RoundTrip(Paused{});
  RoundTrip(Resume{});
}

TEST(ProtocolTest, NonFiniteNumbersAreStrings) {
  const double infinity = std::numeric_limits<double>::infinity();
  const Metrics metrics = {{"a", Value(std::nan(""))}, {"b", Value(infinity, -infinity, infinity)}};
  const json object = MetricsToJson(metrics);
  EXPECT_EQ(object["a"], "NaN");
  EXPECT_EQ(object["b"]["low"], "-Infinity");
  const absl::StatusOr<Metrics> back = MetricsFromJson(object);
  ASSERT_TRUE(back.ok());
  EXPECT_TRUE(std::isnan(back->at("a").value));
  EXPECT_EQ(back->at("b").value, infinity);
  EXPECT_EQ(back->at("b").low, -infinity);
}

TEST(ProtocolTest, BadMetricsAreRefused) {
  for (const char* text :
       {"[]", "3", R"({"a": null})", R"({"a": "nan"})", R"({"a": {}})", R"({"a": {"low": 1}})",
        R"({"a": {"value": 1, "low": "x"}})", R"({"a": true})", R"({"": 1})", R"({"a": [1]})"}) {
    EXPECT_FALSE(MetricsFromJson(json::parse(text)).ok()) << text;
  }
}

TEST(ProtocolTest, SaysWhatIsWrongWithALine) {
  EXPECT_EQ(ErrorOf(""), "the line is no JSON");
  EXPECT_EQ(ErrorOf("Epoch 1/2: loss 0.3"), "the line is no JSON");
  EXPECT_EQ(ErrorOf("\xff\xfe"), "the line is no JSON");
  EXPECT_EQ(ErrorOf("[1, 2]"), "the line is no JSON object");
  EXPECT_EQ(ErrorOf("{}"), "\"type\" is missing");
  EXPECT_EQ(ErrorOf(R"({"type": 3})"), "\"type\" must be text");
  EXPECT_EQ(ErrorOf(R"({"type": "dance"})"), "unknown type of message \"dance\"");
  EXPECT_EQ(ErrorOf(R"({"type": "progress", "assignment": "a"})"), "progress: \"step\" is missing");
  EXPECT_EQ(ErrorOf(R"({"type": "stop", "assignment": 4})"), "stop: \"assignment\" must be text");
  EXPECT_THAT(ErrorOf(R"({"type": "progress", "assignment": "a", "step": NaN})"),
              HasSubstr("no JSON"));
  EXPECT_THAT(ErrorOf(R"({"type": "progress", "assignment": "a", "step": 1e999})"),
              HasSubstr("no JSON"));
}

TEST(ProtocolTest, RefusesWrongTypesAndValuesOutOfRange) {
  for (const char* fields :
       {R"("threads": 0)", R"("threads": 1.5)", R"("threads": 1e30)", R"("threads": "two")",
        R"("threads": 18446744073709551615)", R"("seed": -1)", R"("seed": 0.5)", R"("share": 0)",
        R"("share": 1.1)", R"("share": "NaN")", R"("test": 1)", R"("latency": [])",
        R"("latency": {"runs": 0})", R"("device": null)", R"("train": 0)", R"("checkpoint": 1)",
        R"("checkpoint_seconds": -1)", R"("checkpoint_seconds": "NaN")",
        R"("checkpoint_seconds": 1e300)"}) {
    ErrorOf(absl::StrCat(R"({"type": "start", "assignment": "a", )", fields, "}"));
  }
  ErrorOf(R"({"type": "hello", "protocol": -1})");
  ErrorOf(R"({"type": "hello", "protocol": 1, "devices": [1]})");
  ErrorOf(R"({"type": "progress", "assignment": "a", "step": -9223372036854775808})");
  ErrorOf(R"({"type": "error", "assignment": "a", "kind": "sad"})");
}

TEST(ProtocolTest, ACheckpointStaysInItsFolder) {
  for (const char* name : {"../x", "/etc/passwd", "a/b", ".", "..", "a\\u0000b"}) {
    for (const char* type : {R"("result", "metrics": {})", R"("progress", "step": 1)",
                             R"("error", "kind": "stopped")"}) {
      EXPECT_THAT(ErrorOf(absl::StrCat(R"({"assignment": "a", "type": )", type,
                                       R"(, "checkpoint": ")", name, "\"}")),
                  HasSubstr("checkpoint"));
    }
  }
}

TEST(ProtocolTest, RefusesHugeAndDeepLines) {
  EXPECT_THAT(ErrorOf(std::string((16 << 20) + 1, ' ')), HasSubstr("16 MiB"));
  EXPECT_THAT(ErrorOf(std::string(1 << 20, '[')), HasSubstr("nested"));
  EXPECT_THAT(ErrorOf(R"({"type": "start", "assignment": "a", "network": )" +
                      std::string(100'000, '[') + std::string(100'000, ']') + "}"),
              HasSubstr("nested"));
  // Brackets inside of text do not nest.
  EXPECT_TRUE(
      Decode(R"({"type": "stop", "assignment": "\"[[)" + std::string(1000, '{') + "\"}").ok());
}

TEST(ProtocolTest, TextThatIsNoUtf8IsReplacedWhenWritten) {
  const absl::StatusOr<Message> back =
      Decode(Encode(Error{.assignment = "a", .message = "bad \xff byte", .checkpoint = ""}));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(std::get<Error>(*back).message, "bad \xef\xbf\xbd byte");
}

// The examples in the protocol's documentation, each a JSON block of one or more messages.
std::vector<std::string> DocumentedMessages() {
  std::ifstream page(std::string(std::getenv("CAMBRIAN_SOURCE")) + "/docs/evaluator-protocol.md");
  std::vector<std::string> messages;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line.rfind("```", 0) == 0) {
      inside = line == "```json";
    } else if (inside && line.rfind("{\"type\"", 0) == 0) {
      messages.push_back(line);
    } else if (inside) {
      messages.back() += line;
    }
  }
  return messages;
}

TEST(ProtocolTest, TheDocumentedMessagesAreRight) {
  std::set<size_t> kinds;
  for (const std::string& line : DocumentedMessages()) {
    const absl::StatusOr<Message> message = Decode(line);
    ASSERT_TRUE(message.ok()) << message.status() << "\n" << line;
    kinds.insert(message->index());
    const Start* start = std::get_if<Start>(&*message);
    if (start == nullptr) continue;
    const absl::StatusOr<Network> network = NetworkFromJson(start->network);
    EXPECT_TRUE(network.ok()) << network.status();
    std::vector<JsonProblem> problems;
    RecipeFromJson(start->recipe, problems);
    EXPECT_TRUE(problems.empty()) << problems[0].message;
  }
  EXPECT_EQ(kinds.size(), std::variant_size_v<Message>);
}

// Good lines with random bytes changed, dropped and doubled: a message or an error, never a throw.
TEST(ProtocolTest, NeverThrowsOnDamagedLines) {
  Start start;
  start.assignment = "a/1";
  start.latency = MeasureLatency{};
  const std::string lines[] = {
      Encode(start),
      Encode(Result{.assignment = "a", .metrics = {{"x", Value(1, 0.5)}}, .checkpoint = ""}),
      Encode(Welcome{.protocol = 1, .version = "0.1.0"})};
  Random random(1);
  int refused = 0;
  for (int i = 0; i < 30'000; ++i) {
    std::string line = lines[random.Below(3)];
    for (uint64_t n = 1 + random.Below(4); n > 0; --n) {
      const size_t at = random.Below(line.size());
      switch (random.Below(3)) {
        case 0:
          line[at] = static_cast<char>(random.Below(256));
          break;
        case 1:
          line.erase(at, 1 + random.Below(4));
          break;
        default:
          line.insert(at, line.substr(random.Below(line.size()), random.Below(8)));
      }
    }
    EXPECT_NO_THROW(refused += !Decode(line).ok());
  }
  EXPECT_GT(refused, 10'000);
}

}  // namespace
}  // namespace cambrian::evaluator
