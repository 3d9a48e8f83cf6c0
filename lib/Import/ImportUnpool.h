//===- ImportUnpool.h - Places of maxima ------------------------*- C++ -*-===//

#ifndef ACCOPT_LIB_IMPORT_IMPORTUNPOOL_H
#define ACCOPT_LIB_IMPORT_IMPORTUNPOOL_H

#include "WindowAttributes.h"

namespace accopt::importer {

/// The indices (i64) of the maxima of `input` [N, C, spatial] in its windows;
/// `pooled` is the shape of the maxima.
mlir::Value emitMaxPoolIndices(NodeImporter &node, mlir::Value input,
                               const WindowAttributes &window,
                               llvm::ArrayRef<int64_t> pooled);

} // namespace accopt::importer

#endif // ACCOPT_LIB_IMPORT_IMPORTUNPOOL_H
