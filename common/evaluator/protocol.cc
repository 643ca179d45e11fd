#include "common/evaluator/protocol.h"

#include <cmath>
#include <limits>
#include <utility>

#include "common/base/status.h"

namespace cambrian::evaluator {
namespace {

using nlohmann::json;

constexpr size_t kMaxLineBytes = 16 << 20;
constexpr int kMaxDepth = 64;
constexpr size_t kMaxMetrics = 64;  // as many, and as long, as a server takes
constexpr size_t kMaxMetricNameBytes = 64;
constexpr int64_t kMaxThreads = 4096;
constexpr int kMaxSeconds = 1'000'000'000;
constexpr int64_t kMaxCount = int64_t{1} << 53;  // what every language's numbers can hold

// Kinds of error by their names on the wire.
constexpr std::pair<Error::Kind, const char*> kKinds[] = {{Error::Kind::kInfeasible, "infeasible"},
                                                          {Error::Kind::kData, "data"},
                                                          {Error::Kind::kMemory, "memory"},
                                                          {Error::Kind::kStopped, "stopped"},
                                                          {Error::Kind::kFailed, "failed"}};

json Number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return value;
}

// A number, or the name of a non-finite one.
std::optional<double> AsNumber(const json& value) {
  if (value.is_number()) return value.get<double>();
  if (!value.is_string()) return std::nullopt;
  const std::string& text = value.get_ref<const std::string&>();
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

// Reads the fields of one object; the first problem is kept. A field that is absent keeps the
// value that it has, unless it is required.
class Fields {
 public:
  explicit Fields(const json& object) : object_(object) {}

  const absl::Status& status() const { return status_; }

  Fields& Require(absl::string_view name) {
    if (Find(name) == nullptr) Fail(name, "is missing");
    return *this;
  }

  void Read(absl::string_view name, std::string& out) {
    const json* value = Find(name);
    if (value == nullptr) return;
    if (!value->is_string()) return Fail(name, "must be text");
    out = value->get_ref<const std::string&>();
  }

  void Read(absl::string_view name, bool& out) {
    const json* value = Find(name);
    if (value == nullptr) return;
    if (!value->is_boolean()) return Fail(name, "must be true or false");
    out = value->get<bool>();
  }

  void Read(absl::string_view name, uint64_t& out) {
    const json* value = Find(name);
    if (value == nullptr) return;
    if (!value->is_number_unsigned()) return Fail(name, "must be an integer from 0 to 2^64-1");
    out = value->get<uint64_t>();
  }

  template <typename Integer>
  void Read(absl::string_view name, Integer& out, int64_t low, int64_t high) {
    const json* value = Find(name);
    if (value == nullptr) return;
    const bool fits =
        value->is_number_unsigned()
            ? value->get<uint64_t>() <= static_cast<uint64_t>(high) && value->get<int64_t>() >= low
            : value->is_number_integer() && value->get<int64_t>() >= low &&
                  value->get<int64_t>() <= high;
    if (!fits) return Fail(name, absl::StrCat("must be an integer from ", low, " to ", high));
    out = static_cast<Integer>(value->get<int64_t>());
  }

  void Read(absl::string_view name, std::vector<std::string>& out) {
    const json* value = Find(name);
    if (value == nullptr) return;
    if (!value->is_array()) return Fail(name, "must be a list of texts");
    for (const json& item : *value) {
      if (!item.is_string()) return Fail(name, "must be a list of texts");
      out.push_back(item.get_ref<const std::string&>());
    }
  }

  // Any JSON.
  void Read(absl::string_view name, json& out) {
    if (const json* value = Find(name)) out = *value;
  }

  // A name in the assignment's folder, where it is opened: nothing may lead out of it.
  void ReadFileName(absl::string_view name, std::string& out) {
    Read(name, out);
    if (out.find_first_of(std::string("/\0", 2)) != std::string::npos ||
        (!out.empty() && out[0] == '.')) {
      Fail(name, "must be the name of a file in the assignment's folder");
    }
  }

  void ReadSeconds(absl::string_view name, double& out) {
    const json* value = Find(name);
    if (value == nullptr) return;
    if (!value->is_number() ||
        !(value->get<double>() >= 0 && value->get<double>() <= kMaxSeconds)) {
      return Fail(name, absl::StrCat("must be a number from 0 to ", kMaxSeconds));
    }
    out = value->get<double>();
  }

  void ReadShare(absl::string_view name, double& out) {
    const json* value = Find(name);
    if (value == nullptr) return;
    if (!value->is_number() || !(value->get<double>() > 0 && value->get<double>() <= 1)) {
      return Fail(name, "must be a number above 0, at most 1");
    }
    out = value->get<double>();
  }

  void Read(absl::string_view name, Metrics& out) {
    const json* value = Find(name);
    if (value == nullptr) return;
    absl::StatusOr<Metrics> metrics = MetricsFromJson(*value);
    if (!metrics.ok()) return Fail(name, metrics.status().message());
    out = *std::move(metrics);
  }

  // An object, or null for none.
  const json* Object(absl::string_view name) {
    const json* value = Find(name);
    if (value == nullptr || value->is_null()) return nullptr;
    if (!value->is_object()) Fail(name, "must be an object");
    return value->is_object() ? value : nullptr;
  }

  void Fail(absl::string_view name, absl::string_view problem) {
    if (status_.ok()) {
      status_ = absl::InvalidArgumentError(absl::StrCat("\"", name, "\" ", problem));
    }
  }

 private:
  const json* Find(absl::string_view name) const {
    const auto found = object_.find(std::string(name));
    return found == object_.end() ? nullptr : &*found;
  }

  const json& object_;
  absl::Status status_;
};

// ---- Writing: one function for each message that has fields.

json Write(const Hello& m) {
  return {{"type", "hello"},
          {"protocol", m.protocol},
          {"name", m.name},
          {"version", m.version},
          {"devices", m.devices},
          {"capabilities", m.capabilities.is_null() ? json::object() : m.capabilities}};
}
json Write(const Welcome& m) {
  return {{"type", "welcome"}, {"protocol", m.protocol}, {"version", m.version}};
}
json Write(const Start& m) {
  json out = {{"type", "start"},    {"assignment", m.assignment}, {"device", m.device},
              {"recipe", m.recipe}, {"threads", m.threads},       {"network", m.network},
              {"data", m.data},     {"share", m.share},           {"architecture", m.architecture},
              {"seed", m.seed},     {"split_seed", m.split_seed}, {"test", m.test},
              {"train", m.train},   {"folder", m.folder}};
  if (!m.checkpoint.empty()) out["checkpoint"] = m.checkpoint;
  if (m.checkpoint_seconds > 0) out["checkpoint_seconds"] = m.checkpoint_seconds;
  if (m.latency) {
    out["latency"] = {
        {"batch", m.latency->batch}, {"threads", m.latency->threads}, {"runs", m.latency->runs}};
  }
  return out;
}
json Write(const Progress& m) {
  json out = {{"type", "progress"},
              {"assignment", m.assignment},
              {"step", m.step},
              {"steps", m.steps},
              {"metrics", MetricsToJson(m.metrics)}};
  if (!m.checkpoint.empty()) out["checkpoint"] = m.checkpoint;
  return out;
}
json Write(const Result& m) {
  json out = {
      {"type", "result"}, {"assignment", m.assignment}, {"metrics", MetricsToJson(m.metrics)}};
  if (!m.checkpoint.empty()) out["checkpoint"] = m.checkpoint;
  return out;
}
json Write(const Error& m) {
  const char* kind = "failed";
  for (const auto& [value, name] : kKinds) {
    if (value == m.kind) kind = name;
  }
  json out = {
      {"type", "error"}, {"assignment", m.assignment}, {"kind", kind}, {"message", m.message}};
  if (!m.checkpoint.empty()) out["checkpoint"] = m.checkpoint;
  return out;
}
json Write(const Acquire& m) { return {{"type", "acquire"}, {"assignment", m.assignment}}; }
json Write(const Release& m) { return {{"type", "release"}, {"assignment", m.assignment}}; }
json Write(const Stop& m) { return {{"type", "stop"}, {"assignment", m.assignment}}; }
json Write(const Acquired&) { return {{"type", "acquired"}}; }
json Write(const Pause&) { return {{"type", "pause"}}; }
json Write(const Paused&) { return {{"type", "paused"}}; }
json Write(const Resume&) { return {{"type", "resume"}}; }

// ---- Reading: the same, checked.

void Parse(Fields& f, Hello& m) {
  f.Require("protocol").Read("protocol", m.protocol, 0, 1 << 30);
  f.Read("name", m.name);
  f.Read("version", m.version);
  f.Read("devices", m.devices);
  f.Read("capabilities", m.capabilities);
}
void Parse(Fields& f, Welcome& m) {
  f.Require("protocol").Read("protocol", m.protocol, 0, 1 << 30);
  f.Read("version", m.version);
}
void Parse(Fields& f, Start& m) {
  f.Require("assignment").Read("assignment", m.assignment);
  f.Read("device", m.device);
  f.Read("threads", m.threads, 1, kMaxThreads);
  f.Read("network", m.network);
  f.Read("architecture", m.architecture);
  f.Read("recipe", m.recipe);
  f.Read("data", m.data);
  f.ReadShare("share", m.share);
  f.Read("seed", m.seed);
  f.Read("split_seed", m.split_seed);
  f.Read("test", m.test);
  f.Read("train", m.train);
  f.Read("checkpoint", m.checkpoint);
  f.ReadSeconds("checkpoint_seconds", m.checkpoint_seconds);
  f.Read("folder", m.folder);
  if (const json* object = f.Object("latency")) {
    Fields inner(*object);
    MeasureLatency latency;
    inner.Read("batch", latency.batch, 1, 1 << 20);
    inner.Read("threads", latency.threads, 1, kMaxThreads);
    inner.Read("runs", latency.runs, 1, 1 << 20);
    if (!inner.status().ok()) f.Fail("latency", inner.status().message());
    m.latency = latency;
  }
}
void Parse(Fields& f, Progress& m) {
  f.Require("assignment").Read("assignment", m.assignment);
  f.Require("step").Read("step", m.step, 0, kMaxCount);
  f.Read("steps", m.steps, 0, kMaxCount);
  f.Read("metrics", m.metrics);
  f.ReadFileName("checkpoint", m.checkpoint);
}
void Parse(Fields& f, Result& m) {
  f.Require("assignment").Read("assignment", m.assignment);
  f.Require("metrics").Read("metrics", m.metrics);
  f.ReadFileName("checkpoint", m.checkpoint);
}
void Parse(Fields& f, Error& m) {
  f.Require("assignment").Read("assignment", m.assignment);
  f.Read("message", m.message);
  f.ReadFileName("checkpoint", m.checkpoint);
  std::string kind = "failed";
  f.Read("kind", kind);
  for (const auto& [value, name] : kKinds) {
    if (kind == name) {
      m.kind = value;
      return;
    }
  }
  f.Fail("kind", "must be infeasible, data, memory, stopped or failed");
}
void Parse(Fields& f, Acquire& m) { f.Require("assignment").Read("assignment", m.assignment); }
void Parse(Fields& f, Release& m) { f.Require("assignment").Read("assignment", m.assignment); }
void Parse(Fields& f, Stop& m) { f.Require("assignment").Read("assignment", m.assignment); }
void Parse(Fields&, Acquired&) {}
void Parse(Fields&, Pause&) {}
void Parse(Fields&, Paused&) {}
void Parse(Fields&, Resume&) {}

template <typename M>
absl::StatusOr<Message> ParseAs(const json& object) {
  Fields fields(object);
  M message;
  Parse(fields, message);
  if (!fields.status().ok()) return fields.status();
  return message;
}

// Whether brackets nest deeper than kMaxDepth: copying or writing such a tree recurses.
bool NestsTooDeep(absl::string_view line) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxDepth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

constexpr std::pair<const char*, absl::StatusOr<Message> (*)(const json&)> kTypes[] = {
    {"hello", ParseAs<Hello>},       {"welcome", ParseAs<Welcome>},   {"start", ParseAs<Start>},
    {"progress", ParseAs<Progress>}, {"result", ParseAs<Result>},     {"error", ParseAs<Error>},
    {"acquire", ParseAs<Acquire>},   {"acquired", ParseAs<Acquired>}, {"release", ParseAs<Release>},
    {"pause", ParseAs<Pause>},       {"paused", ParseAs<Paused>},     {"resume", ParseAs<Resume>},
    {"stop", ParseAs<Stop>}};

}  // namespace

std::string Encode(const Message& message) {
  const json object = std::visit([](const auto& m) { return Write(m); }, message);
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

absl::StatusOr<Message> Decode(absl::string_view line) {
  if (line.size() > kMaxLineBytes) {
    return absl::InvalidArgumentError("the line is longer than 16 MiB");
  }
  if (NestsTooDeep(line)) {
    return absl::InvalidArgumentError(absl::StrCat("nested deeper than ", kMaxDepth));
  }
  const json object = json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
  if (object.is_discarded()) return absl::InvalidArgumentError("the line is no JSON");
  if (!object.is_object()) return absl::InvalidArgumentError("the line is no JSON object");
  Fields fields(object);
  std::string type;
  fields.Require("type").Read("type", type);
  if (!fields.status().ok()) return fields.status();
  for (const auto& [name, parse] : kTypes) {
    if (type != name) continue;
    absl::StatusOr<Message> message = parse(object);
    if (!message.ok()) return Annotate(message.status(), type);
    return message;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("unknown type of message \"", type.substr(0, 100), "\""));
}

json MetricsToJson(const Metrics& metrics) {
  json out = json::object();
  for (const auto& [name, m] : metrics) {
    if (!m.low && !m.high) {
      out[name] = Number(m.value);
      continue;
    }
    json& entry = out[name] = {{"value", Number(m.value)}};
    if (m.low) entry["low"] = Number(*m.low);
    if (m.high) entry["high"] = Number(*m.high);
  }
  return out;
}

absl::StatusOr<Metrics> MetricsFromJson(const json& object) {
  if (!object.is_object()) return absl::InvalidArgumentError("must be an object of metrics");
  if (object.size() > kMaxMetrics) {
    return absl::InvalidArgumentError(absl::StrCat("has more than ", kMaxMetrics, " metrics"));
  }
  Metrics out;
  for (const auto& [name, entry] : object.items()) {
    if (name.empty() || name.size() > kMaxMetricNameBytes) {
      return absl::InvalidArgumentError("has a metric whose name is empty or too long");
    }
    const auto fail = [&name = name] {
      return absl::InvalidArgumentError(
          absl::StrCat("metric \"", name,
                       "\" must be a number, or an object with value, low and high; non-finite "
                       "numbers are \"NaN\", \"Infinity\" and \"-Infinity\""));
    };
    Measurement& m = out[name];
    const json& value = entry.is_object() ? entry.value("value", json()) : entry;
    const std::optional<double> number = AsNumber(value);
    if (!number) return fail();
    m.value = *number;
    if (!entry.is_object()) continue;
    for (const auto& [key, bound] : {std::pair("low", &m.low), std::pair("high", &m.high)}) {
      if (!entry.contains(key)) continue;
      *bound = AsNumber(entry[key]);
      if (!*bound) return fail();
    }
  }
  return out;
}

}  // namespace cambrian::evaluator
