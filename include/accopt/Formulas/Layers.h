//===- Layers.h - Shapes of layers for published models ---------*- C++ -*-===//
//
// Part of AccOpt. Convolutions and matrix products as published cost models see
// them: sizes only, no data, no types. All extents count elements.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_FORMULAS_LAYERS_H
#define ACCOPT_FORMULAS_LAYERS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

namespace accopt::formulas {

/// `groups` independent products of an m x k by a k x n matrix.
struct GemmShape {
  int64_t m = 1, n = 1, k = 1;
  int64_t groups = 1;

  int64_t macs() const { return groups * m * n * k; }
};

/// What happens to the inputs that are left over where the stride does not
/// divide the way of the kernel: frameworks drop them (Down), SCALE-Sim makes
/// one more output of them (Up).
enum class Rounding { Down, Up };

/// A two-dimensional convolution. A depthwise one has as many groups as input
/// channels.
struct ConvShape {
  int64_t batch = 1;
  int64_t inputHeight = 1, inputWidth = 1, inputChannels = 1;
  int64_t kernelHeight = 1, kernelWidth = 1, outputChannels = 1;
  int64_t strideHeight = 1, strideWidth = 1;
  int64_t dilationHeight = 1, dilationWidth = 1;
  int64_t padTop = 0, padLeft = 0, padBottom = 0, padRight = 0;
  int64_t groups = 1;
  Rounding rounding = Rounding::Down;

  int64_t outputHeight() const;
  int64_t outputWidth() const;
  int64_t macs() const { return gemm().macs(); }
  /// The product after im2col: m = batch * output pixels, n = filters of a
  /// group, k = weights of a filter.
  GemmShape gemm() const;
};

/// n of every m weights along the reduction are kept.
struct SparsityRatio {
  int64_t n = 1, m = 1;
};

/// A row of a topology file.
struct Layer {
  std::string name;
  std::variant<ConvShape, GemmShape> shape;
  std::optional<SparsityRatio> sparsity;

  const ConvShape *conv() const { return std::get_if<ConvShape>(&shape); }
  GemmShape gemm() const;
};

/// No extent may exceed this, so that products of two fit 64 bits.
inline constexpr int64_t maxExtent = (int64_t(1) << 31) - 1;
/// No layer may have more multiply-accumulates: counts stay exact as doubles.
inline constexpr int64_t maxMacs = int64_t(1) << 53;

/// Fails where an extent is outside [1, maxExtent], a pad is negative, the
/// channels are not divisible by the groups, the kernel exceeds the padded
/// input, or there are more than maxMacs multiply-accumulates.
llvm::Error check(const ConvShape &shape);
llvm::Error check(const GemmShape &shape);

/// Parses "N:M" with 1 <= N <= M <= 65536.
llvm::Expected<SparsityRatio> parseSparsity(llvm::StringRef text);

/// ceil(a / b) for a >= 0, b > 0.
inline int64_t divideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }

} // namespace accopt::formulas

#endif // ACCOPT_FORMULAS_LAYERS_H
