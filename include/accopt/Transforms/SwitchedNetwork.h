//===- SwitchedNetwork.h - Bits as arguments of a network -------*- C++ -*-===//
//
// Part of AccOpt. A float network that rounds its activations as the quantized
// one would, at bits that are chosen when it runs: compiled once, it says what
// any choice of bits costs in accuracy.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TRANSFORMS_SWITCHEDNETWORK_H
#define ACCOPT_TRANSFORMS_SWITCHEDNETWORK_H

#include "accopt/Transforms/Ranges.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace accopt {

/// How a class of activations is rounded: to `step` times a whole number from
/// `least` to `most`.
struct Rounding {
  float step = 1, least = 0, most = 0;
  bool operator==(const Rounding &) const = default;
};

/// Activations that share a type (QuantizationPlan.h).
struct SwitchedClass {
  /// Names (nameValues()) of its values, in program order; constants have none.
  std::vector<std::string> values;
  /// Bits of `wide`: those that quantize() gives it where 16 are asked for; 8
  /// where there is nothing to choose.
  unsigned wideBits = 8;
  Rounding narrow; ///< with 8 bits
  Rounding wide;
};

/// A correction of weights (WeightCorrections.h).
struct SwitchedCorrection {
  std::string layer;   ///< that it belongs to
  size_t index;        ///< of the class of its result
  unsigned weightBits; ///< that the layer has with it
  /// Classes of what it joins where it carries a residual on: it has wide bits
  /// where one of them has. Empty: it always has 8.
  llvm::SmallVector<size_t> joined;
};

struct SwitchedNetwork {
  /// `@main` has the arguments of the function that it was made from, and after
  /// them, of tensor<1xf32>, three for each class: step, least, most, and one
  /// for each correction: 1, or 0 for a network without it. It returns the
  /// values that were asked for.
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<SwitchedClass> classes;
  std::vector<SwitchedCorrection> corrections;
};

/// The switched form of `function` (float, after the float pipeline), which
/// stays as it is; it returns `returned`, values of `function`. Weights are
/// rounded as quantize() rounds them beside activations of 8 bits; biases are
/// not, nor what tables of 16 bits lose between their points. Fails with the
/// node's name as quantize() does.
llvm::Expected<SwitchedNetwork>
makeSwitchedNetwork(mlir::func::FuncOp function, const RangeTable &ranges,
                    llvm::ArrayRef<mlir::Value> returned);

} // namespace accopt

#endif // ACCOPT_TRANSFORMS_SWITCHEDNETWORK_H
