// How tests start evaluators that do as they are told.
#pragma once

#include <sys/types.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "common/evaluator/protocol.h"
#include "tests/testing/temporary_folder.h"

namespace cambrian {

inline std::string SourceFile(const std::string& path) {
  return std::string(std::getenv("CAMBRIAN_SOURCE")) + "/" + path;
}

// scripted_evaluator.py, which obeys `mode` when it starts and the assignments of `Do` afterwards.
inline std::vector<std::string> ScriptedEvaluator(const std::string& mode = "") {
  return {"python3", SourceFile("tests/unit/worker/evaluator/scripted_evaluator.py"), mode};
}

inline evaluator::Start Do(const std::string& assignment, const std::string& what) {
  evaluator::Start start;
  start.assignment = assignment;
  start.architecture = {{"do", what}};
  return start;
}

// Whether the process runs: one that has ended, but that nobody has waited for, does not.
inline bool Lives(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/stat");
  std::string number, name, state;
  return status >> number >> name >> state && state != "Z" && state != "X";
}

using testing::TemporaryFolder;

}  // namespace cambrian
