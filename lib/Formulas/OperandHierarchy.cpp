//===- OperandHierarchy.cpp - What an operand's memories hold -------------===//

#include "OperandHierarchy.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <array>
#include <cmath>

using namespace llvm;
using namespace accopt::formulas;

/// Fractions of fan-outs may leave a half; the package rounds it to even.
static double nearest(double value) { return std::nearbyint(value); }

double accopt::formulas::product(ArrayRef<OperandLoop> loops) {
  double result = 1;
  for (const OperandLoop &loop : loops)
    result *= loop.count;
  return result;
}

static bool concerns(ConvTensor tensor, ConvDimension dimension) {
  switch (dimension) {
  case DimN:
    return tensor != ConvWeights;
  case DimC:
    return tensor != ConvOutputs;
  case DimM:
    return tensor != ConvInputs;
  case DimP:
  case DimQ:
    return tensor != ConvWeights;
  case DimR:
  case DimS:
    return tensor != ConvOutputs;
  }
  return false;
}

/// Whether another step along `dimension` is another tile with nothing in
/// common: not so for inputs under a window.
static bool makes(ConvTensor tensor, ConvDimension dimension) {
  bool slides = tensor == ConvInputs && dimension != DimN && dimension != DimC;
  return concerns(tensor, dimension) && !slides;
}

/// Different values of stride p + r for `outputs` of p and `kernel` of r.
static int64_t inputLines(int64_t stride, int64_t outputs, int64_t kernel) {
  return outputs * kernel -
         std::max<int64_t>(0, kernel - stride) * (outputs - 1);
}

OperandHierarchy::OperandHierarchy(const OperandNest &nest, ConvTensor tensor)
    : nest(nest), tensor(tensor), operand(nest.operands[tensor]) {
  for (const OperandMemory &memory : operand.memories)
    cuts.push_back(memory.loops);
  // From the outside in: a loop may pass through several memories.
  for (size_t m = cuts.size() - 1; m-- > 0;)
    while (cuts[m] < cuts[m + 1] && !isConcerned(cuts[m]))
      ++cuts[m];
}

bool OperandHierarchy::isConcerned(size_t loop) const {
  return concerns(tensor, nest.loops[loop].dimension);
}

/// Elements of the tile that loops make.
double OperandHierarchy::tile(std::initializer_list<Loops> groups) const {
  std::array<double, 7> extents;
  extents.fill(1);
  for (Loops loops : groups)
    for (const OperandLoop &loop : loops)
      extents[loop.dimension] *= loop.count;
  if (tensor == ConvWeights)
    return extents[DimC] * extents[DimM] * extents[DimR] * extents[DimS];
  if (tensor == ConvOutputs)
    return extents[DimN] * extents[DimM] * extents[DimP] * extents[DimQ];
  auto lines = [&](int64_t stride, ConvDimension outputs, ConvDimension kernel,
                   int64_t most) {
    return double(std::min(most, inputLines(stride, int64_t(extents[outputs]),
                                            int64_t(extents[kernel]))));
  };
  return extents[DimN] * extents[DimC] *
         lines(nest.strideHeight, DimP, DimR, nest.inputHeight) *
         lines(nest.strideWidth, DimQ, DimS, nest.inputWidth);
}

/// The fan-outs of memories [begin, end) in one list.
std::vector<OperandLoop> OperandHierarchy::fanOuts(size_t begin,
                                                   size_t end) const {
  std::vector<OperandLoop> result;
  for (size_t m = begin; m < end; ++m)
    append_range(result, operand.memories[m].fanOut);
  return result;
}

ArrayRef<OperandLoop> OperandHierarchy::loopsOf(int m) const {
  return Loops(nest.loops).take_front(m < 0 ? 0 : cuts[size_t(m)]);
}

ArrayRef<OperandLoop> OperandHierarchy::ownLoops(int m) const {
  return m < 0 ? Loops() : loopsOf(m).drop_front(loopsOf(m - 1).size());
}

double OperandHierarchy::held(int m) const {
  return nearest(tile({loopsOf(m), fanOuts(0, size_t(m) + 1)}));
}

double OperandHierarchy::distinct(size_t m) const {
  return nearest(tile({fanOuts(0, m + 1)}) / tile({fanOuts(0, m)}));
}

double OperandHierarchy::unitsBelow(size_t m) const {
  return nearest(product(fanOuts(m, operand.memories.size())));
}

double OperandHierarchy::period(int m) const {
  double inside = product(loopsOf(m));
  // Below the first memory an input stays while loops do not concern it.
  for (size_t i = 0;
       m < 0 && tensor != ConvOutputs && i < cuts[0] && !isConcerned(i); ++i)
    inside *= nest.loops[i].count;
  return inside;
}

double OperandHierarchy::turns(int m) const {
  return std::floor(product(nest.loops) / period(m));
}

double OperandHierarchy::repeats(int m) const {
  double result = 1;
  for (const OperandLoop &loop : reverse(ownLoops(m))) {
    if (concerns(tensor, loop.dimension))
      break;
    result *= loop.count;
  }
  return result;
}

double OperandHierarchy::discards(int m) const {
  double result = 1;
  for (const OperandLoop &loop : reverse(ownLoops(m))) {
    if (!makes(tensor, loop.dimension))
      break;
    result *= loop.count;
  }
  return result;
}

bool OperandHierarchy::isPartial(int m) const {
  auto adds = [&](const OperandLoop &loop) {
    return loop.count > 1 && !concerns(ConvOutputs, loop.dimension);
  };
  return tensor == ConvOutputs &&
         (any_of(Loops(nest.loops).drop_front(loopsOf(m).size()), adds) ||
          any_of(fanOuts(size_t(m) + 2, operand.memories.size()), adds));
}

int64_t OperandHierarchy::bits(int m) const {
  return tensor != ConvOutputs || isPartial(m) ? operand.bits
                                               : operand.finalBits;
}
