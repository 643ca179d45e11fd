// A study whose architectures tell scripted_evaluator.py what to do.
#pragma once

#include <string>

#include "cambrian/v1/worker_service.pb.h"

namespace cambrian {

inline constexpr char kTestStudy[] = R"(study: test
data:
  csv: {file: /nowhere/data.csv, label: label}
  task: {input: [4], classes: 2}
  sha256: 0000000000000000000000000000000000000000000000000000000000000000
space:
  parameters:
    do: {choose: {succeed: 1, work: 2, crash: 3, checkpoint: 4, deaf: 5, flood: 6, nothing: 7, save: 8}}
  network:
    - linear: {out: $do}
    - choose: {"no": relu, "yes": none}
      name: cut
    - head
recipe: {epochs: 3, batch: 16}
estimator: {train: {evaluator: scripted, share: 50 %}}
strategy: random
objectives: [maximize: accuracy]
seed: 7
)";

inline v1::Assignment MakeAssignment(int64_t token, const std::string& what,
                                     const std::string& cut = "no") {
  v1::Assignment assignment;
  assignment.set_assignment("test-1/" + std::to_string(token));
  assignment.set_token(token);
  assignment.set_attempt(1);
  assignment.set_study("test-1");
  assignment.set_trial(token);
  assignment.set_architecture(R"({"do": ")" + what + R"(", "cut": ")" + cut + "\"}");
  assignment.set_seed(11);
  assignment.set_keep_checkpoint(true);
  return assignment;
}

}  // namespace cambrian
