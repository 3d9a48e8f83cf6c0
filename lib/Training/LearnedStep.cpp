//===- LearnedStep.cpp - Quantizers with learned steps --------------------===//
//
// Part of AccOpt. Kernels work on rows that share a step: a tensor of
// activations is one row, weights have one for each output. Rows are cut into
// blocks of a fixed size, whose sums are added in order: a gradient does not
// depend on the number of threads.
//
//===----------------------------------------------------------------------===//

#include "LearnedStep.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <vector>

namespace accopt::training {
namespace {
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Values in a block, and blocks that are worth a thread of their own.
constexpr int64_t blockSize = 8192, grain = 4;
/// Sums side by side, so that the loop vectorizes without reordering.
constexpr int64_t lanes = 16;

/// Adding and taking off 1.5 * 2^23 rounds a float below 2^22 half to even.
inline float roundEven(float value) {
  constexpr float magic = 0x1.8p23f;
  return (value + magic) - magic;
}

/// Cuts, keeping NaN.
inline float cut(float value, float low, float high) {
  value = value < low ? low : value;
  return value > high ? high : value;
}

struct Rows {
  int64_t count, size, blocksPerRow;
  Rows(int64_t elements, int64_t steps)
      : count(steps), size(steps ? elements / steps : 0),
        blocksPerRow((size + blockSize - 1) / blockSize) {}

  /// Calls `body(row, begin, end, block)` for every block of every row.
  template <typename Body> void forEachBlock(const Body &body) const {
    int64_t small =
        std::max<int64_t>(1, blockSize / std::max<int64_t>(1, size));
    at::parallel_for(0, count * blocksPerRow, grain * small,
                     [&](int64_t from, int64_t to) {
                       for (int64_t block = from; block < to; ++block) {
                         int64_t row = block / blocksPerRow;
                         int64_t begin = block % blocksPerRow * blockSize;
                         int64_t end = std::min(begin + blockSize, size);
                         body(row, row * size + begin, row * size + end, block);
                       }
                     });
  }
};

void forwardBlock(const float *x, float *y, int64_t count, float step,
                  float low, float high) {
  float inverse = 1.0f / step;
  for (int64_t i = 0; i < count; ++i)
    y[i] = roundEven(cut(x[i] * inverse, low, high)) * step;
}

/// Writes the gradient for x; returns the sum for the step.
double backwardBlock(const float *x, const float *g, float *gx, int64_t count,
                     float step, float low, float high) {
  float inverse = 1.0f / step;
  float sums[lanes] = {};
  auto one = [&](int64_t i, float &sum) {
    float ratio = x[i] * inverse;
    bool inside = ratio >= low && ratio <= high;
    float rounded = roundEven(cut(ratio, low, high));
    gx[i] = inside ? g[i] : 0.0f;
    sum += g[i] * (rounded - (inside ? ratio : 0.0f));
  };
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (int64_t lane = 0; lane < lanes; ++lane)
      one(i + lane, sums[lane]);
  for (; i < count; ++i)
    one(i, sums[0]);
  double total = 0;
  for (float sum : sums)
    total += sum;
  return total;
}

/// `x` with its elements side by side in any order of dimensions; where there
/// is a step for each row, rows first.
at::Tensor dense(const at::Tensor &x, bool isByRow) {
  if (!isByRow && x.is_non_overlapping_and_dense())
    return x;
  return x.contiguous();
}

at::Tensor forwardKernel(const at::Tensor &x, const at::Tensor &step,
                         StepBounds bounds) {
  at::Tensor y = at::empty_like(x);
  Rows rows(x.numel(), step.numel());
  const float *from = x.const_data_ptr<float>();
  const float *steps = step.const_data_ptr<float>();
  float *to = y.mutable_data_ptr<float>();
  rows.forEachBlock([&](int64_t row, int64_t begin, int64_t end, int64_t) {
    forwardBlock(from + begin, to + begin, end - begin, steps[row],
                 float(bounds.low), float(bounds.high));
  });
  return y;
}

std::pair<at::Tensor, at::Tensor> backwardKernel(const at::Tensor &x,
                                                 const at::Tensor &step,
                                                 const at::Tensor &gradient,
                                                 StepBounds bounds,
                                                 double gradientScale) {
  at::Tensor g = gradient;
  if (g.strides() != x.strides())
    g = at::empty_like(x).copy_(g);
  at::Tensor gx = at::empty_like(x), gs = at::empty_like(step);
  Rows rows(x.numel(), step.numel());
  std::vector<double> sums(rows.count * rows.blocksPerRow);
  const float *from = x.const_data_ptr<float>();
  const float *steps = step.const_data_ptr<float>();
  const float *above = g.const_data_ptr<float>();
  float *to = gx.mutable_data_ptr<float>();
  rows.forEachBlock(
      [&](int64_t row, int64_t begin, int64_t end, int64_t block) {
        sums[block] =
            backwardBlock(from + begin, above + begin, to + begin, end - begin,
                          steps[row], float(bounds.low), float(bounds.high));
      });
  float *stepGradient = gs.mutable_data_ptr<float>();
  for (int64_t row = 0; row < rows.count; ++row) {
    double sum = 0;
    for (int64_t block = 0; block < rows.blocksPerRow; ++block)
      sum += sums[row * rows.blocksPerRow + block];
    stepGradient[row] = float(sum * gradientScale);
  }
  return {gx, gs};
}

/// `step` in a shape that broadcasts along dimension 0 of `x`.
at::Tensor broadcastStep(const at::Tensor &x, const at::Tensor &step) {
  std::vector<int64_t> shape(x.dim(), 1);
  if (x.dim() > 0 && step.numel() != 1)
    shape[0] = step.numel();
  return step.reshape(shape);
}

std::pair<at::Tensor, at::Tensor> backwardComposed(const at::Tensor &x,
                                                   const at::Tensor &step,
                                                   const at::Tensor &gradient,
                                                   StepBounds bounds,
                                                   double gradientScale) {
  at::Tensor ratio = x * broadcastStep(x, step.reciprocal());
  at::Tensor inside = (ratio >= bounds.low).logical_and_(ratio <= bounds.high);
  at::Tensor rounded = ratio.clamp(bounds.low, bounds.high).round_();
  at::Tensor terms = gradient * rounded.sub_(ratio * inside);
  at::Tensor sums =
      step.numel() == 1
          ? terms.sum(at::kDouble).reshape(step.sizes())
          : terms.reshape({step.numel(), -1}).sum(1, false, at::kDouble);
  return {gradient * inside,
          sums.mul(gradientScale).to(step.scalar_type()).reshape(step.sizes())};
}

class LearnedStep : public torch::autograd::Function<LearnedStep> {
public:
  static at::Tensor forward(AutogradContext *context, const at::Tensor &given,
                            const at::Tensor &step, int64_t low, int64_t high,
                            double gradientScale, bool isComposed) {
    at::Tensor x = dense(given, step.numel() != 1);
    context->save_for_backward({x, step});
    context->saved_data["low"] = low;
    context->saved_data["high"] = high;
    context->saved_data["scale"] = gradientScale;
    context->saved_data["composed"] = isComposed;
    if (!isComposed)
      return forwardKernel(x, step, {low, high});
    at::Tensor ratio = x * broadcastStep(x, step.reciprocal());
    return ratio.clamp_(low, high).round_().mul_(broadcastStep(x, step));
  }

  static variable_list backward(AutogradContext *context,
                                const variable_list &gradients) {
    variable_list saved = context->get_saved_variables();
    StepBounds bounds{context->saved_data["low"].toInt(),
                      context->saved_data["high"].toInt()};
    double scale = context->saved_data["scale"].toDouble();
    auto [gx, gs] =
        context->saved_data["composed"].toBool()
            ? backwardComposed(saved[0], saved[1], gradients[0], bounds, scale)
            : backwardKernel(saved[0], saved[1], gradients[0], bounds, scale);
    return {gx, gs, {}, {}, {}, {}};
  }
};

class GridRounding : public torch::autograd::Function<GridRounding> {
public:
  static at::Tensor forward(AutogradContext *, const at::Tensor &x,
                            const at::Tensor &grid) {
    return (x / grid).round_().mul_(grid);
  }
  static variable_list backward(AutogradContext *,
                                const variable_list &gradients) {
    return {gradients[0], at::Tensor()};
  }
};

bool hasKernel(const at::Tensor &x, const at::Tensor &step) {
  return x.is_cpu() && x.scalar_type() == at::kFloat &&
         step.scalar_type() == at::kFloat && step.is_contiguous();
}
} // namespace

at::Tensor quantizeLearned(const at::Tensor &x, const at::Tensor &step,
                           StepBounds bounds, double gradientScale) {
  return LearnedStep::apply(x, step, bounds.low, bounds.high, gradientScale,
                            !hasKernel(x, step));
}

at::Tensor quantizeLearnedComposed(const at::Tensor &x, const at::Tensor &step,
                                   StepBounds bounds, double gradientScale) {
  return LearnedStep::apply(x, step, bounds.low, bounds.high, gradientScale,
                            true);
}

at::Tensor roundToGrid(const at::Tensor &x, const at::Tensor &grid) {
  return GridRounding::apply(x, grid);
}

} // namespace accopt::training
