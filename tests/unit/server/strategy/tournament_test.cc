#include "server/strategy/tournament.h"

#include "gtest/gtest.h"

namespace cambrian {
namespace {

size_t Best(const std::vector<Outcome>& outcomes) {
  std::vector<const Outcome*> pointers;
  for (const Outcome& outcome : outcomes) pointers.push_back(&outcome);
  return BestOf(pointers);
}

const Outcome kFailed;

TEST(TournamentTest, TheLargestValueWins) {
  EXPECT_EQ(Best({{{0.5}, true}, {{0.9}, true}, {{0.7}, true}}), 1);
}

TEST(TournamentTest, TheFirstOfEqualsWins) {
  EXPECT_EQ(Best({{{0.5}, true}, {{0.5}, true}}), 0);
  EXPECT_EQ(Best({kFailed, kFailed}), 0);
}

TEST(TournamentTest, FeasibleBeatsInfeasibleBeatsNoResult) {
  EXPECT_EQ(Best({{{0.9}, false}, {{0.1}, true}, kFailed}), 1);
  EXPECT_EQ(Best({kFailed, {{0.9}, false}}), 1);
  EXPECT_EQ(Best({{{0.1}, false}, {{0.9}, false}}), 1);
}

TEST(TournamentTest, WithSeveralObjectivesADominatedOneNeverWins) {
  EXPECT_EQ(Best({{{0.5, -3}, true}, {{0.6, -2}, true}}), 1);
}

TEST(TournamentTest, OnOneFrontTheEndsBeatTheCrowdedMiddle) {
  const std::vector<Outcome> outcomes = {
      {{0.50, -1.00}, true}, {{0.10, -0.10}, true}, {{0.51, -1.01}, true}, {{0.90, -9}, true}};
  EXPECT_EQ(Best(outcomes), 1);
}

TEST(TournamentTest, OnOneFrontTheLonelierOfTheMiddleWins) {
  // Without the ends in the draw the gap decides: (0.5, -5) has wide gaps on both sides.
  const std::vector<Outcome> outcomes = {{{0.80, -8.0}, true},
                                         {{0.81, -8.1}, true},
                                         {{0.50, -5.0}, true},
                                         {{0.10, -1.0}, true},
                                         {{0.90, -9.0}, true}};
  EXPECT_EQ(Best(outcomes), 3);  // an end: infinite
}

}  // namespace
}  // namespace cambrian
