#include "common/nas/network.h"

#include <algorithm>
#include <cctype>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_split.h"
#include "common/base/status.h"

namespace cambrian {
namespace {

using nlohmann::json;

constexpr size_t kMostOperations = 100'000;
constexpr size_t kMostInputs = 10'000;
constexpr size_t kMostText = 1'000;  // bytes of a place, and of a decision's name
constexpr size_t kMostDecisions = 10'000;
constexpr int64_t kBytesPerValue = 4;

// Only operations with one input cost anything, so their first input is all that counting needs.
absl::Span<const Shape> FirstInput(const Network& network, const Operation& operation) {
  const Shape& shape =
      operation.inputs.empty() ? operation.shape : network.operations[operation.inputs[0]].shape;
  return absl::MakeConstSpan(&shape, 1);
}

absl::StatusOr<int64_t> ReadWhole(const json& value, absl::string_view what, int64_t most) {
  // A large unsigned number would become a negative one.
  const bool fits =
      value.is_number_unsigned()
          ? value.get<uint64_t>() <= static_cast<uint64_t>(most)
          : value.is_number_integer() && value.get<int64_t>() >= 0 && value.get<int64_t>() <= most;
  if (fits) return value.get<int64_t>();
  return absl::InvalidArgumentError(absl::StrCat(what, " must be a whole number from 0 to ", most));
}

absl::StatusOr<std::vector<int64_t>> ReadWholes(const json& value, absl::string_view what,
                                                size_t most_items, int64_t most) {
  if (!value.is_array() || value.size() > most_items) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " must be a list of at most ", most_items, " numbers"));
  }
  std::vector<int64_t> numbers;
  numbers.reserve(value.size());
  for (const json& item : value) {
    ASSIGN_OR_RETURN(const int64_t number, ReadWhole(item, what, most));
    numbers.push_back(number);
  }
  return numbers;
}

absl::StatusOr<std::string> ReadText(const json& value, absl::string_view what) {
  if (!value.is_string() || value.get_ref<const std::string&>().size() > kMostText) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " must be a text of at most ", kMostText, " bytes"));
  }
  return value.get<std::string>();
}

absl::StatusOr<const json*> Member(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return absl::InvalidArgumentError(absl::StrCat("no \"", key, "\""));
  return &*found;
}

absl::Status ReadArgument(const json& value, const ArgumentField& field,
                          OperationArguments& arguments) {
  if (const auto* whole = std::get_if<int64_t OperationArguments::*>(&field.member)) {
    ASSIGN_OR_RETURN(arguments.**whole, ReadWhole(value, field.name, field.high));
  } else if (const auto* list =
                 std::get_if<std::vector<int64_t> OperationArguments::*>(&field.member)) {
    ASSIGN_OR_RETURN(arguments.**list, ReadWholes(value, field.name, 2, field.high));
  } else if (const auto* flag = std::get_if<bool OperationArguments::*>(&field.member)) {
    if (!value.is_boolean()) {
      return absl::InvalidArgumentError(absl::StrCat(field.name, " must be true or false"));
    }
    arguments.** flag = value.get<bool>();
  } else {
    if (!value.is_number()) {
      return absl::InvalidArgumentError(absl::StrCat(field.name, " must be a number"));
    }
    arguments.*std::get<double OperationArguments::*>(field.member) = value.get<double>();
  }
  return absl::OkStatus();
}

absl::Status ReadArguments(const json& value, Operation& operation) {
  if (!value.is_object()) return absl::InvalidArgumentError("arguments must be an object");
  const auto fields = ArgumentsOf(operation.kind);
  for (const auto& [name, argument] : value.items()) {
    const auto field =
        std::find_if(fields.begin(), fields.end(),
                     [&name = name](const ArgumentField* f) { return f->name == name; });
    if (field == fields.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat(OperationName(operation.kind), " has no argument \"", name, "\""));
    }
    RETURN_IF_ERROR(ReadArgument(argument, **field, operation.arguments));
  }
  return absl::OkStatus();
}

absl::StatusOr<Shape> ReadShape(const json& value) {
  ASSIGN_OR_RETURN(std::vector<int64_t> sizes, ReadWholes(value, "shape", 3, 1'000'000));
  if (sizes.empty()) return absl::InvalidArgumentError("shape is empty");
  return Shape{sizes[0], {sizes.begin() + 1, sizes.end()}};
}

// What PyTorch takes for the path of a module: "cell_2.edge_0_1.conv".
bool IsModulePath(absl::string_view place) {
  for (const absl::string_view name : absl::StrSplit(place, '.')) {
    const bool valid = !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
      return std::isalnum(c) || c == '_';
    });
    if (!valid) return false;
  }
  return true;
}

// Reads all that one operation says by itself.
absl::StatusOr<Operation> ReadOperation(const json& value) {
  if (!value.is_object()) return absl::InvalidArgumentError("must be an object");
  Operation operation;
  ASSIGN_OR_RETURN(const json* kind, Member(value, "op"));
  ASSIGN_OR_RETURN(const std::string name, ReadText(*kind, "op"));
  ASSIGN_OR_RETURN(operation.kind, ParseOperationKind(name));
  ASSIGN_OR_RETURN(const json* inputs, Member(value, "inputs"));
  ASSIGN_OR_RETURN(const std::vector<int64_t> indices,
                   ReadWholes(*inputs, "inputs", kMostInputs, kMostOperations));
  operation.inputs.assign(indices.begin(), indices.end());
  if (const auto arguments = value.find("arguments"); arguments != value.end()) {
    RETURN_IF_ERROR(ReadArguments(*arguments, operation));
  }
  ASSIGN_OR_RETURN(const json* shape, Member(value, "shape"));
  ASSIGN_OR_RETURN(operation.shape, ReadShape(*shape));
  ASSIGN_OR_RETURN(const json* place, Member(value, "place"));
  ASSIGN_OR_RETURN(operation.place, ReadText(*place, "place"));
  if (!IsModulePath(operation.place)) {
    return absl::InvalidArgumentError("place must be names of letters, digits and _ with dots");
  }
  if (const auto decisions = value.find("decisions"); decisions != value.end()) {
    if (!decisions->is_array() || decisions->size() > kMostDecisions) {
      return absl::InvalidArgumentError("decisions must be a list of names");
    }
    for (const json& decision : *decisions) {
      ASSIGN_OR_RETURN(std::string text, ReadText(decision, "a decision"));
      operation.decisions.push_back(std::move(text));
    }
  }
  return operation;
}

// Checks what the operation says against those before it.
absl::Status CheckOperation(const Operation& operation, const std::vector<Operation>& before) {
  if ((operation.kind == OperationKind::kInput) != before.empty()) {
    return absl::InvalidArgumentError("the first operation, and only it, must be the input");
  }
  std::vector<Shape> shapes;
  for (const int input : operation.inputs) {
    if (input >= static_cast<int>(before.size())) {
      return absl::InvalidArgumentError(absl::StrCat("reads ", input, ", which comes later"));
    }
    shapes.push_back(before[input].shape);
  }
  if (before.empty()) {
    if (!operation.inputs.empty()) return absl::InvalidArgumentError("the input reads something");
    shapes.push_back(operation.shape);
  }
  ASSIGN_OR_RETURN(const Shape shape, OutputShape(operation.kind, operation.arguments, shapes));
  if (shape == operation.shape) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("its shape is ", shape.ToString(), ", not ", operation.shape.ToString()));
}

// Checks what only the whole network shows.
absl::Status CheckWhole(const Network& network) {
  std::vector<bool> read(network.operations.size(), false);
  for (const Operation& operation : network.operations) {
    for (const int input : operation.inputs) read[input] = true;
  }
  read.back() = true;
  if (const auto dead = std::find(read.begin(), read.end(), false); dead != read.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("operation ", dead - read.begin(), ": nothing reads it"));
  }
  const Shape& out = network.operations.back().shape;
  if (!out.axes.empty() || out.channels < 2) {
    return absl::InvalidArgumentError(absl::StrCat("the last operation gives ", out.ToString(),
                                                   "; it must give two classes or more"));
  }
  return absl::OkStatus();
}

}  // namespace

int64_t Network::Parameters() const {
  int64_t sum = 0;
  for (const Operation& operation : operations) {
    sum += ParameterCount(operation.kind, operation.arguments, FirstInput(*this, operation));
  }
  return sum;
}

int64_t Network::Macs() const {
  int64_t sum = 0;
  for (const Operation& operation : operations) {
    sum += MacCount(operation.kind, operation.arguments, FirstInput(*this, operation));
  }
  return sum;
}

int64_t Network::PeakMemoryBytes() const {
  std::vector<size_t> last_reader(operations.size());
  for (size_t i = 0; i < operations.size(); ++i) {
    for (const int input : operations[i].inputs) last_reader[input] = i;
  }
  int64_t live = 0;
  int64_t peak = 0;
  for (size_t i = 0; i < operations.size(); ++i) {
    live += operations[i].shape.Elements();
    peak = std::max(peak, live);
    for (const int input : operations[i].inputs) {
      if (last_reader[input] != i) continue;
      live -= operations[input].shape.Elements();
      last_reader[input] = operations.size();  // an operation may read one value twice
    }
  }
  return (peak + Parameters()) * kBytesPerValue;
}

json ToJson(const Network& network) {
  json operations = json::array();
  for (const Operation& operation : network.operations) {
    json arguments = json::object();
    for (const ArgumentField* field : ArgumentsOf(operation.kind)) {
      std::visit(
          [&](auto member) { arguments[std::string(field->name)] = operation.arguments.*member; },
          field->member);
    }
    std::vector<int64_t> shape = {operation.shape.channels};
    shape.insert(shape.end(), operation.shape.axes.begin(), operation.shape.axes.end());
    operations.push_back({{"op", std::string(OperationName(operation.kind))},
                          {"inputs", operation.inputs},
                          {"arguments", std::move(arguments)},
                          {"shape", std::move(shape)},
                          {"place", operation.place},
                          {"decisions", operation.decisions}});
  }
  return {{"operations", std::move(operations)}};
}

absl::StatusOr<Network> NetworkFromJson(const json& value) {
  if (!value.is_object()) return absl::InvalidArgumentError("a network must be an object");
  ASSIGN_OR_RETURN(const json* list, Member(value, "operations"));
  if (!list->is_array() || list->empty() || list->size() > kMostOperations) {
    return absl::InvalidArgumentError(
        absl::StrCat("operations must be a list of 1 to ", kMostOperations));
  }
  Network network;
  network.operations.reserve(list->size());
  absl::flat_hash_set<std::string> places;
  for (const json& item : *list) {
    const std::string where = absl::StrCat("operation ", network.operations.size());
    absl::StatusOr<Operation> operation = ReadOperation(item);
    if (!operation.ok()) return Annotate(operation.status(), where);
    RETURN_IF_ERROR(Annotate(CheckOperation(*operation, network.operations),
                             absl::StrCat(where, " (", operation->place, ")")));
    if (!places.insert(operation->place).second) {
      return absl::InvalidArgumentError(
          absl::StrCat(where, ": place \"", operation->place, "\" is taken"));
    }
    network.operations.push_back(*std::move(operation));
  }
  RETURN_IF_ERROR(CheckWhole(network));
  return network;
}

}  // namespace cambrian
