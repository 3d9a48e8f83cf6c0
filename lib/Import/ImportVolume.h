//===- ImportVolume.h - Windows in three dimensions -------------*- C++ -*-===//

#ifndef ACCOPT_LIB_IMPORT_IMPORTVOLUME_H
#define ACCOPT_LIB_IMPORT_IMPORTVOLUME_H

#include "WindowAttributes.h"

namespace accopt::importer {

/// A convolution of `input` [N, C, D, H, W] with `weights` [M, C / group, kd,
/// kh, kw], as one of images. Null and an error where they do not fit.
mlir::Value emitVolumeConv(NodeImporter &node, mlir::Value input,
                           mlir::Value weights, mlir::Value bias,
                           const WindowAttributes &window);

/// Emits a pooling of one or two dimensions.
using PoolEmitter =
    llvm::function_ref<mlir::Value(mlir::Value, const WindowAttributes &)>;

/// A pooling of `input` [N, C, D, H, W] as one of images and one of lines.
mlir::Value emitVolumePool(NodeImporter &node, mlir::Value input,
                           const WindowAttributes &window, PoolEmitter pool);

/// A pooling of `input` in one to three dimensions.
mlir::Value emitPool(NodeImporter &node, mlir::Value input,
                     const WindowAttributes &window, PoolEmitter pool);

/// A convolution in one to three dimensions by the node's attributes; its input
/// `weightInput` is `weights`.
mlir::Value emitConv(NodeImporter &node, mlir::Value input, mlir::Value weights,
                     mlir::Value bias, size_t weightInput);

} // namespace accopt::importer

#endif // ACCOPT_LIB_IMPORT_IMPORTVOLUME_H
