#include "tests/benchmark/search_quality/problem.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/nas/canonical_key.h"
#include "common/spec/diagnostics.h"
#include "common/spec/document.h"
#include "common/spec/space_parser.h"

namespace cambrian {
namespace {

absl::StatusOr<std::shared_ptr<const SearchSpace>> OpenSpace(absl::string_view name) {
  const absl::string_view text = BuiltinSpaceText(name);
  if (text.empty()) return absl::NotFoundError(absl::StrCat("no space \"", name, "\" is built in"));
  Diagnostics diagnostics{std::string(name), std::string(text)};
  Diagnostics none("", "");
  const Node node = ParseYaml(text, diagnostics);
  std::shared_ptr<const SearchSpace> space = ParseSpace(node, {}, nullptr, diagnostics, none);
  RETURN_IF_ERROR(diagnostics.ToStatus());
  return space;
}

void UseNetworks(const Task& task, Problem& problem) {
  for (size_t row = 0; row < problem.keys.size(); ++row) {
    const absl::StatusOr<Network> network =
        problem.space->Lower(problem.table->architecture(row), task);
    problem.is_dead[row] = !network.ok();
    if (network.ok()) problem.keys[row] = KeyOf(*network).ToString();
  }
}

}  // namespace

absl::StatusOr<Problem> OpenProblem(const std::string& file, absl::string_view space, Dedupe dedupe,
                                    const Task& task) {
  Problem problem;
  ASSIGN_OR_RETURN(problem.space, OpenSpace(space));
  ASSIGN_OR_RETURN(problem.table, BenchmarkTable::Read(file, *problem.space));
  problem.is_dead.assign(problem.table->rows(), false);
  for (size_t row = 0; row < problem.table->rows(); ++row) {
    problem.keys.push_back(absl::StrCat("row ", row));
  }
  if (dedupe == Dedupe::kNetwork) UseNetworks(task, problem);
  return problem;
}

absl::StatusOr<std::vector<double>> ColumnOf(const Problem& problem, absl::string_view name,
                                             double scale, bool minimize) {
  ASSIGN_OR_RETURN(const size_t metric, problem.table->FindMetric(name));
  std::vector<double> values;
  for (size_t row = 0; row < problem.table->rows(); ++row) {
    const double value = problem.table->Value(row, metric) * scale;
    if (std::isnan(value)) {
      return absl::InvalidArgumentError(
          absl::StrCat("column \"", name, "\" is empty in row ", row + 1));
    }
    values.push_back(minimize ? -value : value);
  }
  return values;
}

}  // namespace cambrian
