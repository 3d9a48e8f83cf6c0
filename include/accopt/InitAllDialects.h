//===- InitAllDialects.h - Our dialects and those they lower to -*- C++ -*-===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_INITALLDIALECTS_H
#define ACCOPT_INITALLDIALECTS_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace accopt {

/// Registers nn, accel and the upstream dialects that appear between them.
void registerAllDialects(mlir::DialectRegistry &registry);

/// Registers our passes and the upstream ones that pipelines of ours name.
void registerAllPasses();

} // namespace accopt

#endif // ACCOPT_INITALLDIALECTS_H
