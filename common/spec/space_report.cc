#include "common/spec/space_report.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace cambrian {
namespace {

constexpr int kQuickDraws = 100;
constexpr double kMostBroken = 0.1;
constexpr size_t kShownProblems = 3;

// Among networks that can work: by parameters, then by MACs.
bool Smaller(const SpaceReport::Extreme& a, const SpaceReport::Extreme& b) {
  return std::pair(a.parameters, a.macs) < std::pair(b.parameters, b.macs);
}

class Examiner {
 public:
  Examiner(const SearchSpace& space, const Task& task, const SpaceReportOptions& options)
      : space_(space), task_(task), options_(options), random_(options.seed) {}

  SpaceReport Run() {
    std::vector<SpaceReport::Extreme> starts = Draw();
    std::sort(starts.begin(), starts.end(), Smaller);
    std::vector<std::string> problems;
    for (int i = 0; i < std::min<int>(options_.climbs, static_cast<int>(starts.size())); ++i) {
      Climb(starts[i], Smaller, report_.smallest, problems);
      Climb(
          starts[starts.size() - 1 - i], [](const auto& a, const auto& b) { return Smaller(b, a); },
          report_.largest, problems);
    }
    Judge(std::move(problems));
    return std::move(report_);
  }

 private:
  // Nothing if the network does not work; then `problem` says why if its shapes are to blame.
  std::optional<SpaceReport::Extreme> Measure(Architecture architecture, std::string& problem) {
    const absl::StatusOr<Network> network = space_.Lower(architecture, task_);
    if (!network.ok()) {
      if (!absl::IsFailedPrecondition(network.status())) {
        problem = std::string(network.status().message());
      }
      return std::nullopt;
    }
    return SpaceReport::Extreme{.architecture = std::move(architecture),
                                .parameters = network->Parameters(),
                                .macs = network->Macs(),
                                .peak_memory_bytes = network->PeakMemoryBytes()};
  }

  // Fills in the counts, and returns the networks that the climbs may begin at.
  std::vector<SpaceReport::Extreme> Draw() {
    std::vector<SpaceReport::Extreme> starts;
    for (report_.draws = 0; report_.draws < options_.draws; ++report_.draws) {
      std::string problem;
      auto measured = Measure(space_.Sample(random_), problem);
      if (measured) {
        if (starts.size() < static_cast<size_t>(options_.starts)) {
          starts.push_back(*std::move(measured));
        }
      } else if (problem.empty()) {
        ++report_.empty;
      } else {
        ++report_.broken;
        Remember(problem, draw_problems_);
      }
    }
    return starts;
  }

  // Takes every change that is `better` until none is; puts where it ends into `best` if it is
  // better than that, and what is broken one change away from it into `problems`.
  template <typename Better>
  void Climb(SpaceReport::Extreme current, const Better& better,
             std::optional<SpaceReport::Extreme>& best, std::vector<std::string>& problems) {
    std::vector<std::string> broken;
    std::vector<Architecture> neighbours = space_.Neighbours(current.architecture, random_);
    // Round and round: a change that has just been refused will hardly be good after the next one.
    size_t tried = 0;
    for (size_t i = 0; tried < neighbours.size(); ++i) {
      std::string problem;
      auto measured = Measure(neighbours[i % neighbours.size()], problem);
      ++tried;
      if (!problem.empty()) Remember(problem, broken);
      if (!measured || !better(*measured, current)) continue;
      current = *std::move(measured);
      neighbours = space_.Neighbours(current.architecture, random_);
      tried = 0;
      broken.clear();
    }
    for (const std::string& problem : broken) Remember(problem, problems);
    if (!best || better(current, *best)) best = std::move(current);
  }

  static void Remember(const std::string& problem, std::vector<std::string>& problems) {
    if (std::find(problems.begin(), problems.end(), problem) == problems.end()) {
      problems.push_back(problem);
    }
  }

  void Judge(std::vector<std::string> near_extremes) {
    if (near_extremes.size() > kShownProblems) near_extremes.resize(kShownProblems);
    report_.errors = std::move(near_extremes);
    if (report_.broken == 0) return;
    if (draw_problems_.size() > kShownProblems) draw_problems_.resize(kShownProblems);
    const std::string share =
        absl::StrCat("in ", report_.broken, " of ", report_.draws, " draws shapes cannot work");
    const std::string text = absl::StrCat(share, ":\n  ", absl::StrJoin(draw_problems_, "\n  "));
    if (report_.broken > kMostBroken * report_.draws) {
      report_.errors.push_back(absl::StrCat(text, "\n  rewrite with \"fit\" or \"require\""));
    } else {
      report_.warnings.push_back(text);
    }
  }

  const SearchSpace& space_;
  const Task& task_;
  const SpaceReportOptions options_;
  Random random_;
  SpaceReport report_;
  std::vector<std::string> draw_problems_;
};

}  // namespace

SpaceReport ExamineSpace(const SearchSpace& space, const Task& task,
                         const SpaceReportOptions& options) {
  return Examiner(space, task, options).Run();
}

absl::Status CheckSpace(const SearchSpace& space, const Task& task) {
  const SpaceReport report =
      ExamineSpace(space, task, {.draws = kQuickDraws, .starts = 0, .climbs = 0});
  if (!report.errors.empty()) return absl::InvalidArgumentError(report.errors.front());
  if (report.empty == report.draws) {
    return absl::InvalidArgumentError(
        absl::StrCat("none of ", report.draws, " draws of the space lets anything through"));
  }
  return absl::OkStatus();
}

}  // namespace cambrian
