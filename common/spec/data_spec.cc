// DataSpec as JSON: what an evaluator is told about the data.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/spec/document.h"
#include "common/spec/study_sections.h"
#include "common/spec/study_spec.h"

namespace cambrian {

using nlohmann::json;
using nlohmann::ordered_json;

ordered_json DataSpec::ToJson() const {
  ordered_json source;
  const bool is_file = format == Format::kCsv || format == Format::kTable;
  source[is_file ? "file" : "folder"] = path;
  if (format == Format::kCsv) source["label"] = label;
  if (!shape.empty()) source["shape"] = shape;
  static constexpr const char* kNames[] = {"idx", "cifar10", "csv", "images", "table"};
  ordered_json out;
  out[kNames[static_cast<int>(format)]] = std::move(source);
  if (!root.empty()) out["root"] = root;
  if (format != Format::kTable) out["validation"] = validation;
  if (test > 0) out["test"] = test;
  if (task) {
    std::vector<int64_t> input = {task->input.channels};
    input.insert(input.end(), task->input.axes.begin(), task->input.axes.end());
    out["task"] = {{"input", std::move(input)}, {"classes", task->classes}};
  }
  if (!sha256.empty()) out["sha256"] = sha256;
  return out;
}

absl::StatusOr<DataSpec> DataSpec::FromJson(const json& value) {
  Diagnostics diagnostics("data", "");
  DataSpec data = ReadData(NodeFromJson(ordered_json(value)), "", diagnostics);
  RETURN_IF_ERROR(diagnostics.ToStatus());
  return data;
}

}  // namespace cambrian
