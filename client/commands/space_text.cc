#include "client/commands/space_text.h"

#include <algorithm>
#include <fstream>
#include <iostream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/commands/command.h"
#include "client/draw/draw.h"
#include "client/format/number.h"
#include "common/base/status.h"
#include "common/spec/space_parser.h"

namespace cambrian {
namespace {

using nlohmann::ordered_json;

// "name=value", the value read as YAML.
absl::StatusOr<ParameterSetting> ParseSetting(const std::string& text) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('=', 1));
  if (parts.first.empty() || text.find('=') == std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat("--set ", text, ": write NAME=VALUE"));
  }
  Diagnostics diagnostics(absl::StrCat("--set ", parts.first), parts.second);
  ParameterSetting setting{.name = parts.first, .value = ParseYaml(parts.second, diagnostics)};
  RETURN_IF_ERROR(diagnostics.ToStatus());
  return setting;
}

const char* KindName(Decision::Kind kind) {
  switch (kind) {
    case Decision::Kind::kCategorical:
      return "categorical";
    case Decision::Kind::kInteger:
      return "integer";
    case Decision::Kind::kReal:
      return "real";
  }
  return "";
}

std::string DecimalText(absl::uint128 value) {
  std::string digits;
  do {
    digits += static_cast<char>('0' + static_cast<int>(value % 10));
    value /= 10;
  } while (value > 0);
  std::reverse(digits.begin(), digits.end());
  return digits;
}

}  // namespace

absl::StatusOr<std::string> SpaceText(const std::string& name) {
  const absl::string_view builtin = BuiltinSpaceText(name);
  if (!builtin.empty()) return std::string(builtin);
  auto text = ReadFile(name);
  if (text.ok()) return text;
  const std::string hint = DidYouMean(name, BuiltinSpaces());
  return absl::InvalidArgumentError(
      absl::StrCat("no space and no file \"", name, "\"; ",
                   hint.empty() ? "\"cambrian spaces list\" names those built in" : hint));
}

absl::StatusOr<std::shared_ptr<const SearchSpace>> LoadSpace(
    const std::string& name, const std::vector<std::string>& settings) {
  ASSIGN_OR_RETURN(const std::string text, SpaceText(name));
  std::vector<ParameterSetting> values;
  for (const std::string& setting : settings) {
    ASSIGN_OR_RETURN(values.emplace_back(), ParseSetting(setting));
  }
  Diagnostics diagnostics(name, text);
  const Node file = ParseYaml(text, diagnostics);
  std::shared_ptr<const SearchSpace> space;
  if (diagnostics.ok()) space = ParseSpace(file, values, nullptr, diagnostics, diagnostics);
  RETURN_IF_ERROR(diagnostics.ToStatus());
  return space;
}

absl::StatusOr<Shape> ParseShape(const std::string& text) {
  std::vector<int64_t> sizes;
  for (const absl::string_view part : absl::StrSplit(text, 'x')) {
    int64_t size = 0;
    if (!absl::SimpleAtoi(part, &size) || size < 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", text, "\" is no shape; write channels and axes, as in 3x32x32 or 64"));
    }
    sizes.push_back(size);
  }
  return Shape{.channels = sizes.front(), .axes = {sizes.begin() + 1, sizes.end()}};
}

std::string DescribeValues(const Decision& decision) {
  if (decision.kind == Decision::Kind::kCategorical) return absl::StrJoin(decision.options, ", ");
  std::string text = absl::StrCat(decision.low, " … ", decision.high);
  if (decision.kind == Decision::Kind::kInteger && decision.step != 1) {
    absl::StrAppend(&text, " in steps of ", decision.step);
  }
  return decision.log_scale ? text + " (log)" : text;
}

Table DecisionTable(const SearchSpace& space) {
  Table table;
  table.columns = {{.title = "decision"},
                   {.title = "choices", .right = true, .drop = 1},
                   {.title = "values", .flexible = true}};
  for (size_t i = 0; i < space.decisions().size(); ++i) {
    const Decision& decision = space.decisions()[i];
    const uint64_t choices = space.Cardinality(i);
    table.rows.push_back(
        {decision.name, choices > 0 ? absl::StrCat(choices) : "∞", DescribeValues(decision)});
  }
  return table;
}

ordered_json DecisionsToJson(const SearchSpace& space) {
  ordered_json out = ordered_json::array();
  for (const Decision& decision : space.decisions()) {
    ordered_json json = {
        {"name", decision.name}, {"kind", KindName(decision.kind)}, {"recipe", decision.recipe}};
    if (decision.kind == Decision::Kind::kCategorical) {
      json["options"] = decision.options;
      json["ordered"] = decision.ordered;
    } else {
      json["low"] = decision.low;
      json["high"] = decision.high;
      json["log_scale"] = decision.log_scale;
      if (decision.kind == Decision::Kind::kInteger) json["step"] = decision.step;
    }
    out.push_back(std::move(json));
  }
  return out;
}

ordered_json SpaceToJson(const SearchSpace& space) {
  const SpaceSize size = space.Size();
  return {
      {"decisions", DecisionsToJson(space)},
      {"architectures", size.exact && !size.infinite ? ordered_json(DecimalText(size.count))
                                                     : ordered_json(nullptr)},
      {"architectures_log10", size.infinite ? ordered_json(nullptr) : ordered_json(size.log10)}};
}

Table ExtremesTable(const SpaceReport& report) {
  Table table;
  table.columns = {{.title = "network"},
                   {.title = "parameters", .right = true},
                   {.title = "MACs", .right = true},
                   {.title = "peak memory", .right = true}};
  const auto add = [&table](const std::string& name,
                            const std::optional<SpaceReport::Extreme>& extreme) {
    if (!extreme) return;
    table.rows.push_back({name, FormatCount(extreme->parameters), FormatCount(extreme->macs),
                          FormatBytes(extreme->peak_memory_bytes)});
  };
  add("smallest", report.smallest);
  add("largest", report.largest);
  return table;
}

ordered_json ExtremeToJson(const SearchSpace& space,
                           const std::optional<SpaceReport::Extreme>& extreme) {
  if (!extreme) return nullptr;
  return {{"parameters", extreme->parameters},
          {"macs", extreme->macs},
          {"peak_memory_bytes", extreme->peak_memory_bytes},
          {"architecture", space.ToJson(extreme->architecture)}};
}

absl::StatusOr<std::string> DrawArchitecture(const SearchSpace& space,
                                             const Architecture& architecture, const Task& task,
                                             const std::string& title) {
  ASSIGN_OR_RETURN(const Network network, space.Lower(architecture, task));
  DrawOptions options{.title = title, .fold = true, .choices = {}};
  const ordered_json values = space.ToJson(architecture);
  for (const auto& [name, value] : values.items()) {
    options.choices[name] = value.is_string() ? value.get<std::string>() : value.dump();
  }
  return DrawNetwork(network, options);
}

absl::Status WriteOutput(const std::string& path, const std::string& text) {
  if (path.empty() || path == "-") {
    std::cout << text << std::flush;
    return absl::OkStatus();
  }
  std::ofstream file(path, std::ios::binary);
  file << text << std::flush;
  if (!file) return absl::InternalError(absl::StrCat("cannot write ", path));
  return absl::OkStatus();
}

}  // namespace cambrian
