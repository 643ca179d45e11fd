// What every verb of `cambrian` has in common.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "client/local/cluster.h"
#include "client/local/describe_data.h"
#include "client/service/settings.h"
#include "client/service/study_client.h"
#include "common/spec/study_spec.h"

namespace cambrian {

// Documented in docs/cli.md; scripts rely on them.
enum ExitCode {
  kDone = 0,
  kFailed = 1,
  kWrongUsage = 2,  // or a study file with errors
  kNothingFeasible = 3,
  kUnreachable = 4,
  kNotAllowed = 5,
  kInterrupted = 130,
};

enum class Output { kTable, kJson, kCsv };

struct CommonOptions {
  Output output = Output::kTable;
  bool quiet = false;
  std::string state = DefaultStateFolder();
  ServerFlags server;  // which server; see client/service/settings.h
};

// A chosen verb. Its messages are on stderr already where it returns a code; a status is printed as
// "error: …" and becomes a code.
using Action = std::function<absl::StatusOr<ExitCode>()>;

// --output, --quiet, --state and, unless the verb works on this machine alone, those of
// AddServerOptions.
void AddCommonOptions(CLI::App& verb, CommonOptions& options, bool with_server = true);

// --server, --context, --token-file, --tls-ca, --tls-cert, --tls-key.
void AddServerOptions(CLI::App& app, ServerFlags& flags);

// The command line ("cambrian" apart) with options that stand before the verb moved behind all
// else: "--server A submit FILE" means "submit FILE --server A".
std::vector<std::string> VerbFirst(const CLI::App& app, std::vector<std::string> words);

// A connection for one verb: to the server that is named, or to the state folder's own, which is
// started for as long as the session lives if it does not run.
class Session {
 public:
  static absl::StatusOr<std::unique_ptr<Session>> Open(const CommonOptions& options);

  StudyClient& client() { return *client_; }
  // For whoever replaces it when the connection is lost.
  std::unique_ptr<StudyClient>& client_slot() { return client_; }
  absl::StatusOr<std::unique_ptr<StudyClient>> Reconnect();
  // Empty if a server was named.
  LocalCluster* cluster() { return cluster_.get(); }

 private:
  ServerSettings settings_;
  std::unique_ptr<LocalCluster> cluster_;
  std::unique_ptr<StudyClient> client_;
};

// A study with its file read again.
struct OpenStudy {
  v1::Study summary;
  std::unique_ptr<StudySpec> spec;
};
// The name that `study` means: a beginning of it will do, and nothing at all where there is only
// one study; where several fit, those that retrain another's winner stand back. \error kNotFound,
// kInvalidArgument with suggestions
absl::StatusOr<std::string> ResolveStudy(StudyClient& client, const std::string& study);
absl::StatusOr<std::string> ResolveStudy(const std::vector<v1::Study>& all,
                                         const std::string& study);
// As ResolveStudy.
absl::StatusOr<OpenStudy> FindStudy(StudyClient& client, const std::string& study);

// "fashion-1/17", or "17" where there is only one study.
struct TrialName {
  std::string study;  // may be empty
  int64_t number = 0;
};
absl::StatusOr<TrialName> ParseTrialName(const std::string& text);

// The study file's text. \error kInvalidArgument
absl::StatusOr<std::string> ReadFile(const std::string& path);

// Reads and checks the study file `path` ("-": stdin); findings go to stderr. Null if there are
// errors.
absl::StatusOr<std::unique_ptr<StudySpec>> LoadStudy(const std::string& path,
                                                     const std::vector<std::string>& settings);

// --continue STUDY: the study whose trials the new one inherits.
void AddContinueOption(CLI::App& verb, std::string& study);

// --data-root NAME=PATH, where this machine has what workers offer under that name.
void AddDataRootOption(CLI::App& verb, std::vector<std::string>& roots);

// What the study's data hold, said on a terminal while it takes its time. `roots` are
// "NAME=PATH". \error as DescribeData; kInvalidArgument if the study's root is not among them and
// the file does not say what the data hold.
absl::StatusOr<DataDescription> DescribeDataOf(const StudySpec& study,
                                               const std::vector<std::string>& roots, bool quiet);

// The study with its data described, ready to be submitted, after a quick look at whether its
// networks can work. \error kInvalidArgument
absl::StatusOr<std::string> PrepareStudy(const StudySpec& study,
                                         const std::vector<std::string>& roots, bool quiet);

// A server's error about the study's warm start becomes one of the file (`path`), with the place
// where it names the other study.
absl::Status PlaceWarmStart(const absl::Status& status, const std::string& path,
                            const StudySpec& study);

// "the best 14 trials of fashion-1", "3 listed architectures"; empty without a warm start.
std::string DescribeWarmStart(const WarmStartSpec& warm_start);

// Trials as the options say, on stdout.
void PrintTrials(const StudySpec& study, absl::Span<const v1::Trial> trials,
                 const CommonOptions& options, bool with_state);

// Shows what would be done and asks on a terminal; without one it needs `yes`.
absl::Status Confirm(const std::string& what, bool yes);

// Each adds its verb to `app`; parsing the command line sets `action` to the one that was chosen.
void AddRun(CLI::App& app, Action& action);
void AddSubmit(CLI::App& app, Action& action);
void AddList(CLI::App& app, Action& action);
void AddShow(CLI::App& app, Action& action);
void AddWatch(CLI::App& app, Action& action);
void AddTrials(CLI::App& app, Action& action);
void AddFront(CLI::App& app, Action& action);
void AddExplain(CLI::App& app, Action& action);
void AddTrial(CLI::App& app, Action& action);
void AddCancel(CLI::App& app, Action& action);
void AddPause(CLI::App& app, Action& action);
void AddResume(CLI::App& app, Action& action);
void AddQuery(CLI::App& app, Action& action);
void AddReplay(CLI::App& app, Action& action);
void AddSimulate(CLI::App& app, Action& action);
void AddDelete(CLI::App& app, Action& action);
void AddWorkers(CLI::App& app, Action& action);
void AddSpaces(CLI::App& app, Action& action);
void AddValidate(CLI::App& app, Action& action);
void AddVersion(CLI::App& app, Action& action);
void AddCompletion(CLI::App& app, Action& action);

}  // namespace cambrian
