#include "common/spec/document.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace cambrian {
namespace {

constexpr int kMaxQuotedInMessage = 40;

// Whether a plain scalar reads back as the same text wherever we write it: block style, after
// "key: " or "- ".
bool IsSafePlain(absl::string_view text) {
  if (text.empty() || text.back() == ':') return false;
  // In braces yaml-cpp lets a lone "-" or "?" pass.
  const bool mark = absl::StrContains("-?:", text.substr(0, 1));
  if (mark && (text.size() == 1 || text[1] == ' ' || text[1] == '\t')) return false;
  return text.find_first_of("\n\r") == absl::string_view::npos && !absl::StrContains(text, ": ") &&
         !absl::StrContains(text, ":\t") && !absl::StrContains(text, " #") &&
         !absl::StrContains(text, "\t#");
}

// Whether a text can stand without quotes as a key or as a value that is no number, truth or null.
bool IsWord(absl::string_view text) {
  if (text.empty() || !(absl::ascii_isalpha(text[0]) || text[0] == '_')) return false;
  const std::string lower = absl::AsciiStrToLower(text);
  if (lower == "null" || lower == "true" || lower == "false") return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '/' || c == '-' || c == '+';
  });
}

std::string Quote(absl::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (static_cast<unsigned char>(c) < ' ' || c == 0x7F) {
      absl::StrAppend(&out, "\\x", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

bool IsBlock(const Node& node) { return !node.items.empty() || !node.entries.empty(); }

void Write(const Node& node, int indent, std::string& out);

void WriteItem(const Node& item, int indent, std::string& out) {
  std::string text;
  Write(item, indent + 2, text);
  // The first line of a list or map stands beside its dash.
  absl::StrAppend(&out, std::string(indent, ' '), "- ",
                  IsBlock(item) ? absl::string_view(text).substr(indent + 2) : text,
                  IsBlock(item) ? "" : "\n");
}

void WriteEntry(const Node::Entry& entry, int indent, std::string& out) {
  absl::StrAppend(&out, std::string(indent, ' '), IsWord(entry.key) ? entry.key : Quote(entry.key),
                  IsBlock(entry.value) ? ":\n" : ": ");
  Write(entry.value, indent + 2, out);
  if (!IsBlock(entry.value)) out += "\n";
}

void Write(const Node& node, int indent, std::string& out) {
  switch (node.kind) {
    case Node::Kind::kNull:
      out += "null";
      return;
    case Node::Kind::kScalar:
      out += !node.quoted && IsSafePlain(node.scalar) ? node.scalar : Quote(node.scalar);
      return;
    case Node::Kind::kList:
      if (node.items.empty()) out += "[]";
      for (const Node& item : node.items) WriteItem(item, indent, out);
      return;
    case Node::Kind::kMap:
      if (node.entries.empty()) out += "{}";
      for (const Node::Entry& entry : node.entries) WriteEntry(entry, indent, out);
      return;
  }
}

// Whether `text` is a decimal number: digits, a point, an exponent; no "inf", "nan", "0x…".
bool IsDecimal(absl::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789+-.eE") == absl::string_view::npos;
}

}  // namespace

const Node* Node::Find(absl::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

Node* Node::Find(absl::string_view key) {
  return const_cast<Node*>(static_cast<const Node*>(this)->Find(key));
}

void Node::Set(absl::string_view key, Node value) {
  if (Node* const there = Find(key)) {
    *there = std::move(value);
  } else {
    entries.push_back(Entry{std::string(key), {}, std::move(value)});
  }
}

void Node::Remove(absl::string_view key) {
  entries.erase(std::remove_if(entries.begin(), entries.end(),
                               [&](const Entry& entry) { return entry.key == key; }),
                entries.end());
}

std::optional<double> Node::AsNumber() const {
  if (!IsScalar() || quoted) return std::nullopt;
  absl::string_view text = scalar;
  double scale = 1;
  if (absl::EndsWith(text, "%")) {
    text = absl::StripTrailingAsciiWhitespace(text.substr(0, text.size() - 1));
    scale = 100;
  }
  double value;
  if (!IsDecimal(text) || !absl::SimpleAtod(text, &value) || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value / scale;
}

std::optional<int64_t> Node::AsInteger() const {
  if (!IsScalar() || quoted) return std::nullopt;
  int64_t value;
  if (!absl::SimpleAtoi(scalar, &value)) return std::nullopt;
  return value;
}

std::optional<bool> Node::AsBool() const {
  if (!IsScalar() || quoted) return std::nullopt;
  if (scalar == "true" || scalar == "false") return scalar == "true";
  return std::nullopt;
}

std::string Node::Describe() const {
  switch (kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "a map";
    case Kind::kScalar:
      break;
  }
  if (AsNumber()) return absl::StrCat("the number ", scalar);
  if (AsBool()) return scalar;
  size_t end = std::min<size_t>(scalar.size(), kMaxQuotedInMessage);
  while (end < scalar.size() && (static_cast<unsigned char>(scalar[end]) & 0xC0) == 0x80) ++end;
  return absl::StrCat("the text \"", scalar.substr(0, end), end < scalar.size() ? "…\"" : "\"");
}

std::string ToYaml(const Node& node) {
  std::string out;
  Write(node, 0, out);
  if (out.empty() || out.back() != '\n') out += "\n";
  return out;
}

nlohmann::ordered_json ToJson(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull:
      return nullptr;
    case Node::Kind::kScalar:
      if (const auto integer = node.AsInteger()) return *integer;
      if (const auto number = node.AsNumber()) return *number;
      if (const auto truth = node.AsBool()) return *truth;
      return node.scalar;
    case Node::Kind::kList: {
      nlohmann::ordered_json list = nlohmann::ordered_json::array();
      for (const Node& item : node.items) list.push_back(ToJson(item));
      return list;
    }
    case Node::Kind::kMap:
      break;
  }
  nlohmann::ordered_json map = nlohmann::ordered_json::object();
  for (const Node::Entry& entry : node.entries) map[entry.key] = ToJson(entry.value);
  return map;
}

Node NodeFromJson(const nlohmann::ordered_json& json) {
  Node node;
  if (json.is_object()) {
    node.kind = Node::Kind::kMap;
    for (const auto& [key, value] : json.items()) {
      node.entries.push_back(Node::Entry{key, {}, NodeFromJson(value)});
    }
  } else if (json.is_array()) {
    node.kind = Node::Kind::kList;
    for (const auto& item : json) node.items.push_back(NodeFromJson(item));
  } else if (!json.is_null()) {
    node.kind = Node::Kind::kScalar;
    node.scalar = json.is_string() ? json.get<std::string>() : json.dump();
    node.quoted = json.is_string() && !IsWord(node.scalar);
  }
  return node;
}

}  // namespace cambrian
