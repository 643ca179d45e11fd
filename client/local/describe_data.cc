#include "client/local/describe_data.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client/format/text.h"
#include "client/local/child.h"
#include "common/base/status.h"
#include "common/spec/study_table.h"
#include "nlohmann/json.hpp"

namespace cambrian {
namespace {

struct Output {
  int wait_status = 0;
  std::string out;
  std::string err;
};

// Reads both descriptors until they close, and closes them.
void ReadBoth(std::array<int, 2> descriptors, Output& output) {
  std::array<std::string*, 2> texts = {&output.out, &output.err};
  std::array<pollfd, 2> waiting = {{{descriptors[0], POLLIN, 0}, {descriptors[1], POLLIN, 0}}};
  char buffer[4096];
  while (waiting[0].fd >= 0 || waiting[1].fd >= 0) {
    if (poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR) break;
    for (size_t i = 0; i < waiting.size(); ++i) {
      if (waiting[i].fd < 0 || waiting[i].revents == 0) continue;
      const ssize_t count = read(waiting[i].fd, buffer, sizeof(buffer));
      if (count > 0) {
        texts[i]->append(buffer, count);
      } else if (count == 0 || errno != EINTR) {
        close(waiting[i].fd);
        waiting[i].fd = -1;
      }
    }
  }
}

absl::StatusOr<Output> RunProgram(std::vector<std::string> words) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  int out[2];
  int err[2];
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) {
    return absl::InternalError(absl::StrCat("pipe: ", std::strerror(errno)));
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(out[1]);
  close(err[1]);
  Output output;
  ReadBoth({out[0], err[0]}, output);
  if (error != 0) {
    return absl::NotFoundError(absl::StrCat("cannot run ", words[0], ": ", std::strerror(error)));
  }
  while (waitpid(pid, &output.wait_status, 0) < 0 && errno == EINTR) {
  }
  return output;
}

std::string LastLine(absl::string_view text) {
  const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n', absl::SkipWhitespace());
  return lines.empty() ? "" : std::string(lines.back());
}

// {"input": [1, 28, 28], "classes": 10, "sha256": "…", …}
absl::StatusOr<DataDescription> ParseDescription(const std::string& line) {
  const nlohmann::json json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  const auto is_size = [](const nlohmann::json& value) { return value.is_number_integer(); };
  const bool complete = json.is_object() && json.contains("input") && json["input"].is_array() &&
                        !json["input"].empty() &&
                        std::all_of(json["input"].begin(), json["input"].end(), is_size) &&
                        json.contains("classes") && is_size(json["classes"]) &&
                        json.contains("sha256") && json["sha256"].is_string();
  if (!complete) {
    return absl::InternalError(
        absl::StrCat("cambrian-evaluator --describe-data said \"", line, "\""));
  }
  const auto sizes = json["input"].get<std::vector<int64_t>>();
  return DataDescription{
      .task = {.input = {.channels = sizes.front(), .axes = {sizes.begin() + 1, sizes.end()}},
               .classes = json["classes"].get<int64_t>()},
      .sha256 = json["sha256"].get<std::string>()};
}

}  // namespace

absl::StatusOr<DataSpec> LocateData(DataSpec data, const std::vector<std::string>& roots) {
  for (const std::string& root : roots) {
    const size_t equals = root.find('=');
    if (equals == 0 || equals == std::string::npos || equals + 1 == root.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--data-root ", root, ": write NAME=PATH, sets=/data/sets say"));
    }
    if (data.root.empty() || data.root != root.substr(0, equals)) continue;
    std::error_code ignored;
    data.path = (std::filesystem::absolute(root.substr(equals + 1), ignored) / data.path)
                    .lexically_normal()
                    .string();
    data.root.clear();
  }
  if (!data.root.empty() && !data.task) {
    return absl::InvalidArgumentError(
        absl::StrCat("the data lie below the root \"", data.root,
                     "\"; say where this machine has it with --data-root ", data.root,
                     "=PATH, or state data.task and data.sha256 in the file"));
  }
  return data;
}

absl::StatusOr<DataDescription> DescribeTable(const StudySpec& study, const DataSpec& data) {
  std::error_code error;
  const bool is_here = data.root.empty() && std::filesystem::exists(data.path, error);
  if (!is_here && !data.sha256.empty()) return DataDescription{*data.task, data.sha256};
  if (!data.root.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the table lies below the root \"", data.root,
                     "\"; say where this machine has it with --data-root ", data.root,
                     "=PATH, or state data.sha256 in the file"));
  }
  ASSIGN_OR_RETURN(const auto estimator, OpenTable(study, data.path));
  return DataDescription{*data.task, estimator->table().sha256()};
}

absl::StatusOr<DataDescription> DescribeData(const DataSpec& data) {
  if (data.task) return DataDescription{*data.task, data.sha256};
  ASSIGN_OR_RETURN(const Output output, RunProgram({ProgramBeside("cambrian-evaluator"),
                                                    "--describe-data", data.ToJson().dump()}));
  if (WIFEXITED(output.wait_status) && WEXITSTATUS(output.wait_status) == 0) {
    return ParseDescription(LastLine(output.out));
  }
  std::string words(absl::StripAsciiWhitespace(output.err));
  words = std::string(absl::StripPrefix(words, "error: "));
  if (words.empty()) words = "cambrian-evaluator --describe-data failed without a word";
  return absl::InvalidArgumentError(Printable(words));
}

}  // namespace cambrian
