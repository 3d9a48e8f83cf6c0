//===- OperandNest.cpp - Energy with a hierarchy per operand --------------===//

#include "accopt/Formulas/OperandNest.h"

#include "OperandHierarchy.h"

#include "llvm/ADT/Twine.h"

#include <cmath>

using namespace llvm;
using namespace accopt::formulas;

static Error fail(const Twine &message) {
  return createStringError(inconvertibleErrorCode(), message);
}

namespace {

/// The accesses to one operand's memories, priced.
class OperandEnergy {
public:
  OperandEnergy(const OperandNest &nest, ConvTensor tensor)
      : tensor(tensor), operand(nest.operands[tensor]),
        hierarchy(nest, tensor) {}

  double total() const {
    double result = 0;
    for (size_t m = 0; m < operand.memories.size(); ++m)
      result += tensor == ConvOutputs ? outputEnergy(m) : inputEnergy(m);
    return result;
  }

private:
  /// Of memory `m` for `elements` in each turn of what memory `turning` holds.
  double accesses(size_t m, double elements, int turning) const {
    const OperandMemory &memory = operand.memories[m];
    double narrow = std::ceil(elements * double(hierarchy.bits(turning)) /
                              double(memory.narrowest));
    return std::floor(narrow *
                      (double(memory.narrowest) / double(memory.widest)) *
                      hierarchy.turns(turning) * hierarchy.unitsBelow(m + 1));
  }

  double below(size_t m) const {
    return accesses(m, hierarchy.movedBelow(m), int(m) - 1);
  }
  double above(size_t m) const {
    return accesses(m, hierarchy.held(int(m)), int(m));
  }
  bool isOutermost(size_t m) const { return m + 1 == operand.memories.size(); }

  double inputEnergy(size_t m) const {
    const OperandMemory &memory = operand.memories[m];
    double energy = below(m) * memory.readPrice;
    if (!isOutermost(m))
      energy += above(m) * memory.writePrice;
    return energy;
  }

  double outputEnergy(size_t m) const {
    const OperandMemory &memory = operand.memories[m];
    bool isAddedTo = hierarchy.isPartial(int(m) - 1);
    double energy =
        below(m) * (memory.writePrice + (isAddedTo ? memory.readPrice : 0));
    if (isOutermost(m))
      return energy;
    bool comesBack = hierarchy.isPartial(int(m));
    return energy +
           above(m) * (memory.readPrice + (comesBack ? memory.writePrice : 0));
  }

  const ConvTensor tensor;
  const Operand &operand;
  const OperandHierarchy hierarchy;
};

} // namespace

/// Costs take time with the product of memories and loops; mappings have some
/// five and fifty.
static constexpr size_t mostMemories = 64, mostLoops = 1024;

static Error checkLoops(ArrayRef<OperandLoop> loops) {
  if (loops.size() > mostLoops)
    return fail("expected at most " + Twine(mostLoops) + " loops, got " +
                Twine(loops.size()));
  for (const OperandLoop &loop : loops)
    if (!(loop.count >= 1) || loop.dimension > DimS)
      return fail("expected loops over a dimension of at least 1");
  return Error::success();
}

static Error checkPrice(double price) {
  if (price >= 0 && price <= 1e12)
    return Error::success();
  return fail("expected prices of 0 to 1e12 pJ, got " + std::to_string(price));
}

Error accopt::formulas::checkOperandNest(const OperandNest &nest) {
  if (Error error = checkLoops(nest.loops))
    return error;
  if (Error error = checkPrice(nest.macPrice))
    return error;
  double units = 0;
  for (const Operand &operand : nest.operands) {
    if (operand.memories.empty() ||
        operand.memories.back().loops != nest.loops.size())
      return fail("expected an outermost memory with all loops");
    if (operand.memories.size() > mostMemories)
      return fail("expected at most " + Twine(mostMemories) +
                  " memories of an operand, got " +
                  Twine(operand.memories.size()));
    size_t cut = 0;
    double together = 1;
    for (const OperandMemory &memory : operand.memories) {
      if (memory.loops < cut || memory.loops > nest.loops.size())
        return fail("expected memories with loops in order");
      cut = memory.loops;
      if (memory.narrowest < 1 || memory.widest < memory.narrowest)
        return fail("expected accesses of at least 1 bit");
      for (double price : {memory.readPrice, memory.writePrice})
        if (Error error = checkPrice(price))
          return error;
      if (Error error = checkLoops(memory.fanOut))
        return error;
      together *= product(memory.fanOut);
    }
    // Of each operand, as infinities compare as if they were close.
    if (!(product(nest.loops) * together <= 0x1p53))
      return fail("expected at most 2^53 multiply-accumulates");
    if (units != 0 && std::abs(together - units) > 1e-6 * units)
      return fail("expected fan-outs of one product, got " +
                  std::to_string(units) + " and " + std::to_string(together));
    units = together;
  }
  return Error::success();
}

Expected<OperandNestCost>
accopt::formulas::operandNestCost(const OperandNest &nest) {
  if (Error error = checkOperandNest(nest))
    return std::move(error);
  OperandNestCost cost;
  cost.cycles = product(nest.loops);
  for (const OperandMemory &memory : nest.operands[ConvWeights].memories)
    cost.macs = (cost.macs == 0 ? 1 : cost.macs) * product(memory.fanOut);
  cost.macs = std::nearbyint(cost.macs * cost.cycles);
  cost.macEnergy = cost.macs * nest.macPrice;
  for (ConvTensor tensor : {ConvWeights, ConvInputs, ConvOutputs})
    cost.energy[tensor] = OperandEnergy(nest, tensor).total();
  return cost;
}
