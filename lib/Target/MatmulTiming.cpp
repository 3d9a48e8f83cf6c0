//===- MatmulTiming.cpp - The array, by dataflow --------------------------===//
//
// A command multiplies P pixels by K indices of the reduction by N columns. One
// of the four dataflows says which of the three lie on the array, block by
// block, and which streams through it. All blocks take as long as one that
// fills the array.
//
//===----------------------------------------------------------------------===//

#include "MatmulTiming.h"

#include "accopt/Target/Timing.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace accopt;
using llvm::divideCeil;

namespace {

class ArrayModel {
public:
  ArrayModel(const MatmulCommand &command, const Machine &machine)
      : command(command), machine(machine), shape(reductionShape(command)),
        pixels(uint64_t(command.window.outputRows) *
               command.window.outputColumns),
        columns(command.columns),
        reduction(uint64_t(shape.segments) * shape.segmentLength),
        inputBytes(command.window.inputBytes()) {}

  ArrayWork run() const {
    bool commandChooses = machine.dataflow == Dataflow::WeightOrOutput;
    switch (commandChooses ? command.dataflow : machine.dataflow) {
    case Dataflow::WeightOrOutput:
    case Dataflow::WeightStationary:
      return weightStationary();
    case Dataflow::OutputStationary:
      return outputStationary();
    case Dataflow::InputStationary:
      return inputStationary();
    case Dataflow::RowStationary:
      return rowStationary();
    }
    return {};
  }

private:
  /// The array along the reduction: blocks of `rows` times the rate (or over
  /// the elements that join for a product of 16 bits), from at most
  /// `patchSegments` segments each.
  uint64_t reductionBlocks() const {
    uint64_t depth = reductionDepth(machine, command.precision);
    uint64_t length = shape.segmentLength;
    uint64_t feeds = machine.patchSegments;
    if (feeds == 1)
      return shape.segments * divideCeil(length, depth);
    // Wherever a block begins, there are enough segments to fill it.
    if (1 + (feeds - 1) * length >= depth)
      return divideCeil(reduction, depth);
    return divideCeil(shape.segments, std::min(feeds, depth / length));
  }

  /// `blocks` blocks of a stationary operand, past each of which something
  /// streams for `stream` cycles. A block loads in `load` cycles, behind the
  /// block before if there is a register for it. The last one drains through
  /// the whole array.
  uint64_t stationaryCycles(uint64_t blocks, uint64_t stream,
                            uint64_t load) const {
    uint64_t skew = machine.rows + machine.columns - 1;
    if (machine.stationaryRegisters == 1)
      return blocks * (load + stream) + skew;
    return load + (blocks - 1) * std::max(stream, load) + stream + skew;
  }

  /// Sums pass through the accumulators once for each reduction block.
  void accumulate(ArrayWork &work, uint64_t passes) const {
    uint64_t sums = 4 * pixels * columns;
    work.accumulatorWriteBytes = sums * passes;
    work.accumulatorReadBytes = sums * (passes - (command.accumulate ? 0 : 1));
  }

  ArrayWork weightStationary() const {
    uint64_t columnBlocks = divideCeil(columns, machine.columns);
    ArrayWork work;
    work.cycles = stationaryCycles(columnBlocks * reductionBlocks(), pixels,
                                   machine.rows);
    work.inputBytes = pixels * reduction * columnBlocks * inputBytes;
    work.weightBytes = reduction * columns;
    accumulate(work, reductionBlocks());
    return work;
  }

  /// The mirror image: the patches of `columns` pixels lie on the array, the
  /// weights of one column after another stream.
  ArrayWork inputStationary() const {
    uint64_t pixelBlocks = divideCeil(pixels, machine.columns);
    ArrayWork work;
    work.cycles = stationaryCycles(pixelBlocks * reductionBlocks(), columns,
                                   machine.rows);
    work.inputBytes = pixels * reduction * inputBytes;
    work.weightBytes = reduction * columns * pixelBlocks;
    accumulate(work, reductionBlocks());
    return work;
  }

  /// A fold of `rows` pixels and `columns` columns keeps its sums while the
  /// reduction streams; they enter and leave a row of the array a cycle.
  ArrayWork outputStationary() const {
    uint64_t pixelFolds = divideCeil(pixels, machine.rows);
    uint64_t columnFolds = divideCeil(columns, machine.columns);
    uint64_t folds = pixelFolds * columnFolds;
    uint64_t stream = shape.segments * streamCycles(machine, command.precision,
                                                    shape.segmentLength);
    uint64_t enter = command.accumulate ? machine.rows : 0;
    uint64_t leave = machine.rows;
    uint64_t skew = machine.rows + machine.columns - 2;
    ArrayWork work;
    if (machine.stationaryRegisters == 1)
      work.cycles = folds * (enter + stream + leave) + skew;
    else
      work.cycles = enter + (folds - 1) * std::max(stream, enter + leave) +
                    stream + skew + leave;
    work.inputBytes = pixels * reduction * columnFolds * inputBytes;
    work.weightBytes = reduction * columns * pixelFolds;
    uint64_t sums = 4 * pixels * columns;
    work.accumulatorReadBytes = command.accumulate ? sums : 0;
    work.accumulatorWriteBytes = command.finish ? 0 : sums;
    return work;
  }

  /// Chen, Emer, Sze, ISCA 2016: a set of `kernelY` x `outputRows` processing
  /// elements convolves one filter plane with one channel, each element one
  /// filter row with one input row. Sets larger than the array fold; as many
  /// as fit work at once, on channels first (their sums add up on the way),
  /// then on columns of the output.
  ArrayWork rowStationary() const {
    const Window &w = command.window;
    uint64_t height = std::min<uint64_t>(w.kernelY, machine.rows);
    uint64_t width = std::min<uint64_t>(w.outputRows, machine.columns);
    uint64_t foldsDown = divideCeil(uint64_t(w.kernelY), height);
    uint64_t foldsAcross = divideCeil(uint64_t(w.outputRows), width);
    uint64_t sets = (machine.rows / height) * (machine.columns / width);
    uint64_t channels = command.channels;
    uint64_t setChannels = std::min(channels, sets);
    uint64_t setColumns = std::min(columns, sets / setChannels);
    uint64_t channelPasses = divideCeil(channels, setChannels);
    uint64_t columnPasses = divideCeil(columns, setColumns);
    uint64_t passes = foldsDown * foldsAcross * channelPasses * columnPasses;
    uint64_t stream = streamCycles(machine, command.precision,
                                   uint64_t(w.kernelX) * w.outputColumns);
    uint64_t load = w.kernelX; // a filter row into each processing element
    ArrayWork work;
    work.cycles = stationaryCycles(passes, stream, load);
    // An input row reaches the elements of a diagonal, and all columns that
    // work at once; a filter row all elements of a row.
    uint64_t rowBytes = (uint64_t(w.outputColumns - 1) * w.strideX +
                         uint64_t(w.kernelX - 1) * w.dilationX + 1) *
                        inputBytes;
    uint64_t inputRows = 0;
    for (uint64_t first = 0; first < w.outputRows; first += width)
      inputRows += (std::min<uint64_t>(width, w.outputRows - first) - 1) *
                       std::min<uint64_t>(w.strideY, w.kernelY) +
                   w.kernelY;
    work.inputBytes = inputRows * rowBytes * channels * columnPasses;
    work.weightBytes = reduction * columns * foldsAcross;
    accumulate(work, foldsDown * channelPasses);
    return work;
  }

  const MatmulCommand &command;
  const Machine &machine;
  ReductionShape shape;
  uint64_t pixels, columns, reduction;
  uint64_t inputBytes; ///< of an element
};

} // namespace

ArrayWork accopt::arrayWork(const MatmulCommand &command,
                            const Machine &machine) {
  return ArrayModel(command, machine).run();
}
