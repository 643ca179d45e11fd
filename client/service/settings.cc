#include "client/service/settings.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "common/spec/diagnostics.h"
#include "common/spec/document.h"
#include "common/spec/map_reader.h"

namespace cambrian {
namespace {

namespace fs = std::filesystem;

std::string Absolute(const std::string& path, const std::string& file,
                     const EnvironmentReader& environment) {
  if (path.empty() || path[0] == '/') return path;
  if (absl::StartsWith(path, "~/")) return environment("HOME") + path.substr(1);
  return (fs::path(file).parent_path() / path).lexically_normal().string();
}

ServerSettings ReadOne(const Node& node, const std::string& path, Diagnostics& diagnostics) {
  const MapReader reader(node, path, {"server", "token_file", "tls_ca", "tls_cert", "tls_key"},
                         diagnostics);
  ServerSettings context;
  reader.Require("server", "say where it is: \"server: search.example.org:7700\"");
  reader.Text("server", context.server);
  reader.Text("token_file", context.token_file);
  reader.Text("tls_ca", context.tls_ca);
  reader.Text("tls_cert", context.tls_cert);
  reader.Text("tls_key", context.tls_key);
  return context;
}

struct Config {
  std::vector<std::pair<std::string, ServerSettings>> contexts;
  std::string current;
  Mark current_mark;

  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& [name, context] : contexts) names.push_back(name);
    return names;
  }
  const ServerSettings* Find(const std::string& name) const {
    for (const auto& [other, context] : contexts) {
      if (other == name) return &context;
    }
    return nullptr;
  }
};

Config ReadConfig(absl::string_view text, Diagnostics& diagnostics) {
  Config config;
  const Node file = ParseYaml(text, diagnostics);
  if (!diagnostics.ok()) return config;
  const MapReader reader(file, "", {"contexts", "current"}, diagnostics);
  reader.Text("current", config.current);
  config.current_mark = reader.KeyMark("current");
  const Node* const contexts = reader.Find("contexts");
  if (contexts == nullptr) return config;
  if (!contexts->IsMap()) {
    reader.Wrong("contexts", *contexts, "a map of names", "contexts: {lab: {server: …}}");
    return config;
  }
  for (const Node::Entry& entry : contexts->entries) {
    config.contexts.emplace_back(
        entry.key, ReadOne(entry.value, absl::StrCat("contexts.", entry.key), diagnostics));
  }
  return config;
}

// Files that are not there say nothing.
absl::StatusOr<std::string> ReadIfThere(const std::string& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return std::string();
  std::ifstream file(path, std::ios::binary);
  if (!file || fs::is_directory(path, error)) {
    return absl::InvalidArgumentError(absl::StrCat("cannot read ", path));
  }
  return std::string{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void FillFrom(const ServerSettings& other, ServerSettings& settings) {
  for (const auto field :
       {&ServerSettings::server, &ServerSettings::token_file, &ServerSettings::tls_ca,
        &ServerSettings::tls_cert, &ServerSettings::tls_key}) {
    if ((settings.*field).empty()) settings.*field = other.*field;
  }
}

}  // namespace

std::string ReadEnvironment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string ConfigFile(const EnvironmentReader& environment) {
  const std::string config = environment("XDG_CONFIG_HOME");
  const std::string base =
      !config.empty() && config[0] == '/' ? config : environment("HOME") + "/.config";
  return base + "/cambrian/config.yaml";
}

absl::StatusOr<ServerSettings> ReadContext(absl::string_view text, const std::string& file,
                                           const std::string& name,
                                           const EnvironmentReader& environment) {
  Diagnostics diagnostics(file, std::string(text));
  const Config config = ReadConfig(text, diagnostics);
  const std::string& wanted = name.empty() ? config.current : name;
  const ServerSettings* const found = config.Find(wanted);
  const std::string hint = DidYouMean(wanted, config.Names());
  if (diagnostics.ok() && name.empty() && !wanted.empty() && found == nullptr) {
    diagnostics.Error(config.current_mark, absl::StrCat("there is no context \"", wanted, "\""),
                      hint);
  }
  RETURN_IF_ERROR(diagnostics.ToStatus());
  if (wanted.empty()) return ServerSettings();
  if (found == nullptr) {
    const std::string known = config.contexts.empty()
                                  ? "it has none"
                                  : absl::StrCat("it has ", absl::StrJoin(config.Names(), ", "));
    return absl::NotFoundError(
        absl::StrCat("no context \"", name, "\" in ", file, "; ", hint.empty() ? known : hint));
  }
  ServerSettings context = *found;
  for (const auto path : {&ServerSettings::token_file, &ServerSettings::tls_ca,
                          &ServerSettings::tls_cert, &ServerSettings::tls_key}) {
    context.*path = Absolute(context.*path, file, environment);
  }
  return context;
}

absl::StatusOr<ServerSettings> ResolveServer(const ServerFlags& flags,
                                             const EnvironmentReader& environment) {
  ServerSettings settings = flags.said;
  const bool named = !settings.server.empty();
  if (flags.local && !named && flags.context.empty()) return settings;
  if (flags.context.empty()) {
    FillFrom({.server = environment("CAMBRIAN_SERVER"),
              .token_file = environment("CAMBRIAN_TOKEN_FILE")},
             settings);
    if (!settings.server.empty()) return settings;
  }
  const std::string file = ConfigFile(environment);
  ASSIGN_OR_RETURN(const std::string text, ReadIfThere(file));
  if (text.empty() && flags.context.empty()) return settings;
  ASSIGN_OR_RETURN(const ServerSettings context,
                   ReadContext(text, file, flags.context, environment));
  FillFrom(context, settings);
  if (settings.server.empty()) settings.token_file = flags.said.token_file;
  return settings;
}

}  // namespace cambrian
