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
#include "PackWeights.h"

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
    int64_t batch = 0, row = 0, rows = 0, column = 0, columns = 0;
    int64_t inputRow = 0, inputRows = 0, inputColumn = 0, inputColumns = 0;
    int64_t input = 0, residual = 0, output = 0; ///< addresses
    int64_t channel = 0, channels = 0;           ///< held of the output
  };

  void listChunks();
  void listTiles();
  /// Loads chunk `index` into the next slot; returns its address.
  int64_t loadChunk(size_t index);
  /// Gives `tile` a slot and loads input and residual for the output channels
  /// [channel, channel + channels).
  void openTile(Tile &tile, int64_t channel, int64_t channels);
  void closeTile(const Tile &tile);
  void compute(const Tile &tile, const WeightChunk &chunk, int64_t address);
  Window window(const Tile &tile, int64_t firstChannel) const;
  Epilogue epilogue(const Tile &tile, const WeightChunk &chunk,
                    int64_t address) const;
  /// Address and pitches of the tile's output (or residual) from the chunk's
  /// first channel on.
  struct Image {
    uint32_t address, rowPitch, pixelPitch;
  };
  Image image(const Tile &tile, const NetworkTensor &tensor,
              int64_t tileAddress, int64_t channel) const;
  void emitPool(const Tile &tile, const WeightChunk &chunk, int64_t address);

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

void WindowEmitter::listChunks() {
  bool isConv = shape.kind == Kind::Conv;
  int64_t groups = isConv ? shape.groups : 1;
  int64_t outputs = isConv ? shape.groupOutputs() : shape.outChannels;
  for (int64_t group = 0; group < groups; ++group) {
    SmallVector<ChannelRun> runs = {{0, {0}}};
    if (isConv)
      runs = channelRuns(shape, group, tiling.channels);
    for (int64_t n = 0; n < outputs; n += tiling.outputs)
      for (const ChannelRun &run : runs)
        chunks.push_back(WeightChunk{
            group * outputs + n, std::min(tiling.outputs, outputs - n), run,
            &run == &runs.front(), &run == &runs.back()});
  }
  packed.assign(chunks.size(), -1);
}

void WindowEmitter::listTiles() {
  // The first and last input coordinate of an output range, clipped.
  auto span = [](int64_t first, int64_t count, int64_t stride, int64_t kernel,
                 int64_t dilation, int64_t pad, int64_t size, int64_t &begin,
                 int64_t &length) {
    int64_t low = first * stride - pad;
    int64_t high = (first + count - 1) * stride - pad + (kernel - 1) * dilation;
    begin = std::clamp<int64_t>(low, 0, size - 1);
    length = std::clamp<int64_t>(high, begin, size - 1) - begin + 1;
  };
  for (int64_t n = 0; n < shape.batch; ++n)
    for (int64_t y = 0; y < shape.outHeight; y += tiling.rows)
      for (int64_t x = 0; x < shape.outWidth; x += tiling.columns) {
        Tile tile;
        tile.batch = n;
        tile.row = y;
        tile.rows = std::min(tiling.rows, shape.outHeight - y);
        tile.column = x;
        tile.columns = std::min(tiling.columns, shape.outWidth - x);
        span(y, tile.rows, shape.strideY, shape.kernelY, shape.dilationY,
             shape.padTop, shape.height, tile.inputRow, tile.inputRows);
        span(x, tile.columns, shape.strideX, shape.kernelX, shape.dilationX,
             shape.padLeft, shape.width, tile.inputColumn, tile.inputColumns);
        tiles.push_back(tile);
      }
}

int64_t WindowEmitter::loadChunk(size_t index) {
  const WeightChunk &chunk = chunks[index];
  ChunkLayout at = chunkLayout(shape, chunk.outputs, chunk.channels());
  if (!at.bytes)
    return 0;
  // Every slice of an average pool has the same table.
  size_t key = shape.kind == Kind::AveragePool ? 0 : index;
  if (packed[key] < 0)
    packed[key] = emitter.addConstant(at.dramBytes(), [&] {
      return packChunk(op, shape, chunk, emitter.machine.columns);
    });
  int64_t address =
      chunkBase + (nextChunk++ % tiling.chunkSlots) * tiling.chunkBytes;
  DmaCommand dma;
  dma.dramAddress = uint32_t(packed[key]);
  dma.scratchpadAddress = uint32_t(address);
  dma.rowBytes = uint32_t(at.bytes);
  if (at.weightBits != 8) {
    dma.rowBytes = uint32_t(at.weights + at.weightCount);
    dma.bits = uint8_t(at.weightBits);
    dma.plainBytes = uint32_t(at.weights);
  }
  emitter.load(dma);
  return address;
}

void WindowEmitter::openTile(Tile &tile, int64_t channel, int64_t channels) {
  int64_t slot = tileBase + (nextTile++ % tiling.slots) * tiling.tileBytes;
  tile.channel = channel;
  tile.channels = channels;
  bool isConv = shape.kind == Kind::Conv;
  if (!input.resident) {
    tile.input = slot + layout.input;
    Emitter::Box box{tile.batch,
                     tile.inputRow,
                     tile.inputRows,
                     tile.inputColumn,
                     tile.inputColumns,
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
  Emitter::Box box{tile.batch,   tile.row, tile.rows, tile.column,
                   tile.columns, channel,  channels};
  emitter.load(emitter.transfer(
      *residual,
      {shape.batch, shape.outHeight, shape.outWidth, shape.outChannels}, box,
      tile.residual));
}

void WindowEmitter::closeTile(const Tile &tile) {
  if (output.resident)
    return;
  Emitter::Box box{tile.batch,   tile.row,     tile.rows,    tile.column,
                   tile.columns, tile.channel, tile.channels};
  emitter.store(emitter.transfer(
      output, {shape.batch, shape.outHeight, shape.outWidth, shape.outChannels},
      box, tile.output));
}

Window WindowEmitter::window(const Tile &tile, int64_t firstChannel) const {
  Window w;
  int64_t pitch = shape.channels, columns = shape.width;
  int64_t base = input.scratchpadAddress, offset = firstChannel;
  if (input.resident) {
    pitch = input.pitch ? input.pitch : pitch;
    offset += ((tile.batch * shape.height + tile.inputRow) * shape.width +
               tile.inputColumn) *
              pitch;
  } else {
    columns = tile.inputColumns;
    base = tile.input;
    if (shape.kind != Kind::Conv) {
      pitch = tile.channels;
      offset = 0;
    }
  }
  w.input = uint32_t(base + offset);
  w.inputRowPitch = uint32_t(columns * pitch);
  w.inputPixelPitch = uint32_t(pitch);
  w.inputRows = uint16_t(tile.inputRows);
  w.inputColumns = uint16_t(tile.inputColumns);
  w.outputRows = uint16_t(tile.rows);
  w.outputColumns = uint16_t(tile.columns);
  w.kernelY = uint16_t(shape.kernelY);
  w.kernelX = uint16_t(shape.kernelX);
  w.strideY = uint16_t(shape.strideY);
  w.strideX = uint16_t(shape.strideX);
  w.dilationY = uint16_t(shape.dilationY);
  w.dilationX = uint16_t(shape.dilationX);
  w.padTop = int16_t(tile.inputRow - (tile.row * shape.strideY - shape.padTop));
  w.padLeft =
      int16_t(tile.inputColumn - (tile.column * shape.strideX - shape.padLeft));
  return w;
}

WindowEmitter::Image WindowEmitter::image(const Tile &tile,
                                          const NetworkTensor &tensor,
                                          int64_t tileAddress,
                                          int64_t channel) const {
  if (!tensor.resident)
    return {uint32_t(tileAddress + channel - tile.channel),
            uint32_t(tile.columns * tile.channels), uint32_t(tile.channels)};
  int64_t pixel =
      (tile.batch * shape.outHeight + tile.row) * shape.outWidth + tile.column;
  int64_t pitch = tensor.pitch ? tensor.pitch : shape.outChannels;
  return {uint32_t(tensor.scratchpadAddress + pixel * pitch + channel),
          uint32_t(shape.outWidth * pitch), uint32_t(pitch)};
}

Epilogue WindowEmitter::epilogue(const Tile &tile, const WeightChunk &chunk,
                                 int64_t address) const {
  accel::RequantAttr requant =
      isa<accel::Conv2DOp>(op)
          ? cast<accel::Conv2DOp>(op).getRequant()
          : cast<accel::DepthwiseConv2DOp>(op).getRequant();
  ChunkLayout at = chunkLayout(shape, chunk.outputs, chunk.channels());
  Epilogue e;
  e.parameters = uint32_t(address + at.parameters);
  Image out = image(tile, output, tile.output, chunk.output);
  e.output = out.address;
  e.outputRowPitch = out.rowPitch;
  e.outputPixelPitch = out.pixelPitch;
  e.outputZeroPoint = int8_t(requant.getZeroPoint());
  e.clampMin = int8_t(requant.getClampMin());
  e.clampMax = int8_t(requant.getClampMax());
  e.hasTable = shape.hasTable;
  if (shape.hasTable)
    e.table = uint32_t(address + at.table);
  if (residual) {
    Image in = image(tile, *residual, tile.residual, chunk.output);
    e.hasResidual = true;
    e.residual = in.address;
    e.residualRowPitch = in.rowPitch;
    e.residualPixelPitch = in.pixelPitch;
    e.residualZeroPoint = int8_t(requant.getResidualZeroPoint());
    e.residualMultiplier = requant.getResidual().getMultiplier();
    e.residualShift = uint8_t(requant.getResidual().getShift());
    e.sumMultiplier = requant.getSum().getMultiplier();
    e.sumShift = uint8_t(requant.getSum().getShift());
  }
  return e;
}

void WindowEmitter::emitPool(const Tile &tile, const WeightChunk &chunk,
                             int64_t address) {
  PoolCommand pool;
  pool.window = window(tile, chunk.output);
  pool.channels = uint16_t(chunk.outputs);
  Image out = image(tile, output, tile.output, chunk.output);
  pool.output = out.address;
  pool.outputRowPitch = out.rowPitch;
  pool.outputPixelPitch = out.pixelPitch;
  if (auto average = dyn_cast<accel::AvgPoolOp>(op)) {
    pool.kind = PoolKind::Sum;
    pool.countPadding = average.getCountIncludePad();
    pool.inputZeroPoint = int8_t(average.getInputZeroPoint());
    pool.outputZeroPoint = int8_t(average.getOutputZeroPoint());
    pool.parameters = uint32_t(address);
    pool.clampMin = int8_t(average.getClampMin());
    pool.clampMax = int8_t(average.getClampMax());
  } else {
    auto maximum = cast<accel::MaxPoolOp>(op);
    pool.clampMin = int8_t(maximum.getClampMin());
    pool.clampMax = int8_t(maximum.getClampMax());
  }
  emitter.append(pool);
}

void WindowEmitter::compute(const Tile &tile, const WeightChunk &chunk,
                            int64_t address) {
  ChunkLayout at = chunkLayout(shape, chunk.outputs, chunk.channels());
  if (auto conv = dyn_cast<accel::Conv2DOp>(op)) {
    MatmulCommand matmul;
    matmul.window = window(tile, chunk.run.stored);
    matmul.channels = uint16_t(chunk.channels());
    matmul.dataflow = tiling.dataflow;
    matmul.runs = uint16_t(chunk.run.runs);
    matmul.runPitch = uint32_t(chunk.run.pitch);
    matmul.columns = uint16_t(chunk.outputs);
    matmul.inputZeroPoint = int8_t(conv.getInputZeroPoint());
    matmul.weights = uint32_t(address + at.weights);
    matmul.accumulate = !chunk.isFirst;
    matmul.finish = chunk.isLast;
    matmul.precision = uint8_t(shape.precision(emitter.machine));
    if (matmul.finish)
      matmul.epilogue = epilogue(tile, chunk, address);
    emitter.append(matmul);
    return;
  }
  if (auto conv = dyn_cast<accel::DepthwiseConv2DOp>(op)) {
    DepthwiseCommand depthwise;
    depthwise.window = window(tile, chunk.output);
    depthwise.channels = uint16_t(chunk.outputs);
    depthwise.inputZeroPoint = int8_t(conv.getInputZeroPoint());
    depthwise.weights = uint32_t(address + at.weights);
    depthwise.epilogue = epilogue(tile, chunk, address);
    emitter.append(depthwise);
    return;
  }
  emitPool(tile, chunk, address);
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
  std::optional<Tiling> chosen =
      chooseTiling(shape, placement, emitter.machine, emitter.tilings);
  if (!chosen) {
    Tiling least;
    least.order = LoopOrder::WeightsOuter;
    bool isConv = shape.kind == Kind::Conv;
    least.outputs = isConv ? std::min<int64_t>(shape.groupOutputs(),
                                               emitter.machine.columns)
                           : 1;
    least.channels =
        std::min<int64_t>(shape.groupChannels(), emitter.machine.rows);
    return emitter.tooSmall(
        op,
        tileLayout(shape, least, placement).bytes +
            chunkLayout(shape, least.outputs, least.channels).bytes,
        emitter.scratchpad.size());
  }
  tiling = *chosen;
  layout = tileLayout(shape, tiling, placement);
  int64_t chunkBytes = tiling.chunkSlots * tiling.chunkBytes;
  bool low = emitter.layer % 2;
  chunkBase = low ? emitter.scratchpad.begin
                  : emitter.scratchpad.end / 16 * 16 - chunkBytes;
  tileBase = emitter.scratchpad.begin + (low ? chunkBytes : 0);
  listChunks();
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
