// cambrian: what a person types.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "client/commands/command.h"
#include "client/format/terminal.h"
#include "client/format/text.h"
#include "common/spec/diagnostics.h"

namespace cambrian {
namespace {

ExitCode CodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kDone;
    case absl::StatusCode::kInvalidArgument:
      return kWrongUsage;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return kUnreachable;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return kNotAllowed;
    case absl::StatusCode::kCancelled:
      return kInterrupted;
    default:
      return kFailed;
  }
}

void PrintError(absl::string_view message) {
  std::cerr << ColourDiagnostics(absl::StrCat("error: ", Printable(message), "\n"),
                                 Terminal::Of(STDERR_FILENO).colour);
}

// Says what was meant where the first word is no verb.
bool CheckVerb(const CLI::App& app, const std::vector<std::string>& words) {
  if (words.empty() || words[0].empty() || words[0][0] == '-') return true;
  std::vector<std::string> verbs;
  for (const CLI::App* verb : app.get_subcommands(nullptr)) verbs.push_back(verb->get_name());
  for (const std::string& verb : verbs) {
    if (verb == words[0]) return true;
  }
  const std::string hint = DidYouMean(words[0], verbs);
  PrintError(absl::StrCat("no verb \"", words[0], "\"; ",
                          hint.empty() ? "see \"cambrian --help\"" : hint));
  return false;
}

int Main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  Action action;
  CLI::App app("Cambrian: neural architecture search as a service", "cambrian");
  app.footer(
      "Start with \"cambrian run examples/fashion.yaml\"; every verb has --help with examples.\n"
      "Exit codes: 0 done, 1 failed, 2 wrong usage or study file, 3 no feasible trial,\n"
      "4 server unreachable, 5 not allowed, 130 interrupted.");
  for (const auto add :
       {AddRun,     AddSubmit, AddList,     AddShow,   AddWatch,    AddTrials,  AddFront,
        AddExplain, AddTrial,  AddCancel,   AddPause,  AddResume,   AddDelete,  AddWorkers,
        AddQuery,   AddReplay, AddSimulate, AddSpaces, AddValidate, AddVersion, AddCompletion}) {
    add(app, action);
  }
  ServerFlags before_the_verb;  // help and completion know them; VerbFirst moves them to the verb
  AddServerOptions(app, before_the_verb);
  std::vector<std::string> words = VerbFirst(app, {argv + 1, argv + argc});
  if (!CheckVerb(app, words)) return kWrongUsage;
  std::reverse(words.begin(), words.end());  // as CLI11 wants them
  try {
    app.parse(std::move(words));
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);  // --help
    PrintError(absl::StrCat(e.what(), "; see \"cambrian --help\""));
    return kWrongUsage;
  }
  if (!action) {
    std::cout << app.help();
    return kDone;
  }
  const absl::StatusOr<ExitCode> code = action();
  if (code.ok()) return *code;
  PrintError(code.status().message());
  return CodeOf(code.status());
}

}  // namespace
}  // namespace cambrian

int main(int argc, char** argv) { return cambrian::Main(argc, argv); }
