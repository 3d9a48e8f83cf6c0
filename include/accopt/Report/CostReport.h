//===- CostReport.h - Cycles and energy of every op -------------*- C++ -*-===//
//
// What the analysis computes in closed form and the simulator counts while it
// runs, in one structure, so that the two can be compared field by field. The
// names of the JSON fields are the contract with users' scripts (schema
// "accopt.cost", version 1).
//
// Invariants, which computeTotal() establishes for the total:
//  - the cycles of the ops add up to the cycles of the network exactly (an op's
//    cycles are how much later the network ends for it, in program order);
//  - an op's energy is the sum of its components, in their order, and the total
//    is the sum over ops, in program order.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_REPORT_COSTREPORT_H
#define ACCOPT_REPORT_COSTREPORT_H

#include "accopt/Target/Command.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/JSON.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace accopt {

/// The unit that runs an op.
enum class CostPlacement { Array, Vector, Dma, Host };
llvm::StringRef getName(CostPlacement placement);

/// What the roofline says limits an op.
enum class CostBound { Compute, Memory, Host };
llvm::StringRef getName(CostBound bound);

/// When an op keeps an engine busy, in cycles from the begin of the inference:
/// the start of its first command, the completion of its last, and the cycles
/// between them in which the engine works for it.
struct EngineUse {
  int64_t start = 0;
  int64_t end = 0;
  int64_t busy = 0;
  bool operator==(const EngineUse &) const = default;
};

/// Counts that are priced by the target. Bytes, except for `macs`.
struct CostCounts {
  int64_t macs = 0;
  int64_t dramReadBytes = 0;
  int64_t dramWriteBytes = 0;
  int64_t scratchpadReadBytes = 0;
  int64_t scratchpadWriteBytes = 0;
  int64_t accumulatorReadBytes = 0;
  int64_t accumulatorWriteBytes = 0;

  CostCounts &operator+=(const CostCounts &other);
  bool operator==(const CostCounts &) const = default;
};

/// Picojoules by component ("mac", "dram", "static", ...), in a fixed order.
using EnergyComponents = std::vector<std::pair<std::string, double>>;

/// The sum in the order of the components.
double sumEnergy(const EnergyComponents &components);

struct OpCost {
  /// ONNX node name(s), joined by "+" where ops were fused.
  std::string name;
  /// Type of the op, such as "conv2d".
  std::string op;
  CostPlacement placement = CostPlacement::Array;
  /// Why the host runs it; empty for other placements.
  std::string reason;
  int64_t cycles = 0;
  /// Cycles no schedule can go below: max(compute at full rate, DRAM traffic at
  /// full bandwidth).
  int64_t rooflineCycles = 0;
  EnergyComponents energy;
  CostCounts counts;
  CostBound bound = CostBound::Compute;
  /// MACs done over MACs possible in `cycles`, 0 to 1.
  double utilization = 0;
  /// Of an op with weights, 2 to 8, or up to 16 for the input; 0 for others.
  int64_t weightBits = 0, inputBits = 0;
  /// The precision of the array's commands, 16, 8, 4 or 2, and the MACs that a
  /// processing element does in a cycle at it (1 / 2 where two do one
  /// together); 0 and 1 for other ops.
  int64_t arrayPrecision = 0;
  double arrayRate = 1;
  /// By Engine; of those that the op uses. None in reports of tools that do not
  /// know them.
  std::array<std::optional<EngineUse>, kEngineCount> engines;
  /// Bytes in use while the op runs (MemoryUse.h); DRAM without constants.
  /// Empty in reports of tools that do not know them.
  std::optional<int64_t> scratchpadBytes, dramLiveBytes;

  bool hasFewBits() const {
    return (weightBits && weightBits < 8) || (inputBits && inputBits < 8);
  }
  bool hasOtherBits() const {
    return hasFewBits() || weightBits > 8 || inputBits > 8;
  }
  double energyPj() const { return sumEnergy(energy); }
  bool operator==(const OpCost &) const = default;
};

struct CostTotal {
  int64_t cycles = 0;
  int64_t rooflineCycles = 0;
  double energyPj = 0;
  /// Component by component, in order of first appearance.
  EnergyComponents energy;
  CostCounts counts;
  double latencySeconds = 0;
  double utilization = 0;
};

struct CostReport {
  /// "analysis" or "simulator".
  std::string source;
  std::string modelName;
  /// Hex digits; empty where the model is not a file.
  std::string modelSha256;
  std::string targetName;
  std::string targetSha256;
  /// A JSON object of all parameters of the target.
  llvm::json::Value targetParameters = llvm::json::Object{};
  double clockHz = 1e9;
  /// MACs of the array per cycle at 8 bits, for the total's utilization.
  int64_t peakMacsPerCycle = 0;
  /// Whether the array is faster at 4 or 2 bits than at 8.
  bool hasArrayRates = false;
  /// Bytes of DRAM that the program needs at most.
  int64_t dramPeakBytes = 0;
  /// Of these, the constants' (weights and parameters); empty where unknown.
  std::optional<int64_t> dramConstantBytes;

  std::vector<OpCost> ops;
  CostTotal total;

  /// Whether an op has operands of other than 8 bits.
  bool hasOtherBits() const;

  /// Sets `total` from `ops`, `clockHz` and `peakMacsPerCycle`.
  void computeTotal();
};

} // namespace accopt

#endif // ACCOPT_REPORT_COSTREPORT_H
