//===- UnitSummary.cpp - A unit's commands, ready to be timed -------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "UnitSummary.h"

#include <map>

using namespace accopt;

namespace {

class Summarizer {
public:
  Summarizer(llvm::ArrayRef<UnitTensor> tensors, int firstTensor,
             const Machine &machine)
      : tensors(tensors), firstTensor(firstTensor), machine(machine) {
    summary.spaces.emplace_back();
  }

  void add(const Command &command, int layer);
  void finish();

  UnitSummary summary;

private:
  struct Segment {
    int64_t end = 0;
    std::array<int, kEngineCount> reads = {-1, -1, -1, -1},
                                  writes = {-1, -1, -1, -1};
    bool isWritten() const {
      return llvm::any_of(writes, [](int command) { return command >= 0; });
    }
  };
  using Map = std::map<int64_t, Segment>;

  void setDependences(const Command &command, UnitCommand &timed);
  void access(const Region &region, unsigned engine);
  void access(int space, int64_t begin, int64_t end, bool isWrite,
              unsigned engine);
  int spaceOf(int tensor, int64_t piece);
  static void split(Map &map, int64_t at);

  llvm::ArrayRef<UnitTensor> tensors;
  int firstTensor;
  const Machine &machine;
  std::vector<Map> maps = std::vector<Map>(1);
  /// The commands of each engine, and of each pair the tokens taken.
  std::array<std::vector<int>, kEngineCount> issued;
  std::array<std::array<uint32_t, kEngineCount>, kEngineCount> taken = {};
  int lastLoaded = -1, lastAwaited = -1; ///< LOAD commands
};

void Summarizer::setDependences(const Command &command, UnitCommand &timed) {
  constexpr unsigned load = unsigned(Engine::Load);
  unsigned engine = timed.engine;
  for (unsigned other = 0; other < kEngineCount; ++other) {
    if (!command.take[other])
      continue;
    taken[engine][other] += command.take[other];
    timed.after[other] = issued[other][taken[engine][other] - 1];
  }
  lastAwaited = std::max(lastAwaited, timed.after[load]);
  if (command.engine() == Engine::Store && issued[engine].empty() &&
      timed.after[load] < 0 && timed.after[unsigned(Engine::Exec)] < 0)
    summary.isOrdered = false;
  issued[engine].push_back(int(summary.commands.size()));
}

void Summarizer::add(const Command &command, int layer) {
  UnitCommand timed;
  timed.engine = unsigned(command.engine());
  timed.layer = unsigned(layer);
  Duration time = duration(command, machine);
  timed.occupancy = int64_t(time.occupancy);
  timed.latency = int64_t(time.latency);
  setDependences(command, timed);
  summary.quantities.resize(
      std::max(summary.quantities.size(), size_t(layer) + 1));
  summary.quantities[layer] += quantities(command, machine);
  // Reads first: a command may write what it reads.
  auto regions = footprint(command, machine);
  for (bool isWrite : {false, true})
    for (const Region &region : regions)
      if (region.isWrite == isWrite)
        access(region, timed.engine);
  summary.commands.push_back(timed);
}

int Summarizer::spaceOf(int tensor, int64_t piece) {
  UnitSpace space{int64_t(firstTensor) - tensor, piece};
  auto found = llvm::find(summary.spaces, space);
  if (found != summary.spaces.end())
    return int(found - summary.spaces.begin());
  summary.spaces.push_back(space);
  maps.emplace_back();
  return int(maps.size()) - 1;
}

void Summarizer::access(const Region &region, unsigned engine) {
  // Only EXEC touches accumulators, one command after the other.
  if (region.memory == Memory::Accumulator)
    return;
  if (region.memory == Memory::Scratchpad)
    return access(0, region.begin(), region.end(), region.isWrite, engine);
  for (const UnitTensor &tensor : tensors) {
    if (region.begin() >= tensor.end || tensor.begin >= region.end())
      continue;
    if (!tensor.isWatched)
      return;
    if (!region.isWrite)
      lastLoaded = int(summary.commands.size());
    if (tensor.cuts.empty())
      return access(spaceOf(tensor.tensor, 0), region.begin() - tensor.begin,
                    region.end() - tensor.begin, region.isWrite, engine);
    CommandStream::Image image{tensor.begin, tensor.end, tensor.pitch,
                               tensor.cuts};
    return image.forEachPiece(region,
                              [&](size_t piece, int64_t begin, int64_t end) {
                                access(spaceOf(tensor.tensor, int64_t(piece)),
                                       begin, end, region.isWrite, engine);
                              });
  }
}

/// Makes `at` a boundary between segments.
void Summarizer::split(Map &map, int64_t at) {
  auto next = map.lower_bound(at);
  if (next == map.begin())
    return;
  auto previous = std::prev(next);
  if (previous->second.end <= at)
    return;
  Segment tail = previous->second;
  previous->second.end = at;
  map.emplace_hint(next, at, tail);
}

void Summarizer::access(int space, int64_t begin, int64_t end, bool isWrite,
                        unsigned engine) {
  if (begin >= end)
    return;
  int command = int(summary.commands.size());
  Map &map = maps[space];
  split(map, begin);
  split(map, end);
  auto enter = [&](int64_t from, int64_t to) {
    auto &accesses = summary.accesses;
    if (!accesses.empty() && accesses.back().command == command &&
        accesses.back().space == space && accesses.back().end == from &&
        accesses.back().isWrite == isWrite)
      accesses.back().end = to;
    else
      accesses.push_back({command, space, from, to, isWrite});
  };
  int64_t position = begin;
  auto it = map.lower_bound(begin);
  for (; it != map.end() && it->first < end; ++it) {
    Segment &segment = it->second;
    if (position < it->first) {
      enter(position, it->first);
      if (!isWrite) {
        Segment gap;
        gap.end = it->first;
        gap.reads[engine] = command;
        map.emplace_hint(it, position, gap);
      }
    }
    if (!segment.isWritten() && (isWrite || segment.reads[engine] < 0))
      enter(it->first, segment.end);
    segment.reads[engine] = command;
    position = segment.end;
  }
  if (position < end)
    enter(position, end);
  if (isWrite) {
    map.erase(map.lower_bound(begin), it);
    Segment written;
    written.end = end;
    written.writes[engine] = command;
    map.emplace(begin, written);
  } else if (position < end) {
    Segment gap;
    gap.end = end;
    gap.reads[engine] = command;
    map.emplace_hint(it, position, gap);
  }
}

void Summarizer::finish() {
  if (lastLoaded > lastAwaited)
    summary.isOrdered = false;
  for (auto [space, map] : llvm::enumerate(maps))
    for (const auto &[begin, segment] : map) {
      auto &segments = summary.segments;
      if (!segments.empty() && segments.back().space == int(space) &&
          segments.back().end == begin &&
          segments.back().reads == segment.reads &&
          segments.back().writes == segment.writes)
        segments.back().end = segment.end;
      else
        segments.push_back(
            {int(space), begin, segment.end, segment.reads, segment.writes});
    }
}
} // namespace

UnitSummary accopt::summarizeUnit(llvm::ArrayRef<Command> commands,
                                  llvm::ArrayRef<UnitTensor> tensors,
                                  int firstLayer, int layers, int firstTensor,
                                  const Machine &machine) {
  Summarizer summarizer(tensors, firstTensor, machine);
  for (const Command &command : commands)
    summarizer.add(command, int(command.layer) - firstLayer);
  summarizer.finish();
  summarizer.summary.quantities.resize(layers);
  return std::move(summarizer.summary);
}
