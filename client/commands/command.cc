#include "client/commands/command.h"

#include <unistd.h>

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
      ->capture_default_str()
      ->group("Common");
  if (!with_server) return;
  verb.add_option("--server", options.server,
                  "HOST:PORT or unix:PATH of a server; else that of the state folder")
      ->type_name("ADDRESS")
      ->envname("CAMBRIAN_SERVER")
      ->group("Common");
}

absl::StatusOr<std::unique_ptr<Session>> Session::Open(const CommonOptions& options) {
  auto session = std::make_unique<Session>();
  if (options.server.empty()) {
    ASSIGN_OR_RETURN(StateFolder folder, StateFolder::Open(options.state));
    session->cluster_ = std::make_unique<LocalCluster>(std::move(folder), LocalCluster::Options());
  } else {
    session->address_ = options.server;
  }
  ASSIGN_OR_RETURN(session->client_, session->Reconnect());
  return session;
}

absl::StatusOr<std::unique_ptr<StudyClient>> Session::Reconnect() {
  if (cluster_ != nullptr) return cluster_->Connect();
  return StudyClient::Connect(address_, absl::ZeroDuration());
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

absl::StatusOr<DataDescription> DescribeDataOf(const StudySpec& study, bool quiet) {
  const Busy busy("reading the data", !quiet && !study.data.task);
  return DescribeData(study.data);
}

absl::StatusOr<std::string> PrepareStudy(const StudySpec& study, bool quiet) {
  ASSIGN_OR_RETURN(const DataDescription data, DescribeDataOf(study, quiet));
  RETURN_IF_ERROR(CheckSpace(*study.space, data.task));
  return CompleteStudy(study, data.task, data.sha256);
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
