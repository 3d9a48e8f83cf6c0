//===- EnergyProfiles.cpp - Unit energies from published sources ----------===//
//
// Profile "horowitz45": M. Horowitz, "Computing's Energy Problem", ISSCC 2014,
// 45 nm, 0.9 V, as tabulated and fitted in qkeras (qtools/config_public.py).
// docs/Machine.md says which price is read, which derived, which assumed.
//
//===----------------------------------------------------------------------===//

#include "MachineFields.h"
#include "accopt/Target/MachineIO.h"

#include <algorithm>
#include <cmath>

using namespace accopt;

/// Energy of one bit of an SRAM of `bytes` bytes. The cubic in log2(bits) goes
/// through 10, 20 and 100 pJ per 64 bits at 8 KB, 32 KB and 1 MB. Below 8 KB it
/// would rise again, so that the value of 8 KB is used.
static double sramPicojoulesPerBit(uint64_t bytes) {
  double x = std::log2(8.0 * double(std::max<uint64_t>(bytes, 8192)));
  return 9.02427e-4 * x * x * x - 2.688479e-2 * x * x + 0.2089008 * x;
}

EnergyProfile accopt::horowitz45(uint64_t scratchpadBytes,
                                 uint64_t accumulatorBytes) {
  EnergyProfile p;
  p.name = kDerivedProfile;
  p.source = "Horowitz, ISSCC 2014 (45 nm), as tabulated in qkeras qtools";
  // A multiplier of b bits: 0.2 pJ at 8 and 3.1 pJ at 32 bits grow with the
  // square of b. The addition stays one of 32 bits, 0.1 pJ.
  p.macInt8 = 0.3;
  p.mac4Bit = 0.15;   // 0.2 / 4 + 0.1
  p.mac2Bit = 0.1125; // 0.2 / 16 + 0.1
  p.scratchpadReadByte = p.scratchpadWriteByte =
      8 * sramPicojoulesPerBit(scratchpadBytes);
  p.accumulatorReadByte = p.accumulatorWriteByte =
      8 * sramPicojoulesPerBit(accumulatorBytes);
  p.dramByte = 8 * 20.3;
  p.vectorOperation = 0.1;
  // int32 multiply and, by the source's fit of 0.003125 pJ per bit, a 64-bit
  // addition; the shift has no price in the source.
  p.rescaleOperation = 3.3;
  // Assumed: an instruction of a simple in-order core. The source's table has
  // neither this nor static power.
  p.hostOperation = 70;
  p.staticPerCycle = 0;
  return p;
}
