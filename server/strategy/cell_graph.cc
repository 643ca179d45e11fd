#include "server/strategy/cell_graph.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace cambrian {
namespace {

constexpr int kMaxNodes = 128;
constexpr uint64_t kSkip = 0x736b6970;

uint64_t Mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * 0xff51afd7ed558ccd;
  return hash ^ (hash >> 32);
}

uint64_t HashOf(absl::string_view text) {
  uint64_t hash = text.size() + 1;
  for (const char c : text) hash = Mix(hash, static_cast<unsigned char>(c));
  return hash;
}

// A place of a graph in a decision's name.
struct Place {
  std::string cell;  // what stands before it
  char kind = 'e';   // edge, from, op
  int from = 0;
  int to = 0;  // kOut: the output
};
constexpr int kOut = kMaxNodes + 1;

bool ReadNode(absl::string_view text, int& node) {
  if (text == "out") {
    node = kOut;
    return true;
  }
  return absl::SimpleAtoi(text, &node) && node >= 0 && node < kMaxNodes;
}

std::optional<Place> ReadPlace(absl::string_view name) {
  Place place;
  const size_t dot = name.rfind('.');
  if (dot != absl::string_view::npos) place.cell = std::string(name.substr(0, dot));
  const std::vector<absl::string_view> parts =
      absl::StrSplit(dot == absl::string_view::npos ? name : name.substr(dot + 1), '_');
  if (parts.size() == 3 && parts[0] == "edge" && ReadNode(parts[1], place.from) &&
      ReadNode(parts[2], place.to) && place.from < place.to) {
    return place;
  }
  if (parts.size() != 2 || (parts[0] != "from" && parts[0] != "op")) return std::nullopt;
  place.kind = parts[0][0];
  if (!ReadNode(parts[1], place.to)) return std::nullopt;
  return place;
}

// "0+2" as {0, 2}; nothing if an option is anything but nodes before `to`.
std::optional<std::vector<std::vector<int>>> ReadSources(const Decision& decision, int to) {
  std::vector<std::vector<int>> chosen;
  for (const std::string& option : decision.options) {
    chosen.emplace_back();
    for (const absl::string_view member : absl::StrSplit(option, '+')) {
      int from = 0;
      if (!ReadNode(member, from) || from >= to) return std::nullopt;
      chosen.back().push_back(from);
    }
  }
  return chosen;
}

}  // namespace

// Puts the graphs together from the places that names tell.
class CellGraphReader {
 public:
  CellGraphReader(const SearchSpace& space, std::vector<bool>& covered)
      : decisions_(space.decisions()), covered_(covered) {}

  std::vector<CellGraph> Read() {
    std::map<std::string, std::vector<std::pair<size_t, Place>>> cells;
    for (size_t d = 0; d < decisions_.size(); ++d) {
      if (decisions_[d].kind != Decision::Kind::kCategorical) continue;
      if (std::optional<Place> place = ReadPlace(decisions_[d].name)) {
        std::string cell = place->cell;
        cells[cell].emplace_back(d, *std::move(place));
      }
    }
    covered_.assign(decisions_.size(), false);
    std::vector<CellGraph> graphs;
    for (const auto& [name, places] : cells) {
      if (std::optional<CellGraph> graph = ReadOne(name, places)) {
        graphs.push_back(*std::move(graph));
        for (const auto& [decision, place] : places) covered_[decision] = true;
      }
    }
    return graphs;
  }

 private:
  std::optional<CellGraph> ReadOne(const std::string& name,
                                   const std::vector<std::pair<size_t, Place>>& places) const {
    CellGraph graph;
    graph.name_ = HashOf(name);
    graph.inputs_ = kMaxNodes;
    int last = 0;
    for (const auto& [decision, place] : places) {
      graph.inputs_ = std::min(graph.inputs_, place.to);
      if (place.to == kOut) graph.has_out_ = true;
      if (place.to != kOut) last = std::max(last, place.to);
      if (place.kind == 'e') last = std::max(last, place.from);
    }
    if (graph.inputs_ < 1 || graph.inputs_ >= kMaxNodes || places.size() < 2) return std::nullopt;
    graph.nodes_.resize(static_cast<size_t>(last) + (graph.has_out_ ? 2 : 1));
    graph.labels_.resize(decisions_.size());
    graph.kinds_.resize(decisions_.size());
    for (const auto& [decision, place] : places) {
      if (!Put(static_cast<int>(decision), place, graph)) return std::nullopt;
    }
    return graph;
  }

  bool Put(int decision, const Place& place, CellGraph& graph) const {
    const Decision& d = decisions_[decision];
    CellGraph::Node& node =
        graph.nodes_[place.to == kOut ? graph.nodes_.size() - 1 : static_cast<size_t>(place.to)];
    if (place.kind == 'f') {
      std::optional<std::vector<std::vector<int>>> chosen = ReadSources(d, place.to);
      if (!chosen) return false;
      for (const std::vector<int>& sources : *chosen) {
        for (const int from : sources) {
          if (static_cast<size_t>(from) >= graph.nodes_.size()) return false;
        }
      }
      node.from_decision = decision;
      node.chosen = *std::move(chosen);
      if (place.to != kOut) graph.chooses_sources_ = true;
      return true;
    }
    for (const std::string& option : d.options) {
      graph.labels_[decision].push_back(HashOf(option));
      graph.kinds_[decision].push_back(option == "none" ? 'n' : option == "skip" ? 's' : 'o');
    }
    if (place.kind == 'e') {
      node.links.push_back({place.from, decision});
    } else {
      node.op_decision = decision;
    }
    return true;
  }

  const std::vector<Decision>& decisions_;
  std::vector<bool>& covered_;
};

std::vector<CellGraph> CellGraph::Find(const SearchSpace& space, std::vector<bool>& covered) {
  return CellGraphReader(space, covered).Read();
}

CellGraph::Operation CellGraph::OperationAt(int decision, const Architecture& architecture) const {
  if (decision < 0 || !architecture.Has(decision)) return {};
  const auto option = static_cast<size_t>(architecture.values[decision]);
  const char kind = kinds_[decision][option];
  return {kind == 'n', kind == 's', labels_[decision][option]};
}

bool CellGraph::IsEnd(size_t node) const {
  if (has_out_ || !chooses_sources_) return node + 1 == nodes_.size();
  return node >= static_cast<size_t>(inputs_);
}

std::vector<std::vector<CellGraph::Live>> CellGraph::LinksOf(
    const Architecture& architecture) const {
  std::vector<std::vector<Live>> live(nodes_.size());
  for (size_t n = static_cast<size_t>(inputs_); n < nodes_.size(); ++n) {
    const Node& node = nodes_[n];
    std::vector<Link> links;
    if (node.from_decision >= 0 && architecture.Has(node.from_decision)) {
      for (const int from :
           node.chosen[static_cast<size_t>(architecture.values[node.from_decision])]) {
        links.push_back({from, -1});
        for (const Link& link : node.links) {
          if (link.from == from) links.back().decision = link.decision;
        }
      }
    } else if (node.from_decision < 0 && node.links.empty()) {
      for (size_t from = 0; from < n; ++from) links.push_back({static_cast<int>(from), -1});
    } else {
      links = node.links;
    }
    for (const Link& link : links) {
      const Operation operation = OperationAt(link.decision, architecture);
      if (!operation.dead) live[n].push_back({link.from, operation});
    }
  }
  return live;
}

double CellGraph::MostPaths() const {
  std::vector<double> ways(nodes_.size(), 0);
  double ends = 0;
  for (size_t n = 0; n < nodes_.size(); ++n) {
    if (n < static_cast<size_t>(inputs_)) {
      ways[n] = 1;
      continue;
    }
    const Node& node = nodes_[n];
    if (node.from_decision < 0 && node.links.empty()) {
      for (size_t from = 0; from < n; ++from) ways[n] += ways[from];
    } else if (node.from_decision < 0) {
      for (const Link& link : node.links) ways[n] += ways[link.from];
    }
    for (const std::vector<int>& sources : node.chosen) {
      double sum = 0;
      for (const int from : sources) sum += ways[from];
      ways[n] = std::max(ways[n], sum);
    }
    if (IsEnd(n)) ends += ways[n];
  }
  return ends;
}

void CellGraph::AddPaths(const Architecture& architecture, Features& paths) const {
  const std::vector<std::vector<Live>> links = LinksOf(architecture);
  // By node: the ways to it.
  std::vector<std::vector<uint64_t>> ways(nodes_.size());
  size_t added = 0;
  for (size_t n = 0; n < nodes_.size(); ++n) {
    if (n < static_cast<size_t>(inputs_)) {
      ways[n].push_back(Mix(name_, n + 1));
      continue;
    }
    const Operation own = OperationAt(nodes_[n].op_decision, architecture);
    for (const Live& link : links[n]) {
      for (const uint64_t way : ways[link.from]) {
        if (own.dead || ways[n].size() >= kMaxPaths) break;
        uint64_t on = link.operation.skip ? way : Mix(way, link.operation.label);
        if (!own.skip) on = Mix(on, own.label);
        ways[n].push_back(on);
      }
    }
    if (!IsEnd(n)) continue;
    for (const uint64_t way : ways[n]) {
      if (added++ < kMaxPaths) paths.push_back(way);
    }
  }
}

namespace {

// The graph of operations that one architecture leaves, while it is put together.
class Vertices {
 public:
  int Add(uint64_t label, const std::vector<int>& inputs) {
    vertices_.push_back({label, inputs, {}});
    return static_cast<int>(vertices_.size()) - 1;
  }
  // Drops what does not lead to `ends`, and fills in who reads whom.
  void Finish(const std::vector<int>& ends) {
    alive_.assign(vertices_.size(), false);
    for (const int end : ends) alive_[end] = true;
    for (size_t v = vertices_.size(); v-- > 0;) {
      if (!alive_[v]) continue;
      for (const int input : vertices_[v].inputs) {
        alive_[input] = true;
        vertices_[input].readers.push_back(static_cast<int>(v));
      }
    }
  }
  size_t size() const { return vertices_.size(); }
  bool IsAlive(size_t v) const { return alive_[v]; }
  const CellGraph::Vertex& operator[](size_t v) const { return vertices_[v]; }

 private:
  std::vector<CellGraph::Vertex> vertices_;
  std::vector<bool> alive_;
};

uint64_t Gathered(uint64_t own, const std::vector<int>& others,
                  const std::vector<uint64_t>& colours) {
  uint64_t sum = 0;  // of a multiset
  for (const int other : others) sum += Mix(colours[other], 0x9e3779b97f4a7c15);
  return Mix(own, sum);
}

}  // namespace

void CellGraph::AddRefined(const Architecture& architecture, std::vector<Features>& refined) const {
  const std::vector<std::vector<Live>> links = LinksOf(architecture);
  Vertices vertices;
  std::vector<std::vector<int>> delivers(nodes_.size());  // by node: the operations behind it
  std::vector<int> ends;
  for (size_t n = 0; n < nodes_.size(); ++n) {
    if (n < static_cast<size_t>(inputs_)) {
      delivers[n].push_back(vertices.Add(Mix(name_, n + 1), {}));
      continue;
    }
    const Operation own = OperationAt(nodes_[n].op_decision, architecture);
    if (own.dead) continue;
    std::vector<int> incoming;
    for (const Live& link : links[n]) {
      const std::vector<int>& sources = delivers[link.from];
      if (sources.empty()) continue;
      if (link.operation.label == 0) {
        incoming.insert(incoming.end(), sources.begin(), sources.end());
        continue;
      }
      incoming.push_back(vertices.Add(link.operation.skip ? kSkip : link.operation.label, sources));
    }
    if (!incoming.empty() && own.label != 0) {
      incoming = {vertices.Add(own.skip ? kSkip : own.label, incoming)};
    }
    delivers[n] = incoming;
    if (IsEnd(n)) ends.insert(ends.end(), incoming.begin(), incoming.end());
  }
  const int out = vertices.Add(Mix(name_, 0), ends);
  vertices.Finish({out});
  std::vector<uint64_t> towards_input(vertices.size());
  for (size_t v = 0; v < vertices.size(); ++v) towards_input[v] = vertices[v].label;
  std::vector<uint64_t> towards_output = towards_input;
  for (size_t height = 0; height < refined.size(); ++height) {
    if (height > 0) {
      const std::vector<uint64_t> in = towards_input;
      const std::vector<uint64_t> on = towards_output;
      for (size_t v = 0; v < vertices.size(); ++v) {
        towards_input[v] = Gathered(vertices[v].label, vertices[v].inputs, in);
        towards_output[v] = Gathered(vertices[v].label, vertices[v].readers, on);
      }
    }
    for (size_t v = static_cast<size_t>(inputs_); v + 1 < vertices.size(); ++v) {
      if (!vertices.IsAlive(v)) continue;
      refined[height].push_back(Mix(Mix(towards_input[v], name_), 2 * height));
      if (height > 0) refined[height].push_back(Mix(Mix(towards_output[v], name_), 2 * height + 1));
    }
  }
}

}  // namespace cambrian
