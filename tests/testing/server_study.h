// Small studies for the server's tests: 27 cells of which each is a network of its own, unless a
// test changes that.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/spec/study_spec.h"

namespace cambrian::testing {

// A complete study file. `rest` replaces the default strategy, objectives and budget.
inline std::string StudyText(absl::string_view rest =
                                 "strategy: random\n"
                                 "objectives: [{maximize: accuracy}]\n"
                                 "budget: {trials: 8}\n",
                             absl::string_view choices = "[skip, conv1x1, conv3x3]") {
  return absl::StrCat(R"(study: toy
data:
  csv: {file: /data/toy.csv, label: label, shape: [1, 8, 8]}
  validation: 20 %
  test: 20 %
  task: {input: [1, 8, 8], classes: 10}
  sha256: 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
space:
  network:
    - conv: {kernel: 3, out: 8, norm: batch, act: relu}
    - cell
    - head
  cells:
    cell:
      graph:
        nodes: 2
        edge: {choose: )",
                      choices, R"(}
  blocks:
    conv1x1: {conv: {kernel: 1, norm: batch, act: relu}}
    conv3x3: {conv: {kernel: 3, norm: batch, act: relu}}
recipe: {epochs: 2, batch: 64, optimizer: {sgd: {lr: 0.1}}}
)",
                      rest, "seed: 7\n");
}

// Throws if the text is wrong: a test's own mistake.
inline std::shared_ptr<const StudySpec> ParseToy(const std::string& text,
                                                 const std::vector<std::string>& settings = {}) {
  Diagnostics diagnostics("toy.yaml", text);
  std::shared_ptr<const StudySpec> study = ParseStudy(text, "", settings, diagnostics);
  if (!study) throw std::runtime_error(diagnostics.Render());
  return study;
}

}  // namespace cambrian::testing
