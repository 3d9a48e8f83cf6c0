//===- OpTable.h - The operators that can be imported -----------*- C++ -*-===//

#ifndef ACCOPT_LIB_IMPORT_OPTABLE_H
#define ACCOPT_LIB_IMPORT_OPTABLE_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/StringRef.h"

namespace accopt::importer {

class NodeImporter;

/// Turns one node into ops; a failure has been recorded in the node.
using Handler = llvm::LogicalResult (*)(NodeImporter &);

/// The handler of an operator, or null.
Handler findHandler(llvm::StringRef domain, llvm::StringRef op);

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

llvm::LogicalResult importIdentity(NodeImporter &node);
llvm::LogicalResult importDropout(NodeImporter &node);
llvm::LogicalResult importCast(NodeImporter &node);
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
llvm::LogicalResult importMatMulInteger(NodeImporter &node);
llvm::LogicalResult importFusedConv(NodeImporter &node);

/// For operators that exist in shape arithmetic alone.
llvm::LogicalResult importShapeArithmetic(NodeImporter &node);

} // namespace accopt::importer

#endif // ACCOPT_LIB_IMPORT_OPTABLE_H
