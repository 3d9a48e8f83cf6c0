//===- Footprint.h - Which bytes a command touches --------------*- C++ -*-===//
//
// Part of AccOpt. The regions that a command reads and writes, for checks of
// addresses and of synchronisation.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TARGET_FOOTPRINT_H
#define ACCOPT_TARGET_FOOTPRINT_H

#include "accopt/Target/Command.h"
#include "accopt/Target/Machine.h"

#include "llvm/ADT/SmallVector.h"

#include <cstdint>

namespace accopt {

enum class Memory : uint8_t { Dram, Scratchpad, Accumulator };

/// Rows of `length` bytes; row (i0, i1, i2) begins at `base + sum of i *
/// stride`. 64-bit signed numbers hold every address that fields can express.
struct Region {
  Memory memory = Memory::Scratchpad;
  bool isWrite = false;
  const char *what = ""; ///< for messages: "input", "weights", ...
  int64_t base = 0;
  std::array<int64_t, 3> count = {1, 1, 1}, stride = {0, 0, 0};
  int64_t length = 0;

  /// The lowest address, and the one after the highest.
  int64_t begin() const;
  int64_t end() const;
};

/// The regions of a command with nonzero counts. A window's input is the
/// rectangle between the first and the last position that any tap has, cut to
/// the image; it is left out if all taps are padding. Host commands have none
/// here: their tensors are in the program's host table.
llvm::SmallVector<Region, 8> footprint(const Command &command,
                                       const Machine &machine);

/// Whether the two have a byte in common (in the same memory).
bool overlaps(const Region &a, const Region &b);

} // namespace accopt

#endif // ACCOPT_TARGET_FOOTPRINT_H
