//===- LoopNest.h - Accesses and energy of a mapped loop nest ---*- C++ -*-===//
//
// Part of AccOpt. Timeloop's view of an accelerator (Parashar et al., ISPASS
// 2019): a mapping is a nest of loops, cut into levels of memory and fan-outs;
// how often each memory is read and written follows from the tiles that the
// loops above it move. Energy is accesses times given prices (Accelergy, Wu et
// al., ICCAD 2019). Dense data, perfect factors, no stalls.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_FORMULAS_LOOPNEST_H
#define ACCOPT_FORMULAS_LOOPNEST_H

#include "llvm/Support/Error.h"

#include <cstdint>
#include <string>
#include <vector>

namespace accopt::formulas {

/// A dimension of the problem times a factor: "2 p" of an input row 2 p + r.
struct NestTerm {
  unsigned dimension = 0;
  int64_t factor = 1;
};

/// A tensor; each of its ranks is indexed by a sum of terms.
struct NestTensor {
  std::string name;
  std::vector<std::vector<NestTerm>> ranks;
  /// Sums are kept and updated, and not only read.
  bool isOutput = false;
};

struct NestLoop {
  unsigned dimension = 0;
  int64_t count = 1;
};

/// Prices in pJ; one access moves `wordsPerAccess` words.
struct NestPrices {
  double read = 0, write = 0, update = 0;
  double leakPerCycle = 0; ///< of one instance that is in use
  int64_t wordsPerAccess = 1;
  /// Instances that one access serves: registers that lie side by side in a
  /// word of one memory.
  int64_t instancesPerAccess = 1;
};

/// A memory, or a fan-out, whose loops run at the same time below it.
struct NestLevel {
  std::string name;
  bool isFanOut = false;
  /// Bit i: keeps tensor i. Others pass through. Nothing for a fan-out.
  unsigned keeps = 0;
  std::vector<NestLoop> loops; ///< outermost first
  NestPrices prices = {};
};

/// Levels from the outermost memory, which keeps every tensor, to the last
/// above the arithmetic.
struct LoopNest {
  unsigned dimensions = 0;
  std::vector<NestTensor> tensors;
  std::vector<NestLevel> levels;
  double computeEnergy = 0; ///< pJ of one operation
};

/// Words of one tensor at one instance of a memory, over the whole run.
struct NestAccesses {
  int64_t tileWords = 0; ///< held at a time
  int64_t reads = 0;     ///< by the level below, once for equal readers
  int64_t fills = 0;     ///< written from above; sums that come back only
  int64_t updates = 0;   ///< sums written from below
};

struct NestLevelCost {
  int64_t instances = 1;              ///< in use
  std::vector<NestAccesses> accesses; ///< by tensor; zero for what is not kept
  double energy = 0;                  ///< pJ, all instances, with leakage
};

struct NestCost {
  int64_t cycles = 0; ///< the product of the loops that are no fan-outs
  int64_t computes = 0;
  std::vector<NestLevelCost> levels;
  double computeEnergy = 0; ///< pJ

  double energy() const; ///< pJ
};

/// Cost of a nest. A tile that slides keeps its overlap with the tile before
/// it, if the step before was the same one or none; Timeloop forgets a tile
/// whose stride changes, and so does this. The first and the second iteration
/// of each loop stand for all. A spatial instance counts as the others do:
/// reads of equal data are multicast, sums of equal outputs are reduced on the
/// way. Fails on a loop of an unknown dimension or a count below 1, a product
/// of counts beyond 2^53, more than 24 temporal loops or 2^20 instances, an
/// outermost level that does not keep everything, or an output with a rank of
/// several dimensions.
llvm::Expected<NestCost> loopNestCost(const LoopNest &nest);

/// Dimensions of a convolution's nest.
enum ConvDimension : unsigned { DimN, DimC, DimM, DimP, DimQ, DimR, DimS };
/// Its tensors' places: bits of NestLevel::keeps.
enum ConvTensor : unsigned { ConvWeights, ConvInputs, ConvOutputs };

/// Weights (C, M, R, S), inputs (N, C, stride p + r, stride q + s) and outputs
/// (N, M, P, Q) of a convolution.
std::vector<NestTensor> convolutionTensors(int64_t strideHeight,
                                           int64_t strideWidth);

} // namespace accopt::formulas

#endif // ACCOPT_FORMULAS_LOOPNEST_H
