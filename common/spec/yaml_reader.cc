// The seam to yaml-cpp: its events become a tree, its exceptions diagnostics.
#include <algorithm>
#include <sstream>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/spec/document.h"
#include "yaml-cpp/eventhandler.h"
#include "yaml-cpp/exceptions.h"
#include "yaml-cpp/node/node.h"  // completes what parser.h declares
#include "yaml-cpp/parser.h"

namespace cambrian {
namespace {

constexpr size_t kMaxBytes = 4 << 20;
constexpr size_t kMaxNodes = 200'000;
constexpr size_t kMaxDepth = 64;
constexpr char kByteOrderMark[] = "\xEF\xBB\xBF";

// How many bytes the UTF-8 character at `at` has; 0 if it is none.
size_t CharacterLength(absl::string_view text, size_t at) {
  const auto byte = [&](size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const unsigned first = byte(at);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return 0;
  }
  const bool overlong =
      (first == 0xE0 && byte(at + 1) < 0xA0) || (first == 0xF0 && byte(at + 1) < 0x90);
  const bool surrogate = first == 0xED && byte(at + 1) > 0x9F;
  const bool too_large = first == 0xF4 && byte(at + 1) > 0x8F;
  return overlong || surrogate || too_large ? 0 : length;
}

// Translates yaml-cpp's places (bytes, from 0) into ours (characters, from 1).
class Places {
 public:
  explicit Places(absl::string_view text) : text_(text), before_(text.size() + 1) {
    for (size_t i = 0; i < text.size(); ++i) {
      const bool starts = (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80;
      before_[i + 1] = before_[i] + (starts ? 1 : 0);
    }
  }

  Mark At(const YAML::Mark& mark) const {
    const size_t at = Offset(mark);
    const size_t line_start = at - std::min<size_t>(at, std::max(mark.column, 0));
    return Mark{mark.line + 1, static_cast<int>(before_[at] - before_[line_start]) + 1, 1};
  }

  // With the length of the scalar `value` as it is written there, up to the line's end.
  Mark OfScalar(const YAML::Mark& mark, absl::string_view value) const {
    Mark place = At(mark);
    const size_t at = Offset(mark);
    size_t end = at;
    if (at < text_.size() && (text_[at] == '"' || text_[at] == '\'')) {
      end = QuoteEnd(at);
    } else if (absl::StartsWith(text_.substr(at), value)) {
      end = at + value.size();
    }
    place.length = std::max<int>(1, before_[end] - before_[at]);
    return place;
  }

  // Whether a null is written there, rather than nothing at all.
  bool SaysNull(const YAML::Mark& mark) const {
    const absl::string_view rest = text_.substr(Offset(mark));
    return absl::StartsWith(rest, "~") || absl::StartsWithIgnoreCase(rest, "null");
  }

 private:
  size_t Offset(const YAML::Mark& mark) const {
    return std::min<size_t>(std::max(mark.pos, 0), text_.size());
  }

  size_t QuoteEnd(size_t at) const {
    const char quote = text_[at];
    for (size_t i = at + 1; i < text_.size() && text_[i] != '\n'; ++i) {
      if (quote == '"' && text_[i] == '\\') {
        ++i;
      } else if (text_[i] == quote) {
        return i + 1;
      }
    }
    return at + 1;
  }

  const absl::string_view text_;
  std::vector<uint32_t> before_;  // characters before each byte
};

// Parentheses that `text` opens (> 0) and does not close, or closes (< 0) and did not open.
int OpenParentheses(absl::string_view text) {
  int open = 0;
  for (const char c : text) {
    if (c == '(') ++open;
    if (c == ')' && --open < 0) return -1;
  }
  return open;
}

size_t Depth(const Node& node) {
  size_t depth = 0;
  for (const Node& item : node.items) depth = std::max(depth, Depth(item));
  for (const Node::Entry& entry : node.entries) depth = std::max(depth, Depth(entry.value));
  return depth + 1;
}

// Thrown through yaml-cpp where reading on makes no sense; caught in ParseYaml.
struct StopReading {};

// Builds the tree from yaml-cpp's events.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(const Places& places, Diagnostics& diagnostics)
      : places_(places), diagnostics_(diagnostics) {}

  Node TakeRoot() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      Stop(places_.At(mark), "a second document; a file holds one", "remove the line \"---\"");
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node;
    node.mark = places_.At(mark);
    if (!places_.SaysNull(mark) && !open_.empty() && open_.back().key.has_value()) {
      node.mark = open_.back().key->key_mark;  // yaml-cpp's place is that of what follows
    }
    Charge(node.mark, 1);
    Keep(anchor, node, 1);
    Attach(std::move(node));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end()) {
      Stop(places_.At(mark), "an alias inside the value that it names", "write the value out");
    }
    Charge(places_.At(mark), known->second.size);
    if (open_.size() + known->second.depth > kMaxDepth) StopTooDeep(places_.At(mark));
    Attach(known->second.node);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node;
    node.kind = Node::Kind::kScalar;
    node.mark = places_.OfScalar(mark, value);
    node.scalar = value;
    node.quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    if (!node.quoted && tag != "?" && !tag.empty()) RefuseTag(node.mark);
    Charge(node.mark, 1);
    Keep(anchor, node, 1);
    Attach(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    Open(Node::Kind::kList, mark, tag, anchor, style);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    Open(Node::Kind::kMap, mark, tag, anchor, style);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapEnd() override { Close(); }

 private:
  // A list or map that is being read.
  struct Container {
    Node node;
    YAML::anchor_t anchor;
    bool in_braces;
    size_t nodes_before;
    std::optional<Node::Entry> key;               // a map's key that waits for its value
    absl::flat_hash_map<std::string, int> lines;  // of a map's keys
  };
  struct Anchored {
    Node node;
    size_t size;
    size_t depth;
  };

  [[noreturn]] void Stop(Mark mark, absl::string_view message, absl::string_view suggestion) {
    diagnostics_.Error(mark, message, suggestion);
    throw StopReading();
  }
  [[noreturn]] void StopTooDeep(Mark mark) {
    Stop(mark, absl::StrCat("nested deeper than ", kMaxDepth), "");
  }
  void RefuseTag(Mark mark) {
    diagnostics_.Error(mark, "a tag (\"!…\"); tags are not used here", "remove it");
  }

  void Charge(Mark mark, size_t nodes) {
    nodes_ += nodes;
    if (nodes_ > kMaxNodes) {
      Stop(mark, absl::StrCat("more than ", kMaxNodes, " values after aliases are expanded"),
           "aliases of aliases multiply; write less");
    }
  }

  void Keep(YAML::anchor_t anchor, const Node& node, size_t size) {
    if (anchor == YAML::NullAnchor) return;
    Charge(node.mark, size);  // its copy counts too
    anchors_[anchor] = Anchored{node, size, Depth(node)};
  }

  void Open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            YAML::EmitterStyle::value style) {
    Container container{{}, anchor, style == YAML::EmitterStyle::Flow, nodes_, {}, {}};
    container.node.kind = kind;
    container.node.mark = places_.At(mark);
    if (tag != "?" && tag != "!" && !tag.empty()) RefuseTag(container.node.mark);
    Charge(container.node.mark, 1);
    if (open_.size() + 1 > kMaxDepth) StopTooDeep(container.node.mark);
    open_.push_back(std::move(container));
  }

  void Close() {
    Container done = std::move(open_.back());
    open_.pop_back();
    if (done.in_braces) JoinCutExpressions(done.node);
    Keep(done.anchor, done.node, nodes_ - done.nodes_before);
    Attach(std::move(done.node));
  }

  void Attach(Node node) {
    if (open_.empty()) {
      root_ = std::move(node);
    } else if (Container& parent = open_.back(); parent.node.IsList()) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.key) {
      if (!node.IsScalar()) {
        diagnostics_.Error(node.mark, absl::StrCat("a key must be text, not ", node.Describe()),
                           "quote it");
      }
      parent.key = Node::Entry{std::move(node.scalar), node.mark, {}};
    } else {
      parent.key->value = std::move(node);
      AddEntry(parent, *std::move(parent.key));
      parent.key.reset();
    }
  }

  void AddEntry(Container& map, Node::Entry entry) {
    if (entry.key == "<<") {
      diagnostics_.Error(entry.key_mark, "the merge key \"<<\" is not used here",
                         "write the keys out");
      return;
    }
    const auto [first, is_new] = map.lines.emplace(entry.key, entry.key_mark.line);
    if (is_new) {
      map.node.entries.push_back(std::move(entry));
    } else {
      diagnostics_.Error(entry.key_mark, absl::StrCat("duplicate key \"", entry.key, "\""),
                         absl::StrCat("it stands on line ", first->second, " already; keep one"));
    }
  }

  // YAML cuts {out: round($a, 2)} at the comma: one value opens a parenthesis that the next closes.
  void JoinCutExpressions(Node& node) {
    const auto refuse = [this](Node& before, Mark mark, absl::string_view rest) {
      diagnostics_.Error(mark,
                         "a comma inside braces or brackets ends the value, so this expression is "
                         "cut in two",
                         absl::StrCat("quote the expression: \"", before.scalar, ", ", rest, "\""));
      absl::StrAppend(&before.scalar, ", ", rest);
    };
    for (size_t i = 1; i < node.entries.size();) {
      Node::Entry& entry = node.entries[i];
      Node& before = node.entries[i - 1].value;
      if (entry.value.IsNull() && OpenParentheses(entry.key) < 0 &&
          OpenParentheses(before.scalar) > 0) {
        refuse(before, entry.key_mark, entry.key);
        node.entries.erase(node.entries.begin() + i);
      } else {
        ++i;
      }
    }
    for (size_t i = 1; i < node.items.size();) {
      Node& before = node.items[i - 1];
      if (OpenParentheses(node.items[i].scalar) < 0 && OpenParentheses(before.scalar) > 0) {
        refuse(before, node.items[i].mark, std::string(node.items[i].scalar));
        node.items.erase(node.items.begin() + i);
      } else {
        ++i;
      }
    }
  }

  const Places& places_;
  Diagnostics& diagnostics_;
  Node root_;
  std::vector<Container> open_;
  absl::flat_hash_map<YAML::anchor_t, Anchored> anchors_;
  size_t nodes_ = 0;
  int documents_ = 0;
};

// False, with an error, for what yaml-cpp would misread: other encodings, control characters.
bool IsPlainText(absl::string_view text, Diagnostics& diagnostics) {
  if (text.size() > kMaxBytes) {
    diagnostics.Error({0, 0}, absl::StrCat("larger than ", kMaxBytes >> 20, " MiB"));
    return false;
  }
  Mark mark{1, 1};
  for (size_t i = 0; i < text.size();) {
    const size_t length = CharacterLength(text, i);
    const auto byte = static_cast<unsigned char>(text[i]);
    if (length == 0) {
      diagnostics.Error(mark, "not UTF-8 text", "save the file as UTF-8");
      return false;
    }
    if (byte == 0x7F || (byte < ' ' && byte != '\t' && byte != '\n' && byte != '\r')) {
      diagnostics.Error(mark, absl::StrCat("a control character (0x", absl::Hex(byte), ")"),
                        "remove it");
      return false;
    }
    mark = byte == '\n' ? Mark{mark.line + 1, 1} : Mark{mark.line, mark.column + 1};
    i += length;
  }
  return true;
}

}  // namespace

Node ParseYaml(absl::string_view text, Diagnostics& diagnostics) {
  if (absl::StartsWith(text, kByteOrderMark)) text.remove_prefix(sizeof(kByteOrderMark) - 1);
  if (!IsPlainText(text, diagnostics)) return {};
  const Places places(text);
  TreeBuilder builder(places, diagnostics);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const StopReading&) {
    return {};
  } catch (const YAML::Exception& error) {
    diagnostics.Error(error.mark.is_null() ? Mark{0, 0} : places.At(error.mark),
                      absl::StrCat("not valid YAML: ", error.msg));
    return {};
  } catch (const std::exception& error) {
    diagnostics.Error({0, 0}, absl::StrCat("cannot be read as YAML: ", error.what()));
    return {};
  }
  return builder.TakeRoot();
}

}  // namespace cambrian
