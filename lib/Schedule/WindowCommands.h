//===- WindowCommands.h - Commands of window layers -------------*- C++ -*-===//
//
// Part of AccOpt. From a tile of a window layer and the places of its images in
// the scratchpad to the command that computes it.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_SCHEDULE_WINDOWCOMMANDS_H
#define ACCOPT_LIB_SCHEDULE_WINDOWCOMMANDS_H

#include "PackWeights.h"

#include "accopt/Target/Command.h"

namespace accopt {

/// The chunks of a layer, of `outputs` output channels of a group each, reduced
/// in runs of at most `channels` of its input channels.
llvm::SmallVector<WeightChunk> listChunks(const WindowLayer &layer,
                                          int64_t outputs, int64_t channels);

/// Positions along one dimension: [begin, begin + length).
struct Span {
  int64_t begin = 0, length = 0;
  int64_t end() const { return begin + length; }
};
/// The input rows that output rows [first, first + count) read, clipped to
/// those that exist; one at least.
Span inputRowsOf(const WindowLayer &layer, int64_t first, int64_t count);
/// The same for columns.
Span inputColumnsOf(const WindowLayer &layer, int64_t first, int64_t count);

/// A tile of one image of the output, and the tile of the input that it reads.
struct TileShape {
  int64_t batch = 0;
  Span rows, columns;
  Span inputRows, inputColumns;
};
TileShape tileShape(const WindowLayer &layer, int64_t batch, Span rows,
                    Span columns);

/// Where a tile of an image lies in the scratchpad: the byte of its first
/// pixel's channel `channel`, and the bytes from row to row, pixel to pixel.
struct ImageView {
  int64_t address = 0, rowPitch = 0, pixelPitch = 0, channel = 0;
  int64_t element = 1; ///< bytes
  uint32_t at(int64_t which) const {
    return uint32_t(address + (which - channel) * element);
  }
};

/// What one command of a window layer computes, and where.
struct WindowStep {
  const TileShape &tile;
  ImageView input, residual, output;
  const WeightChunk &chunk;
  int64_t chunkAddress = 0;
  Dataflow dataflow = Dataflow::WeightStationary;
};

/// The command of the window layer `op`, of the form `shape`.
Operation windowCommand(mlir::Operation *op, const WindowLayer &shape,
                        const WindowStep &step, const Machine &machine);

/// The sizes that the time of a window layer's command depends on.
struct SampleSizes {
  int64_t inputPitch = 1; ///< bytes from pixel to pixel
  int64_t rows = 1, columns = 1, outputs = 1, channels = 1;
  Dataflow dataflow = Dataflow::WeightStationary;
};
/// A command of these sizes, without addresses: what duration() and
/// quantities() of the layer's commands are.
Command sampleCommand(const WindowLayer &layer, const SampleSizes &sizes,
                      const Machine &machine);

} // namespace accopt

#endif // ACCOPT_LIB_SCHEDULE_WINDOWCOMMANDS_H
