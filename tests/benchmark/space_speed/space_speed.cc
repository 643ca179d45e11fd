// How fast search spaces are: one core, in seconds of its own time (not of the wall, so that a busy
// machine disturbs little). Prints each figure beside its goal; exit code 1 if one is missed.
#include <cstdio>
#include <ctime>
#include <functional>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/base/random.h"
#include "common/nas/canonical_key.h"
#include "common/nas/search_space.h"
#include "tests/testing/spaces.h"

namespace cambrian {
namespace {

constexpr int kDraws = 200'000;
constexpr double kGoalSeconds = 10;         // all of nasbench201
constexpr double kGoalPerSecond = 100'000;  // samples and mutations of darts

double CpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double SecondsOf(const std::function<void()>& work) {
  const double start = CpuSeconds();
  work();
  return CpuSeconds() - start;
}

// Every architecture of a space of categorical decisions that are always active.
std::vector<Architecture> Enumerate(const SearchSpace& space) {
  std::vector<Architecture> all = {Architecture{}};
  for (const Decision& decision : space.decisions()) {
    std::vector<Architecture> longer;
    for (const Architecture& prefix : all) {
      for (size_t option = 0; option < decision.options.size(); ++option) {
        longer.push_back(prefix);
        longer.back().values.push_back(static_cast<double>(option));
      }
    }
    all = std::move(longer);
  }
  return all;
}

bool Report(const char* what, double figure, const char* unit, double goal, bool met) {
  std::printf("%-44s %12.1f %-9s goal %9.0f   %s\n", what, figure, unit, goal,
              met ? "met" : "MISSED");
  return met;
}

// Lowers and keys every cell: what a study's server does with each proposal.
bool MeasureKeys(const SearchSpace& space) {
  const std::vector<Architecture> all = Enumerate(space);
  const Task task{{3, {32, 32}}, 10};
  absl::flat_hash_set<CanonicalKey> keys;
  int infeasible = 0;
  size_t operations = 0;
  const double seconds = SecondsOf([&] {
    for (const Architecture& architecture : all) {
      const absl::StatusOr<Network> network = space.Lower(architecture, task);
      if (network.ok()) {
        keys.insert(KeyOf(*network));
        operations += network->operations.size();
      } else {
        ++infeasible;
      }
    }
  });
  std::printf("nasbench201: %zu cells, %zu networks, %d infeasible, %.0f operations each\n",
              all.size(), keys.size(), infeasible,
              static_cast<double>(operations) / static_cast<double>(all.size() - infeasible));
  return Report("nasbench201: lower and key all", seconds, "s", kGoalSeconds,
                seconds < kGoalSeconds);
}

bool MeasureDraws(const SearchSpace& space) {
  Random random(1);
  size_t active = 0;  // so that no draw is for nothing
  Architecture last;
  const double sampling = SecondsOf([&] {
    for (int i = 0; i < kDraws; ++i) {
      last = space.Sample(random);
      active += last.Has(0) ? 1 : 0;
    }
  });
  const double mutation = SecondsOf([&] {
    for (int i = 0; i < kDraws; ++i) {
      last = space.Mutate(last, random);
      active += last.Has(0) ? 1 : 0;
    }
  });
  const double sampled = kDraws / sampling;
  const double mutated = kDraws / mutation;
  const bool both = active == 2 * kDraws;
  const bool samples = Report("darts: samples", sampled, "a second", kGoalPerSecond,
                              both && sampled >= kGoalPerSecond);
  const bool mutations = Report("darts: mutations", mutated, "a second", kGoalPerSecond,
                                both && mutated >= kGoalPerSecond);
  return samples && mutations;
}

int Main() {
  const auto nasbench201 = testing::Builtin("nasbench201");
  const auto darts = testing::Builtin("darts");
  if (nasbench201 == nullptr || darts == nullptr) return 1;
  const bool keys = MeasureKeys(*nasbench201);
  const bool draws = MeasureDraws(*darts);
  return keys && draws ? 0 : 1;
}

}  // namespace
}  // namespace cambrian

int main() { return cambrian::Main(); }
