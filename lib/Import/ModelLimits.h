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

/// Fails where functions call themselves, directly or not, or inline to too
/// much.
llvm::Error checkFunctions(const onnx::ModelProto &model);

/// Fails where a Split says to have another number of outputs than it has:
/// shape inference makes as many sizes.
llvm::Error checkSplits(const onnx::GraphProto &graph);

/// Whether the one-dimensional values of a graph with inferred types are small
/// enough to have their contents followed.
bool canPropagateData(const onnx::GraphProto &graph);

} // namespace accopt::importer

#endif // ACCOPT_LIB_IMPORT_MODELLIMITS_H
