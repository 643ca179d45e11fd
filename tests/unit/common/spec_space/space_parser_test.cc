// What the constructs of the space language mean: names, existence, sizes and networks.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/nas/canonical_key.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/spaces.h"

namespace cambrian {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Task kCifar10{{3, {32, 32}}, 10};

std::vector<std::string> Names(const SearchSpace& space) {
  std::vector<std::string> names;
  for (const Decision& decision : space.decisions()) names.push_back(decision.name);
  return names;
}

// The operations of a network, as "conv 16×32×32".
std::vector<std::string> Operations(const Network& network) {
  std::vector<std::string> operations;
  for (const Operation& o : network.operations) {
    const absl::string_view name = OperationName(o.kind);
    operations.push_back(absl::StrCat(name, " ", o.shape.ToString()));
  }
  return operations;
}

Network LowerFirst(const SearchSpace& space,
                   const nlohmann::json& architecture = nlohmann::json::object(),
                   const Task& task = kCifar10) {
  const auto read = space.FromJson(architecture);
  EXPECT_TRUE(read.ok()) << read.status();
  auto network = space.Lower(*read, task);
  EXPECT_TRUE(network.ok()) << network.status();
  return network.ok() ? *std::move(network) : Network();
}

TEST(SpaceParserTest, AChainWithoutHolesIsOneArchitecture) {
  const auto read = testing::Read("network: [{conv: {kernel: 3, out: 8}}, batch_norm, relu, head]");
  ASSERT_NE(read.space, nullptr) << read.errors;
  EXPECT_EQ(read.space->Size().ToString(), "1");
  EXPECT_THAT(Operations(LowerFirst(*read.space)),
              ElementsAre("input 3×32×32", "conv 8×32×32", "batch_norm 8×32×32", "relu 8×32×32",
                          "global_pool 8", "linear 10"));
}

TEST(SpaceParserTest, ABlockIsDesignedAnewAtEachUseAndACellOnce) {
  const std::string text = R"(
network:
  - {name: first, BLOCK: {}}
  - {name: second, BLOCK: {}}
  - head
SECTION:
  BLOCK: {conv: {kernel: {choose: [1, 3]}, out: 8}}
)";
  const auto with = [&](const std::string& section, const std::string& name) {
    std::string copy = text;
    for (size_t at; (at = copy.find("BLOCK")) != std::string::npos;) copy.replace(at, 5, name);
    copy.replace(copy.find("SECTION"), 7, section);
    return testing::Read(copy);
  };
  const auto blocks = with("blocks", "unit");
  ASSERT_NE(blocks.space, nullptr) << blocks.errors;
  EXPECT_THAT(Names(*blocks.space), ElementsAre("first.kernel", "second.kernel"));
  EXPECT_EQ(blocks.space->Size().ToString(), "4");
  const auto cells = with("cells", "unit");
  ASSERT_NE(cells.space, nullptr) << cells.errors;
  EXPECT_THAT(Names(*cells.space), ElementsAre("unit.kernel"));
  EXPECT_EQ(cells.space->Size().ToString(), "2");
}

TEST(SpaceParserTest, ARepetitionIsDesignedAnewAndExistsOnlyIfItIsReached) {
  const auto read = testing::Read(R"(
network:
  - name: layer
    repeat: {times: {choose: [1, 3]}, block: {conv: {kernel: {choose: [1, 3, 5]}, out: 8}}}
  - head
)");
  ASSERT_NE(read.space, nullptr) << read.errors;
  EXPECT_THAT(Names(*read.space),
              ElementsAre("layer.times", "layer.0.kernel", "layer.1.kernel", "layer.2.kernel"));
  EXPECT_EQ(read.space->Size().ToString(), "30");
  EXPECT_EQ(LowerFirst(*read.space, {{"times", 1}, {"layer.0.kernel", 5}}).operations.size(), 4u);
  const auto missing = read.space->FromJson({{"times", 3}, {"layer.0.kernel", 5}});
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("\"layer.1.kernel\" is missing"));
  const auto inactive =
      read.space->FromJson({{"times", 1}, {"layer.0.kernel", 5}, {"layer.1.kernel", 1}});
  EXPECT_THAT(std::string(inactive.status().message()),
              HasSubstr("\"layer.1.kernel\" does not exist"));
}

TEST(SpaceParserTest, StagesOfCellsHaveOneDesignEach) {
  const auto read = testing::Read(R"(
network:
  - repeat: {times: 2, block: stage}
  - head
blocks:
  stage:
    cells: {cell: {graph: {nodes: 1, edge: {choose: [skip, relu]}}}}
    repeat: {times: 3, block: cell}
)");
  ASSERT_NE(read.space, nullptr) << read.errors;
  EXPECT_THAT(Names(*read.space), ElementsAre("stage.0.cell.edge_0_1", "stage.1.cell.edge_0_1"));
}

TEST(SpaceParserTest, AnExampleOfTheTransformerValidatesAndLowers) {
  const auto read = testing::Read(R"(
parameters: {dim: {choose: [192, 216, 240]}, depth: {choose: [12, 13, 14]}}
network:
  - patches: {size: 16, out: $dim}
  - positions
  - repeat: {times: $depth, block: layer}
  - layer_norm
  - head
blocks:
  layer:
    parameters: {heads: {choose: [3, 4]}, ratio: {choose: [3.0, 3.5, 4.0]}}
    steps:
      - residual: [layer_norm, {attention: {heads: $heads, head_size: 64}}]
      - residual: [layer_norm, {linear: {out: $ratio * $dim}}, gelu, {linear: {out: $dim}}]
)");
  ASSERT_NE(read.space, nullptr) << read.errors;
  EXPECT_EQ(read.space->Size().ToString(), "280,804,921,344");
  EXPECT_THAT(Names(*read.space), Contains("layer.5.heads"));
  Random random(1);
  const auto network = read.space->Lower(read.space->Sample(random), {{3, {224, 224}}, 1000});
  ASSERT_TRUE(network.ok()) << network.status();
  EXPECT_GT(network->Parameters(), 4'000'000);
}

TEST(SpaceParserTest, SourcesAndJoinsAreDecisions) {
  const auto read = testing::Read(R"(
network:
  - {name: a, conv: {kernel: 3, out: 8}}
  - {name: b, conv: {kernel: 3, out: 8}}
  - {name: c, from: {choose: [a, b], count: [1, 2]}, join: {choose: [sum, concat]}, relu: {}}
  - head
)");
  ASSERT_NE(read.space, nullptr) << read.errors;
  EXPECT_THAT(Names(*read.space), ElementsAre("c.from", "c.join"));
  EXPECT_EQ(read.space->Size().ToString(), "6");
  EXPECT_THAT(Operations(LowerFirst(*read.space, {{"from", "b+a"}, {"join", "concat"}})),
              Contains("concat 16×32×32"));
  // A join of one source is that source: both joins are one network.
  const Network sum = LowerFirst(*read.space, {{"from", "b"}, {"join", "sum"}});
  EXPECT_EQ(KeyOf(sum), KeyOf(LowerFirst(*read.space, {{"from", "b"}, {"join", "concat"}})));
}

TEST(SpaceParserTest, OptionsOpenDecisionsOfTheirOwn) {
  const auto read = testing::Read(R"(
network:
  - name: body
    choose:
      plain: {conv: {kernel: {choose: [1, 3]}, out: 8}}
      deep: [{conv: {kernel: 3, out: 8}}, {dropout: {rate: {range: [0.0, 0.5]}}}]
      nothing: skip
  - head
)");
  ASSERT_NE(read.space, nullptr) << read.errors;
  EXPECT_THAT(Names(*read.space),
              ElementsAre("body", "body.plain.kernel", "body.deep.dropout.rate"));
  EXPECT_EQ(read.space->Size().ToString(), "unbounded (real-valued)");
  Random random(3);
  for (int i = 0; i < 200; ++i) {
    const Architecture a = read.space->Sample(random);
    EXPECT_EQ(a.Has(1), a.values[0] == 0);
    EXPECT_EQ(a.Has(2), a.values[0] == 1);
  }
}

TEST(SpaceParserTest, AParameterThatOnlyAnOptionUsesComesAndGoesWithIt) {
  const auto read = testing::Read(R"(
parameters: {width: {choose: [8, 16]}}
network:
  - name: body
    choose: {wide: {conv: {out: $width}}, narrow: {conv: {out: 4}}}
  - head
)");
  ASSERT_NE(read.space, nullptr) << read.errors;
  EXPECT_THAT(Names(*read.space), ElementsAre("body", "width"));
  EXPECT_EQ(read.space->Size().ToString(), "3");
}

TEST(SpaceParserTest, RequireFiltersValuesWhereverItIsDecided) {
  const auto read = testing::Read(R"(
parameters: {dim: {choose: [24, 32, 36]}}
network:
  - patches: {size: 8, out: $dim}
  - repeat: {times: 2, block: layer}
  - head
blocks:
  layer:
    parameters: {heads: {choose: [3, 4, 8]}}
    require: $dim % $heads == 0
    attention: {heads: $heads}
)");
  ASSERT_NE(read.space, nullptr) << read.errors;
  // 24: 3 · 3, 32: 2 · 2, 36: 2 · 2 = 17 ≈ 10^1.23
  EXPECT_FALSE(read.space->Size().exact);
  EXPECT_NEAR(read.space->Size().log10, 1.23, 0.02);
  Random random(5);
  Architecture a = read.space->Sample(random);
  for (int i = 0; i < 300; ++i) {
    a = i % 2 == 0 ? read.space->Mutate(a, random)
                   : read.space->Crossover(a, read.space->Sample(random), random);
    ASSERT_TRUE(read.space->Validate(a).ok()) << read.space->ToJson(a).dump();
    ASSERT_TRUE(read.space->Lower(a, kCifar10).ok());
  }
  EXPECT_THAT(
      std::string(read.space->FromJson({{"dim", 32}, {"layer.0.heads", 3}, {"layer.1.heads", 4}})
                      .status()
                      .message()),
      HasSubstr("$dim % $heads == 0"));
}

TEST(SpaceParserTest, EdgesAndNodesAreCountedAmongTheLiving) {
  const auto read = testing::Read(R"(
network: [{conv: {kernel: 3, out: 8}}, cell, head]
cells:
  cell:
    require: $edges <= 2
    graph: {nodes: 2, edge: {choose: [none, skip, relu]}}
)");
  ASSERT_NE(read.space, nullptr) << read.errors;
  const auto lower = [&](const char* e01, const char* e02, const char* e12) {
    return read.space
        ->Lower(*read.space->FromJson({{"edge_0_1", e01}, {"edge_0_2", e02}, {"edge_1_2", e12}}),
                kCifar10)
        .status();
  };
  EXPECT_TRUE(lower("relu", "none", "relu").ok());
  EXPECT_TRUE(lower("relu", "relu", "none").ok()) << "the link to the dead node does not count";
  EXPECT_THAT(std::string(lower("relu", "relu", "relu").message()),
              HasSubstr("require does not hold: $edges <= 2"));
  EXPECT_EQ(lower("relu", "none", "none").code(), absl::StatusCode::kFailedPrecondition);
}

TEST(SpaceParserTest, AStepThatIsAbsentIsAsIfNotWritten) {
  const auto read = testing::Read(R"(
network:
  - name: stage
    repeat:
      times: 2
      block: [{when: $i > 0, max_pool: {kernel: 2, stride: 2}}, {conv: {kernel: 3, out: 8}}]
  - head
)");
  ASSERT_NE(read.space, nullptr) << read.errors;
  EXPECT_THAT(Operations(LowerFirst(*read.space)),
              ElementsAre("input 3×32×32", "conv 8×32×32", "max_pool 8×16×16", "conv 8×16×16",
                          "global_pool 8", "linear 10"));
}

TEST(SpaceParserTest, FitMeetsWhatStandsThere) {
  const auto read = testing::Read(R"(
network:
  - {name: a, conv: {kernel: 3, out: 8}}
  - {name: b, conv: {kernel: 3, stride: 2, out: 16}}
  - {name: c, from: [a, b], edge: fit, relu: {}}
  - residual: {shortcut: fit, body: {conv: {kernel: 3, stride: 2, out: 12}}}
  - head
)");
  ASSERT_NE(read.space, nullptr) << read.errors;
  const Network network = LowerFirst(*read.space);
  EXPECT_THAT(Operations(network), Contains("sum 8×32×32"));
  EXPECT_THAT(Operations(network), Contains("resize 8×32×32"));
  EXPECT_THAT(Operations(network), Contains("factorized_reduce 12×16×16"));
  EXPECT_THAT(Operations(network), Contains("sum 12×16×16"));
}

TEST(SpaceParserTest, AChosenNameStandsForItsOperation) {
  const auto read = testing::Read(R"(
parameters: {act: {choose: [relu, gelu]}}
network: [{conv: {kernel: 3, out: 8, act: $act}}, $act, head]
)");
  ASSERT_NE(read.space, nullptr) << read.errors;
  EXPECT_EQ(read.space->Size().ToString(), "2");
  EXPECT_THAT(Operations(LowerFirst(*read.space, {{"act", "gelu"}})),
              Contains("gelu 8×32×32").Times(2));
}

TEST(SpaceParserTest, TwoInputCellsRememberTheCellBefore) {
  const auto read = testing::Read(R"(
network:
  - {conv: {kernel: 3, out: 8}}
  - repeat: {times: 2, block: cell}
  - relu
  - head
cells:
  cell: {inputs: [older, newer], graph: {nodes: 1, edge: batch_norm}}
)");
  ASSERT_NE(read.space, nullptr) << read.errors;
  const Network network = LowerFirst(*read.space);
  // conv=1; cell 0: norms of conv twice, sum=4; cell 1: norm of conv (older) and of the sum
  // (newer).
  EXPECT_THAT(network.operations[2].inputs, ElementsAre(1));
  EXPECT_THAT(network.operations[3].inputs, ElementsAre(1));
  EXPECT_THAT(network.operations[5].inputs, ElementsAre(1));
  EXPECT_THAT(network.operations[6].inputs, ElementsAre(4));
}

TEST(SpaceParserTest, OnlyLooseEndsLeaveAnUnusedOutput) {
  const auto read = testing::Read(R"(
network: [{conv: {kernel: 3, out: 8}}, cell, head]
cells:
  cell: {graph: {nodes: 3, from: {choose: earlier}, op: batch_norm, output: {from: unused, join: concat}}}
)");
  ASSERT_NE(read.space, nullptr) << read.errors;
  EXPECT_EQ(read.space->Size().ToString(), "6");
  EXPECT_THAT(
      Operations(LowerFirst(*read.space, {{"from_1", "0"}, {"from_2", "1"}, {"from_3", "0"}})),
      Contains("concat 16×32×32"));
}

TEST(SpaceParserTest, PlacesAreUniqueAndDecisionsAreNamed) {
  const auto space = testing::Builtin("nasbench201", {{"cells", "2"}});
  const Network network = LowerFirst(*space, {{"edge_0_1", "conv3x3"},
                                              {"edge_0_2", "none"},
                                              {"edge_1_2", "skip"},
                                              {"edge_0_3", "none"},
                                              {"edge_1_3", "none"},
                                              {"edge_2_3", "conv1x1"}});
  std::vector<std::string> places;
  for (const Operation& o : network.operations) places.push_back(o.place);
  EXPECT_THAT(places, Contains("cell_1.0.edge_0_1.conv3x3.conv"));
  EXPECT_THAT(places, Contains("cell_2.1.edge_2_3.conv1x1.relu"));
  EXPECT_THAT(places, Contains("reduce_0.shortcut.conv"));
  std::sort(places.begin(), places.end());
  EXPECT_EQ(std::adjacent_find(places.begin(), places.end()), places.end());
  for (const Operation& o : network.operations) {
    if (o.place != "cell_1.0.edge_0_1.conv3x3.conv") continue;
    EXPECT_THAT(o.decisions, ElementsAre("cell.edge_0_1"));
  }
}

TEST(SpaceParserTest, ANetworksDecisionIsNotTheRecipesWhateverItIsCalled) {
  const auto read =
      testing::Read("network: [{name: recipe, conv: {kernel: {choose: [1, 3]}, out: 8}}, head]", {},
                    "optimizer: {sgd: {lr: {range: [0.1, 0.5]}}}");
  ASSERT_NE(read.space, nullptr) << read.errors;
  ASSERT_THAT(Names(*read.space), ElementsAre("recipe.kernel", "recipe.optimizer.sgd.lr"));
  EXPECT_FALSE(read.space->decisions()[0].recipe);
  EXPECT_TRUE(read.space->decisions()[1].recipe);
}

TEST(SpaceParserTest, TheRecipeIsPartOfTheSpace) {
  const auto read = testing::Read("network: [{conv: {out: {choose: [8, 300]}}}, head]", {}, R"(
epochs: 3
optimizer:
  choose:
    sgd: {lr: {range: [0.001, 0.5], scale: log}, momentum: 0.9}
    adamw: {lr: {range: [0.00001, 0.01], scale: log}, decay: {choose: {off: 0, on: {range: [0.001, 0.1], scale: log}}}}
augment: {choose: [flip, {crop: {padding: {choose: [1, 2]}}}], count: [0, 2]}
label_smoothing: {choose: [0.0, 0.1]}
)");
  ASSERT_NE(read.space, nullptr) << read.errors;
  EXPECT_THAT(Names(*read.space),
              ElementsAre("conv.out", "recipe.optimizer", "recipe.optimizer.sgd.lr",
                          "recipe.optimizer.adamw.lr", "recipe.optimizer.adamw.decay",
                          "recipe.optimizer.adamw.decay.on", "recipe.augment",
                          "recipe.augment.crop.padding", "recipe.label_smoothing"));
  const auto a = read.space->FromJson({{"conv.out", 8},
                                       {"optimizer", "adamw"},
                                       {"adamw.lr", 0.001},
                                       {"decay", "off"},
                                       {"augment", "flip+crop"},
                                       {"padding", 2},
                                       {"label_smoothing", 0.1}});
  ASSERT_TRUE(a.ok()) << a.status();
  EXPECT_EQ(
      *read.space->ResolveRecipe(*a),
      nlohmann::json::parse(R"({"epochs": 3, "optimizer": {"adamw": {"lr": 0.001, "decay": 0}},
                                      "augment": ["flip", {"crop": {"padding": 2}}], "label_smoothing": 0.1})"));
}

}  // namespace
}  // namespace cambrian
