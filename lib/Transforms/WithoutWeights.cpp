//===- WithoutWeights.cpp - A network without its weights' values ---------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "accopt/Transforms/WithoutWeights.h"

#include "dialects/NN/NNConstants.h"
#include "dialects/NN/NNOps.h"

#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/IR/Builders.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"

#include <cmath>
#include <cstring>

using namespace mlir;
using namespace accopt;

namespace {
/// Whether all that `value` is used for is to be weights or biases of linear
/// ops, as it is or moved or dequantized.
bool isParameterOnly(Value value) {
  if (value.use_empty())
    return false;
  return llvm::all_of(value.getUses(), [](OpOperand &use) {
    mlir::Operation *user = use.getOwner();
    unsigned index = use.getOperandNumber();
    if (auto conv = dyn_cast<nn::ConvOp>(user))
      return index == 1 || (conv.getBias() && index == 2);
    if (auto gemm = dyn_cast<nn::GemmOp>(user))
      return index == 1 || (gemm.getBias() && index == 2);
    if (isa<nn::MatMulOp>(user))
      return true;
    return isa<nn::TransposeOp, nn::ReshapeOp, quant::DequantizeCastOp,
               quant::QuantizeCastOp>(user) &&
           isParameterOnly(user->getResult(0));
  });
}

/// Of integers the one of the largest magnitude: it says how many bits the
/// type has.
Attribute largestInteger(nn::ConstantOp constant, IntegerType type) {
  int64_t largest = 1;
  if (auto elements = nn::readElements(constant.getValue());
      elements && type.getWidth() == 8)
    for (char value : elements->bytes)
      if (std::abs(int(static_cast<signed char>(value))) > std::abs(largest))
        largest = static_cast<signed char>(value);
  return IntegerAttr::get(type, largest);
}

void setSplat(nn::ConstantOp constant, bool isOne) {
  auto type = cast<ShapedType>(constant.getValue().getType());
  OpBuilder builder(constant);
  Type element = type.getElementType();
  Attribute value =
      isOne ? builder.getOneAttr(element) : builder.getZeroAttr(element);
  if (auto integer = dyn_cast<IntegerType>(element); integer && isOne)
    value = largestInteger(constant, integer);
  constant->setAttr(constant.getValueAttrName(),
                    DenseElementsAttr::get(type, value));
}

std::optional<std::vector<float>> floatsOf(nn::ConstantOp constant) {
  if (!constant || !constant.getType().getElementType().isF32())
    return std::nullopt;
  auto elements = nn::readElements(constant.getValue());
  if (!elements)
    return std::nullopt;
  std::vector<float> values(constant.getType().getNumElements());
  for (size_t i = 0; i < values.size(); ++i)
    std::memcpy(&values[i], elements->element(i).data(), sizeof(float));
  return values;
}

/// Folding into the convolution behind a normalization depends on whether the
/// offset is zero (FoldBatchNorm.cpp), and on nothing else in the values.
void simplify(nn::BatchNormOp op) {
  nn::ConstantOp parameters[] = {
      op.getScale().getDefiningOp<nn::ConstantOp>(),
      op.getShift().getDefiningOp<nn::ConstantOp>(),
      op.getMean().getDefiningOp<nn::ConstantOp>(),
      op.getVariance().getDefiningOp<nn::ConstantOp>()};
  std::vector<std::vector<float>> values;
  for (nn::ConstantOp parameter : parameters) {
    std::optional<std::vector<float>> floats = floatsOf(parameter);
    if (!floats)
      return;
    values.push_back(std::move(*floats));
  }
  double epsilon = op.getEpsilon().convertToDouble();
  bool hasOffset = false;
  for (size_t i = 0; i < values[0].size(); ++i) {
    double factor = values[0][i] / std::sqrt(double(values[3][i]) + epsilon);
    hasOffset |= values[1][i] - values[2][i] * factor != 0;
  }
  // Constants may be shared: give the op its own.
  OpBuilder builder(op);
  const bool ones[] = {true, hasOffset, false, true};
  for (auto [i, isOne] : llvm::enumerate(ones)) {
    auto own = cast<nn::ConstantOp>(builder.clone(*parameters[i]));
    setSplat(own, isOne);
    op->setOperand(1 + i, own.getResult());
  }
  for (nn::ConstantOp parameter : parameters)
    if (parameter->use_empty())
      parameter.erase();
}
} // namespace

OwningOpRef<ModuleOp> accopt::withoutWeights(func::FuncOp function) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(function.getLoc());
  auto clone = cast<func::FuncOp>(function->clone());
  module->push_back(clone);
  clone.setName("main");
  clone.setPublic();
  SmallVector<nn::BatchNormOp> normalizations;
  clone.walk([&](mlir::Operation *op) {
    if (auto constant = dyn_cast<nn::ConstantOp>(op))
      if (isParameterOnly(constant.getResult()))
        setSplat(constant, /*isOne=*/true);
    if (auto norm = dyn_cast<nn::BatchNormOp>(op))
      normalizations.push_back(norm);
  });
  for (nn::BatchNormOp norm : normalizations)
    simplify(norm);
  return module;
}

std::string accopt::serialize(ModuleOp module) {
  std::string bytes;
  llvm::raw_string_ostream os(bytes);
  // Only fails for versions that cannot be written; none is asked for.
  (void)writeBytecodeToFile(module, os, BytecodeWriterConfig("accopt"));
  return bytes;
}

OwningOpRef<ModuleOp> accopt::deserialize(StringRef bytecode,
                                          MLIRContext &context) {
  // Resources ask for an alignment that a string does not have.
  auto buffer = llvm::WritableMemoryBuffer::getNewUninitMemBuffer(
      bytecode.size(), "cost query", llvm::Align(64));
  llvm::copy(bytecode, buffer->getBufferStart());
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  return parseSourceFile<ModuleOp>(sources, &context);
}
