// Which server a verb speaks to, and how: flags, then the environment, then the configuration file.
#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cambrian {

// Empty fields: not said.
struct ServerSettings {
  std::string server = {};      // "host:port", "unix:PATH"; empty: the server of the state folder
  std::string token_file = {};  // its first line is the bearer token
  std::string tls_ca = {};      // PEM; the server is reached by TLS
  std::string tls_cert = {};    // PEM, with `tls_key`: who we are, where the server asks for it
  std::string tls_key = {};
};

// Reads an environment variable; empty if it is not set.
using EnvironmentReader = std::function<std::string(const char* name)>;
std::string ReadEnvironment(const char* name);

// $XDG_CONFIG_HOME/cambrian/config.yaml, or ~/.config/cambrian/config.yaml.
std::string ConfigFile(const EnvironmentReader& environment);

// The context `name` of the file, or its `current` one if `name` is empty: nothing at all if there
// is none. `~/` and relative paths become absolute, the latter below the file's folder. The whole
// file is checked. \error kInvalidArgument, naming file and line; kNotFound, with a suggestion.
absl::StatusOr<ServerSettings> ReadContext(absl::string_view text, const std::string& file,
                                           const std::string& name,
                                           const EnvironmentReader& environment);

// What a verb said.
struct ServerFlags {
  ServerSettings said;
  std::string context;  // --context
  bool local = false;   // --state: this machine's server, whatever the environment says
};

// For each field: the flag, else CAMBRIAN_SERVER and CAMBRIAN_TOKEN_FILE, else the context. A
// server that is named by flag or environment gets nothing of the file's current context: a token
// goes only where it belongs. \error as ReadContext
absl::StatusOr<ServerSettings> ResolveServer(const ServerFlags& flags,
                                             const EnvironmentReader& environment);

}  // namespace cambrian
