#include "server/study/network_memo.h"

#include "gtest/gtest.h"
#include "tests/testing/server_study.h"

namespace cambrian {
namespace {

using testing::ParseToy;
using testing::StudyText;

class NetworkMemoTest : public ::testing::Test {
 protected:
  Architecture Read(const char* json) {
    return study_->space->FromJson(nlohmann::json::parse(json)).value();
  }
  // What the memo says; a look finds how many there were.
  std::string KeyOf(const Architecture& architecture) {
    return memo_
        .Get(architecture,
             [this] {
               NetworkFacts facts;
               facts.canonical_key = std::to_string(++looks_);
               return facts;
             })
        .canonical_key;
  }

  const std::shared_ptr<const StudySpec> study_ =
      ParseToy(StudyText(), {"recipe.optimizer.sgd.lr={range: [0.1, 1.0]}"});
  NetworkMemo memo_{*study_->space};
  int looks_ = 0;
};

TEST_F(NetworkMemoTest, LooksOnceAtANetwork) {
  const Architecture a =
      Read(R"({"edge_0_1": "skip", "edge_0_2": "skip", "edge_1_2": "skip", "lr": 0.5})");
  const Architecture b =
      Read(R"({"edge_0_1": "skip", "edge_0_2": "conv1x1", "edge_1_2": "skip", "lr": 0.5})");
  EXPECT_EQ(KeyOf(a), "1");
  EXPECT_EQ(KeyOf(b), "2");
  EXPECT_EQ(KeyOf(a), "1");
  EXPECT_EQ(looks_, 2);
}

TEST_F(NetworkMemoTest, TheRecipeDoesNotMakeAnotherNetwork) {
  const Architecture a =
      Read(R"({"edge_0_1": "skip", "edge_0_2": "skip", "edge_1_2": "skip", "lr": 0.5})");
  const Architecture b =
      Read(R"({"edge_0_1": "skip", "edge_0_2": "skip", "edge_1_2": "skip", "lr": 0.25})");
  EXPECT_EQ(KeyOf(a), KeyOf(b));
}

TEST_F(NetworkMemoTest, ForgetsAndLooksAgain) {
  Architecture architecture =
      Read(R"({"edge_0_1": "skip", "edge_0_2": "skip", "edge_1_2": "skip", "lr": 0.5})");
  KeyOf(architecture);
  for (int i = 1; i <= 10'000; ++i) {
    architecture.values[0] = i;
    KeyOf(architecture);
  }
  EXPECT_EQ(looks_, 10'001);
  architecture.values[0] = 0;
  KeyOf(architecture);
  EXPECT_EQ(looks_, 10'002);
}

}  // namespace
}  // namespace cambrian
