//===- MemoryPlan.h - Where tensors live ------------------------*- C++ -*-===//
//
// Part of AccOpt. Both plans place tensors by their lifetimes in layers.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_SCHEDULE_MEMORYPLAN_H
#define ACCOPT_LIB_SCHEDULE_MEMORYPLAN_H

#include "Emitter.h"

namespace accopt {

/// Chooses the tensors that are packed where they lie in DRAM: those of fewer
/// than 8 bits that only window layers write and read, in pieces that begin at
/// bytes.
void planPacking(Network &network, const Machine &machine);

/// Makes operands of concatenations slices of the result where nothing but
/// windows and concatenations touches them and that costs no more than a copy.
void planConcats(Network &network, const Machine &machine);
/// Whether all operands of a concatenation are slices of its result.
bool isInPlace(const Network &network, const Layer &layer);

/// Marks tensors that stay in the scratchpad from the layer that writes them
/// to the last that reads them, where that is estimated to save cycles.
void planResidency(Network &network, const Machine &machine,
                   TilingCache &tilings);

/// Gives every tensor that is not resident and not constant its DRAM address;
/// returns the end of the region.
int64_t planDram(Network &network);

/// What resident tensors leave of the scratchpad while layers [first, last]
/// run.
ScratchpadRange freeScratchpad(const Network &network, int first, int last,
                               const Machine &machine);

/// Where the tensors of window layer `layer` lie, with `scratchpadBytes` free.
Placement placementOf(const Network &network, const Layer &layer,
                      const WindowLayer &window, int64_t scratchpadBytes);

/// The bytes of a constant of int8 or int16.
std::vector<uint8_t> constantBytes(mlir::ElementsAttr value);

} // namespace accopt

#endif // ACCOPT_LIB_SCHEDULE_MEMORYPLAN_H
