//===- EyerissBlocking.h - Blocking of the three outer loops ----*- C++ -*-===//
//
// The loops over input channels, filters and images of a row-stationary layer
// are cut in three: between DRAM and buffer, buffer and registers, and within
// the registers. Every factorisation and every innermost loop is tried, as in
// nn_dataflow (Gao et al., ASPLOS 2017, section 5).
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_FORMULAS_EYERISSBLOCKING_H
#define ACCOPT_FORMULAS_EYERISSBLOCKING_H

#include <array>
#include <cstdint>
#include <optional>

namespace accopt::formulas {

using PerTensor = std::array<double, 3>; ///< by EyerissTensor

/// What the search needs to know of a mapping.
struct BlockingProblem {
  std::array<int64_t, 3> counts = {1, 1, 1};    ///< trips: channels, filters, N
  PerTensor bufferUnit = {}, registerUnit = {}; ///< words of one trip
  double bufferWords = 0, registerWords = 0;
  /// Energy of reading every word once: from DRAM, and from the buffer through
  /// the array into registers.
  PerTensor dramPrice = {}, bufferPrice = {};
};

struct Blocking {
  double energy = 0;
  /// How often each tensor passes from DRAM into the buffer, and from the
  /// buffer into registers. Sums of outputs go out and come back: odd numbers.
  PerTensor dramFetches = {}, bufferFetches = {};
};

/// The blocking of least energy, the first of equals; nothing if none fits.
std::optional<Blocking> findBlocking(const BlockingProblem &problem);

} // namespace accopt::formulas

#endif // ACCOPT_FORMULAS_EYERISSBLOCKING_H
