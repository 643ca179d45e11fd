#include "client/commands/command.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/format/busy.h"
#include "client/format/json.h"
#include "client/format/terminal.h"
#include "client/format/trial_table.h"
#include "common/base/status.h"
#include "common/spec/space_report.h"

namespace cambrian {
namespace {

constexpr int64_t kLargestFileBytes = 16'000'000;

}  // namespace

void AddCommonOptions(CLI::App& verb, CommonOptions& options, bool with_server) {
  static const std::map<std::string, Output> kOutputs = {
      {"table", Output::kTable}, {"json", Output::kJson}, {"csv", Output::kCsv}};
  verb.add_option("--output", options.output, "table, json or csv")
      ->transform(CLI::CheckedTransformer(kOutputs, CLI::ignore_case).description(""))
      ->type_name("FORMAT")
      ->group("Common");
  verb.add_flag("-q,--quiet", options.quiet, "no progress and no hints")->group("Common");
  verb.add_option("--state", options.state, "folder of this machine's server")
      ->type_name("DIR")
      ->each([&options](const std::string&) { options.server.local = true; })
      ->capture_default_str()
      ->group("Common");
  if (with_server) AddServerOptions(verb, options.server);
}

void AddServerOptions(CLI::App& app, ServerFlags& flags) {
  const auto add = [&app](const char* name, std::string& value, const char* what,
                          const char* type) {
    app.add_option(name, value, what)->type_name(type)->group("Server");
  };
  add("--server", flags.said.server,
      "HOST:PORT or unix:PATH; else CAMBRIAN_SERVER, the current context, this machine's",
      "ADDRESS");
  add("--context", flags.context, "a server of ~/.config/cambrian/config.yaml", "NAME");
  add("--token-file", flags.said.token_file, "who you are; else CAMBRIAN_TOKEN_FILE", "FILE");
  add("--tls-ca", flags.said.tls_ca, "speak TLS; the authority that signed the server", "FILE.pem");
  add("--tls-cert", flags.said.tls_cert, "your certificate, where the server asks", "FILE.pem");
  add("--tls-key", flags.said.tls_key, "and its key", "FILE.pem");
}

std::vector<std::string> VerbFirst(const CLI::App& app, std::vector<std::string> words) {
  size_t first = 0;
  while (first < words.size() && absl::StartsWith(words[first], "--")) {
    const size_t equals = words[first].find('=');
    const CLI::Option* option = app.get_option_no_throw(words[first].substr(0, equals));
    if (option == nullptr || option->get_expected_max() == 0) break;
    first += equals == std::string::npos ? 2 : 1;
  }
  if (first < words.size() && !absl::StartsWith(words[first], "-")) {
    std::rotate(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(first), words.end());
  }
  return words;
}

absl::StatusOr<std::unique_ptr<Session>> Session::Open(const CommonOptions& options) {
  auto session = std::make_unique<Session>();
  ASSIGN_OR_RETURN(session->settings_, ResolveServer(options.server, ReadEnvironment));
  if (session->settings_.server.empty()) {
    ASSIGN_OR_RETURN(StateFolder folder, StateFolder::Open(options.state));
    session->cluster_ = std::make_unique<LocalCluster>(std::move(folder), LocalCluster::Options());
  }
  ASSIGN_OR_RETURN(session->client_, session->Reconnect());
  return session;
}

absl::StatusOr<std::unique_ptr<StudyClient>> Session::Reconnect() {
  if (cluster_ != nullptr) return cluster_->Connect();
  return StudyClient::Connect(settings_, absl::ZeroDuration());
}

absl::StatusOr<std::string> ResolveStudy(const std::vector<v1::Study>& all,
                                         const std::string& study) {
  std::vector<std::string> names;
  std::vector<std::string> fitting;
  std::vector<std::string> retrainings;
  for (const v1::Study& s : all) {
    if (!study.empty() && s.name() == study) return study;
    names.push_back(s.name());
    if (absl::StartsWith(s.name(), study)) {
      (s.parent().empty() ? fitting : retrainings).push_back(s.name());
    }
  }
  if (fitting.empty()) fitting = retrainings;
  if (fitting.size() == 1) return fitting.front();
  if (names.empty()) {
    return absl::NotFoundError("there is no study yet; \"cambrian run FILE\" starts one");
  }
  if (!fitting.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("which study? There are ", absl::StrJoin(fitting, ", ")));
  }
  const std::string hint = DidYouMean(study, names);
  return absl::NotFoundError(
      absl::StrCat("no study \"", study, "\"; ",
                   hint.empty() ? absl::StrCat("there are ", absl::StrJoin(names, ", ")) : hint));
}

absl::StatusOr<std::string> ResolveStudy(StudyClient& client, const std::string& study) {
  ASSIGN_OR_RETURN(const std::vector<v1::Study> all, client.ListStudies());
  return ResolveStudy(all, study);
}

absl::StatusOr<OpenStudy> FindStudy(StudyClient& client, const std::string& study) {
  ASSIGN_OR_RETURN(const std::string name, ResolveStudy(client, study));
  OpenStudy open;
  ASSIGN_OR_RETURN(open.summary, client.GetStudy(name, /*with_text=*/true));
  Diagnostics diagnostics(open.summary.name(), open.summary.text());
  open.spec = ParseStudy(open.summary.text(), "", {}, diagnostics);
  if (open.spec == nullptr) {
    return Annotate(diagnostics.ToStatus(), "the server's study file cannot be read");
  }
  return open;
}

absl::StatusOr<TrialName> ParseTrialName(const std::string& text) {
  TrialName name;
  const size_t slash = text.rfind('/');
  if (slash != std::string::npos) name.study = text.substr(0, slash);
  const std::string number = slash == std::string::npos ? text : text.substr(slash + 1);
  if (!absl::SimpleAtoi(number, &name.number) || name.number < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" names no trial; write it as STUDY/NUMBER, \"fashion-1/17\""));
  }
  return name;
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file;
  std::istream* stream = &std::cin;
  if (path != "-") {
    file.open(path, std::ios::binary);
    if (!file || file.peek() == std::ifstream::traits_type::eof()) {
      return absl::InvalidArgumentError(absl::StrCat("cannot read ", path));
    }
    stream = &file;
  }
  std::string text{std::istreambuf_iterator<char>(*stream), std::istreambuf_iterator<char>()};
  if (text.size() > kLargestFileBytes) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is too long for a study file"));
  }
  return text;
}

absl::StatusOr<std::unique_ptr<StudySpec>> LoadStudy(const std::string& path,
                                                     const std::vector<std::string>& settings) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  const std::string folder = std::filesystem::absolute(path).parent_path().string();
  Diagnostics diagnostics(path, text);
  std::unique_ptr<StudySpec> study = ParseStudy(text, folder, settings, diagnostics);
  std::cerr << ColourDiagnostics(diagnostics.Render(), Terminal::Of(STDERR_FILENO).colour);
  if (study != nullptr) return study;
  std::cerr << diagnostics.errors() << (diagnostics.errors() == 1 ? " error" : " errors")
            << "; nothing was started\n";
  return study;
}

void AddContinueOption(CLI::App& verb, std::string& study) {
  verb.add_option("--continue", study,
                  "a new study that begins with the trials of this one, which has ended")
      ->type_name("STUDY");
}

void AddDataRootOption(CLI::App& verb, std::vector<std::string>& roots) {
  verb.add_option("--data-root", roots, "where this machine has a root that the study's data name")
      ->type_name("NAME=PATH")
      ->allow_extra_args(false);
}

absl::StatusOr<DataDescription> DescribeDataOf(const StudySpec& study,
                                               const std::vector<std::string>& roots, bool quiet) {
  const Busy busy("reading the data", !quiet && !study.data.task);
  ASSIGN_OR_RETURN(const DataSpec data, LocateData(study.data, roots));
  return study.estimator.table ? DescribeTable(study, data) : DescribeData(data);
}

absl::StatusOr<std::string> PrepareStudy(const StudySpec& study,
                                         const std::vector<std::string>& roots, bool quiet) {
  ASSIGN_OR_RETURN(const DataDescription data, DescribeDataOf(study, roots, quiet));
  RETURN_IF_ERROR(CheckSpace(*study.space, data.task));
  return CompleteStudy(study, data.task, data.sha256);
}

absl::Status PlaceWarmStart(const absl::Status& status, const std::string& path,
                            const StudySpec& study) {
  const bool of_file = absl::IsInvalidArgument(status) || absl::IsNotFound(status) ||
                       absl::IsFailedPrecondition(status);
  if (!of_file || !absl::StartsWith(status.message(), "warm_start")) return status;
  const Mark mark = study.strategy.warm_start.mark;
  const std::string place =
      mark.line > 0 ? absl::StrCat(path, ":", mark.line, ":", mark.column) : path;
  return absl::InvalidArgumentError(absl::StrCat(place, ": ", status.message()));
}

std::string DescribeWarmStart(const WarmStartSpec& warm_start) {
  if (warm_start.empty()) return "";
  const auto count = static_cast<int64_t>(warm_start.entries.size());
  if (warm_start.study.empty()) {
    return absl::StrCat(count, " listed ", count == 1 ? "architecture" : "architectures");
  }
  if (warm_start.IsPending()) {
    return absl::StrCat("the best ", warm_start.best, " trials of ", warm_start.study,
                        ", which the server looks up when it is submitted");
  }
  const std::string& first = warm_start.entries[0].name;  // has the study's whole name
  return absl::StrCat("the best ", count, count == 1 ? " trial of " : " trials of ",
                      first.substr(0, first.rfind('/')));
}

void PrintTrials(const StudySpec& study, absl::Span<const v1::Trial> trials,
                 const CommonOptions& options, bool with_state) {
  switch (options.output) {
    case Output::kJson:
      for (const v1::Trial& trial : trials) std::cout << JsonLine(TrialToJson(trial));
      break;
    case Output::kCsv:
      std::cout << TrialsCsv(study, trials);
      break;
    case Output::kTable: {
      const Terminal terminal = Terminal::Of(STDOUT_FILENO);
      std::cout << TrialTable(study, trials, {.state = with_state})
                       .Render(terminal.width, terminal.colour);
      break;
    }
  }
}

absl::Status Confirm(const std::string& what, bool yes) {
  if (yes) return absl::OkStatus();
  if (isatty(STDIN_FILENO) == 0) {
    return absl::InvalidArgumentError(absl::StrCat(what, ": say --yes to do it"));
  }
  std::cerr << what << ". Go on? [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  answer = absl::AsciiStrToLower(absl::StripAsciiWhitespace(answer));
  if (answer == "y" || answer == "yes") return absl::OkStatus();
  return absl::AbortedError("nothing was changed");
}

}  // namespace cambrian
