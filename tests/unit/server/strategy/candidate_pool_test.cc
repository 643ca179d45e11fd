#include "server/strategy/candidate_pool.h"

#include <algorithm>

#include "gtest/gtest.h"
#include "tests/testing/spaces.h"

namespace cambrian {
namespace {

class CandidatePoolTest : public ::testing::Test {
 protected:
  CandidatePoolTest() {
    for (int i = 0; i < 10; ++i) architectures_.push_back(space_->Sample(random_));
    for (int i = 0; i < 10; ++i) parents_.push_back({&architectures_[i], i + 1});
  }

  const std::shared_ptr<const SearchSpace> space_ = testing::Builtin("nasbench201");
  Random random_{1};
  std::vector<Architecture> architectures_;
  std::vector<PoolParent> parents_;
};

TEST_F(CandidatePoolTest, EachOnceAndNoneThatWasSeen) {
  absl::flat_hash_set<uint64_t> seen;
  for (const Architecture& architecture : architectures_) seen.insert(HashOf(architecture));
  const std::vector<PoolEntry> pool = MakePool(*space_, parents_, seen, 500, random_);
  EXPECT_GT(pool.size(), 250U);
  EXPECT_LE(pool.size(), 500U);
  for (const PoolEntry& entry : pool) {
    EXPECT_TRUE(space_->Validate(entry.architecture).ok());
    EXPECT_TRUE(seen.insert(HashOf(entry.architecture)).second);
  }
}

TEST_F(CandidatePoolTest, HasTheNeighboursOfTheBest) {
  const std::vector<PoolEntry> pool = MakePool(*space_, parents_, {}, 500, random_);
  for (const Architecture& neighbour : space_->Neighbours(architectures_[0], random_)) {
    EXPECT_TRUE(std::any_of(pool.begin(), pool.end(), [&](const PoolEntry& entry) {
      return entry.architecture == neighbour;
    }));
  }
}

TEST_F(CandidatePoolTest, SaysWhereEachComesFrom) {
  for (const PoolEntry& entry : MakePool(*space_, parents_, {}, 500, random_)) {
    if (entry.parent < 0) {
      EXPECT_EQ(entry.ToOrigin().ToString(), "random");
      continue;
    }
    const Architecture& parent = architectures_[static_cast<size_t>(entry.parent) - 1];
    int changed = 0;
    for (size_t d = 0; d < parent.values.size(); ++d) {
      changed += parent.values[d] != entry.architecture.values[d];
    }
    if (entry.other < 0) {
      EXPECT_LE(changed, entry.changes) << entry.ToOrigin().ToString();
    }
  }
}

TEST_F(CandidatePoolTest, WithoutParentsItIsRandom) {
  const std::vector<PoolEntry> pool = MakePool(*space_, {}, {}, 50, random_);
  EXPECT_GT(pool.size(), 40U);
}

}  // namespace
}  // namespace cambrian
