//===- IntegerArithmetic.cpp - The rescale on tensors ---------------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "IntegerArithmetic.h"

#include <cmath>

namespace accopt::training {

/// As the conversion to accel chooses: factors out of reach become the nearest.
static ScaleFactor scaleOrNearest(double real) {
  llvm::Expected<ScaleFactor> factor = quantizeMultiplier(real);
  if (factor)
    return *factor;
  llvm::consumeError(factor.takeError());
  if (real < 1)
    return {int32_t(kMinMultiplier), kMaxShift};
  return {int32_t(kMaxMultiplier), kMinShift};
}

ScaleFactors ScaleFactors::get(llvm::ArrayRef<double> reals,
                               llvm::ArrayRef<int64_t> shape,
                               at::Device device) {
  std::vector<int64_t> multipliers, shifts, rounding;
  for (double real : reals) {
    ScaleFactor factor = scaleOrNearest(real);
    multipliers.push_back(factor.multiplier);
    shifts.push_back(factor.shift);
    rounding.push_back(int64_t(1) << (factor.shift - 1));
  }
  auto toTensor = [&](std::vector<int64_t> &values) {
    return at::from_blob(values.data(),
                         at::IntArrayRef(shape.data(), shape.size()), at::kLong)
        .clone()
        .to(device);
  };
  return {toTensor(multipliers), toTensor(shifts), toTensor(rounding)};
}

ScaleFactors ScaleFactors::at(const at::Tensor &indices) const {
  auto pick = [&](const at::Tensor &table) {
    return table.flatten()
        .index_select(0, indices.flatten())
        .reshape(indices.sizes());
  };
  return {pick(multipliers), pick(shifts), pick(rounding)};
}

at::Tensor wrapToInt32(const at::Tensor &x) {
  return x.to(at::kInt).to(at::kLong);
}

/// 2^31 * 2^31 + 2^61 is within 64 bits.
at::Tensor rescale(const at::Tensor &x, const ScaleFactors &factors) {
  at::Tensor product = x.mul(factors.multipliers).add_(factors.rounding);
  return wrapToInt32(product.bitwise_right_shift(factors.shifts));
}

at::Tensor rescale(const at::Tensor &x, double real) {
  return rescale(x, ScaleFactors::get({real}, {1}, x.device()));
}

at::Tensor center(const IntegerTensor &x) {
  return x.values.to(at::kLong).sub_(x.type.zeroPoint);
}

/// round(real / scale) + zero point, saturated: the bounds of a clamp.
static double quantizeBound(double real, const ActivationType &type) {
  double value = std::nearbyint(real / type.scale) + double(type.zeroPoint);
  return std::clamp(value, double(type.integers.min),
                    double(type.integers.max));
}

at::Tensor finish(const at::Tensor &x, const IntegerCall &call) {
  const ActivationType &type = call.type;
  auto bound = [&](const char *name, int64_t none) {
    auto found = call.node.attributes.find(name);
    return found == call.node.attributes.end()
               ? double(none)
               : quantizeBound(std::get<double>(found->second), type);
  };
  double low = bound("clamp_min", type.integers.min);
  double high = bound("clamp_max", type.integers.max);
  // max(low, min(high, x)), as clampResult.
  return x.add(type.zeroPoint).to(at::kFloat).clamp_max_(high).clamp_min_(low);
}

} // namespace accopt::training
