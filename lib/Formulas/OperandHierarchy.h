//===- OperandHierarchy.h - What an operand's memories hold -----*- C++ -*-===//
//
// Part of AccOpt. Tiles and periods of one operand's memories under a mapping,
// which the energy and the cycles of operand nests are made of. Memories count
// from the arithmetic out; -1 is the arithmetic.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_FORMULAS_OPERANDHIERARCHY_H
#define ACCOPT_FORMULAS_OPERANDHIERARCHY_H

#include "accopt/Formulas/OperandNest.h"

#include "llvm/ADT/ArrayRef.h"

#include <initializer_list>
#include <vector>

namespace accopt::formulas {

/// Refuses what operandNestCost says it refuses.
llvm::Error checkOperandNest(const OperandNest &nest);

double product(llvm::ArrayRef<OperandLoop> loops);

/// The memories of one operand of a nest that has been checked and outlives it.
class OperandHierarchy {
public:
  OperandHierarchy(const OperandNest &nest, ConvTensor tensor);

  size_t size() const { return cuts.size(); }

  /// Elements that one memory `m` holds.
  double held(int m) const;
  /// Elements that go through the lower side of memory `m` in a turn.
  double movedBelow(size_t m) const { return held(int(m) - 1) * distinct(m); }
  /// Different tiles among what lies directly below memory `m`.
  double distinct(size_t m) const;
  /// Units in all under memories from `m` up.
  double unitsBelow(size_t m) const;

  /// Steps for which what memory `m` holds stays the same.
  double period(int m) const;
  /// How often what memory `m` holds is another one.
  double turns(int m) const;
  /// Of a period, how many parts end with the tile that it began with: the
  /// outermost loops of memory `m` that do not concern the operand.
  double repeats(int m) const;
  /// Parts of what memory `m` holds that are used one after another, never to
  /// be needed again: its outermost loops that only the operand is made of.
  double discards(int m) const;

  /// Whether sums that memory `m` holds are added to further out.
  bool isPartial(int m) const;
  /// Of an element that memory `m` holds.
  int64_t bits(int m) const;

private:
  using Loops = llvm::ArrayRef<OperandLoop>;

  bool isConcerned(size_t loop) const;
  double tile(std::initializer_list<Loops> groups) const;
  std::vector<OperandLoop> fanOuts(size_t begin, size_t end) const;
  Loops loopsOf(int m) const;
  /// Those of memory `m` and of none further in.
  Loops ownLoops(int m) const;

  const OperandNest &nest;
  const ConvTensor tensor;
  const Operand &operand;
  std::vector<size_t> cuts; ///< loops inside each memory
};

} // namespace accopt::formulas

#endif // ACCOPT_FORMULAS_OPERANDHIERARCHY_H
