//===- FormulasOperandLatencyTest.cpp - ZigZag's cycles by hand -----------===//
//
// Small mappings whose transfers can be counted on paper. The published totals
// are in FormulasOperandNestTest.cpp.
//
//===----------------------------------------------------------------------===//

#include "OperandNestText.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

using namespace accopt::formulas;

namespace {

OperandNestLatency latencyOf(const OperandNest &nest,
                             const OperandMachine &machine) {
  llvm::Expected<OperandNestLatency> latency =
      operandNestLatency(nest, machine);
  if (latency)
    return *latency;
  ADD_FAILURE() << llvm::toString(latency.takeError());
  return {};
}

/// One multiplier; each operand has a register, which holds `held` of the loops
/// (weights, inputs, outputs), and a buffer. Elements have 8 bits, sums 16.
OperandNest nestOf(llvm::StringRef loops, std::array<size_t, 3> held) {
  OperandNest nest;
  nest.loops = loopsOf(loops);
  nest.inputWidth = 64;
  for (size_t tensor = 0; tensor < 3; ++tensor)
    nest.operands[tensor].memories = {{{}, held[tensor]},
                                      {{}, nest.loops.size()}};
  nest.operands[ConvOutputs].bits = 16;
  return nest;
}

/// Registers of 16 bits with a port for each transfer, as wide as it needs.
std::vector<PhysicalMemory> registers() {
  return {{16, {port(8, "W0:tl"), port(8, "W0:fh")}},
          {16, {port(8, "I0:tl"), port(8, "I0:fh")}},
          {16,
           {port(16, "O0:tl"), port(16, "O0:fl"), port(16, "O0:th"),
            port(16, "O0:fh")}}};
}

/// Registers, and a large buffer with `ports`.
OperandMachine machineOf(std::vector<MemoryPort> ports) {
  OperandMachine machine;
  machine.memories = registers();
  machine.memories.push_back({1 << 20, std::move(ports)});
  return machine;
}

/// A weight for each step through half its width: all but the first wait a
/// cycle.
TEST(OperandLatency, StallOfOneTransfer) {
  OperandNest nest = nestOf("C2 Q3 M2", {0, 1, 1});
  OperandMachine machine = machineOf(
      {port(4, "W1:tl"), port(8, "I1:tl"), port(8, "O1:tl"), port(8, "O1:fl")});
  OperandNestLatency latency = latencyOf(nest, machine);
  EXPECT_EQ(latency.steps, 12);
  EXPECT_EQ(latency.stall, (2 - 1) * 11);
  EXPECT_EQ(latency.loading, 2); // One weight, and beside it two channels.
  EXPECT_EQ(latency.unloading, 1);
  EXPECT_EQ(latency.drain, 0);
  EXPECT_EQ(latency.total(), 12 + 11 + 2 + 1);
}

/// A weight a step and two channels every second one, from one port: 21 cycles
/// after the first step's have come, in 12.
TEST(OperandLatency, StallOfASharedPort) {
  OperandNest nest = nestOf("C2 Q3 M2", {0, 1, 1});
  OperandMachine machine =
      machineOf({port(8, "W1:tl I1:tl"), port(8, "O1:tl"), port(8, "O1:fl")});
  EXPECT_EQ(latencyOf(nest, machine).stall, 11 + 10 - 12);
}

/// Weights of two channels stay for three pixels, 8 times; a register without
/// room for two more takes them in one pixel's time, two cycles of six. A sum
/// is final every second cycle and has one to leave. Of six cycles, four are in
/// either's window.
TEST(OperandLatency, UnionOfWindows) {
  OperandNest nest = nestOf("C2 Q3 M8", {1, 1, 1});
  auto stall = [&](OperandMachine machine) {
    return latencyOf(nest, machine).stall;
  };
  auto withPort = [&](int64_t bits) {
    OperandMachine machine = machineOf(
        {port(bits, "W1:tl O1:fl"), port(8, "I1:tl"), port(8, "O1:tl")});
    machine.memories[2].bits = 8; // A final sum.
    return machine;
  };
  EXPECT_EQ(stall(withPort(8)), 2 * 7 + 1 * 23 - 4 * 8);
  // At half the width both take twice as long as they may.
  EXPECT_EQ(stall(withPort(4)),
            (4 - 2) * 7 + (2 - 1) * 23 + (2 * 7 + 1 * 23 - 4 * 8));
  // With room for two sums each may leave at any time: one window is all.
  OperandMachine machine = withPort(8);
  machine.memories[2].bits = 16;
  EXPECT_EQ(stall(machine), std::max(0, (1 - 2) * 23 + 2 * 7 + 2 * 23 - 48));
}

/// Two weights and six inputs go through a buffer, once; DRAM sends eight bits
/// a cycle and has six cycles to spare. The first tile of each needs one.
TEST(OperandLatency, LoadsWhileComputing) {
  OperandNest nest = nestOf("C2 Q3", {0, 0, 1});
  for (ConvTensor tensor : {ConvWeights, ConvInputs})
    nest.operands[tensor].memories.insert(
        nest.operands[tensor].memories.begin() + 1, {{}, 2});
  OperandMachine machine =
      machineOf({port(8, "W2:tl I2:tl"), port(8, "O1:tl"), port(8, "O1:fl")});
  machine.memories.push_back({1 << 10, {port(8, "W1:tl"), port(8, "W1:fh")}});
  machine.memories.push_back({1 << 10, {port(8, "I1:tl"), port(8, "I1:fh")}});
  // Both are down to one cycle, and one more into the registers.
  EXPECT_EQ(latencyOf(nest, machine).loading, 1 + 1);
  // Inputs by five; with the last, both by a half: weights keep 1.5.
  machine.spare = SpareRule::Together;
  EXPECT_EQ(latencyOf(nest, machine).loading, 1.5 + 1);
}

/// Five channels in two rounds of 2.5 and two filters, on four rows and three
/// columns.
TEST(OperandLatency, SystolicDrain) {
  OperandNest nest = nestOf("Q3 C2", {1, 1, 1});
  nest.operands[ConvWeights].memories[1].fanOut = loopsOf("C2.5 M2");
  nest.operands[ConvInputs].memories[0].fanOut = loopsOf("C2.5 M2");
  nest.operands[ConvOutputs].memories[0].fanOut = loopsOf("C2.5 M2");
  OperandMachine machine = machineOf(
      {port(8, "W1:tl"), port(8, "I1:tl"), port(8, "O1:tl"), port(8, "O1:fl")});
  EXPECT_EQ(latencyOf(nest, machine).drain, 0);
  machine.systolic = loopsOf("C4 M3");
  EXPECT_EQ(latencyOf(nest, machine).drain, 3 + 1);
}

TEST(OperandLatency, Refusals) {
  OperandNest nest = nestOf("C2 Q3", {0, 0, 0});
  auto errorOf = [&](std::vector<MemoryPort> ports) {
    llvm::Expected<OperandNestLatency> latency =
        operandNestLatency(nest, machineOf(std::move(ports)));
    return latency ? "" : llvm::toString(latency.takeError());
  };
  MemoryPort others = port(8, "W1:tl O1:tl O1:fl");
  EXPECT_EQ(errorOf({others, port(8, "I1:tl")}), "");
  EXPECT_EQ(errorOf({others}),
            "expected one port for inputs memory 1 read below, got 0");
  EXPECT_EQ(errorOf({others, port(8, "I1:tl I1:tl")}),
            "expected one port for inputs memory 1 read below, got 2");
  EXPECT_EQ(
      errorOf({others, port(8, "I1:tl I2:tl")}),
      "expected ports of memories that the nest has, got inputs memory 2 read "
      "below");
  EXPECT_EQ(errorOf({others, port(0, "I1:tl")}),
            "expected ports of at least 1 bit, got 0");
  nest.operands[ConvInputs].memories[1].loops = 1;
  EXPECT_EQ(errorOf({others, port(8, "I1:tl")}),
            "expected an outermost memory with all loops");
}

} // namespace
