//===- CostServiceUnits.h - Pieces of a network with a price ----*- C++ -*-===//
//
// Part of AccOpt. A fused network cut into what becomes one layer of the
// machine each: an op, with the shuffles before it and the functions of one
// value behind it that join its epilogue.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_TUNING_COSTSERVICEUNITS_H
#define ACCOPT_LIB_TUNING_COSTSERVICEUNITS_H

#include "CostServiceModel.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace accopt {

/// An activation that a unit reads or writes.
struct UnitBoundary {
  mlir::Value value;
  /// Whether a layer on the other side would leave it in the scratchpad where
  /// it fits: neither the network's own input or output, nor moved by DMA, nor
  /// read or written by the host.
  bool mayStay = false;
  unsigned bits = 8;
};

struct CostUnit {
  std::string name; ///< of the ops' nodes, joined by '+'
  std::string op;   ///< of the first op that computes
  std::vector<mlir::Operation *> ops;
  std::vector<UnitBoundary> inputs;
  UnitBoundary output;
  /// Of the array layer, if there is one.
  LayerBits bits;
  bool hasWeights = false;
  /// A concatenation whose operands the scheduler writes in place
  /// (lib/Schedule/ConcatInPlace.cpp): it moves nothing.
  bool isInPlace = false;

  /// All that the price depends on, as text.
  std::string signature() const;
};

/// The units of `function` (float, after the float pipeline) in program order.
/// Reshapes alone are none.
std::vector<CostUnit> cutIntoUnits(mlir::func::FuncOp function,
                                   const BitAssignment &bits);

/// Location of the ops of the unit in its module; others only surround it.
inline constexpr llvm::StringLiteral kUnitName = "unit";

/// A module whose `@main` has the unit between additions that leave its inputs
/// in the scratchpad and read its output from there, where they may stay.
mlir::OwningOpRef<mlir::ModuleOp> makeUnitModule(const CostUnit &unit);
/// The bits of the unit, by the names in that module.
BitRequest unitBits(const CostUnit &unit);

} // namespace accopt

#endif // ACCOPT_LIB_TUNING_COSTSERVICEUNITS_H
