// A study of 27 architectures and their table.
#pragma once

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/spec/study_table.h"
#include "gtest/gtest.h"
#include "tests/testing/temporary_folder.h"

namespace cambrian::testing {

// Quality rises with the sum of the three decisions, the judge sees a tenth of it, and what is
// better takes longer: 10 s for each step.
inline std::string SmallTable() {
  std::string rows = "a,b,c,quality,judge,time\n";
  for (int a = 1; a <= 3; ++a) {
    for (int b = 1; b <= 3; ++b) {
      for (int c = 1; c <= 3; ++c) {
        const int sum = a + b + c;
        absl::StrAppend(&rows, a, ",", b, ",", c, ",", sum, ",", 0.1 * sum, ",", 10 * sum, "\n");
      }
    }
  }
  return rows;
}

inline constexpr char kSmallStudy[] = R"(study: small
data: {task: {input: [3, 8, 8], classes: 4}}
space:
  parameters: {a: {choose: [1, 2, 3]}, b: {choose: [1, 2, 3]}, c: {choose: [1, 2, 3]}}
  network: [{conv: {out: 4 * $a}}, {conv: {out: 4 * $b}}, {conv: {out: 4 * $c}}, head]
estimator: {table: {file: table.csv, judge: judge, seconds: time}}
dedupe: architecture
strategy: random
objectives: [maximize: quality]
budget: {trials: 20}
)";

// The study and its table as files, and read.
class SmallStudy {
 public:
  explicit SmallStudy(const std::string& text = kSmallStudy,
                      const std::string& table = SmallTable()) {
    std::ofstream(folder_ / "study.yaml") << text;
    std::ofstream(folder_ / "table.csv") << table;
  }
  std::string file() const { return folder_ / "study.yaml"; }
  const TemporaryFolder& folder() const { return folder_; }

  std::shared_ptr<const StudySpec> Read(const std::vector<std::string>& settings = {}) const {
    std::ifstream stream(file());
    const std::string text((std::istreambuf_iterator<char>(stream)), {});
    Diagnostics diagnostics("study.yaml", text);
    std::shared_ptr<const StudySpec> study =
        ParseStudy(text, folder_.path(), settings, diagnostics);
    EXPECT_TRUE(diagnostics.ok()) << diagnostics.Render();
    return study;
  }
  std::shared_ptr<const TableEstimator> Open(const std::vector<std::string>& settings = {}) const {
    const auto study = Read(settings);
    const auto estimator = OpenTable(*study, study->data.path);
    EXPECT_TRUE(estimator.ok()) << estimator.status();
    return estimator.value_or(nullptr);
  }

 private:
  TemporaryFolder folder_;
};

}  // namespace cambrian::testing
