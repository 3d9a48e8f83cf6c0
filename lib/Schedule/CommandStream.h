//===- CommandStream.h - Commands with their tokens -------------*- C++ -*-===//
//
// Part of AccOpt. Commands are appended in program order; the tokens that each
// must take follow from what it reads and writes. A command waits for the
// latest earlier command of every other engine that wrote a byte that it
// touches, or read a byte that it writes. Engines are in order, so waiting for
// one command is waiting for all before it.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_SCHEDULE_COMMANDSTREAM_H
#define ACCOPT_LIB_SCHEDULE_COMMANDSTREAM_H

#include "accopt/Target/Command.h"
#include "accopt/Target/Footprint.h"

#include "llvm/ADT/STLFunctionalExtras.h"

#include <map>
#include <vector>

namespace accopt {

class CommandStream {
public:
  explicit CommandStream(const Machine &machine) : machine(machine) {}

  /// The bytes [begin, end) of DRAM are an image whose pixels are `pitch` bytes
  /// apart and whose channels are cut at `cuts` (ascending, from 0 to below
  /// `pitch`): pieces that are written and read by themselves, and whose pixels
  /// lie between each other's. Nothing else may use these bytes.
  void addSlicedImage(int64_t begin, int64_t end, int64_t pitch,
                      std::vector<int64_t> cuts);

  void append(uint32_t layer, Operation operation);

  /// A host command, which touches `reads` and `writes` in DRAM.
  struct Range {
    int64_t begin, end;
  };
  void appendHost(uint32_t layer, HostCommand command,
                  const std::vector<Range> &reads,
                  const std::vector<Range> &writes);

  std::vector<Command> take() { return std::move(commands); }

  /// An image whose pieces are accessed by themselves (addSlicedImage).
  struct Image {
    int64_t begin, end, pitch;
    std::vector<int64_t> cuts;
    /// Calls `access` with the piece, and the pixels in it, of what `region` of
    /// the image touches: the hull of its pixels, in all pieces of its rows.
    void forEachPiece(
        const Region &region,
        llvm::function_ref<void(size_t, int64_t, int64_t)> access) const;
  };

private:
  /// How many commands of each engine must be complete.
  using Counts = std::array<uint32_t, kEngineCount>;

  /// The accesses to the bytes from the map's key to `end`, by engine: the
  /// ordinal of the last command, counted from one.
  struct Segment {
    int64_t end = 0;
    Counts reads = {}, writes = {};
  };
  /// Segments of one memory, disjoint; bytes in none were never touched.
  using Map = std::map<int64_t, Segment>;

  struct SlicedImage : Image {
    std::vector<Map> maps; ///< for each piece, by pixel
  };

  void access(Map &map, int64_t begin, int64_t end, bool isWrite, Engine engine,
              Counts &needed);
  /// In the memory's map, or in those of the pieces of a sliced image.
  void access(const Region &region, Engine engine, Counts &needed);
  void finish(Command command, const Counts &needed);
  static Map::iterator split(Map &map, int64_t at);

  const Machine &machine;
  std::vector<Command> commands;
  Map maps[3];
  std::vector<SlicedImage> images;
  Counts issued = {};
  /// taken[e][o]: tokens that engine e took from engine o so far.
  std::array<Counts, kEngineCount> taken = {};
};

} // namespace accopt

#endif // ACCOPT_LIB_SCHEDULE_COMMANDSTREAM_H
