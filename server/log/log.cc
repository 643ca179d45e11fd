#include "server/log/log.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace cambrian {
namespace {

thread_local LogFields::Values current;

void Append(absl::string_view text, spdlog::memory_buf_t& out) {
  out.append(text.data(), text.data() + text.size());
}

std::string Text(spdlog::string_view_t view) { return std::string(view.data(), view.size()); }

// The logger is synchronous, so that a line is formatted on the thread that wrote it.
class JsonFormatter : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    nlohmann::ordered_json line;
    line["time"] = absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", absl::FromChrono(message.time),
                                    absl::UTCTimeZone());
    line["level"] = Text(spdlog::level::to_string_view(message.level));
    line["message"] = Text(message.payload);
    if (!current.study.empty()) line["study"] = current.study;
    if (current.trial != 0) line["trial"] = current.trial;
    if (current.attempt != 0) line["attempt"] = current.attempt;
    // What is not UTF-8 is replaced: a line is always JSON.
    Append(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), out);
    Append("\n", out);
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonFormatter>();
  }
};

class TextFormatter : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    Append(absl::FormatTime("[%Y-%m-%d %H:%M:%E3S] [", absl::FromChrono(message.time),
                            absl::LocalTimeZone()),
           out);
    Append(Text(spdlog::level::to_string_view(message.level)), out);
    Append("] ", out);
    Append(Text(message.payload), out);
    if (!current.study.empty()) Append(absl::StrCat(" study=", current.study), out);
    if (current.trial != 0) Append(absl::StrCat(" trial=", current.trial), out);
    if (current.attempt != 0) Append(absl::StrCat(" attempt=", current.attempt), out);
    Append("\n", out);
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<TextFormatter>();
  }
};

}  // namespace

absl::Status SetUpLog(absl::string_view format, absl::string_view level) {
  std::unique_ptr<spdlog::formatter> formatter;
  if (format == "text") formatter = std::make_unique<TextFormatter>();
  if (format == "json") formatter = std::make_unique<JsonFormatter>();
  if (!formatter) return absl::InvalidArgumentError("--log-format is text or json");
  if (level != "debug" && level != "info" && level != "warn" && level != "error") {
    return absl::InvalidArgumentError("--log-level is debug, info, warn or error");
  }
  auto logger = std::make_shared<spdlog::logger>("cambrian-server",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_formatter(std::move(formatter));
  logger->set_level(spdlog::level::from_str(std::string(level)));
  spdlog::set_default_logger(std::move(logger));
  return absl::OkStatus();
}

LogFields::LogFields(absl::string_view study, int64_t trial, int64_t attempt) : outer_(current) {
  if (!study.empty()) current.study = std::string(study);
  if (trial != 0) current.trial = trial;
  if (attempt != 0) current.attempt = attempt;
}

LogFields::~LogFields() { current = std::move(outer_); }

const LogFields::Values& LogFields::Current() { return current; }

}  // namespace cambrian
