//===- ConvertBodies.h - Bodies of If, Loop and Scan to one opset -*- C++
//-*-===//

#ifndef ACCOPT_LIB_IMPORT_CONVERTBODIES_H
#define ACCOPT_LIB_IMPORT_CONVERTBODIES_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

#include "onnx/onnx_pb.h"

namespace accopt::importer {

/// ONNX's version converter leaves the graphs in attributes as they are. Brings
/// each of them, innermost first, to another opset by `convert`, which gets it
/// as a model of its own: what it reads of the graphs around it is an input of
/// that model. Needs inferred types in `value_info`.
llvm::Error
convertBodies(onnx::ModelProto &model,
              llvm::function_ref<llvm::Error(onnx::ModelProto &)> convert);

} // namespace accopt::importer

#endif // ACCOPT_LIB_IMPORT_CONVERTBODIES_H
