//===- NarrowTypes.cpp - Fewer bits at random -----------------------------===//

#include "NarrowTypes.h"

#include "dialects/NN/NNConstants.h"
#include "dialects/NN/NNOps.h"

#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/Builders.h"

#include <cmath>
#include <cstring>
#include <random>

using namespace mlir;
namespace nn = accopt::nn;

namespace {

class Narrower {
public:
  Narrower(func::FuncOp function, uint64_t seed)
      : function(function), random(seed) {
    // Networks of one precision, of two and of all are different tests.
    static const std::vector<unsigned> choices[] = {
        {4}, {2}, {3}, {4, 8}, {2, 4}, {2, 3, 4, 5, 6, 7, 8}, {4, 4, 3, 2}};
    bits = choices[random() % std::size(choices)];
  }

  void run() {
    for (BlockArgument argument : function.getArguments())
      narrowActivation(argument, pick());
    for (Operation &op : function.getBody().front())
      narrow(&op);
    rescaleBiases();
    Operation *ret = function.getBody().front().getTerminator();
    function.setType(FunctionType::get(
        function.getContext(), function.getBody().front().getArgumentTypes(),
        ret->getOperandTypes()));
  }

private:
  unsigned pick() { return bits[random() % bits.size()]; }

  static Type elementOf(Value value) {
    return cast<RankedTensorType>(value.getType()).getElementType();
  }
  static void setElement(Value value, Type element) {
    auto type = cast<RankedTensorType>(value.getType());
    value.setType(RankedTensorType::get(type.getShape(), element));
  }
  /// The factor by which a value of 8 bits shrinks.
  static double factorOf(unsigned bits) { return std::ldexp(1.0, 8 - bits); }

  void narrowActivation(Value value, unsigned width) {
    auto type = dyn_cast<quant::UniformQuantizedType>(elementOf(value));
    if (!type || type.getStorageTypeIntegralWidth() != 8)
      return;
    int64_t limit = int64_t(1) << (width - 1);
    double factor = factorOf(width);
    auto zero = std::clamp<int64_t>(
        std::llround(double(type.getZeroPoint()) / factor), -limit, limit - 1);
    setElement(value, quant::UniformQuantizedType::get(
                          type.getFlags(), type.getStorageType(),
                          type.getExpressedType(), type.getScale() * factor,
                          zero, -limit, limit - 1));
    bitsOf[value] = width;
  }

  void narrow(Operation *op) {
    if (auto constant = dyn_cast<nn::ConstantOp>(op))
      return narrowConstant(constant);
    for (Value result : op->getResults()) {
      unsigned width = pick();
      // What only moves data mostly keeps its operand's parameters.
      bool moves = isa<nn::ReshapeOp, nn::TransposeOp, nn::SliceOp,
                       nn::MaxPoolOp, nn::PadOp>(op);
      auto operand = moves ? bitsOf.find(op->getOperand(0)) : bitsOf.end();
      if (operand != bitsOf.end() && random() % 4)
        width = operand->second;
      narrowActivation(result, width);
    }
  }

  void narrowConstant(nn::ConstantOp op) {
    auto elements = nn::readElements(op.getValue());
    Type element = elementOf(op.getResult());
    auto perAxis = dyn_cast<quant::UniformQuantizedPerAxisType>(element);
    auto type = dyn_cast<quant::QuantizedType>(element);
    if (!elements || elements->width != 1 || !type)
      return;
    unsigned width = pick();
    if (perAxis) {
      int64_t limit = int64_t(1) << (width - 1);
      SmallVector<double> scales(perAxis.getScales());
      for (double &scale : scales)
        scale *= factorOf(width);
      setElement(op.getResult(),
                 quant::UniformQuantizedPerAxisType::get(
                     perAxis.getFlags(), perAxis.getStorageType(),
                     perAxis.getExpressedType(), scales,
                     perAxis.getZeroPoints(), perAxis.getQuantizedDimension(),
                     width == 8 ? -127 : -limit, limit - 1));
      bitsOf[op.getResult()] = width;
    } else {
      narrowActivation(op.getResult(), width);
    }
    auto narrow = cast<quant::QuantizedType>(elementOf(op.getResult()));
    int64_t count = op.getValue().getNumElements();
    SmallVector<int8_t> values;
    for (int64_t i = 0; i < count; ++i) {
      double value = double(int8_t(elements->element(i).front()));
      values.push_back(int8_t(std::clamp<int64_t>(
          std::llround(value / factorOf(width)), narrow.getStorageTypeMin(),
          narrow.getStorageTypeMax())));
    }
    op.setValueAttr(cast<ElementsAttr>(
        DenseElementsAttr::get(cast<ShapedType>(op.getValue().getShapedType()),
                               ArrayRef<int8_t>(values))));
  }

  /// A bias counts in products of input and weight: it shrinks as both do.
  void rescaleBiases() {
    for (Operation &op : function.getBody().front()) {
      Value input, weights, bias;
      if (auto conv = dyn_cast<nn::ConvOp>(op)) {
        input = conv.getInput(), weights = conv.getWeights();
        bias = conv.getBias();
      } else if (auto gemm = dyn_cast<nn::GemmOp>(op)) {
        input = gemm.getA(), weights = gemm.getB();
        bias = gemm.getBias();
      }
      auto constant =
          bias ? bias.getDefiningOp<nn::ConstantOp>() : nn::ConstantOp();
      if (!constant || !bias.hasOneUse() || !bitsOf.count(input) ||
          !bitsOf.count(weights))
        continue;
      auto elements = nn::readElements(constant.getValue());
      if (!elements || elements->width != 4)
        continue;
      double factor = factorOf(bitsOf[input]) * factorOf(bitsOf[weights]);
      SmallVector<int32_t> values;
      for (int64_t i = 0, n = constant.getValue().getNumElements(); i < n;
           ++i) {
        int32_t value;
        std::memcpy(&value, elements->element(i).data(), 4);
        values.push_back(int32_t(std::llround(double(value) / factor)));
      }
      constant.setValueAttr(cast<ElementsAttr>(DenseElementsAttr::get(
          cast<ShapedType>(constant.getValue().getShapedType()),
          ArrayRef<int32_t>(values))));
    }
  }

  func::FuncOp function;
  std::mt19937_64 random;
  std::vector<unsigned> bits;
  llvm::DenseMap<Value, unsigned> bitsOf;
};

} // namespace

void accopt::test::narrowTypes(func::FuncOp function, uint64_t seed) {
  Narrower(function, seed).run();
}
