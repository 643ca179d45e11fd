#include "worker/torch/assignment.h"

#include <c10/util/Exception.h>

#include <cmath>
#include <new>
#include <numeric>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/version.h"
#include "common/nas/network.h"
#include "common/nas/recipe.h"
#include "worker/torch/backend.h"
#include "worker/torch/checkpoint.h"
#include "worker/torch/measure.h"
#include "worker/torch/split.h"
#include "worker/torch/trainer.h"

namespace cambrian {
namespace {

using evaluator::Error;
using evaluator::Result;
using evaluator::Start;

constexpr char kCheckpoint[] = "checkpoint.safetensors";

// The codes by which the parts below tell their kind of failure.
Error::Kind KindOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kCancelled:
      return Error::Kind::kStopped;
    case absl::StatusCode::kOutOfRange:
      return Error::Kind::kInfeasible;
    case absl::StatusCode::kDataLoss:
      return Error::Kind::kData;
    case absl::StatusCode::kResourceExhausted:
      return Error::Kind::kMemory;
    default:
      return Error::Kind::kFailed;
  }
}

// Only the first line: the rest is LibTorch's stack.
absl::Status FromException(const c10::Error& error) {
  const std::string message = error.what_without_backtrace();
  const std::string line = message.substr(0, message.find('\n'));
  // On the CPU an allocation that fails is an ordinary c10::Error.
  const bool memory = dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr ||
                      absl::StrContains(message, "can't allocate memory") ||
                      absl::StrContains(message, "not enough memory");
  return memory ? absl::ResourceExhaustedError(line) : absl::InternalError(line);
}

absl::StatusOr<Recipe> ParseRecipe(const nlohmann::json& json) {
  std::vector<JsonProblem> problems;
  const Recipe recipe = RecipeFromJson(json, problems);
  if (problems.empty()) return recipe;
  return absl::InvalidArgumentError(
      absl::StrCat("recipe: ", problems[0].path, ": ", problems[0].message));
}

absl::StatusOr<Network> ParseNetwork(const nlohmann::json& json, const Task& task) {
  absl::StatusOr<Network> network = NetworkFromJson(json);
  if (!network.ok()) return Annotate(network.status(), "network");
  const Shape& input = network->operations.front().shape;
  const Shape& output = network->operations.back().shape;
  if (input == task.input && output == Shape{task.classes, {}}) return network;
  return absl::InvalidArgumentError(absl::StrCat("the network maps ", input.ToString(), " to ",
                                                 output.ToString(), ", the data ask for ",
                                                 task.input.ToString(), " to ", task.classes));
}

std::map<std::string, std::string> Metadata(const Start& start, const DataSet& data) {
  return {{"architecture", start.architecture.dump()},
          {"network", start.network.dump()},
          {"mean", nlohmann::json(data.mean).dump()},
          {"deviation", nlohmann::json(data.deviation).dump()},
          {"classes", absl::StrCat(data.classes)}};
}

absl::Status AddTestVerdict(const DataSet& data, bool bf16, NetworkModule& network,
                            Control& control, Metrics& metrics) {
  if (data.test.Count() == 0) return absl::DataLossError("data: there is no test set");
  std::vector<int32_t> all(data.test.Count());
  std::iota(all.begin(), all.end(), 0);
  ASSIGN_OR_RETURN(const Verdict verdict, Judge(data, data.test, all, bf16, network, control));
  verdict.AddTo(metrics, "test_");
  return absl::OkStatus();
}

absl::Status AddCosts(const Start& start, const NetworkModule& network, Control& control,
                      Metrics& metrics) {
  metrics["parameters"].value = static_cast<double>(network.Parameters());
  metrics["macs"].value = static_cast<double>(network.network().Macs());
  metrics["peak_memory_mb"].value = static_cast<double>(MeasurePeakBytes(network)) / 1e6;
  if (!start.latency.has_value()) return absl::OkStatus();
  RETURN_IF_ERROR(control.Acquire());
  // Whatever ends the measuring, the others on the device go on.
  const absl::Cleanup release = [&control] { control.Release(); };
  ASSIGN_OR_RETURN(metrics["latency_ms"], MeasureLatency(network, *start.latency, control));
  return absl::OkStatus();
}

// All that decides what comes of a training. Where its data lie does not.
std::string WorkOf(const Start& start, const Recipe& recipe, const DataSet& data,
                   double validation) {
  return nlohmann::json{{"network", start.network},  {"recipe", ToJson(recipe)},
                        {"data", data.sha256},       {"validation", validation},
                        {"share", start.share},      {"seed", start.seed},
                        {"split", start.split_seed}, {"version", kVersion}}
      .dump();
}

// The network as it is built, untrained: what it costs does not depend on its weights.
absl::StatusOr<Result> MeasureOnly(const Start& start, Control& control) {
  RETURN_IF_ERROR(control.Proceed());
  ASSIGN_OR_RETURN(const at::Device device, FindDevice(start.device));
  SetThreads(start.threads);
  absl::StatusOr<Network> network = NetworkFromJson(start.network);
  if (!network.ok()) return Annotate(network.status(), "network");
  const NetworkModule module(*network, start.seed, device);
  Result result{start.assignment, {}, ""};
  RETURN_IF_ERROR(AddCosts(start, module, control, result.metrics));
  return result;
}

}  // namespace

AssignmentRunner::Outcome AssignmentRunner::Run(const Start& start, Control& control) {
  absl::Status status;
  std::string stopped_at;
  try {
    absl::StatusOr<Result> result =
        start.train ? RunOrFail(start, control, stopped_at) : MeasureOnly(start, control);
    if (result.ok()) return *std::move(result);
    status = result.status();
  } catch (const c10::Error& error) {
    status = FromException(error);
  } catch (const std::bad_alloc&) {
    status = absl::ResourceExhaustedError("out of memory");
  } catch (const std::exception& error) {
    status = absl::InternalError(error.what());
  }
  return Error{start.assignment, KindOf(status.code()), std::string(status.message()), stopped_at};
}

absl::StatusOr<const DataSet*> AssignmentRunner::Data(const DataRequest& request,
                                                      const std::string& key) {
  if (data_ == nullptr || data_key_ != key) {
    data_.reset();  // before the next one needs the memory
    absl::StatusOr<DataSet> data = LoadDataSet(request);
    if (absl::IsResourceExhausted(data.status())) return data.status();
    if (!data.ok()) return absl::DataLossError(absl::StrCat("data: ", data.status().message()));
    data_ = std::make_unique<const DataSet>(*std::move(data));
    data_key_ = key;
  }
  return data_.get();
}

absl::StatusOr<Result> AssignmentRunner::RunOrFail(const Start& start, Control& control,
                                                   std::string& stopped_at) {
  RETURN_IF_ERROR(control.Proceed());
  ASSIGN_OR_RETURN(const at::Device device, FindDevice(start.device));
  SetThreads(start.threads);
  absl::StatusOr<DataRequest> request = ParseDataRequest(start.data);
  if (!request.ok()) return Annotate(request.status(), "data");
  ASSIGN_OR_RETURN(const DataSet* const data, Data(*request, start.data.dump()));
  ASSIGN_OR_RETURN(const Network network, ParseNetwork(start.network, data->task()));
  ASSIGN_OR_RETURN(const Recipe recipe, ParseRecipe(start.recipe));
  const Split split = MakeSplit(data->train.labels, data->classes, request->validation, start.share,
                                start.split_seed);
  if (split.validation.empty()) return absl::DataLossError("data: no class has two examples");
  const bool bf16 = recipe.precision == Recipe::Precision::kBf16;

  NetworkModule module(network, start.seed, device);
  Result result{start.assignment, {}, kCheckpoint};
  TrainingStates states(start.folder, WorkOf(start, recipe, *data, request->validation),
                        absl::Seconds(start.checkpoint_seconds));
  const Training training{recipe,           *data,   split,           start.seed,
                          start.assignment, &states, start.checkpoint};
  const absl::StatusOr<double> seconds = Train(training, module, control);
  stopped_at = states.TakeNews();
  if (!seconds.ok()) return seconds.status();
  result.metrics["train_seconds"].value = *seconds;
  ASSIGN_OR_RETURN(const Verdict verdict,
                   Judge(*data, data->train, split.validation, bf16, module, control));
  verdict.AddTo(result.metrics);
  const auto epochs = static_cast<int64_t>(std::ceil(recipe.epochs));
  control.Report({start.assignment, epochs, epochs, result.metrics, ""});
  RETURN_IF_ERROR(AddCosts(start, module, control, result.metrics));
  if (start.test) RETURN_IF_ERROR(AddTestVerdict(*data, bf16, module, control, result.metrics));
  RETURN_IF_ERROR(
      SaveCheckpoint(absl::StrCat(start.folder, "/", kCheckpoint), module, Metadata(start, *data)));
  return result;
}

}  // namespace cambrian
