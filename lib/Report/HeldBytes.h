//===- HeldBytes.h - From first write to last read --------------*- C++ -*-===//

#ifndef ACCOPT_LIB_REPORT_HELDBYTES_H
#define ACCOPT_LIB_REPORT_HELDBYTES_H

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace accopt {

/// The bytes [begin, end).
struct Interval {
  int64_t begin = 0, end = 0;
  int64_t size() const { return end - begin; }
};

/// A set of bytes.
class IntervalSet {
public:
  void insert(Interval interval);
  /// The pieces of `interval` that are not in the set.
  std::vector<Interval> missing(Interval interval) const;
  void clear() { intervals.clear(); }
  auto begin() const { return intervals.begin(); }
  auto end() const { return intervals.end(); }
  int64_t size() const;

private:
  std::vector<Interval>::const_iterator firstTouching(int64_t begin) const;

  std::vector<Interval> intervals; ///< sorted; they do not touch
};

/// In which layers each byte of one memory is held, in one pass over the
/// program: reads and writes are told in program order, layer by layer.
class HeldBytes {
public:
  void read(Interval interval);
  /// `bytes` of the interval are written; the others lie between rows.
  void write(Interval interval, int64_t bytes);
  void finishLayer();

  /// Bytes held in each of the finished layers.
  std::vector<uint64_t> perLayer() const;

private:
  /// Bytes with the same history.
  struct Piece {
    int64_t end = 0;
    size_t lastUse = 0; ///< layer
    /// Index of the region that was written there; -1: none.
    int32_t region = -1;
  };
  /// What layers have written in one area.
  struct WrittenRegion {
    Interval extent;
    int64_t bytes = 0;
    bool isFull() const { return bytes >= extent.size(); }
  };
  using PieceMap = std::map<int64_t, Piece>; ///< by the piece's begin

  std::vector<WrittenRegion> takeWrites();
  int32_t regionFor(const WrittenRegion &written);
  PieceMap::iterator split(int64_t address);
  void use(Interval interval);
  void overwrite(Interval interval, int32_t region);
  void count(int64_t bytes, size_t first, size_t last);

  size_t layer = 0;
  PieceMap pieces; ///< a partition of all bytes that were touched
  std::vector<WrittenRegion> regions;
  std::vector<WrittenRegion> writes; ///< of this layer
  IntervalSet written, exposed;      ///< of this layer
  /// Of the held bytes, from each layer to the next.
  std::vector<int64_t> change = {0};
};

} // namespace accopt

#endif // ACCOPT_LIB_REPORT_HELDBYTES_H
