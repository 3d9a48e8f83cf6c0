//===- EmitWindow.cpp - Convolution and pooling ---------------------------===//
//
// Part of AccOpt. The loops over tiles and weight chunks in the order that the
// tiling chose. Weight chunks alternate between the two ends of the free
// scratchpad from layer to layer, so that the next layer's first weights load
// while this layer computes.
//
//===----------------------------------------------------------------------===//

#include "Emitter.h"
#include "MemoryPlan.h"
#include "WindowCommands.h"

using namespace mlir;

namespace accopt {

/// Emits one window layer.
class WindowEmitter {
public:
  WindowEmitter(Emitter &emitter, mlir::Operation *op,
                const WindowLayer &shape);
  LogicalResult run();

private:
  /// A tile of the output, and where its parts lie in the scratchpad.
  struct Tile {
    TileShape shape;
    int64_t input = 0, residual = 0, output = 0; ///< addresses
    int64_t channel = 0, channels = 0;           ///< held of the output
  };

  void listTiles();
  /// Loads chunk `index` into the next slot; returns its address.
  int64_t loadChunk(size_t index);
  /// Gives `tile` a slot and loads input and residual for the output channels
  /// [channel, channel + channels).
  void openTile(Tile &tile, int64_t channel, int64_t channels);
  void closeTile(const Tile &tile);
  static Emitter::Box outputBox(const Tile &tile) {
    const TileShape &at = tile.shape;
    return {at.batch,          at.rows.begin, at.rows.length, at.columns.begin,
            at.columns.length, tile.channel,  tile.channels};
  }
  void compute(const Tile &tile, const WeightChunk &chunk, int64_t address);
  ImageView inputView(const Tile &tile) const;
  /// Of the output or the residual, which lies at `address` if not resident.
  ImageView outputView(const Tile &tile, const NetworkTensor &tensor,
                       int64_t address) const;

  void runWeightsOuter();
  void runSpaceOuter();

  Emitter &emitter;
  mlir::Operation *op;
  WindowLayer shape;
  const NetworkTensor &input, &output;
  const NetworkTensor *residual = nullptr;
  Placement placement;
  Tiling tiling;
  TileLayout layout;
  SmallVector<WeightChunk> chunks;
  SmallVector<Tile> tiles;
  /// DRAM addresses of chunks that are packed already; -1 if not.
  SmallVector<int64_t> packed;
  int64_t chunkBase = 0, tileBase = 0;
  int64_t nextChunk = 0, nextTile = 0;
};

using Kind = WindowLayer::Kind;

WindowEmitter::WindowEmitter(Emitter &emitter, mlir::Operation *op,
                             const WindowLayer &shape)
    : emitter(emitter), op(op), shape(shape),
      input(emitter.network.tensor(op->getOperand(0))),
      output(emitter.network.tensor(op->getResult(0))) {
  if (shape.hasResidual) {
    Value value = isa<accel::Conv2DOp>(op)
                      ? cast<accel::Conv2DOp>(op).getResidual()
                      : cast<accel::DepthwiseConv2DOp>(op).getResidual();
    residual = &emitter.network.tensor(value);
  }
  placement =
      placementOf(emitter.network, emitter.network.layers[emitter.layer], shape,
                  emitter.scratchpad.size());
}

void WindowEmitter::listTiles() {
  for (int64_t n = 0; n < shape.batch; ++n)
    for (int64_t y = 0; y < shape.outHeight; y += tiling.rows)
      for (int64_t x = 0; x < shape.outWidth; x += tiling.columns) {
        Tile tile;
        tile.shape =
            tileShape(shape, n, {y, std::min(tiling.rows, shape.outHeight - y)},
                      {x, std::min(tiling.columns, shape.outWidth - x)});
        tiles.push_back(tile);
      }
}

int64_t WindowEmitter::loadChunk(size_t index) {
  const WeightChunk &chunk = chunks[index];
  if (!chunkLayout(shape, chunk.outputs, chunk.channels()).bytes)
    return 0;
  // Every slice of an average pool has the same table.
  size_t key = shape.kind == Kind::AveragePool ? 0 : index;
  if (packed[key] < 0)
    packed[key] = emitter.placeChunk(op, shape, chunk);
  int64_t address =
      chunkBase + (nextChunk++ % tiling.chunkSlots) * tiling.chunkBytes;
  emitter.loadChunk(shape, chunk, address, uint32_t(packed[key]));
  return address;
}

void WindowEmitter::openTile(Tile &tile, int64_t channel, int64_t channels) {
  int64_t slot = tileBase + (nextTile++ % tiling.slots) * tiling.tileBytes;
  tile.channel = channel;
  tile.channels = channels;
  bool isConv = shape.kind == Kind::Conv;
  if (!input.resident) {
    tile.input = slot + layout.input;
    Emitter::Box box{tile.shape.batch,
                     tile.shape.inputRows.begin,
                     tile.shape.inputRows.length,
                     tile.shape.inputColumns.begin,
                     tile.shape.inputColumns.length,
                     isConv ? 0 : channel,
                     isConv ? shape.channels : channels};
    emitter.load(emitter.transfer(
        input, {shape.batch, shape.height, shape.width, shape.channels}, box,
        tile.input));
  }
  tile.output = slot + layout.output;
  if (!residual || residual->resident)
    return;
  tile.residual = slot + layout.residual;
  emitter.load(emitter.transfer(
      *residual,
      {shape.batch, shape.outHeight, shape.outWidth, shape.outChannels},
      outputBox(tile), tile.residual));
}

void WindowEmitter::closeTile(const Tile &tile) {
  if (output.resident)
    return;
  emitter.store(emitter.transfer(
      output, {shape.batch, shape.outHeight, shape.outWidth, shape.outChannels},
      outputBox(tile), tile.output));
}

ImageView WindowEmitter::inputView(const Tile &tile) const {
  const TileShape &at = tile.shape;
  if (input.resident) {
    int64_t pitch =
        input.pitch ? input.pitch : shape.channels * input.elementBytes;
    int64_t pixel =
        (at.batch * shape.height + at.inputRows.begin) * shape.width +
        at.inputColumns.begin;
    return {input.scratchpadAddress + pixel * pitch, shape.width * pitch, pitch,
            0, input.elementBytes};
  }
  // A vector layer's tile holds the chunk's channels only.
  bool isConv = shape.kind == Kind::Conv;
  int64_t pitch =
      (isConv ? shape.channels : tile.channels) * input.elementBytes;
  return {tile.input, at.inputColumns.length * pitch, pitch,
          isConv ? 0 : tile.channel, input.elementBytes};
}

ImageView WindowEmitter::outputView(const Tile &tile,
                                    const NetworkTensor &tensor,
                                    int64_t address) const {
  const TileShape &at = tile.shape;
  int64_t element = tensor.elementBytes;
  if (!tensor.resident)
    return {address, at.columns.length * tile.channels * element,
            tile.channels * element, tile.channel, element};
  int64_t pixel =
      (at.batch * shape.outHeight + at.rows.begin) * shape.outWidth +
      at.columns.begin;
  int64_t pitch = tensor.pitch ? tensor.pitch : shape.outChannels * element;
  return {tensor.scratchpadAddress + pixel * pitch, shape.outWidth * pitch,
          pitch, 0, element};
}

void WindowEmitter::compute(const Tile &tile, const WeightChunk &chunk,
                            int64_t address) {
  WindowStep step{tile.shape,
                  inputView(tile),
                  {},
                  outputView(tile, output, tile.output),
                  chunk,
                  address,
                  tiling.dataflow};
  if (residual)
    step.residual = outputView(tile, *residual, tile.residual);
  emitter.append(windowCommand(op, shape, step, emitter.machine));
}

/// For each block of output channels all tiles.
void WindowEmitter::runWeightsOuter() {
  for (size_t first = 0; first < chunks.size();) {
    size_t last = first + 1;
    while (last < chunks.size() && chunks[last].output == chunks[first].output)
      ++last;
    int64_t address = last - first == 1 ? loadChunk(first) : -1;
    for (Tile &tile : tiles) {
      openTile(tile, chunks[first].output, chunks[first].outputs);
      for (size_t i = first; i < last; ++i)
        compute(tile, chunks[i], address >= 0 ? address : loadChunk(i));
      closeTile(tile);
    }
    first = last;
  }
}

/// For each tile all blocks of output channels; chunks stay where all fit.
void WindowEmitter::runSpaceOuter() {
  SmallVector<int64_t> addresses(chunks.size(), -1);
  bool keep = tiling.order == LoopOrder::AllWeights;
  for (Tile &tile : tiles) {
    openTile(tile, 0, shape.outChannels);
    for (size_t i = 0; i < chunks.size(); ++i) {
      if (!keep || addresses[i] < 0)
        addresses[i] = loadChunk(i);
      compute(tile, chunks[i], addresses[i]);
    }
    closeTile(tile);
  }
}

LogicalResult WindowEmitter::run() {
  const std::optional<Tiling> &chosen =
      chooseTiling(emitter.network.layers[emitter.layer], placement,
                   emitter.machine, emitter.tilings);
  if (!chosen) {
    Tiling least;
    least.order = LoopOrder::WeightsOuter;
    bool isConv = shape.kind == Kind::Conv;
    least.outputs = isConv ? std::min<int64_t>(shape.groupOutputs(),
                                               emitter.machine.columns)
                           : 1;
    least.channels = std::min<int64_t>(
        shape.groupChannels(),
        std::min(
            emitter.machine.rows,
            reductionDepth(emitter.machine, shape.precision(emitter.machine))));
    return emitter.tooSmall(
        op,
        tileLayout(shape, least, placement).bytes +
            chunkLayout(shape, least.outputs, least.channels).bytes,
        emitter.scratchpad.size());
  }
  tiling = *chosen;
  layout = tileLayout(shape, tiling, placement);
  int64_t chunkBytes = tiling.chunkSlots * tiling.chunkBytes;
  bool low = emitter.hasWeightsLow();
  chunkBase = low ? emitter.scratchpad.begin
                  : emitter.scratchpad.end / 16 * 16 - chunkBytes;
  tileBase = emitter.scratchpad.begin + (low ? chunkBytes : 0);
  chunks = listChunks(shape, tiling.outputs, tiling.channels);
  packed.assign(chunks.size(), -1);
  listTiles();
  if (tiling.order == LoopOrder::WeightsOuter)
    runWeightsOuter();
  else
    runSpaceOuter();
  return success();
}

LogicalResult Emitter::emitWindow(mlir::Operation *op,
                                  const WindowLayer &shape) {
  return WindowEmitter(*this, op, shape).run();
}

} // namespace accopt
