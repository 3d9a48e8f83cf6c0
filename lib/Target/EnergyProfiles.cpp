//===- EnergyProfiles.cpp - Unit energies from published sources ----------===//
//
// One function for each profile. A profile has one source; what its source does
// not say is derived from what it says. docs/Targets.md tells which price is
// read, which derived and which assumed.
//
//===----------------------------------------------------------------------===//

#include "accopt/Target/MachineIO.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cmath>

using namespace accopt;
using llvm::StringRef;

/// Energy of one bit of an SRAM of `bytes` bytes. The cubic in log2(bits) goes
/// through 10, 20 and 100 pJ per 64 bits at 8 KB, 32 KB and 1 MB. Below 8 KB it
/// would rise again, so that the value of 8 KB is used.
static double sramPicojoulesPerBit(uint64_t bytes) {
  double x = std::log2(8.0 * double(std::max<uint64_t>(bytes, 8192)));
  return 9.02427e-4 * x * x * x - 2.688479e-2 * x * x + 0.2089008 * x;
}

/// What no profile's source has. An instruction of a simple in-order core: 70
/// pJ beside the 0.3 pJ of an int8 MAC in horowitz45's technology; elsewhere as
/// many MACs. The precisions below 8 bits cost what 8 bits cost, and a 16-bit
/// by 8-bit MAC, which two processing elements can do, costs two.
static void assumeRest(EnergyProfile &p) {
  p.mac4Bit = p.mac2Bit = p.macInt8;
  p.mac16Bit = 2 * p.macInt8;
  p.hostOperation = 70 / 0.3 * p.macInt8;
}

EnergyProfile accopt::horowitz45(uint64_t scratchpadBytes,
                                 uint64_t accumulatorBytes) {
  EnergyProfile p;
  p.name = "horowitz45";
  p.source = "Horowitz, ISSCC 2014 (45 nm), as tabulated in qkeras qtools";
  // A multiplier of b bits: 0.2 pJ at 8 and 3.1 pJ at 32 bits grow with the
  // square of b. The addition stays one of 32 bits, 0.1 pJ.
  p.macInt8 = 0.3;
  p.mac4Bit = 0.15;   // 0.2 / 4 + 0.1
  p.mac2Bit = 0.1125; // 0.2 / 16 + 0.1
  // Partial products grow with the product of the widths: 0.2 * 2 + 0.1.
  p.mac16Bit = 0.5;
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

/// Chen et al., ISCA 2016 and JSSC 2017: pJ for 16 bits, 65 nm. A MAC reads its
/// input, weight and sum from the register file and writes the sum there.
static EnergyProfile eyeriss65(const Machine &m) {
  EnergyProfile p;
  p.source = "Eyeriss (65 nm, 16 bit): Chen et al., ISCA 2016, JSSC 2017";
  const double mac = 2, registerFile = 1, globalBuffer = 15, dram = 460;
  p.macInt8 = mac + 4 * registerFile;
  p.scratchpadReadByte = p.scratchpadWriteByte = globalBuffer / 2;
  p.accumulatorReadByte = p.accumulatorWriteByte = globalBuffer / 2;
  p.dramByte = dram / 2;
  p.vectorOperation = mac;
  p.rescaleOperation = 4 * mac; // of 32 bits by four of 16
  assumeRest(p);
  p.staticPerCycle = 30e-3 / m.clockHz * 1e12; // 30 mW
  return p;
}

/// DOSA's model of Gemmini, per access to a word: a byte of the scratchpad and
/// of DRAM, four bytes of the accumulators.
static EnergyProfile gemmini40(const Machine &m) {
  EnergyProfile p;
  p.source = "Gemmini (40 nm): ucb-bar/dosa, energy_model.py";
  const double mac = 0.5608, perRegister = 0.487;
  double scratchpad = 0.49 + 0.02513 * m.scratchpadBytes / 1024;
  double accumulator = 1.94 + 0.1005 * m.accumulatorBytes / 1024 / m.columns;
  p.macInt8 = mac + perRegister;
  p.scratchpadReadByte = p.scratchpadWriteByte = scratchpad;
  p.accumulatorReadByte = p.accumulatorWriteByte = accumulator / 4;
  p.dramByte = 100;
  p.vectorOperation = mac;
  p.rescaleOperation = 16 * mac; // of 32 bits by sixteen of 8
  assumeRest(p);
  return p;
}

/// TPU v4i, pJ per bit at 4 and 128 MB, between them by a power of the size;
/// smaller memories cost what 4 MB cost.
static EnergyProfile tpuV4i(const Machine &m) {
  EnergyProfile p;
  p.source = "TPU v4i: accelforge";
  auto perByte = [](uint64_t bytes, double small, double large) {
    double doublings = std::max(0.0, std::log2(double(bytes) / (4 << 20)));
    return 8 * small * std::pow(large / small, doublings / 5);
  };
  p.macInt8 = 0.084;
  uint64_t bank = m.scratchpadBytes / m.scratchpadBanks;
  p.scratchpadReadByte = perByte(bank, 0.249, 1.88);
  p.scratchpadWriteByte = perByte(bank, 0.293, 2.36);
  bank = m.accumulatorBytes / m.accumulatorBanks;
  p.accumulatorReadByte = perByte(bank, 0.249, 1.88);
  p.accumulatorWriteByte = perByte(bank, 0.293, 2.36);
  p.dramByte = 8 * 7.03;
  p.vectorOperation = p.macInt8;
  p.rescaleOperation = 16 * p.macInt8; // of 32 bits by sixteen of 8
  assumeRest(p);
  return p;
}

llvm::ArrayRef<StringRef> accopt::builtinProfiles() {
  static constexpr StringRef names[] = {"horowitz45", "eyeriss65", "gemmini40",
                                        "tpu_v4i"};
  return names;
}

std::optional<EnergyProfile> accopt::derivedProfile(StringRef name,
                                                    const Machine &m) {
  EnergyProfile profile;
  if (name == "horowitz45")
    profile = horowitz45(m.scratchpadBytes / m.scratchpadBanks,
                         m.accumulatorBytes / m.accumulatorBanks);
  else if (name == "eyeriss65")
    profile = eyeriss65(m);
  else if (name == "gemmini40")
    profile = gemmini40(m);
  else if (name == "tpu_v4i")
    profile = tpuV4i(m);
  else
    return std::nullopt;
  profile.name = name.str();
  return profile;
}
