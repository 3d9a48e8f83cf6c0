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
  int64_t lanes = machine.lanes;
  if (std::optional<WindowLayer> w = readWindowLayer(layer.op)) {
    int64_t outputs = w->outputBytes(), taps = w->taps();
    switch (w->kind) {
    case WindowLayer::Kind::Conv:
      return divideUp(outputs * taps * w->groupChannels(),
                      int64_t(machine.rows) * machine.columns *
                          arrayRate(machine, w->precision(machine)));
    case WindowLayer::Kind::Depthwise:
      return divideUp(outputs, lanes) * taps * cost.mac;
    case WindowLayer::Kind::MaxPool:
      return divideUp(outputs, lanes) * taps * cost.max;
    case WindowLayer::Kind::AveragePool:
      return divideUp(outputs, lanes) * taps * cost.add;
    }
  }
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
  if (auto host = dyn_cast<accel::HostOp>(layer.op)) {
    Command command;
    HostCommand operation;
    operation.operations = uint64_t(host.getOperations());
    operation.bytes = uint64_t(elements);
    for (Value input : host.getInputs())
      operation.bytes +=
          uint64_t(cast<RankedTensorType>(input.getType()).getNumElements());
    command.operation = operation;
    return int64_t(duration(command, machine).occupancy);
  }
  return 0;
}

/// Bytes of constant operands that are no activations.
int64_t parameterBytes(const Layer &layer) {
  std::optional<WindowLayer> w = readWindowLayer(layer.op);
  if (!w || layer.op->getNumOperands() < 3)
    return 0;
  auto type = cast<RankedTensorType>(layer.op->getOperand(1).getType());
  return divideUp(type.getNumElements() * w->weightBits, 8) +
         12 * w->outChannels;
}
} // namespace

int64_t rooflineCycles(const Network &network, const Layer &layer,
                       const Machine &machine) {
  if (isInPlace(network, layer))
    return 0;
  int64_t scratchpad = machine.scratchpadBytes;
  auto traffic = [&](const NetworkTensor &tensor) {
    if (tensor.isInput || tensor.isOutput || tensor.isConstant)
      return tensor.bytes;
    return std::max<int64_t>(0, tensor.bytes - scratchpad) * tensor.dramBits /
           8;
  };
  int64_t reads = parameterBytes(layer), writes = 0;
  for (int tensor : layer.inputs)
    reads += traffic(network.tensors[tensor]);
  for (int tensor : layer.outputs)
    writes += traffic(network.tensors[tensor]);
  int64_t memory = divideUp(std::max(reads, writes), machine.dramBytesPerCycle);
  return std::max(computeCycles(layer, machine), memory);
}

} // namespace accopt
