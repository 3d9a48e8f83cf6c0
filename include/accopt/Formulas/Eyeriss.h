//===- Eyeriss.h - Row-stationary cycles, accesses and energy ---*- C++ -*-===//
//
// Part of AccOpt. Row-stationary dataflow (Chen, Emer, Sze, ISCA 2016; Chen et
// al., JSSC 52(1), 2017), costed as nn_dataflow does (Gao et al., ASPLOS 2017):
// the mapping onto the array follows from the shape; the blocking of the loops
// over channels, filters and images is the cheapest in energy of all.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_FORMULAS_EYERISS_H
#define ACCOPT_FORMULAS_EYERISS_H

#include "accopt/Formulas/Layers.h"

#include <array>

namespace accopt::formulas {

/// Energy of one access to a word, and of an operation.
struct EyerissPrices {
  double mac, registers, array, buffer, dram;
  double idlePerCycle; ///< of the whole chip
};

struct EyerissChip {
  int64_t rows, columns;
  int64_t bufferWords;   ///< global buffer
  int64_t registerWords; ///< registers of one processing element
  int64_t wordBytes;
  double clockHz; ///< 0: none
  EyerissPrices prices;
  /// What the prices count: "pj" or "ops", the energy of one operation.
  llvm::StringRef energyUnit;

  /// 12 x 14 elements with 225 + 12 + 24 words, 108 kB, 200 MHz, pJ per 16 bits
  /// in 65 nm: JSSC 2017, Table V, with nn_dataflow's prices.
  static EyerissChip jssc17();
  /// 16 x 16 elements with 512 B, 128 kB, relative prices 1, 1, 2, 6, 200:
  /// ISCA 2016, Table IV and Fig. 10.
  static EyerissChip isca16();
};

/// How one channel's two-dimensional convolution (kernel rows x output rows
/// elements) lies on the array.
struct EyerissMapping {
  int64_t foldHeight = 1, foldWidth = 1; ///< passes that it is cut into
  int64_t replicationHeight = 1, replicationWidth = 1; ///< copies in a pass
  /// Channels and filters that the copies are used for.
  int64_t channels = 1, filters = 1;

  /// Passes: ceil(C / channels) ceil(M / filters) N foldWidth foldHeight.
  int64_t passes(const ConvShape &conv) const;
  /// Each pass takes kernel width * output width cycles.
  int64_t cycles(const ConvShape &conv) const;
};

/// Folds a set that is larger than the array, repeats one that is smaller;
/// places the parts of a set folded in width below each other first (JSSC 2017,
/// IV.A). The copies above each other are all used for different filters.
EyerissMapping mapRowStationary(const ConvShape &conv, const EyerissChip &chip);

enum EyerissTensor { Weights, Inputs, Outputs };
enum EyerissLevel { Dram, Buffer, Array, Registers };

struct EyerissCost {
  EyerissMapping mapping;
  int64_t cycles = 0;
  int64_t macs = 0;
  /// Words by level and tensor; whole numbers unless output rows do not divide
  /// by the folds.
  std::array<std::array<double, 3>, 4> accesses = {};
  /// In the unit of the prices.
  double macEnergy = 0, idleEnergy = 0;
  std::array<double, 4> levelEnergy = {};

  double words(EyerissLevel level) const;
  /// Everything but DRAM.
  double chipEnergy() const;
  double energy() const { return chipEnergy() + levelEnergy[Dram]; }
};

/// The cost of a layer, all groups one after the other. Inputs are those that
/// the outputs need, pads included. Fails where the registers or the buffer
/// hold no blocking at all, or the kernel is dilated. `conv` must have passed
/// check().
llvm::Expected<EyerissCost> eyerissCost(const ConvShape &conv,
                                        const EyerissChip &chip);

/// A product as a 1 x 1 convolution of m images with one pixel.
ConvShape asConvolution(const GemmShape &gemm);

} // namespace accopt::formulas

#endif // ACCOPT_FORMULAS_EYERISS_H
