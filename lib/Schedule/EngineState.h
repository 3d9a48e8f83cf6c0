//===- EngineState.h - What a unit sees of those before it ------*- C++ -*-===//
//
// Part of AccOpt. Between two units the machine's future depends on little of
// its past: when each engine is free, and when the bytes that are still in
// flight will have been read and written. Counted from the latest completion so
// far, few such states occur, so that what a unit does to each is remembered.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_SCHEDULE_ENGINESTATE_H
#define ACCOPT_LIB_SCHEDULE_ENGINESTATE_H

#include "UnitSummary.h"

namespace accopt {

/// By engine, in cycles from the latest completion so far: none is above zero
/// but at the end of a unit that is being timed.
using EngineTimes = std::array<int64_t, kEngineCount>;
/// Before everything.
inline constexpr int64_t kNever = INT64_MIN / 4;

/// Bytes that were touched last at these times.
struct StateSegment {
  UnitSpace space; ///< tensors are counted back from the next unit's
  int64_t begin = 0, end = 0;
  EngineTimes reads = {kNever, kNever, kNever, kNever},
              writes = {kNever, kNever, kNever, kNever};
};

/// Of the engines but HOST, which a network's query follows by itself.
struct EngineState {
  EngineTimes free = {0, 0, 0, kNever};
  std::vector<StateSegment> segments; ///< sorted, disjoint

  /// No command of an ordered unit (UnitSummary.h) starts before.
  int64_t earliest() const {
    return std::min(free[unsigned(Engine::Load)], free[unsigned(Engine::Exec)]);
  }
  /// Counts times from `cycles` later on, and tensors from `tensors` later on;
  /// forgets what no command can have to wait for.
  void advance(int64_t cycles, int64_t tensors);
  /// All numbers, to compare states by.
  llvm::SmallVector<int64_t, 0> row() const;
};

/// What a unit does to a state.
struct Transition {
  /// How much later the network ends for each layer; the sum.
  llvm::SmallVector<int64_t, 4> cycles;
  int64_t total = 0;
  /// By space of the unit, from the latest completion before it on: when the
  /// last of its stores into it is complete, and the last of all its accesses.
  llvm::SmallVector<int64_t, 4> stored, accessed;
  EngineState next;
};

/// Times the unit behind `state`. `tensors`: how many later the next unit's
/// first tensor comes.
Transition timeUnit(const EngineState &state, const UnitSummary &unit,
                    int64_t tensors);

} // namespace accopt

#endif // ACCOPT_LIB_SCHEDULE_ENGINESTATE_H
