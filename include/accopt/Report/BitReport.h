//===- BitReport.h - What got more bits, and why ----------------*- C++ -*-===//
//
// Part of AccOpt. What --accuracy-goal chose, beside 8 bits for all and more
// for all.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_REPORT_BITREPORT_H
#define ACCOPT_REPORT_BITREPORT_H

#include "llvm/Support/raw_ostream.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace accopt {

/// How near a quantized network's results are to the float network's.
struct GoalMeasure {
  double sqnr = 0;  ///< dB, of the result that has least
  double noise = 0; ///< noise to signal, of the result that has most
  uint64_t rows = 0, sameDecision = 0;
};

/// A choice of bits for all activations and weights.
struct BitPoint {
  size_t widened = 0;   ///< classes of activations of more than 8 bits
  size_t corrected = 0; ///< layers with weights of more than 8 bits
  GoalMeasure measure;
  uint64_t cycles = 0;
  std::string activationFlag; ///< of --activation-bits
  std::string weightFlag;     ///< of --weight-bits
};

/// Activations that share a type, or the weights of a layer, whose bits could
/// be chosen.
struct BitClass {
  bool areWeights = false;
  std::vector<std::string> values; ///< of weights: of the layer's result
  bool isWidened = false;
  unsigned wideBits = 16;
  double soleNoise = 0;   ///< what its 8 bits add where all else has more
  int64_t soleCycles = 0; ///< what more bits add where all else has 8
};

struct BitReport {
  std::string model, goal;
  uint64_t samples = 0, ranked = 0; ///< and those used to rank
  unsigned experiments = 0;
  BitPoint narrow, chosen;
  std::optional<BitPoint> wide; ///< not looked at where 8 bits are enough
  GoalMeasure integers;         ///< of the chosen bits, as the machine computes
  std::vector<BitClass> classes;
  /// Bits chosen by chance in as many experiments; without a point where
  /// nothing reached the goal.
  struct Control {
    uint64_t seed = 0;
    unsigned experiments = 0;
    std::optional<BitPoint> point;
  };
  std::optional<Control> control;
};

void printBits(const BitReport &report, llvm::raw_ostream &os);
/// As JSON, schema "accopt.activation-bits".
void writeBitsJson(const BitReport &report, llvm::raw_ostream &os);

} // namespace accopt

#endif // ACCOPT_REPORT_BITREPORT_H
