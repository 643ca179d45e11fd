#include "common/nas/recipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cambrian {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Recipe ReadGood(const json& value) {
  std::vector<JsonProblem> problems;
  const Recipe recipe = RecipeFromJson(value, problems);
  EXPECT_THAT(problems, IsEmpty()) << problems[0].path << ": " << problems[0].message;
  return recipe;
}

TEST(RecipeTest, LeftOutMeansTheDefaults) {
  EXPECT_EQ(ReadGood(json::object()), Recipe());
  EXPECT_EQ(ReadGood(nullptr), Recipe());
}

TEST(RecipeTest, ReadsEveryKey) {
  const Recipe recipe = ReadGood(json::parse(R"({
    "epochs": 2.5, "batch": 64.0, "optimizer": {"sgd": {"lr": 0.05, "momentum": 0.8,
    "nesterov": false, "decay": 0.001}}, "schedule": {"step": {"at": [0.3, 0.6], "factor": 0.2}},
    "warmup": 1, "label_smoothing": 0.1, "clip": 5, "augment": [{"crop": {"padding": 4}}, "flip",
    {"cutout": {"size": 6}}], "precision": "bf16"})"));
  Recipe expected;
  expected.epochs = 2.5;
  expected.batch = 64;
  expected.lr = 0.05;
  expected.momentum = 0.8;
  expected.nesterov = false;
  expected.decay = 0.001;
  expected.schedule = Recipe::Schedule::kStep;
  expected.steps = {0.3, 0.6};
  expected.step_factor = 0.2;
  expected.warmup = 1;
  expected.label_smoothing = 0.1;
  expected.clip = 5;
  expected.crop_padding = 4;
  expected.flip = true;
  expected.cutout = 6;
  expected.precision = Recipe::Precision::kBf16;
  EXPECT_EQ(recipe, expected);
}

TEST(RecipeTest, AdamWHasDefaultsOfItsOwn) {
  const Recipe recipe = ReadGood({{"optimizer", "adamw"}});
  EXPECT_EQ(recipe.optimizer, Recipe::Optimizer::kAdamW);
  EXPECT_EQ(recipe.lr, 0.001);
  EXPECT_EQ(recipe.decay, 0.01);
}

TEST(RecipeTest, NoMomentumMeansNoNesterov) {
  EXPECT_FALSE(ReadGood(json::parse(R"({"optimizer": {"sgd": {"momentum": 0}}})")).nesterov);
}

TEST(RecipeTest, AugmentationsMayBeOneOrNone) {
  EXPECT_TRUE(ReadGood({{"augment", "flip"}}).flip);
  EXPECT_EQ(ReadGood(json::parse(R"({"augment": {"cutout": {"size": 4}}})")).cutout, 4);
  EXPECT_EQ(ReadGood({{"augment", "none"}}), Recipe());
  EXPECT_EQ(ReadGood({{"augment", json::array()}}), Recipe());
}

TEST(RecipeTest, WhatIsWrittenReadsBackTheSame) {
  for (const char* text :
       {R"({})", R"({"optimizer": {"adamw": {"lr": 0.0003, "beta1": 0.8, "beta2": 0.99}}})",
        R"({"schedule": "constant", "augment": ["flip", {"crop": {"padding": 3}}]})",
        R"({"schedule": "step", "precision": "bf16", "clip": 1})",
        R"({"optimizer": {"sgd": {"momentum": 0}}, "warmup": 0.5})"}) {
    const Recipe recipe = ReadGood(json::parse(text));
    EXPECT_EQ(ReadGood(json(ToJson(recipe))), recipe) << text;
  }
}

struct Refusal {
  const char* recipe;
  const char* path;
  const char* message;
  const char* suggestion;
};

class RecipeRefusalTest : public ::testing::TestWithParam<Refusal> {};

TEST_P(RecipeRefusalTest, SaysWhereAndWhat) {
  std::vector<JsonProblem> problems;
  RecipeFromJson(json::parse(GetParam().recipe), problems);
  ASSERT_EQ(problems.size(), 1u) << GetParam().recipe;
  EXPECT_EQ(problems[0].path, GetParam().path);
  EXPECT_THAT(problems[0].message, HasSubstr(GetParam().message));
  EXPECT_THAT(problems[0].suggestion, HasSubstr(GetParam().suggestion));
}

INSTANTIATE_TEST_SUITE_P(
    All, RecipeRefusalTest,
    ::testing::Values(
        Refusal{R"([1])", "", "the recipe must be a map, not a list", "epochs: 2"},
        Refusal{R"({"epochs": -1})", "epochs", "epochs must be a number above 0, not -1", ""},
        Refusal{R"({"epochs": "two"})", "epochs", "not \"two\"", ""},
        Refusal{R"({"batch": 0})", "batch", "a whole number from 1", ""},
        Refusal{R"({"batch": 12.5})", "batch", "a whole number", ""},
        Refusal{R"({"optimiser": "sgd"})", "optimiser", "unknown key", "\"optimizer\""},
        Refusal{R"({"batch_size": 8})", "batch_size", "unknown key", "\"batch\""},
        Refusal{R"({"learning_rate": 8})", "learning_rate", "unknown key", "\"lr\" belongs to sgd"},
        Refusal{R"({"optimizer": "lion"})", "optimizer", "{sgd: {…}} or {adamw: {…}}", ""},
        Refusal{R"({"optimizer": {"sgd": 0.1}})", "optimizer/sgd", "sgd takes a map", "lr: 0.1"},
        Refusal{R"({"optimizer": {"sgd": {"learning_rate": 1}}})", "optimizer/sgd/learning_rate",
                "unknown key", "did you mean \"lr\"?"},
        Refusal{R"({"optimizer": {"adamw": {"nesterov": true}}})", "optimizer/adamw/nesterov",
                "unknown key", "\"nesterov\" belongs to sgd"},
        Refusal{R"({"optimizer": {"sgd": {"epochs": 1}}})", "optimizer/sgd/epochs", "unknown key",
                "belongs to the recipe itself"},
        Refusal{R"({"optimizer": {"sgd": {"lr": 0}}})", "optimizer/sgd/lr", "above 0", ""},
        Refusal{R"({"optimizer": {"sgd": {"momentum": 1}}})", "optimizer/sgd/momentum",
                "from 0 to below 1", ""},
        Refusal{R"({"optimizer": {"sgd": {"nesterov": 1}}})", "optimizer/sgd/nesterov",
                "true or false", ""},
        Refusal{R"({"optimizer": {"sgd": {"momentum": 0, "nesterov": true}}})",
                "optimizer/sgd/nesterov", "needs a momentum above 0", "momentum: 0.9"},
        Refusal{R"({"optimizer": {"adamw": {"beta1": 1}}})", "optimizer/adamw/beta1", "below 1",
                ""},
        Refusal{R"({"optimizer": {"adamw": {"decay": -1}}})", "optimizer/adamw/decay",
                "not negative", ""},
        Refusal{R"({"schedule": "linear"})", "schedule", "cosine, constant or", ""},
        Refusal{R"({"schedule": {"step": {"at": [0.5, 0.5]}}})", "schedule/step/at",
                "rising shares", ""},
        Refusal{R"({"schedule": {"step": {"at": [30, 60]}}})", "schedule/step/at", "rising shares",
                ""},
        Refusal{R"({"schedule": {"step": {"gamma": 0.1}}})", "schedule/step/gamma", "unknown key",
                "known here: at, factor"},
        Refusal{R"({"warmup": 3})", "warmup", "longer than the training", ""},
        Refusal{R"({"label_smoothing": 1})", "label_smoothing", "below 1", ""},
        Refusal{R"({"clip": -0.5})", "clip", "not negative", ""},
        Refusal{R"({"augment": ["mixup"]})", "augment/0", "an augmentation is", ""},
        Refusal{R"({"augment": ["flip", {"crop": {"pading": 2}}]})", "augment/1/crop/pading",
                "unknown key", "\"padding\""},
        Refusal{R"({"augment": {"crop": {"padding": -2}}})", "augment/crop/padding",
                "a whole number", ""},
        Refusal{R"({"precision": "fp8"})", "precision", "fp32 or bf16", ""}));

}  // namespace
}  // namespace cambrian
