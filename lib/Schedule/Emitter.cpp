//===- Emitter.cpp - What all families of layers share --------------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "Emitter.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace accopt {

Emitter::Emitter(const Network &network, const Machine &machine,
                 uint32_t constantBase, bool packConstants,
                 TilingCache &tilings)
    : network(network), machine(machine), stream(machine),
      nextConstant(constantBase), packConstants(packConstants),
      tilings(tilings) {}

uint32_t Emitter::addConstant(int64_t size,
                              llvm::function_ref<std::vector<uint8_t>()> pack) {
  uint32_t address = uint32_t(nextConstant);
  nextConstant = alignUp(nextConstant + size);
  if (packConstants) {
    constants.push_back(Constant{address, pack()});
    assert(int64_t(constants.back().bytes.size()) == size && "size is right");
  } else {
    missingBytes += uint64_t(size);
  }
  return address;
}

DmaCommand Emitter::transfer(const NetworkTensor &tensor,
                             ArrayRef<int64_t> shape, const Box &box,
                             int64_t address) const {
  // A slice has other channels between its pixels.
  int64_t element = tensor.elementBytes;
  int64_t width = shape[2];
  int64_t pitch = tensor.pitch ? tensor.pitch : shape[3] * element;
  int64_t pixelBytes = box.channels * element; ///< of the box
  int64_t pixel = (box.batch * shape[1] + box.row) * width + box.column;
  // Pixels and slices of a packed tensor begin at bytes (planPacking).
  auto dramBytes = [&](int64_t bytes) {
    assert(bytes * tensor.dramBits % 8 == 0 && "cuts at bytes");
    return bytes * tensor.dramBits / 8;
  };
  DmaCommand dma;
  dma.bits = uint8_t(tensor.dramBits);
  dma.dramAddress = uint32_t(tensor.address +
                             dramBytes(pixel * pitch + box.channel * element));
  dma.scratchpadAddress = uint32_t(address);
  if (pixelBytes != pitch) {
    dma.count = {1, uint16_t(box.rows), uint16_t(box.columns)};
    dma.rowBytes = uint32_t(pixelBytes);
    dma.dramStride = {0, int32_t(dramBytes(width * pitch)),
                      int32_t(dramBytes(pitch))};
    dma.scratchpadStride = {0, uint32_t(box.columns * pixelBytes),
                            uint32_t(pixelBytes)};
  } else if (box.columns != width) {
    dma.count = {1, 1, uint16_t(box.rows)};
    dma.rowBytes = uint32_t(box.columns * pitch);
    dma.dramStride = {0, 0, int32_t(dramBytes(width * pitch))};
    dma.scratchpadStride = {0, 0, uint32_t(box.columns * pitch)};
  } else {
    dma.rowBytes = uint32_t(box.rows * width * pitch);
  }
  return dma;
}

void Emitter::load(DmaCommand dma) { append(LoadCommand{dma}); }
void Emitter::store(DmaCommand dma) { append(StoreCommand{dma}); }

void Emitter::loadFlat(int64_t dram, int64_t address, int64_t bytes) {
  DmaCommand dma;
  dma.dramAddress = uint32_t(dram);
  dma.scratchpadAddress = uint32_t(address);
  dma.rowBytes = uint32_t(bytes);
  load(dma);
}

void Emitter::storeFlat(int64_t address, int64_t dram, int64_t bytes) {
  DmaCommand dma;
  dma.dramAddress = uint32_t(dram);
  dma.scratchpadAddress = uint32_t(address);
  dma.rowBytes = uint32_t(bytes);
  store(dma);
}

int64_t Emitter::fetchFlat(const NetworkTensor &tensor, int64_t begin,
                           int64_t bytes, int64_t slot) {
  if (tensor.resident)
    return tensor.scratchpadAddress + begin;
  loadFlat(tensor.address + begin, slot, bytes);
  return slot;
}

uint32_t Emitter::placeChunk(mlir::Operation *op, const WindowLayer &shape,
                             const WeightChunk &chunk) {
  ChunkLayout at = chunkLayout(shape, chunk.outputs, chunk.channels());
  return addConstant(at.dramBytes(), [&] {
    return packChunk(op, shape, chunk, machine.columns);
  });
}

void Emitter::loadChunk(const WindowLayer &shape, const WeightChunk &chunk,
                        int64_t address, uint32_t dramAddress) {
  ChunkLayout at = chunkLayout(shape, chunk.outputs, chunk.channels());
  DmaCommand dma;
  dma.dramAddress = dramAddress;
  dma.scratchpadAddress = uint32_t(address);
  dma.rowBytes = uint32_t(at.bytes);
  if (at.weightBits != 8) {
    dma.rowBytes = uint32_t(at.weights + at.weightCount);
    dma.bits = uint8_t(at.weightBits);
    dma.plainBytes = uint32_t(at.weights);
  }
  load(dma);
}

LogicalResult Emitter::tooSmall(mlir::Operation *op, int64_t needed,
                                int64_t available) {
  return op->emitOpError("needs ")
         << needed << " bytes of scratchpad for its smallest tile, "
         << available << " are free: a larger scratchpad is needed";
}

LogicalResult Emitter::emit(int index, ScratchpadRange range) {
  layer = uint32_t(index);
  scratchpad = range;
  LogicalResult result = emitOp(network.layers[index].op);
  ++turn;
  return result;
}

LogicalResult Emitter::emitOp(mlir::Operation *op) {
  if (const auto &window = network.layers[layer].window)
    return emitWindow(op, *window);
  return llvm::TypeSwitch<mlir::Operation *, LogicalResult>(op)
      .Case([&](accel::BinaryOp binary) { return emitBinary(binary); })
      .Case([&](accel::LookupOp lookup) {
        ArrayRef<int8_t> table = lookup.getTable();
        return emitLookup(
            op, LookupCommand(),
            {reinterpret_cast<const uint8_t *>(table.data()), table.size()});
      })
      .Case([&](accel::InterpolateOp function) {
        LookupCommand command;
        command.isWide = true;
        command.stepBits = uint8_t(function.getInputBits() - 9);
        ArrayRef<int16_t> table = function.getTable();
        return emitLookup(op, command,
                          {reinterpret_cast<const uint8_t *>(table.data()),
                           table.size() * sizeof(int16_t)});
      })
      .Case([&](accel::TransposeOp transpose) {
        return emitTranspose(transpose);
      })
      .Case([&](accel::ConcatOp concat) { return emitConcat(concat); })
      .Case([&](accel::SliceOp slice) { return emitSlice(slice); })
      .Case([&](accel::PadOp pad) { return emitPad(pad); })
      .Case([&](accel::HostOp host) { return emitHost(host); })
      .Default([](mlir::Operation *other) {
        return other->emitOpError("has no schedule");
      });
}

} // namespace accopt
