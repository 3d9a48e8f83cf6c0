//===- ImportWindow.cpp - Windows: pooling, reductions, auto_pad ----------===//

#include "ImportUnpool.h"
#include "ImportVolume.h"
#include "NodeImporter.h"
#include "OpTable.h"
#include "WindowAttributes.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

/// Pads of auto_pad SAME_*: the output has ceil(input / stride) positions, and
/// an odd pad goes to the end (UPPER) or to the beginning (LOWER).
static void padSame(ArrayRef<int64_t> input, WindowAttributes &window,
                    bool upper) {
  size_t spatial = input.size();
  for (size_t i = 0; i < spatial; ++i) {
    int64_t stride = window.strides[i];
    int64_t reach = (window.kernel[i] - 1) * window.dilations[i] + 1;
    int64_t output = (input[i] + stride - 1) / stride;
    int64_t total =
        std::max<int64_t>(0, (output - 1) * stride + reach - input[i]);
    window.pads[i] = upper ? total / 2 : total - total / 2;
    window.pads[spatial + i] = total - window.pads[i];
  }
}

std::optional<WindowAttributes>
accopt::importer::readWindow(NodeImporter &node, ArrayRef<int64_t> kernel,
                             bool hasCeilMode) {
  if (node.rank(0) < 2) {
    (void)node.error("expected 1 to 3 spatial dimensions, got an input of "
                     "rank " +
                     Twine(node.rank(0)));
    return std::nullopt;
  }
  return readWindow(node, node.shape(0).drop_front(2), kernel, hasCeilMode);
}

std::optional<WindowAttributes>
accopt::importer::readWindow(NodeImporter &node, ArrayRef<int64_t> input,
                             ArrayRef<int64_t> kernel, bool hasCeilMode) {
  auto fail = [&](const Twine &message) -> std::optional<WindowAttributes> {
    (void)node.error(message);
    return std::nullopt;
  };
  if (input.empty() || input.size() > 3)
    return fail("expected 1 to 3 spatial dimensions, got an input of rank " +
                Twine(node.rank(0)));
  size_t spatial = input.size();
  WindowAttributes window;
  window.kernel.assign(kernel.begin(), kernel.end());
  window.strides = node.intsAttr("strides").value_or(Shape(spatial, 1));
  window.dilations = node.intsAttr("dilations").value_or(Shape(spatial, 1));
  window.pads = node.intsAttr("pads").value_or(Shape(2 * spatial, 0));
  window.ceilMode = hasCeilMode && node.intAttr("ceil_mode", 0) != 0;
  if (kernel.size() != spatial || window.strides.size() != spatial ||
      window.dilations.size() != spatial || window.pads.size() != 2 * spatial)
    return fail("expected " + Twine(spatial) +
                " kernel sizes, strides and "
                "dilations and " +
                Twine(2 * spatial) + " pads, got " + Twine(kernel.size()) +
                ", " + Twine(window.strides.size()) + ", " +
                Twine(window.dilations.size()) + " and " +
                Twine(window.pads.size()));
  for (const Shape *list : {&window.kernel, &window.strides, &window.dilations})
    for (int64_t value : *list)
      if (value < 1 || value > INT32_MAX)
        return fail(
            "expected kernel sizes, strides and dilations in [1, 2^31), "
            "got " +
            Twine(value));

  std::string mode = node.stringAttr("auto_pad", "NOTSET");
  if (mode == "NOTSET" || mode.empty())
    return window;
  if (mode != "VALID" && mode != "SAME_UPPER" && mode != "SAME_LOWER")
    return fail("expected auto_pad NOTSET, VALID, SAME_UPPER or SAME_LOWER, "
                "got '" +
                mode + "'");
  window.pads.assign(2 * spatial, 0);
  if (mode == "VALID")
    return window;
  padSame(input, window, mode == "SAME_UPPER");
  // The pads give exactly ceil(input / stride) positions.
  window.ceilMode = false;
  return window;
}

std::optional<WindowAttributes>
accopt::importer::readPool(NodeImporter &node, ArrayRef<int64_t> input) {
  std::optional<Shape> kernel = node.intsAttr("kernel_shape");
  if (!kernel) {
    (void)node.error("expected an attribute kernel_shape, got none");
    return std::nullopt;
  }
  return readWindow(node, input, *kernel, /*hasCeilMode=*/true);
}

/// That of a node whose input 0 is N x C x spatial.
static std::optional<WindowAttributes> readPlainPool(NodeImporter &node) {
  ArrayRef<int64_t> shape = node.shape(0);
  return readPool(node, shape.drop_front(std::min<size_t>(2, shape.size())));
}

Value accopt::importer::emitPool(NodeImporter &node, Value input,
                                 const WindowAttributes &window,
                                 PoolEmitter pool) {
  return window.kernel.size() == 3 ? emitVolumePool(node, input, window, pool)
                                   : pool(input, window);
}

/// Integers of 8 bits as what a quantizer of scale 1 makes of them, so that the
/// accelerator finds their maxima; output 0 stands for integers then.
static Value quantizeBytes(NodeImporter &node, Value bytes) {
  auto type = cast<RankedTensorType>(bytes.getType());
  Type element = type.getElementType();
  if (element.getIntOrFloatBitWidth() != 8) {
    (void)node.error("expected floats or integers of 8 bits");
    return nullptr;
  }
  node.outputs[0].integers = element;
  Builder &b = node.builder;
  int64_t zero = element.isUnsignedInteger() ? -128 : 0;
  auto quantized = quant::UniformQuantizedType::get(
      quant::QuantizationFlags::Signed, b.getI8Type(), b.getF32Type(),
      /*scale=*/1.0, zero, /*storageTypeMin=*/-128, /*storageTypeMax=*/127);
  Value real = emitCast(node, bytes, b.getF32Type());
  return real ? node.finish(quant::QuantizeCastOp::create(
                    node.builder, node.loc, type.clone(quantized), real))
              : nullptr;
}

/// A quantized tensor as floats; any other as it is.
static Value realOf(NodeImporter &node, Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  if (!isa<quant::QuantizedType>(type.getElementType()))
    return value;
  return node.finish(quant::DequantizeCastOp::create(
      node.builder, node.loc, type.clone(node.builder.getF32Type()), value));
}

LogicalResult accopt::importer::importMaxPool(NodeImporter &node) {
  Value input = node.number(0);
  if (!input)
    return failure();
  std::optional<WindowAttributes> window = readPlainPool(node);
  if (!window)
    return failure();
  if (isa<IntegerType>(node.inputs[0]->type().getElementType()))
    input = quantizeBytes(node, input);
  if (!input)
    return failure();
  Value pooled = emitPool(
      node, input, *window,
      [&](Value images, const WindowAttributes &window) -> Value {
        return node.emit<nn::MaxPoolOp>(
            images, node.array(window.kernel), node.array(window.strides),
            node.array(window.pads), node.array(window.dilations),
            node.boolean(window.ceilMode));
      });
  if (failed(node.setOutput(0, pooled)))
    return failure();
  if (node.outputUsed.size() < 2 || !node.outputUsed[1])
    return success();
  Shape shape(cast<RankedTensorType>(pooled.getType()).getShape());
  input = realOf(node, input);
  return node.setOutput(
      1, input ? emitMaxPoolIndices(node, input, *window, shape) : nullptr);
}

LogicalResult accopt::importer::importAveragePool(NodeImporter &node) {
  Value input = node.operand(0);
  if (!input)
    return failure();
  std::optional<WindowAttributes> window = readPlainPool(node);
  if (!window)
    return failure();
  bool countsPads = node.intAttr("count_include_pad", 0) != 0;
  return node.setOutput(
      0, emitPool(node, input, *window,
                  [&](Value images, const WindowAttributes &window) -> Value {
                    return node.emit<nn::AveragePoolOp>(
                        images, node.array(window.kernel),
                        node.array(window.strides), node.array(window.pads),
                        node.array(window.dilations),
                        node.boolean(window.ceilMode),
                        node.boolean(countsPads));
                  }));
}

LogicalResult accopt::importer::importGlobalAveragePool(NodeImporter &node) {
  Value input = node.operand(0);
  if (!input)
    return failure();
  if (node.rank(0) < 3)
    return node.error("expected an input with spatial dimensions, got rank " +
                      Twine(node.rank(0)));
  Shape axes;
  for (int64_t axis = 2; axis < node.rank(0); ++axis)
    axes.push_back(axis);
  return node.setOutput(0, node.emit<nn::ReduceMeanOp>(input, node.array(axes),
                                                       node.boolean(true)));
}

LogicalResult accopt::importer::importGlobalMaxPool(NodeImporter &node) {
  Value input = node.operand(0);
  if (!input)
    return failure();
  if (node.rank(0) < 3)
    return node.error("expected an input with spatial dimensions, got rank " +
                      Twine(node.rank(0)));
  Shape shape(node.shape(0)), pooled(shape.size(), 1);
  pooled[0] = shape[0];
  pooled[1] = shape[1];
  // Of three and more dimensions all but the first are one.
  while (shape.size() > 4) {
    int64_t last = shape.pop_back_val();
    shape.back() *= last;
  }
  input = node.reshape(input, shape);
  if (!input)
    return failure();
  Shape kernel(ArrayRef(shape).drop_front(2));
  Shape ones(kernel.size(), 1), pads(2 * kernel.size(), 0);
  Value largest = node.emit<nn::MaxPoolOp>(
      input, node.array(kernel), node.array(ones), node.array(pads),
      node.array(ones), node.boolean(false));
  return node.setOutput(0, largest ? node.reshape(largest, pooled) : nullptr);
}

LogicalResult accopt::importer::importReduceMean(NodeImporter &node) {
  Value input = node.operand(0);
  if (!input)
    return failure();
  std::optional<Shape> axes = readReductionAxes(node);
  if (!axes)
    return failure();
  if (axes->empty() && node.rank(0) > 0)
    return node.forward(0, 0);
  return node.setOutput(0, node.emit<nn::ReduceMeanOp>(
                               input, node.array(*axes),
                               node.boolean(node.intAttr("keepdims", 1) != 0)));
}
