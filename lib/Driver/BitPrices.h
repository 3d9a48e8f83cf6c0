//===- BitPrices.h - Cycles at any choice of bits ---------------*- C++ -*-===//
//
// Part of AccOpt. The compiler asked for the cost of a network alone, again and
// again: without weights' values, and with what earlier questions scheduled.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_DRIVER_BITPRICES_H
#define ACCOPT_LIB_DRIVER_BITPRICES_H

#include "accopt/Schedule/CostQuery.h"
#include "accopt/Transforms/Pipelines.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace accopt {

/// Of activations, and of the weights of layers that have corrections.
struct ChosenBits {
  ActivationBits activations;
  WeightBits weights;
  /// Takes off the corrections of layers whose weights have 8 bits.
  void apply(mlir::func::FuncOp function) const;
};

class BitPrices {
public:
  /// `function` is float, after the float pipeline, and has all corrections;
  /// `file` names it in errors.
  BitPrices(mlir::func::FuncOp function, const RangeTable &ranges,
            Machine machine, const ScheduleOptions &options,
            llvm::StringRef file);

  /// The cycles that compiling with `bits` would report.
  llvm::Expected<uint64_t> cycles(const ChosenBits &bits);

private:
  std::string bytecode, file;
  const RangeTable &ranges;
  CostCache cache;
};

} // namespace accopt

#endif // ACCOPT_LIB_DRIVER_BITPRICES_H
