//===- ModelLimits.h - Models that ONNX's passes would not survive -*- C++
//-*-===//
//
// ONNX's inliner and shape inference take what a file says at its word:
// functions that call each other, a kilobyte of them, inline to more nodes than
// any memory holds. What is asked here comes before they do.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_IMPORT_MODELLIMITS_H
#define ACCOPT_LIB_IMPORT_MODELLIMITS_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

#include "onnx/onnx_pb.h"

namespace accopt::importer {

/// Nodes that a graph may have once its functions are inlined.
constexpr uint64_t maxInlinedNodes = 1000000;

/// Functions that may call each other in a row.
constexpr unsigned maxCallDepth = 200;

/// Elements of a one-dimensional value up to which shape inference may follow
/// its contents. It spells each out, known or not.
constexpr int64_t maxPropagatedElements = 65536;

/// How often inference is run for what it found the time before.
constexpr unsigned maxPropagationRounds = 8;

/// Fails where functions call themselves, directly or not, or inline to too
/// much.
llvm::Error checkFunctions(const onnx::ModelProto &model);

/// Fails where a Split says to have another number of outputs than it has:
/// shape inference makes as many sizes.
llvm::Error checkSplits(const onnx::GraphProto &graph);

/// Infers types with the contents of vectors followed where that is small.
/// `infer` does so for the model it gets, which lacks the nodes that would
/// spell a vector out whose length is not known or above
/// maxPropagatedElements; lengths that this reveals let in more nodes, up to
/// maxPropagationRounds times.
llvm::Error
propagateData(onnx::ModelProto &model,
              llvm::function_ref<llvm::Error(onnx::ModelProto &)> infer);

} // namespace accopt::importer

#endif // ACCOPT_LIB_IMPORT_MODELLIMITS_H
