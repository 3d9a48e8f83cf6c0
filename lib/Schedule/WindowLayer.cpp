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
  auto elementBytes = [](Value value) {
    return int64_t(
        cast<RankedTensorType>(value.getType()).getElementTypeBitWidth() / 8);
  };
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
    layer.inputElement = elementBytes(window.getInput());
    layer.outputElement = elementBytes(window.getResult());
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
        if (layer.hasResidual)
          layer.residualElement = elementBytes(conv.getResidual());
        layer.hasTable = !conv.getRequant().getTable().empty();
        layer.weightBits = conv.getWeightBits();
        layer.inputBits = conv.getInputBits();
        return layer;
      })
      .Case([&](accel::DepthwiseConv2DOp conv) {
        layer.kind = Kind::Depthwise;
        common(conv, shape(conv.getWeights()).take_front(2));
        layer.hasResidual = bool(conv.getResidual());
        if (layer.hasResidual)
          layer.residualElement = elementBytes(conv.getResidual());
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
        layer.hasOneScale = pool.getCountIncludePad();
        common(pool, pool.getKernel());
        return layer;
      })
      .Default([](mlir::Operation *) { return std::nullopt; });
}

/// A group's input channels as (where stored, which), in order of storage.
static llvm::SmallVector<std::pair<int64_t, int64_t>>
storedChannels(const WindowLayer &layer, int64_t group) {
  llvm::SmallVector<std::pair<int64_t, int64_t>> stored;
  int64_t channels = layer.groupChannels();
  for (int64_t c = 0; c < channels; ++c) {
    int64_t at = group * channels + c;
    stored.emplace_back(
        layer.inputChannels.empty() ? at : layer.inputChannels[at], c);
  }
  llvm::sort(stored);
  return stored;
}

/// Runs of channels that lie next to each other, of at most `most` each.
static llvm::SmallVector<ChannelRun>
separateRuns(llvm::ArrayRef<std::pair<int64_t, int64_t>> stored, int64_t most) {
  llvm::SmallVector<ChannelRun> runs;
  for (auto [at, channel] : stored) {
    if (runs.empty() || int64_t(runs.back().channels.size()) == most ||
        runs.back().stored + int64_t(runs.back().channels.size()) != at)
      runs.push_back({at, {}});
    runs.back().channels.push_back(channel);
  }
  return runs;
}

/// One run of runs that covers `separate`, if they are at about equal distances
/// and it has at most a quarter more channels than they have.
static std::optional<ChannelRun> coverRuns(llvm::ArrayRef<ChannelRun> separate,
                                           const WindowLayer &layer) {
  int64_t count = int64_t(separate.size());
  int64_t first = separate.front().stored;
  int64_t distance = separate.back().stored - first;
  for (int64_t pitch :
       {distance / (count - 1), divideUp(distance, count - 1)}) {
    int64_t begin = INT64_MAX, end = 0, useful = 0;
    for (auto [i, run] : llvm::enumerate(separate)) {
      int64_t at = run.stored - int64_t(i) * pitch;
      begin = std::min(begin, at);
      end = std::max(end, at + int64_t(run.channels.size()));
      useful += int64_t(run.channels.size());
    }
    int64_t length = end - begin;
    bool inside =
        begin >= 0 && begin + (count - 1) * pitch + length <= layer.channels;
    if (!inside || length > pitch || 4 * length * count > 5 * useful)
      continue;
    ChannelRun cover;
    cover.stored = begin;
    cover.runs = count;
    cover.pitch = pitch;
    cover.channels.assign(count * length, -1);
    for (auto [i, run] : llvm::enumerate(separate)) {
      int64_t at =
          int64_t(i) * length + run.stored - (begin + int64_t(i) * pitch);
      llvm::copy(run.channels, cover.channels.begin() + at);
    }
    return cover;
  }
  return std::nullopt;
}

llvm::SmallVector<ChannelRun> channelRuns(const WindowLayer &layer,
                                          int64_t group, int64_t most) {
  auto stored = storedChannels(layer, group);
  if (!layer.inputChannels.empty()) {
    auto whole = separateRuns(stored, INT64_MAX);
    if (whole.size() > 1)
      if (std::optional<ChannelRun> cover = coverRuns(whole, layer);
          cover && int64_t(cover->channels.size()) <= most)
        return {*cover};
  }
  return separateRuns(stored, most);
}

int64_t commandChannels(const WindowLayer &layer) {
  int64_t most = layer.groupChannels();
  if (layer.inputChannels.empty())
    return most;
  for (int64_t group = 0; group < layer.groups; ++group) {
    auto runs = channelRuns(layer, group, INT64_MAX);
    if (runs.size() == 1)
      most = std::max(most, int64_t(runs.front().channels.size()));
  }
  return most;
}

ChunkLayout chunkLayout(const WindowLayer &layer, int64_t outputs,
                        int64_t channels) {
  using Kind = WindowLayer::Kind;
  ChunkLayout chunk;
  switch (layer.kind) {
  case Kind::MaxPool:
    break;
  case Kind::AveragePool:
    chunk.bytes = layer.hasOneScale ? 8 : 8 * (layer.taps() + 1);
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
                   layer.inputColumns(tiling.columns) * inputChannels *
                   layer.inputElement);
  layout.residual = end;
  if (layer.hasResidual && !placement.residualResident)
    end += alignUp(pixels * outputChannels * layer.residualElement);
  layout.output = end;
  if (!placement.outputResident)
    end += alignUp(pixels * outputChannels * layer.outputElement);
  layout.bytes = end;
  return layout;
}

} // namespace accopt
