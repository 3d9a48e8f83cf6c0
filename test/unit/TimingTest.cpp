//===- TimingTest.cpp - Time, events and energy of commands ---------------===//
//
// Expected cycles and counts are computed by hand from docs/Machine.md; each
// test shows the arithmetic.
//
//===----------------------------------------------------------------------===//

#include "accopt/Target/Timing.h"
#include "TargetCommands.h"

#include "gtest/gtest.h"

#include <random>

using namespace accopt;
using namespace accopt::test;

namespace {

/// Blocks end where segments end, so that they can be counted by hand.
Machine oneSegment() {
  return llvm::cantFail(loadMachine("systolic16x16{patch_segments=1}"));
}

Duration timeOf(Operation operation) {
  return duration(command(std::move(operation)), oneSegment());
}

Quantities countsOf(Operation operation) {
  return quantities(command(std::move(operation)), oneSegment());
}

TEST(Timing, Load) {
  LoadCommand c;
  c.count = {2, 3, 4};
  c.rowBytes = 33;
  // 24 rows of 3 beats.
  EXPECT_EQ(timeOf(c).occupancy, 4u + 72);
  EXPECT_EQ(timeOf(c).latency, 100u);
  Quantities q = countsOf(c);
  EXPECT_EQ(q.dramReadBytes, 24u * 33);
  EXPECT_EQ(q.scratchpadWriteBytes, 24u * 33);
  EXPECT_EQ(q.dramWriteBytes + q.scratchpadReadBytes, 0u);
}

TEST(Timing, Store) {
  StoreCommand c;
  c.rowBytes = 16;
  EXPECT_EQ(timeOf(c).occupancy, 5u);
  EXPECT_EQ(timeOf(c).latency, 100u);
  EXPECT_EQ(countsOf(c).dramWriteBytes, 16u);
  EXPECT_EQ(countsOf(c).scratchpadReadBytes, 16u);
}

TEST(Timing, MatmulWithRowSegments) {
  MatmulCommand c = convolution();
  // A kernel row is a segment of 24 bytes: 2 blocks each, 6 in all, times 2
  // column blocks: 12. 4 issue + 16 first weights + 11 * 30 + 30 + 16 + 16 - 1
  // drain + 8 output stage.
  EXPECT_EQ(timeOf(c).occupancy, 4u + 16 + 330 + 61 + 8);
  EXPECT_EQ(timeOf(c).latency, 0u);
  Quantities q = countsOf(c);
  EXPECT_EQ(q.macs, 30u * 72 * 20);
  // Patches once for each of 2 column blocks, weights, parameters.
  EXPECT_EQ(q.scratchpadReadBytes, 30u * 72 * 2 + 72 * 20 + 12 * 20);
  EXPECT_EQ(q.scratchpadWriteBytes, 30u * 20);
  EXPECT_EQ(q.accumulatorWriteBytes, 4u * 30 * 20 * 6);
  EXPECT_EQ(q.accumulatorReadBytes, 4u * 30 * 20 * 5);
  EXPECT_EQ(q.rescaleOperations, 600u);
  EXPECT_EQ(q.vectorOperations, 0u);
}

TEST(Timing, MatmulWithTapSegments) {
  MatmulCommand c = convolution();
  c.window.dilationX = 2;
  // 9 segments of 8 bytes: 9 blocks, times 2 column blocks: 18.
  EXPECT_EQ(timeOf(c).occupancy, 4u + 16 + 17 * 30 + 61 + 8);
  c.window.dilationX = 1;
  c.window.inputPixelPitch = 16;
  EXPECT_EQ(timeOf(c).occupancy, 4u + 16 + 17 * 30 + 61 + 8);
}

TEST(Timing, MatmulWithFewPixelsWaitsForWeights) {
  MatmulCommand c = convolution();
  c.window.outputRows = 1;
  c.window.outputColumns = 3;
  // 12 blocks; loading 16 rows of weights takes longer than 3 pixels.
  EXPECT_EQ(timeOf(c).occupancy, 4u + 16 + 11 * 16 + 3 + 31 + 8);
}

TEST(Timing, MatmulAtLowerPrecision) {
  Machine m =
      llvm::cantFail(loadMachine("systolic16x16-mixed{patch_segments=1}"));
  MatmulCommand c = convolution();
  c.precision = 4;
  // Blocks are 16 * 2 deep: 1 for a kernel row of 24, 3 in all, times 2 column
  // blocks: 6.
  EXPECT_EQ(duration(command(c), m).occupancy, 4u + 16 + 5 * 30 + 61 + 8);
  Quantities q = quantities(command(c), m);
  EXPECT_EQ(q.macs, 30u * 72 * 20);
  EXPECT_EQ(q.macs4Bit, q.macs);
  EXPECT_EQ(q.macs2Bit, 0u);
  EXPECT_EQ(q.accumulatorWriteBytes, 4u * 30 * 20 * 3);
  EXPECT_EQ(q.accumulatorReadBytes, 4u * 30 * 20 * 2);
  EXPECT_EQ(q.scratchpadReadBytes, 30u * 72 * 2 + 72 * 20 + 12 * 20);
  // 0.2 / 4 + 0.1 pJ.
  EXPECT_DOUBLE_EQ(energy(q, 0, m).array, 30 * 72 * 20 * 0.15);

  // A kernel row of 7 * 24 = 168 in blocks of 64: 3, times 3 rows and 2 column
  // blocks: 18; at 4 bits 6 of 32, 36; at 8 bits 11 of 16, 66.
  c.window.kernelX = 7;
  c.channels = 24;
  c.window.inputPixelPitch = 24;
  c.precision = 2;
  EXPECT_EQ(duration(command(c), m).occupancy, 4u + 16 + 17 * 30 + 61 + 8);
  q = quantities(command(c), m);
  EXPECT_EQ(q.macs2Bit, 30u * 504 * 20);
  EXPECT_DOUBLE_EQ(energy(q, 0, m).array, 30 * 504 * 20 * 0.1125);
  c.precision = 4;
  EXPECT_EQ(duration(command(c), m).occupancy, 4u + 16 + 35 * 30 + 61 + 8);
  c.precision = 8;
  EXPECT_EQ(duration(command(c), m).occupancy, 4u + 16 + 65 * 30 + 61 + 8);

  // Without a rate nothing is gained.
  c.precision = 2;
  EXPECT_EQ(timeOf(c).occupancy, 4u + 16 + 65 * 30 + 61 + 8);
  EXPECT_EQ(countsOf(c).macs2Bit, 0u);
}

TEST(Timing, MatmulOf16Bits) {
  MatmulCommand c = convolution();
  c.window.wideInput = true;
  c.window.inputPixelPitch = 16;
  c.precision = 16;
  c.epilogue.wideOutput = true;
  // Two elements join: blocks are 8 deep, 3 for a kernel row of 24, 9 in all,
  // times 2 column blocks: 18.
  EXPECT_EQ(timeOf(c).occupancy, 4u + 16 + 17 * 30 + 61 + 8);
  Quantities q = countsOf(c);
  EXPECT_EQ(q.macs, 30u * 72 * 20);
  EXPECT_EQ(q.macs16Bit, q.macs);
  EXPECT_EQ(q.scratchpadReadBytes, 30u * 72 * 2 * 2 + 72 * 20 + 12 * 20);
  EXPECT_EQ(q.scratchpadWriteBytes, 30u * 20 * 2);
  EXPECT_EQ(q.accumulatorWriteBytes, 4u * 30 * 20 * 9);
  // 0.2 * 2 + 0.1 pJ.
  EXPECT_DOUBLE_EQ(energy(q, 0, machine()).array, 30 * 72 * 20 * 0.5);
  c.epilogue.hasResidual = c.epilogue.wideResidual = true;
  EXPECT_EQ(countsOf(c).scratchpadReadBytes,
            30u * 72 * 2 * 2 + 72 * 20 + 12 * 20 + 1200);

  Machine m = oneSegment();
  m.arrayPes16Bit = 3;
  // 16 / 3 = 5 deep: 5 blocks for 24, 15 in all, 30 with the columns.
  EXPECT_EQ(duration(command(c), m).occupancy, 4u + 16 + 29 * 30 + 61 + 8);
  // 2 folds of pixels, 2 of columns, past each of which 72 indices stream in
  // three cycles each; 30 cycles of skew, 16 to leave.
  m.dataflow = Dataflow::OutputStationary;
  EXPECT_EQ(duration(command(c), m).occupancy,
            4u + 3 * 216 + 216 + 30 + 16 + 8);
}

TEST(Timing, VectorUnitOf16Bits) {
  DepthwiseCommand c;
  c.window = convolution().window;
  c.channels = 20;
  c.window.wideInput = true;
  // A row has 100 values: 4 groups of 32, and not 2 of 64. 6 rows, 9 taps.
  EXPECT_EQ(timeOf(c).occupancy, 4u + 8 + 24 * 9);
  Quantities q = countsOf(c);
  EXPECT_EQ(q.macs16Bit, 600u * 9);
  EXPECT_EQ(q.scratchpadReadBytes, 600u * 9 * 2 + 9 * 20 + 12 * 20);
  EXPECT_EQ(q.scratchpadWriteBytes, 600u);

  LookupCommand lookup;
  lookup.length = 100;
  lookup.isWide = true;
  // 4 groups of 32: two entries of 4 cycles and a product.
  EXPECT_EQ(timeOf(lookup).occupancy, 4u + 8 + 4 * 9);
  q = countsOf(lookup);
  EXPECT_EQ(q.scratchpadReadBytes, 200u + 2 * 513);
  EXPECT_EQ(q.scratchpadWriteBytes, 200u);
  EXPECT_EQ(q.vectorOperations, 300u);
}

/// 30 pixels, 3 kernel rows of 24 bytes, 20 columns, as above.
Duration timeOn(llvm::StringRef spec, const MatmulCommand &c) {
  return duration(command(c), llvm::cantFail(loadMachine(spec)));
}
Quantities countsOn(llvm::StringRef spec, const MatmulCommand &c) {
  return quantities(command(c), llvm::cantFail(loadMachine(spec)));
}

TEST(Timing, BlocksAcrossSegments) {
  MatmulCommand c = convolution();
  auto on = [&](unsigned segments) {
    Machine m = machine();
    m.patchSegments = segments;
    return duration(command(c), m).occupancy;
  };
  auto blocks = [](unsigned count) {
    return 4u + 16 + (count - 1) * 30 + 61 + 8;
  };
  // Kernel rows of 24 bytes: any 16 indices touch two at most. 72 / 16: 5
  // blocks, times 2 column blocks.
  EXPECT_EQ(on(1), blocks(12));
  EXPECT_EQ(on(2), blocks(10));
  EXPECT_EQ(on(4), blocks(10));
  // Taps of 8 bytes: two segments fill a block only where it begins with one:
  // two whole taps, 5 blocks; with three any 16 indices.
  c.window.inputPixelPitch = 9;
  EXPECT_EQ(on(1), blocks(18));
  EXPECT_EQ(on(2), blocks(10));
  EXPECT_EQ(on(3), blocks(10));
  // Taps of 3 bytes: 2, 4 and 5 whole ones in a block of 16; from 6 on 27
  // indices in blocks of 16.
  c.channels = 3;
  EXPECT_EQ(on(2), blocks(2 * 5));
  EXPECT_EQ(on(4), blocks(2 * 3));
  EXPECT_EQ(on(5), blocks(2 * 2));
  EXPECT_EQ(on(6), blocks(2 * 2));
  // Three runs of one byte each: 27 segments.
  c.runs = 3;
  c.runPitch = 3;
  EXPECT_EQ(on(1), blocks(2 * 27));
  EXPECT_EQ(on(4), blocks(2 * 7));
}

TEST(Timing, OneRegisterLoadsInTheOpen) {
  // 12 blocks, each 16 cycles of weights and 30 pixels; 31 to drain.
  EXPECT_EQ(timeOn("systolic16x16{stationary_registers=1,patch_segments=1}",
                   convolution())
                .occupancy,
            4u + 12 * (16 + 30) + 31 + 8);
}

TEST(Timing, OutputStationary) {
  const char *spec = "systolic16x16{dataflow=output-stationary}";
  MatmulCommand c = convolution();
  // 2 folds of pixels by 2 of columns; 72 cycles of reduction each hide the 16
  // in which the sums of the fold before leave. Then skew and the last sums.
  EXPECT_EQ(timeOn(spec, c).occupancy, 4u + 3 * 72 + 72 + 30 + 16 + 8);
  Quantities q = countsOn(spec, c);
  EXPECT_EQ(q.scratchpadReadBytes, 30u * 72 * 2 + 72 * 20 * 2 + 12 * 20);
  EXPECT_EQ(q.accumulatorReadBytes + q.accumulatorWriteBytes, 0u);
  // One of several parts: sums come from and go to the accumulators.
  c.accumulate = true;
  c.finish = false;
  EXPECT_EQ(timeOn(spec, c).occupancy, 4u + 16 + 3 * 72 + 72 + 30 + 16);
  EXPECT_EQ(countsOn(spec, c).accumulatorReadBytes, 4u * 30 * 20);
  EXPECT_EQ(countsOn(spec, c).accumulatorWriteBytes, 4u * 30 * 20);
  // A short reduction waits for the sums: 32 cycles of a fold.
  c.window.kernelY = c.window.kernelX = 1;
  EXPECT_EQ(timeOn(spec, c).occupancy, 4u + 16 + 3 * 32 + 8 + 30 + 16);
  EXPECT_EQ(timeOn("systolic16x16{dataflow=output-stationary,"
                   "stationary_registers=1}",
                   c)
                .occupancy,
            4u + 4 * (16 + 8 + 16) + 30);
}

TEST(Timing, CommandsChooseWhereTheMachineHasBoth) {
  const char *both = "systolic16x16{dataflow=weight-or-output-stationary}";
  MatmulCommand c = convolution();
  EXPECT_EQ(timeOn(both, c).occupancy, timeOn("systolic16x16", c).occupancy);
  c.dataflow = Dataflow::OutputStationary;
  const char *one = "systolic16x16{dataflow=output-stationary}";
  EXPECT_EQ(timeOn(both, c).occupancy, timeOn(one, c).occupancy);
  EXPECT_EQ(countsOn(both, c).scratchpadReadBytes,
            countsOn(one, c).scratchpadReadBytes);
  EXPECT_NE(timeOn(both, c).occupancy, timeOn("systolic16x16", c).occupancy);
}

TEST(Timing, InputStationary) {
  const char *spec =
      "systolic16x16{dataflow=input-stationary,patch_segments=1}";
  // 6 reduction blocks by 2 of 16 pixels; 20 columns stream past each.
  EXPECT_EQ(timeOn(spec, convolution()).occupancy,
            4u + 16 + 11 * 20 + 20 + 31 + 8);
  Quantities q = countsOn(spec, convolution());
  EXPECT_EQ(q.scratchpadReadBytes, 30u * 72 + 72 * 20 * 2 + 12 * 20);
  EXPECT_EQ(q.accumulatorWriteBytes, 4u * 30 * 20 * 6);
  EXPECT_EQ(q.accumulatorReadBytes, 4u * 30 * 20 * 5);
}

TEST(Timing, RowStationary) {
  const char *spec = "systolic16x16{dataflow=row-stationary,rows=12,columns=14,"
                     "accumulator_bytes=56000}";
  // Sets of 3 x 6: 4 down and 2 across work at once, on all 8 channels. 20
  // passes, one for each column, of 3 taps by 5 pixels; a filter row of 3 loads
  // before the first; 12 + 14 - 1 to drain.
  EXPECT_EQ(timeOn(spec, convolution()).occupancy, 4u + 3 + 20 * 15 + 25 + 8);
  Quantities q = countsOn(spec, convolution());
  // 8 input rows of 7 pixels and 8 channels for each column of the output.
  EXPECT_EQ(q.scratchpadReadBytes, 8u * 7 * 8 * 20 + 72 * 20 + 12 * 20);
  EXPECT_EQ(q.accumulatorWriteBytes, 4u * 30 * 20);
  EXPECT_EQ(q.accumulatorReadBytes, 0u);
  // 20 output rows fold into 14 and 6; 2 channels and 2 columns at once.
  MatmulCommand c = convolution();
  c.window.outputRows = 20;
  c.channels = 2;
  EXPECT_EQ(timeOn(spec, c).occupancy, 4u + 3 + 2 * 10 * 15 + 25 + 8);
  EXPECT_EQ(countsOn(spec, c).scratchpadReadBytes,
            (16u + 8) * 7 * 2 * 10 + 18 * 20 * 2 + 12 * 20);
}

TEST(Timing, PortsBoundExec) {
  MatmulCommand c = convolution();
  // 6000 bytes read in all, 600 written; the array alone takes 415.
  EXPECT_EQ(timeOn("systolic16x16{scratchpad_port_bytes=8,patch_segments=1}", c)
                .occupancy,
            4u + 6000 / 8);
  EXPECT_EQ(timeOn("systolic16x16{scratchpad_port_bytes=8,patch_segments=1,"
                   "scratchpad_ports=shared}",
                   c)
                .occupancy,
            4u + 6600 / 8);
  EXPECT_EQ(
      timeOn("systolic16x16{scratchpad_port_bytes=64,patch_segments=1}", c)
          .occupancy,
      timeOf(c).occupancy);
}

TEST(Timing, BurstsAndOutstandingRequests) {
  LoadCommand c;
  c.count = {1, 1, 5};
  c.rowBytes = 70;
  auto on = [&](llvm::StringRef spec) {
    return duration(command(c), llvm::cantFail(loadMachine(spec))).occupancy;
  };
  // Two bursts of 64 bytes a row: 8 beats.
  EXPECT_EQ(on("systolic16x16{dram_burst_bytes=64}"), 4u + 40);
  EXPECT_EQ(quantities(command(c), llvm::cantFail(loadMachine(
                                       "systolic16x16{dram_burst_bytes=64}")))
                .dramReadBytes,
            5u * 128);
  // 10 requests of 4 beats, 2 under way: requests 2, 4, 6 and 8 wait until 104
  // cycles after the one two before began.
  EXPECT_EQ(on("systolic16x16{dram_burst_bytes=64,dram_outstanding=2}"),
            4u + 4 * 104 + 8);
  // 32 under way hide the latency.
  EXPECT_EQ(on("systolic16x16{dram_burst_bytes=64,dram_outstanding=32}"),
            4u + 40);
}

/// The recurrence that the closed form for outstanding requests solves.
TEST(Timing, OutstandingRequestsByRecurrence) {
  std::mt19937 random(11);
  for (int i = 0; i < 500; ++i) {
    Machine m = machine();
    m.dramBytesPerCycle = 1u << random() % 6;
    m.dramBurstBytes = 1u << random() % 9;
    m.dramLatency = random() % 300;
    m.dramOutstanding = 1 + random() % 20;
    LoadCommand c;
    c.count[0] = 1 + random() % 9;
    c.rowBytes = 1 + random() % 5000;
    uint64_t request = std::max(m.dramBurstBytes, m.dramBytesPerCycle);
    uint64_t beats = request / m.dramBytesPerCycle;
    // Bytes that are moved, in whole bursts, in requests of `request` bytes.
    uint64_t row = (c.rowBytes + m.dramBurstBytes - 1) / m.dramBurstBytes *
                   m.dramBurstBytes;
    uint64_t all = c.count[0] * ((row + request - 1) / request);
    std::vector<uint64_t> starts;
    for (uint64_t n = 0; n < all; ++n) {
      uint64_t start = n ? starts[n - 1] + beats : 0;
      if (n >= m.dramOutstanding)
        start = std::max(start,
                         starts[n - m.dramOutstanding] + beats + m.dramLatency);
      starts.push_back(start);
    }
    EXPECT_EQ(duration(command(c), m).occupancy,
              m.issueCycles + starts.back() + beats)
        << "case " << i;
  }
}

TEST(Timing, PrecisionThatTheArrayTakes) {
  Machine m = machine();
  for (unsigned bits : {2, 3, 4, 8})
    EXPECT_EQ(arrayPrecision(m, bits), 8u);
  m.arrayRate4Bit = 2;
  EXPECT_EQ(arrayPrecision(m, 2), 4u);
  EXPECT_EQ(arrayPrecision(m, 4), 4u);
  EXPECT_EQ(arrayPrecision(m, 5), 8u);
  m.arrayRate2Bit = 2;
  EXPECT_EQ(arrayPrecision(m, 2), 2u);
  EXPECT_EQ(arrayPrecision(m, 3), 4u);
  m.arrayRate4Bit = 1;
  EXPECT_EQ(arrayPrecision(m, 3), 8u);
  for (unsigned bits : {9, 12, 16})
    EXPECT_EQ(arrayPrecision(m, bits), 16u);
}

TEST(Timing, PackedRows) {
  LoadCommand c;
  c.count = {2, 3, 4};
  c.rowBytes = 100;
  c.bits = 3;
  // 24 rows of ceil(300 / 8) = 38 bytes: 3 beats.
  EXPECT_EQ(timeOf(c).occupancy, 4u + 72);
  EXPECT_EQ(countsOf(c).dramReadBytes, 24u * 38);
  EXPECT_EQ(countsOf(c).scratchpadWriteBytes, 24u * 100);
  c.plainBytes = 60;
  // 60 and ceil(120 / 8) = 15: 5 beats.
  EXPECT_EQ(timeOf(c).occupancy, 4u + 24 * 5);
  EXPECT_EQ(countsOf(c).dramReadBytes, 24u * 75);
  StoreCommand s;
  s.rowBytes = 33;
  s.bits = 4;
  EXPECT_EQ(timeOf(s).occupancy, 4u + 2);
  EXPECT_EQ(countsOf(s).dramWriteBytes, 17u);
  EXPECT_EQ(countsOf(s).scratchpadReadBytes, 33u);
}

TEST(Timing, MatmulPart) {
  MatmulCommand c = convolution();
  c.accumulate = true;
  c.finish = false;
  EXPECT_EQ(timeOf(c).occupancy, 4u + 16 + 330 + 61);
  Quantities q = countsOf(c);
  EXPECT_EQ(q.accumulatorReadBytes, 4u * 30 * 20 * 6);
  EXPECT_EQ(q.scratchpadReadBytes, 30u * 72 * 2 + 72 * 20);
  EXPECT_EQ(q.scratchpadWriteBytes, 0u);
  EXPECT_EQ(q.rescaleOperations, 0u);
}

TEST(Timing, MatmulWithResidualAndTable) {
  MatmulCommand c = convolution();
  c.epilogue.hasResidual = c.epilogue.hasTable = true;
  EXPECT_EQ(timeOf(c).occupancy, 4u + 16 + 330 + 61 + 8);
  Quantities q = countsOf(c);
  EXPECT_EQ(q.scratchpadReadBytes,
            30u * 72 * 2 + 72 * 20 + 12 * 20 + 600 + 256);
  EXPECT_EQ(q.rescaleOperations, 1800u);
  EXPECT_EQ(q.vectorOperations, 600u);
}

TEST(Timing, Depthwise) {
  DepthwiseCommand c;
  c.window = convolution().window;
  c.channels = 20;
  // A row has 5 * 20 = 100 values, 2 groups; 6 rows: 12 groups of 9 taps.
  EXPECT_EQ(timeOf(c).occupancy, 4u + 8 + 12 * 9);
  c.epilogue.hasResidual = c.epilogue.hasTable = true;
  // Three rescales and a look-up take longer: 16.
  EXPECT_EQ(timeOf(c).occupancy, 4u + 8 + 12 * 16);
  Quantities q = countsOf(c);
  EXPECT_EQ(q.macs, 600u * 9);
  EXPECT_EQ(q.scratchpadReadBytes, 600u * 9 + 9 * 20 + 12 * 20 + 600 + 256);
  EXPECT_EQ(q.scratchpadWriteBytes, 600u);
  EXPECT_EQ(q.rescaleOperations, 1800u);
  EXPECT_EQ(q.vectorOperations, 600u);
}

TEST(Timing, Pool) {
  PoolCommand c;
  c.window = convolution().window;
  c.channels = 20;
  EXPECT_EQ(timeOf(c).occupancy, 4u + 8 + 12 * 9);
  Quantities q = countsOf(c);
  EXPECT_EQ(q.vectorOperations, 600u * 9);
  EXPECT_EQ(q.scratchpadReadBytes, 600u * 9);
  EXPECT_EQ(q.scratchpadWriteBytes, 600u);
  EXPECT_EQ(q.rescaleOperations, 0u);

  c.kind = PoolKind::Sum;
  EXPECT_EQ(timeOf(c).occupancy, 4u + 8 + 12 * 9);
  EXPECT_EQ(countsOf(c).rescaleOperations, 600u);
  EXPECT_EQ(countsOf(c).scratchpadReadBytes, 600u * 9 + 8 * 9);
  c.window.kernelY = c.window.kernelX = 1;
  // The rescale takes longer than one addition.
  EXPECT_EQ(timeOf(c).occupancy, 4u + 8 + 12 * 4);
}

TEST(Timing, Binary) {
  BinaryCommand c;
  c.count = {2, 3, 4};
  c.length = 65; // 2 groups
  EXPECT_EQ(timeOf(c).occupancy, 4u + 8 + 48 * 12);
  Quantities q = countsOf(c);
  EXPECT_EQ(q.scratchpadReadBytes, 2u * 24 * 65);
  EXPECT_EQ(q.scratchpadWriteBytes, 24u * 65);
  EXPECT_EQ(q.vectorOperations, 24u * 65);
  EXPECT_EQ(q.rescaleOperations, 3u * 24 * 65);

  c.kind = BinaryKind::Mul;
  c.hasTable = true;
  EXPECT_EQ(timeOf(c).occupancy, 4u + 8 + 48 * (4 + 4));
  q = countsOf(c);
  EXPECT_EQ(q.scratchpadReadBytes, 2u * 24 * 65 + 256);
  EXPECT_EQ(q.vectorOperations, 2u * 24 * 65);
  EXPECT_EQ(q.rescaleOperations, 24u * 65);
}

TEST(Timing, LookupAndFill) {
  LookupCommand lookup;
  lookup.length = 130; // 3 groups
  EXPECT_EQ(timeOf(lookup).occupancy, 4u + 8 + 3 * 4);
  EXPECT_EQ(countsOf(lookup).scratchpadReadBytes, 130u + 256);
  EXPECT_EQ(countsOf(lookup).scratchpadWriteBytes, 130u);
  EXPECT_EQ(countsOf(lookup).vectorOperations, 130u);
  FillCommand fill;
  fill.rows = 5;
  fill.length = 65;
  EXPECT_EQ(timeOf(fill).occupancy, 4u + 8 + 5 * 2);
  EXPECT_EQ(countsOf(fill).scratchpadWriteBytes, 325u);
}

TEST(Timing, Host) {
  HostCommand c;
  c.operations = 10;
  c.bytes = 9;
  c.writtenBytes = 3;
  // 2000 + ceil(10 + 2.25)
  EXPECT_EQ(timeOf(c).occupancy, 2013u);
  EXPECT_EQ(countsOf(c).hostOperations, 10u);
  EXPECT_EQ(countsOf(c).dramReadBytes, 6u);
  EXPECT_EQ(countsOf(c).dramWriteBytes, 3u);
}

TEST(Timing, EnergyIsCountsTimesPrices) {
  Machine m = machine();
  Quantities q;
  q.macs = 10;
  q.scratchpadReadBytes = 3, q.scratchpadWriteBytes = 4;
  q.accumulatorReadBytes = 5, q.accumulatorWriteBytes = 6;
  q.dramReadBytes = 7, q.dramWriteBytes = 8;
  q.vectorOperations = 9, q.rescaleOperations = 11, q.hostOperations = 12;
  m.energy.staticPerCycle = 0.5;
  Energy e = energy(q, 100, m);
  EXPECT_DOUBLE_EQ(e.array, 10 * 0.3);
  // 256 KiB are 2^21 bits: 9.02427e-4 * 9261 - 2.688479e-2 * 441 +
  // 0.2089008 * 21 = 0.8881... pJ per bit.
  EXPECT_NEAR(e.scratchpad, 7 * 8 * 0.8881, 1e-2);
  // 64 KiB are 2^19 bits: 6.18973... - 9.70541 + 3.96912 = 0.4535 pJ per bit.
  EXPECT_NEAR(e.accumulator, 11 * 8 * 0.4535, 1e-2);
  EXPECT_DOUBLE_EQ(e.dram, 15 * 8 * 20.3);
  EXPECT_DOUBLE_EQ(e.vector, 9 * 0.1 + 11 * 3.3);
  EXPECT_DOUBLE_EQ(e.host, 12 * 70.0);
  EXPECT_DOUBLE_EQ(e.idle, 50.0);
  EXPECT_DOUBLE_EQ(e.total(), e.array + e.scratchpad + e.accumulator + e.dram +
                                  e.vector + e.host + e.idle);
}

TEST(Timing, ProfileMeetsItsSource) {
  // 10, 20 and 100 pJ for 64 bits at 8 KB, 32 KB and 1 MB.
  EXPECT_NEAR(horowitz45(8 << 10, 1 << 20).scratchpadReadByte * 8, 10, 0.02);
  EXPECT_NEAR(horowitz45(32 << 10, 1 << 20).scratchpadReadByte * 8, 20, 0.02);
  EXPECT_NEAR(horowitz45(8 << 10, 1 << 20).accumulatorReadByte * 8, 100, 0.02);
}

} // namespace
