//===- QuantizeConstants.h - Quantized weights and biases -------*- C++ -*-===//

#ifndef ACCOPT_LIB_TRANSFORMS_QUANTIZECONSTANTS_H
#define ACCOPT_LIB_TRANSFORMS_QUANTIZECONSTANTS_H

#include "dialects/NN/NNOps.h"

#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/SmallVector.h"

#include <optional>

namespace accopt {

/// The constant as int8 or int16 in the quantization of an activation; a
/// constant that a model brings in just that quantization is taken as it is.
/// Null if the constant's data is missing.
mlir::Value quantizeActivation(mlir::OpBuilder &builder, mlir::Value constant,
                               mlir::quant::UniformQuantizedType type);

/// The bits, at most `most`, that an input of up to `reach` may have so that no
/// sum of products and bias leaves int32 (8 if 9 are too many); nothing where
/// data is missing or not finite.
std::optional<unsigned> countInputBits(mlir::Value weights, mlir::Value bias,
                                       double reach, unsigned most);

struct QuantizedLinear {
  /// int8, symmetric, one scale per row (dimension 0). The storage range is the
  /// least of 2 to 8 bits that holds all integers.
  mlir::Value weights;
  /// int32 with zero point 0 and scales inputScale * scale; null without bias.
  mlir::Value bias;
};

/// Scales and bits that a plan gives weights.
struct WeightChoice {
  llvm::ArrayRef<double> scales;
  unsigned bits = 8;
};

/// The scales that quantizeLinear would choose for `bits`, or nothing as there.
std::optional<llvm::SmallVector<double>>
chooseWeightScales(mlir::Value weights, mlir::Value bias, double inputScale,
                   double outputScale, unsigned bits);

/// `integers` in place of the constant `weights`, typed as QuantizedLinear's,
/// with one scale per row.
mlir::Value createIntegerWeights(mlir::OpBuilder &builder, mlir::Value weights,
                                 llvm::ArrayRef<double> scales,
                                 llvm::ArrayRef<int8_t> integers);

/// Quantizes weights and bias of a conv or gemm. A `choice` is followed but for
/// scales that the contract has to raise. Without one, integers that a model
/// brings are kept where they are symmetric in [-127, 127] once their zero
/// point is taken off; rows that are not get a larger scale. Nothing if data is
/// missing or not finite.
std::optional<QuantizedLinear>
quantizeLinear(mlir::OpBuilder &builder, mlir::Value weights, mlir::Value bias,
               double inputScale, double outputScale,
               const WeightChoice *choice = nullptr);

} // namespace accopt

#endif // ACCOPT_LIB_TRANSFORMS_QUANTIZECONSTANTS_H
