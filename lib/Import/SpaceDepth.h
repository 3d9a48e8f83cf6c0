//===- SpaceDepth.h - Channels to pixels and back ---------------*- C++ -*-===//

#ifndef ACCOPT_LIB_IMPORT_SPACEDEPTH_H
#define ACCOPT_LIB_IMPORT_SPACEDEPTH_H

#include "NodeImporter.h"

namespace accopt::importer {

/// Spreads channels over blocks of pixels: N x (B C) x S... -> N x C x (S B)...
/// with one entry of `blocks` for each spatial dimension and B their product.
/// `depthFirst`: the block comes before C in the input's channels (ONNX's DCR),
/// otherwise after it (CRD). Null where an op could not be made.
mlir::Value depthToSpace(NodeImporter &node, mlir::Value input,
                         llvm::ArrayRef<int64_t> blocks, bool depthFirst);

} // namespace accopt::importer

#endif // ACCOPT_LIB_IMPORT_SPACEDEPTH_H
