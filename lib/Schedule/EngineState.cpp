//===- EngineState.cpp - What a unit sees of those before it --------------===//
//
// Part of AccOpt. Completions of an engine are in the order of its commands
// (its latency is constant), so that waiting for tokens (CostAnalysis.h) is
// waiting for the latest completion of what a command's bytes were touched by.
//
//===----------------------------------------------------------------------===//

#include "EngineState.h"

#include <tuple>

using namespace accopt;

namespace {
constexpr unsigned kLoad = unsigned(Engine::Load);
constexpr unsigned kExec = unsigned(Engine::Exec);
constexpr unsigned kStore = unsigned(Engine::Store);

std::tuple<int64_t, int64_t, int64_t> placeOf(const StateSegment &segment) {
  return {segment.space.tensor, segment.space.piece, segment.begin};
}
} // namespace

void EngineState::advance(int64_t cycles, int64_t tensors) {
  for (unsigned engine : {kLoad, kExec, kStore})
    free[engine] -= cycles;
  // STORE waits for the others before it begins.
  free[kStore] = std::max(free[kStore], earliest());
  int64_t first = earliest();
  // LOAD's commands are nothing to LOAD itself.
  int64_t afterLoad = std::min(free[kExec], free[kStore]);
  auto age = [&](EngineTimes &times) {
    bool matters = false;
    for (unsigned engine = 0; engine < kEngineCount; ++engine) {
      int64_t &time = times[engine];
      if (time == kNever)
        continue;
      time -= cycles;
      if (time <= (engine == kLoad ? afterLoad : first))
        time = kNever;
      else
        matters = true;
    }
    return matters;
  };
  llvm::erase_if(segments, [&](StateSegment &segment) {
    if (segment.space.tensor != UnitSpace::kScratchpad)
      segment.space.tensor += tensors;
    bool isRead = age(segment.reads), isWritten = age(segment.writes);
    return !isRead && !isWritten;
  });
  llvm::sort(segments, [](const StateSegment &a, const StateSegment &b) {
    return placeOf(a) < placeOf(b);
  });
  // Equal neighbours are one.
  size_t kept = 0;
  for (size_t i = 0; i < segments.size(); ++i) {
    if (kept && segments[kept - 1].space == segments[i].space &&
        segments[kept - 1].end == segments[i].begin &&
        segments[kept - 1].reads == segments[i].reads &&
        segments[kept - 1].writes == segments[i].writes)
      segments[kept - 1].end = segments[i].end;
    else
      segments[kept++] = segments[i];
  }
  segments.resize(kept);
}

llvm::SmallVector<int64_t, 0> EngineState::row() const {
  llvm::SmallVector<int64_t, 0> row(free.begin(), free.end());
  for (const StateSegment &segment : segments) {
    row.append({segment.space.tensor, segment.space.piece, segment.begin,
                segment.end});
    row.append(segment.reads.begin(), segment.reads.end());
    row.append(segment.writes.begin(), segment.writes.end());
  }
  return row;
}

namespace {
/// Walks over a unit's commands.
class Timer {
public:
  Timer(const EngineState &state, const UnitSummary &unit)
      : state(state), unit(unit), complete(unit.commands.size()) {}

  Transition run(int64_t tensors);

private:
  /// When what was there before lets the access begin.
  int64_t waitFor(const UnitAccess &access, unsigned engine) const;
  void timeCommands();
  void timeSpaces();
  void updateSegments();
  EngineTimes timesOf(const std::array<int, kEngineCount> &commands) const {
    EngineTimes times;
    for (unsigned engine = 0; engine < kEngineCount; ++engine)
      times[engine] =
          commands[engine] < 0 ? kNever : complete[commands[engine]];
    return times;
  }

  const EngineState &state;
  const UnitSummary &unit;
  Transition result;
  std::vector<int64_t> complete;
};

int64_t Timer::waitFor(const UnitAccess &access, unsigned engine) const {
  int64_t time = kNever;
  const UnitSpace &space = unit.spaces[access.space];
  for (const StateSegment &segment : state.segments) {
    if (!(segment.space == space) || segment.begin >= access.end ||
        access.begin >= segment.end)
      continue;
    for (unsigned other = 0; other < kEngineCount; ++other) {
      if (other == engine)
        continue;
      time = std::max(time, segment.writes[other]);
      if (access.isWrite)
        time = std::max(time, segment.reads[other]);
    }
  }
  return time;
}

void Timer::timeCommands() {
  EngineTimes &free = result.next.free;
  int64_t end = 0;
  auto access = unit.accesses.begin();
  for (auto [index, command] : llvm::enumerate(unit.commands)) {
    int64_t start = free[command.engine];
    for (int other : command.after)
      if (other >= 0)
        start = std::max(start, complete[other]);
    for (; access != unit.accesses.end() && access->command == int(index);
         ++access)
      if (!state.segments.empty())
        start = std::max(start, waitFor(*access, command.engine));
    free[command.engine] = start + command.occupancy;
    complete[index] = free[command.engine] + command.latency;
    int64_t later = std::max(end, complete[index]);
    result.cycles[command.layer] += later - end;
    end = later;
  }
  result.total = end;
}

void Timer::timeSpaces() {
  result.stored.assign(unit.spaces.size(), kNever);
  result.accessed.assign(unit.spaces.size(), kNever);
  for (const UnitSegment &segment : unit.segments) {
    for (int command : segment.writes)
      if (command >= 0) {
        int64_t &time = result.stored[segment.space];
        time = std::max(time, complete[command]);
      }
    for (const auto &commands : {segment.reads, segment.writes})
      for (int command : commands)
        if (command >= 0) {
          int64_t &time = result.accessed[segment.space];
          time = std::max(time, complete[command]);
        }
  }
}

/// What was there before, where the unit did not write, and what it did.
void Timer::updateSegments() {
  std::vector<StateSegment> &next = result.next.segments;
  for (const StateSegment &old : state.segments) {
    int64_t position = old.begin;
    for (const UnitSegment &own : unit.segments) {
      if (!(unit.spaces[own.space] == old.space) || own.begin >= old.end ||
          own.end <= position)
        continue;
      StateSegment part = old;
      part.begin = position;
      part.end = std::max(position, own.begin);
      if (part.begin < part.end)
        next.push_back(part);
      position = std::min(old.end, own.end);
      if (own.isWritten())
        continue;
      part.begin = std::max(old.begin, own.begin);
      part.end = position;
      EngineTimes reads = timesOf(own.reads);
      for (unsigned engine = 0; engine < kEngineCount; ++engine)
        part.reads[engine] = std::max(part.reads[engine], reads[engine]);
      next.push_back(part);
    }
    if (position < old.end) {
      StateSegment rest = old;
      rest.begin = position;
      next.push_back(rest);
    }
  }
  size_t kept = next.size();
  for (const UnitSegment &own : unit.segments) {
    StateSegment added;
    added.space = unit.spaces[own.space];
    added.reads = timesOf(own.reads);
    added.writes = timesOf(own.writes);
    // What was only read and known before has been merged above.
    int64_t position = own.begin;
    auto add = [&](int64_t end) {
      added.begin = position;
      added.end = end;
      if (position < end)
        next.push_back(added);
    };
    if (!own.isWritten())
      for (size_t i = 0; i < kept; ++i) {
        StateSegment old = next[i];
        if (!(old.space == added.space) || old.begin >= own.end ||
            old.end <= position)
          continue;
        add(old.begin);
        position = std::max(position, old.end);
      }
    add(own.end);
  }
}

Transition Timer::run(int64_t tensors) {
  result.cycles.assign(unit.quantities.size(), 0);
  result.next.free = state.free;
  timeCommands();
  timeSpaces();
  updateSegments();
  result.next.advance(result.total, tensors);
  return std::move(result);
}
} // namespace

Transition accopt::timeUnit(const EngineState &state, const UnitSummary &unit,
                            int64_t tensors) {
  return Timer(state, unit).run(tensors);
}
