//===- WindowLayer.cpp - Reading of window layers, and their buffers ------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "WindowLayer.h"

#include "dialects/Accel/AccelOps.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace accopt {

std::optional<WindowLayer> readWindowLayer(mlir::Operation *op) {
  using Kind = WindowLayer::Kind;
  WindowLayer layer;
  auto common = [&](auto window, ArrayRef<int64_t> kernel) {
    auto in = cast<RankedTensorType>(window.getInput().getType()).getShape();
    auto out = cast<RankedTensorType>(window.getType()).getShape();
    layer.batch = in[0];
    layer.height = in[1];
    layer.width = in[2];
    layer.channels = in[3];
    layer.outHeight = out[1];
    layer.outWidth = out[2];
    layer.outChannels = out[3];
    layer.kernelY = kernel[0];
    layer.kernelX = kernel[1];
    layer.strideY = window.getStrides()[0];
    layer.strideX = window.getStrides()[1];
    layer.dilationY = window.getDilations()[0];
    layer.dilationX = window.getDilations()[1];
    layer.padTop = window.getPads()[0];
    layer.padLeft = window.getPads()[1];
  };
  auto shape = [](Value value) {
    return cast<RankedTensorType>(value.getType()).getShape();
  };
  return llvm::TypeSwitch<mlir::Operation *, std::optional<WindowLayer>>(op)
      .Case([&](accel::Conv2DOp conv) {
        common(conv, shape(conv.getWeights()).slice(1, 2));
        layer.groups = conv.getGroups();
        if (auto map = conv.getInputChannels())
          layer.inputChannels.assign(map->begin(), map->end());
        layer.hasResidual = bool(conv.getResidual());
        layer.hasTable = !conv.getRequant().getTable().empty();
        layer.weightBits = conv.getWeightBits();
        layer.inputBits = conv.getInputBits();
        return layer;
      })
      .Case([&](accel::DepthwiseConv2DOp conv) {
        layer.kind = Kind::Depthwise;
        common(conv, shape(conv.getWeights()).take_front(2));
        layer.hasResidual = bool(conv.getResidual());
        layer.hasTable = !conv.getRequant().getTable().empty();
        layer.weightBits = conv.getWeightBits();
        layer.inputBits = conv.getInputBits();
        return layer;
      })
      .Case([&](accel::MaxPoolOp pool) {
        layer.kind = Kind::MaxPool;
        common(pool, pool.getKernel());
        return layer;
      })
      .Case([&](accel::AvgPoolOp pool) {
        layer.kind = Kind::AveragePool;
        common(pool, pool.getKernel());
        return layer;
      })
      .Default([](mlir::Operation *) { return std::nullopt; });
}

llvm::SmallVector<ChannelRun> channelRuns(const WindowLayer &layer,
                                          int64_t group, int64_t most) {
  llvm::SmallVector<std::pair<int64_t, int64_t>> stored;
  int64_t channels = layer.groupChannels();
  for (int64_t c = 0; c < channels; ++c) {
    int64_t at = group * channels + c;
    stored.emplace_back(
        layer.inputChannels.empty() ? at : layer.inputChannels[at], c);
  }
  llvm::sort(stored);
  llvm::SmallVector<ChannelRun> runs;
  for (auto [at, channel] : stored) {
    if (runs.empty() || int64_t(runs.back().channels.size()) == most ||
        runs.back().stored + int64_t(runs.back().channels.size()) != at)
      runs.push_back({at, {}});
    runs.back().channels.push_back(channel);
  }
  return runs;
}

ChunkLayout chunkLayout(const WindowLayer &layer, int64_t outputs,
                        int64_t channels) {
  using Kind = WindowLayer::Kind;
  ChunkLayout chunk;
  switch (layer.kind) {
  case Kind::MaxPool:
    break;
  case Kind::AveragePool:
    chunk.bytes = 8 * (layer.taps() + 1);
    break;
  case Kind::Conv:
  case Kind::Depthwise:
    chunk.table = 0;
    chunk.parameters = layer.hasTable ? 256 : 0;
    chunk.weights = alignUp(chunk.parameters + 12 * outputs);
    chunk.weightBits = layer.weightBits;
    chunk.weightCount =
        layer.taps() * outputs * (layer.kind == Kind::Conv ? channels : 1);
    chunk.bytes = chunk.weights + chunk.weightCount;
    break;
  }
  chunk.bytes = alignUp(chunk.bytes);
  return chunk;
}

TileLayout tileLayout(const WindowLayer &layer, const Tiling &tiling,
                      const Placement &placement) {
  bool isConv = layer.kind == WindowLayer::Kind::Conv;
  // Depthwise and pooling tiles hold the chunk's channels only; a convolution
  // reads all channels, and writes all unless weights are the outer loop.
  int64_t inputChannels = isConv ? layer.channels : tiling.outputs;
  bool slice = !isConv || tiling.order == LoopOrder::WeightsOuter;
  int64_t outputChannels = slice ? tiling.outputs : layer.outChannels;
  int64_t pixels = tiling.rows * tiling.columns;
  TileLayout layout;
  int64_t end = 0;
  layout.input = end;
  if (!placement.inputResident)
    end += alignUp(layer.inputRows(tiling.rows) *
                   layer.inputColumns(tiling.columns) * inputChannels);
  layout.residual = end;
  if (layer.hasResidual && !placement.residualResident)
    end += alignUp(pixels * outputChannels);
  layout.output = end;
  if (!placement.outputResident)
    end += alignUp(pixels * outputChannels);
  layout.bytes = end;
  return layout;
}

} // namespace accopt
