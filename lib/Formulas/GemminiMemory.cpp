//===- GemminiMemory.cpp - DMA requests, and what the caches have ---------===//
//
// Reuse is found per loop, not per access. Between two iterations of a loop the
// nest uses the footprint of the loops inside of it; the part that the next
// iteration uses again is live, the rest streams through. Both caches replace
// at random, so the live part survives with hitRate(). A tile's lines were used
// last in the innermost loop outside of which they do not change, or by the
// neighbouring tile where tiles share lines: halos of images, and rows cut
// inside a line.
//
//===----------------------------------------------------------------------===//

#include "GemminiMemory.h"

#include <cmath>
#include <numeric>

using namespace accopt::formulas;
using namespace accopt::formulas::gemmini;

/// Adds the requests for `bytes` at `offset`.
static void addRequests(int64_t offset, int64_t bytes,
                        const GemminiMachine &machine, RowTraffic &row) {
  while (bytes > 0) {
    int64_t best = 0, bestSize = 0;
    for (int64_t size = machine.beatBytes; size <= machine.lineBytes; size *= 2)
      if (int64_t read = std::min(size - offset % size, bytes); read > best) {
        best = read;
        bestSize = size;
      }
    int64_t beats = bestSize / machine.beatBytes;
    row.cycles += std::max(double(beats), machine.requestCycles);
    offset += best;
    bytes -= best;
  }
}

RowTraffic gemmini::rowTraffic(int64_t rowBytes, int64_t offset, int64_t bytes,
                               const GemminiMachine &machine) {
  const int64_t line = machine.lineBytes;
  // Offsets in a line repeat after this many rows.
  const int64_t period = line / std::gcd(rowBytes, line);
  RowTraffic sum;
  for (int64_t i = 0; i < period; ++i) {
    int64_t start = offset + i * rowBytes, last = start / line - 1;
    int64_t lines = divideUp(start + bytes, line) - start / line;
    sum.lines += double(lines);
    for (int64_t at = start; at < start + bytes; at += line) {
      int64_t length = std::min(line, start + bytes - at);
      addRequests(at, length, machine, sum);
      int64_t end = (at + length - 1) / line;
      sum.runs += end > last;
      last = end;
    }
  }
  sum.cycles /= double(period);
  sum.lines /= double(period);
  sum.runs /= double(period);
  return sum;
}

double gemmini::hitRate(double live, double streaming, double lines) {
  if (streaming <= 0 && live <= lines)
    return 1;
  // From below, the iteration rises to the least fixed point.
  double rate = 0;
  for (int i = 0; i < 200; ++i) {
    double next = std::exp(-(streaming + (1 - rate) * live) / lines);
    if (std::fabs(next - rate) < 1e-7)
      break;
    rate = next;
  }
  return rate;
}

/// Whether a tile of the tensor changes with the dimension. Kernel rows and
/// columns move the window over the inputs.
static bool dependsOn(Tensor tensor, unsigned dim) {
  switch (tensor) {
  case Tensor::Input:
    return dim != K;
  case Tensor::Weights:
    return dim == K || dim == S || dim == R || dim == C;
  case Tensor::Output:
    return dim == N || dim == Q || dim == P || dim == K;
  }
  return false;
}

Reuse::Reuse(const Nest &nest, const GemminiMachine &machine, bool isWarm)
    : nest(nest), machine(machine) {
  constexpr Tensor tensors[] = {Tensor::Input, Tensor::Weights, Tensor::Output};
  GemminiExtents box = nest.tile;
  for (unsigned i = numGemminiDims; i-- > 0;) {
    double live = 0, streaming = 0;
    for (Tensor tensor : tensors) {
      double lines = footprint(tensor, box);
      double share = newShare(tensor, nest.order[i], box);
      streaming += lines * share;
      live += lines * (1 - share);
    }
    afterLoop[i] = missCycles(live, streaming);
    box[nest.order[i]] = nest.extent[nest.order[i]];
  }
  double total = 0;
  for (Tensor tensor : tensors)
    total += footprint(tensor, box);
  firstUse = missCycles(total, 0);
  if (!isWarm)
    firstUse = std::max(firstUse, machine.coldLines * machine.llcLineCycles);

  // Rows of weights a power of two apart share few sets of L2.
  const int64_t line = machine.lineBytes, tileK = nest.tile[K];
  if (tileK >= nest.extent[K] || nest.extent[K] < line)
    return;
  double spacing = double(std::gcd(nest.extent[K] / line, machine.l2Sets));
  double touched = double(divideUp(tileK, line));
  double rows = double(nest.tile[S] * nest.tile[R] * nest.tile[C]);
  double share = std::min(1.0, double(tileK) / double(line));
  double sets = std::min(1.0, touched / spacing);
  int64_t lines = machine.l2Bytes / line;
  double hits = hitRate(rows * touched * (1 - share), rows * touched * share,
                        double(lines) * sets);
  selfConflict = (1 - hits) * machine.llcLineCycles;
}

double Reuse::missCycles(double live, double streaming) const {
  double line = double(machine.lineBytes);
  double l2 = hitRate(live, streaming, double(machine.l2Bytes) / line);
  double llc = hitRate(live, streaming, double(machine.llcBytes) / line);
  return (1 - l2) *
         (llc * machine.llcLineCycles + (1 - llc) * machine.dramLineCycles);
}

/// Lines of the tensor in a box of the nest.
double Reuse::footprint(Tensor tensor, const GemminiExtents &box) const {
  double line = double(machine.lineBytes);
  double rows;
  unsigned channel = tensor == Tensor::Input ? C : K;
  switch (tensor) {
  case Tensor::Input: {
    int64_t high = 1, wide = box[P];
    if (!nest.isMatmul) {
      high = std::min(nest.height.input, (box[Q] - 1) * nest.height.stride +
                                             nest.height.dilated(box[S]));
      wide = std::min(nest.width.input, (box[P] - 1) * nest.width.stride +
                                            nest.width.dilated(box[R]));
    }
    rows = double(box[N] * high * wide);
    break;
  }
  case Tensor::Weights:
    rows = double(box[S] * box[R] * box[C]);
    break;
  case Tensor::Output:
    rows = double(box[N] * box[Q] * box[P]);
    break;
  }
  if (box[channel] == nest.extent[channel])
    return std::max(1.0, rows * double(box[channel]) / line);
  return rows * double(divideUp(box[channel], machine.lineBytes));
}

/// The part of the tensor's lines in `box` that the next iteration of the loop
/// over `dim` does not use again.
double Reuse::newShare(Tensor tensor, unsigned dim,
                       const GemminiExtents &box) const {
  if (!dependsOn(tensor, dim))
    return 0;
  double line = double(machine.lineBytes), size = double(box[dim]);
  bool isChannel = dim == (tensor == Tensor::Input ? C : K);
  if (isChannel)
    return box[dim] < nest.extent[dim] ? std::min(1.0, size / line) : 1;
  if (tensor != Tensor::Input)
    return 1;
  auto fresh = [&](const Edge &edge, unsigned kernel) {
    double step = size * double(edge.stride);
    return step / (step + double(edge.dilated(nest.extent[kernel]) - 1));
  };
  if (dim == Q)
    return fresh(nest.height, S);
  if (dim == P)
    return fresh(nest.width, R);
  return dim == S || dim == R ? 0 : 1;
}

double Reuse::of(Tensor tensor, const GemminiExtents &index) const {
  for (unsigned i = numGemminiDims; i-- > 0;)
    if (!dependsOn(tensor, nest.order[i]) && index[nest.order[i]] > 0)
      return afterLoop[i];
  return firstUse;
}
