//===- PatchStatistics.cpp - What a layer's weights meet ------------------===//
//
// Part of AccOpt. Sums count from the first patch: in a network whose channels
// are nearly constant the products would lose the covariance to rounding.
//
//===----------------------------------------------------------------------===//

#include "accopt/Transforms/PatchStatistics.h"

#include "LinearOps.h"
#include "QuantizeAnalysis.h"

#include "ConstantData.h"

using namespace mlir;

namespace accopt {

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

PatchStatistics::PatchStatistics(Operation *op) {
  input = llvm::to_vector(shapeOf(op->getOperand(0)));
  output = llvm::to_vector(shapeOf(op->getResult(0)));
  ArrayRef<int64_t> weights = shapeOf(op->getOperand(1));
  kernel = llvm::to_vector(weights.drop_front(2));
  if (auto conv = dyn_cast<nn::ConvOp>(op)) {
    numGroups = int64_t(conv.getGroups());
    strides = llvm::to_vector(conv.getStrides());
    dilations = llvm::to_vector(conv.getDilations());
    pads = llvm::to_vector(conv.getPads());
  }
  size = weights[1];
  for (int64_t k : kernel)
    size *= k;
  places = output[0];
  for (int64_t d : ArrayRef(output).drop_front(2))
    places *= d;

  int64_t blocks = std::max<int64_t>(1, (size + maxBlock - 1) / maxBlock);
  size_t total = 0;
  for (int64_t b = 0; b <= blocks; ++b)
    bounds.push_back(size * b / blocks);
  for (int64_t b = 0; b < blocks; ++b)
    total += size_t(bounds[b + 1] - bounds[b]) * (bounds[b + 1] - bounds[b]);
  sums.resize(numGroups * size);
  origin.resize(numGroups * size);
  products.resize(numGroups * total);
}

size_t PatchStatistics::firstOfBlock(int64_t group, size_t block) const {
  size_t first = 0;
  for (size_t b = 0; b + 1 < bounds.size(); ++b) {
    size_t width = bounds[b + 1] - bounds[b];
    first += width * width * (group + (b < block ? 1 : 0));
  }
  return first;
}

void PatchStatistics::readPatch(ArrayRef<float> values, int64_t group,
                                int64_t at,
                                MutableArrayRef<double> patch) const {
  int64_t channels = input[1] / numGroups, spatial = 1;
  for (int64_t d : ArrayRef(input).drop_front(2))
    spatial *= d;
  SmallVector<int64_t> place(kernel.size());
  for (size_t d = kernel.size(); d-- > 0; at /= output[d + 2])
    place[d] = at % output[d + 2];
  ArrayRef<float> image = values.slice(
      (at * numGroups + group) * channels * spatial, channels * spatial);
  int64_t taps = size / channels;
  for (int64_t tap = 0; tap < taps; ++tap) {
    int64_t offset = 0, rest = tap, step = spatial;
    SmallVector<int64_t> index(kernel.size());
    for (size_t d = kernel.size(); d-- > 0; rest /= kernel[d])
      index[d] = rest % kernel[d];
    bool isInside = true;
    for (size_t d = 0; d < kernel.size(); ++d) {
      int64_t x = place[d] * strides[d] + index[d] * dilations[d] - pads[d];
      isInside &= x >= 0 && x < input[d + 2];
      step /= input[d + 2];
      offset += x * step;
    }
    for (int64_t c = 0; c < channels; ++c)
      patch[c * taps + tap] = isInside ? image[c * spatial + offset] : 0.0f;
  }
}

void PatchStatistics::add(int64_t group, ArrayRef<double> patch) {
  for (int64_t i = 0; i < size; ++i)
    sums[group * size + i] += patch[i];
  for (size_t b = 0; b + 1 < bounds.size(); ++b) {
    int64_t width = bounds[b + 1] - bounds[b];
    ArrayRef<double> part = patch.slice(bounds[b], width);
    double *row = products.data() + firstOfBlock(group, b);
    for (int64_t i = 0; i < width; ++i, row += width)
      if (double factor = part[i])
        for (int64_t j = i; j < width; ++j)
          row[j] += factor * part[j];
  }
}

void PatchStatistics::observe(ArrayRef<float> values) {
  int64_t taken = std::min(places, placesPerSample);
  std::vector<double> patch(size);
  for (int64_t i = 0; i < taken; ++i) {
    // Another part of the image for each sample.
    int64_t at = (i * places / taken + samples * 7919) % places;
    for (int64_t group = 0; group < numGroups; ++group) {
      readPatch(values, group, at, patch);
      double *from = origin.data() + group * size;
      if (patches == 0)
        std::copy(patch.begin(), patch.end(), from);
      for (int64_t k = 0; k < size; ++k)
        patch[k] -= from[k];
      add(group, patch);
    }
    patches += 1;
  }
  ++samples;
}

std::vector<double> PatchStatistics::means(int64_t group) const {
  std::vector<double> result(size);
  for (int64_t k = 0; k < size; ++k)
    result[k] = origin[group * size + k] + sums[group * size + k] / patches;
  return result;
}

std::vector<double> PatchStatistics::covariance(int64_t group,
                                                size_t block) const {
  int64_t first = bounds[block], width = bounds[block + 1] - first;
  const double *from = products.data() + firstOfBlock(group, block);
  const double *sum = sums.data() + group * size + first;
  std::vector<double> result(size_t(width) * width);
  for (int64_t i = 0; i < width; ++i)
    for (int64_t j = i; j < width; ++j)
      result[i * width + j] = result[j * width + i] =
          from[i * width + j] / patches - sum[i] / patches * (sum[j] / patches);
  return result;
}

PatchTable makePatchTable(func::FuncOp function) {
  PatchTable table;
  function.walk([&](Operation *op) {
    std::optional<LinearOp> linear = LinearOp::get(op);
    if (linear && isFloatConstant(linear->getWeights()) &&
        (!linear->getBias() || isFloatConstant(linear->getBias())) &&
        cast<RankedTensorType>(linear->getWeights().getType())
                .getNumElements() > 0)
      table.insert({op, PatchStatistics(op)});
  });
  return table;
}

} // namespace accopt
