//===- OpTable.cpp - The operators that can be imported -------------------===//
//
// One table: what is not in it is not supported, and --print-op-support prints
// it.
//
//===----------------------------------------------------------------------===//

#include "OpTable.h"

#include "OnnxModel.h"
#include "accopt/Import/Import.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;
using namespace accopt;
using namespace accopt::importer;

namespace {
struct Row {
  SupportedOp op;
  Handler handler;
};
} // namespace

#define SMALL "constant inputs, results of at most 65536 elements"
#define FOLDED "nowhere: computed when importing"

/// Sorted by name. Where an op runs, whether it has an int8 form and whether
/// fine-tuning knows its gradient.
static constexpr Row table[] = {
    {{"Abs", "full; integers on the host", "vector unit as a table, host", true,
      false},
     importUnaryMath},
    {{"Acos", "full", "vector unit as a table, host", true, false},
     importUnaryMath},
    {{"Acosh", "full", "vector unit as a table, host", true, false},
     importUnaryMath},
    {{"Add", "full; integers on the host", "vector unit, host", true, true},
     importBinary},
    {{"And", "full", "host", false, false}, importBinaryMath},
    {{"ArgMax", "full", "host", false, false}, importArg},
    {{"ArgMin", "full", "host", false, false}, importArg},
    {{"Asin", "full", "vector unit as a table, host", true, false},
     importUnaryMath},
    {{"Asinh", "full", "vector unit as a table, host", true, false},
     importUnaryMath},
    {{"Atan", "full", "vector unit as a table, host", true, false},
     importUnaryMath},
    {{"Atanh", "full", "vector unit as a table, host", true, false},
     importUnaryMath},
    {{"AveragePool", "1-D and 2-D, every attribute", "vector unit", true, true},
     importAveragePool},
    {{"BatchNormalization", "inference", "fused, or vector unit", true, true},
     importBatchNorm},
    {{"BitShift", "full", "host", false, false}, importBinaryMath},
    {{"BitwiseAnd", "full", "host", false, false}, importBinaryMath},
    {{"BitwiseNot", "full", "host", false, false}, importUnaryMath},
    {{"BitwiseOr", "full", "host", false, false}, importBinaryMath},
    {{"BitwiseXor", "full", "host", false, false}, importBinaryMath},
    {{"Cast", "between numbers; float16, bfloat16 and double are f32", "host",
      false, false},
     importCast},
    {{"Ceil", "full", "vector unit as a table, host", true, false},
     importUnaryMath},
    {{"Celu", "full", "vector unit as a table, host", true, false},
     importUnaryMath},
    {{"Clip", "full; computed bounds and integers on the host",
      "fused, vector unit, host", true, true},
     importClip},
    {{"Concat", "full", "dma, host", true, true}, importConcat},
    {{"Constant", "dense numbers", FOLDED, true, true}, importShapeArithmetic},
    {{"ConstantOfShape", "constant shape", FOLDED, true, true},
     importShapeArithmetic},
    {{"Conv", "1-D and 2-D, every attribute",
      "array, vector unit for depthwise", true, true},
     importConv},
    {{"Cos", "full", "vector unit as a table, host", true, false},
     importUnaryMath},
    {{"Cosh", "full", "vector unit as a table, host", true, false},
     importUnaryMath},
    {{"CumSum", "constant axis", "host", false, false}, importCumSum},
    {{"DequantizeLinear", "int8, uint8 and int32, constant scale; no blocks",
      "no op: part of types", true, false},
     importDequantize},
    {{"Div", "full; integers on the host", "vector unit by constants, host",
      true, true},
     importBinary},
    {{"Dropout", "inference, without the mask", "no op", true, true},
     importDropout},
    {{"Einsum", "floats; each label once in a term",
      "array with constant weights, host", true, false},
     importEinsum},
    {{"Elu", "full", "vector unit as a table, host", true, false},
     importUnaryMath},
    {{"Equal", "full", "host", false, false}, importBinaryMath},
    {{"Erf", "full", "vector unit as a table, host", true, false},
     importUnaryMath},
    {{"Exp", "full", "vector unit as a table, host", true, false},
     importUnaryMath},
    {{"Expand", "constant shape", "host", false, false}, importExpand},
    {{"EyeLike", SMALL, FOLDED, false, false}, importShapeArithmetic},
    {{"Flatten", "full", "no op, dma", true, true}, importFlatten},
    {{"Floor", "full", "vector unit as a table, host", true, false},
     importUnaryMath},
    {{"Gather", "full", "dma where constant indices are a slice, host", true,
      false},
     importGather},
    {{"GatherElements", "up to 2^24 indices", "host", false, false},
     importGatherElements},
    {{"GatherND", "full", "host", false, false}, importGatherND},
    {{"Gelu", "full", "vector unit as a table, host", true, false},
     importUnaryMath},
    {{"Gemm", "full", "array with constant weights, host", true, true},
     importGemm},
    {{"GlobalAveragePool", "full", "vector unit", true, true},
     importGlobalAveragePool},
    {{"GlobalMaxPool", "1-D and 2-D", "vector unit", true, true},
     importGlobalMaxPool},
    {{"Greater", "full", "host", false, false}, importBinaryMath},
    {{"GreaterOrEqual", "full", "host", false, false}, importBinaryMath},
    {{"HardSigmoid", "full", "fused, vector unit as a table", true, true},
     importUnary},
    {{"HardSwish", "full", "fused, vector unit as a table", true, true},
     importUnary},
    {{"Hardmax", "full", "host", false, false}, importHardmax},
    {{"Identity", "full", "no op", true, true}, importIdentity},
    {{"IsInf", "full, but for an op that detects neither sign", "host", false,
      false},
     importUnaryMath},
    {{"IsNaN", "full", "host", false, false}, importUnaryMath},
    {{"LRN", "full", "host", true, true}, importLrn},
    {{"LeakyRelu", "full", "fused, vector unit as a table", true, true},
     importUnary},
    {{"Less", "full", "host", false, false}, importBinaryMath},
    {{"LessOrEqual", "full", "host", false, false}, importBinaryMath},
    {{"Log", "full", "vector unit as a table, host", true, false},
     importUnaryMath},
    {{"LogSoftmax", "full", "host", false, false}, importLogSoftmax},
    {{"MatMul", "full", "array with constant weights, host", true, true},
     importMatMul},
    {{"Max", "full", "vector unit with a number as bound, host", true, false},
     importExtreme},
    {{"MaxPool", "1-D and 2-D, every attribute, without the indices",
      "vector unit", true, true},
     importMaxPool},
    {{"Mean", "floats", "vector unit, host", true, false}, importMean},
    {{"Min", "full", "vector unit with a number as bound, host", true, false},
     importExtreme},
    {{"Mish", "full", "vector unit as a table, host", true, false},
     importUnaryMath},
    {{"Mod", "full", "host", false, false}, importBinaryMath},
    {{"Mul", "full; integers on the host", "vector unit, host", true, true},
     importBinary},
    {{"Neg", "full; integers on the host", "vector unit as a table, host", true,
      false},
     importUnaryMath},
    {{"NonZero", SMALL, FOLDED, false, false}, importShapeArithmetic},
    {{"Not", "full", "host", false, false}, importUnaryMath},
    {{"OneHot", "constant depth", "host", false, false}, importOneHot},
    {{"Or", "full", "host", false, false}, importBinaryMath},
    {{"PRelu", "full", "vector unit with one slope, host", true, false},
     importBinaryMath},
    {{"Pad", "every mode, constant pads", "dma, host", true, true}, importPad},
    {{"Pow", "full", "vector unit with a constant exponent, host", true, false},
     importPow},
    {{"QuantizeLinear", "to int8 and uint8, constant scale; no blocks",
      "no op: part of types", true, false},
     importQuantize},
    {{"Range", SMALL, FOLDED, false, false}, importShapeArithmetic},
    {{"Reciprocal", "full", "vector unit as a table, host", true, false},
     importUnaryMath},
    {{"ReduceL1", "constant axes", "host", false, false}, importReduce},
    {{"ReduceL2", "constant axes", "host", false, false}, importReduce},
    {{"ReduceLogSum", "constant axes", "host", false, false}, importReduce},
    {{"ReduceLogSumExp", "constant axes", "host", false, false}, importReduce},
    {{"ReduceMax", "constant axes", "host", false, false}, importReduce},
    {{"ReduceMean", "constant axes", "vector unit over spatial axes, host",
      true, true},
     importReduceMean},
    {{"ReduceMin", "constant axes", "host", false, false}, importReduce},
    {{"ReduceProd", "constant axes", "host", false, false}, importReduce},
    {{"ReduceSum", "constant axes", "host", false, false}, importReduce},
    {{"ReduceSumSquare", "constant axes", "host", false, false}, importReduce},
    {{"Relu", "full", "fused, vector unit as a table", true, true},
     importUnary},
    {{"Reshape", "constant shape", "no op, dma", true, true}, importReshape},
    {{"Round", "full", "vector unit as a table, host", true, false},
     importUnaryMath},
    {{"ScatterElements", "up to 2^24 indices", "host", false, false},
     importScatter},
    {{"ScatterND", "full", "host", false, false}, importScatter},
    {{"Selu", "full", "vector unit as a table, host", true, false},
     importUnaryMath},
    {{"Shape", "full: shapes are static", FOLDED, true, true},
     importShapeArithmetic},
    {{"Shrink", "full", "vector unit as a table, host", true, false},
     importUnaryMath},
    {{"Sigmoid", "full", "fused, vector unit as a table", true, true},
     importUnary},
    {{"Sign", "full; integers on the host", "vector unit as a table, host",
      true, false},
     importUnaryMath},
    {{"Sin", "full", "vector unit as a table, host", true, false},
     importUnaryMath},
    {{"Sinh", "full", "vector unit as a table, host", true, false},
     importUnaryMath},
    {{"Size", "full: shapes are static", FOLDED, true, true},
     importShapeArithmetic},
    {{"Slice", "constant starts, ends, axes and steps", "dma, host", true,
      true},
     importSlice},
    {{"Softmax", "full", "host", true, true}, importSoftmax},
    {{"Softplus", "full", "vector unit as a table, host", true, false},
     importUnaryMath},
    {{"Softsign", "full", "vector unit as a table, host", true, false},
     importUnaryMath},
    {{"Split", "constant sizes", "dma, host", true, true}, importSplit},
    {{"Sqrt", "full", "vector unit as a table, host", true, false},
     importUnaryMath},
    {{"Squeeze", "constant axes", "no op, dma", true, true}, importSqueeze},
    {{"Sub", "full; integers on the host", "vector unit, host", true, true},
     importBinary},
    {{"Sum", "full; integers on the host", "vector unit, host", true, true},
     importSum},
    {{"Swish", "full", "vector unit as a table, host", true, false},
     importUnaryMath},
    {{"Tan", "full", "vector unit as a table, host", true, false},
     importUnaryMath},
    {{"Tanh", "full", "vector unit as a table, host", true, false},
     importUnaryMath},
    {{"ThresholdedRelu", "full", "vector unit as a table, host", true, false},
     importUnaryMath},
    {{"Tile", "constant repeats", "host", false, false}, importTile},
    {{"TopK", "constant K", "host", false, false}, importTopK},
    {{"Transpose", "full", "no op, dma, host", true, true}, importTranspose},
    {{"Trilu", "constant k", "host", false, false}, importTrilu},
    {{"Unsqueeze", "constant axes", "no op, dma", true, true}, importUnsqueeze},
    {{"Where", "full", "host", false, false}, importWhere},
    {{"Xor", "full", "host", false, false}, importBinaryMath},
};

Handler accopt::importer::findHandler(StringRef domain, StringRef op) {
  if (!domain.empty() && domain != "ai.onnx")
    return nullptr;
  const Row *row =
      llvm::lower_bound(table, op, [](const Row &row, StringRef name) {
        return row.op.name < name;
      });
  return row != std::end(table) && row->op.name == op ? row->handler : nullptr;
}

bool accopt::importer::hasUnsupportedOps(const onnx::GraphProto &graph) {
  return llvm::any_of(graph.node(), [](const onnx::NodeProto &node) {
    return !findHandler(node.domain(), node.op_type());
  });
}

ArrayRef<SupportedOp> accopt::supportedOps() {
  static const SmallVector<SupportedOp> ops = [] {
    SmallVector<SupportedOp> list;
    for (const Row &row : table)
      list.push_back(row.op);
    return list;
  }();
  return ops;
}
