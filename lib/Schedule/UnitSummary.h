//===- UnitSummary.h - A unit's commands, ready to be timed -----*- C++ -*-===//
//
// Part of AccOpt. A unit is a layer that runs by itself, or a stack. Which of
// its commands waits for which does not depend on the units around it; what it
// touches that others have touched does, and is listed by itself. So a unit is
// emitted once, wherever in a network its like stands, and timed by a walk over
// a few numbers for each command.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_SCHEDULE_UNITSUMMARY_H
#define ACCOPT_LIB_SCHEDULE_UNITSUMMARY_H

#include "Emitter.h"

#include "accopt/Target/Timing.h"

namespace accopt {

/// Bytes that are watched together: the scratchpad, a tensor in DRAM, or a
/// piece of a sliced image (CommandStream.h), in pixels. A tensor is counted
/// back from the one that the unit's first layer writes.
struct UnitSpace {
  static constexpr int64_t kScratchpad = INT64_MIN;
  int64_t tensor = kScratchpad;
  int64_t piece = 0;
  bool operator==(const UnitSpace &) const = default;
};

/// A command. `after[e]` is the last command of engine e that it waits for, -1
/// for none.
struct UnitCommand {
  unsigned engine = 0, layer = 0;
  int64_t occupancy = 0, latency = 0;
  std::array<int, kEngineCount> after = {-1, -1, -1, -1};
};

/// Where a command is the first of its engine, or of all, to touch what no
/// command of the unit has written.
struct UnitAccess {
  int command = 0, space = 0;
  int64_t begin = 0, end = 0;
  bool isWrite = false;
};

/// Bytes that the unit touched, and the last commands that did, by engine; -1
/// for none. Bytes that it wrote have only what came after the last write.
struct UnitSegment {
  int space = 0;
  int64_t begin = 0, end = 0;
  std::array<int, kEngineCount> reads = {-1, -1, -1, -1},
                                writes = {-1, -1, -1, -1};
  bool isWritten() const {
    return llvm::any_of(writes, [](int command) { return command >= 0; });
  }
};

struct UnitSummary {
  std::vector<UnitCommand> commands;
  std::vector<UnitSpace> spaces; ///< the scratchpad is the first
  std::vector<UnitAccess> accesses;
  std::vector<UnitSegment> segments;  ///< by space and begin
  std::vector<Quantities> quantities; ///< of each layer
  uint64_t constantBytes = 0;
  /// Whether commands of other units that only share DRAM one after the other
  /// with these need not be looked at: STORE waits for EXEC or LOAD in the unit
  /// before it writes, and what LOAD reads is waited for in it. Then a unit's
  /// stores come after all that earlier units loaded, and stores are in order.
  bool isOrdered = true;
};

/// Which tensor of a network an address in DRAM is of.
struct UnitTensor {
  int tensor = -1; ///< with memory of its own
  int64_t begin = 0, end = 0;
  std::vector<int64_t> cuts; ///< of an image that is written slice by slice
  int64_t pitch = 0;
  bool isWatched = true; ///< not if nothing writes it
};

/// Sums up `commands` of a unit whose first layer is `firstLayer` and writes
/// tensor `firstTensor`, of `layers` layers; `tensors` is all it touches in
/// DRAM beside constants.
UnitSummary summarizeUnit(llvm::ArrayRef<Command> commands,
                          llvm::ArrayRef<UnitTensor> tensors, int firstLayer,
                          int layers, int firstTensor, const Machine &machine);

} // namespace accopt

#endif // ACCOPT_LIB_SCHEDULE_UNITSUMMARY_H
