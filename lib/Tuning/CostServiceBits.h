//===- CostServiceBits.h - A network whose bits change ----------*- C++ -*-===//
//
// Part of AccOpt. What bits per layer become in the layers of the machine is
// learned from the compiler: it compiles the network a few times with bits that
// number the layers, and reads the numbers where they come out.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_TUNING_COSTSERVICEBITS_H
#define ACCOPT_LIB_TUNING_COSTSERVICEBITS_H

#include "CostServiceModel.h"

#include "accopt/Schedule/CostQuery.h"

#include <optional>

namespace accopt {

/// A fused float function, compiled at 8 bits, that can be asked with others.
class BitNetwork {
public:
  /// `bytecode` is of a function without weights. Fails as the compiler does.
  static llvm::Expected<std::unique_ptr<BitNetwork>>
  read(llvm::StringRef bytecode, CostCache &cache);

  /// Sets the layers' bits. False where it is not known what they become: for
  /// names of no layer, where all have 8, and where the compiler makes other
  /// layers of them.
  bool setBits(const BitAssignment &bits);
  CostQuery &query() { return *layers; }
  /// The bits asked for the layer with weights that became layer `index`.
  LayerBits bitsOf(size_t index, const BitAssignment &bits) const;

private:
  /// Where the bits of a layer of the machine come from: the number of the
  /// float layer whose weights' bits it has, and of the classes of activations
  /// (planQuantization()) that its input and output are of; -1 for none.
  struct Source {
    int weights = -1, input = -1, output = -1;
  };

  bool readClasses(llvm::StringRef bytecode);
  bool learn(llvm::StringRef bytecode);
  bool check(llvm::StringRef bytecode, unsigned seed);
  std::vector<CostQuery::Bits> expected(const BitAssignment &bits) const;

  CompiledLayers compiled;
  std::optional<CostQuery> layers;
  std::vector<CostQuery::Bits> atEight;
  std::map<std::string, int> numbers; ///< of the float layers
  std::vector<std::string> names;
  std::vector<int> classOf; ///< of each float layer's input; -1 if it is fixed
  int classes = 0;
  std::vector<Source> sources; ///< by layer of the machine
  bool isLearned = false;
};

} // namespace accopt

#endif // ACCOPT_LIB_TUNING_COSTSERVICEBITS_H
