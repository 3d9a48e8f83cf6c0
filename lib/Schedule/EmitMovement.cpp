//===- EmitMovement.cpp - Transpose, concat, slice, pad, host -------------===//
//
// Part of AccOpt. Data movement is a strided LOAD into a dense tile and a
// strided STORE out of it; what can be contiguous on both sides is one row.
//
//===----------------------------------------------------------------------===//

#include "Emitter.h"

using namespace mlir;

namespace accopt {
namespace {

ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

SmallVector<int64_t> denseStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (size_t d = shape.size(); d-- > 1;)
    strides[d - 1] = strides[d] * shape[d];
  return strides;
}
} // namespace

/// One side of a copy as DMA rows over up to four dimensions, outermost first.
static void setSide(DmaCommand &dma, ArrayRef<int64_t> sizes,
                    ArrayRef<int64_t> dram, ArrayRef<int64_t> dense) {
  size_t rank = sizes.size();
  bool contiguous = rank && dram[rank - 1] == 1;
  dma.rowBytes = contiguous ? uint32_t(sizes[rank - 1]) : 1;
  size_t counted = contiguous ? rank - 1 : rank;
  for (size_t i = 0; i < 3; ++i) {
    size_t back = 3 - i; // counts fill from the last
    if (back > counted)
      continue;
    size_t d = counted - back;
    dma.count[i] = uint16_t(sizes[d]);
    dma.dramStride[i] = int32_t(dram[d]);
    dma.scratchpadStride[i] = uint32_t(dense[d]);
  }
}

LogicalResult Emitter::emitCopy(mlir::Operation *op, const NetworkTensor &from,
                                int64_t fromOffset, const NetworkTensor &to,
                                int64_t toOffset,
                                SmallVector<CopyDimension> given) {
  // Drop dimensions of one; join those that lie densely on both sides.
  SmallVector<CopyDimension> dims;
  for (const CopyDimension &dimension : given) {
    if (dimension.size == 1)
      continue;
    if (!dims.empty() && dims.back().from == dimension.from * dimension.size &&
        dims.back().to == dimension.to * dimension.size)
      dims.back() = {dims.back().size * dimension.size, dimension.from,
                     dimension.to};
    else
      dims.push_back(dimension);
  }
  if (dims.empty())
    dims.push_back({1, 1, 1});
  // A DMA has three counts and a row: a dimension that is no row on one side
  // needs a count on it, so three dimensions always fit; the row of the DRAM
  // side may be a fourth.
  bool rows = dims.back().from == 1 && dims.back().to == 1;
  size_t capacity = rows ? 4 : 3;
  size_t outer = dims.size() > capacity ? dims.size() - capacity : 0;
  // Tiles cut the first inner dimension; slots of a third of the scratchpad.
  int64_t slots = 3, slotBytes = scratchpad.size() / slots / 16 * 16;
  int64_t rest = 1;
  for (size_t d = outer + 1; d < dims.size(); ++d)
    rest *= dims[d].size;
  while (rest > slotBytes && outer + 1 < dims.size())
    rest /= dims[++outer].size;
  // What is counted inside a tile has 16 bits; a row has 32.
  for (size_t d = dims.size(); d-- > outer + 1;)
    if (dims[d].size > 65535 && !(rows && d + 1 == dims.size())) {
      outer = d;
      break;
    }
  rest = 1;
  for (size_t d = outer + 1; d < dims.size(); ++d)
    rest *= dims[d].size;
  if (slotBytes < 16)
    return tooSmall(op, 16 * slots, scratchpad.size());
  int64_t step =
      std::min({dims[outer].size, slotBytes / rest,
                int64_t(dims.size() - outer == 1 && rows ? slotBytes : 65535)});
  step = std::min(step, divideUp(dims[outer].size, 3));
  step = std::max<int64_t>(step, 1);

  int64_t outerCount = 1;
  for (size_t d = 0; d < outer; ++d)
    outerCount *= dims[d].size;
  SmallVector<CopyDimension> inner(dims.begin() + outer, dims.end());
  int64_t tile = 0;
  for (int64_t index = 0; index < outerCount; ++index) {
    int64_t source = from.address + fromOffset, target = to.address + toOffset;
    int64_t remaining = index;
    for (size_t d = outer; d-- > 0;) {
      source += remaining % dims[d].size * dims[d].from;
      target += remaining % dims[d].size * dims[d].to;
      remaining /= dims[d].size;
    }
    for (int64_t i = 0; i < dims[outer].size; i += step, ++tile) {
      inner.front().size = std::min(step, dims[outer].size - i);
      SmallVector<int64_t> sizes, reads, writes;
      for (const CopyDimension &dimension : inner) {
        sizes.push_back(dimension.size);
        reads.push_back(dimension.from);
        writes.push_back(dimension.to);
      }
      SmallVector<int64_t> dense = denseStrides(sizes);
      int64_t slot = scratchpad.begin + (tile % slots) * slotBytes;
      DmaCommand in, out;
      in.scratchpadAddress = out.scratchpadAddress = uint32_t(slot);
      in.dramAddress = uint32_t(source + i * dims[outer].from);
      out.dramAddress = uint32_t(target + i * dims[outer].to);
      setSide(in, sizes, reads, dense);
      setSide(out, sizes, writes, dense);
      load(in);
      store(out);
    }
  }
  return success();
}

LogicalResult Emitter::emitTranspose(accel::TransposeOp op) {
  SmallVector<int64_t> from = denseStrides(shapeOf(op.getInput()));
  SmallVector<int64_t> to = denseStrides(shapeOf(op.getResult()));
  SmallVector<CopyDimension> dims;
  int64_t element = network.tensor(op.getInput()).elementBytes;
  for (auto [i, source] : llvm::enumerate(op.getPerm()))
    dims.push_back(
        {shapeOf(op.getResult())[i], from[source] * element, to[i] * element});
  dims.push_back({element, 1, 1});
  return emitCopy(op, network.tensor(op.getInput()), 0,
                  network.tensor(op.getResult()), 0, dims);
}

/// Bytes per step of each dimension; a slice of the channels of another tensor
/// has the pixels of that.
static SmallVector<int64_t> stridesIn(const NetworkTensor &tensor,
                                      ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides = denseStrides(shape);
  int64_t row = shape.empty() ? 1 : shape.back();
  int64_t pitch = tensor.pitch ? tensor.pitch : row * tensor.elementBytes;
  for (size_t d = 0; d < shape.size(); ++d)
    strides[d] = d + 1 < shape.size() ? strides[d] / row * pitch
                                      : strides[d] * tensor.elementBytes;
  return strides;
}

LogicalResult Emitter::emitConcat(accel::ConcatOp op) {
  const NetworkTensor &result = network.tensor(op.getResult());
  SmallVector<int64_t> to = stridesIn(result, shapeOf(op.getResult()));
  int64_t offset = 0;
  for (Value input : op.getInputs()) {
    ArrayRef<int64_t> shape = shapeOf(input);
    const NetworkTensor &tensor = network.tensor(input);
    SmallVector<int64_t> from = stridesIn(tensor, shape);
    // What is in its place already.
    if (tensor.container == network.tensorOf.at(op.getResult())) {
      offset += shape[op.getAxis()] * to[op.getAxis()];
      continue;
    }
    SmallVector<CopyDimension> dims;
    for (size_t d = 0; d < shape.size(); ++d)
      dims.push_back({shape[d], from[d], to[d]});
    dims.push_back({tensor.elementBytes, 1, 1});
    if (failed(emitCopy(op, tensor, 0, result, offset, dims)))
      return failure();
    offset += shape[op.getAxis()] * to[op.getAxis()];
  }
  return success();
}

LogicalResult Emitter::emitSlice(accel::SliceOp op) {
  const NetworkTensor &input = network.tensor(op.getInput());
  const NetworkTensor &result = network.tensor(op.getResult());
  ArrayRef<int64_t> shape = shapeOf(op.getResult());
  SmallVector<int64_t> from = stridesIn(input, shapeOf(op.getInput()));
  SmallVector<int64_t> to = stridesIn(result, shape);
  SmallVector<CopyDimension> dims;
  int64_t offset = 0;
  for (size_t d = 0; d < shape.size(); ++d) {
    offset += op.getStarts()[d] * from[d];
    dims.push_back({shape[d], from[d] * op.getSteps()[d], to[d]});
  }
  dims.push_back({input.elementBytes, 1, 1});
  return emitCopy(op, input, offset, result, 0, dims);
}

LogicalResult Emitter::emitPad(accel::PadOp op) {
  ArrayRef<int64_t> shape = shapeOf(op.getInput());
  const NetworkTensor &out = network.tensor(op.getResult());
  // The whole result is filled, then the input is copied into it.
  int64_t bytes = std::min<int64_t>(out.bytes, scratchpad.size() / 16 * 16);
  if (bytes < 1)
    return tooSmall(op, 16, scratchpad.size());
  FillCommand fill;
  fill.output = uint32_t(scratchpad.begin);
  fill.length = uint32_t(bytes);
  fill.value = int16_t(op.getValue());
  fill.wideOutput = out.elementBytes == 2;
  append(fill);
  for (int64_t begin = 0; begin < out.bytes; begin += bytes)
    storeFlat(scratchpad.begin, out.address + begin,
              std::min(bytes, out.bytes - begin));
  const NetworkTensor &input = network.tensor(op.getInput());
  SmallVector<int64_t> from = stridesIn(input, shape);
  SmallVector<int64_t> to = stridesIn(out, shapeOf(op.getResult()));
  SmallVector<CopyDimension> dims;
  int64_t offset = 0;
  for (size_t d = 0; d < shape.size(); ++d) {
    offset += op.getPads()[d] * to[d];
    dims.push_back({shape[d], from[d], to[d]});
  }
  dims.push_back({input.elementBytes, 1, 1});
  return emitCopy(op, input, 0, out, offset, dims);
}

LogicalResult Emitter::emitHost(accel::HostOp op) {
  HostFunction function;
  function.symbol = op.getCallee().str();
  HostCommand command;
  command.function = uint32_t(hostFunctions.size());
  command.operations = uint64_t(op.getOperations());
  std::vector<CommandStream::Range> reads, writes;
  auto describe = [&](Value value, auto &arguments, auto &ranges) {
    const NetworkTensor &tensor = network.tensor(value);
    ArrayRef<int64_t> shape = shapeOf(value);
    Type element = cast<RankedTensorType>(value.getType()).getElementType();
    arguments.push_back(
        {tensor.address, {shape.begin(), shape.end()}, numpyTypeOf(element)});
    ranges.push_back({tensor.address, tensor.address + tensor.bytes});
    command.bytes += uint64_t(tensor.bytes);
    return uint64_t(tensor.bytes);
  };
  for (Value input : op.getInputs())
    describe(input, function.arguments, reads);
  for (Value result : op.getResults())
    command.writtenBytes += describe(result, function.results, writes);
  hostFunctions.push_back(std::move(function));
  stream.appendHost(layer, command, reads, writes);
  return success();
}

} // namespace accopt
