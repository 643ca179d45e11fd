// What the space language refuses: where, what, and what to write instead.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/spaces.h"

namespace cambrian {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string Errors(absl::string_view text, absl::string_view recipe = {}) {
  return testing::Read(text, {}, recipe).errors;
}

TEST(SpaceErrorsTest, DuplicateKeys) {
  EXPECT_THAT(Errors("network: [head]\nblocks: {}\nblocks: {}\n"),
              HasSubstr("error: space.yaml:3:1:"));
}

TEST(SpaceErrorsTest, UnknownName) {
  EXPECT_THAT(Errors("parameters: {width: 8}\nnetwork:\n  - conv: {out: 2 * $widht}\n  - head\n"),
              AllOf(HasSubstr("error: space.yaml:3:17: unknown name \"$widht\""),
                    HasSubstr("did you mean \"$width\"?")));
}

TEST(SpaceErrorsTest, IntegerRangeForARate) {
  EXPECT_THAT(Errors("network:\n  - dropout: {rate: {range: [0, 1]}}\n  - head\n"),
              AllOf(HasSubstr("error: space.yaml:2:29:"), HasSubstr("write [0.0, 1.0]")));
  EXPECT_THAT(Errors("network: [head]", "optimizer: {sgd: {lr: {range: [0, 1]}}}"),
              AllOf(HasSubstr("error: study.yaml:1:31:"), HasSubstr("write [0.0, 1.0]")));
}

TEST(SpaceErrorsTest, TwoDecisionsOfOneName) {
  EXPECT_THAT(Errors("network:\n  - conv: {kernel: {choose: [1, 3]}}\n  - conv: {kernel: {choose: "
                     "[1, 3]}}\n  - head\n"),
              AllOf(HasSubstr("error: space.yaml:3:20: two decisions of one name, \"conv.kernel\""),
                    HasSubstr("give one a \"name\"")));
  // A block that is used twice is two designs.
  EXPECT_THAT(
      Errors("network: [unit, unit, head]\nblocks: {unit: {conv: {kernel: {choose: [1, 3]}}}}\n"),
      HasSubstr("two decisions of one name, \"unit.kernel\""));
}

TEST(SpaceErrorsTest, SumOfUnlikeShapes) {
  const auto read = testing::Read(
      "network:\n"
      "  - {name: a, conv: {kernel: 3, out: 32}}\n"
      "  - {name: b, conv: {kernel: 3, stride: 2, out: 64}}\n"
      "  - {name: c, from: [a, b], relu: {}}\n"
      "  - head\n");
  ASSERT_NE(read.space, nullptr) << read.errors;
  Random random(1);
  const auto network = read.space->Lower(read.space->Sample(random), {{3, {16, 16}}, 10});
  EXPECT_EQ(network.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(network.status().message()),
            "space.yaml:4:5: sum of 32×16×16 (a) and 64×8×8 (b); write \"edge: fit\" to project, "
            "or \"join: concat\"");
}

TEST(SpaceErrorsTest, RecursiveBlock) {
  EXPECT_THAT(Errors("network: [unit, head]\nblocks: {unit: [relu, unit]}\n"),
              AllOf(HasSubstr("error: space.yaml:2:23: \"unit\" stands inside itself"),
                    HasSubstr("repeat")));
}

TEST(SpaceErrorsTest, AliasBomb) {
  std::string bomb = "a0: &a0 [relu, relu, relu, relu, relu, relu, relu, relu, relu, relu]\n";
  for (int i = 1; i < 10; ++i) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) bomb += (j > 0 ? ", *a" : "*a") + std::to_string(i - 1);
    bomb += "]\n";
  }
  EXPECT_THAT(Errors(bomb + "network: *a9\n"), HasSubstr("error: space.yaml:"));
  // The same without aliases: blocks of blocks.
  std::string blocks =
      "network: [b9, head]\nblocks:\n  b0: [relu, relu, relu, relu, relu, relu, relu, relu, relu, "
      "relu]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string inner = "b" + std::to_string(i - 1);
    blocks += "  b" + std::to_string(i) + ": [" + inner;
    for (int j = 1; j < 10; ++j) blocks += ", " + inner;
    blocks += "]\n";
  }
  EXPECT_THAT(Errors(blocks), HasSubstr("unfolds to more than 100,000 steps"));
}

TEST(SpaceErrorsTest, CommaInsideAnExpressionInBraces) {
  EXPECT_THAT(Errors("parameters: {w: 8}\nnetwork:\n  - conv: {out: round($w, 2)}\n  - head\n"),
              AllOf(HasSubstr("error: space.yaml:3:"), HasSubstr("comma")));
}

TEST(SpaceErrorsTest, UnnamedChoiceInAList) {
  EXPECT_THAT(Errors("network:\n  - relu\n  - choose: [relu, gelu]\n  - head\n"),
              AllOf(HasSubstr("error: space.yaml:3:5: a \"choose\" in a list needs a name"),
                    HasSubstr("{name: …, choose: …}")));
  EXPECT_THAT(Errors("network:\n  - relu\n  - repeat: {times: 2, block: {conv: {kernel: {choose: "
                     "[1, 3]}}}}\n  - head\n"),
              HasSubstr("a \"repeat\" in a list needs a name"));
}

TEST(SpaceErrorsTest, ReservedWords) {
  EXPECT_THAT(Errors("network: [{lstm: {out: 8}}, head]\n"),
              HasSubstr("\"lstm\" is reserved: an operation that is not built yet"));
  EXPECT_THAT(Errors("network: [{repeat: {times: 2, block: relu, core: gelu}}, head]\n"),
              HasSubstr("\"core\" is reserved"));
  EXPECT_THAT(Errors("network: [inner, head]\n"),
              HasSubstr("\"inner\" is reserved: a construct that is not built yet"));
  EXPECT_THAT(Errors("network: [{conv: {out: $previous.x}}, head]\n"),
              HasSubstr("\"$previous\" is reserved"));
  EXPECT_THAT(
      Errors("network: [cell, head]\ncells: {cell: {graph: {nodes: 2, widths: divided}}}\n"),
      HasSubstr("\"widths\" is reserved"));
  EXPECT_THAT(
      Errors(
          "network: [{name: a, relu: {}}, {from: {choose: [a], count: 1, repeats: true}}, head]\n"),
      HasSubstr("\"repeats\" is reserved"));
}

TEST(SpaceErrorsTest, UnknownOperationsAndArguments) {
  EXPECT_THAT(Errors("network: [{convv: {out: 8}}, head]\n"),
              AllOf(HasSubstr("space.yaml:1:11: there is no operation, block or cell \"convv\""),
                    HasSubstr("did you mean \"conv\"?")));
  EXPECT_THAT(
      Errors("network: [{conv: {kernl: 3}}, head]\n"),
      AllOf(HasSubstr("unknown key \"kernl\" in \"conv\""), HasSubstr("did you mean \"kernel\"?")));
  EXPECT_THAT(Errors("network: [{conv: {kernel: 0}}, head]\n"),
              HasSubstr("kernel must be an integer of at least 1, not 0"));
  EXPECT_THAT(Errors("network: [{conv: {kernel: {choose: [3, 0.5]}}}, head]\n"),
              HasSubstr("kernel must be an integer of at least 1, not 0.5"));
  EXPECT_THAT(Errors("network: [{unit: {}}, head]\nblocks: {unit: {parameters: {out: required}, "
                     "conv: {out: $out}}}\n"),
              HasSubstr("\"unit\" needs its argument \"out\""));
}

TEST(SpaceErrorsTest, AllErrorsAtOnce) {
  const std::string errors =
      Errors("network:\n  - conv: {kernl: 3}\n  - rellu\n  - dropout: {rate: 2}\n  - head\n");
  EXPECT_THAT(errors, AllOf(HasSubstr(":2:"), HasSubstr(":3:"), HasSubstr(":4:")));
}

TEST(SpaceErrorsTest, StructureDoesNotDependOnShapes) {
  EXPECT_THAT(Errors("network: [{repeat: {times: $in, block: relu}}, head]\n"),
              HasSubstr("\"times\" cannot depend on $in"));
  EXPECT_THAT(Errors("network: [{cell: {n: 2}}, head]\ncells: {cell: {parameters: {n: required}, "
                     "repeat: {times: $n, block: relu}}}\n"),
              HasSubstr("\"times\" cannot depend on $in or on an argument of a cell"));
  EXPECT_THAT(Errors("network: [{cell: {n: 2}}, head]\ncells: {cell: {parameters: {n: required, m: "
                     "$n + 1}, repeat: {times: $m, block: relu}}}\n"),
              HasSubstr("argument of a cell"));
}

TEST(SpaceErrorsTest, PlainParametersCanBeSetAndHolesCannot) {
  EXPECT_EQ(testing::Read("parameters: {w: 8}\nnetwork: [{conv: {out: $w}}, head]\n", {{"w", "16"}})
                .errors,
            "");
  EXPECT_THAT(testing::Read("parameters: {w: {choose: [8]}}\nnetwork: [{conv: {out: $w}}, head]\n",
                            {{"w", "16"}})
                  .errors,
              HasSubstr("\"w\" is a decision of the space"));
  EXPECT_THAT(testing::Read("parameters: {width: 8}\nnetwork: [head]\n", {{"widht", "16"}}).errors,
              HasSubstr("did you mean \"width\"?"));
  EXPECT_THAT(Errors("parameters: {out: required}\nnetwork: [{conv: {out: $out}}, head]\n"),
              HasSubstr("space: {use: …, set: {out: …}}"));
}

TEST(SpaceErrorsTest, CirclesOfParameters) {
  EXPECT_THAT(Errors("parameters: {a: $b, b: $a}\nnetwork: [{conv: {out: $a}}, head]\n"),
              HasSubstr("is defined by itself"));
}

TEST(SpaceErrorsTest, BlocksDoNotBearTheNamesOfOperations) {
  EXPECT_THAT(Errors("network: [head]\nblocks: {conv: relu, edge: relu}\n"),
              AllOf(HasSubstr("2:10"), HasSubstr("2:22")));
}

// Whatever a file holds, reading it ends, and says something or gives a space.
TEST(SpaceErrorsTest, MutatedSpacesNeverCrash) {
  Random random(11);
  for (const std::string& name : BuiltinSpaces()) {
    const std::string text(BuiltinSpaceText(name));
    for (int i = 0; i < 150; ++i) {
      std::string mutant = text;
      for (uint64_t edits = 1 + random.Below(4); edits > 0; --edits) {
        const size_t at = random.Below(mutant.size());
        if (random.Chance(0.4)) {
          mutant.erase(at, 1 + random.Below(6));
        } else {
          mutant.insert(at, text.substr(random.Below(text.size()), 1 + random.Below(12)));
        }
      }
      const auto read = testing::Read(mutant);
      if (read.space == nullptr) {
        EXPECT_NE(read.errors, "") << mutant;
        continue;
      }
      const Architecture a = read.space->Sample(random);
      if (read.space->Validate(a).ok())
        read.space->Lower(a, {{3, {32, 32}}, 10}).status().IgnoreError();
    }
  }
}

}  // namespace
}  // namespace cambrian
