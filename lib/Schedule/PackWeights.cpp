//===- PackWeights.cpp - Weights in the order of the array ----------------===//
//
// Part of AccOpt. A chunk is one contiguous piece of DRAM: table, parameters of
// the epilogue, weights (chunkLayout says where), so that one LOAD brings it.
//
//===----------------------------------------------------------------------===//

#include "PackWeights.h"

#include "dialects/Accel/AccelOps.h"
#include "dialects/NN/NNConstants.h"

#include <cstring>

using namespace mlir;

namespace accopt {

static void packEpilogue(mlir::Operation *op, const WindowLayer &shape,
                         const WeightChunk &chunk,
                         std::vector<uint8_t> &bytes) {
  accel::RequantAttr requant;
  Value biasValue;
  if (auto conv = dyn_cast<accel::Conv2DOp>(op)) {
    requant = conv.getRequant();
    biasValue = conv.getBias();
  } else {
    auto depthwise = cast<accel::DepthwiseConv2DOp>(op);
    requant = depthwise.getRequant();
    biasValue = depthwise.getBias();
  }
  auto bias =
      nn::readElements(biasValue.getDefiningOp<accel::ConstantOp>().getValue());
  ChunkLayout at = chunkLayout(shape, chunk.outputs, chunk.channels());
  bytes.assign(at.bytes, 0);
  llvm::copy(requant.getTable(), bytes.begin() + at.table);
  bool perChannel = requant.getMultiplier().size() > 1;
  for (int64_t j = 0; j < chunk.outputs; ++j) {
    int64_t m = chunk.output + j, scale = perChannel ? m : 0;
    uint8_t *row = bytes.data() + at.parameters + 12 * j;
    std::memcpy(row, bias->element(m).data(), 4);
    std::memcpy(row + 4, &requant.getMultiplier()[scale], 4);
    std::memcpy(row + 8, &requant.getShift()[scale], 4);
  }
}

static std::vector<uint8_t> packConv(accel::Conv2DOp conv,
                                     const WindowLayer &shape,
                                     const WeightChunk &chunk, int64_t width) {
  std::vector<uint8_t> bytes;
  packEpilogue(conv, shape, chunk, bytes);
  auto weights = nn::readElements(
      conv.getWeights().getDefiningOp<accel::ConstantOp>().getValue());
  ChunkLayout at = chunkLayout(shape, chunk.outputs, chunk.channels());
  uint8_t *next = bytes.data() + at.weights;
  int64_t inputs = shape.groupChannels(), taps = shape.taps();
  for (int64_t n = 0; n < chunk.outputs; n += width) {
    int64_t block = std::min(width, chunk.outputs - n);
    for (int64_t tap = 0; tap < taps; ++tap)
      for (int64_t c : chunk.run.channels)
        for (int64_t j = 0; j < block; ++j) {
          int64_t m = chunk.output + n + j;
          *next++ =
              c < 0 ? 0
                    : uint8_t(weights->element((m * taps + tap) * inputs + c)
                                  .front());
        }
  }
  return bytes;
}

static std::vector<uint8_t> packDepthwise(accel::DepthwiseConv2DOp conv,
                                          const WindowLayer &shape,
                                          const WeightChunk &chunk) {
  std::vector<uint8_t> bytes;
  packEpilogue(conv, shape, chunk, bytes);
  auto weights = nn::readElements(
      conv.getWeights().getDefiningOp<accel::ConstantOp>().getValue());
  ChunkLayout at = chunkLayout(shape, chunk.outputs, chunk.channels());
  uint8_t *next = bytes.data() + at.weights;
  for (int64_t tap = 0; tap < shape.taps(); ++tap)
    for (int64_t c = 0; c < chunk.outputs; ++c)
      *next++ = uint8_t(
          weights->element(tap * shape.channels + chunk.output + c).front());
  return bytes;
}

static std::vector<uint8_t> packAveragePool(accel::AvgPoolOp pool,
                                            const WindowLayer &shape) {
  std::vector<uint8_t> bytes(chunkLayout(shape, 0, 0).bytes, 0);
  uint8_t *entry = bytes.data() + (shape.hasOneScale ? 0 : 8);
  for (auto [multiplier, shift] :
       llvm::zip_equal(pool.getMultiplier(), pool.getShift())) {
    std::memcpy(entry, &multiplier, 4);
    std::memcpy(entry + 4, &shift, 4);
    entry += 8;
  }
  return bytes;
}

/// Leaves the low bits of each weight, one behind the other from the lowest bit
/// of a byte on.
static std::vector<uint8_t> packBits(std::vector<uint8_t> bytes,
                                     const ChunkLayout &at) {
  if (at.weightBits == 8)
    return bytes;
  std::vector<uint8_t> packed(at.dramBytes(), 0);
  std::copy_n(bytes.begin(), at.weights, packed.begin());
  for (int64_t i = 0; i < at.weightCount; ++i)
    for (int64_t bit = 0; bit < at.weightBits; ++bit) {
      int64_t to = i * at.weightBits + bit;
      packed[at.weights + to / 8] |= (bytes[at.weights + i] >> bit & 1)
                                     << to % 8;
    }
  return packed;
}

std::vector<uint8_t> packChunk(mlir::Operation *op, const WindowLayer &shape,
                               const WeightChunk &chunk, int64_t columns) {
  ChunkLayout at = chunkLayout(shape, chunk.outputs, chunk.channels());
  if (auto conv = dyn_cast<accel::Conv2DOp>(op))
    return packBits(packConv(conv, shape, chunk, columns), at);
  if (auto conv = dyn_cast<accel::DepthwiseConv2DOp>(op))
    return packBits(packDepthwise(conv, shape, chunk), at);
  return packAveragePool(cast<accel::AvgPoolOp>(op), shape);
}

} // namespace accopt
