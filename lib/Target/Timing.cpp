//===- Timing.cpp - Time and events of one command ------------------------===//
//
// The formulas of docs/Machine.md, section "Timing and events", one pair of
// functions for each kind of command. Everything is a function of the
// command's fields and the machine's parameters, never of data or addresses.
//
//===----------------------------------------------------------------------===//

#include "accopt/Target/Timing.h"

#include "MatmulTiming.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cmath>

using namespace accopt;
using llvm::divideCeil;

Quantities &Quantities::operator+=(const Quantities &other) {
  macs += other.macs;
  macs4Bit += other.macs4Bit;
  macs2Bit += other.macs2Bit;
  macs16Bit += other.macs16Bit;
  scratchpadReadBytes += other.scratchpadReadBytes;
  scratchpadWriteBytes += other.scratchpadWriteBytes;
  accumulatorReadBytes += other.accumulatorReadBytes;
  accumulatorWriteBytes += other.accumulatorWriteBytes;
  dramReadBytes += other.dramReadBytes;
  dramWriteBytes += other.dramWriteBytes;
  vectorOperations += other.vectorOperations;
  rescaleOperations += other.rescaleOperations;
  hostOperations += other.hostOperations;
  return *this;
}

double Energy::total() const {
  return array + scratchpad + accumulator + dram + vector + host + idle;
}

ReductionShape accopt::reductionShape(const MatmulCommand &command) {
  const Window &w = command.window;
  ReductionShape shape;
  if (command.runs == 1 && w.dilationX == 1 &&
      w.inputPixelPitch == command.channels * w.inputBytes()) {
    shape.segments = w.kernelY;
    shape.segmentLength = uint64_t(w.kernelX) * command.channels;
  } else {
    shape.segments = uint64_t(w.kernelY) * w.kernelX * command.runs;
    shape.segmentLength = command.channels / command.runs;
  }
  return shape;
}

namespace {

uint64_t pixelsOf(const Window &w) {
  return uint64_t(w.outputRows) * w.outputColumns;
}

uint64_t tapsOf(const Window &w) { return uint64_t(w.kernelY) * w.kernelX; }

uint64_t rowsOf(const DmaCommand &c) {
  return uint64_t(c.count[0]) * c.count[1] * c.count[2];
}

/// Bytes of DRAM that a row moves: whole bursts.
uint64_t dramRowBytes(const DmaCommand &c, const Machine &m) {
  return llvm::alignTo(c.dramRowBytes(), m.dramBurstBytes);
}

/// Groups of elements that a window op over `channels` needs, which the lanes
/// take one by one: an output row's pixels and channels are one sequence.
uint64_t groupsOf(const Window &w, uint16_t channels, bool isWide,
                  const Machine &m) {
  return w.outputRows * divideCeil(uint64_t(w.outputColumns) * channels,
                                   uint64_t(vectorElements(m, isWide)));
}

/// Whether an operand of the vector unit has two bytes.
bool isWide(const DepthwiseCommand &c) {
  const Epilogue &e = c.epilogue;
  return c.window.wideInput || e.wideOutput ||
         (e.hasResidual && e.wideResidual);
}
bool isWide(const PoolCommand &c) { return c.window.wideInput || c.wideOutput; }
bool isWide(const BinaryCommand &c) {
  return c.wideA || c.wideB || c.wideOutput;
}

/// What an epilogue over `elements` values in `columns` columns reads, writes
/// and computes.
Quantities epilogueQuantities(const Epilogue &e, uint64_t elements,
                              uint64_t columns) {
  Quantities q;
  q.scratchpadReadBytes = 12 * columns +
                          (e.hasResidual ? elements * e.residualBytes() : 0) +
                          (e.hasTable ? 256 : 0);
  q.scratchpadWriteBytes = elements * e.outputBytes();
  q.rescaleOperations = elements * (e.hasResidual ? 3 : 1);
  q.vectorOperations = e.hasTable ? elements : 0;
  return q;
}

/// Cycles on the vector unit: a pipeline that is filled once.
Duration vectorDuration(uint64_t groups, uint64_t cyclesPerGroup,
                        const Machine &m) {
  return {m.issueCycles + m.vectorLatency + groups * cyclesPerGroup, 0};
}

struct DurationOf {
  const Machine &m;

  /// Requests of one burst (or of one beat, if that is more) start as soon as
  /// the one before has all its beats, and `dramOutstanding` requests before it
  /// are complete: with b beats and latency L, request n starts at
  ///   s(n) = max(s(n - 1) + b, s(n - outstanding) + b + L).
  Duration dma(const DmaCommand &c) const {
    uint64_t rowBeats = divideCeil(dramRowBytes(c, m), m.dramBytesPerCycle);
    uint64_t beats = rowsOf(c) * rowBeats;
    uint64_t request = std::max(m.dramBurstBytes, m.dramBytesPerCycle);
    uint64_t requestBeats = divideCeil(request, m.dramBytesPerCycle);
    uint64_t turn = m.dramOutstanding * requestBeats;
    if (turn && turn < requestBeats + m.dramLatency) {
      uint64_t turns =
          (divideCeil(beats, requestBeats) - 1) / m.dramOutstanding;
      beats += turns * (requestBeats + m.dramLatency - turn);
    }
    return {m.issueCycles + beats, m.dramLatency};
  }
  Duration operator()(const LoadCommand &c) const { return dma(c); }
  Duration operator()(const StoreCommand &c) const { return dma(c); }

  Duration operator()(const MatmulCommand &c) const {
    uint64_t outputStage = c.finish ? m.vectorLatency : 0;
    return {m.issueCycles + arrayWork(c, m).cycles + outputStage, 0};
  }

  Duration operator()(const DepthwiseCommand &c) const {
    uint64_t mac = tapsOf(c.window) * m.vector.mac;
    uint64_t finish =
        uint64_t(m.vector.rescale) * (c.epilogue.hasResidual ? 3 : 1) +
        (c.epilogue.hasTable ? m.vector.lookup : 0);
    return vectorDuration(groupsOf(c.window, c.channels, isWide(c), m),
                          std::max(mac, finish), m);
  }

  Duration operator()(const PoolCommand &c) const {
    uint64_t taps = tapsOf(c.window);
    uint64_t perGroup =
        c.kind == PoolKind::Max
            ? taps * m.vector.max
            : std::max<uint64_t>(taps * m.vector.add, m.vector.rescale);
    return vectorDuration(groupsOf(c.window, c.channels, isWide(c), m),
                          perGroup, m);
  }

  Duration operator()(const BinaryCommand &c) const {
    uint64_t groups =
        uint64_t(c.count[0]) * c.count[1] * c.count[2] *
        divideCeil(uint64_t(c.length), uint64_t(vectorElements(m, isWide(c))));
    uint64_t perGroup =
        c.kind == BinaryKind::Mul
            ? std::max(m.vector.mul, m.vector.rescale)
            : std::max<uint64_t>(m.vector.add, 3 * uint64_t(m.vector.rescale));
    return vectorDuration(groups, perGroup + (c.hasTable ? m.vector.lookup : 0),
                          m);
  }

  Duration operator()(const LookupCommand &c) const {
    uint64_t groups =
        divideCeil(uint64_t(c.length), uint64_t(vectorElements(m, c.isWide)));
    // Two entries and the product between them.
    uint64_t perGroup = c.isWide ? 2 * uint64_t(m.vector.lookup) + m.vector.mul
                                 : m.vector.lookup;
    return vectorDuration(groups, perGroup, m);
  }

  Duration operator()(const FillCommand &c) const {
    return vectorDuration(c.rows *
                              divideCeil(uint64_t(c.length), uint64_t(m.lanes)),
                          m.vector.fill, m);
  }

  Duration operator()(const HostCommand &c) const {
    double work = double(c.operations) * m.hostCyclesPerOperation +
                  double(c.bytes) * m.hostCyclesPerByte;
    return {m.hostOverheadCycles + uint64_t(std::ceil(work)), 0};
  }
};

struct QuantitiesOf {
  const Machine &m;

  Quantities operator()(const LoadCommand &c) const {
    Quantities q;
    q.dramReadBytes = rowsOf(c) * dramRowBytes(c, m);
    q.scratchpadWriteBytes = rowsOf(c) * c.rowBytes;
    return q;
  }

  Quantities operator()(const StoreCommand &c) const {
    Quantities q;
    q.scratchpadReadBytes = rowsOf(c) * c.rowBytes;
    q.dramWriteBytes = rowsOf(c) * dramRowBytes(c, m);
    return q;
  }

  Quantities operator()(const MatmulCommand &c) const {
    uint64_t pixels = pixelsOf(c.window);
    ReductionShape shape = reductionShape(c);
    ArrayWork work = arrayWork(c, m);

    Quantities q;
    if (c.finish)
      q = epilogueQuantities(c.epilogue, pixels * c.columns, c.columns);
    q.macs = pixels * c.columns * shape.segments * shape.segmentLength;
    if (c.precision == 16)
      q.macs16Bit = q.macs;
    else if (arrayRate(m, c.precision) > 1)
      (c.precision == 4 ? q.macs4Bit : q.macs2Bit) = q.macs;
    q.scratchpadReadBytes += work.inputBytes + work.weightBytes;
    q.accumulatorReadBytes = work.accumulatorReadBytes;
    q.accumulatorWriteBytes = work.accumulatorWriteBytes;
    return q;
  }

  Quantities operator()(const DepthwiseCommand &c) const {
    uint64_t elements = pixelsOf(c.window) * c.channels;
    uint64_t taps = tapsOf(c.window);
    Quantities q = epilogueQuantities(c.epilogue, elements, c.channels);
    q.macs = elements * taps;
    if (c.window.wideInput)
      q.macs16Bit = q.macs;
    q.scratchpadReadBytes +=
        elements * taps * c.window.inputBytes() + taps * c.channels;
    return q;
  }

  Quantities operator()(const PoolCommand &c) const {
    uint64_t elements = pixelsOf(c.window) * c.channels;
    uint64_t taps = tapsOf(c.window);
    Quantities q;
    q.vectorOperations = elements * taps;
    q.scratchpadReadBytes = elements * taps * c.window.inputBytes();
    q.scratchpadWriteBytes = elements * c.outputBytes();
    if (c.kind == PoolKind::Sum) {
      q.rescaleOperations = elements;
      q.scratchpadReadBytes += 8 * (c.countPadding ? 1 : taps);
    }
    return q;
  }

  Quantities operator()(const BinaryCommand &c) const {
    uint64_t elements =
        uint64_t(c.count[0]) * c.count[1] * c.count[2] * c.length;
    Quantities q;
    q.scratchpadReadBytes =
        (2 + c.wideA + c.wideB) * elements + (c.hasTable ? 256 : 0);
    q.scratchpadWriteBytes = (1 + c.wideOutput) * elements;
    q.vectorOperations = elements * (c.hasTable ? 2 : 1);
    q.rescaleOperations = elements * (c.kind == BinaryKind::Mul ? 1 : 3);
    return q;
  }

  Quantities operator()(const LookupCommand &c) const {
    Quantities q;
    uint64_t bytes = uint64_t(c.length) * c.elementBytes();
    q.scratchpadReadBytes = bytes + c.tableBytes();
    q.scratchpadWriteBytes = bytes;
    q.vectorOperations = uint64_t(c.length) * (c.isWide ? 3 : 1);
    return q;
  }

  Quantities operator()(const FillCommand &c) const {
    Quantities q;
    q.scratchpadWriteBytes = uint64_t(c.rows) * c.length;
    return q;
  }

  Quantities operator()(const HostCommand &c) const {
    Quantities q;
    q.hostOperations = c.operations;
    q.dramReadBytes = c.bytes - std::min(c.bytes, c.writtenBytes);
    q.dramWriteBytes = c.writtenBytes;
    return q;
  }
};

} // namespace

/// Cycles that EXEC's ports need for the bytes of a command.
static uint64_t portCycles(const Command &command, const Machine &machine) {
  Quantities q = quantities(command, machine);
  uint64_t bytes =
      machine.scratchpadPorts == ScratchpadPorts::Shared
          ? q.scratchpadReadBytes + q.scratchpadWriteBytes
          : std::max(q.scratchpadReadBytes, q.scratchpadWriteBytes);
  return divideCeil(bytes, machine.scratchpadPortBytes);
}

Duration accopt::duration(const Command &command, const Machine &machine) {
  Duration time = std::visit(DurationOf{machine}, command.operation);
  if (machine.scratchpadPortBytes && command.engine() == Engine::Exec)
    time.occupancy = std::max(time.occupancy, machine.issueCycles +
                                                  portCycles(command, machine));
  return time;
}

Quantities accopt::quantities(const Command &command, const Machine &machine) {
  return std::visit(QuantitiesOf{machine}, command.operation);
}

Energy accopt::energy(const Quantities &q, uint64_t cycles,
                      const Machine &machine) {
  const EnergyProfile &p = machine.energy;
  Energy e;
  e.array = double(q.macs - q.macs4Bit - q.macs2Bit - q.macs16Bit) * p.macInt8 +
            double(q.macs4Bit) * p.mac4Bit + double(q.macs2Bit) * p.mac2Bit +
            double(q.macs16Bit) * p.mac16Bit;
  e.scratchpad = double(q.scratchpadReadBytes) * p.scratchpadReadByte +
                 double(q.scratchpadWriteBytes) * p.scratchpadWriteByte;
  e.accumulator = double(q.accumulatorReadBytes) * p.accumulatorReadByte +
                  double(q.accumulatorWriteBytes) * p.accumulatorWriteByte;
  e.dram = double(q.dramReadBytes + q.dramWriteBytes) * p.dramByte;
  e.vector = double(q.vectorOperations) * p.vectorOperation +
             double(q.rescaleOperations) * p.rescaleOperation;
  e.host = double(q.hostOperations) * p.hostOperation;
  e.idle = double(cycles) * p.staticPerCycle;
  return e;
}
