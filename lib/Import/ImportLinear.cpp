//===- ImportLinear.cpp - Conv, Gemm, MatMul ------------------------------===//

#include "ImportVolume.h"
#include "NodeImporter.h"
#include "OpTable.h"
#include "WindowAttributes.h"

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

Value accopt::importer::emitConv(NodeImporter &node, Value input, Value weights,
                                 Value bias, size_t weightInput) {
  if (!input || !weights)
    return nullptr;
  ArrayRef<int64_t> shape = node.shape(weightInput);
  if (shape.size() < 3 || shape.size() > 5) {
    (void)node.error("expected weights of a convolution in one to three "
                     "dimensions, got rank " +
                     Twine(shape.size()));
    return nullptr;
  }
  ArrayRef<int64_t> kernel = shape.drop_front(2);
  if (std::optional<Shape> given = node.intsAttr("kernel_shape"))
    if (ArrayRef<int64_t>(*given) != kernel) {
      (void)node.error("expected kernel_shape to be the weights' shape");
      return nullptr;
    }
  std::optional<WindowAttributes> window =
      readWindow(node, kernel, /*hasCeilMode=*/false);
  if (!window)
    return nullptr;
  if (shape.size() == 5)
    return emitVolumeConv(node, input, weights, bias, *window);
  return node.emit<nn::ConvOp>(
      input, weights, bias, Value(), node.array(window->strides),
      node.array(window->pads), node.array(window->dilations),
      node.i64(node.intAttr("group", 1)), FloatAttr(), FloatAttr());
}

LogicalResult accopt::importer::importConv(NodeImporter &node) {
  Value input = node.operand(0), weights = node.operand(1);
  Value bias = node.hasInput(2) ? node.operand(2) : nullptr;
  if (!input || !weights || !node.reason.empty())
    return failure();
  return node.setOutput(0, emitConv(node, input, weights, bias, 1));
}

/// A B + C of integers, A and B transposed or not.
static LogicalResult importIntegerGemm(NodeImporter &node) {
  if (node.floatAttr("alpha", 1.0f) != 1.0f ||
      node.floatAttr("beta", 1.0f) != 1.0f)
    return node.error("expected alpha and beta of 1 with integers, got others");
  auto factor = [&](size_t i, StringRef transposed) -> Value {
    Value value = node.number(i);
    return value && node.intAttr(transposed, 0) != 0
               ? node.emit<nn::TransposeOp>(value, node.array({1, 0}))
               : value;
  };
  Value a = factor(0, "transA"), b = a ? factor(1, "transB") : nullptr;
  Value product = b ? node.emit<nn::MatMulOp>(a, b) : nullptr;
  if (product && node.hasInput(2))
    product = emitArithmetic(node, "Add", product, node.number(2));
  return node.setOutput(0, product);
}

LogicalResult accopt::importer::importGemm(NodeImporter &node) {
  if (node.hasInput(0) &&
      isa<IntegerType>(node.inputs[0]->type().getElementType()))
    return importIntegerGemm(node);
  Value a = node.operand(0), b = node.operand(1);
  Value bias = node.hasInput(2) ? node.operand(2) : nullptr;
  if (!a || !b || !node.reason.empty())
    return failure();
  return node.setOutput(
      0, node.emit<nn::GemmOp>(a, b, bias, Value(),
                               node.f32(node.floatAttr("alpha", 1.0f)),
                               node.f32(node.floatAttr("beta", 1.0f)),
                               node.boolean(node.intAttr("transA", 0) != 0),
                               node.boolean(node.intAttr("transB", 0) != 0),
                               FloatAttr(), FloatAttr()));
}

LogicalResult accopt::importer::importMatMul(NodeImporter &node) {
  Value a = node.number(0), b = a ? node.number(1) : nullptr;
  if (!a || !b)
    return failure();
  return node.setOutput(0, node.emit<nn::MatMulOp>(a, b));
}
