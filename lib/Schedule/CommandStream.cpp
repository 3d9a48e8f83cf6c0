//===- CommandStream.cpp - Commands with their tokens ---------------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "CommandStream.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>

namespace accopt {

/// Makes `at` a boundary between segments; returns the first segment at or
/// behind it.
CommandStream::Map::iterator CommandStream::split(Map &map, int64_t at) {
  auto next = map.lower_bound(at);
  if (next == map.begin())
    return next;
  auto previous = std::prev(next);
  if (previous->second.end <= at)
    return next;
  Segment tail = previous->second;
  previous->second.end = at;
  return map.emplace_hint(next, at, tail);
}

void CommandStream::access(Map &map, int64_t begin, int64_t end, bool isWrite,
                           Engine engine, Counts &needed) {
  if (begin >= end)
    return;
  auto first = split(map, begin);
  auto last = split(map, end);
  first = map.lower_bound(begin);
  unsigned self = unsigned(engine);
  uint32_t ordinal = issued[self] + 1;
  for (auto it = first; it != last; ++it)
    for (unsigned e = 0; e < kEngineCount; ++e) {
      needed[e] = std::max(needed[e], it->second.writes[e]);
      if (isWrite)
        needed[e] = std::max(needed[e], it->second.reads[e]);
    }
  if (isWrite) {
    // Whoever comes later waits for this write, which waited for the others.
    map.erase(first, last);
    Segment segment;
    segment.end = end;
    segment.writes[self] = ordinal;
    map.emplace(begin, segment);
    return;
  }
  int64_t position = begin;
  for (auto it = first; it != last; ++it) {
    if (position < it->first) {
      Segment gap;
      gap.end = it->first;
      gap.reads[self] = ordinal;
      map.emplace_hint(it, position, gap);
    }
    it->second.reads[self] = ordinal;
    position = it->second.end;
  }
  if (position < end) {
    Segment gap;
    gap.end = end;
    gap.reads[self] = ordinal;
    map.emplace_hint(last, position, gap);
  }
}

void CommandStream::addSlicedImage(int64_t begin, int64_t end, int64_t pitch,
                                   std::vector<int64_t> cuts) {
  size_t pieces = cuts.size();
  images.push_back(
      {{begin, end, pitch, std::move(cuts)}, std::vector<Map>(pieces)});
}

void CommandStream::access(const Region &region, Engine engine,
                           Counts &needed) {
  if (region.memory == Memory::Dram)
    for (SlicedImage &image : images)
      if (region.begin() < image.end && image.begin < region.end())
        return image.forEachPiece(region, [&](size_t piece, int64_t begin,
                                              int64_t end) {
          access(image.maps[piece], begin, end, region.isWrite, engine, needed);
        });
  access(maps[unsigned(region.memory)], region.begin(), region.end(),
         region.isWrite, engine, needed);
}

void CommandStream::Image::forEachPiece(
    const Region &region,
    llvm::function_ref<void(size_t, int64_t, int64_t)> access) const {
  int64_t first = (region.base - begin) % pitch;
  int64_t last = first + region.length;
  // Rows that do not begin at one channel, or that go on in the next pixel.
  for (unsigned d = 0; d < 3; ++d)
    if (region.count[d] > 1 && region.stride[d] % pitch)
      first = 0, last = pitch;
  if (last > pitch)
    first = 0, last = pitch;
  int64_t firstPixel = (region.begin() - begin) / pitch;
  int64_t endPixel = (region.end() - 1 - begin) / pitch + 1;
  for (auto [piece, cut] : llvm::enumerate(cuts)) {
    int64_t next = piece + 1 < cuts.size() ? cuts[piece + 1] : pitch;
    if (cut < last && first < next)
      access(piece, firstPixel, endPixel);
  }
}

void CommandStream::finish(Command command, const Counts &needed) {
  unsigned self = unsigned(command.engine());
  for (unsigned e = 0; e < kEngineCount; ++e) {
    if (e == self || needed[e] <= taken[self][e])
      continue;
    command.take[e] = needed[e] - taken[self][e];
    taken[self][e] = needed[e];
  }
  ++issued[self];
  commands.push_back(std::move(command));
}

void CommandStream::append(uint32_t layer, Operation operation) {
  Command command;
  command.layer = layer;
  command.operation = std::move(operation);
  Counts needed = {};
  // Reads first: a command may write what it reads.
  auto regions = footprint(command, machine);
  for (bool isWrite : {false, true})
    for (const Region &region : regions)
      if (region.isWrite == isWrite)
        access(region, command.engine(), needed);
  finish(std::move(command), needed);
}

void CommandStream::appendHost(uint32_t layer, HostCommand operation,
                               const std::vector<Range> &reads,
                               const std::vector<Range> &writes) {
  Command command;
  command.layer = layer;
  command.operation = operation;
  Counts needed = {};
  for (bool isWrite : {false, true})
    for (const Range &range : isWrite ? writes : reads) {
      Region region;
      region.memory = Memory::Dram;
      region.isWrite = isWrite;
      region.base = range.begin;
      region.length = range.end - range.begin;
      access(region, Engine::Host, needed);
    }
  finish(std::move(command), needed);
}

} // namespace accopt
