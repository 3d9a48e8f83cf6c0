//===- WindowCommands.cpp - Commands of window layers ---------------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "WindowCommands.h"

#include "dialects/Accel/AccelOps.h"

using namespace mlir;

namespace accopt {

SmallVector<WeightChunk> listChunks(const WindowLayer &layer, int64_t outputs,
                                    int64_t channels) {
  SmallVector<WeightChunk> chunks;
  bool isConv = layer.kind == WindowLayer::Kind::Conv;
  int64_t groups = isConv ? layer.groups : 1;
  int64_t all = isConv ? layer.groupOutputs() : layer.outChannels;
  for (int64_t group = 0; group < groups; ++group) {
    SmallVector<ChannelRun> runs = {{0, {0}}};
    if (isConv)
      runs = channelRuns(layer, group, channels);
    for (int64_t n = 0; n < all; n += outputs)
      for (const ChannelRun &run : runs)
        chunks.push_back(
            WeightChunk{group * all + n, std::min(outputs, all - n), run,
                        &run == &runs.front(), &run == &runs.back()});
  }
  return chunks;
}

static Span inputSpan(int64_t first, int64_t count, int64_t stride,
                      int64_t kernel, int64_t dilation, int64_t pad,
                      int64_t size) {
  int64_t low = first * stride - pad;
  int64_t high = (first + count - 1) * stride - pad + (kernel - 1) * dilation;
  int64_t begin = std::clamp<int64_t>(low, 0, size - 1);
  return {begin, std::clamp<int64_t>(high, begin, size - 1) - begin + 1};
}

Span inputRowsOf(const WindowLayer &layer, int64_t first, int64_t count) {
  return inputSpan(first, count, layer.strideY, layer.kernelY, layer.dilationY,
                   layer.padTop, layer.height);
}

Span inputColumnsOf(const WindowLayer &layer, int64_t first, int64_t count) {
  return inputSpan(first, count, layer.strideX, layer.kernelX, layer.dilationX,
                   layer.padLeft, layer.width);
}

TileShape tileShape(const WindowLayer &layer, int64_t batch, Span rows,
                    Span columns) {
  return {batch, rows, columns, inputRowsOf(layer, rows.begin, rows.length),
          inputColumnsOf(layer, columns.begin, columns.length)};
}

static Window window(const WindowLayer &shape, const TileShape &tile,
                     const ImageView &input, int64_t firstChannel) {
  Window w;
  w.input = input.at(firstChannel);
  w.inputRowPitch = uint32_t(input.rowPitch);
  w.inputPixelPitch = uint32_t(input.pixelPitch);
  w.inputRows = uint16_t(tile.inputRows.length);
  w.inputColumns = uint16_t(tile.inputColumns.length);
  w.outputRows = uint16_t(tile.rows.length);
  w.outputColumns = uint16_t(tile.columns.length);
  w.kernelY = uint16_t(shape.kernelY);
  w.kernelX = uint16_t(shape.kernelX);
  w.strideY = uint16_t(shape.strideY);
  w.strideX = uint16_t(shape.strideX);
  w.dilationY = uint16_t(shape.dilationY);
  w.dilationX = uint16_t(shape.dilationX);
  w.wideInput = shape.inputElement == 2;
  w.padTop = int16_t(tile.inputRows.begin -
                     (tile.rows.begin * shape.strideY - shape.padTop));
  w.padLeft = int16_t(tile.inputColumns.begin -
                      (tile.columns.begin * shape.strideX - shape.padLeft));
  return w;
}

static Epilogue epilogue(accel::RequantAttr requant, const WindowLayer &shape,
                         const WindowStep &step) {
  const WeightChunk &chunk = step.chunk;
  ChunkLayout at = chunkLayout(shape, chunk.outputs, chunk.channels());
  Epilogue e;
  e.parameters = uint32_t(step.chunkAddress + at.parameters);
  e.output = step.output.at(chunk.output);
  e.outputRowPitch = uint32_t(step.output.rowPitch);
  e.outputPixelPitch = uint32_t(step.output.pixelPitch);
  e.outputZeroPoint = int8_t(requant.getZeroPoint());
  e.clampMin = int16_t(requant.getClampMin());
  e.clampMax = int16_t(requant.getClampMax());
  e.wideOutput = shape.outputElement == 2;
  e.hasTable = shape.hasTable;
  if (shape.hasTable)
    e.table = uint32_t(step.chunkAddress + at.table);
  if (shape.hasResidual) {
    e.hasResidual = true;
    e.wideResidual = shape.residualElement == 2;
    e.residual = step.residual.at(chunk.output);
    e.residualRowPitch = uint32_t(step.residual.rowPitch);
    e.residualPixelPitch = uint32_t(step.residual.pixelPitch);
    e.residualZeroPoint = int8_t(requant.getResidualZeroPoint());
    e.residualMultiplier = requant.getResidual().getMultiplier();
    e.residualShift = uint8_t(requant.getResidual().getShift());
    e.sumMultiplier = requant.getSum().getMultiplier();
    e.sumShift = uint8_t(requant.getSum().getShift());
  }
  return e;
}

static PoolCommand poolCommand(mlir::Operation *op, const WindowLayer &shape,
                               const WindowStep &step) {
  PoolCommand pool;
  pool.window = window(shape, step.tile, step.input, step.chunk.output);
  pool.channels = uint16_t(step.chunk.outputs);
  pool.wideOutput = shape.outputElement == 2;
  pool.output = step.output.at(step.chunk.output);
  pool.outputRowPitch = uint32_t(step.output.rowPitch);
  pool.outputPixelPitch = uint32_t(step.output.pixelPitch);
  if (auto average = dyn_cast<accel::AvgPoolOp>(op)) {
    pool.kind = PoolKind::Sum;
    pool.countPadding = average.getCountIncludePad();
    pool.inputZeroPoint = int8_t(average.getInputZeroPoint());
    pool.outputZeroPoint = int8_t(average.getOutputZeroPoint());
    pool.parameters = uint32_t(step.chunkAddress);
    pool.clampMin = int16_t(average.getClampMin());
    pool.clampMax = int16_t(average.getClampMax());
  } else {
    auto maximum = cast<accel::MaxPoolOp>(op);
    pool.clampMin = int16_t(maximum.getClampMin());
    pool.clampMax = int16_t(maximum.getClampMax());
  }
  return pool;
}

Operation windowCommand(mlir::Operation *op, const WindowLayer &shape,
                        const WindowStep &step, const Machine &machine) {
  const WeightChunk &chunk = step.chunk;
  ChunkLayout at = chunkLayout(shape, chunk.outputs, chunk.channels());
  if (auto conv = dyn_cast<accel::Conv2DOp>(op)) {
    MatmulCommand matmul;
    matmul.window = window(shape, step.tile, step.input, chunk.run.stored);
    matmul.channels = uint16_t(chunk.channels());
    matmul.dataflow = step.dataflow;
    matmul.runs = uint16_t(chunk.run.runs);
    matmul.runPitch = uint32_t(chunk.run.pitch * shape.inputElement);
    matmul.columns = uint16_t(chunk.outputs);
    matmul.inputZeroPoint = int8_t(conv.getInputZeroPoint());
    matmul.weights = uint32_t(step.chunkAddress + at.weights);
    matmul.accumulate = !chunk.isFirst;
    matmul.finish = chunk.isLast;
    matmul.precision = uint8_t(shape.precision(machine));
    if (matmul.finish)
      matmul.epilogue = epilogue(conv.getRequant(), shape, step);
    return matmul;
  }
  if (auto conv = dyn_cast<accel::DepthwiseConv2DOp>(op)) {
    DepthwiseCommand depthwise;
    depthwise.window = window(shape, step.tile, step.input, chunk.output);
    depthwise.channels = uint16_t(chunk.outputs);
    depthwise.inputZeroPoint = int8_t(conv.getInputZeroPoint());
    depthwise.weights = uint32_t(step.chunkAddress + at.weights);
    depthwise.epilogue = epilogue(conv.getRequant(), shape, step);
    return depthwise;
  }
  return poolCommand(op, shape, step);
}

Command sampleCommand(const WindowLayer &layer, const SampleSizes &sizes,
                      const Machine &machine) {
  Window window;
  window.outputRows = uint16_t(sizes.rows);
  window.outputColumns = uint16_t(sizes.columns);
  window.kernelY = uint16_t(layer.kernelY);
  window.kernelX = uint16_t(layer.kernelX);
  window.dilationX = uint16_t(layer.dilationX);
  window.inputPixelPitch = uint32_t(sizes.inputPitch);
  window.wideInput = layer.inputElement == 2;
  Command command;
  switch (layer.kind) {
  case WindowLayer::Kind::Conv: {
    MatmulCommand matmul;
    matmul.window = window;
    matmul.channels = uint16_t(sizes.channels);
    if (!layer.inputChannels.empty())
      if (auto runs = channelRuns(layer, 0, sizes.channels); runs.size() == 1) {
        matmul.channels = uint16_t(runs.front().channels.size());
        matmul.runs = uint16_t(runs.front().runs);
      }
    matmul.columns = uint16_t(sizes.outputs);
    matmul.precision = uint8_t(layer.precision(machine));
    matmul.dataflow = sizes.dataflow;
    matmul.epilogue.wideOutput = layer.outputElement == 2;
    matmul.epilogue.wideResidual = layer.residualElement == 2;
    command.operation = matmul;
    break;
  }
  case WindowLayer::Kind::Depthwise: {
    DepthwiseCommand depthwise;
    depthwise.window = window;
    depthwise.channels = uint16_t(sizes.outputs);
    depthwise.epilogue.hasResidual = layer.hasResidual;
    depthwise.epilogue.wideOutput = layer.outputElement == 2;
    depthwise.epilogue.wideResidual = layer.residualElement == 2;
    command.operation = depthwise;
    break;
  }
  default: {
    PoolCommand pool;
    pool.window = window;
    pool.channels = uint16_t(sizes.outputs);
    pool.kind = layer.kind == WindowLayer::Kind::MaxPool ? PoolKind::Max
                                                         : PoolKind::Sum;
    pool.wideOutput = layer.outputElement == 2;
    command.operation = pool;
  }
  }
  return command;
}

} // namespace accopt
