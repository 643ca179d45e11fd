#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "client/draw/draw.h"
#include "client/draw/folding.h"
#include "client/draw/nodes.h"

namespace cambrian {
namespace {

constexpr size_t kMostDecisionsShown = 3;

struct Look {
  const char* shape;
  const char* style;
  const char* fill;
  const char* line;
};

// Pale colours that dark text can be read on.
Look LookOf(Family family) {
  switch (family) {
    case Family::kEnd:
      return {"oval", "filled", "#e8e8e8", "#555555"};
    case Family::kConvolution:
      return {"box", "filled", "#d3e5f7", "#3b78b5"};
    case Family::kPooling:
      return {"box", "\"diagonals,filled\"", "#d9f0d3", "#4b9a45"};
    case Family::kNorm:
      return {"note", "filled", "#fff3c4", "#b59a2d"};
    case Family::kActivation:
      return {"box", "\"rounded,filled\"", "#fde3cb", "#c9762b"};
    case Family::kJoin:
      return {"circle", "filled", "#f9d6df", "#b84a68"};
    case Family::kLinear:
      return {"hexagon", "filled", "#e5dbf4", "#7a55b0"};
  }
  return {};
}

// Text for Graphviz's HTML-like labels; control characters are not allowed in an SVG.
std::string Escape(absl::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
  }
  return escaped;
}

// For Graphviz's quoted texts; the others' escapes begin with a backslash.
std::string Quote(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\"", "\\\""}});
}

// "edge_0_1" of "cell.edge_0_1": the picture shows where it stands. "stage.2" where the last is a
// number.
absl::string_view LastName(absl::string_view decision) {
  size_t dot = decision.rfind('.');
  if (dot == absl::string_view::npos) return decision;
  const bool number = std::all_of(decision.begin() + dot + 1, decision.end(),
                                  [](char c) { return c >= '0' && c <= '9'; });
  if (number) dot = dot == 0 ? absl::string_view::npos : decision.rfind('.', dot - 1);
  return dot == absl::string_view::npos ? decision : decision.substr(dot + 1);
}

class Picture {
 public:
  Picture(const Network& network, const DrawOptions& options)
      : network_(network),
        options_(options),
        folding_(options.fold ? FoldRepeats(network) : Unfolded(network)),
        nodes_(MakeNodes(network, folding_)),
        node_of_(network.operations.size()) {
    for (size_t n = 0; n < nodes_.size(); ++n) {
      for (const size_t operation : nodes_[n].operations) node_of_[operation] = n;
    }
    FindSaid();
  }

  std::string Draw() {
    absl::StrAppend(&dot_,
                    "digraph network {\n"
                    "  graph [rankdir=TB, nodesep=0.25, ranksep=0.3, fontsize=12, bgcolor=white,"
                    " fontname=\"Helvetica,Arial,sans-serif\"",
                    options_.title.empty()
                        ? ""
                        : absl::StrCat(", labelloc=t, label=<<B>", Escape(options_.title), "</B>>"),
                    "];\n"
                    "  node [fontsize=11, fontname=\"Helvetica,Arial,sans-serif\","
                    " fontcolor=\"#222222\", margin=\"0.12,0.05\", height=0.32];\n"
                    "  edge [fontsize=10, fontname=\"Helvetica,Arial,sans-serif\","
                    " fontcolor=\"#555555\", color=\"#777777\", arrowsize=0.6];\n");
    DrawNodes();
    DrawEdges();
    absl::StrAppend(&dot_, "}\n");
    return std::move(dot_);
  }

 private:
  const Shape& ShapeOf(size_t node) const {
    return network_.operations[nodes_[node].operations.back()].shape;
  }

  // Nodes in the boxes of the repeats that hold them.
  void DrawNodes() {
    std::vector<Repeat> repeats = folding_.repeats;
    std::sort(repeats.begin(), repeats.end(), [](const Repeat& a, const Repeat& b) {
      return a.begin != b.begin ? a.begin < b.begin : a.end > b.end;
    });
    std::vector<size_t> open;  // where the boxes that are open end
    size_t next = 0;
    for (size_t n = 0; n < nodes_.size(); ++n) {
      const size_t operation = nodes_[n].operations.front();
      while (!open.empty() && open.back() <= operation) CloseBox(open);
      for (; next < repeats.size() && repeats[next].begin <= operation; ++next) {
        absl::StrAppend(&dot_, "subgraph cluster_", next,
                        " { style=\"rounded,filled\"; fillcolor=\"#f7f7f7\"; color=\"#aaaaaa\";"
                        " labeljust=l; label=<<B>",
                        Escape(repeats[next].name), " × ", repeats[next].times, "</B>>;\n");
        open.push_back(repeats[next].end);
      }
      DrawNode(n);
    }
    while (!open.empty()) CloseBox(open);
    const Look look = LookOf(Family::kEnd);
    absl::StrAppend(&dot_, "  out [shape=", look.shape, ", style=filled, fillcolor=\"", look.fill,
                    "\", color=\"", look.line, "\", label=<output ",
                    network_.operations.back().shape.ToString(), ">];\n");
  }

  void CloseBox(std::vector<size_t>& open) {
    absl::StrAppend(&dot_, "}\n");
    open.pop_back();
  }

  void DrawNode(size_t n) {
    const DrawnNode& node = nodes_[n];
    const Look look = LookOf(node.family);
    absl::StrAppend(&dot_, "  n", n, " [shape=", look.shape, ", style=", look.style,
                    ", fillcolor=\"", look.fill, "\", color=\"", look.line, "\"",
                    node.family == Family::kJoin ? JoinSize(n) : "", ", label=<", Label(n),
                    ">, tooltip=\"", Quote(network_.operations[node.operations.front()].place),
                    "\"];\n");
  }

  const char* JoinSize(size_t n) const {
    const OperationKind kind = network_.operations[nodes_[n].operations.front()].kind;
    const bool sign = kind == OperationKind::kSum || kind == OperationKind::kProduct;
    return sign ? ", margin=0.02, width=0.3" : ", fixedsize=true, fontsize=10, width=0.58";
  }

  const std::vector<std::string>& Decisions(size_t n) const {
    return network_.operations[nodes_[n].operations.front()].decisions;
  }

  // The nodes that this one reads.
  std::vector<size_t> Sources(size_t n) const {
    std::vector<size_t> sources;
    for (const int input : network_.operations[nodes_[n].operations.front()].inputs) {
      sources.push_back(node_of_[folding_.stands_for[input]]);
    }
    return sources;
  }

  // Whether a node that this one reads was shaped by the decision, too, and so is known to be.
  bool SaidAbove(size_t n, const std::string& decision) const {
    const std::vector<size_t> sources = Sources(n);
    return std::any_of(sources.begin(), sources.end(), [&](size_t source) {
      const auto& said = said_[source];
      return std::find(said.begin(), said.end(), decision) != said.end();
    });
  }

  // Nodes are in the order of their operations. A join says nothing itself: of it is known what is
  // of those that it reads.
  void FindSaid() {
    said_.resize(nodes_.size());
    for (size_t n = 0; n < nodes_.size(); ++n) {
      for (const std::string& decision : Decisions(n)) {
        if (nodes_[n].family != Family::kJoin || SaidAbove(n, decision)) {
          said_[n].push_back(decision);
        }
      }
    }
  }

  // The operations, in bold if decisions chose them, and below those decisions, each where it first
  // appears.
  std::string Label(size_t n) const {
    std::string text = Escape(NodeText(network_, nodes_[n]));
    if (Decisions(n).empty()) return text;
    std::string bold = absl::StrCat("<B>", text, "</B>");
    if (nodes_[n].family == Family::kJoin) return bold;
    std::vector<std::string> lines;
    for (const std::string& decision : Decisions(n)) {
      if (SaidAbove(n, decision)) continue;
      const auto choice = options_.choices.find(decision);
      lines.push_back(Escape(choice == options_.choices.end()
                                 ? LastName(decision)
                                 : absl::StrCat(LastName(decision), ": ", choice->second)));
    }
    if (lines.empty()) return bold;
    if (lines.size() > kMostDecisionsShown) {
      lines.resize(kMostDecisionsShown);
      lines.push_back("…");
    }
    return absl::StrCat(bold, "<BR/><FONT POINT-SIZE=\"9\" COLOR=\"#555555\">",
                        absl::StrJoin(lines, ", "), "</FONT>");
  }

  // Where a node changes the size, its first arrow says what leaves.
  void DrawEdges() {
    std::vector<bool> labelled(nodes_.size(), false);
    for (size_t n = 0; n < nodes_.size(); ++n) {
      for (const size_t source : Sources(n)) DrawEdge(source, absl::StrCat("n", n), labelled);
    }
    const size_t last = folding_.stands_for[network_.operations.size() - 1];
    absl::StrAppend(&dot_, "  n", node_of_[last], " -> out;\n");
  }

  void DrawEdge(size_t from, const std::string& to, std::vector<bool>& labelled) {
    const auto& inputs = network_.operations[nodes_[from].operations.front()].inputs;
    const bool changed =
        !inputs.empty() && !(network_.operations[inputs[0]].shape == ShapeOf(from));
    absl::StrAppend(&dot_, "  n", from, " -> ", to);
    if (changed && !labelled[from]) {
      absl::StrAppend(&dot_, " [label=\" ", ShapeOf(from).ToString(), "\"]");
    }
    absl::StrAppend(&dot_, ";\n");
    labelled[from] = true;
  }

  const Network& network_;
  const DrawOptions& options_;
  const Folding folding_;
  const std::vector<DrawnNode> nodes_;
  std::vector<size_t> node_of_;
  std::vector<std::vector<std::string>> said_;  // by node: the decisions known to have shaped it
  std::string dot_;
};

}  // namespace

std::string NetworkToDot(const Network& network, const DrawOptions& options) {
  return Picture(network, options).Draw();
}

}  // namespace cambrian
