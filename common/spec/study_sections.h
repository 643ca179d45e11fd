// The parts of a study file, each read from its map: what is left out keeps its default, what is
// wrong goes to the diagnostics. None keeps anything of its arguments.
#pragma once

#include "absl/strings/string_view.h"
#include "common/spec/diagnostics.h"
#include "common/spec/document.h"
#include "common/spec/study_spec.h"

namespace cambrian {

// How roots of data, targets and tags are called: letters, digits, "-", "_" and "."; at most 64.
bool IsWorkerWord(absl::string_view word);

// The section of that name, or nothing (a null node) if the file leaves it out.
const Node& Section(const Node& file, absl::string_view name);

// Relative paths start at `folder`; if it is empty there must be none.
// `file` of `estimator: {table: {file: …}}` becomes `data: {table: {file: …}}`: where the rest of
// the program looks for data.
void MoveTableFile(Node& file);
DataSpec ReadData(const Node& data, absl::string_view folder, Diagnostics& diagnostics);
EstimatorSpec ReadEstimator(const Node& estimator, Diagnostics& diagnostics);
TableSpec ReadTable(const Node& table, Diagnostics& diagnostics);
// What a table asks of the rest of the file. `study` has its sections.
void CheckTable(const StudySpec& study, const Node& file, Diagnostics& diagnostics);
StrategySpec ReadStrategy(const Node& strategy, Diagnostics& diagnostics);
// Objectives, constraints, scalarisation and the measuring of latency. `study` has its estimator
// already: only Cambrian's own evaluator is known to report no other metrics.
void ReadGoals(const Node& objectives, const Node& constraints, StudySpec& study,
               Diagnostics& diagnostics);
WarmStartSpec ReadWarmStart(const Node& warm_start, Diagnostics& diagnostics);
// Whether the space has its architectures. `study` has its sections, and its space if that is good;
// `key` is where the section's name stands.
void CheckWarmStart(const StudySpec& study, const Node& file, Mark key, Diagnostics& diagnostics);
WorkersSpec ReadWorkers(const Node& workers, Diagnostics& diagnostics);
Budget ReadBudget(const Node& budget, Diagnostics& diagnostics);
std::optional<FinishSpec> ReadFinish(const Node& finish, Diagnostics& diagnostics);

}  // namespace cambrian
