//===- GemminiNest.cpp - A layer's loops over tiles -----------------------===//

#include "GemminiNest.h"

using namespace accopt::formulas;
using namespace accopt::formulas::gemmini;

/// Outputs along an edge of `outputs * stride` inputs that are padded by half
/// the kernel: gemmini-data-collection/templates/conv_tilings.c.
static int64_t programOutputs(int64_t outputs, int64_t stride, int64_t kernel) {
  return (outputs * stride + 2 * (kernel / 2) - kernel) / stride + 1;
}

GemminiExtents gemmini::programExtents(const GemminiLayer &layer) {
  GemminiExtents extent;
  extent[N] = layer.n;
  extent[Q] = layer.q;
  extent[P] = layer.p;
  extent[K] = layer.k;
  extent[S] = layer.s;
  extent[R] = layer.r;
  extent[C] = layer.c;
  if (!layer.isMatmul()) {
    extent[Q] = programOutputs(layer.q, layer.strideHeight, layer.s);
    extent[P] = programOutputs(layer.p, layer.strideWidth, layer.r);
  }
  return extent;
}

Nest::Nest(const GemminiLayer &layer, const GemminiMapping &mapping,
           const GemminiMachine &machine)
    : isMatmul(layer.isMatmul()), extent(programExtents(layer)),
      tile(mapping.tile) {
  if (isMatmul)
    // tiled_matmul takes tiles in blocks of the mesh's size.
    for (unsigned d : {P, K, C})
      tile[d] = std::max<int64_t>(1, tile[d] / machine.dim) * machine.dim;
  for (unsigned d = 0; d < numGemminiDims; ++d)
    count[d] = divideUp(extent[d], tile[d]);
  for (unsigned i = 0; i < numGemminiDims; ++i) {
    order[i] = unsigned(mapping.order[i]);
    position[order[i]] = i;
  }
  if (isMatmul) {
    width.input = layer.p;
    return;
  }
  height = {layer.q * layer.strideHeight, layer.strideHeight, layer.dilation,
            layer.s / 2};
  width = {layer.p * layer.strideWidth, layer.strideWidth, layer.dilation,
           layer.r / 2};
}

int64_t Nest::tiles() const {
  int64_t product = 1;
  for (int64_t n : count)
    product *= n;
  return product;
}

Span Nest::span(const Edge &edge, unsigned output, unsigned kernel,
                const GemminiExtents &index, const GemminiExtents &size) const {
  int64_t shift = index[kernel] * tile[kernel] * edge.dilation - edge.pad;
  int64_t start = index[output] * tile[output] * edge.stride + shift;
  Span span;
  span.all = edge.window(size[output], size[kernel]);
  int64_t end = std::min(edge.input, start + span.all);
  span.inside = std::max<int64_t>(0, end - std::max<int64_t>(0, start));
  span.fresh = span.inside;
  if (index[output] > 0) {
    int64_t before =
        std::min(edge.input, start - tile[output] * edge.stride +
                                 edge.window(tile[output], size[kernel]));
    span.fresh = std::clamp<int64_t>(end - before, 0, span.inside);
  }
  return span;
}

Span Nest::rows(const GemminiExtents &index, const GemminiExtents &size) const {
  return isMatmul ? Span() : span(height, Q, S, index, size);
}

Span Nest::columns(const GemminiExtents &index,
                   const GemminiExtents &size) const {
  if (isMatmul)
    return {size[P], size[P], size[P]};
  return span(width, P, R, index, size);
}

int64_t gemmini::scratchpadRows(const GemminiExtents &tile, const Edge &height,
                                const Edge &width, int64_t dim) {
  int64_t pixels = tile[N] * height.window(tile[Q], tile[S]) *
                   width.window(tile[P], tile[R]);
  return divideUp(tile[C], dim) * pixels +
         divideUp(tile[K], dim) * tile[S] * tile[R] * tile[C];
}

int64_t gemmini::matmulScratchpadRows(const GemminiExtents &tile, int64_t dim) {
  return divideUp(tile[C], dim) * tile[N] * tile[P] +
         divideUp(tile[K], dim) * tile[C];
}
