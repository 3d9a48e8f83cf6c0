//===- MachineFields.h - The list of a machine's fields ---------*- C++ -*-===//
//
// Part of AccOpt. Name, range, unit and meaning of every field of Machine, in
// the order in which they are printed: parsing, printing, checking, hashing,
// the JSON Schema and docs/Targets.md all come from this list.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_TARGET_MACHINEFIELDS_H
#define ACCOPT_LIB_TARGET_MACHINEFIELDS_H

#include "accopt/Target/Machine.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace accopt {

struct FieldDoc {
  const char *unit, *help;
};

inline constexpr const char *kDataflowNames[] = {
    "weight-stationary", "output-stationary", "input-stationary",
    "row-stationary", "weight-or-output-stationary"};
inline constexpr const char *kPortNames[] = {"split", "shared"};

/// Calls `visit(name, field, names of the enumerators, help)` for each field
/// that is one of several names. `M` is Machine or const Machine.
template <typename M, typename Visitor>
void visitChoices(M &m, Visitor &&visit) {
  visit("dataflow", m.dataflow, llvm::ArrayRef(kDataflowNames),
        "what stays in the processing elements while the rest streams");
  visit("scratchpad_ports", m.scratchpadPorts, llvm::ArrayRef(kPortNames),
        "whether EXEC reads and writes the scratchpad through ports of their "
        "own or through one");
}

/// Calls `visit(name, field, low, high, doc)` for each number but the prices.
template <typename M, typename Visitor>
void visitParameters(M &m, Visitor &&visit) {
  using Doc = FieldDoc;
  visit("rows", m.rows, 1, 1024, Doc{"PEs", "rows of the array"});
  visit("columns", m.columns, 1, 1024, Doc{"PEs", "columns of the array"});
  visit("stationary_registers", m.stationaryRegisters, 1, 2,
        Doc{"", "registers of a processing element for the stationary operand; "
                "with 2 the next ones load while the others are used"});
  visit("patch_segments", m.patchSegments, 1, 1024,
        Doc{"",
            "contiguous pieces of a patch that feed the array's rows at "
            "once; with 1 a block of the reduction ends where a piece ends"});
  visit("array_rate_4bit", m.arrayRate4Bit, 1, 16,
        Doc{"MACs/cycle", "rate of a processing element at 4 bits"});
  visit("array_rate_2bit", m.arrayRate2Bit, 1, 16,
        Doc{"MACs/cycle", "rate of a processing element at 2 bits"});
  visit("array_pes_16bit", m.arrayPes16Bit, 0, 16,
        Doc{"PEs", "processing elements that join for a MAC of a 16-bit "
                   "input; 0: the machine has no values of 16 bits"});
  visit("scratchpad_bytes", m.scratchpadBytes, 1024, 1 << 30,
        Doc{"bytes", "size of the scratchpad"});
  visit("scratchpad_banks", m.scratchpadBanks, 1, 4096,
        Doc{"", "equal banks of the scratchpad; some energy profiles price a "
                "bank, and an FPGA gives each its block RAMs"});
  visit("scratchpad_port_bytes", m.scratchpadPortBytes, 0, 1 << 20,
        Doc{"bytes/cycle",
            "width of EXEC's ports to the scratchpad; 0 is as wide as EXEC "
            "asks for"});
  visit("accumulator_bytes", m.accumulatorBytes, 64, 1 << 30,
        Doc{"bytes", "size of the accumulators, 4 bytes each"});
  visit("accumulator_banks", m.accumulatorBanks, 1, 4096,
        Doc{"", "equal banks of the accumulators"});
  visit("dram_bytes_per_cycle", m.dramBytesPerCycle, 1, 65536,
        Doc{"bytes/cycle", "bandwidth of DRAM, reading and writing each"});
  visit("dram_burst_bytes", m.dramBurstBytes, 1, 65536,
        Doc{"bytes", "a row of a transfer is rounded up to whole bursts"});
  visit("dram_latency", m.dramLatency, 0, 1000000,
        Doc{"cycles", "from the last beat of a DMA command to its completion"});
  visit("dram_outstanding", m.dramOutstanding, 0, 65536,
        Doc{"requests", "bursts that an engine may have under way; 0 is any "
                        "number"});
  visit("issue_cycles", m.issueCycles, 1, 1000000,
        Doc{"cycles", "to decode and set up a command"});
  visit("lanes", m.lanes, 1, 65536, Doc{"", "lanes of the vector unit"});
  visit("vector_latency", m.vectorLatency, 0, 1000000,
        Doc{"cycles", "to fill and drain the vector unit or the output stage"});
  visit("vector_mac", m.vector.mac, 1, 1000,
        Doc{"cycles", "of a group of lanes for a multiply-accumulate"});
  visit("vector_max", m.vector.max, 1, 1000,
        Doc{"cycles", "of a group of lanes for a maximum"});
  visit("vector_add", m.vector.add, 1, 1000,
        Doc{"cycles", "of a group of lanes for an addition"});
  visit("vector_mul", m.vector.mul, 1, 1000,
        Doc{"cycles", "of a group of lanes for an int8 multiplication"});
  visit("vector_rescale", m.vector.rescale, 1, 1000,
        Doc{"cycles", "of a group of lanes for a rescale"});
  visit("vector_lookup", m.vector.lookup, 1, 1000,
        Doc{"cycles", "of a group of lanes for a table look-up"});
  visit("vector_fill", m.vector.fill, 1, 1000,
        Doc{"cycles", "of a group of lanes for a fill"});
  visit("clock_hz", m.clockHz, 1.0, 1e12, Doc{"Hz", "clock frequency"});
  visit("host_overhead_cycles", m.hostOverheadCycles, 0, 1000000000,
        Doc{"cycles", "to start a function on the host"});
  visit("host_cycles_per_operation", m.hostCyclesPerOperation, 0.0, 1e6,
        Doc{"cycles", "of an operation on the host"});
  visit("host_cycles_per_byte", m.hostCyclesPerByte, 0.0, 1e6,
        Doc{"cycles", "of a byte that the host reads or writes"});
}

/// The same for the prices.
template <typename P, typename Visitor>
void visitPrices(P &p, Visitor &&visit) {
  using Doc = FieldDoc;
  visit("price_mac_int8", p.macInt8, 0.0, 1e6,
        Doc{"pJ", "int8 multiply, int32 accumulate"});
  visit("price_mac_4bit", p.mac4Bit, 0.0, 1e6,
        Doc{"pJ", "multiply-accumulate at 4 bits, at a rate above 1"});
  visit("price_mac_2bit", p.mac2Bit, 0.0, 1e6,
        Doc{"pJ", "multiply-accumulate at 2 bits, at a rate above 1"});
  visit("price_mac_16bit", p.mac16Bit, 0.0, 1e6,
        Doc{"pJ", "16-bit by 8-bit multiply, int32 accumulate"});
  visit("price_scratchpad_read_byte", p.scratchpadReadByte, 0.0, 1e6,
        Doc{"pJ", "byte read from the scratchpad"});
  visit("price_scratchpad_write_byte", p.scratchpadWriteByte, 0.0, 1e6,
        Doc{"pJ", "byte written to the scratchpad"});
  visit("price_accumulator_read_byte", p.accumulatorReadByte, 0.0, 1e6,
        Doc{"pJ", "byte read from the accumulators"});
  visit("price_accumulator_write_byte", p.accumulatorWriteByte, 0.0, 1e6,
        Doc{"pJ", "byte written to the accumulators"});
  visit("price_dram_byte", p.dramByte, 0.0, 1e6,
        Doc{"pJ", "byte to or from DRAM"});
  visit("price_vector_operation", p.vectorOperation, 0.0, 1e6,
        Doc{"pJ", "operation of one lane"});
  visit("price_rescale_operation", p.rescaleOperation, 0.0, 1e6,
        Doc{"pJ", "32 x 32 bit multiply, add, shift"});
  visit("price_host_operation", p.hostOperation, 0.0, 1e6,
        Doc{"pJ", "operation of the host"});
  visit("price_static_cycle", p.staticPerCycle, 0.0, 1e6,
        Doc{"pJ", "static energy of the machine in a cycle"});
}

} // namespace accopt

#endif // ACCOPT_LIB_TARGET_MACHINEFIELDS_H
