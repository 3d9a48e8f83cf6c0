//===- InferenceGuards.cpp - What ONNX's inference would crash on ---------===//

#include "InferenceGuards.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"

#include <set>
#include <string>

using namespace llvm;
using namespace accopt::importer;

static Error failAt(const onnx::NodeProto &node, const Twine &message) {
  return createStringError("node '" + node.name() + "' (" + node.op_type() +
                           "): " + message);
}

/// ONNX counts the letters of a term and then reads a dimension for each sign.
static Error checkEquation(const onnx::NodeProto &node, StringRef equation) {
  for (StringRef term : split(equation.split("->").first, ',')) {
    std::string signs = term.str();
    llvm::erase(signs, ' ');
    if (size_t dots = signs.find("..."); dots != std::string::npos)
      signs.erase(dots, 3);
    if (!llvm::all_of(signs, [](char c) { return isAlpha(c); }))
      return failAt(node, "expected letters and '...' in the equation, got '" +
                              term + "'");
  }
  return Error::success();
}

/// Calls `visit` for the nodes of `graph` and of the graphs in them.
template <typename Visit>
static void visitNodes(const onnx::GraphProto &graph, Visit visit) {
  for (const onnx::NodeProto &node : graph.node()) {
    visit(graph, node);
    for (const onnx::AttributeProto &attribute : node.attribute())
      if (attribute.has_g())
        visitNodes(attribute.g(), visit);
  }
}

Error accopt::importer::checkEquations(const onnx::GraphProto &graph) {
  Error error = Error::success();
  visitNodes(graph, [&](auto &, const onnx::NodeProto &node) {
    if (node.op_type() != "Einsum" || error)
      return;
    for (const onnx::AttributeProto &attribute : node.attribute())
      if (attribute.name() == "equation")
        error =
            joinErrors(std::move(error), checkEquation(node, attribute.s()));
  });
  return error;
}

/// Moves the type that an EyeLike asks for into a Cast behind it.
static void castEyes(onnx::GraphProto &graph) {
  onnx::GraphProto with;
  for (onnx::NodeProto &node : *graph.mutable_node()) {
    onnx::NodeProto &eye = *with.add_node() = std::move(node);
    auto &attributes = *eye.mutable_attribute();
    for (onnx::AttributeProto &attribute : attributes)
      if (attribute.has_g())
        castEyes(*attribute.mutable_g());
    auto type = llvm::find_if(attributes, [](const auto &attribute) {
      return attribute.name() == "dtype";
    });
    if (eye.op_type() != "EyeLike" || type == attributes.end() ||
        eye.output_size() == 0)
      continue;
    onnx::NodeProto cast;
    cast.set_op_type("Cast");
    cast.add_input(eye.output(0) + "/untyped");
    cast.add_output(eye.output(0));
    *cast.add_attribute() = *type;
    cast.mutable_attribute(0)->set_name("to");
    eye.set_output(0, cast.input(0));
    attributes.erase(type);
    *with.add_node() = std::move(cast);
  }
  graph.mutable_node()->Swap(with.mutable_node());
}

std::optional<onnx::ModelProto>
accopt::importer::withCastEyes(const onnx::ModelProto &model) {
  bool hasEyes = false;
  visitNodes(model.graph(), [&](auto &, const onnx::NodeProto &node) {
    hasEyes |= node.op_type() == "EyeLike";
  });
  if (!hasEyes)
    return std::nullopt;
  onnx::ModelProto result = model;
  castEyes(*result.mutable_graph());
  return result;
}

Error accopt::importer::checkEyeInputs(const onnx::ModelProto &model) {
  std::set<std::string> typed;
  auto add = [&](const auto &values) {
    for (const onnx::ValueInfoProto &value : values)
      if (value.type().value_case() != onnx::TypeProto::VALUE_NOT_SET)
        typed.insert(value.name());
  };
  auto addGraph = [&](const onnx::GraphProto &graph) {
    add(graph.input());
    add(graph.output());
    add(graph.value_info());
    for (const onnx::TensorProto &tensor : graph.initializer())
      typed.insert(tensor.name());
  };
  const onnx::NodeProto *wrong = nullptr;
  const onnx::GraphProto *last = nullptr;
  visitNodes(model.graph(), [&](const onnx::GraphProto &graph, auto &) {
    if (&graph != last)
      addGraph(graph);
    last = &graph;
  });
  visitNodes(model.graph(), [&](auto &, const onnx::NodeProto &node) {
    if (!wrong && node.op_type() == "EyeLike" && node.input_size() > 0 &&
        !typed.count(node.input(0)))
      wrong = &node;
  });
  return wrong ? failAt(*wrong, "expected an input of known type, got '" +
                                    wrong->input(0) + "' of none")
               : Error::success();
}
