//===- Area.h - Silicon or FPGA resources of a machine ----------*- C++ -*-===//
//
// Part of AccOpt. Estimates by component, each from one published source.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TARGET_AREA_H
#define ACCOPT_TARGET_AREA_H

#include "accopt/Target/Machine.h"

#include "llvm/Support/raw_ostream.h"

#include <cstdint>

namespace accopt {

/// Square millimetres in Intel's 22 nm, scaled from the one layout in figure 6
/// of Genc et al., "Gemmini", DAC 2021: 116,000 um^2 for 16 x 16 processing
/// elements, 544,000 for 256 KB of scratchpad, 146,000 for 64 KB of
/// accumulators. The vector unit, DMA and host are not in it.
struct SiliconArea {
  double array = 0, scratchpad = 0, accumulator = 0;
  double total() const { return array + scratchpad + accumulator; }
};
SiliconArea siliconArea(const Machine &machine);

/// Resources of an UltraScale FPGA. The array's multipliers are in DSPs, two
/// int8 MACs in each (Xilinx WP486), or else in LUTs, 300 + 1.1 * 64 for each
/// MAC (Blott et al., "FINN-R", TRETS 2018, equation for 8 x 8 bits). A block
/// RAM of 36 Kbit holds 4 KiB without its parity bits (Xilinx UG573); a bank
/// takes whole ones. The vector unit, DMA and control are not in it.
struct FpgaResources {
  uint64_t dsps = 0;
  uint64_t lutsInstead = 0; ///< without those DSPs
  uint64_t blockRams = 0;
};
FpgaResources fpgaResources(const Machine &machine);

/// Both as comments of a machine's YAML, a line each.
void printArea(const Machine &machine, llvm::raw_ostream &os);

} // namespace accopt

#endif // ACCOPT_TARGET_AREA_H
