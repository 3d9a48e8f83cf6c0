//===- Layers.cpp - Shapes of layers for published models -----------------===//

#include "accopt/Formulas/Layers.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/Twine.h"

#include <tuple>
#include <utility>

using namespace llvm;
using namespace accopt::formulas;

static int64_t outputExtent(int64_t input, int64_t pads, int64_t kernel,
                            int64_t dilation, int64_t stride,
                            Rounding rounding) {
  int64_t way = input + pads - dilation * (kernel - 1) - 1;
  return (rounding == Rounding::Up ? divideUp(way, stride) : way / stride) + 1;
}

int64_t ConvShape::outputHeight() const {
  return outputExtent(inputHeight, padTop + padBottom, kernelHeight,
                      dilationHeight, strideHeight, rounding);
}

int64_t ConvShape::outputWidth() const {
  return outputExtent(inputWidth, padLeft + padRight, kernelWidth,
                      dilationWidth, strideWidth, rounding);
}

GemmShape ConvShape::gemm() const {
  return {batch * outputHeight() * outputWidth(), outputChannels / groups,
          inputChannels / groups * kernelHeight * kernelWidth, groups};
}

GemmShape Layer::gemm() const {
  if (const ConvShape *shape = conv())
    return shape->gemm();
  return std::get<GemmShape>(shape);
}

static Error fail(const Twine &message) {
  return createStringError(inconvertibleErrorCode(), message);
}

static Error checkExtent(StringRef name, int64_t value, int64_t least = 1) {
  if (value >= least && value <= maxExtent)
    return Error::success();
  return fail("expected " + name + " in [" + Twine(least) + ", " +
              Twine(maxExtent) + "], got " + Twine(value));
}

/// Multiplies the factors step by step, so that nothing overflows.
static Error checkMacs(ArrayRef<int64_t> factors) {
  int64_t product = 1;
  for (int64_t factor : factors) {
    if (factor > maxMacs / product)
      return fail("expected at most 2^53 multiply-accumulates, got more");
    product *= factor;
  }
  return Error::success();
}

Error accopt::formulas::check(const GemmShape &shape) {
  for (auto [name, value] : {std::pair<StringRef, int64_t>{"M", shape.m},
                             {"N", shape.n},
                             {"K", shape.k},
                             {"groups", shape.groups}})
    if (Error error = checkExtent(name, value))
      return error;
  return checkMacs({shape.m, shape.n, shape.k, shape.groups});
}

static Error checkExtents(const ConvShape &s) {
  const std::tuple<StringRef, int64_t, int64_t> extents[] = {
      {"batch", s.batch, 1},
      {"input height", s.inputHeight, 1},
      {"input width", s.inputWidth, 1},
      {"channels", s.inputChannels, 1},
      {"filter height", s.kernelHeight, 1},
      {"filter width", s.kernelWidth, 1},
      {"filters", s.outputChannels, 1},
      {"stride height", s.strideHeight, 1},
      {"stride width", s.strideWidth, 1},
      {"dilation height", s.dilationHeight, 1},
      {"dilation width", s.dilationWidth, 1},
      {"groups", s.groups, 1},
      {"top pad", s.padTop, 0},
      {"left pad", s.padLeft, 0},
      {"bottom pad", s.padBottom, 0},
      {"right pad", s.padRight, 0}};
  for (auto [name, value, least] : extents)
    if (Error error = checkExtent(name, value, least))
      return error;
  return Error::success();
}

Error accopt::formulas::check(const ConvShape &s) {
  if (Error error = checkExtents(s))
    return error;
  if (s.inputChannels % s.groups || s.outputChannels % s.groups)
    return fail("expected channels and filters that are multiples of the " +
                Twine(s.groups) + " groups, got " + Twine(s.inputChannels) +
                " and " + Twine(s.outputChannels));
  int64_t height = s.inputHeight + s.padTop + s.padBottom;
  int64_t width = s.inputWidth + s.padLeft + s.padRight;
  int64_t kernelHeight = s.dilationHeight * (s.kernelHeight - 1) + 1;
  int64_t kernelWidth = s.dilationWidth * (s.kernelWidth - 1) + 1;
  if (kernelHeight > height || kernelWidth > width)
    return fail("expected a filter of at most " + Twine(height) + "x" +
                Twine(width) + ", the padded input, got " +
                Twine(kernelHeight) + "x" + Twine(kernelWidth));
  int64_t perGroup = s.inputChannels / s.groups;
  if (Error error = checkMacs({s.batch, s.outputHeight(), s.outputWidth(),
                               s.outputChannels, perGroup, s.kernelHeight,
                               s.kernelWidth}))
    return error;
  if (Error error = checkMacs({s.batch, height, width, s.inputChannels})) {
    consumeError(std::move(error));
    return fail("expected at most 2^53 inputs, got more");
  }
  return check(s.gemm());
}

Expected<SparsityRatio> accopt::formulas::parseSparsity(StringRef text) {
  SparsityRatio ratio;
  auto [kept, block] = text.split(':');
  if (kept.trim().getAsInteger(10, ratio.n) ||
      block.trim().getAsInteger(10, ratio.m) || ratio.n < 1 ||
      ratio.n > ratio.m || ratio.m > 65536)
    return fail("expected a sparsity N:M with 1 <= N <= M <= 65536, got '" +
                text + "'");
  return ratio;
}
