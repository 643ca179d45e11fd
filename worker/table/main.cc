// cambrian-table: the evaluator that looks results up in a tabular benchmark.
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/version.h"
#include "worker/table/lookup.h"

namespace cambrian {
namespace {

constexpr size_t kMaxLineBytes = 16 << 20;
constexpr int kMaxDevices = 64;

// The descriptor that an environment variable names, or -1.
int Descriptor(const char* variable) {
  const char* const text = std::getenv(variable);
  int descriptor = -1;
  return text != nullptr && absl::SimpleAtoi(text, &descriptor) ? descriptor : -1;
}

// It computes nothing: any device of the worker's will do.
evaluator::Hello Hello() {
  evaluator::Hello hello{kEvaluatorProtocol, "table", kVersion, {"cpu"}, {}};
  for (int i = 0; i < kMaxDevices; ++i) hello.devices.push_back(absl::StrCat("cuda:", i));
  return hello;
}

// False: the agent has gone.
bool Write(int out, absl::string_view text) {
  while (!text.empty()) {
    const ssize_t count = write(out, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    text.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

// Answers lines until the agent closes its pipe.
absl::Status Serve(int in, int out) {
  if (!Write(out, Encode(Hello()) + "\n")) return absl::OkStatus();
  Lookup lookup;
  std::string buffer;
  char chunk[1 << 16];
  while (true) {
    const ssize_t count = read(in, chunk, sizeof(chunk));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return absl::OkStatus();
    const size_t searched = buffer.size();
    buffer.append(chunk, static_cast<size_t>(count));
    size_t start = 0;
    for (size_t end = buffer.find('\n', searched); end != std::string::npos;
         end = buffer.find('\n', start)) {
      ASSIGN_OR_RETURN(const std::string answer,
                       Converse(absl::string_view(buffer).substr(start, end - start), lookup));
      if (!Write(out, answer)) return absl::OkStatus();
      start = end + 1;
    }
    buffer.erase(0, start);
    if (buffer.size() > kMaxLineBytes) return absl::InvalidArgumentError("a line is too long");
  }
}

int Main(int argc, char** argv) {
  CLI::App app(
      "Looks trials of studies with a table estimator up, for cambrian-worker, which starts it and "
      "speaks to it over the descriptors in CAMBRIAN_EVALUATOR_IN and CAMBRIAN_EVALUATOR_OUT.",
      "cambrian-table");
  app.set_version_flag("--version", absl::StrCat("cambrian-table ", kVersion));
  CLI11_PARSE(app, argc, argv);
  std::signal(SIGPIPE, SIG_IGN);
  const int in = Descriptor("CAMBRIAN_EVALUATOR_IN");
  const int out = Descriptor("CAMBRIAN_EVALUATOR_OUT");
  if (in < 0 || out < 0) {
    std::cerr << "error: cambrian-worker starts this program; see --help" << std::endl;
    return 2;
  }
  const absl::Status status = Serve(in, out);
  if (status.ok()) return 0;
  std::cerr << "error: " << status.message() << std::endl;
  return 1;
}

}  // namespace
}  // namespace cambrian

int main(int argc, char** argv) { return cambrian::Main(argc, argv); }
