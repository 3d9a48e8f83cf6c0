//===- PatchStatistics.cpp - What a layer's weights meet ------------------===//
//
// Part of AccOpt. Sums count from the mean of the first patches: in a network
// whose channels are nearly constant the products would lose the covariance to
// rounding.
//
//===----------------------------------------------------------------------===//

#include "accopt/Transforms/PatchStatistics.h"

#include "ConstantData.h"
#include "LinearOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <cmath>
#include <limits>

using namespace mlir;

// Every host gets the same.
#pragma clang fp contract(off)

namespace accopt {

static constexpr int64_t kStrip = UpperTriangle::kStrip;

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

PatchShape::PatchShape(Operation *op) {
  ArrayRef<int64_t> result = shapeOf(op->getResult(0));
  ArrayRef<int64_t> weights = shapeOf(op->getOperand(1));
  input = llvm::to_vector(shapeOf(op->getOperand(0)));
  output = llvm::to_vector(result.drop_front(2));
  kernel = llvm::to_vector(weights.drop_front(2));
  if (auto conv = dyn_cast<nn::ConvOp>(op)) {
    groups = int64_t(conv.getGroups());
    strides = llvm::to_vector(conv.getStrides());
    dilations = llvm::to_vector(conv.getDilations());
    pads = llvm::to_vector(conv.getPads());
  }
  size = weights[1];
  for (int64_t k : kernel)
    size *= k;
  images = places = result[0];
  for (int64_t d : output)
    places *= d;
}

PatchStatistics::PatchStatistics(PatchShape theShape, int64_t expected)
    : shape(std::move(theShape)) {
  int64_t blocks = std::max<int64_t>(1, (shape.size + maxBlock - 1) / maxBlock);
  for (int64_t b = 0; b <= blocks; ++b)
    bounds.push_back(shape.size * b / blocks);
  int64_t wanted = 4096 + 8 * bounds[1];
  int64_t perSample = (wanted + expected - 1) / std::max<int64_t>(expected, 1);
  taken = std::min({shape.places, placesPerSample, perSample});
  sums.resize(shape.groups * shape.size);
  origin.resize(shape.groups * shape.size);
  for (int64_t group = 0; group < shape.groups; ++group)
    for (int64_t b = 0; b < blocks; ++b)
      products.emplace_back(bounds[b + 1] - bounds[b]);
}

std::vector<int64_t> PatchStatistics::findOffsets(ArrayRef<int64_t> at) const {
  size_t dims = shape.kernel.size();
  ArrayRef<int64_t> sizes = ArrayRef(shape.input).drop_front(2);
  int64_t perImage = shape.places / shape.images;
  int64_t imageSize = shape.input[1];
  for (int64_t d : sizes)
    imageSize *= d;
  std::vector<int64_t> offsets;
  SmallVector<int64_t> index(dims);
  do {
    for (int64_t place : at) {
      int64_t offset = 0, step = 1, rest = place % perImage;
      for (size_t d = dims; d-- > 0; rest /= shape.output[d]) {
        int64_t x = rest % shape.output[d] * shape.strides[d] +
                    index[d] * shape.dilations[d] - shape.pads[d];
        if (x < 0 || x >= sizes[d])
          offset = -1;
        else if (offset >= 0)
          offset += x * step;
        step *= sizes[d];
      }
      offsets.push_back(offset < 0 ? -1
                                   : offset + place / perImage * imageSize);
    }
    size_t d = dims;
    while (d > 0 && ++index[d - 1] == shape.kernel[d - 1])
      index[--d] = 0;
    if (d == 0)
      return offsets;
  } while (true);
}

/// Moves what is summed by `origin`, which the first patches give.
static void center(MutableArrayRef<float> strip, float *origin, double *sums,
                   int64_t count, bool isFirst) {
  float total[kStrip] = {};
  auto add = [&] {
    for (size_t from = 0; from < strip.size(); from += kStrip)
      for (int64_t lane = 0; lane < kStrip; ++lane)
        total[lane] += strip[from + lane];
  };
  int64_t rows = int64_t(strip.size()) / kStrip;
  float base[kStrip] = {};
  if (isFirst) {
    add();
    for (int64_t lane = 0; lane < count; ++lane)
      origin[lane] = total[lane] / float(rows);
    std::fill_n(total, kStrip, 0.0f);
  }
  std::copy_n(origin, count, base);
  for (size_t from = 0; from < strip.size(); from += kStrip)
    for (int64_t lane = 0; lane < kStrip; ++lane)
      strip[from + lane] -= base[lane];
  add();
  for (int64_t lane = 0; lane < count; ++lane)
    sums[lane] += double(total[lane]);
}

void PatchStatistics::addBlock(int64_t group, size_t block,
                               ArrayRef<float> values,
                               ArrayRef<int64_t> offsets, int64_t count) {
  int64_t first = bounds[block], width = bounds[block + 1] - first;
  int64_t taps = int64_t(offsets.size()) / count;
  int64_t channels = shape.size / taps, spatial = 1;
  for (int64_t d : ArrayRef(shape.input).drop_front(2))
    spatial *= d;
  panel.assign(UpperTriangle::countStrips(width) * kStrip * count, 0.0f);
  for (int64_t i = 0; i < width; ++i) {
    int64_t channel = (first + i) / taps, tap = (first + i) % taps;
    const float *from = values.data() + (group * channels + channel) * spatial;
    const int64_t *at = offsets.data() + tap * count;
    float *to = panel.data() + i / kStrip * kStrip * count + i % kStrip;
    for (int64_t p = 0; p < count; ++p)
      to[p * kStrip] = at[p] < 0 ? 0.0f : from[at[p]];
  }
  for (int64_t i = 0; i < width; i += kStrip) {
    int64_t at = group * shape.size + first + i;
    center(MutableArrayRef(panel).slice(i * count, kStrip * count),
           origin.data() + at, sums.data() + at, std::min(kStrip, width - i),
           patches == 0);
  }
  products[group * (bounds.size() - 1) + block].addGram(panel.data(), count);
}

void PatchStatistics::observe(ArrayRef<float> values) {
  SmallVector<int64_t> at;
  // Another part of the image for each sample.
  for (int64_t i = 0; i < taken; ++i)
    at.push_back((i * shape.places / taken + samples * 7919) % shape.places);
  std::vector<int64_t> offsets = findOffsets(at);
  for (int64_t group = 0; group < shape.groups; ++group)
    for (size_t block = 0; block + 1 < bounds.size(); ++block)
      addBlock(group, block, values, offsets, taken);
  patches += taken;
  ++samples;
}

bool PatchStatistics::isFinite() const {
  for (const UpperTriangle &matrix : products)
    for (int64_t i = 0; i < matrix.strips() * kStrip; ++i)
      if (!std::isfinite(matrix.at(i, i)))
        return false;
  return llvm::all_of(sums, [](double sum) { return std::isfinite(sum); });
}

std::vector<double> PatchStatistics::means(int64_t group) const {
  std::vector<double> result(shape.size);
  for (int64_t k = 0; k < shape.size; ++k)
    result[k] = double(origin[group * shape.size + k]) +
                sums[group * shape.size + k] / double(patches);
  return result;
}

UpperTriangle PatchStatistics::covariance(int64_t group, size_t block) const {
  const UpperTriangle &from = products[group * (bounds.size() - 1) + block];
  int64_t first = bounds[block], width = bounds[block + 1] - first;
  const double *sum = sums.data() + group * shape.size + first;
  UpperTriangle result(width);
  for (int64_t j = 0; j < width; ++j)
    for (int64_t i = 0; i <= j; ++i)
      result.at(i, j) =
          float(double(from.at(i, j)) / double(patches) -
                sum[i] / double(patches) * (sum[j] / double(patches)));
  return result;
}

double PatchStatistics::damping(const UpperTriangle &covariance,
                                size_t block) const {
  int64_t width = bounds[block + 1] - bounds[block];
  double trace = 0;
  for (int64_t i = 0; i < width; ++i)
    trace += double(covariance.at(i, i));
  // A hundredth of the mean variance, as in the paper, and more where few
  // patches were seen for each value: what they show by chance is not relied
  // upon. Where nothing varies each weight is for itself.
  double share = 0.01 + 0.1 * double(width) / double(patches);
  if (trace <= 0)
    return 1;
  return std::max(share * trace / double(width),
                  double(std::numeric_limits<float>::min()));
}

PatchTable::PatchTable(func::FuncOp function) {
  function.walk([&](Operation *op) {
    std::optional<LinearOp> linear = LinearOp::get(op);
    if (!linear || !isFloatConstant(linear->getWeights()) ||
        (linear->getBias() && !isFloatConstant(linear->getBias())) ||
        shapeOf(op->getResult(0)).empty() ||
        ShapedType::getNumElements(shapeOf(op->getResult(0))) == 0 ||
        ShapedType::getNumElements(shapeOf(linear->getWeights())) == 0)
      return;
    PatchShape shape(op);
    auto &known = byInput[linear->getInput()];
    auto same = llvm::find_if(
        known, [&](size_t index) { return table[index].shape == shape; });
    if (same == known.end()) {
      known.push_back(table.size());
      table.push_back({linear->getInput(), std::move(shape), {op}, {}});
    } else {
      table[*same].layers.push_back(op);
    }
  });
}

void PatchTable::observe(Value value, ArrayRef<float> elements) {
  auto found = byInput.find(value);
  if (found == byInput.end())
    return;
  for (size_t index : found->second) {
    Entry &entry = table[index];
    if (!entry.statistics)
      entry.statistics.emplace(entry.shape, samples);
    entry.statistics->observe(elements);
  }
}

} // namespace accopt
