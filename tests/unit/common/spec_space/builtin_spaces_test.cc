// The published facts that the built-in spaces must meet.
#include <cstdlib>
#include <fstream>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/nas/canonical_key.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/spaces.h"

namespace cambrian {
namespace {

const Task kCifar10{{3, {32, 32}}, 10};

std::string SizeOf(const std::shared_ptr<const SearchSpace>& space) {
  return space == nullptr ? "no space" : space->Size().ToString();
}

TEST(BuiltinSpacesTest, AllAreThereAndReadable) {
  EXPECT_THAT(BuiltinSpaces(), ::testing::ElementsAre("nasbench201", "darts", "mobile",
                                                      "multi_branch", "chain_cnn"));
  for (const std::string& name : BuiltinSpaces()) {
    EXPECT_EQ(testing::Read(BuiltinSpaceText(name)).errors, "") << name;
  }
}

TEST(BuiltinSpacesTest, HaveTheirPublishedSizes) {
  EXPECT_EQ(SizeOf(testing::Builtin("nasbench201")), "15,625");
  EXPECT_EQ(SizeOf(testing::Builtin("darts")), "1,076,746,950,455,072,400");
  EXPECT_EQ(SizeOf(testing::Builtin("multi_branch")), "29,831,769,096,192");
  // 2 multipliers; four resolutions where that is a hole, as in the papers.
  EXPECT_EQ(SizeOf(testing::Builtin("mobile")), "43,517,310,985,144,971,702");
  std::string mobile(BuiltinSpaceText("mobile"));
  mobile.replace(mobile.find("resolution: 224"), 15, "resolution: {choose: [128, 160, 192, 224]}");
  EXPECT_EQ(SizeOf(testing::Read(mobile).space), "174,069,243,940,579,886,808");
}

TEST(BuiltinSpacesTest, NasBench201NamesItsDecisionsAsTheTablesDo) {
  const auto space = testing::Builtin("nasbench201");
  std::vector<std::string> names;
  for (const Decision& decision : space->decisions()) names.push_back(decision.name);
  EXPECT_THAT(names, ::testing::ElementsAre("cell.edge_0_1", "cell.edge_0_2", "cell.edge_1_2",
                                            "cell.edge_0_3", "cell.edge_1_3", "cell.edge_2_3"));
}

TEST(BuiltinSpacesTest, DartsV2HasItsPublishedParameters) {
  const auto space = testing::Builtin("darts", {{"width", "36"}});
  ASSERT_NE(space, nullptr);
  const nlohmann::json darts_v2 = {{"normal.from_2", "0+1"},
                                   {"normal.edge_0_2", "sep_conv3x3"},
                                   {"normal.edge_1_2", "sep_conv3x3"},
                                   {"normal.from_3", "0+1"},
                                   {"normal.edge_0_3", "sep_conv3x3"},
                                   {"normal.edge_1_3", "sep_conv3x3"},
                                   {"normal.from_4", "0+1"},
                                   {"normal.edge_0_4", "skip"},
                                   {"normal.edge_1_4", "sep_conv3x3"},
                                   {"normal.from_5", "0+2"},
                                   {"normal.edge_0_5", "skip"},
                                   {"normal.edge_2_5", "dil_conv3x3"},
                                   {"reduction.from_2", "0+1"},
                                   {"reduction.edge_0_2", "max_pool3x3"},
                                   {"reduction.edge_1_2", "max_pool3x3"},
                                   {"reduction.from_3", "1+2"},
                                   {"reduction.edge_1_3", "max_pool3x3"},
                                   {"reduction.edge_2_3", "skip"},
                                   {"reduction.from_4", "0+2"},
                                   {"reduction.edge_0_4", "max_pool3x3"},
                                   {"reduction.edge_2_4", "skip"},
                                   {"reduction.from_5", "1+2"},
                                   {"reduction.edge_1_5", "max_pool3x3"},
                                   {"reduction.edge_2_5", "skip"}};
  const auto architecture = space->FromJson(darts_v2);
  ASSERT_TRUE(architecture.ok()) << architecture.status();
  const auto network = space->Lower(*architecture, kCifar10);
  ASSERT_TRUE(network.ok()) << network.status();
  EXPECT_EQ(network->Parameters(), 3'349'342);
}

TEST(BuiltinSpacesTest, DartsTwinsAreOneNetwork) {
  const auto space = testing::Builtin("darts", {{"cells", "1"}});
  // Nodes 3 and 4 swapped; the output concatenates them in another order.
  const auto architecture = [&](const char* op_3, const char* op_4) {
    nlohmann::json json;
    for (const std::string cell : {"normal", "reduction"}) {
      for (int node = 2; node < 6; ++node) {
        json[absl::StrCat(cell, ".from_", node)] = "0+1";
        const char* op = node == 3 ? op_3 : node == 4 ? op_4 : "skip";
        json[absl::StrCat(cell, ".edge_0_", node)] = op;
        json[absl::StrCat(cell, ".edge_1_", node)] = op;
      }
    }
    return *space->FromJson(json);
  };
  const auto key = [&](const Architecture& a) { return KeyOf(*space->Lower(a, kCifar10)); };
  EXPECT_EQ(key(architecture("sep_conv3x3", "dil_conv5x5")),
            key(architecture("dil_conv5x5", "sep_conv3x3")));
  EXPECT_NE(key(architecture("sep_conv3x3", "dil_conv5x5")),
            key(architecture("sep_conv3x3", "dil_conv3x3")));
}

// ../shared/data/nasbench201/networks.csv: the class of each cell by an independent program, and
// its live size.
TEST(BuiltinSpacesTest, NasBench201PartitionIsThatOfTheTable) {
  const char* source = std::getenv("CAMBRIAN_SOURCE");
  std::ifstream file(
      absl::StrCat(source == nullptr ? "." : source, "/../shared/data/nasbench201/networks.csv"));
  if (!file) GTEST_SKIP() << "the table networks.csv is not on this machine";
  const auto space = testing::Builtin("nasbench201");
  std::string line;
  std::getline(file, line);
  const std::vector<std::string> columns = absl::StrSplit(line, ',');
  std::map<std::string, CanonicalKey> key_of_class;
  std::map<CanonicalKey, std::string> class_of_key;
  int rows = 0;
  int infeasible = 0;
  while (std::getline(file, line)) {
    const std::vector<std::string> row = absl::StrSplit(line, ',');
    std::map<std::string, std::string> values;
    nlohmann::json json;
    for (size_t i = 0; i < columns.size(); ++i) {
      values[columns[i]] = row[i];
      if (columns[i].rfind("edge_", 0) == 0) json[columns[i]] = row[i];
    }
    ++rows;
    const auto architecture = space->FromJson(json);
    ASSERT_TRUE(architecture.ok()) << architecture.status();
    const auto network = space->Lower(*architecture, kCifar10);
    if (values["network"] == "0") {
      EXPECT_EQ(network.status().code(), absl::StatusCode::kFailedPrecondition) << line;
      ++infeasible;
      continue;
    }
    ASSERT_TRUE(network.ok()) << line << ": " << network.status();
    const CanonicalKey key = KeyOf(*network);
    EXPECT_EQ(key_of_class.emplace(values["network"], key).first->second, key) << line;
    EXPECT_EQ(class_of_key.emplace(key, values["network"]).first->second, values["network"])
        << line;
    EXPECT_EQ(absl::StrCat(network->Parameters()), values["live_params"]) << line;
    EXPECT_EQ(absl::StrCat(network->Macs()), values["live_macs"]) << line;
  }
  EXPECT_EQ(rows, 15'625);
  EXPECT_EQ(infeasible, 341);
  EXPECT_EQ(class_of_key.size() + 1, 5'260u);
}

TEST(BuiltinSpacesTest, EveryDrawLowersAndValidates) {
  for (const std::string& name : BuiltinSpaces()) {
    const auto space =
        name == "mobile" ? testing::Builtin(name, {{"resolution", "32"}}) : testing::Builtin(name);
    Random random(7);
    for (int i = 0; i < 50; ++i) {
      const Architecture architecture = space->Sample(random);
      ASSERT_TRUE(space->Validate(architecture).ok()) << name;
      const auto again = space->FromJson(space->ToJson(architecture));
      ASSERT_TRUE(again.ok()) << name << ": " << again.status();
      EXPECT_EQ(*again, architecture);
      const auto network = space->Lower(architecture, kCifar10);
      if (!network.ok()) {
        EXPECT_EQ(network.status().code(), absl::StatusCode::kFailedPrecondition)
            << name << ": " << network.status();
        continue;
      }
      const auto read = NetworkFromJson(ToJson(*network));
      ASSERT_TRUE(read.ok()) << name << ": " << read.status();
      EXPECT_EQ(KeyOf(*read), KeyOf(*network));
    }
  }
}

}  // namespace
}  // namespace cambrian
