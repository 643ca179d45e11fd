// `cambrian-server simulate`: a study in simulated time, printed.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

namespace cambrian {

struct SimulateFlags {
  std::string file;
  std::vector<std::string> settings;    // "budget.trials=200"
  std::vector<std::string> strategies;  // instead of the file's; with their defaults
  std::vector<std::string> data_roots;  // "NAME=PATH"
  std::vector<int> workers = {16};      // each in turn
  int seeds = 100;
  std::string worker_loss;           // "5%/h"; empty: none is lost
  double replacement_seconds = 300;  // until another worker stands in a lost one's place
  std::vector<int64_t> budgets;      // empty: the usual ones
  std::string output = "table";      // "table", "json", "csv"
  std::vector<std::string> curves;   // files: .csv, .svg
  int threads = 0;                   // 0: one a core
  bool quiet = false;
};

// Prints what came of it on `out`, and on `err` what is wrong and, on a terminal, how far it is.
// Returns the program's exit code: 2 if the caller's words or the file are wrong, 1 for another
// error.
int SimulateCommand(const SimulateFlags& flags, std::ostream& out, std::ostream& err);

}  // namespace cambrian
