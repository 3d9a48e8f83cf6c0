//===- OperandNest.h - Energy with a hierarchy per operand ------*- C++ -*-===//
//
// Part of AccOpt. ZigZag's view of an accelerator (Mei et al., IEEE Trans.
// Computers 70(8), 2021): each operand has memories of its own, and one order
// of loops is cut at different places for each of them ("uneven mapping").
// Energy is accesses times given prices. Dense data, no stalls.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_FORMULAS_OPERANDNEST_H
#define ACCOPT_FORMULAS_OPERANDNEST_H

#include "accopt/Formulas/LoopNest.h"

#include "llvm/Support/Error.h"

#include <array>
#include <cstdint>
#include <vector>

namespace accopt::formulas {

/// A loop over a dimension of a convolution. Spatial ones may have a fraction:
/// 1000 filters on 32 columns are 32 rounds of 31.25.
struct OperandLoop {
  ConvDimension dimension = DimN;
  double count = 1;
};

/// A memory of one operand. An access moves up to `widest` bits and costs its
/// price; less costs its share, in steps of `narrowest`.
struct OperandMemory {
  /// What runs at the same time below it.
  std::vector<OperandLoop> fanOut;
  /// Of OperandNest::loops, how many turn inside what it holds.
  size_t loops = 0;
  double readPrice = 0, writePrice = 0; ///< pJ
  int64_t widest = 1, narrowest = 1;    ///< bits
};

struct Operand {
  int64_t bits = 8;      ///< of an element; of outputs, of a sum on its way
  int64_t finalBits = 8; ///< of outputs when they are complete
  std::vector<OperandMemory> memories; ///< from the arithmetic out
};

/// A convolution (C channels, M filters, P x Q outputs, R x S kernel) mapped.
struct OperandNest {
  std::vector<OperandLoop> loops; ///< temporal, innermost first
  /// By ConvTensor: weights, inputs, outputs.
  std::array<Operand, 3> operands;
  int64_t strideHeight = 1, strideWidth = 1;
  /// Of the input without padding; a tile is never larger.
  int64_t inputHeight = 1, inputWidth = 1;
  double macPrice = 0; ///< pJ
};

struct OperandNestCost {
  double cycles = 0; ///< the product of the temporal loops: no stalls
  double macs = 0;
  double macEnergy = 0;              ///< pJ
  std::array<double, 3> energy = {}; ///< pJ of an operand's memories
  double total() const { return macEnergy + energy[0] + energy[1] + energy[2]; }
};

/// Cost of a mapping. With held(m) the elements that the loops inside a memory
/// and the fan-outs below it make of an operand, cycles(m) the product of those
/// loops, and distinct(m) the number of different tiles below it:
///
///   read or written below  held(m - 1) distinct(m), total / cycles(m - 1)
///   times read or written above  held(m), total / cycles(m) times accesses
///   ceil(bits / narrowest) narrowest / widest, times
///                          the memories side by side, whole ones at last
///
/// Inputs are read at the bottom once for as long as the innermost loops do not
/// concern them. Loops at the bottom of a memory that do not concern its
/// operand count as the memory's below. Sums are read back where a loop further
/// out adds to them, and have `bits` up to there. The outermost memory is not
/// filled. Fails where loops are not cut in order, a count is below 1, the
/// outermost memory does not hold all loops, the operands' fan-outs differ in
/// their product, multiply-accumulates exceed 2^53, a price is not within 0 and
/// 1e12 pJ, an operand has more than 64 memories or a list more than 1024
/// loops.
llvm::Expected<OperandNestCost> operandNestCost(const OperandNest &nest);

} // namespace accopt::formulas

#endif // ACCOPT_FORMULAS_OPERANDNEST_H
