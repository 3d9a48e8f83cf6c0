//===- OperandNestText.h - Short forms of loops and ports -------*- C++ -*-===//
//
// Part of AccOpt. For the tests of operand nests.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TEST_UNIT_OPERANDNESTTEXT_H
#define ACCOPT_TEST_UNIT_OPERANDNESTTEXT_H

#include "accopt/Formulas/OperandLatency.h"
#include "accopt/Formulas/OperandNest.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringRef.h"

#include <gtest/gtest.h>

namespace accopt::formulas {

/// "M32 C3.5": loops, dimension and count.
inline std::vector<OperandLoop> loopsOf(llvm::StringRef text) {
  std::vector<OperandLoop> loops;
  llvm::SmallVector<llvm::StringRef> words;
  llvm::SplitString(text, words);
  for (llvm::StringRef word : words) {
    double count = 0;
    EXPECT_FALSE(word.drop_front().getAsDouble(count));
    loops.push_back(
        {ConvDimension(llvm::StringRef("NCMPQRS").find(word.front())), count});
  }
  return loops;
}

/// "I0:tl O1:fl": memories of operands and, as the package has it, from or to
/// low or high.
inline MemoryPort port(int64_t bits, llvm::StringRef uses) {
  MemoryPort port{bits, {}};
  llvm::SmallVector<llvm::StringRef> words;
  llvm::SplitString(uses, words);
  for (llvm::StringRef word : words) {
    auto [memory, transfer] = word.split(':');
    PortUse use;
    use.tensor = ConvTensor(llvm::StringRef("WIO").find(memory.front()));
    EXPECT_FALSE(memory.drop_front().getAsInteger(10, use.memory));
    use.transfer = transfer == "tl"   ? Transfer::ReadBelow
                   : transfer == "fl" ? Transfer::WriteBelow
                   : transfer == "th" ? Transfer::ReadAbove
                                      : Transfer::WriteAbove;
    port.uses.push_back(use);
  }
  return port;
}

} // namespace accopt::formulas

#endif // ACCOPT_TEST_UNIT_OPERANDNESTTEXT_H
