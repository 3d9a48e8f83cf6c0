//===- Roofline.cpp - A bound below any schedule --------------------------===//
//
// Part of AccOpt. Williams, Waterman, Patterson 2009, with the array's and the
// vector unit's rates as compute roofs.
//
//===----------------------------------------------------------------------===//

#include "Roofline.h"

#include "MemoryPlan.h"
#include "WindowLayer.h"

#include "accopt/Target/Timing.h"
#include "dialects/Accel/AccelOps.h"

using namespace mlir;

namespace accopt {
namespace {

int64_t computeCycles(const Layer &layer, const Machine &machine) {
  const VectorCosts &cost = machine.vector;
  if (const std::optional<WindowLayer> &w = layer.window) {
    int64_t outputs = w->outputElements(), taps = w->taps();
    int64_t lanes = vectorElements(machine, w->isWide());
    switch (w->kind) {
    case WindowLayer::Kind::Conv:
      return divideUp(
          int64_t(streamCycles(machine, w->precision(machine),
                               outputs * taps * w->groupChannels())),
          int64_t(machine.rows) * machine.columns);
    case WindowLayer::Kind::Depthwise:
      return divideUp(outputs, lanes) * taps * cost.mac;
    case WindowLayer::Kind::MaxPool:
      return divideUp(outputs, lanes) * taps * cost.max;
    case WindowLayer::Kind::AveragePool:
      return divideUp(outputs, lanes) * taps * cost.add;
    }
  }
  auto isWide = [](Value value) {
    return cast<RankedTensorType>(value.getType())
        .getElementType()
        .isInteger(16);
  };
  int64_t lanes =
      vectorElements(machine, llvm::any_of(layer.op->getOperands(), isWide) ||
                                  llvm::any_of(layer.op->getResults(), isWide));
  int64_t elements = 0;
  for (Value result : layer.op->getResults())
    elements += cast<RankedTensorType>(result.getType()).getNumElements();
  if (auto binary = dyn_cast<accel::BinaryOp>(layer.op))
    return divideUp(elements, lanes) *
           (binary.getKind() == accel::BinaryOpKind::Mul
                ? std::max(cost.mul, cost.rescale)
                : std::max(cost.add, 3 * cost.rescale));
  if (isa<accel::LookupOp>(layer.op))
    return divideUp(elements, lanes) * cost.lookup;
  if (isa<accel::InterpolateOp>(layer.op))
    return divideUp(elements, lanes) * (2 * int64_t(cost.lookup) + cost.mul);
  if (auto host = dyn_cast<accel::HostOp>(layer.op)) {
    Command command;
    HostCommand operation;
    operation.operations = uint64_t(host.getOperations());
    auto addBytes = [&](Value value) {
      auto type = cast<RankedTensorType>(value.getType());
      operation.bytes += uint64_t(type.getNumElements()) *
                         getByteWidth(numpyTypeOf(type.getElementType()));
    };
    llvm::for_each(host.getInputs(), addBytes);
    llvm::for_each(host.getResults(), addBytes);
    command.operation = operation;
    return int64_t(duration(command, machine).occupancy);
  }
  return 0;
}

/// Bytes of constant operands that are no activations.
int64_t parameterBytes(const Layer &layer) {
  const std::optional<WindowLayer> &w = layer.window;
  if (!w || layer.op->getNumOperands() < 3)
    return 0;
  auto type = cast<RankedTensorType>(layer.op->getOperand(1).getType());
  return divideUp(type.getNumElements() * w->weightBits, 8) +
         12 * w->outChannels;
}
/// Positions of [0, size) that a tap of some output reads.
int64_t touched(int64_t size, int64_t outputs, int64_t kernel, int64_t stride,
                int64_t dilation, int64_t pad) {
  std::vector<bool> isRead(size);
  for (int64_t output = 0; output < outputs; ++output)
    for (int64_t tap = 0; tap < kernel; ++tap)
      if (int64_t at = output * stride + tap * dilation - pad;
          at >= 0 && at < size)
        isRead[at] = true;
  return llvm::count(isRead, true);
}

/// Bytes of operand `index` that a layer needs.
int64_t neededBytes(const Network &network, const Layer &layer, size_t index) {
  int64_t bytes = network.tensors[layer.inputs[index]].bytes;
  if (isa<accel::SliceOp>(layer.op))
    return network.tensors[layer.outputs.front()].bytes;
  const std::optional<WindowLayer> &w = layer.window;
  if (!w || index != 0)
    return bytes;
  int64_t rows = touched(w->height, w->outHeight, w->kernelY, w->strideY,
                         w->dilationY, w->padTop);
  int64_t columns = touched(w->width, w->outWidth, w->kernelX, w->strideX,
                            w->dilationX, w->padLeft);
  return bytes / (w->height * w->width) * rows * columns;
}
/// Whether strips of a tensor could go from its maker to its readers without
/// the whole ever existing: windows make and read it.
bool mayPassInStrips(const Network &network, const NetworkTensor &tensor) {
  int index = int(&tensor - network.tensors.data());
  auto isWindow = [&](const Layer &layer) {
    return layer.window.has_value() || isInPlace(network, layer);
  };
  if (tensor.definedBy < 0 || tensor.usedByHost ||
      !isWindow(network.layers[tensor.definedBy]))
    return false;
  for (int at = tensor.definedBy;
       at <= tensor.lastLayer && at < int(network.layers.size()); ++at) {
    const Layer &layer = network.layers[at];
    if (llvm::is_contained(layer.inputs, index) && !isWindow(layer))
      return false;
  }
  return true;
}
} // namespace

int64_t rooflineCycles(const Network &network, const Layer &layer,
                       const Machine &machine) {
  int64_t scratchpad = machine.scratchpadBytes;
  auto traffic = [&](const NetworkTensor &tensor, int64_t bytes) {
    if (tensor.isInput || tensor.isOutput || tensor.isConstant)
      return bytes;
    if (mayPassInStrips(network, tensor))
      return int64_t(0);
    return std::max<int64_t>(0, bytes - scratchpad) * tensor.dramBits / 8;
  };
  int64_t reads = parameterBytes(layer), writes = 0, inPlace = 0;
  for (auto [index, input] : llvm::enumerate(layer.inputs)) {
    const NetworkTensor &tensor = network.tensors[input];
    // A concatenation finds its slices where they belong.
    if (isa<accel::ConcatOp>(layer.op) &&
        tensor.container == layer.outputs.front())
      inPlace += tensor.bytes;
    else
      reads += traffic(tensor, neededBytes(network, layer, index));
  }
  for (int output : layer.outputs) {
    const NetworkTensor &tensor = network.tensors[output];
    writes += traffic(tensor, tensor.bytes - inPlace);
  }
  int64_t memory = divideUp(std::max(reads, writes), machine.dramBytesPerCycle);
  return std::max(computeCycles(layer, machine), memory);
}

} // namespace accopt
