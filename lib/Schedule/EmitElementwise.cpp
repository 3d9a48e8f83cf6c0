//===- EmitElementwise.cpp - Binary ops and tables ------------------------===//
//
// Part of AccOpt. Tiles are runs of the outermost dimensions; up to three are
// in flight.
//
//===----------------------------------------------------------------------===//

#include "Emitter.h"

using namespace mlir;

namespace accopt {
namespace {

/// A dimension of the result with what broadcasts along it.
struct BinaryDimension {
  int64_t size = 1;
  bool a = true, b = true; ///< the operand varies along it
};

ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

/// Neighbours along which the same operands vary are one dimension.
SmallVector<BinaryDimension> collapse(accel::BinaryOp op) {
  SmallVector<BinaryDimension> dimensions;
  ArrayRef<int64_t> out = shapeOf(op.getResult()), a = shapeOf(op.getLhs()),
                    b = shapeOf(op.getRhs());
  for (size_t d = 0; d < out.size(); ++d) {
    if (out[d] == 1)
      continue;
    BinaryDimension next{out[d], a[d] != 1, b[d] != 1};
    if (!dimensions.empty() && dimensions.back().a == next.a &&
        dimensions.back().b == next.b)
      dimensions.back().size *= next.size;
    else
      dimensions.push_back(next);
  }
  if (dimensions.empty())
    dimensions.push_back(BinaryDimension{1, true, true});
  return dimensions;
}

int64_t elements(ArrayRef<BinaryDimension> dimensions,
                 bool BinaryDimension::*varies) {
  int64_t count = 1;
  for (const BinaryDimension &dimension : dimensions)
    if (dimension.*varies)
      count *= dimension.size;
  return count;
}

int64_t elements(ArrayRef<BinaryDimension> dimensions) {
  int64_t count = 1;
  for (const BinaryDimension &dimension : dimensions)
    count *= dimension.size;
  return count;
}

/// Four dimensions, the command's own: dense strides of result and operands.
void setGeometry(BinaryCommand &command, ArrayRef<BinaryDimension> dimensions) {
  std::array<int64_t, 4> size = {1, 1, 1, 1}, a = {}, b = {}, out = {};
  int64_t aStride = 1 + command.wideA, bStride = 1 + command.wideB;
  int64_t outStride = 1 + command.wideOutput;
  unsigned at = 4;
  for (const BinaryDimension &dimension : llvm::reverse(dimensions)) {
    --at;
    size[at] = dimension.size;
    a[at] = dimension.a ? aStride : 0;
    b[at] = dimension.b ? bStride : 0;
    out[at] = outStride;
    aStride *= dimension.a ? dimension.size : 1;
    bStride *= dimension.b ? dimension.size : 1;
    outStride *= dimension.size;
  }
  for (unsigned d = 0; d < 3; ++d) {
    command.count[d] = uint16_t(size[d]);
    command.outputStride[d] = uint32_t(out[d]);
  }
  command.length = uint32_t(size[3]);
  for (unsigned d = 0; d < 4; ++d) {
    command.aStride[d] = uint32_t(a[d]);
    command.bStride[d] = uint32_t(b[d]);
  }
}

BinaryCommand commandOf(accel::BinaryOp op) {
  BinaryCommand command;
  command.kind = BinaryKind(unsigned(op.getKind()));
  command.aZeroPoint = int8_t(op.getLhsZeroPoint());
  command.bZeroPoint = int8_t(op.getRhsZeroPoint());
  command.outputZeroPoint = int8_t(op.getOutputZeroPoint());
  command.clampMin = int16_t(op.getClampMin());
  command.clampMax = int16_t(op.getClampMax());
  if (accel::ScaleAttr scale = op.getLhsScaleAttr()) {
    command.aMultiplier = scale.getMultiplier();
    command.aShift = uint8_t(scale.getShift());
  }
  if (accel::ScaleAttr scale = op.getRhsScaleAttr()) {
    command.bMultiplier = scale.getMultiplier();
    command.bShift = uint8_t(scale.getShift());
  }
  command.outputMultiplier = op.getOutputScale().getMultiplier();
  command.outputShift = uint8_t(op.getOutputScale().getShift());
  return command;
}

/// Cuts the dimension at which a slab of everything inside fits `budget`: the
/// tile is `outer` single steps of the dimensions before it, `step` of its own.
struct Cut {
  size_t dimension = 0;
  int64_t step = 1;
};
} // namespace

LogicalResult Emitter::emitBinary(accel::BinaryOp op) {
  SmallVector<BinaryDimension> dimensions = collapse(op);
  const NetworkTensor &a = network.tensor(op.getLhs());
  const NetworkTensor &b = network.tensor(op.getRhs());
  const NetworkTensor &out = network.tensor(op.getResult());
  auto tileBytes = [&](ArrayRef<BinaryDimension> inner) {
    int64_t bytes = 0;
    if (!a.resident)
      bytes += alignUp(elements(inner, &BinaryDimension::a) * a.elementBytes);
    if (!b.resident)
      bytes += alignUp(elements(inner, &BinaryDimension::b) * b.elementBytes);
    if (!out.resident)
      bytes += alignUp(elements(inner) * out.elementBytes);
    return bytes;
  };

  // The first dimension of which a step fits three times, and has at most the
  // command's four dimensions inside.
  Cut cut;
  SmallVector<BinaryDimension> inner;
  int64_t slots = 3;
  for (;; ++cut.dimension) {
    if (cut.dimension == dimensions.size())
      return tooSmall(op, 3 * 16 * slots, scratchpad.size());
    inner.assign(dimensions.begin() + cut.dimension, dimensions.end());
    int64_t whole = inner.front().size;
    bool last = inner.size() == 1;
    cut.step = whole;
    auto fits = [&](int64_t step) {
      inner.front().size = step;
      bool isCounted = llvm::all_of(
          llvm::ArrayRef(inner).drop_back(),
          [](const BinaryDimension &d) { return d.size <= 65535; });
      return inner.size() <= 4 && (last || step <= 65535) && isCounted &&
             slots * tileBytes(inner) <= scratchpad.size();
    };
    // Several tiles overlap DMA with compute; residents need no DMA.
    int64_t pieces = tileBytes(inner) > 0 && whole > 4 ? 4 : 1;
    int64_t step = divideUp(whole, pieces);
    while (step > 1 && !fits(step))
      step = divideUp(step, 2);
    if (!fits(step))
      continue;
    cut.step = step;
    break;
  }

  // Offsets of the tile in each tensor from the indices before the cut.
  int64_t outerCount = 1;
  for (size_t d = 0; d < cut.dimension; ++d)
    outerCount *= dimensions[d].size;
  ArrayRef<BinaryDimension> all = dimensions;
  BinaryCommand command = commandOf(op);
  command.wideA = a.elementBytes == 2;
  command.wideB = b.elementBytes == 2;
  command.wideOutput = out.elementBytes == 2;
  int64_t tile = 0;
  inner.front().size = cut.step;
  int64_t slotBytes = tileBytes(inner);
  for (int64_t outer = 0; outer < outerCount; ++outer) {
    int64_t aBase = 0, bBase = 0, outBase = 0, rest = outer;
    for (size_t d = cut.dimension; d-- > 0;) {
      int64_t index = rest % dimensions[d].size;
      rest /= dimensions[d].size;
      ArrayRef<BinaryDimension> inside = all.drop_front(d + 1);
      outBase += index * elements(inside);
      if (dimensions[d].a)
        aBase += index * elements(inside, &BinaryDimension::a);
      if (dimensions[d].b)
        bBase += index * elements(inside, &BinaryDimension::b);
    }
    const BinaryDimension &own = dimensions[cut.dimension];
    ArrayRef<BinaryDimension> inside = all.drop_front(cut.dimension + 1);
    for (int64_t i = 0; i < own.size; i += cut.step, ++tile) {
      inner.front().size = std::min(cut.step, own.size - i);
      int64_t slot = scratchpad.begin + (tile % slots) * slotBytes;
      auto place = [&](const NetworkTensor &tensor, int64_t first,
                       int64_t count) {
        int64_t bytes = count * tensor.elementBytes;
        int64_t address =
            fetchFlat(tensor, first * tensor.elementBytes, bytes, slot);
        if (!tensor.resident)
          slot += alignUp(bytes);
        return uint32_t(address);
      };
      int64_t aElements = elements(inside, &BinaryDimension::a);
      int64_t bElements = elements(inside, &BinaryDimension::b);
      command.a = place(a, aBase + (own.a ? i * aElements : 0),
                        elements(inner, &BinaryDimension::a));
      command.b = place(b, bBase + (own.b ? i * bElements : 0),
                        elements(inner, &BinaryDimension::b));
      int64_t begin = (outBase + i * elements(inside)) * out.elementBytes;
      int64_t bytes = elements(inner) * out.elementBytes;
      command.output =
          uint32_t(out.resident ? out.scratchpadAddress + begin : slot);
      setGeometry(command, inner);
      append(command);
      if (!out.resident)
        storeFlat(slot, out.address + begin, bytes);
    }
  }
  return success();
}

LogicalResult Emitter::emitLookup(mlir::Operation *op, LookupCommand command,
                                  ArrayRef<uint8_t> values) {
  const NetworkTensor &in = network.tensor(op->getOperand(0));
  const NetworkTensor &out = network.tensor(op->getResult(0));
  uint32_t table =
      addConstant(int64_t(values.size()), [&] { return values.vec(); });
  int64_t tableBytes = alignUp(int64_t(values.size()));
  int64_t perByte = int64_t(!in.resident) + int64_t(!out.resident);
  int64_t bytes = in.bytes, slots = 3;
  int64_t room = scratchpad.size() - tableBytes;
  // Tiles end at elements: 16 bytes are some.
  int64_t step = std::max<int64_t>(divideUp(bytes, 4), 1);
  if (perByte || command.isWide)
    step = alignUp(step);
  if (perByte)
    step = std::min(step, room / (slots * perByte) / 16 * 16);
  if (step < 1 || room < 0)
    return tooSmall(op, tableBytes + 16 * slots * perByte, scratchpad.size());
  loadFlat(table, scratchpad.begin, int64_t(values.size()));
  int64_t tile = 0;
  for (int64_t begin = 0; begin < bytes; begin += step, ++tile) {
    int64_t count = std::min(step, bytes - begin);
    int64_t slot = scratchpad.begin + tableBytes +
                   (tile % slots) * alignUp(step) * perByte;
    command.table = uint32_t(scratchpad.begin);
    command.length = uint32_t(count / command.elementBytes());
    command.input = uint32_t(fetchFlat(in, begin, count, slot));
    if (!in.resident)
      slot += alignUp(step);
    command.output =
        uint32_t(out.resident ? out.scratchpadAddress + begin : slot);
    append(command);
    if (!out.resident)
      storeFlat(slot, out.address + begin, count);
  }
  return success();
}

} // namespace accopt
