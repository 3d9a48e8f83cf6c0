//===- OperandLatency.h - Cycles with a hierarchy per operand ---*- C++ -*-===//
//
// Part of AccOpt. ZigZag's latency (Mei et al., "A Uniform Latency Model for
// DNN Accelerators with Diverse Architectures and Dataflows", DATE 2022):
// transfers between memories that share ports, in the windows that the loops
// leave for them.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_FORMULAS_OPERANDLATENCY_H
#define ACCOPT_FORMULAS_OPERANDLATENCY_H

#include "accopt/Formulas/OperandNest.h"

#include "llvm/Support/Error.h"

#include <cstdint>
#include <vector>

namespace accopt::formulas {

/// A way in or out of a memory; "below" is towards the arithmetic.
enum class Transfer { ReadBelow, WriteBelow, ReadAbove, WriteAbove };

/// `transfer` of memory `memory` of an operand (OperandNest::operands).
struct PortUse {
  ConvTensor tensor = ConvWeights;
  size_t memory = 0;
  Transfer transfer = Transfer::ReadBelow;
};

struct MemoryPort {
  int64_t bits = 1; ///< moved in a cycle
  std::vector<PortUse> uses;
};

/// A memory as it is built, in which one or more operands have theirs.
struct PhysicalMemory {
  int64_t bits = 1; ///< of one of those side by side
  std::vector<MemoryPort> ports;
};

/// What was loaded ahead of computation and can be loaded during it is shared
/// out by one of two rules.
enum class SpareRule {
  /// The longest load is shortened first, as far as it may be (since 3.8.7).
  LongestFirst,
  /// Each load by as much as the next shorter one may be, the longer ones
  /// again by as much (up to 3.8.5). A load can go below nothing.
  Together
};

struct OperandMachine {
  std::vector<PhysicalMemory> memories;
  /// Dimensions along which the array passes data on, and its units there: the
  /// last results need a cycle for each further unit that the layer has work
  /// for, though rounds may be evened out to fewer (since 3.9).
  std::vector<OperandLoop> systolic;
  SpareRule spare = SpareRule::LongestFirst;
};

/// In cycles. Parts of one are left where spare bandwidth is shared out.
struct OperandNestLatency {
  double steps = 0;   ///< the product of the temporal loops
  double stall = 0;   ///< of the port that stalls most
  double loading = 0; ///< of inputs and weights, before the first step
  double unloading = 0;
  double drain = 0; ///< of a systolic array
  double total() const { return steps + stall + loading + unloading + drain; }
};

/// Cycles of a mapping. With fan-outs rounded down, for each transfer:
///
///   takes   ceil(elements bits / port bits), every `period` cycles
///   window  period, where the memory that changes has room for two tiles; else
///           what its outermost loops that repeat the tile leave of it
///   stall   (takes - window) (turns - 1)
///
/// On a port of several: the sum of the stalls above zero, and of those below
/// with all windows as far as they exceed the union of the windows. All ports
/// work at the same time: the largest counts.
///
/// Loading is what the first turns take, level by level, ports that both inputs
/// use one after the other; unloading is the sum of the last turns. What turns
/// once is loaded while computing as far as its port has cycles to spare, but
/// for a first tile of the innermost memory.
///
/// Fails as operandNestCost does, and where a transfer that the mapping needs
/// has no port or two, or a port is of something that the nest does not have.
llvm::Expected<OperandNestLatency>
operandNestLatency(const OperandNest &nest, const OperandMachine &machine);

} // namespace accopt::formulas

#endif // ACCOPT_FORMULAS_OPERANDLATENCY_H
