//===- GemminiNest.h - A layer's loops over tiles ---------------*- C++ -*-===//
//
// What the parts of the Gemmini model share: the extents that the measured
// program computes, the tiles, and the geometry of one tile.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_FORMULAS_GEMMININEST_H
#define ACCOPT_FORMULAS_GEMMININEST_H

#include "accopt/Formulas/Gemmini.h"

#include <algorithm>

namespace accopt::formulas::gemmini {

inline constexpr unsigned N = unsigned(GemminiDim::N);
inline constexpr unsigned Q = unsigned(GemminiDim::Q);
inline constexpr unsigned P = unsigned(GemminiDim::P);
inline constexpr unsigned K = unsigned(GemminiDim::K);
inline constexpr unsigned S = unsigned(GemminiDim::S);
inline constexpr unsigned R = unsigned(GemminiDim::R);
inline constexpr unsigned C = unsigned(GemminiDim::C);

inline int64_t divideUp(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Input rows (or columns) along one edge of the image.
struct Edge {
  int64_t input = 1, stride = 1, dilation = 1, pad = 0;

  int64_t dilated(int64_t kernel) const {
    return kernel + (dilation - 1) * (kernel - 1);
  }
  /// Rows that `outputs` rows of outputs read, padding included.
  int64_t window(int64_t outputs, int64_t kernel) const {
    return outputs * stride + dilated(kernel) - 1;
  }
};

/// The rows that a tile reads along one edge.
struct Span {
  int64_t all = 1;    ///< with padding
  int64_t inside = 1; ///< without
  int64_t fresh = 1;  ///< those that the tile before along this edge lacks
};

/// A layer as the program runs it.
class Nest {
public:
  Nest(const GemminiLayer &layer, const GemminiMapping &mapping,
       const GemminiMachine &machine);

  bool isMatmul;
  GemminiExtents extent, tile, count;
  std::array<unsigned, numGemminiDims> order;    ///< dimension of each loop
  std::array<unsigned, numGemminiDims> position; ///< loop of each dimension
  Edge height, width;

  int64_t tiles() const;
  Span rows(const GemminiExtents &index, const GemminiExtents &size) const;
  Span columns(const GemminiExtents &index, const GemminiExtents &size) const;

private:
  Span span(const Edge &edge, unsigned output, unsigned kernel,
            const GemminiExtents &index, const GemminiExtents &size) const;
};

/// The extents that the measured program loops over.
GemminiExtents programExtents(const GemminiLayer &layer);

/// Scratchpad rows of a tile's inputs and weights, as gemmini.h counts them
/// (tiled_conv_total_spad_rows).
int64_t scratchpadRows(const GemminiExtents &tile, const Edge &height,
                       const Edge &width, int64_t dim);
/// The same for its products.
int64_t matmulScratchpadRows(const GemminiExtents &tile, int64_t dim);

} // namespace accopt::formulas::gemmini

#endif // ACCOPT_FORMULAS_GEMMININEST_H
