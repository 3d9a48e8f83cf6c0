//===- OpTable.h - The operators that can be imported -----------*- C++ -*-===//

#ifndef ACCOPT_LIB_IMPORT_OPTABLE_H
#define ACCOPT_LIB_IMPORT_OPTABLE_H

#include "HostTensor.h"
#include "dialects/NN/NNOps.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/StringRef.h"

namespace accopt::importer {

class NodeImporter;

/// Turns one node into ops; a failure has been recorded in the node.
using Handler = llvm::LogicalResult (*)(NodeImporter &);

/// What a handler makes of an input that stands for integers (Entry::integers).
enum class IntegerUse {
  Reads, ///< needs the integers themselves
  Moves, ///< passes elements of input 0 (a Concat: of all) on as they are
  Adds,  ///< may add the real numbers that stand for int32
  Knows, ///< asks what they stand for
};

/// The handler of an operator, or null.
Handler findHandler(llvm::StringRef domain, llvm::StringRef op);
/// Reads where the operator has no handler.
IntegerUse integerUse(llvm::StringRef domain, llvm::StringRef op);

// By family; each in the file of its name.
llvm::LogicalResult importConv(NodeImporter &node);
llvm::LogicalResult importGemm(NodeImporter &node);
llvm::LogicalResult importMatMul(NodeImporter &node);

llvm::LogicalResult importConvTranspose(NodeImporter &node);
llvm::LogicalResult importDepthToSpace(NodeImporter &node);
llvm::LogicalResult importSpaceToDepth(NodeImporter &node);
llvm::LogicalResult importResize(NodeImporter &node);
llvm::LogicalResult importRecurrent(NodeImporter &node);

llvm::LogicalResult importMaxPool(NodeImporter &node);
llvm::LogicalResult importAveragePool(NodeImporter &node);
llvm::LogicalResult importGlobalAveragePool(NodeImporter &node);
llvm::LogicalResult importGlobalMaxPool(NodeImporter &node);
llvm::LogicalResult importReduceMean(NodeImporter &node);

llvm::LogicalResult importBinary(NodeImporter &node);
llvm::LogicalResult importSum(NodeImporter &node);
llvm::LogicalResult importUnary(NodeImporter &node);
llvm::LogicalResult importClip(NodeImporter &node);
llvm::LogicalResult importBatchNorm(NodeImporter &node);
llvm::LogicalResult importSoftmax(NodeImporter &node);
llvm::LogicalResult importLrn(NodeImporter &node);

llvm::LogicalResult importInstanceNorm(NodeImporter &node);
llvm::LogicalResult importLpNormalization(NodeImporter &node);
llvm::LogicalResult importLpPool(NodeImporter &node);
llvm::LogicalResult importGlobalLpPool(NodeImporter &node);

llvm::LogicalResult importUnaryMath(NodeImporter &node);
llvm::LogicalResult importBinaryMath(NodeImporter &node);
llvm::LogicalResult importPow(NodeImporter &node);
llvm::LogicalResult importExtreme(NodeImporter &node);
llvm::LogicalResult importMean(NodeImporter &node);
llvm::LogicalResult importWhere(NodeImporter &node);
llvm::LogicalResult importCast(NodeImporter &node);
llvm::LogicalResult importTrilu(NodeImporter &node);
llvm::LogicalResult importOneHot(NodeImporter &node);

llvm::LogicalResult importReduce(NodeImporter &node);
llvm::LogicalResult importLogSoftmax(NodeImporter &node);
llvm::LogicalResult importHardmax(NodeImporter &node);
llvm::LogicalResult importArg(NodeImporter &node);
llvm::LogicalResult importCumSum(NodeImporter &node);
llvm::LogicalResult importCumProd(NodeImporter &node);
llvm::LogicalResult importTopK(NodeImporter &node);
llvm::LogicalResult importGather(NodeImporter &node);
llvm::LogicalResult importGatherND(NodeImporter &node);
llvm::LogicalResult importGatherElements(NodeImporter &node);
llvm::LogicalResult importScatter(NodeImporter &node);
llvm::LogicalResult importGridSample(NodeImporter &node);
llvm::LogicalResult importAffineGrid(NodeImporter &node);
llvm::LogicalResult importRoiAlign(NodeImporter &node);
llvm::LogicalResult importReverseSequence(NodeImporter &node);
llvm::LogicalResult importMaxUnpool(NodeImporter &node);
llvm::LogicalResult importCol2Im(NodeImporter &node);

llvm::LogicalResult importDft(NodeImporter &node);
llvm::LogicalResult importStft(NodeImporter &node);
llvm::LogicalResult importMelWeightMatrix(NodeImporter &node);
llvm::LogicalResult importExpand(NodeImporter &node);
llvm::LogicalResult importTile(NodeImporter &node);
llvm::LogicalResult importEinsum(NodeImporter &node);

llvm::LogicalResult importIdentity(NodeImporter &node);
llvm::LogicalResult importDropout(NodeImporter &node);
llvm::LogicalResult importConcat(NodeImporter &node);
llvm::LogicalResult importFlatten(NodeImporter &node);
llvm::LogicalResult importReshape(NodeImporter &node);
llvm::LogicalResult importSqueeze(NodeImporter &node);
llvm::LogicalResult importUnsqueeze(NodeImporter &node);
llvm::LogicalResult importTranspose(NodeImporter &node);
llvm::LogicalResult importPad(NodeImporter &node);
llvm::LogicalResult importSlice(NodeImporter &node);
llvm::LogicalResult importSplit(NodeImporter &node);

llvm::LogicalResult importQuantize(NodeImporter &node);
llvm::LogicalResult importDequantize(NodeImporter &node);

llvm::LogicalResult importQLinearConv(NodeImporter &node);
llvm::LogicalResult importQLinearMatMul(NodeImporter &node);
llvm::LogicalResult importQGemm(NodeImporter &node);
llvm::LogicalResult importQLinearBinary(NodeImporter &node);
llvm::LogicalResult importQLinearUnary(NodeImporter &node);
llvm::LogicalResult importQLinearSoftmax(NodeImporter &node);
llvm::LogicalResult importQLinearPool(NodeImporter &node);
llvm::LogicalResult importQLinearConcat(NodeImporter &node);
llvm::LogicalResult importDynamicQuantize(NodeImporter &node);
llvm::LogicalResult importConvInteger(NodeImporter &node);
llvm::LogicalResult importDynamicQuantizeLstm(NodeImporter &node);
llvm::LogicalResult importMatMulInteger(NodeImporter &node);
llvm::LogicalResult importFusedConv(NodeImporter &node);
llvm::LogicalResult importBiasedGelu(NodeImporter &node);
llvm::LogicalResult importFusedMatMul(NodeImporter &node);
llvm::LogicalResult importMatMulNBits(NodeImporter &node);
llvm::LogicalResult importQuickGelu(NodeImporter &node);
llvm::LogicalResult importSkipNorm(NodeImporter &node);

llvm::LogicalResult importIf(NodeImporter &node);
llvm::LogicalResult importLoop(NodeImporter &node);
llvm::LogicalResult importScan(NodeImporter &node);

/// For operators that exist in shape arithmetic alone.
llvm::LogicalResult importShapeArithmetic(NodeImporter &node);

//===--- What handlers share ----------------------------------------------===//

/// Add, Sub, Mul or Div of floats or of integers; null where an operand is, or
/// where they do not fit.
mlir::Value emitArithmetic(NodeImporter &node, llvm::StringRef op,
                           mlir::Value lhs, mlir::Value rhs);

/// A function of one value, element by element; null where `input` is.
mlir::Value emitUnary(NodeImporter &node, nn::UnaryKind kind, mlir::Value input,
                      mlir::FloatAttr alpha = {});

/// `value` in another element type, or itself where it has that; null where it
/// is.
mlir::Value emitCast(NodeImporter &node, mlir::Value value, mlir::Type element);

/// The first `lengths[b]` steps of each entry b of `input` in reverse, the
/// others in their places. Steps are dimension `time`, 0 or 1, entries the
/// other of these.
mlir::Value emitReversed(NodeImporter &node, mlir::Value input,
                         mlir::Value lengths, int64_t time);

/// Input i as indices of i32 or i64; null and an error where it is no integer.
mlir::Value emitIndices(NodeImporter &node, size_t i);

/// Axes from input 1 or, in opsets before, from the attribute; empty where
/// neither is given. Nothing and an error where they do not fit.
std::optional<Shape> readAxesInput(NodeImporter &node, int64_t rank);

/// The same for a reduction: where none are given, all, unless
/// noop_with_empty_axes says that nothing is reduced.
std::optional<Shape> readReductionAxes(NodeImporter &node);

/// An i1 tensor with a new dimension `axis` of `depth`, true where the index
/// along it is the one that `indices` holds.
mlir::Value emitOneHot(NodeImporter &node, mlir::Value indices, int64_t axis,
                       int64_t depth);

} // namespace accopt::importer

#endif // ACCOPT_LIB_IMPORT_OPTABLE_H
