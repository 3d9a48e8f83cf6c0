//===- PatchStatistics.cpp - What a layer's weights meet ------------------===//
//
// Part of AccOpt. Sums count from the first patch: in a network whose channels
// are nearly constant the products would lose the covariance to rounding.
//
//===----------------------------------------------------------------------===//

#include "accopt/Transforms/PatchStatistics.h"

#include "AddMultiple.h"
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

std::vector<int64_t> PatchStatistics::findTaps(int64_t place) const {
  SmallVector<int64_t> at(kernel.size()), index(kernel.size());
  for (size_t d = kernel.size(); d-- > 0; place /= output[d + 2])
    at[d] = place % output[d + 2];
  std::vector<int64_t> taps;
  do {
    int64_t offset = 0;
    bool isInside = true;
    for (size_t d = 0; d < kernel.size(); ++d) {
      int64_t x = at[d] * strides[d] + index[d] * dilations[d] - pads[d];
      isInside &= x >= 0 && x < input[d + 2];
      offset = offset * input[d + 2] + x;
    }
    taps.push_back(isInside ? offset : -1);
    size_t d = kernel.size();
    while (d > 0 && ++index[d - 1] == kernel[d - 1])
      index[--d] = 0;
    if (d == 0)
      return taps;
  } while (true);
}

void PatchStatistics::readPatch(ArrayRef<float> image, ArrayRef<int64_t> taps,
                                MutableArrayRef<double> patch) const {
  int64_t channels = input[1] / numGroups;
  int64_t spatial = int64_t(image.size()) / channels;
  double *out = patch.data();
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t tap : taps)
      *out++ = tap < 0 ? 0.0 : double(image[c * spatial + tap]);
}

void PatchStatistics::add(int64_t group, ArrayRef<double> panel) {
  for (size_t from = 0; from < panel.size(); from += size)
    for (int64_t i = 0; i < size; ++i)
      sums[group * size + i] += panel[from + i];
  for (size_t b = 0; b + 1 < bounds.size(); ++b) {
    int64_t width = bounds[b + 1] - bounds[b];
    double *row = products.data() + firstOfBlock(group, b);
    for (int64_t i = 0; i < width; ++i, row += width)
      for (size_t from = bounds[b]; from < panel.size(); from += size)
        if (double factor = panel[from + i])
          addMultiple(row + i, factor, &panel[from + i], width - i);
  }
}

void PatchStatistics::observe(ArrayRef<float> values) {
  int64_t taken = std::min(places, placesPerSample);
  int64_t perImage = places / output[0];
  int64_t groupSize = int64_t(values.size()) / (input[0] * numGroups);
  std::vector<double> panel;
  for (int64_t first = 0; first < taken; first += placesPerPanel) {
    int64_t count = std::min(placesPerPanel, taken - first);
    panel.resize(size_t(count) * size);
    SmallVector<std::vector<int64_t>> taps;
    SmallVector<int64_t> images;
    for (int64_t i = first; i < first + count; ++i) {
      // Another part of the image for each sample.
      int64_t at = (i * places / taken + samples * 7919) % places;
      taps.push_back(findTaps(at % perImage));
      images.push_back(at / perImage);
    }
    for (int64_t group = 0; group < numGroups; ++group) {
      double *from = origin.data() + group * size;
      for (int64_t i = 0; i < count; ++i) {
        auto patch = MutableArrayRef(panel).slice(i * size, size);
        readPatch(values.slice((images[i] * numGroups + group) * groupSize,
                               groupSize),
                  taps[i], patch);
        if (patches == 0 && i == 0)
          std::copy(patch.begin(), patch.end(), from);
        for (int64_t k = 0; k < size; ++k)
          patch[k] -= from[k];
      }
      add(group, panel);
    }
    patches += double(count);
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
