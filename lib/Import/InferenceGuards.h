//===- InferenceGuards.h - What ONNX's inference would crash on -*- C++ -*-===//
//
// Corners in which ONNX's shape inference reads beyond a shape or through a
// null pointer. What is asked here comes before it runs.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_IMPORT_INFERENCEGUARDS_H
#define ACCOPT_LIB_IMPORT_INFERENCEGUARDS_H

#include "llvm/Support/Error.h"

#include "onnx/onnx_pb.h"

#include <optional>

namespace accopt::importer {

/// Fails where an Einsum has other signs than letters and an ellipsis in its
/// inputs' terms: inference reads a dimension for each.
llvm::Error checkEquations(const onnx::GraphProto &graph);

/// The model with EyeLikes that take the type of their input, and Casts behind
/// them. Shape inference reads a shape of the input of an EyeLike with a type
/// of its own even where there is none, because what makes the input has none.
/// Nothing where there are no EyeLikes.
std::optional<onnx::ModelProto> withCastEyes(const onnx::ModelProto &model);

/// Fails where the input of an EyeLike has no type in the inferred `model`.
llvm::Error checkEyeInputs(const onnx::ModelProto &model);

} // namespace accopt::importer

#endif // ACCOPT_LIB_IMPORT_INFERENCEGUARDS_H
