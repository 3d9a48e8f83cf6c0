//===- ExportCasts.cpp - QuantizeLinear and DequantizeLinear --------------===//
//
// ONNX's int8 has 256 integers. A type of fewer becomes a Clip before
// QuantizeLinear, from which the importer gets the bits back.
//
//===----------------------------------------------------------------------===//

#include "Exporter.h"

#include "accopt/Transforms/QuantParams.h"
#include "dialects/NN/NNOps.h"

#include "mlir/Dialect/Quant/IR/Quant.h"

#include <cmath>

using namespace mlir;
using namespace accopt;
using namespace accopt::exporter;

static void getParams(quant::QuantizedType type, SmallVector<float> &scales,
                      SmallVector<int8_t> &zeroPoints) {
  if (auto q = dyn_cast<quant::UniformQuantizedType>(type)) {
    scales.push_back(float(q.getScale()));
    zeroPoints.push_back(int8_t(q.getZeroPoint()));
    return;
  }
  auto q = cast<quant::UniformQuantizedPerAxisType>(type);
  for (auto [scale, zero] : llvm::zip_equal(q.getScales(), q.getZeroPoints())) {
    scales.push_back(float(scale));
    zeroPoints.push_back(int8_t(zero));
  }
}

SmallVector<std::string> Exporter::addParams(StringRef base,
                                             quant::QuantizedType type) {
  SmallVector<float> scales;
  SmallVector<int8_t> zeroPoints;
  getParams(type, scales, zeroPoints);
  SmallVector<std::string> result{
      builder.addFloats((base + "/scale").str(), scales)};
  // int32 has none; ONNX takes it for zero.
  if (type.getStorageTypeIntegralWidth() == 8)
    result.push_back(builder.addInt8((base + "/zero_point").str(), zeroPoints));
  return result;
}

static void setAxis(Node node, quant::QuantizedType type) {
  if (auto q = dyn_cast<quant::UniformQuantizedPerAxisType>(type))
    if (q.getScales().size() > 1)
      node.set("axis", int64_t(q.getQuantizedDimension()));
}

/// Whether the op that makes `value` keeps it within the integers of `type`.
static bool isClamped(Value value, quant::UniformQuantizedType type) {
  mlir::Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  bool isClip = isa<nn::ClipOp>(op);
  std::optional<float> low = getBound(op, isClip ? "minimum" : "clamp_min");
  std::optional<float> high = getBound(op, isClip ? "maximum" : "clamp_max");
  QuantParams params{type.getScale(), type.getZeroPoint()};
  return low && high &&
         quantizeValue(*low, params) >= type.getStorageTypeMin() &&
         quantizeValue(*high, params) <= type.getStorageTypeMax();
}

bool Exporter::exportCast(mlir::Operation *op) {
  if (!isa<quant::QuantizeCastOp, quant::DequantizeCastOp>(op))
    return false;
  bool isQuantize = isa<quant::QuantizeCastOp>(op);
  Value quantized = isQuantize ? op->getResult(0) : op->getOperand(0);
  auto type = cast<quant::QuantizedType>(
      cast<RankedTensorType>(quantized.getType()).getElementType());
  std::string input = use(op->getOperand(0)), base = nameOf(op);
  auto perTensor = dyn_cast<quant::UniformQuantizedType>(type);
  // ONNX's int8 does not saturate where fewer bits do.
  if (isQuantize && perTensor && type.getStorageTypeMin() > -128 &&
      !isClamped(op->getOperand(0), perTensor)) {
    auto real = [&](int64_t q) {
      return float(perTensor.getScale() * double(q - perTensor.getZeroPoint()));
    };
    input = addClip(base + "/Saturate", input, real(type.getStorageTypeMin()),
                    real(type.getStorageTypeMax()), "")
                .output();
  }
  base += isQuantize ? quantizeSuffix : dequantizeSuffix;
  SmallVector<std::string> inputs{input};
  llvm::append_range(inputs, addParams(base, type));
  Node node =
      builder.addNode(isQuantize ? "QuantizeLinear" : "DequantizeLinear", base,
                      inputs, outputs.lookup(op->getResult(0)));
  setAxis(node, type);
  finish(op, node);
  return true;
}
