//===- ModelLimits.cpp - Models that ONNX's passes would not survive ------===//

#include "ModelLimits.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

#include <onnx/defs/schema.h>

#include <map>
#include <set>
#include <string>

using namespace llvm;
using namespace accopt::importer;

namespace {
/// Sums nodes bottom up, each function once.
class InlinedSize {
public:
  explicit InlinedSize(const onnx::ModelProto &model) {
    for (const onnx::FunctionProto &function : model.functions())
      functions[key(function.domain(), function.name(), function.overload())] =
          {&function};
  }

  template <typename Nodes>
  Expected<uint64_t> count(const Nodes &nodes, unsigned depth) {
    uint64_t total = 0;
    for (const onnx::NodeProto &node : nodes) {
      Expected<uint64_t> size = countNode(node, depth);
      if (!size)
        return size.takeError();
      total += *size;
      if (total > maxInlinedNodes)
        return createStringError(
            "expected at most " + Twine(maxInlinedNodes) +
            " nodes once functions are inlined, got more in '" +
            node.op_type() + "'");
    }
    return total;
  }

private:
  struct Function {
    const onnx::FunctionProto *proto = nullptr;
    /// Of its body, functions in it inlined; 0 is not known yet.
    uint64_t size = 0;
    bool isOpen = false;
  };

  static std::string key(const std::string &domain, const std::string &name,
                         const std::string &overload) {
    // Two names of one domain.
    std::string home = domain == "ai.onnx" ? "" : domain;
    return home + '\0' + name + '\0' + overload;
  }

  Expected<uint64_t> countNode(const onnx::NodeProto &node, unsigned depth) {
    uint64_t total = 1;
    for (const onnx::AttributeProto &attribute : node.attribute()) {
      Expected<uint64_t> size = count(attribute.g().node(), depth);
      if (!size)
        return size.takeError();
      total += *size;
      for (const onnx::GraphProto &graph : attribute.graphs()) {
        size = count(graph.node(), depth);
        if (!size)
          return size.takeError();
        total += *size;
      }
    }
    auto called =
        functions.find(key(node.domain(), node.op_type(), node.overload()));
    if (called == functions.end())
      return total;
    Function &function = called->second;
    if (function.isOpen)
      return createStringError(
          "function '" + node.op_type() +
          "': expected no recursion, got a call of itself");
    if (depth == maxCallDepth)
      return createStringError("function '" + node.op_type() +
                               "': expected at most " + Twine(maxCallDepth) +
                               " functions that call each other, got more");
    if (function.size == 0) {
      function.isOpen = true;
      Expected<uint64_t> size = count(function.proto->node(), depth + 1);
      if (!size)
        return size.takeError();
      function.isOpen = false;
      function.size = 1 + *size;
    }
    return total + function.size;
  }

  std::map<std::string, Function> functions;
};
} // namespace

Error accopt::importer::checkFunctions(const onnx::ModelProto &model) {
  InlinedSize sizes(model);
  if (Expected<uint64_t> size = sizes.count(model.graph().node(), 0); !size)
    return size.takeError();
  // The inliner looks at functions that nobody calls as well.
  for (const onnx::FunctionProto &function : model.functions())
    if (Expected<uint64_t> size = sizes.count(function.node(), 0); !size)
      return size.takeError();
  return Error::success();
}

Error accopt::importer::checkSplits(const onnx::GraphProto &graph) {
  for (const onnx::NodeProto &node : graph.node()) {
    if (node.op_type() != "Split")
      continue;
    for (const onnx::AttributeProto &attribute : node.attribute())
      if (attribute.name() == "num_outputs" &&
          attribute.i() != node.output_size())
        return createStringError(
            "node '" + node.name() + "' (Split): expected num_outputs to be " +
            Twine(node.output_size()) + ", the number of outputs, got " +
            Twine(attribute.i()));
  }
  return Error::success();
}

/// Values whose contents inference may spell out: all but vectors of unknown or
/// large length. Without a type nothing is known.
static std::set<std::string> followable(const onnx::GraphProto &graph) {
  std::set<std::string> names;
  auto add = [&](const onnx::ValueInfoProto &value) {
    const auto &type = value.type().tensor_type();
    if (!type.has_shape() || type.shape().dim_size() > 1)
      return;
    if (type.shape().dim_size() == 1 &&
        (!type.shape().dim(0).has_dim_value() ||
         type.shape().dim(0).dim_value() > maxPropagatedElements))
      return;
    names.insert(value.name());
  };
  for (const auto *list :
       {&graph.input(), &graph.value_info(), &graph.output()})
    for (const onnx::ValueInfoProto &value : *list)
      add(value);
  for (const onnx::TensorProto &tensor : graph.initializer())
    if (tensor.dims_size() == 0 ||
        (tensor.dims_size() == 1 && tensor.dims(0) <= maxPropagatedElements))
      names.insert(tensor.name());
  return names;
}

/// Values of more than one dimension, whose contents inference does not know.
static std::set<std::string> opaque(const onnx::GraphProto &graph) {
  std::set<std::string> names;
  for (const auto *list :
       {&graph.input(), &graph.value_info(), &graph.output()})
    for (const onnx::ValueInfoProto &value : *list)
      if (value.type().tensor_type().shape().dim_size() > 1)
        names.insert(value.name());
  for (const onnx::TensorProto &tensor : graph.initializer())
    if (tensor.dims_size() > 1)
      names.insert(tensor.name());
  return names;
}

/// Whether inference follows contents through the operator.
static bool followsContents(const onnx::NodeProto &node) {
  const onnx::OpSchema *schema =
      onnx::OpSchemaRegistry::Schema(node.op_type(), node.domain());
  return schema && schema->has_data_propagation_function();
}

Error accopt::importer::propagateData(
    onnx::ModelProto &model, function_ref<Error(onnx::ModelProto &)> infer) {
  onnx::GraphProto &graph = *model.mutable_graph();
  int kept = -1;
  for (unsigned round = 0; round < maxPropagationRounds; ++round) {
    std::set<std::string> small = followable(graph), other = opaque(graph);
    auto isBounded = [&](const onnx::NodeProto &node) {
      auto isKnown = [&](const std::string &name) {
        return name.empty() || small.count(name) || other.count(name);
      };
      return !followsContents(node) || llvm::all_of(node.input(), isKnown);
    };
    // Nodes that are not bounded step aside for the time of inference.
    google::protobuf::RepeatedPtrField<onnx::NodeProto> nodes, within;
    nodes.Swap(graph.mutable_node());
    for (const onnx::NodeProto &node : nodes)
      if (isBounded(node))
        *within.Add() = node;
    int count = within.size();
    graph.mutable_node()->Swap(&within);
    Error error = infer(model);
    graph.mutable_node()->Swap(&nodes);
    if (error)
      return error;
    if (count == kept || count == graph.node_size())
      break;
    kept = count;
  }
  return Error::success();
}
