//===- ImportLinear.cpp - Conv, Gemm, MatMul ------------------------------===//

#include "ImportVolume.h"
#include "NodeImporter.h"
#include "OpTable.h"
#include "WindowAttributes.h"

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

LogicalResult accopt::importer::importConv(NodeImporter &node) {
  Value input = node.operand(0), weights = node.operand(1);
  Value bias = node.hasInput(2) ? node.operand(2) : nullptr;
  if (!input || !weights || !node.reason.empty())
    return failure();
  ArrayRef<int64_t> kernel = node.shape(1);
  if (kernel.size() < 3 || kernel.size() > 5)
    return node.error("expected weights of a convolution of 1 to 3 dimensions, "
                      "got rank " +
                      Twine(kernel.size()));
  kernel = kernel.drop_front(2);
  if (std::optional<Shape> given = node.intsAttr("kernel_shape"))
    if (ArrayRef<int64_t>(*given) != kernel)
      return node.error("expected kernel_shape to be the weights' shape");
  std::optional<WindowAttributes> window =
      readWindow(node, kernel, /*hasCeilMode=*/false);
  if (!window)
    return failure();
  if (kernel.size() == 3)
    return node.setOutput(0,
                          emitVolumeConv(node, input, weights, bias, *window));
  return node.setOutput(
      0, node.emit<nn::ConvOp>(
             input, weights, bias, Value(), node.array(window->strides),
             node.array(window->pads), node.array(window->dilations),
             node.i64(node.intAttr("group", 1)), FloatAttr(), FloatAttr()));
}

LogicalResult accopt::importer::importGemm(NodeImporter &node) {
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
  Value a = node.operand(0), b = node.operand(1);
  if (!a || !b)
    return failure();
  return node.setOutput(0, node.emit<nn::MatMulOp>(a, b));
}
