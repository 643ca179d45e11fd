// How tests start evaluators that do as they are told.
#pragma once

#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "common/evaluator/protocol.h"

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

inline bool Lives(pid_t pid) { return kill(pid, 0) == 0; }

// A folder that is removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "cambrian-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace cambrian
