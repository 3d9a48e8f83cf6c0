//===- Passes.h - Transforms on the nn dialect ------------------*- C++ -*-===//
//
// Creation and registration of the passes that Passes.td describes.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TRANSFORMS_PASSES_H
#define ACCOPT_TRANSFORMS_PASSES_H

#include "mlir/Pass/Pass.h"

namespace accopt {

#define GEN_PASS_DECL
#include "accopt/Transforms/Passes.h.inc"

/// Registers every pass by name, and the pipeline `nn-optimize`.
void registerTransformsPasses();

} // namespace accopt

#endif // ACCOPT_TRANSFORMS_PASSES_H
