//===- Network.h - The scheduler's view of a function -----------*- C++ -*-===//
//
// Part of AccOpt. Layers in program order and the tensors between them; a
// reshape is no layer, its result is the same tensor.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_SCHEDULE_NETWORK_H
#define ACCOPT_LIB_SCHEDULE_NETWORK_H

#include "WindowLayer.h"

#include "accopt/CodeGen/Program.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

namespace accopt {

/// The element type that a binary's table names.
NumpyType numpyTypeOf(mlir::Type type);

/// A tensor: dense in memory, or a slice of another's channels.
struct NetworkTensor {
  mlir::Value value;
  int64_t bytes = 0;
  int64_t elementBytes = 1;
  int definedBy = -1; ///< layer
  /// Its memory is in use from the first to the last of these layers: its own
  /// life and that of its slices.
  int firstLayer = -1, lastLayer = -1;
  bool isInput = false, isOutput = false, isConstant = false;
  bool usedByHost = false;
  /// Where the op that made it, or a reshape of that, says what it is to the
  /// model: the value so described, and the description.
  mlir::Value described;
  mlir::DictionaryAttr description;
  int64_t describedBits = 0; ///< by that description; 0 if it does not say
  /// Where it lives: in DRAM, or in the scratchpad for its whole life.
  bool resident = false;
  /// Nowhere as a whole: it is inside a stack (Stack.h).
  bool inStack = false;
  /// Of a byte in DRAM; below 8 the tensor, of int8, is packed there.
  int64_t dramBits = 8;
  int64_t dramBytes() const { return (bytes * dramBits + 7) / 8; }
  /// A slice of the channels of another tensor: the concatenation that it is an
  /// operand of, the tensor that has the memory (the same, or what contains
  /// that), where it begins there, and the bytes from pixel to pixel.
  int container = -1, root = -1;
  int64_t channelOffset = 0, pitch = 0; ///< bytes
  bool isSlice() const { return container >= 0; }

  uint32_t address = 0;           ///< in DRAM, unless resident
  uint32_t scratchpadAddress = 0; ///< if resident
};

struct Layer {
  mlir::Operation *op = nullptr;
  std::optional<WindowLayer> window; ///< of an op that slides one
  int shape = -1;                    ///< its number in a cache (TilingCache.h)
  int64_t resultBits = 8; ///< that hold what it writes, where that is known
  llvm::SmallVector<int, 3> inputs; ///< tensors, one per activation operand
  llvm::SmallVector<int, 1> outputs;
};

struct Network {
  std::vector<Layer> layers;
  std::vector<NetworkTensor> tensors;
  llvm::DenseMap<mlir::Value, int> tensorOf;
  /// Tensors that stay in the scratchpad, without slices of others; what was
  /// chosen for a stack's inside since then is not resident any more.
  std::vector<int> residents;

  NetworkTensor &tensor(mlir::Value value) {
    return tensors[tensorOf.at(value)];
  }
  /// The layer after which a tensor is complete: what defines it, or for a
  /// concatenation of which all operands are slices the last of those.
  int completedBy(const NetworkTensor &tensor) const;

  const NetworkTensor &tensor(mlir::Value value) const {
    return tensors[tensorOf.at(value)];
  }
};

/// Reads `function`, whose ops are accel layer ops and a return.
llvm::FailureOr<Network> readNetwork(mlir::func::FuncOp function);

/// Operands of a layer op that are activations, not parameters.
llvm::SmallVector<mlir::Value, 3> activationOperands(mlir::Operation *op);

/// "conv1+bn1+relu1": the names of the location's nodes, joined by '+'.
std::string locationName(mlir::Location location);

} // namespace accopt

#endif // ACCOPT_LIB_SCHEDULE_NETWORK_H
