//===- Export.h - ONNX files from nn ----------------------------*- C++ -*-===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_EXPORT_EXPORT_H
#define ACCOPT_EXPORT_EXPORT_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace mlir::func {
class FuncOp;
} // namespace mlir::func

namespace accopt {

/// `function` (float nn ops; quant.qcast and quant.dcast become QuantizeLinear
/// and DequantizeLinear) as the bytes of an ONNX model, deterministic. What
/// fusion joined becomes separate nodes again: a convolution with residual and
/// clamp is Conv, Add and Clip. Names of nodes, inputs and outputs are those of
/// the model that was imported. The model passes ONNX's checker, and importing
/// it gives a function that computes the same. Fails with the node's name at an
/// op that ONNX has no form for.
llvm::Expected<std::string> exportOnnx(mlir::func::FuncOp function);

/// The same to a file, written whole or not at all.
llvm::Error exportOnnx(mlir::func::FuncOp function, llvm::StringRef path);

} // namespace accopt

#endif // ACCOPT_EXPORT_EXPORT_H
