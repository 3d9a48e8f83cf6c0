//===- Machine.h - Description of a machine ---------------------*- C++ -*-===//
//
// Part of AccOpt. The parameters of a machine, read from YAML (MachineIO.h).
// Every number that timing, energy or capacity depends on is here and nowhere
// else; docs/Machine.md says what each one does.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TARGET_MACHINE_H
#define ACCOPT_TARGET_MACHINE_H

#include <cstdint>
#include <string>

namespace accopt {

/// Prices of events in picojoules; one named profile per source, never mixed.
struct EnergyProfile {
  std::string name, source;
  double macInt8 = 0;              ///< int8 multiply, int32 add
  double mac4Bit = 0, mac2Bit = 0; ///< where the array has a rate for them
  double mac16Bit = 0;             ///< 16-bit by 8-bit multiply, int32 add
  double scratchpadReadByte = 0, scratchpadWriteByte = 0;
  double accumulatorReadByte = 0, accumulatorWriteByte = 0;
  double dramByte = 0;
  double vectorOperation = 0;  ///< one lane, one int32 operation
  double rescaleOperation = 0; ///< one 32 x 32 bit multiply, add, shift
  double hostOperation = 0;
  double staticPerCycle = 0; ///< whole machine
};

/// Cycles that the vector unit spends per group of `lanes` elements.
struct VectorCosts {
  uint32_t mac = 1, max = 1, add = 1, mul = 1, rescale = 4, lookup = 4,
           fill = 1;
};

/// What stays in the processing elements while the rest streams past.
enum class Dataflow : uint8_t {
  WeightStationary,
  OutputStationary,
  InputStationary,
  RowStationary,
  WeightOrOutput ///< of a machine: each command says which of the two
};
/// EXEC's ports to the scratchpad: one each for reading and writing, or one.
enum class ScratchpadPorts : uint8_t { Split, Shared };

struct Machine {
  std::string name;
  Dataflow dataflow = Dataflow::WeightStationary;
  uint32_t rows = 16, columns = 16; ///< of the array
  uint32_t stationaryRegisters = 2; ///< of a processing element
  uint32_t patchSegments = 4;       ///< that feed the array's rows at once
  /// MACs of a processing element in a cycle, at 4 and at 2 bits.
  uint32_t arrayRate4Bit = 1, arrayRate2Bit = 1;
  /// Processing elements that join for a MAC of a 16-bit input; 0: none can,
  /// and the machine has no values of 16 bits.
  uint32_t arrayPes16Bit = 0;
  uint32_t scratchpadBytes = 256 * 1024, scratchpadBanks = 1;
  ScratchpadPorts scratchpadPorts = ScratchpadPorts::Split;
  uint32_t scratchpadPortBytes = 0; ///< per cycle; 0: as wide as needed
  uint32_t accumulatorBytes = 64 * 1024, accumulatorBanks = 1; ///< int32
  uint32_t dramBytesPerCycle = 16; ///< each direction
  uint32_t dramBurstBytes = 1;
  uint32_t dramLatency = 100;   ///< cycles
  uint32_t dramOutstanding = 0; ///< bursts of an engine; 0: any number
  uint32_t issueCycles = 4;     ///< decode and set-up of a command
  uint32_t lanes = 64;          ///< of the vector unit
  uint32_t vectorLatency = 8;   ///< cycles, fill and drain
  VectorCosts vector;
  double clockHz = 1e9;
  uint32_t hostOverheadCycles = 2000; ///< per host function
  double hostCyclesPerOperation = 1, hostCyclesPerByte = 0.25;
  EnergyProfile energy;
};

/// MACs that a processing element does in a cycle at a precision of 8, 4 or 2
/// bits; 1 at any other. At 16 bits several elements do one together
/// (arrayPes16Bit).
inline uint32_t arrayRate(const Machine &machine, unsigned precision) {
  if (precision == 4)
    return machine.arrayRate4Bit;
  return precision == 2 ? machine.arrayRate2Bit : 1;
}

/// Indices of the reduction that the array's rows take at a precision.
inline uint32_t reductionDepth(const Machine &machine, unsigned precision) {
  return precision == 16 ? machine.rows / machine.arrayPes16Bit
                         : machine.rows * arrayRate(machine, precision);
}

/// Cycles in which `indices` of the reduction pass a processing element.
inline uint64_t streamCycles(const Machine &machine, unsigned precision,
                             uint64_t indices) {
  uint64_t rate = arrayRate(machine, precision);
  return precision == 16 ? indices * machine.arrayPes16Bit
                         : (indices + rate - 1) / rate;
}

/// The precision at which `machine` multiplies operands of up to `bits` bits:
/// the fastest that holds them, the smallest of equals; 8 where no other is
/// faster than 8, and 16 above.
inline unsigned arrayPrecision(const Machine &machine, unsigned bits) {
  unsigned best = bits > 8 ? 16 : 8;
  for (unsigned precision : {4u, 2u}) {
    uint32_t rate = arrayRate(machine, precision);
    if (bits <= precision && rate > 1 && rate >= arrayRate(machine, best))
      best = precision;
  }
  return best;
}

/// Elements that the vector unit takes at once, of which the widest operand has
/// two bytes or one.
inline uint32_t vectorElements(const Machine &machine, bool isWide) {
  return isWide ? machine.lanes / 2 : machine.lanes;
}

} // namespace accopt

#endif // ACCOPT_TARGET_MACHINE_H
