//===- Timing.h - Time and events of one command ----------------*- C++ -*-===//
//
// Part of AccOpt. The one home of what a single command costs, used by analysis
// and simulator alike. How commands compose in time is not here.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TARGET_TIMING_H
#define ACCOPT_TARGET_TIMING_H

#include "accopt/Target/Command.h"
#include "accopt/Target/Machine.h"

#include <array>
#include <cstdint>
#include <optional>

namespace accopt {

/// Cycles. The engine is free again at start + occupancy; the command is
/// complete (its tokens are sent) at start + occupancy + latency.
struct Duration {
  uint64_t occupancy = 0, latency = 0;
};

/// How often each priced event happens.
struct Quantities {
  uint64_t macs = 0; ///< at any precision
  /// Of these, those of an array that has a rate for 4 and for 2 bits.
  uint64_t macs4Bit = 0, macs2Bit = 0;
  uint64_t macs16Bit = 0; ///< and those of 16-bit inputs
  uint64_t scratchpadReadBytes = 0, scratchpadWriteBytes = 0;
  uint64_t accumulatorReadBytes = 0, accumulatorWriteBytes = 0;
  uint64_t dramReadBytes = 0, dramWriteBytes = 0;
  uint64_t vectorOperations = 0, rescaleOperations = 0;
  uint64_t hostOperations = 0;

  Quantities &operator+=(const Quantities &other);
  bool operator==(const Quantities &) const = default;
};

/// When a layer's commands keep an engine busy, in cycles from the begin of the
/// run: from the start of the first to the last completion, and for how many of
/// these cycles (the sum of the occupancies).
struct EngineSpan {
  uint64_t start = 0, end = 0, busy = 0;
  bool operator==(const EngineSpan &) const = default;
};

/// What a layer of a program took. `cycles`: what its commands' completions add
/// to the latest completion so far, in program order.
struct LayerCost {
  uint64_t cycles = 0;
  Quantities quantities;
  /// By Engine; of those that the layer has commands for.
  std::array<std::optional<EngineSpan>, kEngineCount> engines;
  bool operator==(const LayerCost &) const = default;
};

/// Energy in picojoules by component.
struct Energy {
  double array = 0, scratchpad = 0, accumulator = 0, dram = 0, vector = 0,
         host = 0, idle = 0;
  double total() const;
};

/// The contiguous pieces of a matmul's reduction (see MatmulCommand).
struct ReductionShape {
  uint64_t segments = 1, segmentLength = 1;
};
ReductionShape reductionShape(const MatmulCommand &command);

Duration duration(const Command &command, const Machine &machine);
Quantities quantities(const Command &command, const Machine &machine);

/// Prices `quantities` and `cycles` of static power.
Energy energy(const Quantities &quantities, uint64_t cycles,
              const Machine &machine);

} // namespace accopt

#endif // ACCOPT_TARGET_TIMING_H
