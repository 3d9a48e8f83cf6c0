//===- ConcatInPlace.cpp - Concatenations that move nothing ---------------===//
//
// Part of AccOpt. A tensor whose channels are concatenated with others' can be
// written where they will lie: it becomes a slice of the concatenation's
// memory, with the distance of that tensor's pixels. A concatenation of which
// every operand is a slice has no commands. Slices nest: in a chain of
// concatenations all live in the last one.
//
//===----------------------------------------------------------------------===//

#include "MemoryPlan.h"

#include "WindowLayer.h"

#include "dialects/Accel/AccelOps.h"

using namespace mlir;

namespace accopt {
namespace {

ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

/// A concatenation of the channels of images.
accel::ConcatOp channelConcat(mlir::Operation *op) {
  auto concat = dyn_cast<accel::ConcatOp>(op);
  if (!concat || shapeOf(concat.getResult()).size() != 4 ||
      concat.getAxis() != 3)
    return {};
  return concat;
}

class Planner {
public:
  Planner(Network &network, const Machine &machine)
      : network(network), machine(machine) {}

  void run() {
    for (auto [index, layer] : llvm::enumerate(network.layers))
      if (accel::ConcatOp concat = channelConcat(layer.op))
        place(concat, layer);
    for (NetworkTensor &tensor : network.tensors)
      if (tensor.container >= 0)
        resolve(tensor);
  }

private:
  void place(accel::ConcatOp concat, const Layer &layer) {
    int64_t offset = 0;
    for (auto [index, operand] :
         llvm::zip_equal(layer.inputs, concat.getInputs())) {
      NetworkTensor &tensor = network.tensors[index];
      if (tensor.value == operand && mayBeSlice(tensor, index)) {
        tensor.container = layer.outputs.front();
        tensor.channelOffset = offset;
      }
      offset += shapeOf(operand)[3] * tensor.elementBytes;
    }
  }

  /// Windows write and read pixels at any distance; so do concatenations that
  /// copy. The rest wants its tensors dense, and the world outside too.
  bool mayBeSlice(const NetworkTensor &tensor, int index) const {
    if (tensor.isInput || tensor.isOutput || tensor.isConstant ||
        tensor.usedByHost || tensor.container >= 0 || tensor.dramBits != 8 ||
        tensor.definedBy < 0)
      return false;
    int64_t accesses = 0;
    for (const Layer &layer : network.layers) {
      bool writes = llvm::is_contained(layer.outputs, index);
      auto reads = llvm::count(layer.inputs, index);
      if (!writes && !reads)
        continue;
      // In two places at once.
      if (reads > 1)
        return false;
      accesses += writes + reads;
      bool isDirect =
          writes || llvm::is_contained(layer.op->getOperands(), tensor.value);
      if (!isDirect || (!layer.window && !channelConcat(layer.op)))
        return false;
    }
    // A pixel of a slice is moved by itself, in whole beats and bursts. A copy
    // reads it densely and writes it so once, too, and saves it the others.
    int64_t bytes = shapeOf(tensor.value)[3] * tensor.elementBytes;
    int64_t unit = std::max(machine.dramBytesPerCycle, machine.dramBurstBytes);
    int64_t waste = divideUp(bytes, unit) * unit - bytes;
    return (accesses - 2) * waste <= 2 * bytes;
  }

  /// From the container to the tensor that has memory of its own.
  void resolve(NetworkTensor &tensor) {
    int root = tensor.container;
    int64_t offset = tensor.channelOffset;
    while (network.tensors[root].container >= 0) {
      // Offsets of containers that are resolved are from the root already.
      const NetworkTensor &next = network.tensors[root];
      offset += next.channelOffset;
      root = next.root >= 0 ? next.root : next.container;
    }
    tensor.root = root;
    tensor.channelOffset = offset;
    NetworkTensor &whole = network.tensors[root];
    tensor.pitch = shapeOf(whole.value)[3] * whole.elementBytes;
    whole.firstLayer = std::min(whole.firstLayer, tensor.firstLayer);
    whole.lastLayer = std::max(whole.lastLayer, tensor.lastLayer);
  }

  Network &network;
  const Machine &machine;
};

} // namespace

void planConcats(Network &network, const Machine &machine) {
  Planner(network, machine).run();
}

bool isInPlace(const Network &network, const Layer &layer) {
  return isa<accel::ConcatOp>(layer.op) &&
         llvm::all_of(layer.inputs, [&](int index) {
           return network.tensors[index].container == layer.outputs.front();
         });
}

} // namespace accopt
