#include "server/strategy/cell_graph.h"

#include <algorithm>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/spaces.h"

namespace cambrian {
namespace {

using ::testing::Each;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class CellGraphTest : public ::testing::Test {
 protected:
  CellGraphTest() : space_(testing::Builtin("nasbench201")) {
    std::vector<bool> covered;
    graphs_ = CellGraph::Find(*space_, covered);
    EXPECT_THAT(covered, Each(true));
  }
  Architecture Cell(const std::vector<std::string>& edges) const {
    const char* const names[] = {"edge_0_1", "edge_0_2", "edge_1_2",
                                 "edge_0_3", "edge_1_3", "edge_2_3"};
    nlohmann::json json;
    for (size_t i = 0; i < 6; ++i) json[names[i]] = edges[i];
    return space_->FromJson(json).value();
  }
  Features Paths(const std::vector<std::string>& edges) const {
    Features paths;
    graphs_[0].AddPaths(Cell(edges), paths);
    std::sort(paths.begin(), paths.end());
    return paths;
  }
  std::vector<Features> Refined(const std::vector<std::string>& edges) const {
    std::vector<Features> refined(3);
    graphs_[0].AddRefined(Cell(edges), refined);
    for (Features& features : refined) std::sort(features.begin(), features.end());
    return refined;
  }

  std::shared_ptr<const SearchSpace> space_;
  std::vector<CellGraph> graphs_;
};

TEST_F(CellGraphTest, NasBench201IsOneGraphWithFourWaysThrough) {
  ASSERT_THAT(graphs_, SizeIs(1));
  EXPECT_EQ(graphs_[0].MostPaths(), 4);
  EXPECT_THAT(Paths({"conv3x3", "conv3x3", "conv3x3", "skip", "conv1x1", "skip"}), SizeIs(4));
}

TEST_F(CellGraphTest, NoneEndsAWay) {
  EXPECT_THAT(Paths({"none", "none", "skip", "none", "skip", "skip"}), IsEmpty());
  EXPECT_THAT(Paths({"none", "skip", "skip", "none", "skip", "conv3x3"}), SizeIs(1));
}

TEST_F(CellGraphTest, WaysAreTheSequencesOfOperationsWithoutSkips) {
  // One way, of one operation, wherever it stands on it.
  const Features first = Paths({"conv3x3", "none", "skip", "none", "none", "skip"});
  EXPECT_EQ(first, Paths({"skip", "none", "conv3x3", "none", "none", "skip"}));
  EXPECT_EQ(first, Paths({"none", "none", "none", "conv3x3", "none", "none"}));
  EXPECT_NE(first, Paths({"conv1x1", "none", "skip", "none", "none", "skip"}));
  // Order counts.
  EXPECT_NE(Paths({"conv3x3", "none", "conv1x1", "none", "none", "skip"}),
            Paths({"conv1x1", "none", "conv3x3", "none", "none", "skip"}));
}

TEST_F(CellGraphTest, RefinementSeesNoDeadParts) {
  const std::vector<Features> lean = Refined({"none", "conv3x3", "none", "none", "none", "skip"});
  // What comes out of node 1 has no input, what goes into it no reader.
  EXPECT_EQ(lean, Refined({"none", "conv3x3", "conv1x1", "none", "conv1x1", "skip"}));
  EXPECT_EQ(lean, Refined({"conv1x1", "conv3x3", "none", "none", "none", "skip"}));
  EXPECT_THAT(lean[0], SizeIs(2));
  EXPECT_THAT(lean[1], SizeIs(4));  // towards the input and towards the output
}

TEST_F(CellGraphTest, RefinementTellsApartByTheNeighbourhood) {
  // The same operations in another order: equal at height 0 only.
  const std::vector<Features> a = Refined({"conv3x3", "none", "conv1x1", "none", "none", "skip"});
  const std::vector<Features> b = Refined({"conv1x1", "none", "conv3x3", "none", "none", "skip"});
  EXPECT_EQ(a[0], b[0]);
  EXPECT_NE(a[1], b[1]);
}

TEST(CellGraphsTest, DartsHasTwoCellsWhoseNodesChooseTheirSources) {
  const auto space = testing::Builtin("darts");
  std::vector<bool> covered;
  const std::vector<CellGraph> graphs = CellGraph::Find(*space, covered);
  EXPECT_THAT(graphs, SizeIs(2));
  EXPECT_THAT(covered, Each(true));
  Random random(1);
  const Architecture architecture = space->Sample(random);
  Features paths;
  for (const CellGraph& graph : graphs) graph.AddPaths(architecture, paths);
  // Four nodes of two links each: from 8 ways, if all read the inputs, to 2 + 4 + 8 + 16 less some.
  EXPECT_GE(paths.size(), 16U);
  EXPECT_LE(paths.size(), graphs[0].MostPaths() + graphs[1].MostPaths());
}

TEST(CellGraphsTest, ASpaceWithoutGraphsHasNone) {
  const auto space = testing::Builtin("mobile");
  std::vector<bool> covered;
  EXPECT_THAT(CellGraph::Find(*space, covered), IsEmpty());
  EXPECT_THAT(covered, Each(false));
}

}  // namespace
}  // namespace cambrian
