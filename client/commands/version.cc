#include "common/base/version.h"

#include <iostream>
#include <memory>

#include "client/commands/command.h"
#include "client/format/json.h"
#include "common/base/status.h"

namespace cambrian {
namespace {

absl::StatusOr<ExitCode> Version(const CommonOptions& options) {
  std::string server;
  ASSIGN_OR_RETURN(const ServerSettings settings, ResolveServer(options.server, ReadEnvironment));
  if (!settings.server.empty()) {
    auto session = Session::Open(options);
    if (!session.ok()) return session.status();
    server = (*session)->client().server_version();
  }
  if (options.output == Output::kJson) {
    nlohmann::ordered_json json = {{"version", kVersion},
                                   {"wire_protocol", kWireProtocol},
                                   {"evaluator_protocol", kEvaluatorProtocol},
                                   {"server_version", nullptr}};
    if (!server.empty()) json["server_version"] = server;
    std::cout << JsonLine(json);
    return kDone;
  }
  std::cout << "cambrian " << kVersion << " (wire protocol " << kWireProtocol
            << ", evaluator protocol " << kEvaluatorProtocol << ")\n";
  if (!server.empty()) std::cout << "server " << server << "\n";
  return kDone;
}

}  // namespace

void AddVersion(CLI::App& app, Action& action) {
  auto options = std::make_shared<CommonOptions>();
  CLI::App* verb = app.add_subcommand("version", "Print the version, and the server's if named");
  AddCommonOptions(*verb, *options);
  verb->footer("Examples:\n  cambrian version\n  cambrian version --server 10.0.0.5:7700");
  verb->callback([options, &action] { action = [options] { return Version(*options); }; });
}

}  // namespace cambrian
