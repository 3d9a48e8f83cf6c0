//===- TensorLayout.cpp - Tensors between model and machine ---------------===//

#include "accopt/Simulator/TensorLayout.h"

#include "llvm/ADT/SmallVector.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace accopt;

int16_t accopt::quantizeValue(float value, const TensorInfo &tensor) {
  float scaled = std::nearbyint(value / float(tensor.scale));
  if (std::isnan(scaled))
    scaled = 0;
  auto limit = float(1 << (tensor.bits - 1));
  return int16_t(
      std::clamp(scaled + float(tensor.zeroPoint), -limit, limit - 1));
}

float accopt::dequantizeValue(int16_t value, const TensorInfo &tensor) {
  return float(int32_t(value) - tensor.zeroPoint) * float(tensor.scale);
}

std::vector<int8_t> accopt::quantizeValues(llvm::ArrayRef<float> values,
                                           const TensorInfo &tensor) {
  size_t width = getByteWidth(tensor.type);
  std::vector<int8_t> bytes(values.size() * width);
  for (size_t i = 0; i < values.size(); ++i) {
    int16_t q = quantizeValue(values[i], tensor);
    if (width == 1)
      bytes[i] = int8_t(q);
    else
      std::memcpy(&bytes[i * width], &q, width);
  }
  return bytes;
}

std::vector<float> accopt::dequantizeValues(llvm::ArrayRef<int8_t> bytes,
                                            const TensorInfo &tensor) {
  size_t width = getByteWidth(tensor.type);
  std::vector<float> values(bytes.size() / width);
  for (size_t i = 0; i < values.size(); ++i) {
    int16_t q = bytes[i * width];
    if (width == 2)
      std::memcpy(&q, &bytes[i * width], width);
    values[i] = dequantizeValue(q, tensor);
  }
  return values;
}

/// Calls `visit(model, stored)` with the positions of each element in the
/// model's and the stored order.
template <typename Visitor>
static void forEachElement(const TensorInfo &tensor, Visitor &&visit) {
  size_t rank = tensor.shape.size();
  llvm::SmallVector<int64_t> stride(rank, 1), index(rank, 0);
  for (size_t d = rank; d-- > 1;)
    stride[d - 1] = stride[d] * tensor.shape[d];
  size_t stored = 0, count = 1;
  for (int64_t extent : tensor.shape)
    count *= size_t(extent);
  for (size_t model = 0; model < count; ++model) {
    visit(model, stored);
    for (size_t d = rank; d-- > 0;) {
      int64_t dimension = tensor.permutation[d];
      stored += stride[dimension];
      if (++index[d] < tensor.shape[dimension])
        break;
      stored -= stride[dimension] * tensor.shape[dimension];
      index[d] = 0;
    }
  }
}

void accopt::toStoredOrder(const TensorInfo &tensor,
                           llvm::ArrayRef<int8_t> model,
                           llvm::MutableArrayRef<int8_t> stored) {
  size_t width = getByteWidth(tensor.type);
  if (!isQuantized(tensor))
    std::copy(model.begin(), model.end(), stored.begin());
  else
    forEachElement(tensor, [&](size_t m, size_t s) {
      std::memcpy(&stored[s * width], &model[m * width], width);
    });
}

void accopt::toModelOrder(const TensorInfo &tensor,
                          llvm::ArrayRef<int8_t> stored,
                          llvm::MutableArrayRef<int8_t> model) {
  size_t width = getByteWidth(tensor.type);
  if (!isQuantized(tensor))
    std::copy(stored.begin(), stored.end(), model.begin());
  else
    forEachElement(tensor, [&](size_t m, size_t s) {
      std::memcpy(&model[m * width], &stored[s * width], width);
    });
}
