//===- ModelLimits.cpp - Models that ONNX's passes would not survive ------===//

#include "ModelLimits.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

#include <map>
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
