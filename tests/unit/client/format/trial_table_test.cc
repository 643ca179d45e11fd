#include "client/format/trial_table.h"

#include "gtest/gtest.h"
#include "tests/unit/client/studies.h"

namespace cambrian {
namespace {

std::vector<v1::Trial> Front() {
  return {Succeeded(19, 0.874, 0.41, 58122, true), Succeeded(8, 0.841, 0.12, 9114, true)};
}

TEST(TrialTableTest, ShowsObjectivesWithTheirSpread) {
  const auto study = TestStudy();
  EXPECT_EQ(TrialTable(*study, Front(), {}).Render(0, false),
            " trial  accuracy  ±95 %  latency_ms    p10–p90  parameters  cell\n"
            "    19     0.874  0.006        0.41  0.39–0.45      58,122  conv3x3 ·skip ·none\n"
            "     8     0.841  0.006        0.12  0.11–0.13       9,114  conv3x3 ·skip ·none\n");
}

TEST(TrialTableTest, ARowMayLackWhatWasNeverMeasured) {
  const auto study = TestStudy();
  std::vector<v1::Trial> trials = Front();
  trials[1].clear_metrics();
  trials[1].set_state(v1::TRIAL_FAILED);
  trials[1].set_reason("out of memory");
  trials[1].set_on_front(false);
  const std::string text = TrialTable(*study, trials, {.state = true}).Render(0, false);
  EXPECT_NE(text.find("succeeded ●"), std::string::npos);
  EXPECT_NE(text.find("out of memory"), std::string::npos);
}

TEST(TrialTableTest, CsvHasEveryMetricAndDecision) {
  const auto study = TestStudy();
  const std::string csv = TrialsCsv(*study, Front());
  EXPECT_EQ(csv.substr(0, csv.find('\n')),
            "study,trial,state,on_front,accuracy,accuracy_low,accuracy_high,latency_ms,"
            "latency_ms_low,latency_ms_high,parameters,parameters_low,parameters_high,"
            "cell.edge_0_1,cell.edge_0_2,cell.edge_1_2");
  EXPECT_NE(csv.find("fashion-1,19,succeeded,true,0.874,0.868,0.88,0.41,"), std::string::npos)
      << csv;
  EXPECT_NE(csv.find(",58122.0,,,conv3x3,skip,none\n"), std::string::npos);
}

TEST(TrialTableTest, ArchitecturesAreShort) {
  const auto study = TestStudy();
  EXPECT_EQ(ArchitectureTitle(*study->space), "cell");
  EXPECT_EQ(ShortArchitecture(R"({"a.kernel": 3, "a.op": "conv", "recipe.optimizer.sgd.lr": 0.1})"),
            "3 ·conv ·lr 0.1");
  EXPECT_EQ(ShortArchitecture("not JSON"), "");
}

}  // namespace
}  // namespace cambrian
