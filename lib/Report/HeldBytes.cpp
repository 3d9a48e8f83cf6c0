//===- HeldBytes.cpp - From first write to last read ----------------------===//
//
// A map from addresses to the layer that used them last. A read in layer l of
// what was last used in layer k < l holds the bytes in all layers from k + 1 to
// l; a write begins anew and holds them in l alone, until the next read. Layers
// count once however often they touch a byte.
//
// Commands that leave gaps between their rows count with the gaps. What a layer
// writes in one area is a region, and replaces what was there, if it has no
// gaps left or is the first of its area. Layers that fill each other's gaps, as
// operands of a concatenation in place do, write one region.
//
//===----------------------------------------------------------------------===//

#include "HeldBytes.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

using namespace accopt;

std::vector<Interval>::const_iterator
IntervalSet::firstTouching(int64_t begin) const {
  return llvm::partition_point(
      intervals, [&](const Interval &other) { return other.end < begin; });
}

void IntervalSet::insert(Interval interval) {
  auto first =
      intervals.begin() + (firstTouching(interval.begin) - intervals.cbegin());
  auto last = first;
  for (; last != intervals.end() && last->begin <= interval.end; ++last) {
    interval.begin = std::min(interval.begin, last->begin);
    interval.end = std::max(interval.end, last->end);
  }
  if (first == last) {
    intervals.insert(first, interval);
    return;
  }
  *first = interval;
  intervals.erase(std::next(first), last);
}

std::vector<Interval> IntervalSet::missing(Interval interval) const {
  std::vector<Interval> result;
  for (auto it = firstTouching(interval.begin);
       it != intervals.end() && it->begin < interval.end; ++it) {
    if (interval.begin < it->begin)
      result.push_back({interval.begin, it->begin});
    interval.begin = std::max(interval.begin, it->end);
  }
  if (interval.begin < interval.end)
    result.push_back(interval);
  return result;
}

int64_t IntervalSet::size() const {
  int64_t bytes = 0;
  for (const Interval &interval : intervals)
    bytes += interval.size();
  return bytes;
}

void HeldBytes::read(Interval interval) {
  for (const Interval &piece : written.missing(interval))
    exposed.insert(piece);
}

void HeldBytes::write(Interval interval, int64_t bytes) {
  writes.push_back({interval, std::min(bytes, interval.size())});
  written.insert(interval);
}

/// The layer's writes, merged where they overlap. Buffers are written again and
/// again: the same write counts once.
std::vector<HeldBytes::WrittenRegion> HeldBytes::takeWrites() {
  auto key = [](const WrittenRegion &w) {
    return std::tuple(w.extent.begin, w.extent.end, w.bytes);
  };
  llvm::sort(writes, [&](const WrittenRegion &a, const WrittenRegion &b) {
    return key(a) < key(b);
  });
  writes.erase(std::unique(writes.begin(), writes.end(),
                           [&](const WrittenRegion &a, const WrittenRegion &b) {
                             return key(a) == key(b);
                           }),
               writes.end());
  std::vector<WrittenRegion> merged;
  for (const WrittenRegion &write : writes) {
    if (merged.empty() || merged.back().extent.end <= write.extent.begin) {
      merged.push_back(write);
      continue;
    }
    WrittenRegion &last = merged.back();
    last.extent.end = std::max(last.extent.end, write.extent.end);
    last.bytes += write.bytes;
  }
  writes.clear();
  return merged;
}

/// The region that `written` belongs to: one with gaps that has room for it, or
/// a new one.
int32_t HeldBytes::regionFor(const WrittenRegion &written) {
  if (!written.isFull())
    for (auto it = split(written.extent.begin);
         it != pieces.end() && it->first < written.extent.end; ++it) {
      if (it->second.region < 0 || regions[it->second.region].isFull())
        continue;
      WrittenRegion &region = regions[it->second.region];
      Interval both = {std::min(region.extent.begin, written.extent.begin),
                       std::max(region.extent.end, written.extent.end)};
      if (region.bytes + written.bytes > both.size())
        continue;
      region = {both, region.bytes + written.bytes};
      return it->second.region;
    }
  regions.push_back(written);
  return int32_t(regions.size() - 1);
}

void HeldBytes::finishLayer() {
  change.push_back(0);
  for (const Interval &interval : exposed)
    use(interval);
  for (const WrittenRegion &write : takeWrites())
    overwrite(write.extent, regionFor(write));
  exposed.clear();
  written.clear();
  ++layer;
}

/// Makes a piece begin at `address`, if one lies there; the first piece that
/// begins there or later.
HeldBytes::PieceMap::iterator HeldBytes::split(int64_t address) {
  auto next = pieces.lower_bound(address);
  if (next == pieces.begin())
    return next;
  auto before = std::prev(next);
  if (before->second.end <= address)
    return next;
  Piece rest = before->second;
  before->second.end = address;
  return pieces.emplace_hint(next, address, rest);
}

/// Holds the interval's bytes from their last use until this layer. What nobody
/// wrote is in use in this layer only.
void HeldBytes::use(Interval interval) {
  split(interval.end);
  auto it = split(interval.begin);
  for (int64_t at = interval.begin; at < interval.end; ++it) {
    if (it == pieces.end() || it->first > at) {
      int64_t end =
          it == pieces.end() ? interval.end : std::min(interval.end, it->first);
      it = pieces.emplace_hint(it, at, Piece{end, layer, -1});
      count(end - at, layer, layer);
    }
    Piece &piece = it->second;
    if (piece.lastUse < layer)
      count(piece.end - at, piece.region < 0 ? layer : piece.lastUse + 1,
            layer);
    piece.lastUse = layer;
    at = piece.end;
  }
}

void HeldBytes::overwrite(Interval interval, int32_t region) {
  split(interval.end);
  auto it = split(interval.begin);
  int64_t counted = 0; ///< in this layer, as read
  while (it != pieces.end() && it->first < interval.end) {
    const auto &[begin, piece] = *it;
    // A region that goes on is held since its last use.
    if (piece.region == region && piece.lastUse + 1 < layer)
      count(piece.end - begin, piece.lastUse + 1, layer - 1);
    if (piece.lastUse == layer)
      counted += piece.end - begin;
    it = pieces.erase(it);
  }
  count(interval.size() - counted, layer, layer);
  pieces.emplace_hint(it, interval.begin, Piece{interval.end, layer, region});
}

/// Holds `bytes` in the layers from `first` to `last`.
void HeldBytes::count(int64_t bytes, size_t first, size_t last) {
  change[first] += bytes;
  change[last + 1] -= bytes;
}

std::vector<uint64_t> HeldBytes::perLayer() const {
  std::vector<uint64_t> held(change.size() - 1);
  int64_t sum = 0;
  for (auto [result, step] : llvm::zip(held, change))
    result = uint64_t(sum += step);
  return held;
}
