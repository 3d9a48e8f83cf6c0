//===- MachineFields.h - The list of a machine's fields ---------*- C++ -*-===//
//
// Part of AccOpt. Name, range and meaning of every field of Machine, in the
// order in which they are printed: parsing, printing, checking, hashing and the
// table in docs/Machine.md all come from this list.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_TARGET_MACHINEFIELDS_H
#define ACCOPT_LIB_TARGET_MACHINEFIELDS_H

#include "accopt/Target/Machine.h"

namespace accopt {

/// Name of the profile whose prices are derived from the memory sizes.
inline constexpr const char *kDerivedProfile = "horowitz45";

/// Calls `visit(name, field, low, high, help)` for each parameter but the name
/// and the energy profile. `M` is Machine or const Machine.
template <typename M, typename Visitor>
void visitParameters(M &m, Visitor &&visit) {
  visit("rows", m.rows, 1, 1024, "rows of the array");
  visit("columns", m.columns, 1, 1024, "columns of the array");
  visit("array_rate_4bit", m.arrayRate4Bit, 1, 16,
        "MACs of a processing element in a cycle at 4 bits");
  visit("array_rate_2bit", m.arrayRate2Bit, 1, 16, "... at 2 bits");
  visit("scratchpad_bytes", m.scratchpadBytes, 1024, 1 << 30,
        "size of the scratchpad");
  visit("accumulator_bytes", m.accumulatorBytes, 64, 1 << 30,
        "size of the accumulators, 4 bytes each");
  visit("dram_bytes_per_cycle", m.dramBytesPerCycle, 1, 65536,
        "bandwidth of DRAM, reading and writing each");
  visit("dram_latency", m.dramLatency, 0, 1000000,
        "cycles from the last beat of a DMA command to its completion");
  visit("issue_cycles", m.issueCycles, 1, 1000000,
        "cycles to decode and set up a command");
  visit("lanes", m.lanes, 1, 65536, "lanes of the vector unit");
  visit("vector_latency", m.vectorLatency, 0, 1000000,
        "cycles to fill and drain the vector unit or the output stage");
  visit("vector_mac", m.vector.mac, 1, 1000,
        "cycles per group of lanes: multiply-accumulate");
  visit("vector_max", m.vector.max, 1, 1000, "... maximum");
  visit("vector_add", m.vector.add, 1, 1000, "... addition");
  visit("vector_mul", m.vector.mul, 1, 1000, "... int8 multiplication");
  visit("vector_rescale", m.vector.rescale, 1, 1000, "... rescale");
  visit("vector_lookup", m.vector.lookup, 1, 1000, "... table look-up");
  visit("vector_fill", m.vector.fill, 1, 1000, "... fill");
  visit("clock_hz", m.clockHz, 1.0, 1e12, "clock frequency");
  visit("host_overhead_cycles", m.hostOverheadCycles, 0, 1000000000,
        "cycles to start a function on the host");
  visit("host_cycles_per_operation", m.hostCyclesPerOperation, 0.0, 1e6,
        "cycles per operation on the host");
  visit("host_cycles_per_byte", m.hostCyclesPerByte, 0.0, 1e6,
        "cycles per byte that the host reads or writes");
}

/// The same for the prices, in picojoules.
template <typename P, typename Visitor>
void visitPrices(P &p, Visitor &&visit) {
  visit("price_mac_int8", p.macInt8, 0.0, 1e6,
        "int8 multiply, int32 accumulate");
  visit("price_mac_4bit", p.mac4Bit, 0.0, 1e6,
        "the same at 4 bits, at a rate above 1");
  visit("price_mac_2bit", p.mac2Bit, 0.0, 1e6,
        "the same at 2 bits, at a rate above 1");
  visit("price_scratchpad_read_byte", p.scratchpadReadByte, 0.0, 1e6,
        "byte read from the scratchpad");
  visit("price_scratchpad_write_byte", p.scratchpadWriteByte, 0.0, 1e6,
        "byte written to the scratchpad");
  visit("price_accumulator_read_byte", p.accumulatorReadByte, 0.0, 1e6,
        "byte read from the accumulators");
  visit("price_accumulator_write_byte", p.accumulatorWriteByte, 0.0, 1e6,
        "byte written to the accumulators");
  visit("price_dram_byte", p.dramByte, 0.0, 1e6, "byte to or from DRAM");
  visit("price_vector_operation", p.vectorOperation, 0.0, 1e6,
        "operation of one lane");
  visit("price_rescale_operation", p.rescaleOperation, 0.0, 1e6,
        "32 x 32 bit multiply, add, shift");
  visit("price_host_operation", p.hostOperation, 0.0, 1e6,
        "operation of the host");
  visit("price_static_cycle", p.staticPerCycle, 0.0, 1e6,
        "static energy of the machine in a cycle");
}

} // namespace accopt

#endif // ACCOPT_LIB_TARGET_MACHINEFIELDS_H
