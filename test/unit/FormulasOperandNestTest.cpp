//===- FormulasOperandNestTest.cpp - ZigZag's ResNet-18 -------------------===//
//
// Published totals: KULeuven-MICAS/zigzag, tests/main/test_origin. Machines:
// its zigzag/inputs/hardware. The mappings, and the energy and cycles of each
// layer, are what its packages 3.8.5, whose totals are the published ones, and
// 3.9.1 find with default options.
//
//===----------------------------------------------------------------------===//

#include "OperandNestText.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace accopt::formulas;
using llvm::StringRef;

namespace {

/// Sets what of the memories a mapping says: "fan-out:loops|fan-out:loops".
void map(Operand &operand, StringRef text) {
  llvm::SmallVector<StringRef> parts;
  text.split(parts, '|');
  ASSERT_EQ(parts.size(), operand.memories.size());
  for (size_t i = 0; i < parts.size(); ++i) {
    auto [fanOut, loops] = parts[i].split(':');
    operand.memories[i].fanOut = loopsOf(fanOut);
    ASSERT_FALSE(loops.getAsInteger(10, operand.memories[i].loops));
  }
}

struct MappedLayer {
  int times; ///< in the network
  double energy;
  /// As of 3.8.5 and of 3.9.1; 0 for a mapping that it does not choose.
  double cycles385, cycles391;
  int64_t stride, input;
  const char *loops, *weights, *inputs, *outputs;
};

OperandNest nestOf(const OperandNest &machine, const MappedLayer &layer) {
  OperandNest nest = machine;
  nest.loops = loopsOf(layer.loops);
  nest.strideHeight = nest.strideWidth = layer.stride;
  nest.inputHeight = nest.inputWidth = layer.input;
  map(nest.operands[ConvWeights], layer.weights);
  map(nest.operands[ConvInputs], layer.inputs);
  map(nest.operands[ConvOutputs], layer.outputs);
  return nest;
}

OperandNestCost costOf(const OperandNest &nest) {
  llvm::Expected<OperandNestCost> cost = operandNestCost(nest);
  if (cost)
    return *cost;
  ADD_FAILURE() << llvm::toString(cost.takeError());
  return {};
}

double networkEnergy(const OperandNest &machine,
                     llvm::ArrayRef<MappedLayer> layers) {
  double total = 0;
  for (const MappedLayer &layer : layers) {
    SCOPED_TRACE(layer.loops);
    double energy = costOf(nestOf(machine, layer)).total();
    EXPECT_NEAR(energy, layer.energy, 1e-9 * energy);
    total += layer.times * energy;
  }
  return total;
}

/// Of the layers that have a figure in `golden`.
double networkCycles(const OperandNest &nest, const OperandMachine &machine,
                     llvm::ArrayRef<MappedLayer> layers,
                     double MappedLayer::*golden) {
  double total = 0;
  for (const MappedLayer &layer : layers) {
    SCOPED_TRACE(layer.loops);
    llvm::Expected<OperandNestLatency> latency =
        operandNestLatency(nestOf(nest, layer), machine);
    if (!latency) {
      ADD_FAILURE() << llvm::toString(latency.takeError());
      return 0;
    }
    EXPECT_NEAR(latency->total(), layer.*golden, 1e-9 * latency->total());
    total += layer.times * latency->total();
  }
  return total;
}

const OperandMemory dram{{}, 0, 700, 750, 64, 64};
const OperandMemory sram2M{{}, 0, 416.16, 378.4, 2048, 64};

OperandNest tpuLike() {
  OperandNest machine;
  machine.macPrice = 0.04;
  machine.operands[ConvWeights] = {8, 8, {{{}, 0, 0.095, 0.095, 8, 8}, dram}};
  machine.operands[ConvInputs] = {8, 8, {sram2M, dram}};
  machine.operands[ConvOutputs] = {
      16, 8, {{{}, 0, 0.021, 0.021, 16, 16}, sram2M, dram}};
  return machine;
}

OperandNest edgeTpuLike() {
  OperandNest machine;
  machine.macPrice = 0.04;
  machine.operands[ConvWeights] = {
      8, 8, {{{}, 0, 0.01, 0.01, 8, 8}, {{}, 0, 22.9, 52.01, 512, 64}, dram}};
  machine.operands[ConvInputs] = {8, 8, {sram2M, dram}};
  machine.operands[ConvOutputs] = {
      16, 8, {{{}, 0, 0.02, 0.02, 16, 16}, sram2M, dram}};
  return machine;
}

OperandNest metaPrototype() {
  OperandNest machine;
  machine.macPrice = 0.04;
  const OperandMemory sram1M{{}, 0, 208.08, 189.2, 1024, 64};
  machine.operands[ConvWeights] = {
      8,
      8,
      {{{}, 0, 0.01, 0.01, 8, 8}, {{}, 0, 26.56, 30.8, 512, 64}, sram1M, dram}};
  machine.operands[ConvInputs] = {
      8, 8, {{{}, 0, 13.28, 15.4, 256, 64}, sram1M, dram}};
  machine.operands[ConvOutputs] = {
      16, 8, {{{}, 0, 0.02, 0.02, 16, 16}, sram1M, dram}};
  return machine;
}

/// The rule for spare cycles is 3.9.1's.
OperandMachine tpuMachine() {
  OperandMachine machine;
  machine.memories = {
      {1024, {port(8, "W0:tl"), port(8, "W0:fh")}},
      {16,
       {port(16, "O0:tl"), port(16, "O0:th"), port(16, "O0:fh"),
        port(16, "O0:fl")}},
      {16777216,
       {port(2048, "I0:tl O1:tl O1:th"), port(2048, "I0:fh O1:fh O1:fl")}},
      {10000000000, {port(64, "I1:tl W1:tl O2:tl O2:fl")}}};
  machine.systolic = loopsOf("M32 C32");
  return machine;
}

/// The rule for spare cycles is 3.9.1's.
OperandMachine edgeTpuMachine() {
  OperandMachine machine;
  machine.memories = {
      {8, {port(8, "W0:tl"), port(8, "W0:fh")}},
      {16,
       {port(16, "O0:tl"), port(16, "O0:th"), port(16, "O0:fh"),
        port(16, "O0:fl")}},
      {262144, {port(512, "W1:tl"), port(512, "W1:fh")}},
      {16777216,
       {port(2048, "I0:tl O1:tl O1:th"), port(2048, "I0:fh O1:fh O1:fl")}},
      {10000000000, {port(64, "I1:tl W2:tl O2:tl O2:fl")}}};
  return machine;
}

/// The rule for spare cycles is 3.9.1's.
OperandMachine metaMachine() {
  OperandMachine machine;
  machine.memories = {
      {8, {port(8, "W0:tl"), port(8, "W0:fh")}},
      {16,
       {port(16, "O0:tl"), port(16, "O0:th"), port(16, "O0:fh"),
        port(16, "O0:fl")}},
      {524288, {port(512, "W1:tl"), port(512, "W1:fh")}},
      {262144, {port(256, "I0:tl"), port(256, "I0:fh")}},
      {8388608,
       {port(1024, "I1:tl O1:tl O1:th"), port(1024, "I1:fh O1:fh O1:fl")}},
      {8388608, {port(1024, "W2:tl"), port(1024, "W2:fh")}},
      {10000000000, {port(64, "I2:tl W3:tl O2:tl O2:fl")}}};
  return machine;
}

OperandMachine as385(OperandMachine machine) {
  machine.spare = SpareRule::Together;
  machine.systolic.clear();
  return machine;
}

TEST(OperandNest, TpuLikeGolden) {
  const MappedLayer layers[] = {
      {1, 128899782.59200001, 1246967, 1248163, 2, 224, "S7 R7 P16 P7 Q112 M2",
       ":6|M32 C3:6", "M32 C3:6|:6", ":2|M32 C3:6|:6"},
      {4, 66996199.93599999, 113682, 138048, 1, 56, "C2 R3 S3 P56 Q56 M2",
       ":6|M32 C32:6", "M32 C32:6|:6", ":3|M32 C32:6|:6"},
      {1, 47270885.888, 59788, 81600, 2, 56, "C2 R3 S3 P28 Q28 M4",
       ":6|M32 C32:6", "M32 C32:6|:6", ":3|M32 C32:6|:6"},
      {1, 16432105.6, 18817, 18879, 2, 56, "C2 P7 P4 Q7 Q4 M4", ":6|M32 C32:6",
       "M32 C32:6|:6", ":1|M32 C32:6|:6"},
      {3, 57967469.31200001, 117506, 125504, 1, 28, "C4 R3 S3 P28 Q28 M4",
       ":5|M32 C32:6", "M32 C32:6|:6", ":3|M32 C32:6|:6"},
      {1, 52822913.536, 62723, 69056, 2, 28, "C4 R3 S3 P14 Q14 M8",
       ":5|M32 C32:6", "M32 C32:6|:6", ":3|M32 C32:6|:6"},
      {1, 11459105.088, 10369.5, 10431, 2, 28, "C2 C2 P7 P2 Q14 M8",
       ":6|M32 C32:6", "M32 C32:6|:6", ":2|M32 C32:6|:6"},
      {3, 88387503.35999998, 120672, 123934, 1, 14, "C8 R3 P14 Q14 M8 S3",
       ":4|M32 C32:6", "M32 C32:6|:6", ":2|M32 C32:6|:6"},
      {1, 127902977.472, 153073, 153135, 2, 14, "R3 P7 Q7 M16 C8 S3",
       ":4|M32 C32:6", "M32 C32:6|:6", ":1|M32 C32:6|:6"},
      {1, 16507176.351999998, 19521, 19583, 2, 14, "C2 C4 P7 Q7 M4 M4",
       ":6|M32 C32:6", "M32 C32:6|:6", ":2|M32 C32:6|:6"},
      {3, 239327692.416, 299921, 299983, 1, 7, "C16 P7 Q7 M16 R3 S3",
       ":3|M32 C32:6", "M32 C32:6|:6", ":1|M32 C32:6|:6"},
      {1, 45108639.12, 63677, 63739, 1, 1, "C2 C4 C2 M4 M4 M2",
       ":4|M31.25 C32:6", "M31.25 C32:6|:6", ":3|M31.25 C32:6|:6"},
  };
  EXPECT_NEAR(networkEnergy(tpuLike(), layers), 1871436380.66, 0.01);
  EXPECT_NEAR(networkCycles(tpuLike(), as385(tpuMachine()), layers,
                            &MappedLayer::cycles385),
              3703960.5, 0.01);
  EXPECT_NEAR(
      networkCycles(tpuLike(), tpuMachine(), layers, &MappedLayer::cycles391),
      3865041, 0.01);
}

TEST(OperandNest, EdgeTpuLikeGolden) {
  const MappedLayer layers[] = {
      {1, 125057919.07000001, 324971, 326146, 2, 224, "S7 R7 P7 P4 Q28 M8",
       "Q4 P4:0|M8 C3:6|:6", "M8 C3 P4 Q4:6|:6", "C3:2|M8 P4 Q4:6|:6"},
      {4, 71980245.12, 113682, 137986, 1, 56, "C8 R3 S3 P14 Q14 M8",
       "Q4 P4:0|M8 C8:5|:6", "M8 C8 P4 Q4:6|:6", "C8:3|M8 P4 Q4:6|:6"},
      {1, 49802592.0, 68995, 81538, 2, 56, "C8 R3 S3 P7 Q7 M16",
       "Q4 P4:0|M8 C8:5|:6", "M8 C8 P4 Q4:6|:6", "C8:3|M8 P4 Q4:6|:6"},
      {1, 16655246.719999999, 18817, 18817, 2, 56, "C2 C4 P7 Q7 M4 M4",
       "Q4 P4:0|M8 C8:6|:6", "M8 C8 P4 Q4:6|:6", "C8:2|M8 P4 Q4:6|:6"},
      {3, 63096311.03999999, 114051, 125442, 1, 28, "C16 R3 S3 P7 Q7 M16",
       "Q4 P4:0|M8 C8:5|:6", "M8 C8 P4 Q4:6|:6", "C8:3|M8 P4 Q4:6|:6"},
      {1, 52852233.6, 79123, 83730, 2, 28, "C16 R3 S3 P4 Q4 M32",
       "Q3.5 P3.5:0|M8 C8:5|:6", "M8 C8 P3.5 Q3.5:6|:6",
       "C8:3|M8 P3.5 Q3.5:6|:6"},
      {1, 11437319.36, 10498.5, 10498, 2, 28, "C4 C4 P2 P2 Q4 M32",
       "Q3.5 P3.5:0|M8 C8:6|:6", "M8 C8 P3.5 Q3.5:6|:6",
       "C8:2|M8 P3.5 Q3.5:6|:6"},
      {3, 88325272.32, 150657, 155264, 1, 14, "C32 R3 P4 Q4 M32 S3",
       "Q3.5 P3.5:0|M8 C8:4|:6", "M8 C8 P3.5 Q3.5:6|:6",
       "C8:2|M8 P3.5 Q3.5:6|:6"},
      {1, 124528305.6, 154017, 154017, 2, 14, "C32 R3 P2 Q2 S3 M64",
       "Q3.5 P3.5:0|M8 C8:5|:6", "M8 C8 P3.5 Q3.5:6|:6",
       "C8:2|M8 P3.5 Q3.5:6|:6"},
      {1, 16570026.079999998, 19329, 19329, 2, 14, "C4 C8 P2 Q2 M4 M16",
       "Q3.5 P3.5:0|M8 C8:5|:6", "M8 C8 P3.5 Q3.5:6|:6",
       "C8:2|M8 P3.5 Q3.5:6|:6"},
      {3, 239487231.35999998, 299585, 299585, 1, 7, "C64 R3 P2 Q2 M64 S3",
       "Q3.5 P3.5:0|M8 C8:4|:6", "M8 C8 P3.5 Q3.5:6|:6",
       "C8:2|M8 P3.5 Q3.5:6|:6"},
      {1, 45678310.48, 64447, 64447, 1, 1, "C4 C4 C4 M5 M5 M5", ":0|M8 C8:4|:6",
       "M8 C8:6|:6", "C8:3|M8:6|:6"},
  };
  EXPECT_NEAR(networkEnergy(edgeTpuLike(), layers), 1903229377.55, 0.01);
  EXPECT_NEAR(networkCycles(edgeTpuLike(), as385(edgeTpuMachine()), layers,
                            &MappedLayer::cycles385),
              2887804.5, 0.01);
  EXPECT_NEAR(networkCycles(edgeTpuLike(), edgeTpuMachine(), layers,
                            &MappedLayer::cycles391),
              3051339, 0.01);
}

TEST(OperandNest, MetaPrototypeGolden) {
  const MappedLayer layers[] = {
      {1, 105144177.76, 153897, 0, 2, 224, "C2 R7 S7 P28 M2 Q28",
       "Q4 P4:0|M32 C1.5:6|:6|:6", "M32 C1.5 P4 Q4:5|:6|:6",
       "C1.5:3|M32 P4 Q4:6|:6"},
      {4, 52871873.28, 113741, 0, 1, 56, "C32 R3 S3 P14 M2 Q14",
       "Q4 P4:0|M32 C2:6|:6|:6", "M32 C2 P4 Q4:5|:6|:6", "C2:3|M32 P4 Q4:6|:6"},
      {1, 41492291.519999996, 62522.666666666664, 0, 2, 56,
       "C32 R3 S3 P7 M4 Q7", "Q4 P4:0|M32 C2:4|:6|:6", "M32 C2 P4 Q4:5|:6|:6",
       "C2:3|M32 P4 Q4:6|:6"},
      {1, 15681180.159999998, 19044, 0, 2, 56, "C4 C8 P7 M2 M2 Q7",
       "Q4 P4:0|M32 C2:6|:6|:6", "M32 C2 P4 Q4:5|:6|:6", "C2:2|M32 P4 Q4:6|:6"},
      {3, 44928825.599999994, 113741, 0, 1, 28, "C64 R3 S3 P7 Q7 M4",
       "Q4 P4:0|M32 C2:5|:6|:6", "M32 C2 P4 Q4:4|:6|:6", "C2:3|M32 P4 Q4:6|:6"},
      {1, 48598446.08, 74607, 0, 2, 28, "C64 R3 S3 P4 Q4 M8",
       "Q3.5 P3.5:0|M32 C2:5|:6|:6", "M32 C2 P3.5 Q3.5:4|:6|:6",
       "C2:3|M32 P3.5 Q3.5:6|:6"},
      {1, 10825560.319999998, 11076, 0, 2, 28, "C4 C16 P2 P2 Q4 M8",
       "Q3.5 P3.5:0|M32 C2:6|:6|:6", "M32 C2 P3.5 Q3.5:6|:6|:6",
       "C2:2|M32 P3.5 Q3.5:6|:6"},
      {3, 94350892.16, 148160, 0, 1, 14, "C128 R3 S3 P4 M8 Q4",
       "Q3.5 P3.5:0|M32 C2:2|:6|:6", "M32 C2 P3.5 Q3.5:5|:6|:6",
       "C2:3|M32 P3.5 Q3.5:6|:6"},
      {1, 129745802.24, 154381, 0, 2, 14, "S3 R3 C128 P2 Q2 M16",
       "Q3.5 P3.5:0|M32 C2:2|:5|:6", "M32 C2 P3.5 Q3.5:4|:6|:6",
       "C2:3|M32 P3.5 Q3.5:6|:6"},
      {1, 18676852.8, 18822, 0, 2, 14, "C8 P2 Q2 M4 M4 C16",
       "Q3.5 P3.5:0|M32 C2:5|:6|:6", "M32 C2 P3.5 Q3.5:6|:6|:6",
       "C2:1|M32 P3.5 Q3.5:6|:6"},
      {3, 272209311.04, 300565, 0, 1, 7, "S3 R3 P2 Q2 M16 C256",
       "Q3.5 P3.5:0|M32 C2:5|:5|:6", "M32 C2 P3.5 Q3.5:6|:6|:6",
       "C2:2|M32 P3.5 Q3.5:6|:6"},
      {1, 47165273.76, 63738, 0, 1, 1, "C4 C4 M4 M2 C16 M4",
       ":0|M31.25 C2:4|:6|:6", "M31.25 C2:6|:6|:6", "C2:2|M31.25:6|:6"},
  };
  EXPECT_NEAR(networkEnergy(metaPrototype(), layers), 1863284164.16, 0.01);
  EXPECT_NEAR(networkCycles(metaPrototype(), as385(metaMachine()), layers,
                            &MappedLayer::cycles385),
              2700449.66, 0.01);
}

/// 3.9.1 finds other mappings.
TEST(OperandNest, MetaPrototypePackage) {
  const MappedLayer layers[] = {
      {1, 105144177.76, 0, 154579, 2, 224, "C2 R7 S7 P28 M2 Q28",
       "Q4 P4:0|M32 C1.5:6|:6|:6", "M32 C1.5 P4 Q4:5|:6|:6",
       "C1.5:3|M32 P4 Q4:6|:6"},
      {4, 52871873.28, 0, 116261, 1, 56, "C32 R3 S3 P14 M2 Q14",
       "Q4 P4:0|M32 C2:6|:6|:6", "M32 C2 P4 Q4:5|:6|:6", "C2:3|M32 P4 Q4:6|:6"},
      {1, 41492291.519999996, 0, 61493, 2, 56, "C32 R3 S3 P7 M4 Q7",
       "Q4 P4:0|M32 C2:4|:6|:6", "M32 C2 P4 Q4:5|:6|:6", "C2:3|M32 P4 Q4:6|:6"},
      {1, 20546433.28, 0, 19020, 2, 56, "C4 P7 Q7 M2 M2 C8",
       "Q4 P4:0|M32 C2:6|:6|:6", "M32 C2 P4 Q4:5|:6|:6", "C2:1|M32 P4 Q4:6|:6"},
      {3, 44928825.599999994, 0, 116261, 1, 28, "C64 R3 S3 P7 Q7 M4",
       "Q4 P4:0|M32 C2:5|:6|:6", "M32 C2 P4 Q4:4|:6|:6", "C2:3|M32 P4 Q4:6|:6"},
      {1, 49946966.4, 0, 75686, 2, 28, "C64 R3 Q4 P4 M8 S3",
       "Q3.5 P3.5:0|M32 C2:4|:6|:6", "M32 C2 P3.5 Q3.5:2|:6|:6",
       "C2:2|M32 P3.5 Q3.5:6|:6"},
      {1, 10219298.559999999, 0, 11013, 2, 28, "C4 C16 M8 P2 P2 Q4",
       "Q3.5 P3.5:0|M32 C2:6|:6|:6", "M32 C2 P3.5 Q3.5:3|:3|:6",
       "C2:2|M32 P3.5 Q3.5:6|:6"},
      {3, 79531557.12, 0, 149594, 1, 14, "C128 R3 Q4 P4 M8 S3",
       "Q3.5 P3.5:0|M32 C2:4|:6|:6", "M32 C2 P3.5 Q3.5:2|:6|:6",
       "C2:2|M32 P3.5 Q3.5:6|:6"},
      {1, 129745802.24, 0, 154381, 2, 14, "S3 R3 C128 P2 Q2 M16",
       "Q3.5 P3.5:0|M32 C2:2|:5|:6", "M32 C2 P3.5 Q3.5:4|:6|:6",
       "C2:3|M32 P3.5 Q3.5:6|:6"},
      {1, 18676852.8, 0, 18822, 2, 14, "C8 P2 Q2 M4 M4 C16",
       "Q3.5 P3.5:0|M32 C2:5|:6|:6", "M32 C2 P3.5 Q3.5:6|:6|:6",
       "C2:1|M32 P3.5 Q3.5:6|:6"},
      {3, 272209311.04, 0, 300565, 1, 7, "S3 R3 P2 Q2 M16 C256",
       "Q3.5 P3.5:0|M32 C2:5|:5|:6", "M32 C2 P3.5 Q3.5:6|:6|:6",
       "C2:2|M32 P3.5 Q3.5:6|:6"},
      {1, 47165273.76, 0, 63738, 1, 1, "C4 C4 M4 M2 C16 M4",
       ":0|M31.25 C2:4|:6|:6", "M31.25 C2:6|:6|:6", "C2:2|M31.25:6|:6"},
  };
  EXPECT_NEAR(networkEnergy(metaPrototype(), layers), 1824433670.72, 0.01);
  EXPECT_NEAR(networkCycles(metaPrototype(), metaMachine(), layers,
                            &MappedLayer::cycles391),
              2723036, 0.01);
}

/// Two filters of two channels on a row of three pixels, one multiplier. Each
/// operand has a register (1 pJ to read, 2 to write) and a buffer (10, 20) with
/// words of 8 bits; sums have 16. Loops from inside: channels, pixels, filters.
OperandNest byHand() {
  OperandNest nest;
  nest.loops = loopsOf("C2 Q3 M2");
  nest.inputWidth = 3;
  nest.macPrice = 0.5;
  OperandMemory small{{}, 0, 1, 2, 8, 8}, large{{}, 3, 10, 20, 8, 8};
  nest.operands[ConvWeights] = {8, 8, {small, large}};
  nest.operands[ConvInputs] = {8, 8, {small, large}};
  nest.operands[ConvOutputs] = {16, 8, {small, large}};
  return nest;
}

TEST(OperandNest, ByHand) {
  OperandNest nest = byHand();
  // A register of one weight: both are read from the buffer for each pixel and
  // filter, 12 times, and written, and read by the multiplier.
  nest.operands[ConvWeights].memories[0].loops = 0;
  // A register of both channels of a pixel; 6 loads of 2 words.
  nest.operands[ConvInputs].memories[0].loops = 1;
  // A register of one sum, which takes both channels; 6 results go out.
  nest.operands[ConvOutputs].memories[0].loops = 1;
  OperandNestCost cost = costOf(nest);
  EXPECT_EQ(cost.cycles, 12);
  EXPECT_EQ(cost.macs, 12);
  EXPECT_DOUBLE_EQ(cost.macEnergy, 6);
  EXPECT_DOUBLE_EQ(cost.energy[ConvWeights], 12 * (1 + 2 + 10));
  EXPECT_DOUBLE_EQ(cost.energy[ConvInputs], 12 * (1 + 2 + 10));
  // Sums of 16 bits are two words, written and read back in each of 12 steps;
  // results of 8 bits are one, read by the buffer, which writes them.
  EXPECT_DOUBLE_EQ(cost.energy[ConvOutputs], 12 * 2 * (1 + 2) + 6 * 1 + 6 * 20);
}

/// Weights of both channels may stay while the pixels pass; then each filter's
/// are loaded once: the loop over pixels does not concern them.
TEST(OperandNest, Stationary) {
  OperandNest nest = byHand();
  nest.operands[ConvWeights].memories[0].loops = 1;
  EXPECT_DOUBLE_EQ(costOf(nest).energy[ConvWeights], 12 * 1 + 4 * 2 + 4 * 10);
  // With the pixels innermost the multiplier keeps a weight for three steps.
  nest.loops = loopsOf("Q3 C2 M2");
  nest.operands[ConvWeights].memories[0].loops = 2;
  EXPECT_DOUBLE_EQ(costOf(nest).energy[ConvWeights], 4 * 1 + 4 * 2 + 4 * 10);
}

/// Four multipliers for two channels and two filters, with a register of
/// weights each: inputs go to two at a time, sums of two channels are one.
TEST(OperandNest, FanOut) {
  OperandNest nest = byHand();
  nest.loops = loopsOf("Q3");
  for (Operand &operand : nest.operands)
    operand.memories[1].loops = 1;
  nest.operands[ConvWeights].memories[1].fanOut = loopsOf("C2 M2");
  nest.operands[ConvInputs].memories[0].fanOut = loopsOf("C2 M2");
  nest.operands[ConvOutputs].memories[0].fanOut = loopsOf("C2");
  nest.operands[ConvOutputs].memories[1].fanOut = loopsOf("M2");
  OperandNestCost cost = costOf(nest);
  EXPECT_EQ(cost.macs, 12);
  EXPECT_EQ(cost.cycles, 3);
  EXPECT_DOUBLE_EQ(cost.energy[ConvWeights], 4 * 1 + 4 * 2 + 4 * 10);
  EXPECT_DOUBLE_EQ(cost.energy[ConvInputs], 6 * 1 + 6 * 2 + 6 * 10);
  EXPECT_DOUBLE_EQ(cost.energy[ConvOutputs], 6 * 2 + 6 * 1 + 6 * 20);
}

TEST(OperandNest, Refusals) {
  auto errorOf = [](const OperandNest &nest) {
    llvm::Expected<OperandNestCost> cost = operandNestCost(nest);
    return cost ? "" : llvm::toString(cost.takeError());
  };
  OperandNest nest = byHand();
  EXPECT_EQ(errorOf(nest), "");
  nest.operands[ConvInputs].memories[0].loops = 4;
  EXPECT_EQ(errorOf(nest), "expected memories with loops in order");
  nest = byHand();
  nest.operands[ConvOutputs].memories[1].loops = 2;
  EXPECT_EQ(errorOf(nest), "expected an outermost memory with all loops");
  nest = byHand();
  nest.operands[ConvWeights].memories[1].fanOut = loopsOf("C2");
  EXPECT_THAT(errorOf(nest),
              testing::HasSubstr("expected fan-outs of one product"));
  nest = byHand();
  nest.loops[0].count = 0;
  EXPECT_EQ(errorOf(nest), "expected loops over a dimension of at least 1");
  nest = byHand();
  nest.loops[0].count = 1e17;
  EXPECT_EQ(errorOf(nest), "expected at most 2^53 multiply-accumulates");
}

} // namespace
