#include "worker/agent/assignment_table.h"

#include <set>

#include "common/base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cambrian {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Ending = AssignmentTable::Ending;

v1::Assignment Make(int64_t token, bool stop = false) {
  v1::Assignment assignment;
  assignment.set_assignment("a/" + std::to_string(token));
  assignment.set_token(token);
  assignment.set_stop(stop);
  return assignment;
}

v1::Assignments Set(int64_t revision, const std::vector<v1::Assignment>& assignments) {
  v1::Assignments set;
  set.set_revision(revision);
  for (const v1::Assignment& assignment : assignments) *set.add_assignments() = assignment;
  return set;
}

std::vector<int64_t> Tokens(const std::vector<v1::Assignment>& assignments) {
  std::vector<int64_t> tokens;
  for (const v1::Assignment& assignment : assignments) tokens.push_back(assignment.token());
  return tokens;
}

std::vector<int64_t> HeldTokens(const AssignmentTable& table) {
  std::vector<int64_t> tokens;
  for (const v1::Held& held : table.Held()) tokens.push_back(held.token());
  return tokens;
}

TEST(AssignmentTableTest, StartsWhatIsNewOnce) {
  AssignmentTable table(3);
  EXPECT_THAT(Tokens(table.Apply(Set(1, {Make(5), Make(6)})).start), ElementsAre(5, 6));
  EXPECT_THAT(Tokens(table.Apply(Set(1, {Make(5), Make(6)})).start), IsEmpty());
  EXPECT_THAT(Tokens(table.Apply(Set(2, {Make(5), Make(6), Make(7)})).start), ElementsAre(7));
  EXPECT_EQ(table.revision(), 2);
  EXPECT_EQ(table.FreeSlots(), 0);
  EXPECT_THAT(HeldTokens(table), ElementsAre(5, 6, 7));
  EXPECT_EQ(table.Find(6)->assignment(), "a/6");
}

TEST(AssignmentTableTest, ASetThatItKnowsSaysNothing) {
  AssignmentTable table(2);
  table.Apply(Set(1, {Make(5)}));
  table.End(5, true);
  table.Settle(5);
  EXPECT_THAT(Tokens(table.Apply(Set(1, {Make(5)})).start), IsEmpty());
}

TEST(AssignmentTableTest, IgnoresAnOlderRevision) {
  AssignmentTable table(2);
  table.Apply(Set(4, {Make(5)}));
  const AssignmentTable::Changes changes = table.Apply(Set(3, {Make(6)}));
  EXPECT_THAT(changes.start, IsEmpty());
  EXPECT_THAT(changes.stop, IsEmpty());
  EXPECT_THAT(HeldTokens(table), ElementsAre(5));
}

TEST(AssignmentTableTest, StopsWhatIsMarkedAndReportsItsEnd) {
  AssignmentTable table(2);
  table.Apply(Set(1, {Make(5)}));
  EXPECT_THAT(Tokens(table.Apply(Set(2, {Make(5, true)})).stop), ElementsAre(5));
  EXPECT_THAT(Tokens(table.Apply(Set(3, {Make(5, true)})).stop), IsEmpty());  // once
  EXPECT_EQ(table.End(5, false), Ending::kReport);
  EXPECT_THAT(HeldTokens(table), ElementsAre(5));
  table.Settle(5);
  EXPECT_THAT(HeldTokens(table), IsEmpty());
}

TEST(AssignmentTableTest, DropsWhatIsNotListedAnyLonger) {
  AssignmentTable table(2);
  table.Apply(Set(1, {Make(5)}));
  EXPECT_THAT(Tokens(table.Apply(Set(2, {})).stop), ElementsAre(5));
  EXPECT_THAT(HeldTokens(table), IsEmpty());
  EXPECT_EQ(table.FreeSlots(), 1);  // it is still at work
  EXPECT_TRUE(table.Running());
  EXPECT_EQ(table.End(5, true), Ending::kForget);
  EXPECT_EQ(table.FreeSlots(), 2);
  EXPECT_FALSE(table.Running());
}

TEST(AssignmentTableTest, WhatIsMarkedToStopWithoutBeingHereIsNothing) {
  AssignmentTable table(2);
  const AssignmentTable::Changes changes = table.Apply(Set(1, {Make(5, true)}));
  EXPECT_THAT(changes.start, IsEmpty());
  EXPECT_THAT(changes.stop, IsEmpty());
  EXPECT_THAT(HeldTokens(table), IsEmpty());
}

TEST(AssignmentTableTest, ACompletionIsHeldUntilSettledAndFreesItsSlot) {
  AssignmentTable table(1);
  table.Apply(Set(1, {Make(5)}));
  EXPECT_EQ(table.End(5, true), Ending::kReport);
  EXPECT_EQ(table.FreeSlots(), 1);
  EXPECT_EQ(table.Find(5), nullptr);
  // A set from before the completion arrived, then one from after.
  EXPECT_THAT(Tokens(table.Apply(Set(2, {Make(5)})).start), IsEmpty());
  EXPECT_THAT(Tokens(table.Apply(Set(3, {Make(6)})).start), ElementsAre(6));
  EXPECT_THAT(HeldTokens(table), ElementsAre(5, 6));
  table.Settle(5);
  table.Settle(6);  // does not end what runs
  EXPECT_THAT(HeldTokens(table), ElementsAre(6));
}

TEST(AssignmentTableTest, ARestoredCompletionIsNotStartedAgain) {
  AssignmentTable table(1);
  v1::Completion completion;
  completion.set_assignment("a/5");
  completion.set_token(5);
  table.Restore(completion);
  EXPECT_THAT(HeldTokens(table), ElementsAre(5));
  EXPECT_THAT(Tokens(table.Apply(Set(1, {Make(5)})).start), IsEmpty());
  EXPECT_EQ(table.FreeSlots(), 1);
}

TEST(AssignmentTableTest, ALeavingWorkerHandsBackWhatIsNotFinished) {
  AssignmentTable table(4);
  table.Apply(Set(1, {Make(5), Make(6), Make(7), Make(8)}));
  table.Apply(Set(2, {Make(5), Make(6), Make(7, true)}));
  EXPECT_THAT(Tokens(table.Drain()), ElementsAre(5, 6));
  EXPECT_EQ(table.End(5, false), Ending::kHandBack);
  EXPECT_EQ(table.End(6, true), Ending::kReport);
  EXPECT_EQ(table.End(7, false), Ending::kReport);
  EXPECT_EQ(table.End(8, false), Ending::kForget);
  EXPECT_EQ(table.End(99, true), Ending::kForget);
  EXPECT_THAT(HeldTokens(table), ElementsAre(6, 7));
}

TEST(AssignmentTableTest, WhatIsGivenBackNeitherRunsNorBeginsAgain) {
  AssignmentTable table(2);
  table.Apply(Set(1, {Make(5), Make(6)}));
  EXPECT_TRUE(table.Wanted(5));
  EXPECT_TRUE(table.GiveBack(5));
  EXPECT_FALSE(table.GiveBack(5));
  EXPECT_FALSE(table.Wanted(5));
  EXPECT_EQ(table.Find(5), nullptr);
  EXPECT_EQ(table.FreeSlots(), 1);
  EXPECT_THAT(HeldTokens(table), ElementsAre(6));
  // The server lists it until it hears of it.
  EXPECT_TRUE(table.Apply(Set(2, {Make(5), Make(6)})).start.empty());
  table.Settle(5);
  table.Apply(Set(3, {Make(6, true)}));
  EXPECT_FALSE(table.GiveBack(6));  // it is being stopped: its end is a completion
  EXPECT_EQ(table.End(6, false), Ending::kReport);
}

// A server that grants, stops and drops at random; its answers come late, twice, out of order or
// never. In the end the worker runs what the server wants, and nothing was started twice.
TEST(AssignmentTableTest, ConvergesWhateverHappensToAnswers) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    AssignmentTable table(1000);
    std::set<int64_t> started, running, wanted;
    std::vector<v1::Assignments> sent;
    int64_t token = 0;
    const auto current = [&](int64_t revision) {
      std::vector<v1::Assignment> all;
      for (int64_t t : wanted) all.push_back(Make(t));
      return Set(revision, all);
    };
    const auto apply = [&](const v1::Assignments& set) {
      const AssignmentTable::Changes changes = table.Apply(set);
      for (int64_t t : Tokens(changes.start)) {
        EXPECT_TRUE(started.insert(t).second);
        running.insert(t);
      }
      for (int64_t t : Tokens(changes.stop)) {
        EXPECT_EQ(running.erase(t), 1u);
        EXPECT_EQ(table.End(t, random.Chance(0.5)), Ending::kForget);
      }
    };
    for (int64_t revision = 1; revision <= 100; ++revision) {
      if (random.Chance(0.6)) wanted.insert(++token);
      if (!wanted.empty() && random.Chance(0.3)) wanted.erase(wanted.begin());
      sent.push_back(current(revision));
      if (random.Chance(0.5)) apply(sent[random.Below(sent.size())]);
      if (!running.empty() && random.Chance(0.2)) {  // one finishes and is reported
        const int64_t done = *running.begin();
        running.erase(done);
        EXPECT_EQ(table.End(done, true), Ending::kReport);
        wanted.erase(done);
        table.Settle(done);
        sent.clear();  // a server does not grant again what it has settled
        sent.push_back(current(++revision));
        apply(sent.back());
      }
    }
    apply(current(1000));
    EXPECT_EQ(running, wanted);
    EXPECT_EQ(table.FreeSlots(), 1000 - static_cast<int>(running.size()));
  }
}

}  // namespace
}  // namespace cambrian
