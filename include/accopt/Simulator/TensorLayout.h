//===- TensorLayout.h - Tensors between model and machine -------*- C++ -*-===//
//
// Part of AccOpt. A model's tensor is float and in the model's layout; the
// machine's is int8 or int16 and in its own. Both ways between the two.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_SIMULATOR_TENSORLAYOUT_H
#define ACCOPT_SIMULATOR_TENSORLAYOUT_H

#include "accopt/CodeGen/Program.h"

#include "llvm/ADT/ArrayRef.h"

namespace accopt {

/// `q = clamp(round(x / scale) + zeroPoint)`, ties to even, NaN as zero: ONNX's
/// QuantizeLinear.
int16_t quantizeValue(float value, const TensorInfo &tensor);
/// `(q - zeroPoint) * scale`.
float dequantizeValue(int16_t value, const TensorInfo &tensor);
/// The bytes of the integers that stand for `values`, and back.
std::vector<int8_t> quantizeValues(llvm::ArrayRef<float> values,
                                   const TensorInfo &tensor);
std::vector<float> dequantizeValues(llvm::ArrayRef<int8_t> bytes,
                                    const TensorInfo &tensor);

/// Bytes of elements in the model's order to the stored order, and back. What
/// is not quantized has one order.
void toStoredOrder(const TensorInfo &tensor, llvm::ArrayRef<int8_t> model,
                   llvm::MutableArrayRef<int8_t> stored);
void toModelOrder(const TensorInfo &tensor, llvm::ArrayRef<int8_t> stored,
                  llvm::MutableArrayRef<int8_t> model);

} // namespace accopt

#endif // ACCOPT_SIMULATOR_TENSORLAYOUT_H
