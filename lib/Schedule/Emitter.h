//===- Emitter.h - Layers become commands -----------------------*- C++ -*-===//
//
// Part of AccOpt. Holds the program that grows while layer after layer is
// emitted. Each family of layers has a file of its own.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_SCHEDULE_EMITTER_H
#define ACCOPT_LIB_SCHEDULE_EMITTER_H

#include "CommandStream.h"
#include "Network.h"
#include "Stack.h"
#include "TilingCache.h"
#include "WindowLayer.h"

#include "dialects/Accel/AccelOps.h"

namespace accopt {

/// Scratchpad that a layer may use beside resident tensors: [begin, end).
struct ScratchpadRange {
  int64_t begin = 0, end = 0;
  int64_t size() const { return end - begin; }
};

class Emitter {
public:
  /// Constants are placed in DRAM from `constantBase` on.
  Emitter(const Network &network, const Machine &machine, uint32_t constantBase,
          bool packConstants, TilingCache &tilings);

  /// Goes on as behind `count` layers and stacks.
  void setTurn(unsigned count) { turn = count; }

  /// Emits layer `index`. Fails with a diagnostic at the layer's op where it
  /// does not fit the machine.
  mlir::LogicalResult emit(int index, ScratchpadRange scratchpad);
  /// Emits the layers of a stack.
  void emit(const Stack &stack, ScratchpadRange scratchpad);

  /// Places the `size` bytes that `pack` makes in DRAM before the program
  /// starts.
  uint32_t addConstant(int64_t size,
                       llvm::function_ref<std::vector<uint8_t>()> pack);

  /// The end of the constants.
  int64_t dramEnd() const { return nextConstant; }
  CommandStream &commandStream() { return stream; }
  uint64_t missingConstantBytes() const { return missingBytes; }
  std::vector<Command> takeCommands() { return stream.take(); }
  std::vector<Constant> takeConstants() { return std::move(constants); }
  std::vector<HostFunction> takeHostFunctions() {
    return std::move(hostFunctions);
  }

private:
  friend class WindowEmitter;
  friend class StackEmitter;

  /// A box of an N x H x W x C tensor.
  struct Box {
    int64_t batch = 0, row = 0, rows = 1, column = 0, columns = 1, channel = 0,
            channels = 1;
  };
  void append(Operation operation) {
    stream.append(layer, std::move(operation));
  }
  DmaCommand transfer(const NetworkTensor &tensor,
                      llvm::ArrayRef<int64_t> shape, const Box &box,
                      int64_t scratchpadAddress) const;
  void load(DmaCommand dma);
  void store(DmaCommand dma);
  /// Places a chunk of weights among the constants; returns where.
  uint32_t placeChunk(mlir::Operation *op, const WindowLayer &shape,
                      const WeightChunk &chunk);
  void loadChunk(const WindowLayer &shape, const WeightChunk &chunk,
                 int64_t scratchpadAddress, uint32_t dramAddress);
  /// Weights lie alternately at the two ends of the free scratchpad, so that
  /// the next layer's first ones load while this one computes.
  bool hasWeightsLow() const { return turn % 2; }
  /// Loads `bytes` contiguous bytes, or stores them.
  void loadFlat(int64_t dramAddress, int64_t scratchpadAddress, int64_t bytes);
  void storeFlat(int64_t scratchpadAddress, int64_t dramAddress, int64_t bytes);
  /// Makes sure that a tensor's bytes [begin, begin + bytes) are in the
  /// scratchpad: the address in a resident tensor, or `slot`, loaded.
  int64_t fetchFlat(const NetworkTensor &tensor, int64_t begin, int64_t bytes,
                    int64_t slot);
  mlir::LogicalResult tooSmall(mlir::Operation *op, int64_t needed,
                               int64_t available);

  mlir::LogicalResult emitOp(mlir::Operation *op);
  mlir::LogicalResult emitWindow(mlir::Operation *op, const WindowLayer &shape);
  mlir::LogicalResult emitBinary(accel::BinaryOp op);
  /// `command` with its table and its addresses, tile by tile.
  mlir::LogicalResult emitLookup(mlir::Operation *op, LookupCommand command,
                                 llvm::ArrayRef<uint8_t> table);
  mlir::LogicalResult emitTranspose(accel::TransposeOp op);
  mlir::LogicalResult emitConcat(accel::ConcatOp op);
  mlir::LogicalResult emitSlice(accel::SliceOp op);
  mlir::LogicalResult emitPad(accel::PadOp op);
  mlir::LogicalResult emitHost(accel::HostOp op);
  /// Copies a box of up to any rank: element i of dimension d lies at
  /// `base + sum(i * stride)` on both sides (bytes). Base addresses are those
  /// of tensors, which may be resident.
  struct CopyDimension {
    int64_t size, from, to;
  };
  mlir::LogicalResult emitCopy(mlir::Operation *op, const NetworkTensor &from,
                               int64_t fromOffset, const NetworkTensor &to,
                               int64_t toOffset,
                               llvm::SmallVector<CopyDimension> dimensions);

  const Network &network;
  const Machine &machine;
  CommandStream stream;
  std::vector<Constant> constants;
  std::vector<HostFunction> hostFunctions;
  int64_t nextConstant;
  bool packConstants;
  uint64_t missingBytes = 0;
  TilingCache &tilings;
  uint32_t layer = 0;
  unsigned turn = 0; ///< layers and stacks so far
  ScratchpadRange scratchpad;
};

} // namespace accopt

#endif // ACCOPT_LIB_SCHEDULE_EMITTER_H
