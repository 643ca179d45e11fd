#include "server/strategy/change.h"

#include "gtest/gtest.h"
#include "tests/testing/mixed_space.h"

namespace cambrian {
namespace {

Architecture Of(const SearchSpace& space, const char* json) {
  return space.FromJson(nlohmann::json::parse(json)).value();
}

TEST(ChangeTest, CountsWhatBothDecideAndNamesAllThatDiffers) {
  const auto space = testing::MixedSpace();
  const Architecture plain = Of(*space, R"({"a.kernel": 3, "a.out": 16, "c.from": "a", "d": "plain",
      "recipe.optimizer": "sgd", "recipe.optimizer.sgd.lr": 0.1, "recipe.label_smoothing": 0.1})");
  const Architecture wide = Of(*space, R"({"a.kernel": 3, "a.out": 16, "c.from": "a", "d": "wide",
      "d.wide.kernel": 5, "recipe.optimizer": "sgd", "recipe.optimizer.sgd.lr": 0.1,
      "recipe.label_smoothing": 0.1})");
  const Architecture other = Of(*space, R"({"a.kernel": 5, "a.out": 24, "c.from": "a", "d": "wide",
      "d.wide.kernel": 5, "recipe.optimizer": "sgd", "recipe.optimizer.sgd.lr": 0.1,
      "recipe.label_smoothing": 0.1})");
  EXPECT_EQ(ChangedDecisions(plain, plain), 0);
  EXPECT_EQ(NameChanges(*space, plain, plain), "");
  EXPECT_EQ(ChangedDecisions(plain, wide), 1);
  EXPECT_EQ(NameChanges(*space, plain, wide), "d, d.wide.kernel");
  EXPECT_EQ(ChangedDecisions(plain, other), 3);
  EXPECT_EQ(NameChanges(*space, plain, other), "a.kernel, a.out, d, …");
}

}  // namespace
}  // namespace cambrian
