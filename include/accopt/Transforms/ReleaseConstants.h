//===- ReleaseConstants.h - Memory of constants without users ---*- C++ -*-===//

#ifndef ACCOPT_TRANSFORMS_RELEASECONSTANTS_H
#define ACCOPT_TRANSFORMS_RELEASECONSTANTS_H

#include "mlir/IR/BuiltinOps.h"

namespace accopt {

/// Frees the data of all resources in the module's context that nothing in
/// `module` refers to: weights that were folded or quantized away. Attributes
/// live as long as their context, and so would their data. No other module of
/// the context may need them. A null module refers to nothing.
void releaseUnusedConstants(mlir::MLIRContext &context, mlir::ModuleOp module);

} // namespace accopt

#endif // ACCOPT_TRANSFORMS_RELEASECONSTANTS_H
