//===- Area.cpp - Silicon or FPGA resources of a machine ------------------===//

#include "accopt/Target/Area.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/MathExtras.h"

using namespace accopt;
using llvm::divideCeil;

static uint64_t elements(const Machine &machine) {
  return uint64_t(machine.rows) * machine.columns;
}

SiliconArea accopt::siliconArea(const Machine &machine) {
  const double perElement = 116e-3 / (16 * 16);
  const double perScratchpadByte = 544e-3 / (256 << 10);
  const double perAccumulatorByte = 146e-3 / (64 << 10);
  return {perElement * double(elements(machine)),
          perScratchpadByte * machine.scratchpadBytes,
          perAccumulatorByte * machine.accumulatorBytes};
}

FpgaResources accopt::fpgaResources(const Machine &machine) {
  auto blocks = [](uint64_t bytes, uint64_t banks) {
    return banks * divideCeil(bytes / banks, uint64_t(4096));
  };
  FpgaResources r;
  r.dsps = divideCeil(elements(machine), uint64_t(2));
  r.lutsInstead = 300 + divideCeil(elements(machine) * 64 * 11, uint64_t(10));
  r.blockRams = blocks(machine.scratchpadBytes, machine.scratchpadBanks) +
                blocks(machine.accumulatorBytes, machine.accumulatorBanks);
  return r;
}

void accopt::printArea(const Machine &machine, llvm::raw_ostream &os) {
  SiliconArea area = siliconArea(machine);
  FpgaResources fpga = fpgaResources(machine);
  os << "# Area in 22 nm (Gemmini, DAC 2021), mm2: "
     << llvm::format("%.3f array, %.3f scratchpad, %.3f accumulators, %.3f in "
                     "all",
                     area.array, area.scratchpad, area.accumulator,
                     area.total())
     << "\n# UltraScale FPGA: " << fpga.dsps << " DSPs (or " << fpga.lutsInstead
     << " LUTs), " << fpga.blockRams << " block RAMs\n";
}
