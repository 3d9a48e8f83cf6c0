//===- OperandNest.cpp - Energy with a hierarchy per operand --------------===//

#include "accopt/Formulas/OperandNest.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace llvm;
using namespace accopt::formulas;

using Loops = ArrayRef<OperandLoop>;

static Error fail(const Twine &message) {
  return createStringError(inconvertibleErrorCode(), message);
}

/// Fractions of fan-outs may leave a half; the package rounds it to even.
static double nearest(double value) { return std::nearbyint(value); }

static double product(Loops loops) {
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

/// Different values of stride p + r for `outputs` of p and `kernel` of r.
static int64_t inputLines(int64_t stride, int64_t outputs, int64_t kernel) {
  return outputs * kernel -
         std::max<int64_t>(0, kernel - stride) * (outputs - 1);
}

namespace {

/// The memories of one operand.
class Hierarchy {
public:
  Hierarchy(const OperandNest &nest, ConvTensor tensor)
      : nest(nest), tensor(tensor), operand(nest.operands[tensor]) {
    for (const OperandMemory &memory : operand.memories)
      cuts.push_back(memory.loops);
    for (size_t m = 0; m + 1 < cuts.size(); ++m)
      while (cuts[m] < cuts[m + 1] && !isConcerned(cuts[m]))
        ++cuts[m];
  }

  double energy() const {
    double result = 0;
    for (size_t m = 0; m < operand.memories.size(); ++m)
      result += tensor == ConvOutputs ? outputEnergy(m) : inputEnergy(m);
    return result;
  }

private:
  bool isConcerned(size_t loop) const {
    return concerns(tensor, nest.loops[loop].dimension);
  }

  /// Elements of the tile that loops make.
  double tile(std::initializer_list<Loops> groups) const {
    std::array<double, 7> extents;
    extents.fill(1);
    for (Loops loops : groups)
      for (const OperandLoop &loop : loops)
        extents[loop.dimension] *= loop.count;
    if (tensor == ConvWeights)
      return extents[DimC] * extents[DimM] * extents[DimR] * extents[DimS];
    if (tensor == ConvOutputs)
      return extents[DimN] * extents[DimM] * extents[DimP] * extents[DimQ];
    auto lines = [&](int64_t stride, ConvDimension outputs,
                     ConvDimension kernel, int64_t most) {
      return double(std::min(most, inputLines(stride, int64_t(extents[outputs]),
                                              int64_t(extents[kernel]))));
    };
    return extents[DimN] * extents[DimC] *
           lines(nest.strideHeight, DimP, DimR, nest.inputHeight) *
           lines(nest.strideWidth, DimQ, DimS, nest.inputWidth);
  }

  /// The fan-outs of memories [begin, end) in one list.
  std::vector<OperandLoop> fanOuts(size_t begin, size_t end) const {
    std::vector<OperandLoop> result;
    for (size_t m = begin; m < end; ++m)
      append_range(result, operand.memories[m].fanOut);
    return result;
  }

  /// Inside memory `m`; -1 is the arithmetic.
  Loops loopsOf(int m) const {
    return Loops(nest.loops).take_front(m < 0 ? 0 : cuts[size_t(m)]);
  }

  double held(int m) const {
    return nearest(tile({loopsOf(m), fanOuts(0, size_t(m + 1))}));
  }

  /// Different tiles among what lies directly below memory `m`.
  double distinct(size_t m) const {
    return nearest(tile({fanOuts(0, m + 1)}) / tile({fanOuts(0, m)}));
  }

  /// Units in all under memories from `m` up.
  double unitsBelow(size_t m) const {
    return nearest(product(fanOuts(m, operand.memories.size())));
  }

  /// Steps in which what memory `m` holds is another one.
  double turns(int m) const {
    double inside = product(loopsOf(m));
    // Below the first memory an input stays while loops do not concern it.
    for (size_t i = 0;
         m < 0 && tensor != ConvOutputs && i < cuts[0] && !isConcerned(i); ++i)
      inside *= nest.loops[i].count;
    return std::floor(product(nest.loops) / inside);
  }

  double accesses(size_t m, double elements, int64_t bits, double times) const {
    const OperandMemory &memory = operand.memories[m];
    double narrow =
        std::ceil(elements * double(bits) / double(memory.narrowest));
    return std::floor(narrow *
                      (double(memory.narrowest) / double(memory.widest)) *
                      times * unitsBelow(m + 1));
  }

  double below(size_t m, int64_t bits) const {
    return accesses(m, held(int(m) - 1) * distinct(m), bits, turns(int(m) - 1));
  }
  double above(size_t m, int64_t bits) const {
    return accesses(m, held(int(m)), bits, turns(int(m)));
  }
  bool isOutermost(size_t m) const { return m + 1 == operand.memories.size(); }

  double inputEnergy(size_t m) const {
    const OperandMemory &memory = operand.memories[m];
    double energy = below(m, operand.bits) * memory.readPrice;
    if (!isOutermost(m))
      energy += above(m, operand.bits) * memory.writePrice;
    return energy;
  }

  /// Whether sums that memory `m` holds (-1: the arithmetic makes) are added
  /// to by a loop or a fan-out further out.
  bool isPartial(int m) const {
    auto adds = [&](const OperandLoop &loop) {
      return loop.count > 1 && !concerns(ConvOutputs, loop.dimension);
    };
    return any_of(Loops(nest.loops).drop_front(loopsOf(m).size()), adds) ||
           any_of(fanOuts(size_t(m + 2), operand.memories.size()), adds);
  }

  double outputEnergy(size_t m) const {
    const OperandMemory &memory = operand.memories[m];
    bool isAddedTo = isPartial(int(m) - 1);
    int64_t bits = isAddedTo ? operand.bits : operand.finalBits;
    double energy = below(m, bits) *
                    (memory.writePrice + (isAddedTo ? memory.readPrice : 0));
    if (isOutermost(m))
      return energy;
    bool comesBack = isPartial(int(m));
    bits = comesBack ? operand.bits : operand.finalBits;
    return energy + above(m, bits) * (memory.readPrice +
                                      (comesBack ? memory.writePrice : 0));
  }

  const OperandNest &nest;
  const ConvTensor tensor;
  const Operand &operand;
  std::vector<size_t> cuts; ///< loops inside each memory
};

} // namespace

static Error checkLoops(Loops loops) {
  for (const OperandLoop &loop : loops)
    if (!(loop.count >= 1) || loop.dimension > DimS)
      return fail("expected loops over a dimension of at least 1");
  return Error::success();
}

static Error check(const OperandNest &nest) {
  if (Error error = checkLoops(nest.loops))
    return error;
  double units = 0;
  for (const Operand &operand : nest.operands) {
    if (operand.memories.empty() ||
        operand.memories.back().loops != nest.loops.size())
      return fail("expected an outermost memory with all loops");
    size_t cut = 0;
    double product = 1;
    for (const OperandMemory &memory : operand.memories) {
      if (memory.loops < cut || memory.loops > nest.loops.size())
        return fail("expected memories with loops in order");
      cut = memory.loops;
      if (memory.narrowest < 1 || memory.widest < memory.narrowest)
        return fail("expected accesses of at least 1 bit");
      if (Error error = checkLoops(memory.fanOut))
        return error;
      product *= ::product(memory.fanOut);
    }
    if (units != 0 && std::abs(product - units) > 1e-6 * units)
      return fail("expected fan-outs of one product, got " +
                  std::to_string(units) + " and " + std::to_string(product));
    units = product;
  }
  if (!(product(nest.loops) * units <= 0x1p53))
    return fail("expected at most 2^53 multiply-accumulates");
  return Error::success();
}

Expected<OperandNestCost>
accopt::formulas::operandNestCost(const OperandNest &nest) {
  if (Error error = check(nest))
    return std::move(error);
  OperandNestCost cost;
  cost.cycles = product(nest.loops);
  for (const OperandMemory &memory : nest.operands[ConvWeights].memories)
    cost.macs = (cost.macs == 0 ? 1 : cost.macs) * product(memory.fanOut);
  cost.macs = nearest(cost.macs * cost.cycles);
  cost.macEnergy = cost.macs * nest.macPrice;
  for (ConvTensor tensor : {ConvWeights, ConvInputs, ConvOutputs})
    cost.energy[tensor] = Hierarchy(nest, tensor).energy();
  return cost;
}
