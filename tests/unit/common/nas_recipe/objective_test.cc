#include "common/nas/objective.h"

#include <gtest/gtest.h>

namespace cambrian {
namespace {

TEST(ObjectiveTest, OnlyTheNetworkDeterminesParametersAndMacs) {
  EXPECT_TRUE(IsAnalytic("parameters"));
  EXPECT_TRUE(IsAnalytic("macs"));
  for (const char* metric : {"accuracy", "loss", "latency_ms", "peak_memory_mb", "train_seconds"}) {
    EXPECT_FALSE(IsAnalytic(metric)) << metric;
  }
}

TEST(ObjectiveTest, AConstraintHoldsAtItsBound) {
  const Constraint at_most{"parameters", Constraint::Bound::kAtMost, 10};
  EXPECT_TRUE(at_most.Holds(10));
  EXPECT_FALSE(at_most.Holds(10.5));
  const Constraint at_least{"accuracy", Constraint::Bound::kAtLeast, 0.8};
  EXPECT_TRUE(at_least.Holds(0.8));
  EXPECT_FALSE(at_least.Holds(0.79));
}

TEST(ObjectiveTest, AConstraintIsWrittenAsInAStudyFile) {
  EXPECT_EQ((Constraint{"parameters", Constraint::Bound::kAtMost, 500000}).ToString(),
            "parameters <= 500000");
  EXPECT_EQ((Constraint{"macs", Constraint::Bound::kAtMost, 123456789}).ToString(),
            "macs <= 123456789");
  EXPECT_EQ((Constraint{"accuracy", Constraint::Bound::kAtLeast, 0.1}).ToString(),
            "accuracy >= 0.1");
  const double third = 1.0 / 3;  // needs all digits
  const std::string text = Constraint{"loss", Constraint::Bound::kAtMost, third}.ToString();
  EXPECT_EQ(std::stod(text.substr(text.find("= ") + 2)), third);
}

}  // namespace
}  // namespace cambrian
