//===- ModelLimits.cpp - Models that ONNX's passes would not survive ------===//

#include "ModelLimits.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"

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

static Error checkNode(const onnx::NodeProto &node) {
  for (const onnx::AttributeProto &attribute : node.attribute()) {
    if (node.op_type() == "Split" && attribute.name() == "num_outputs" &&
        attribute.i() != node.output_size())
      return failAt(node,
                    "expected num_outputs to be " + Twine(node.output_size()) +
                        ", the number of outputs, got " + Twine(attribute.i()));
    if (node.op_type() == "Einsum" && attribute.name() == "equation")
      if (Error error = checkEquation(node, attribute.s()))
        return error;
    if (Error error = checkNodes(attribute.g()))
      return error;
    for (const onnx::GraphProto &graph : attribute.graphs())
      if (Error error = checkNodes(graph))
        return error;
  }
  return Error::success();
}

Error accopt::importer::checkNodes(const onnx::GraphProto &graph) {
  for (const onnx::NodeProto &node : graph.node())
    if (Error error = checkNode(node))
      return error;
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

bool accopt::importer::canPropagateData(const onnx::GraphProto &graph) {
  auto isSmall = [](const onnx::ValueInfoProto &value) {
    const onnx::TensorShapeProto &shape = value.type().tensor_type().shape();
    return shape.dim_size() != 1 ||
           shape.dim(0).dim_value() <= maxPropagatedElements;
  };
  return llvm::all_of(graph.input(), isSmall) &&
         llvm::all_of(graph.value_info(), isSmall) &&
         llvm::all_of(graph.output(), isSmall);
}
