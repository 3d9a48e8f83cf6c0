//===- LayerConverter.h - Accel layers to TOSA ------------------*- C++ -*-===//
//
// Private to AccelToTosa.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_CONVERSION_ACCELTOTOSA_LAYERCONVERTER_H
#define ACCOPT_LIB_CONVERSION_ACCELTOTOSA_LAYERCONVERTER_H

#include "accopt/Conversion/TosaBuilder.h"

#include "dialects/Accel/AccelOps.h"

namespace accopt {

/// Builds at the builder's insertion point what one layer op computes.
class LayerConverter {
public:
  using Value = mlir::Value;

  explicit LayerConverter(TosaBuilder &builder) : b(builder) {}

  Value convert(accel::ConstantOp op);
  // ConvertArray.cpp
  Value convert(accel::Conv2DOp op);
  Value convert(accel::DepthwiseConv2DOp op);
  // ConvertVector.cpp
  Value convert(accel::MaxPoolOp op);
  Value convert(accel::AvgPoolOp op);
  Value convert(accel::BinaryOp op);
  Value convert(accel::LookupOp op);
  Value convert(accel::InterpolateOp op);
  // ConvertMovement.cpp
  Value convert(accel::ReshapeOp op);
  Value convert(accel::TransposeOp op);
  Value convert(accel::ConcatOp op);
  Value convert(accel::SliceOp op);
  Value convert(accel::PadOp op);

private:
  /// applyScale(value - zeroPoint, scale) as i32.
  Value applyScale(Value value, int64_t zeroPoint, accel::ScaleAttr scale);
  /// clamp(value + zeroPoint, low, high) as `type` (i8 or i16), where the sum
  /// does not wrap.
  Value clampResult(Value value, mlir::Type type, int64_t zeroPoint,
                    int64_t low, int64_t high);
  /// A wide value as i32, for which TOSA's and linalg's ops wrap as the machine
  /// does (TOSA sums products of i16 in 48 bits); a narrow one as it is.
  Value widen(Value value);
  /// clamp(value, low, high); nothing where the bounds are the type's.
  Value clamp(Value value, int64_t low, int64_t high);
  Value lookup(Value value, llvm::ArrayRef<int8_t> table);
  /// Accumulators to `type`; `residual` may be null.
  Value requantize(Value accumulators, Value residual,
                   accel::RequantAttr requant, mlir::Type type);

  TosaBuilder &b;
};

} // namespace accopt

#endif // ACCOPT_LIB_CONVERSION_ACCELTOTOSA_LAYERCONVERTER_H
