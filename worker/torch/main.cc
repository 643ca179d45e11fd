// cambrian-evaluator: trains and measures networks with LibTorch.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <thread>
#include <variant>

#include "CLI/CLI.hpp"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/version.h"
#include "worker/torch/assignment.h"
#include "worker/torch/backend.h"
#include "worker/torch/dataset.h"
#include "worker/torch/session.h"

namespace cambrian {
namespace {

// One JSON line on stdout that says what the data hold; an error that says what is wrong.
absl::Status DescribeData(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return absl::InvalidArgumentError("not JSON");
  ASSIGN_OR_RETURN(const DataRequest request, ParseDataRequest(json));
  ASSIGN_OR_RETURN(const DataSet data, LoadDataSet(request));
  nlohmann::ordered_json description;
  description["input"] = {data.train.shape.channels};
  for (int64_t axis : data.train.shape.axes) description["input"].push_back(axis);
  description["classes"] = data.classes;
  description["train"] = data.train.Count();
  description["test"] = data.test.Count();
  description["sha256"] = data.sha256;
  std::cout << description.dump() << std::endl;
  return absl::OkStatus();
}

// The descriptor that an environment variable names, or -1.
int Descriptor(const char* variable) {
  const char* const text = std::getenv(variable);
  int descriptor = -1;
  return text != nullptr && absl::SimpleAtoi(text, &descriptor) ? descriptor : -1;
}

evaluator::Hello Hello() {
  return {kEvaluatorProtocol,
          "torch",
          kVersion,
          Devices(),
          {{"torch", TorchVersion()},
           {"metrics",
            {"accuracy", "loss", "latency_ms", "parameters", "macs", "peak_memory_mb",
             "train_seconds", "test_accuracy", "test_loss"}}}};
}

// Works until the agent closes its pipe.
[[noreturn]] void Serve(int in, int out) {
  Session session(in, out);
  session.Send(Hello());
  std::thread reader([&session] {
    const absl::Status status = session.ReadUntilClosed();
    if (!status.ok()) std::cerr << "error: " << status.message() << std::endl;
    // At once, whatever the other thread is doing: nobody waits for it any longer.
    std::_Exit(status.ok() ? 0 : 1);
  });
  AssignmentRunner runner;
  while (true) {
    const evaluator::Start start = session.Next();
    std::visit([&](auto&& outcome) { session.Finish(outcome); }, runner.Run(start, session));
  }
}

int Main(int argc, char** argv) {
  CLI::App app(
      "Trains and measures networks for cambrian-worker, which starts it and speaks to it over the "
      "descriptors in CAMBRIAN_EVALUATOR_IN and CAMBRIAN_EVALUATOR_OUT.");
  app.set_version_flag("--version", absl::StrCat("cambrian-evaluator ", kVersion, " (LibTorch ",
                                                 TorchVersion(), ")"));
  std::string data;
  app.add_option("--describe-data", data,
                 "Read and check data, say what they hold as one JSON line, and end")
      ->type_name("JSON");
  CLI11_PARSE(app, argc, argv);

  std::signal(SIGPIPE, SIG_IGN);
  StartTorch();
  if (!data.empty()) {
    const absl::Status status = DescribeData(data);
    if (status.ok()) return 0;
    std::cerr << "error: data: " << status.message() << std::endl;
    return 1;
  }
  const int in = Descriptor("CAMBRIAN_EVALUATOR_IN");
  const int out = Descriptor("CAMBRIAN_EVALUATOR_OUT");
  if (in < 0 || out < 0) {
    std::cerr << "error: cambrian-worker starts this program; see --help" << std::endl;
    return 2;
  }
  Serve(in, out);
}

}  // namespace
}  // namespace cambrian

int main(int argc, char** argv) {
  try {
    return cambrian::Main(argc, argv);
  } catch (const std::exception& error) {  // out of memory, before any assignment
    std::cerr << "error: " << error.what() << std::endl;
    return 1;
  }
}
