//===- CutModel.cpp - A part of a network, by names of tensors ------------===//
//
// What a network ends in need not be what runs on an accelerator: detectors end
// in NonMaxSuppression, whose results have as many rows as there are objects.
// The user names the tensors at which the compiled part begins and ends; a walk
// from its ends backwards finds the nodes, constants and inputs that it needs.
//
//===----------------------------------------------------------------------===//

#include "CutModel.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;
using namespace accopt;
using namespace accopt::importer;

void accopt::importer::forEachRead(
    const onnx::NodeProto &node,
    function_ref<void(const std::string &)> visit) {
  for (const std::string &input : node.input())
    if (!input.empty())
      visit(input);
  for (const onnx::AttributeProto &attribute : node.attribute()) {
    if (!attribute.has_g())
      continue;
    for (const onnx::NodeProto &inner : attribute.g().node())
      forEachRead(inner, visit);
    // A body may give on what it has not made.
    for (const onnx::ValueInfoProto &output : attribute.g().output())
      visit(output.name());
  }
}

//===----------------------------------------------------------------------===//
// Cutting
//===----------------------------------------------------------------------===//

namespace {

/// Removes the elements of a list at whose places `isKept` does not hold.
template <typename List, typename Fn> void keepWhere(List &list, Fn isKept) {
  int kept = 0;
  for (int i = 0; i < list.size(); ++i)
    if (isKept(i))
      list.SwapElements(i, kept++);
  list.DeleteSubrange(kept, list.size() - kept);
}

class Cutter {
public:
  Cutter(OnnxModel &model, const ImportOptions &options,
         function_ref<Error(onnx::ModelProto &)> infer)
      : model(model), graph(*model.proto.mutable_graph()), options(options),
        infer(infer), begins(options.inputs.begin(), options.inputs.end()) {}

  Error run();

private:
  void indexTensors();
  Error checkNames(ArrayRef<std::string> names, StringRef flag) const;
  std::string nearestNames(StringRef name) const;
  void setOutputs();
  void findNeeded(ArrayRef<std::string> ends);
  Error checkInputs() const;
  Error inferBegins(onnx::ModelProto &copy);
  Error setInputs();
  std::optional<onnx::TypeProto> findType(const onnx::GraphProto &graph,
                                          const std::string &name) const;
  void drop();

  OnnxModel &model;
  onnx::GraphProto &graph;
  const ImportOptions &options;
  function_ref<Error(onnx::ModelProto &)> infer;
  std::set<std::string> begins;
  /// The node that makes each tensor; -1 for inputs and constants.
  std::map<std::string, int> makers;
  std::set<std::string> needed;
  std::set<int> neededNodes;
};

} // namespace

void Cutter::indexTensors() {
  for (const onnx::ValueInfoProto &input : graph.input())
    makers.try_emplace(input.name(), -1);
  for (const onnx::TensorProto &tensor : graph.initializer())
    makers.try_emplace(tensor.name(), -1);
  for (int i = 0; i < graph.node_size(); ++i)
    for (const std::string &output : graph.node(i).output())
      if (!output.empty())
        makers.try_emplace(output, i);
}

/// What the user may have meant: the results of a node of that name, else the
/// names of the fewest changes.
std::string Cutter::nearestNames(StringRef name) const {
  constexpr size_t shown = 3;
  std::vector<std::string> found;
  for (const onnx::NodeProto &node : graph.node())
    if (node.name() == name)
      for (const std::string &output : node.output())
        if (!output.empty() && found.size() < shown)
          found.push_back(output);
  std::vector<std::pair<unsigned, std::string>> near;
  if (found.empty())
    for (const auto &[tensor, maker] : makers)
      near.emplace_back(name.edit_distance(tensor), tensor);
  sort(near);
  for (size_t i = 0; i < std::min(near.size(), shown); ++i)
    found.push_back(near[i].second);
  return "'" + join(found, "', '") + "'";
}

Error Cutter::checkNames(ArrayRef<std::string> names, StringRef flag) const {
  std::set<std::string> seen;
  for (const std::string &name : names) {
    if (!makers.count(name))
      return createStringError("expected names of the graph's tensors in " +
                               flag + ", got '" + name + "'; the nearest are " +
                               nearestNames(name));
    if (!seen.insert(name).second)
      return createStringError("expected each name once in " + flag +
                               ", got '" + name + "' twice");
  }
  return Error::success();
}

/// An output of the file stays as it is declared. Another has the type that
/// inference will find.
void Cutter::setOutputs() {
  std::map<std::string, onnx::ValueInfoProto> declared;
  for (const onnx::ValueInfoProto &output : graph.output())
    declared[output.name()] = output;
  graph.clear_output();
  for (const std::string &name : options.outputs) {
    onnx::ValueInfoProto &output = *graph.add_output();
    if (auto known = declared.find(name); known != declared.end()) {
      output = known->second;
      continue;
    }
    output.set_name(name);
    output.mutable_type()->mutable_tensor_type()->set_elem_type(
        onnx::TensorProto::UNDEFINED);
  }
}

/// Walks from `ends` back to constants, inputs and where the network begins.
void Cutter::findNeeded(ArrayRef<std::string> ends) {
  needed.clear();
  neededNodes.clear();
  SmallVector<std::string> open;
  auto need = [&](const std::string &name) {
    if (needed.insert(name).second)
      open.push_back(name);
  };
  for (const std::string &end : ends)
    need(end);
  while (!open.empty()) {
    std::string name = open.pop_back_val();
    auto maker = makers.find(name);
    if (begins.count(name) || maker == makers.end() || maker->second < 0 ||
        !neededNodes.insert(maker->second).second)
      continue;
    forEachRead(graph.node(maker->second), need);
  }
}

/// Where inputs are named, the outputs depend on these alone, and on all.
Error Cutter::checkInputs() const {
  std::set<std::string> constants;
  for (const onnx::TensorProto &tensor : graph.initializer())
    constants.insert(tensor.name());
  for (const auto &[name, weight] : model.weights)
    constants.insert(name);
  for (const std::string &name : options.inputs)
    if (!needed.count(name) || constants.count(name))
      return createStringError(
          "expected computed tensors that the outputs depend on in --inputs, "
          "got '" +
          name + "'");
  for (const onnx::ValueInfoProto &input : graph.input())
    if (needed.count(input.name()) && !begins.count(input.name()) &&
        !constants.count(input.name()))
      return createStringError("expected in --inputs all that the outputs "
                               "depend on, got none for input '" +
                               input.name() + "'");
  return Error::success();
}

std::optional<onnx::TypeProto> Cutter::findType(const onnx::GraphProto &graph,
                                                const std::string &name) const {
  for (const auto *list :
       {&graph.input(), &graph.value_info(), &graph.output()})
    for (const onnx::ValueInfoProto &info : *list)
      if (info.name() == name && info.type().has_tensor_type() &&
          info.type().tensor_type().elem_type() != onnx::TensorProto::UNDEFINED)
        return info.type();
  return std::nullopt;
}

/// Infers the types of the tensors at which the network begins, in a copy that
/// has only what lies before: not all of the rest may be sound.
Error Cutter::inferBegins(onnx::ModelProto &copy) {
  copy = model.proto;
  copy.mutable_graph()->clear_output();
  begins.clear();
  findNeeded(options.inputs);
  begins.insert(options.inputs.begin(), options.inputs.end());
  keepWhere(*copy.mutable_graph()->mutable_node(),
            [&](int i) { return neededNodes.count(i) != 0; });
  return infer(copy);
}

/// Makes inputs of the tensors at which the network begins.
Error Cutter::setInputs() {
  bool isKnown = all_of(options.inputs, [&](const std::string &name) {
    return findType(graph, name).has_value();
  });
  onnx::ModelProto inferred;
  if (!isKnown)
    if (Error error = inferBegins(inferred))
      return error;
  std::vector<onnx::ValueInfoProto> inputs;
  for (const std::string &name : options.inputs) {
    std::optional<onnx::TypeProto> type = findType(graph, name);
    if (!type)
      type = findType(inferred.graph(), name);
    if (!type)
      return createStringError("expected tensors of known type in --inputs, "
                               "got '" +
                               name + "'");
    if (!type->tensor_type().has_shape() && !options.inputShapes.count(name))
      return createStringError("input '" + name +
                               "': expected a static shape, "
                               "got one of unknown rank; give one, e.g. "
                               "--input-shape=" +
                               name + "=1x3x224x224");
    inputs.emplace_back().set_name(name);
    *inputs.back().mutable_type() = *type;
  }
  auto &given = *graph.mutable_input();
  for (int i = given.size() - 1; i >= 0; --i)
    if (begins.count(given[i].name()))
      given.DeleteSubrange(i, 1);
  for (const onnx::ValueInfoProto &input : inputs)
    *graph.add_input() = input;
  // A node that is needed for another of its results makes this one, too.
  for (onnx::NodeProto &node : *graph.mutable_node())
    for (std::string &output : *node.mutable_output())
      if (begins.count(output))
        output += "\nbefore the cut";
  for (const std::string &name : options.inputs)
    makers[name] = -1;
  return Error::success();
}

/// Removes what is not needed.
void Cutter::drop() {
  keepWhere(*graph.mutable_node(),
            [&](int i) { return neededNodes.count(i) != 0; });
  auto isNeeded = [&](const auto &list) {
    return [&](int i) { return needed.count(list[i].name()) != 0; };
  };
  keepWhere(*graph.mutable_initializer(), isNeeded(graph.initializer()));
  keepWhere(*graph.mutable_input(), isNeeded(graph.input()));
  keepWhere(*graph.mutable_value_info(), [&](int i) {
    const std::string &name = graph.value_info(i).name();
    return needed.count(name) && !begins.count(name);
  });
  for (auto weight = model.weights.begin(); weight != model.weights.end();)
    weight = needed.count(weight->first) ? std::next(weight)
                                         : model.weights.erase(weight);
}

Error Cutter::run() {
  indexTensors();
  if (Error error = checkNames(options.inputs, "--inputs"))
    return error;
  if (Error error = checkNames(options.outputs, "--outputs"))
    return error;
  if (!options.outputs.empty())
    setOutputs();
  std::vector<std::string> ends;
  for (const onnx::ValueInfoProto &output : graph.output())
    ends.push_back(output.name());
  if (!options.inputs.empty()) {
    findNeeded(ends);
    if (Error error = checkInputs())
      return error;
    if (Error error = setInputs())
      return error;
  }
  findNeeded(ends);
  drop();
  return Error::success();
}

Error accopt::importer::cutModel(
    OnnxModel &model, const ImportOptions &options,
    function_ref<Error(onnx::ModelProto &)> infer) {
  if (options.inputs.empty() && options.outputs.empty())
    return Error::success();
  return Cutter(model, options, infer).run();
}

//===----------------------------------------------------------------------===//
// Where to cut
//===----------------------------------------------------------------------===//

namespace {

/// Which tensors of a graph can be computed without some of its nodes.
class FrontierFinder {
public:
  FrontierFinder(const OnnxModel &model, const std::set<std::string> &missing)
      : model(model), graph(model.proto.graph()), missing(missing) {}

  std::vector<std::string> run();

private:
  void findFed();
  void findLive();
  bool spread();
  bool isComputed(const std::string &name) const {
    return fed.count(name) && !missing.count(name);
  }

  const OnnxModel &model;
  const onnx::GraphProto &graph;
  std::set<std::string> missing;
  /// Tensors that depend on an input, and that an output depends on.
  std::set<std::string> fed, live;
  std::set<std::string> inputs;
};

} // namespace

void FrontierFinder::findFed() {
  std::set<std::string> constants;
  for (const onnx::TensorProto &tensor : graph.initializer())
    constants.insert(tensor.name());
  for (const onnx::ValueInfoProto &input : graph.input())
    if (!constants.count(input.name()) && !model.weights.count(input.name()))
      inputs.insert(input.name());
  for (const onnx::NodeProto &node : graph.node()) {
    bool isFed = false;
    // What a Shape gives is a constant, as shapes are static.
    if (node.op_type() != "Shape" && node.op_type() != "Size")
      forEachRead(node, [&](const std::string &name) {
        isFed |= fed.count(name) || inputs.count(name);
      });
    if (isFed)
      fed.insert(node.output().begin(), node.output().end());
  }
}

void FrontierFinder::findLive() {
  for (const onnx::ValueInfoProto &output : graph.output())
    live.insert(output.name());
  for (int i = graph.node_size() - 1; i >= 0; --i) {
    const onnx::NodeProto &node = graph.node(i);
    if (any_of(node.output(),
               [&](const std::string &name) { return live.count(name) != 0; }))
      forEachRead(node, [&](const std::string &name) { live.insert(name); });
  }
}

/// What reads a missing tensor is missing, and so is what the file has no name
/// for, where it would be an end: a node that conversion put in goes with what
/// reads it. Answers whether anything was.
bool FrontierFinder::spread() {
  size_t before = missing.size();
  for (const onnx::NodeProto &node : graph.node()) {
    bool isMissing = false;
    forEachRead(node, [&](const std::string &name) {
      isMissing |= missing.count(name) != 0;
    });
    for (const std::string &output : node.output())
      isMissing |= missing.count(output) != 0;
    if (!isMissing)
      continue;
    missing.insert(node.output().begin(), node.output().end());
    forEachRead(node, [&](const std::string &name) {
      if (isComputed(name) && !model.producers.count(name))
        missing.insert(name);
    });
  }
  return missing.size() != before;
}

std::vector<std::string> FrontierFinder::run() {
  findFed();
  findLive();
  while (spread())
    ;
  std::set<std::string> ends;
  for (const onnx::ValueInfoProto &output : graph.output())
    ends.insert(output.name());
  for (const onnx::NodeProto &node : graph.node())
    if (any_of(node.output(), [&](const std::string &name) {
          return missing.count(name) && live.count(name);
        }))
      forEachRead(node, [&](const std::string &name) { ends.insert(name); });
  std::vector<std::string> frontier;
  for (const onnx::NodeProto &node : graph.node())
    for (const std::string &output : node.output())
      if (ends.count(output) && isComputed(output))
        frontier.push_back(output);
  return frontier;
}

std::vector<std::string>
accopt::importer::findFrontier(const OnnxModel &model,
                               const std::set<std::string> &missing) {
  return FrontierFinder(model, missing).run();
}

std::string accopt::importer::printOutputsFlag(ArrayRef<std::string> names) {
  std::string list = join(names, ",");
  bool isPlain = all_of(list, [](char c) {
    return isAlnum(c) || StringRef("/._-:,+@%").contains(c);
  });
  if (isPlain)
    return "--outputs=" + list;
  std::string quoted = "--outputs='";
  for (char c : list)
    quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}
