//===- IntegerArithmetic.h - The rescale on tensors -------------*- C++ -*-===//
//
// Part of AccOpt. include/accopt/Target/Arithmetic.h, element by element, on
// tensors of int64 that hold int32.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_TRAINING_INTEGERARITHMETIC_H
#define ACCOPT_LIB_TRAINING_INTEGERARITHMETIC_H

#include "IntegerMode.h"

#include "accopt/Target/Arithmetic.h"

namespace accopt::training {

/// Factors for a tensor: one, or one for each index of a dimension.
struct ScaleFactors {
  at::Tensor multipliers, shifts, rounding;
  /// Of `shape`, which broadcasts to what they are applied to.
  static ScaleFactors get(llvm::ArrayRef<double> reals,
                          llvm::ArrayRef<int64_t> shape, at::Device device);
  /// Those at `indices`, in the shape of these.
  ScaleFactors at(const at::Tensor &indices) const;
};

/// The low 32 bits, signed.
at::Tensor wrapToInt32(const at::Tensor &x);
/// applyScale.
at::Tensor rescale(const at::Tensor &x, const ScaleFactors &factors);
at::Tensor rescale(const at::Tensor &x, double real);
/// q - zero point, as int64.
at::Tensor center(const IntegerTensor &x);
/// clamp(x + zero point) within the type's integers and the node's clamp, as
/// the values of an IntegerTensor.
at::Tensor finish(const at::Tensor &x, const IntegerCall &call);

} // namespace accopt::training

#endif // ACCOPT_LIB_TRAINING_INTEGERARITHMETIC_H
