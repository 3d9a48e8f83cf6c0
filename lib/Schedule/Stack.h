//===- Stack.h - Layers that run strip by strip -----------------*- C++ -*-===//
//
// Part of AccOpt. A stack is a run of window layers that are computed depth
// first (Alwani et al. 2016, "Fused-layer CNN accelerators"; Mei et al. 2023,
// "DeFiNES"): for each strip of rows of the last layer's output, all layers
// compute the rows that it needs. Of a tensor between two of them, only the
// rows that are still needed lie in the scratchpad, and none in DRAM. No row is
// computed twice: what the next strip needs again is kept.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_SCHEDULE_STACK_H
#define ACCOPT_LIB_SCHEDULE_STACK_H

#include "Network.h"
#include "WindowCommands.h"

#include "accopt/Schedule/Schedule.h"

namespace accopt {

class TilingCache;

/// A tensor of a stack, of batch x height x width x channels.
struct StackTensor {
  int tensor = -1;                                          ///< of the network
  int64_t height = 0, width = 0, channels = 0, element = 1; ///< bytes of one
  bool isProduced = false; ///< by a layer of the stack
  bool isResident = false; ///< whole in the scratchpad, read and written there
  bool isBuffered = false; ///< produced, not resident, read within the stack
  bool isStored = false;   ///< produced, not resident, read behind the stack
  bool isLoaded() const { return !isProduced && !isResident; }
  /// Rows that its buffer holds, or each of its slots (loaded, or only stored).
  int64_t rows = 0, slots = 1;
  int64_t offset = 0; ///< of the buffer or the slots, from the first one's
  int64_t pixelBytes() const { return channels * element; }
  int64_t rowBytes() const { return width * pixelBytes(); }
  int64_t slotBytes() const { return alignUp(rows * rowBytes()); }
};

struct StackLayer {
  int index = 0; ///< of the network's layers
  WindowLayer window;
  int input = -1, residual = -1, output = -1; ///< tensors of the stack
  Dataflow dataflow = Dataflow::WeightStationary;
  /// All its weights stay while the stack runs: the chunks' sizes, and where
  /// they begin, from the first layer's on.
  int64_t outputs = 1, channels = 1, weightBytes = 0, weightOffset = 0;
};

/// What happens in one step, to the strips of one image.
struct StackStep {
  llvm::SmallVector<Span, 4> computed; ///< rows of each layer's output
  /// Of each tensor: the rows that are loaded; the row at which the buffer
  /// begins; the rows that are moved there first because they are needed again
  /// (`moved.begin` is a row of the tensor, which lies `movedFrom` rows behind
  /// the buffer's begin).
  struct Rows {
    Span loaded;
    int64_t base = 0;
    Span moved;
    int64_t movedFrom = 0;
  };
  llvm::SmallVector<Rows, 4> tensors;
};

struct Stack {
  int64_t batch = 1;
  int64_t strip = 1; ///< rows of the last output in a step
  llvm::SmallVector<StackLayer, 4> layers;
  llvm::SmallVector<StackTensor, 4> tensors;
  std::vector<StackStep> steps;             ///< the same for each image
  int64_t weightBytes = 0, bufferBytes = 0; ///< of scratchpad
  /// Expected cycles in the middle of a network, cycles of LOAD and STORE
  /// together, and what separate layers are expected to take.
  int64_t estimate = 0, transfers = 0;
  int64_t separateEstimate = 0, separateTransfers = 0;

  int first() const { return layers.front().index; }
  int last() const { return layers.back().index; }
};

/// Rows and columns of a layer's output that one command computes, of a strip
/// of `rows` rows: as many as the accumulators hold.
struct PieceSize {
  int64_t rows = 1, columns = 1;
};
PieceSize pieceSize(const WindowLayer &layer, int64_t rows,
                    const Machine &machine);

/// The layers of a network that slide windows, by index; null for others.
using WindowLayers = std::vector<const WindowLayer *>;

/// The stack of layers [first, last] with `strip` rows of the last output in a
/// step; nothing where they are no stack or do not fit into `bytes`.
std::optional<Stack> planStack(const Network &network,
                               const WindowLayers &windows, int first, int last,
                               int64_t strip, int64_t bytes,
                               const Machine &machine);

/// A stack of a network. `plan`, which a cache owns, counts layers and tensors
/// from these on; its estimates of separate layers are not set.
struct ChosenStack {
  const Stack *plan = nullptr;
  int firstLayer = 0, firstTensor = 0;
  int64_t separateEstimate = 0, separateTransfers = 0;

  int first() const { return firstLayer; }
  int last() const { return firstLayer + plan->last(); }
  /// With the network's own numbers.
  Stack place() const;
};

/// Chooses which layers run as stacks. Tensors inside a stack lose their memory
/// (NetworkTensor::inStack), those at its ends live as long as it runs.
std::vector<ChosenStack> planStacks(Network &network, const Machine &machine,
                                    TilingCache &tilings, Objective objective);

} // namespace accopt

#endif // ACCOPT_LIB_SCHEDULE_STACK_H
