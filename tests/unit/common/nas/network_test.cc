#include "common/nas/network.h"

#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/hand_built.h"

namespace cambrian {
namespace {

using nlohmann::json;
using testing::HandBuilt;
using ::testing::HasSubstr;

Network SmallNetwork() {
  HandBuilt builder({3, {8, 8}});
  const int conv = builder.Conv(HandBuilt::kInput, 4, 3);
  OperationArguments dropout;
  dropout.rate = 0.25;
  OperationArguments resize;
  resize.axes = {4, 4};
  const int left = builder.Add(OperationKind::kResize, {conv}, resize);
  const int right = builder.Add(
      OperationKind::kDropout, {builder.Pool(OperationKind::kAvgPool, conv, 2, 2, false)}, dropout);
  builder.Head(builder.Sum({left, right}), 10);
  return builder.Build();
}

TEST(NetworkTest, CountsTheFixedPartOfNasBench201) {
  // The network of skips: stem, two reductions, norm, head.
  const auto network = testing::Nb201Network({"none", "none", "none", "skip", "none", "none"});
  ASSERT_TRUE(network.has_value());
  EXPECT_EQ(network->Parameters(), 73'306);
  EXPECT_EQ(network->Macs(), 7'783'040);
}

TEST(NetworkTest, PeakMemoryCountsWhatIsLiveAtOnce) {
  HandBuilt builder({1, {10, 10}});                        // 100
  const int conv = builder.Conv(HandBuilt::kInput, 4, 1);  // 400; input 100 dies after it
  const int pool = builder.Pool(OperationKind::kMaxPool, conv, 2, 2);  // 100
  const int twin = builder.Pool(OperationKind::kMaxPool, conv, 3, 2);  // 100; conv dies after it
  builder.Head(builder.Sum({pool, twin}), 2);
  const Network network = builder.Build();
  // Largest while the twin is made: conv 400, pool 100, twin 100.
  EXPECT_EQ(network.PeakMemoryBytes(), 4 * (600 + network.Parameters()));
}

TEST(NetworkTest, AValueThatIsReadTwiceDiesOnce) {
  HandBuilt builder({8, {}});
  const int doubled = builder.Sum({HandBuilt::kInput, HandBuilt::kInput});
  builder.Linear(builder.Linear(doubled, 8), 2);
  const Network network = builder.Build();
  EXPECT_EQ(network.PeakMemoryBytes(), 4 * (16 + network.Parameters()));
}

TEST(NetworkTest, JsonIsReadBack) {
  const Network network = SmallNetwork();
  const json written = ToJson(network);
  const absl::StatusOr<Network> read = NetworkFromJson(written);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(ToJson(*read), written);
  ASSERT_EQ(read->operations.size(), network.operations.size());
  for (size_t i = 0; i < network.operations.size(); ++i) {
    EXPECT_EQ(read->operations[i].arguments, network.operations[i].arguments);
    EXPECT_EQ(read->operations[i].shape, network.operations[i].shape);
    EXPECT_EQ(read->operations[i].inputs, network.operations[i].inputs);
    EXPECT_EQ(read->operations[i].place, network.operations[i].place);
  }
}

TEST(NetworkTest, WritesTheArgumentsThatAreRead) {
  const json written = ToJson(SmallNetwork());
  const json conv = json::parse(
      R"({"out": 4, "kernel": 3, "stride": 1, "dilation": 1, "groups": 1, "bias": false})");
  EXPECT_EQ(written["operations"][1]["arguments"], conv);
  EXPECT_EQ(written["operations"][1]["shape"], json::parse("[4, 8, 8]"));
}

struct Broken {
  const char* message;
  std::function<void(json& operations)> change;
};

TEST(NetworkTest, RefusesWhatIsBroken) {
  const Broken cases[] = {
      {"list of 1", [](json& o) { o = json::array(); }},
      {"list of 1", [](json& o) { o = 7; }},
      {"must be an object", [](json& o) { o[1] = 3; }},
      {"no \"op\"", [](json& o) { o[1].erase("op"); }},
      {"unknown operation", [](json& o) { o[1]["op"] = "convolve"; }},
      {"op must be a text", [](json& o) { o[1]["op"] = 2; }},
      {"reads 1, which comes later", [](json& o) { o[1]["inputs"] = {1}; }},
      {"inputs must be", [](json& o) { o[1]["inputs"] = {-1}; }},
      {"inputs must be", [](json& o) { o[1]["inputs"] = {18446744073709551615u}; }},
      {"inputs must be", [](json& o) { o[1]["inputs"] = "0"; }},
      {"inputs must be", [](json& o) { o[1]["inputs"] = {0.5}; }},
      {"takes one input; it has 0", [](json& o) { o[1]["inputs"] = json::array(); }},
      {"must be the input", [](json& o) { o.erase(0); }},
      {"must be the input", [](json& o) { o[1] = o[0]; }},
      {"its shape is 4×8×8, not 5×8×8",
       [](json& o) {
         o[1]["shape"] = {5, 8, 8};
       }},
      {"shape must be",
       [](json& o) {
         o[1]["shape"] = {4, 8, 8, 1};
       }},
      {"shape is empty", [](json& o) { o[0]["shape"] = json::array(); }},
      {"empty",
       [](json& o) {
         o[0]["shape"] = {0, 8, 8};
       }},
      {"too large",
       [](json& o) {
         o[0]["shape"] = {1000000, 1000000, 1000000};
       }},
      {"kernel must be", [](json& o) { o[1]["arguments"]["kernel"] = 256; }},
      {"kernel is 0", [](json& o) { o[1]["arguments"]["kernel"] = 0; }},
      {"out is 0", [](json& o) { o[1]["arguments"].erase("out"); }},
      {"bias must be", [](json& o) { o[1]["arguments"]["bias"] = 1; }},
      {"conv has no argument \"size\"", [](json& o) { o[1]["arguments"]["size"] = 1; }},
      {"arguments must be", [](json& o) { o[1]["arguments"] = json::array(); }},
      {"rate is", [](json& o) { o[4]["arguments"]["rate"] = 1.5; }},
      {"rate must be", [](json& o) { o[4]["arguments"]["rate"] = "1"; }},
      {"axes must be",
       [](json& o) {
         o[2]["arguments"]["axes"] = {4, 4, 4};
       }},
      {"place must be", [](json& o) { o[1]["place"] = "a..b"; }},
      {"place must be", [](json& o) { o[1]["place"] = "a b"; }},
      {"place must be", [](json& o) { o[1]["place"] = ""; }},
      {"place must be", [](json& o) { o[1]["place"] = std::string(2000, 'a'); }},
      {"is taken", [](json& o) { o[1]["place"] = "input"; }},
      {"decisions must be", [](json& o) { o[1]["decisions"] = "cell"; }},
      {"a decision must be", [](json& o) { o[1]["decisions"] = {1}; }},
      {"nothing reads it", [](json& o) { o.insert(o.end() - 1, {o[1]}), o[7]["place"] = "dead"; }},
      {"two classes or more",
       [](json& o) {
         o.erase(o.size() - 1);
         o.erase(o.size() - 1);
       }},
  };
  ASSERT_TRUE(NetworkFromJson(ToJson(SmallNetwork())).ok());
  for (const Broken& broken : cases) {
    json written = ToJson(SmallNetwork());
    broken.change(written["operations"]);
    const absl::Status status = NetworkFromJson(written).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << broken.message;
    EXPECT_THAT(std::string(status.message()), HasSubstr(broken.message));
  }
  EXPECT_FALSE(NetworkFromJson(json::parse("[]")).ok());
  EXPECT_FALSE(NetworkFromJson(json::parse("{}")).ok());
}

TEST(NetworkTest, ErrorsNameTheOperation) {
  json written = ToJson(SmallNetwork());
  written["operations"][1]["shape"] = {5, 8, 8};
  EXPECT_EQ(NetworkFromJson(written).status().message(),
            "operation 1 (conv_1): its shape is 4×8×8, not 5×8×8");
}

}  // namespace
}  // namespace cambrian
