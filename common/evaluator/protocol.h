// What an agent and an evaluator say to each other: one JSON object a line, over two descriptors of
// their own.
//
// The evaluator reads from the descriptor in CAMBRIAN_EVALUATOR_IN and writes to the one in
// CAMBRIAN_EVALUATOR_OUT, so that a library's print corrupts nothing: stdout and stderr become the
// trial's log. Lines are UTF-8, at most 16 MiB, ended by '\n'. Non-finite numbers are the strings
// "NaN", "Infinity", "-Infinity". Unknown fields are ignored; unknown types of message are an
// error.
//
// `>` is evaluator to agent, `<` is agent to evaluator; docs/evaluator-protocol.md says more:
//
//   > hello     protocol, name, version, capabilities: the first line, within 60 s
//   < welcome   protocol, version; or the pipe is closed, and a log says which side is too old
//   < start     an assignment; one at a time
//   > progress  assignment, step, steps, metrics, checkpoint (a file that training can go on from;
//               may be absent)
//   > acquire   wants its device to itself, before measuring
//   < acquired  has it: the device's other evaluators are paused
//   > release   does not need it any longer
//   < pause     let the device alone, between two steps of training
//   > paused
//   < resume
//   < stop      end the assignment within 2 s: answered by `error` with kind "stopped", or by
//               the result, if it was ready
//   > result    assignment, metrics, checkpoint (a file in the assignment's folder; may be absent)
//   > error     assignment, kind, message, checkpoint (of "stopped": as in progress)
//
// When its pipe closes, the evaluator ends at once, whatever it is doing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/nas/objective.h"
#include "nlohmann/json.hpp"

namespace cambrian::evaluator {

struct Hello {
  int protocol = 0;
  std::string name;
  std::string version;
  std::vector<std::string> devices;  // "cpu", "cuda:0"
  nlohmann::json capabilities;       // free: {"torch": "1.13.1", "bf16": true}
};

struct Welcome {
  int protocol = 0;
  std::string version;
};

// Latency: the network in inference form, `batch` examples, `threads` threads (CPU).
struct MeasureLatency {
  int64_t batch = 1;
  int64_t threads = 1;
  int64_t runs = 30;
};

struct Start {
  std::string assignment;  // names it in every answer
  std::string device = "cpu";
  int threads = 1;              // to train with
  nlohmann::json network;       // common/nas/network.h; may be null for evaluators that need none
  nlohmann::json architecture;  // the flat map of decisions
  nlohmann::json recipe;        // common/nas/recipe.h, with the fidelity's epochs in it
  nlohmann::json data;          // DataSpec::ToJson
  double share = 1;             // fidelity: of the training data
  uint64_t seed = 0;            // of weights, batches and augmentation
  uint64_t split_seed =
      0;  // of the validation split and of the share: the study's, the same for all its trials
  bool test = false;  // read the test set once, at the end, and report test_…
  bool train = true;  // false: only measure; the weights do not matter
  std::optional<MeasureLatency> latency;
  // Training goes on from this file, which an evaluator of the same name wrote for the same work;
  // empty: from the start. The result is that of an undisturbed run.
  std::string checkpoint;
  // Write such a file about so often, in seconds, and when stopped; 0: never.
  double checkpoint_seconds = 0;
  std::string folder;  // an empty folder for files; the agent removes it
};

struct Progress {
  std::string assignment;
  int64_t step = 0;   // finished epochs, from 1
  int64_t steps = 0;  // of so many
  Metrics metrics;
  // A file name in `folder` that training can go on from, whole when it is named and never changed
  // after; empty: none since the last one. The agent takes the file.
  std::string checkpoint;
};

struct Result {
  std::string assignment;
  Metrics metrics;
  std::string checkpoint;  // file name in `folder`, safetensors; empty: none
};

struct Error {
  // kInfeasible: this candidate cannot work (a NaN loss, shapes); kData: the data are broken,
  // another candidate fails as well; kMemory: out of memory; kStopped: as told; kFailed: anything
  // else; kCrashed: it died, which only the agent says.
  enum class Kind { kInfeasible, kData, kMemory, kStopped, kFailed, kCrashed };
  std::string assignment;
  Kind kind = Kind::kFailed;
  std::string message;
  std::string checkpoint;  // of kStopped, as in Progress
};

struct Acquire {
  std::string assignment;
};
struct Acquired {};
struct Release {
  std::string assignment;
};
struct Pause {};
struct Paused {};
struct Resume {};
struct Stop {
  std::string assignment;
};

using Message = std::variant<Hello, Welcome, Start, Progress, Result, Error, Acquire, Acquired,
                             Release, Pause, Paused, Resume, Stop>;

// One line without the '\n'.
std::string Encode(const Message& message);
// \error kInvalidArgument that says what is wrong with the line. Never throws, whatever the line.
absl::StatusOr<Message> Decode(absl::string_view line);

// Metrics as JSON: {"accuracy": {"value": 0.9, "low": 0.89, "high": 0.91}}; a bare number is a
// value alone.
nlohmann::json MetricsToJson(const Metrics& metrics);
absl::StatusOr<Metrics> MetricsFromJson(const nlohmann::json& json);

}  // namespace cambrian::evaluator
