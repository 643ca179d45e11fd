// cambrian completion: the script that teaches bash to complete, which asks the hidden verb
// "complete" at each TAB.
#include "client/commands/completion.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>

#include "absl/strings/match.h"
#include "client/commands/command.h"
#include "common/base/status.h"
#include "common/spec/space_parser.h"

namespace cambrian {
namespace {

constexpr char kBashScript[] = R"(# Bash completion of cambrian:  source <(cambrian completion bash)
_cambrian() {
  local IFS=$'\n'
  COMPREPLY=($("${COMP_WORDS[0]}" complete words "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  [[ ${COMPREPLY[0]} == */ ]] && compopt -o nospace
}
complete -o bashdefault -o default -F _cambrian cambrian
)";

bool TakesValue(const CLI::Option& option) { return option.get_expected_max() > 0; }

// The option of `verb` that `word` names, or null.
const CLI::Option* FindOption(const CLI::App& verb, const std::string& word) {
  if (!absl::StartsWith(word, "-")) return nullptr;
  for (const CLI::Option* option : verb.get_options()) {
    if (option->check_name(word)) return option;
  }
  return nullptr;
}

const CLI::App* FindVerb(const CLI::App& app, const std::string& word) {
  for (const CLI::App* verb : app.get_subcommands(nullptr)) {
    if (verb->get_name() == word) return verb;
  }
  return nullptr;
}

std::vector<std::string> Flags(const CLI::App& verb) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : verb.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return flags;
}

std::vector<std::string> Verbs(const CLI::App& app) {
  std::vector<std::string> verbs;
  for (const CLI::App* verb : app.get_subcommands(nullptr)) {
    if (!verb->get_group().empty()) verbs.push_back(verb->get_name());
  }
  return verbs;
}

std::string Positional(const CLI::App& verb) {
  for (const CLI::Option* option : verb.get_options()) {
    if (option->get_positional()) return option->get_name(/*positional=*/true);
  }
  return "";
}

std::vector<std::string> Beginning(std::vector<std::string> words, const std::string& prefix) {
  std::erase_if(words, [&](const std::string& word) { return !absl::StartsWith(word, prefix); });
  return words;
}

// Names from the server of the default state folder; none rather than a new folder or an error.
std::vector<std::string> NamesFor(const std::string& argument) {
  if (argument == "space") return BuiltinSpaces();
  std::vector<std::string> names;
  if (argument != "study" && argument != "trial") return names;
  CommonOptions options;
  const auto settings = ResolveServer(options.server, ReadEnvironment);
  std::error_code error;
  if (!settings.ok()) return names;
  if (settings->server.empty() && !std::filesystem::exists(options.state, error)) return names;
  const auto session = Session::Open(options);
  if (!session.ok()) return names;
  const auto studies = (*session)->client().ListStudies();
  if (!studies.ok()) return names;
  for (const v1::Study& study : *studies) {
    names.push_back(argument == "trial" ? study.name() + "/" : study.name());
  }
  return names;
}

}  // namespace

std::vector<std::string> Completions(
    const CLI::App& app, const std::vector<std::string>& words,
    const std::function<std::vector<std::string>(const std::string& argument)>& names) {
  const CLI::App* verb = &app;
  const CLI::Option* open = nullptr;  // waits for its value
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    const CLI::Option* option = open == nullptr ? FindOption(*verb, words[i]) : nullptr;
    const CLI::App* next = open == nullptr ? FindVerb(*verb, words[i]) : nullptr;
    if (next != nullptr) verb = next;
    open = option != nullptr && TakesValue(*option) ? option : nullptr;
  }
  const std::string word = words.empty() ? "" : words.back();
  if (open != nullptr) {
    if (open->check_name("--output")) return Beginning({"table", "json", "csv"}, word);
    return {};
  }
  if (absl::StartsWith(word, "-")) return Beginning(Flags(*verb), word);
  const std::vector<std::string> verbs = Verbs(*verb);
  return Beginning(verbs.empty() ? names(Positional(*verb)) : verbs, word);
}

void AddCompletion(CLI::App& app, Action& action) {
  CLI::App* verb = app.add_subcommand("completion", "Print the script for completion by TAB");
  verb->require_subcommand(1);
  verb->footer("Example:\n  echo 'source <(cambrian completion bash)' >> ~/.bashrc");
  verb->add_subcommand("bash", "For bash")->callback([&action] {
    action = [] {
      std::cout << kBashScript;
      return absl::StatusOr<ExitCode>(kDone);
    };
  });

  CLI::App* complete = app.add_subcommand("complete", "What could be typed next")->group("");
  complete->prefix_command();
  complete->callback([complete, &app, &action] {
    action = [complete, &app] {
      std::vector<std::string> words = complete->remaining();
      if (!words.empty()) words.erase(words.begin());  // "words", after which nothing is a flag
      for (const std::string& word : Completions(app, words, NamesFor)) std::cout << word << "\n";
      return absl::StatusOr<ExitCode>(kDone);
    };
  });
}

}  // namespace cambrian
