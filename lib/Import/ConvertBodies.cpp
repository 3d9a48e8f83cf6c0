//===- ConvertBodies.cpp - Bodies of If, Loop and Scan to one opset -------===//

#include "ConvertBodies.h"

#include <map>
#include <set>
#include <string>

using namespace llvm;
using namespace accopt::importer;

namespace {
using Types = std::map<std::string, onnx::TypeProto>;

/// Walks the graphs in attributes, with what is known of the values around.
class BodyConverter {
public:
  BodyConverter(const onnx::ModelProto &model,
                function_ref<Error(onnx::ModelProto &)> convert)
      : model(model), convert(convert) {}

  Error convertIn(onnx::GraphProto &graph, Types types);

private:
  Error convertBody(onnx::GraphProto &body, const Types &outer);

  const onnx::ModelProto &model;
  function_ref<Error(onnx::ModelProto &)> convert;
};
} // namespace

static void addTypes(const onnx::GraphProto &graph, Types &types) {
  for (const auto *list :
       {&graph.value_info(), &graph.input(), &graph.output()})
    for (const onnx::ValueInfoProto &info : *list)
      types[info.name()] = info.type();
  for (const onnx::TensorProto &tensor : graph.initializer()) {
    auto &type = *types[tensor.name()].mutable_tensor_type();
    type.Clear();
    type.set_elem_type(tensor.data_type());
    for (int64_t size : tensor.dims())
      type.mutable_shape()->add_dim()->set_dim_value(size);
  }
}

/// Names that a graph and those inside of it read and do not define.
static void collectFree(const onnx::GraphProto &graph,
                        std::set<std::string> defined,
                        std::set<std::string> &free) {
  for (const onnx::ValueInfoProto &input : graph.input())
    defined.insert(input.name());
  for (const onnx::TensorProto &tensor : graph.initializer())
    defined.insert(tensor.name());
  auto read = [&](const std::string &name) {
    if (!name.empty() && !defined.count(name))
      free.insert(name);
  };
  for (const onnx::NodeProto &node : graph.node()) {
    for (const std::string &input : node.input())
      read(input);
    for (const onnx::AttributeProto &attribute : node.attribute()) {
      if (attribute.has_g())
        collectFree(attribute.g(), defined, free);
      for (const onnx::GraphProto &body : attribute.graphs())
        collectFree(body, defined, free);
    }
    defined.insert(node.output().begin(), node.output().end());
  }
  for (const onnx::ValueInfoProto &output : graph.output())
    read(output.name());
}

Error BodyConverter::convertBody(onnx::GraphProto &body, const Types &outer) {
  if (Error error = convertIn(body, outer))
    return error;
  onnx::ModelProto alone;
  alone.set_ir_version(model.ir_version());
  *alone.mutable_opset_import() = model.opset_import();
  onnx::GraphProto &graph = *alone.mutable_graph();
  graph.Swap(&body);
  if (graph.name().empty())
    graph.set_name("body");
  std::set<std::string> free;
  collectFree(graph, {}, free);
  int inputs = graph.input_size();
  for (const std::string &name : free) {
    onnx::ValueInfoProto &input = *graph.add_input();
    input.set_name(name);
    if (auto known = outer.find(name); known != outer.end())
      *input.mutable_type() = known->second;
  }
  Error error = convert(alone);
  onnx::GraphProto &result = *alone.mutable_graph();
  while (result.input_size() > inputs)
    result.mutable_input()->RemoveLast();
  body.Swap(&result);
  return error;
}

Error BodyConverter::convertIn(onnx::GraphProto &graph, Types types) {
  bool hasBodies = false;
  for (const onnx::NodeProto &node : graph.node())
    for (const onnx::AttributeProto &attribute : node.attribute())
      hasBodies |= attribute.has_g() || attribute.graphs_size() > 0;
  if (!hasBodies)
    return Error::success();
  addTypes(graph, types);
  for (onnx::NodeProto &node : *graph.mutable_node())
    for (onnx::AttributeProto &attribute : *node.mutable_attribute()) {
      if (attribute.has_g())
        if (Error error = convertBody(*attribute.mutable_g(), types))
          return error;
      for (onnx::GraphProto &body : *attribute.mutable_graphs())
        if (Error error = convertBody(body, types))
          return error;
    }
  return Error::success();
}

Error accopt::importer::convertBodies(
    onnx::ModelProto &model, function_ref<Error(onnx::ModelProto &)> convert) {
  BodyConverter converter(model, convert);
  return converter.convertIn(*model.mutable_graph(), {});
}
