// The only file that includes Graphviz's library.
#include <graphviz/gvc.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "client/draw/draw.h"

namespace cambrian {
namespace {

constexpr size_t kMostBytes = 2'000'000;  // of the picture's text; larger ones take minutes

// Graphviz reports by a function without a context. One call at a time, see draw.h.
std::string* g_messages = nullptr;

int Collect(char* message) {
  if (g_messages != nullptr) absl::StrAppend(g_messages, message);
  return 0;
}

// One for the life of the process: Graphviz 2.42 keeps pointers into the first context for good, so
// that a second one after it was freed reads freed memory.
GVC_t* Context() {
  static GVC_t* const context = gvContext();
  return context;
}

struct FreeGraph {
  void operator()(graph_t* graph) const { agclose(graph); }
};

absl::StatusOr<std::string> Render(const std::string& dot) {
  GVC_t* const context = Context();
  const std::unique_ptr<graph_t, FreeGraph> graph(agmemread(dot.c_str()));
  if (context == nullptr || graph == nullptr) return absl::InternalError("cannot read the graph");
  if (gvLayout(context, graph.get(), "dot") != 0) return absl::InternalError("cannot lay out");
  char* data = nullptr;
  unsigned int length = 0;
  const int failed = gvRenderData(context, graph.get(), "svg", &data, &length);
  std::string svg = failed != 0 || data == nullptr ? "" : std::string(data, length);
  gvFreeRenderData(data);
  gvFreeLayout(context, graph.get());
  if (svg.empty()) return absl::InternalError("cannot render");
  return svg;
}

}  // namespace

absl::StatusOr<std::string> DrawNetwork(const Network& network, const DrawOptions& options) {
  const std::string dot = NetworkToDot(network, options);
  if (dot.size() > kMostBytes) {
    return absl::InvalidArgumentError(absl::StrCat("a network of ", network.operations.size(),
                                                   " operations is too large to draw"));
  }
  std::string messages;
  g_messages = &messages;
  const agusererrf before = agseterrf(Collect);
  absl::StatusOr<std::string> svg = Render(dot);
  agseterrf(before);
  g_messages = nullptr;
  if (svg.ok()) return svg;
  return absl::InternalError(absl::StrCat("Graphviz ", svg.status().message(), ": ", messages));
}

}  // namespace cambrian
