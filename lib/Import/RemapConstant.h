//===- RemapConstant.h - Weights in another arrangement ---------*- C++ -*-===//

#ifndef ACCOPT_LIB_IMPORT_REMAPCONSTANT_H
#define ACCOPT_LIB_IMPORT_REMAPCONSTANT_H

#include "NodeImporter.h"

#include <functional>

namespace accopt::importer {

/// How the elements of a new constant come from those of an old one.
struct ConstantMap {
  Shape shape;
  /// The row-major index of the old element that goes to a position, or -1 for
  /// a zero.
  std::function<int64_t(llvm::ArrayRef<int64_t>)> source;
  /// Which of the old scales along dimension `axis` holds for index `row` of
  /// the new dimension 0, or -1 where none does.
  std::function<int64_t(int64_t axis, int64_t row)> scale;
};

/// Input i, a constant or a dequantized constant of integers, rearranged; the
/// integers and their scales stay. Null and an error where it is neither.
mlir::Value remapConstant(NodeImporter &node, size_t i, llvm::StringRef what,
                          const ConstantMap &map);

} // namespace accopt::importer

#endif // ACCOPT_LIB_IMPORT_REMAPCONSTANT_H
