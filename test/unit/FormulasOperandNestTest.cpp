//===- FormulasOperandNestTest.cpp - ZigZag's ResNet-18 -------------------===//
//
// Published totals: KULeuven-MICAS/zigzag, tests/main/test_origin. Machines:
// its zigzag/inputs/hardware. The mappings, and the energy of each layer, are
// what its package 3.9.1 finds with default options.
//
//===----------------------------------------------------------------------===//

#include "accopt/Formulas/OperandNest.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringRef.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace accopt::formulas;
using llvm::StringRef;

namespace {

/// "M32 C3.5": loops, dimension and count.
std::vector<OperandLoop> loopsOf(StringRef text) {
  std::vector<OperandLoop> loops;
  llvm::SmallVector<StringRef> words;
  llvm::SplitString(text, words);
  for (StringRef word : words) {
    double count = 0;
    EXPECT_FALSE(word.drop_front().getAsDouble(count));
    loops.push_back(
        {ConvDimension(StringRef("NCMPQRS").find(word.front())), count});
  }
  return loops;
}

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

TEST(OperandNest, TpuLikeGolden) {
  const MappedLayer layers[] = {
      {1, 128899782.59200001, 2, 224, "S7 R7 P16 P7 Q112 M2", ":6|M32 C3:6",
       "M32 C3:6|:6", ":2|M32 C3:6|:6"},
      {4, 66996199.93599999, 1, 56, "C2 R3 S3 P56 Q56 M2", ":6|M32 C32:6",
       "M32 C32:6|:6", ":3|M32 C32:6|:6"},
      {1, 47270885.888, 2, 56, "C2 R3 S3 P28 Q28 M4", ":6|M32 C32:6",
       "M32 C32:6|:6", ":3|M32 C32:6|:6"},
      {1, 16432105.6, 2, 56, "C2 P7 P4 Q7 Q4 M4", ":6|M32 C32:6",
       "M32 C32:6|:6", ":1|M32 C32:6|:6"},
      {3, 57967469.31200001, 1, 28, "C4 R3 S3 P28 Q28 M4", ":5|M32 C32:6",
       "M32 C32:6|:6", ":3|M32 C32:6|:6"},
      {1, 52822913.536, 2, 28, "C4 R3 S3 P14 Q14 M8", ":5|M32 C32:6",
       "M32 C32:6|:6", ":3|M32 C32:6|:6"},
      {1, 11459105.088, 2, 28, "C2 C2 P7 P2 Q14 M8", ":6|M32 C32:6",
       "M32 C32:6|:6", ":2|M32 C32:6|:6"},
      {3, 88387503.35999998, 1, 14, "C8 R3 P14 Q14 M8 S3", ":4|M32 C32:6",
       "M32 C32:6|:6", ":2|M32 C32:6|:6"},
      {1, 127902977.472, 2, 14, "R3 P7 Q7 M16 C8 S3", ":4|M32 C32:6",
       "M32 C32:6|:6", ":1|M32 C32:6|:6"},
      {1, 16507176.351999998, 2, 14, "C2 C4 P7 Q7 M4 M4", ":6|M32 C32:6",
       "M32 C32:6|:6", ":2|M32 C32:6|:6"},
      {3, 239327692.416, 1, 7, "C16 P7 Q7 M16 R3 S3", ":3|M32 C32:6",
       "M32 C32:6|:6", ":1|M32 C32:6|:6"},
      {1, 45108639.12, 1, 1, "C2 C4 C2 M4 M4 M2", ":4|M31.25 C32:6",
       "M31.25 C32:6|:6", ":3|M31.25 C32:6|:6"},
  };
  EXPECT_NEAR(networkEnergy(tpuLike(), layers), 1871436380.66, 0.01);
}

TEST(OperandNest, EdgeTpuLikeGolden) {
  const MappedLayer layers[] = {
      {1, 125057919.07000001, 2, 224, "S7 R7 P7 P4 Q28 M8",
       "Q4 P4:0|M8 C3:6|:6", "M8 C3 P4 Q4:6|:6", "C3:2|M8 P4 Q4:6|:6"},
      {4, 71980245.12, 1, 56, "C8 R3 S3 P14 Q14 M8", "Q4 P4:0|M8 C8:5|:6",
       "M8 C8 P4 Q4:6|:6", "C8:3|M8 P4 Q4:6|:6"},
      {1, 49802592.0, 2, 56, "C8 R3 S3 P7 Q7 M16", "Q4 P4:0|M8 C8:5|:6",
       "M8 C8 P4 Q4:6|:6", "C8:3|M8 P4 Q4:6|:6"},
      {1, 16655246.719999999, 2, 56, "C2 C4 P7 Q7 M4 M4", "Q4 P4:0|M8 C8:6|:6",
       "M8 C8 P4 Q4:6|:6", "C8:2|M8 P4 Q4:6|:6"},
      {3, 63096311.03999999, 1, 28, "C16 R3 S3 P7 Q7 M16", "Q4 P4:0|M8 C8:5|:6",
       "M8 C8 P4 Q4:6|:6", "C8:3|M8 P4 Q4:6|:6"},
      {1, 52852233.6, 2, 28, "C16 R3 S3 P4 Q4 M32", "Q3.5 P3.5:0|M8 C8:5|:6",
       "M8 C8 P3.5 Q3.5:6|:6", "C8:3|M8 P3.5 Q3.5:6|:6"},
      {1, 11437319.36, 2, 28, "C4 C4 P2 P2 Q4 M32", "Q3.5 P3.5:0|M8 C8:6|:6",
       "M8 C8 P3.5 Q3.5:6|:6", "C8:2|M8 P3.5 Q3.5:6|:6"},
      {3, 88325272.32, 1, 14, "C32 R3 P4 Q4 M32 S3", "Q3.5 P3.5:0|M8 C8:4|:6",
       "M8 C8 P3.5 Q3.5:6|:6", "C8:2|M8 P3.5 Q3.5:6|:6"},
      {1, 124528305.6, 2, 14, "C32 R3 P2 Q2 S3 M64", "Q3.5 P3.5:0|M8 C8:5|:6",
       "M8 C8 P3.5 Q3.5:6|:6", "C8:2|M8 P3.5 Q3.5:6|:6"},
      {1, 16570026.079999998, 2, 14, "C4 C8 P2 Q2 M4 M16",
       "Q3.5 P3.5:0|M8 C8:5|:6", "M8 C8 P3.5 Q3.5:6|:6",
       "C8:2|M8 P3.5 Q3.5:6|:6"},
      {3, 239487231.35999998, 1, 7, "C64 R3 P2 Q2 M64 S3",
       "Q3.5 P3.5:0|M8 C8:4|:6", "M8 C8 P3.5 Q3.5:6|:6",
       "C8:2|M8 P3.5 Q3.5:6|:6"},
      {1, 45678310.48, 1, 1, "C4 C4 C4 M5 M5 M5", ":0|M8 C8:4|:6", "M8 C8:6|:6",
       "C8:3|M8:6|:6"},
  };
  EXPECT_NEAR(networkEnergy(edgeTpuLike(), layers), 1903229377.55, 0.01);
}

/// What the package finds; the published total, 1,863,284,164.16, belongs to
/// the search of another revision.
TEST(OperandNest, MetaPrototypePackage) {
  const MappedLayer layers[] = {
      {1, 105144177.76, 2, 224, "C2 R7 S7 P28 M2 Q28",
       "Q4 P4:0|M32 C1.5:6|:6|:6", "M32 C1.5 P4 Q4:5|:6|:6",
       "C1.5:3|M32 P4 Q4:6|:6"},
      {4, 52871873.28, 1, 56, "C32 R3 S3 P14 M2 Q14", "Q4 P4:0|M32 C2:6|:6|:6",
       "M32 C2 P4 Q4:5|:6|:6", "C2:3|M32 P4 Q4:6|:6"},
      {1, 41492291.519999996, 2, 56, "C32 R3 S3 P7 M4 Q7",
       "Q4 P4:0|M32 C2:4|:6|:6", "M32 C2 P4 Q4:5|:6|:6", "C2:3|M32 P4 Q4:6|:6"},
      {1, 20546433.28, 2, 56, "C4 P7 Q7 M2 M2 C8", "Q4 P4:0|M32 C2:6|:6|:6",
       "M32 C2 P4 Q4:5|:6|:6", "C2:1|M32 P4 Q4:6|:6"},
      {3, 44928825.599999994, 1, 28, "C64 R3 S3 P7 Q7 M4",
       "Q4 P4:0|M32 C2:5|:6|:6", "M32 C2 P4 Q4:4|:6|:6", "C2:3|M32 P4 Q4:6|:6"},
      {1, 49946966.4, 2, 28, "C64 R3 Q4 P4 M8 S3", "Q3.5 P3.5:0|M32 C2:4|:6|:6",
       "M32 C2 P3.5 Q3.5:2|:6|:6", "C2:2|M32 P3.5 Q3.5:6|:6"},
      {1, 10219298.559999999, 2, 28, "C4 C16 M8 P2 P2 Q4",
       "Q3.5 P3.5:0|M32 C2:6|:6|:6", "M32 C2 P3.5 Q3.5:3|:3|:6",
       "C2:2|M32 P3.5 Q3.5:6|:6"},
      {3, 79531557.12, 1, 14, "C128 R3 Q4 P4 M8 S3",
       "Q3.5 P3.5:0|M32 C2:4|:6|:6", "M32 C2 P3.5 Q3.5:2|:6|:6",
       "C2:2|M32 P3.5 Q3.5:6|:6"},
      {1, 129745802.24, 2, 14, "S3 R3 C128 P2 Q2 M16",
       "Q3.5 P3.5:0|M32 C2:2|:5|:6", "M32 C2 P3.5 Q3.5:4|:6|:6",
       "C2:3|M32 P3.5 Q3.5:6|:6"},
      {1, 18676852.8, 2, 14, "C8 P2 Q2 M4 M4 C16", "Q3.5 P3.5:0|M32 C2:5|:6|:6",
       "M32 C2 P3.5 Q3.5:6|:6|:6", "C2:1|M32 P3.5 Q3.5:6|:6"},
      {3, 272209311.04, 1, 7, "S3 R3 P2 Q2 M16 C256",
       "Q3.5 P3.5:0|M32 C2:5|:5|:6", "M32 C2 P3.5 Q3.5:6|:6|:6",
       "C2:2|M32 P3.5 Q3.5:6|:6"},
      {1, 47165273.76, 1, 1, "C4 C4 M4 M2 C16 M4", ":0|M31.25 C2:4|:6|:6",
       "M31.25 C2:6|:6|:6", "C2:2|M31.25:6|:6"},
  };
  EXPECT_NEAR(networkEnergy(metaPrototype(), layers), 1824433670.72, 0.01);
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
