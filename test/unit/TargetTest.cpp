//===- TargetTest.cpp - Timing, machines, encoding ------------------------===//
//
// Expected cycles and counts are computed by hand from docs/Machine.md; each
// test shows the arithmetic.
//
//===----------------------------------------------------------------------===//

#include "RandomProgram.h"
#include "accopt/Target/Area.h"
#include "accopt/Target/Arithmetic.h"
#include "accopt/Target/Encoding.h"
#include "accopt/Target/Footprint.h"
#include "accopt/Target/MachineIO.h"
#include "accopt/Target/Timing.h"

#include "llvm/Support/MemoryBuffer.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <set>

using namespace accopt;
using namespace accopt::test;
using testing::HasSubstr;

namespace {

/// systolic16x16: 16 x 16, 16 bytes a cycle, latency 100, issue 4, 64 lanes,
/// vector latency 8, rescale 4, look-up 4.
Machine machine() { return llvm::cantFail(loadMachine("systolic16x16")); }

Command command(Operation operation) {
  Command c;
  c.operation = std::move(operation);
  return c;
}

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

//===-- Timing ------------------------------------------------------------===//

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

/// 6 x 5 = 30 pixels, 3x3 kernel, 8 channels, 20 columns.
MatmulCommand convolution() {
  MatmulCommand c;
  c.window.outputRows = 6;
  c.window.outputColumns = 5;
  c.window.inputRows = 6;
  c.window.inputColumns = 5;
  c.window.kernelY = c.window.kernelX = 3;
  c.window.inputPixelPitch = 8;
  c.window.inputRowPitch = 40;
  c.channels = 8;
  c.columns = 20;
  return c;
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

//===-- Arithmetic --------------------------------------------------------===//

TEST(Arithmetic, ApplyScaleRoundsHalfUp) {
  const int32_t half = 1 << 30; // 2^30 * 2^-31 = 1/2
  EXPECT_EQ(applyScale(3, half, 31), 2);
  EXPECT_EQ(applyScale(-3, half, 31), -1);
  EXPECT_EQ(applyScale(5, half, 30), 5);
  // -2^31 * 2^30 / 2^62 = -1/2, rounded up.
  EXPECT_EQ(applyScale(INT32_MIN, half, 62), 0);
  // Low 32 bits of 2^31 * 2^31 - ... / 4.
  EXPECT_EQ(applyScale(INT32_MAX, INT32_MAX, 2),
            int32_t(uint32_t(((int64_t(INT32_MAX) * INT32_MAX) + 2) >> 2)));
}

TEST(Arithmetic, QuantizeMultiplierIsTheNearest) {
  for (double real : {1.0, 0.5, 0.75, 1e-6, 123.456, 1.0 / 3, 0.999999999999}) {
    auto factor = quantizeMultiplier(real);
    ASSERT_TRUE(bool(factor));
    EXPECT_GE(factor->multiplier, kMinMultiplier);
    double back = std::ldexp(double(factor->multiplier), -int(factor->shift));
    EXPECT_NEAR(back / real, 1, 1.0 / (int64_t(1) << 31));
  }
  EXPECT_EQ(*quantizeMultiplier(1.0), (ScaleFactor{1 << 30, 30}));
  EXPECT_EQ(*quantizeMultiplier(std::ldexp(1, -32)),
            (ScaleFactor{1 << 30, 62}));
  for (double real : {0.0, -1.0, std::ldexp(1, 29), std::ldexp(1, -33),
                      double(INFINITY), double(NAN)}) {
    auto factor = quantizeMultiplier(real);
    EXPECT_FALSE(bool(factor));
    llvm::consumeError(factor.takeError());
  }
}

//===-- Machines ----------------------------------------------------------===//

std::string errorOf(llvm::StringRef yaml) {
  auto m = parseMachine(llvm::MemoryBufferRef(yaml, "m.yaml"));
  return m ? "" : llvm::toString(m.takeError());
}

TEST(Machine, DefaultsAreThoseOfTheHeader) {
  Machine standard;
  standard.name = "systolic16x16";
  standard.energy =
      horowitz45(standard.scratchpadBytes, standard.accumulatorBytes);
  EXPECT_EQ(printMachine(machine()), printMachine(standard));
}

TEST(Machine, PrintedMachinesReloadTheSame) {
  for (const BuiltinMachine &builtin : builtinMachines()) {
    Machine m = llvm::cantFail(loadMachine(builtin.name));
    EXPECT_EQ(m.name, builtin.name);
    std::string text = printMachine(m);
    Machine again =
        llvm::cantFail(parseMachine(llvm::MemoryBufferRef(text, "m.yaml")));
    EXPECT_EQ(printMachine(again), text);
    EXPECT_EQ(machineHash(again), machineHash(m));
    EXPECT_FALSE(bool(checkMachine(m)));
  }
}

TEST(Machine, OwnPricesReload) {
  Machine m = machine();
  m.name = "x{rows=1,columns=2}";
  m.clockHz = 1.0 / 3 * 1e9;
  m.energy.name = "measured";
  m.energy.source = "a \"wattmeter\": 1 # 2";
  m.energy.macInt8 = 0.1 + 0.2;
  std::string text = printMachine(m);
  auto again = parseMachine(llvm::MemoryBufferRef(text, "m.yaml"));
  ASSERT_TRUE(bool(again)) << llvm::toString(again.takeError());
  EXPECT_EQ(printMachine(*again), text);
  EXPECT_EQ(again->energy.macInt8, m.energy.macInt8);
}

TEST(Machine, LowPrecisionPricesMayBeLeftOut) {
  // Everything that machines of one precision give.
  std::string text = printMachine(machine()), old;
  for (llvm::StringRef rest = text, line; !rest.empty();) {
    std::tie(line, rest) = rest.split('\n');
    if (line.contains("_4bit") || line.contains("_2bit"))
      continue;
    line.consume_front("# price") ? old += "price" + line.str()
                                  : old += line.str();
    old += '\n';
  }
  size_t profile = old.find("horowitz45");
  ASSERT_NE(profile, std::string::npos);
  old.replace(profile, 10, "mine");
  auto m = parseMachine(llvm::MemoryBufferRef(old, "m.yaml"));
  ASSERT_TRUE(bool(m)) << llvm::toString(m.takeError());
  EXPECT_EQ(m->arrayRate4Bit, 1u);
  EXPECT_EQ(m->energy.mac4Bit, 0.3);
  EXPECT_EQ(m->energy.mac2Bit, 0.3);
  EXPECT_NE(errorOf(old + "array_rate_2bit: 17\n"), "");
  EXPECT_NE(errorOf(old + "array_rate_4bit: 0\n"), "");
}

TEST(Machine, OverridesRederivePrices) {
  Machine m = llvm::cantFail(
      loadMachine("systolic16x16{rows=32, scratchpad_bytes=1048576}"));
  EXPECT_EQ(m.rows, 32u);
  EXPECT_EQ(m.columns, 16u);
  EXPECT_EQ(m.name, "systolic16x16{rows=32,scratchpad_bytes=1048576}");
  EXPECT_NEAR(m.energy.scratchpadReadByte * 8, 100, 0.02);
  EXPECT_NE(machineHash(m), machineHash(machine()));
  EXPECT_EQ(machineHash(llvm::cantFail(loadMachine("systolic16x16{rows=16}"))),
            machineHash(machine()));
}

TEST(Machine, ErrorsNameFileLineFieldAndReason) {
  EXPECT_EQ(errorOf("rows: 16\ncolumns: many\n"),
            "m.yaml:2: field 'columns': expected an integer in [1, 1024], got "
            "'many'");
  EXPECT_EQ(errorOf("rows: 0\n"),
            "m.yaml:1: field 'rows': expected an integer in [1, 1024], got "
            "'0'");
  EXPECT_EQ(errorOf("clock_hz: nan\n"),
            "m.yaml:1: field 'clock_hz': expected a number in [1.00, "
            "1000000000000.00], got 'nan'");
  EXPECT_EQ(errorOf("# nothing\nrow: 1\n"),
            "m.yaml:2: field 'row': unknown field");
  EXPECT_EQ(errorOf("rows: 1\nrows: 2\n"),
            "m.yaml:2: field 'rows': given twice");
  EXPECT_EQ(errorOf("dataflow: systolic\n"),
            "m.yaml:1: field 'dataflow': expected one of weight-stationary, "
            "output-stationary, input-stationary, row-stationary, "
            "weight-or-output-stationary, got 'systolic'");
  EXPECT_EQ(errorOf("rows: 8\ndram_burst_bytes: 24\n"),
            "m.yaml:2: field 'dram_burst_bytes': expected a divisor or a "
            "multiple of dram_bytes_per_cycle (16), got 24");
  EXPECT_EQ(errorOf("rows: 4\n---\nrows: 8\n"),
            "m.yaml: expected one document, got more");
  EXPECT_EQ(errorOf("scratchpad_banks: 3\n"),
            "m.yaml:1: field 'scratchpad_banks': expected a divisor of "
            "scratchpad_bytes (262144), got 3");
  EXPECT_EQ(errorOf("columns: 48\n"),
            "m.yaml:1: field 'accumulator_bytes': expected a multiple of 192, "
            "the bytes of a row of accumulators in 48 columns, got 65536");
  EXPECT_EQ(errorOf("rows: [1]\n"),
            "m.yaml:1: field 'rows': expected a single value");
  EXPECT_EQ(errorOf("- rows\n"),
            "m.yaml:1: expected a mapping of fields to values");
  EXPECT_EQ(errorOf("price_mac_int8: 1\n"),
            "m.yaml:1: field 'price_mac_int8': profile 'horowitz45' has its "
            "own prices; give the field 'energy_profile' another name");
  EXPECT_EQ(errorOf("energy_profile: mine\nprice_mac_int8: 1\n"),
            "m.yaml:1: field 'price_scratchpad_read_byte': profile 'mine' "
            "needs every price; this one is missing");
  EXPECT_THAT(errorOf("inherit: nowhere\n"),
              HasSubstr("m.yaml:1: field 'inherit': nowhere: expected a YAML "
                        "file or one of systolic16x16"));
  for (const char *bad :
       {"", "rows: \"16\n", "{rows: 1", "rows: 1: 2", "\t", "a\n", "? [a]\n"}) {
    std::string error = errorOf(bad);
    EXPECT_THAT(error, HasSubstr("m.yaml")) << bad;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  }
}

TEST(Machine, SpecErrors) {
  for (auto [spec, reason] :
       {std::pair("nosuch", "expected a YAML file or one of"),
        std::pair("systolic16x16{rows=0}", "expected an integer in [1, 1024]"),
        std::pair("systolic16x16{rows", "expected one '{...}' at the end"),
        std::pair("systolic16x16{rows=4}{columns=4}", "expected one '{...}'"),
        std::pair("{rows=4}", "expected a machine before the '{'"),
        std::pair("/dev/zero", "expected a regular file"),
        std::pair("systolic16x16{clock_hz=0x10}", "expected a number"),
        std::pair("systolic16x16{clock_hz=1e}", "expected a number"),
        std::pair("systolic16x16{rows}", "expected field=value"),
        std::pair("systolic16x16{rows=1,rows=2}", "given twice"),
        std::pair("systolic16x16{name=x}", "cannot be overridden"),
        std::pair("systolic16x16{speed=1}", "unknown field")}) {
    auto m = loadMachine(spec);
    ASSERT_FALSE(bool(m)) << spec;
    EXPECT_THAT(llvm::toString(m.takeError()), HasSubstr(reason)) << spec;
  }
}

//===-- Encoding ----------------------------------------------------------===//

std::vector<Command> randomCommands(uint64_t seed) {
  RandomProgram random(seed);
  std::vector<Command> commands;
  for (Operation operation :
       {Operation(LoadCommand{random.dma(0)}),
        Operation(StoreCommand{random.dma(9999)}), Operation(random.matmul()),
        Operation(random.depthwise()), Operation(random.pool()),
        Operation(random.binary()), Operation(random.lookup()),
        Operation(random.fill()),
        Operation(HostCommand{random.number(0, 9), random.random(),
                              random.random(), random.random()})}) {
    Command c = command(std::move(operation));
    c.layer = random.number(0, UINT32_MAX);
    for (unsigned e = 0; e < kEngineCount; ++e)
      c.take[e] = random.number(0, UINT32_MAX);
    commands.push_back(std::move(c));
  }
  return commands;
}

std::array<uint8_t, kCommandBytes> encoded(const Command &command) {
  std::array<uint8_t, kCommandBytes> bytes;
  encodeCommand(command, bytes);
  return bytes;
}

TEST(Encoding, RoundTrip) {
  for (uint64_t seed = 0; seed < 50; ++seed)
    for (const Command &c : randomCommands(seed)) {
      auto decoded = decodeCommand(encoded(c));
      ASSERT_TRUE(bool(decoded)) << llvm::toString(decoded.takeError());
      EXPECT_EQ(decoded->layer, c.layer);
      EXPECT_EQ(decoded->take, c.take);
      EXPECT_TRUE(decoded->operation == c.operation) << "seed " << seed;
    }
}

TEST(Encoding, FieldsByName) {
  for (uint64_t seed = 0; seed < 50; ++seed)
    for (Command c : randomCommands(seed)) {
      // A signed number of 64 bits stands for each field.
      if (auto *host = std::get_if<HostCommand>(&c.operation))
        *host = {host->function, host->operations >> 1, host->bytes >> 1,
                 host->writtenBytes >> 1};
      auto again = commandFromFields(operationName(c), commandFields(c));
      ASSERT_TRUE(bool(again)) << llvm::toString(again.takeError());
      EXPECT_TRUE(again->operation == c.operation) << "seed " << seed;
    }
  auto reason = [](llvm::StringRef name, CommandField field) {
    auto c = commandFromFields(name, field);
    return c ? "" : llvm::toString(c.takeError());
  };
  EXPECT_NE(reason("divide", {"a", 1}), "");
  EXPECT_NE(reason("fill", {"width", 1}), "");
  EXPECT_NE(reason("fill", {"value", 128}), "");
  EXPECT_NE(reason("fill", {"rows", -1}), "");
  EXPECT_NE(reason("pool", {"kind", 2}), "");
  EXPECT_NE(reason("pool", {"count_padding", 2}), "");
  EXPECT_EQ(reason("fill", {"value", -128}), "");
}

/// No two fields share a bit: any flipped bit is refused or changes the command
/// in a way that encoding gives back.
TEST(Encoding, EveryBitCounts) {
  for (const Command &c : randomCommands(3)) {
    auto bytes = encoded(c);
    for (size_t bit = 8; bit < 8 * kCommandBytes; ++bit) {
      auto flipped = bytes;
      flipped[bit / 8] ^= uint8_t(1 << bit % 8);
      auto decoded = decodeCommand(flipped);
      if (!decoded) {
        llvm::consumeError(decoded.takeError());
        continue;
      }
      EXPECT_EQ(encoded(*decoded), flipped);
    }
  }
}

TEST(Encoding, RefusesWhatIsNoCommand) {
  std::array<uint8_t, kCommandBytes> bytes = {};
  auto error = [&] {
    auto decoded = decodeCommand(bytes);
    return decoded ? "" : llvm::toString(decoded.takeError());
  };
  EXPECT_EQ(error(), "unknown opcode 0");
  bytes[0] = 10;
  EXPECT_EQ(error(), "unknown opcode 10");
  bytes[0] = 7;
  EXPECT_EQ(error(), "");
  bytes[127] = 1;
  EXPECT_EQ(error(), "expected reserved bits of byte 127 to be zero, got 0x01");
  bytes[127] = 0;
  bytes[0] = 5;
  bytes[79] = 2;
  EXPECT_EQ(error(), "unknown kind of 'pool'");
}

TEST(Encoding, Text) {
  LoadCommand load;
  load.dramAddress = 0x1000;
  load.rowBytes = 64;
  load.dramStride[0] = -64;
  Command c = command(load);
  c.take = {0, 2, 0, 1};
  std::string text;
  llvm::raw_string_ostream os(text);
  printCommand(c, os);
  EXPECT_EQ(text, "load  load take_exec=2 take_host=1 dram=0x1000 "
                  "row_bytes=64 dram_stride_0=-64");
}

/// The specification shows the tables that the code uses.
TEST(Encoding, TablesAreInTheSpecification) {
  auto file = llvm::MemoryBuffer::getFile(ACCOPT_SOURCE_DIR "/docs/Machine.md");
  ASSERT_TRUE(bool(file));
  std::string tables;
  llvm::raw_string_ostream os(tables);
  printEncodingTables(os);
  EXPECT_TRUE((*file)->getBuffer().contains(tables))
      << "docs/Machine.md should contain:\n"
      << tables;
}

TEST(Machine, FieldsAreInTheDocumentation) {
  auto file = llvm::MemoryBuffer::getFile(ACCOPT_SOURCE_DIR "/docs/Targets.md");
  ASSERT_TRUE(bool(file));
  std::string tables;
  llvm::raw_string_ostream os(tables);
  printMachineFields(os);
  EXPECT_TRUE((*file)->getBuffer().contains(tables))
      << "docs/Targets.md should contain:\n"
      << tables;
}

/// Every field is in the schema, and nothing else but the texts.
TEST(Machine, SchemaHasAllFields) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printMachineSchema(os);
  auto schema = llvm::cantFail(llvm::json::parse(text));
  const llvm::json::Object &properties =
      *schema.getAsObject()->getObject("properties");
  std::set<std::string> expected = {"inherit", "name"}, found;
  for (const auto &[name, value] : machineParameters(machine()))
    expected.insert(name.str());
  for (const auto &[name, value] : properties)
    found.insert(name.str());
  EXPECT_EQ(found, expected);
  const llvm::json::Object &rows = *properties.getObject("rows");
  EXPECT_EQ(rows.getInteger("minimum"), 1);
  EXPECT_EQ(rows.getInteger("maximum"), 1024);
  EXPECT_EQ(rows.getString("type"), llvm::StringRef("integer"));
}

TEST(Machine, ProfilesFollowTheirSources) {
  Machine m = machine();
  EXPECT_FALSE(derivedProfile("mine", m));
  m.clockHz = 2e8;
  EnergyProfile e = *derivedProfile("eyeriss65", m);
  EXPECT_DOUBLE_EQ(2 * e.dramByte, 460);
  EXPECT_DOUBLE_EQ(2 * e.scratchpadReadByte, 15);
  EXPECT_DOUBLE_EQ(e.staticPerCycle, 150); // 30 mW at 200 MHz
  e = *derivedProfile("gemmini40", m);
  EXPECT_DOUBLE_EQ(e.scratchpadReadByte, 0.49 + 0.02513 * 256);
  EXPECT_DOUBLE_EQ(4 * e.accumulatorReadByte, 1.94 + 0.1005 * 64 / 16);
  EXPECT_DOUBLE_EQ(e.dramByte, 100);
  m.scratchpadBytes = 128 << 20;
  m.accumulatorBytes = 4 << 20;
  e = *derivedProfile("tpu_v4i", m);
  EXPECT_NEAR(e.scratchpadReadByte, 8 * 1.88, 1e-12);
  EXPECT_NEAR(e.scratchpadWriteByte, 8 * 2.36, 1e-12);
  EXPECT_DOUBLE_EQ(e.accumulatorReadByte, 8 * 0.249);
  m.scratchpadBanks = 32;
  EXPECT_DOUBLE_EQ(derivedProfile("tpu_v4i", m)->scratchpadReadByte, 8 * 0.249);
  // Horowitz's 20 pJ for 64 bits are those of a bank of 32 KB.
  m.scratchpadBytes = 256 << 10;
  m.scratchpadBanks = 8;
  EXPECT_NEAR(derivedProfile("horowitz45", m)->scratchpadReadByte * 8, 20,
              0.02);
}

TEST(Machine, AreaOfTheSourcesMachine) {
  Machine m = llvm::cantFail(loadMachine("gemmini16x16"));
  SiliconArea area = siliconArea(m);
  EXPECT_NEAR(area.array, 0.116, 1e-12);
  EXPECT_NEAR(area.scratchpad, 0.544, 1e-12);
  EXPECT_NEAR(area.accumulator, 0.146, 1e-12);
  FpgaResources fpga = fpgaResources(m);
  EXPECT_EQ(fpga.dsps, 128u);
  EXPECT_EQ(fpga.lutsInstead, 300u + 18023); // 1.1 * 64 * 256 = 18022.4
  EXPECT_EQ(fpga.blockRams, 4u * 16 + 2 * 8);
  m.scratchpadBanks = 128; // 2 KiB each, a block RAM each
  EXPECT_EQ(fpgaResources(m).blockRams, 128u + 2 * 8);
}

//===-- Footprints --------------------------------------------------------===//

Region rows(int64_t base, int64_t count, int64_t stride, int64_t length) {
  Region r;
  r.base = base;
  r.count = {count, 1, 1};
  r.stride = {stride, 0, 0};
  r.length = length;
  return r;
}

TEST(Footprint, InterleavedRowsDoNotOverlap) {
  EXPECT_FALSE(overlaps(rows(0, 10, 16, 8), rows(8, 10, 16, 8)));
  EXPECT_TRUE(overlaps(rows(0, 10, 16, 9), rows(8, 10, 16, 8)));
  EXPECT_TRUE(overlaps(rows(144, 10, -16, 8), rows(7, 1, 0, 1)));
  EXPECT_FALSE(overlaps(rows(0, 10, 16, 8), rows(152, 1, 0, 1)));
  Region dram = rows(0, 1, 0, 8);
  dram.memory = Memory::Dram;
  EXPECT_FALSE(overlaps(dram, rows(0, 1, 0, 8)));
}

TEST(Footprint, WindowLeavesOutPadding) {
  MatmulCommand c = convolution();
  c.window.padTop = c.window.padLeft = 1;
  c.window.input = 1000;
  auto regions = footprint(command(c), machine());
  ASSERT_STREQ(regions[0].what, "input");
  EXPECT_EQ(regions[0].begin(), 1000);
  EXPECT_EQ(regions[0].end(), 1000 + 6 * 40);
  // All of it in the padding.
  c.window.padTop = 100;
  EXPECT_STREQ(footprint(command(c), machine())[0].what, "weights");
}

TEST(Footprint, RandomOverlapsByBytes) {
  std::mt19937 random(5);
  for (int i = 0; i < 2000; ++i) {
    auto make = [&] {
      Region r;
      r.base = random() % 100;
      r.length = 1 + random() % 6;
      for (int d = 0; d < 3; ++d) {
        r.count[d] = 1 + random() % 3;
        r.stride[d] = int64_t(random() % 41) - 20;
      }
      return r;
    };
    auto bytes = [](const Region &r) {
      std::set<int64_t> set;
      for (int64_t a = 0; a < r.count[0]; ++a)
        for (int64_t b = 0; b < r.count[1]; ++b)
          for (int64_t c = 0; c < r.count[2]; ++c)
            for (int64_t l = 0; l < r.length; ++l)
              set.insert(r.base + a * r.stride[0] + b * r.stride[1] +
                         c * r.stride[2] + l);
      return set;
    };
    Region x = make(), y = make();
    auto xs = bytes(x), ys = bytes(y);
    EXPECT_EQ(x.begin(), *xs.begin());
    EXPECT_EQ(x.end(), *xs.rbegin() + 1);
    bool common = std::any_of(xs.begin(), xs.end(),
                              [&](int64_t b) { return ys.count(b); });
    EXPECT_EQ(overlaps(x, y), common) << "case " << i;
  }
}

} // namespace
