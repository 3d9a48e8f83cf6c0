//===- ModelLimits.h - What ONNX's passes would not survive -----*- C++ -*-===//
//
// ONNX's inliner and shape inference take what a file says at its word:
// functions that call each other, a kilobyte of them, inline to more nodes than
// any memory holds. What is asked here comes before they do.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_IMPORT_MODELLIMITS_H
#define ACCOPT_LIB_IMPORT_MODELLIMITS_H

#include "llvm/Support/Error.h"

#include "onnx/onnx_pb.h"

#include <optional>

namespace accopt::importer {

/// Nodes that a graph may have once its functions are inlined.
constexpr uint64_t maxInlinedNodes = 1000000;

/// Functions that may call each other in a row.
constexpr unsigned maxCallDepth = 200;

/// Elements of a one-dimensional value up to which shape inference may follow
/// its contents. It spells each out, known or not.
constexpr int64_t maxPropagatedElements = 65536;

/// Fails where functions call themselves, directly or not, or inline to too
/// much.
llvm::Error checkFunctions(const onnx::ModelProto &model);

/// Fails where an attribute makes shape inference take memory or read beyond a
/// shape: a Split that says to have another number of outputs than it has, an
/// Einsum with other signs than letters and an ellipsis in its inputs' terms.
llvm::Error checkNodes(const onnx::GraphProto &graph);

/// The model with EyeLikes that take the type of their input, and Casts behind
/// them. Shape inference reads a shape of the input of an EyeLike with a type
/// of its own even where there is none, because what makes the input has none.
/// Nothing where there are no EyeLikes.
std::optional<onnx::ModelProto> withCastEyes(const onnx::ModelProto &model);

/// Fails where the input of an EyeLike has no type in the inferred `model`.
llvm::Error checkEyeInputs(const onnx::ModelProto &model);

/// Whether the one-dimensional values of a graph with inferred types are small
/// enough to have their contents followed.
bool canPropagateData(const onnx::GraphProto &graph);

} // namespace accopt::importer

#endif // ACCOPT_LIB_IMPORT_MODELLIMITS_H
