//===- WindowLayer.h - Layers that slide a window ---------------*- C++ -*-===//
//
// Part of AccOpt. Convolution, depthwise convolution and pooling in one form,
// the choice of their tiles, and what a choice is expected to cost.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_SCHEDULE_WINDOWLAYER_H
#define ACCOPT_LIB_SCHEDULE_WINDOWLAYER_H

#include "accopt/Target/Machine.h"

#include "mlir/IR/Operation.h"
#include "llvm/ADT/SmallVector.h"

#include <optional>

namespace accopt {

/// Sizes are of the whole layer; the window's addresses are not used.
struct WindowLayer {
  enum class Kind { Conv, Depthwise, MaxPool, AveragePool } kind = Kind::Conv;
  int64_t batch = 1, height = 1, width = 1, channels = 1;
  int64_t outHeight = 1, outWidth = 1, outChannels = 1;
  int64_t kernelY = 1, kernelX = 1, strideY = 1, strideX = 1;
  int64_t dilationY = 1, dilationX = 1, padTop = 0, padLeft = 0;
  int64_t groups = 1; ///< of a convolution
  bool hasResidual = false, hasTable = false;
  bool hasOneScale = false; ///< average pooling that counts all taps
  int64_t weightBits = 8, inputBits = 8; ///< of a layer with weights
  /// Bytes of an element.
  int64_t inputElement = 1, outputElement = 1, residualElement = 1;
  /// Where a convolution's input channels are stored; empty if in order.
  llvm::SmallVector<int64_t> inputChannels;

  bool operator==(const WindowLayer &) const = default;
  int64_t outputElements() const {
    return batch * outHeight * outWidth * outChannels;
  }
  int64_t taps() const { return kernelY * kernelX; }
  bool hasWeights() const {
    return kind == Kind::Conv || kind == Kind::Depthwise;
  }
  /// The array's precision for this layer.
  unsigned precision(const Machine &machine) const {
    return arrayPrecision(machine, unsigned(std::max(weightBits, inputBits)));
  }
  int64_t groupChannels() const { return channels / groups; }
  int64_t groupOutputs() const { return outChannels / groups; }
  /// Whether an operand has two bytes.
  bool isWide() const {
    return inputElement == 2 || outputElement == 2 ||
           (hasResidual && residualElement == 2);
  }
  /// Rows (columns) of the input that `count` output rows (columns) span.
  int64_t inputRows(int64_t count) const {
    return std::min(height,
                    (count - 1) * strideY + (kernelY - 1) * dilationY + 1);
  }
  int64_t inputColumns(int64_t count) const {
    return std::min(width,
                    (count - 1) * strideX + (kernelX - 1) * dilationX + 1);
  }
};

/// Input channels of a group that one command reduces: `runs` runs of equal
/// length, `pitch` channels apart.
struct ChannelRun {
  int64_t stored = 0; ///< where the first one is stored
  /// Which they are, counted within the group; -1 for one that lies between and
  /// is of no use: its weights are zero.
  llvm::SmallVector<int64_t> channels;
  int64_t runs = 1, pitch = 0;
};
/// How commands of at most `most` channels each reduce a group's input
/// channels. The order of a sum is free: they come as they are stored. Channels
/// that a shuffle left in runs at (almost) equal distances take one command.
llvm::SmallVector<ChannelRun> channelRuns(const WindowLayer &layer,
                                          int64_t group, int64_t most);

/// The channels that one command reduces if it may have any number: those of a
/// group, and what lies between them if they are in runs.
int64_t commandChannels(const WindowLayer &layer);

/// Reads conv2d, depthwise_conv2d, max_pool, avg_pool.
std::optional<WindowLayer> readWindowLayer(mlir::Operation *op);

/// Bytes of parameters, table and weights that a weight chunk of `outputs`
/// columns and `channels` input channels takes in the scratchpad. In DRAM
/// weights of fewer than 8 bits are packed; what is in front of them is not.
struct ChunkLayout {
  int64_t table = 0, parameters = 0, weights = 0, bytes = 0;
  int64_t weightCount = 0, weightBits = 8;
  int64_t dramBytes() const {
    return weightBits == 8 ? bytes
                           : weights + (weightCount * weightBits + 7) / 8;
  }
};
ChunkLayout chunkLayout(const WindowLayer &layer, int64_t outputs,
                        int64_t channels);

/// The order of the loops over space (batch, rows, columns) and over weight
/// chunks (groups and output channels).
enum class LoopOrder {
  WeightsOuter, ///< each chunk is loaded once; the input once per chunk
  SpaceOuter,   ///< the input is loaded once; the chunks once per tile
  AllWeights    ///< all chunks stay in the scratchpad
};

struct Tiling {
  LoopOrder order = LoopOrder::AllWeights;
  Dataflow dataflow = Dataflow::WeightStationary; ///< of the commands
  int64_t rows = 1, columns = 1;                  ///< of the output
  int64_t outputs = 1;                            ///< output channels per chunk
  int64_t channels = 1;   ///< input channels per chunk (of a group)
  int64_t slots = 1;      ///< tiles in flight
  int64_t chunkSlots = 1; ///< chunks in flight
  int64_t tileBytes = 0, chunkBytes = 0;
  int64_t estimate = 0;  ///< cycles, if the layer stood alone
  int64_t steady = 0;    ///< of these, without the first load and last store
  int64_t transfers = 0; ///< cycles of LOAD and STORE together
};

struct Placement {
  int64_t scratchpadBytes = 0; ///< free for this layer
  bool inputResident = false, outputResident = false, residualResident = false;
  /// Of an element in DRAM, where they are not resident.
  int64_t inputBits = 8, outputBits = 8, residualBits = 8;
  /// Bytes from pixel to pixel of a slice of another tensor; 0 where dense.
  int64_t inputPitch = 0, outputPitch = 0, residualPitch = 0;
};

/// The tiling with the least estimated cycles; nothing if none fits.
std::optional<Tiling> chooseTiling(const WindowLayer &layer,
                                   const Placement &placement,
                                   const Machine &machine);

/// Every tiling that fits, best first.
std::vector<Tiling> listTilings(const WindowLayer &layer,
                                const Placement &placement,
                                const Machine &machine);

/// Sizes of the slot of one tile; each part begins at a multiple of 16.
struct TileLayout {
  int64_t input = 0, residual = 0, output = 0, bytes = 0; ///< offsets, end
};
TileLayout tileLayout(const WindowLayer &layer, const Tiling &tiling,
                      const Placement &placement);

inline int64_t divideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }
inline int64_t alignUp(int64_t a) { return (a + 15) / 16 * 16; }

} // namespace accopt

#endif // ACCOPT_LIB_SCHEDULE_WINDOWLAYER_H
