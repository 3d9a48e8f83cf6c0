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

#define SHAPE_ONLY "where it folds: constants of at most 65536 elements"

/// Sorted by name; operators of other domains begin with theirs.
static constexpr Row table[] = {
    {{"Abs", SHAPE_ONLY}, importShapeArithmetic},
    {{"Add", "full"}, importBinary},
    {{"And", SHAPE_ONLY}, importShapeArithmetic},
    {{"AveragePool", "1-D and 2-D, every attribute"}, importAveragePool},
    {{"BatchNormalization", "inference"}, importBatchNorm},
    {{"Cast", "between float types, or " SHAPE_ONLY}, importCast},
    {{"Ceil", SHAPE_ONLY}, importShapeArithmetic},
    {{"Clip", "constant bounds"}, importClip},
    {{"Concat", "full"}, importConcat},
    {{"Constant", "dense numbers"}, importShapeArithmetic},
    {{"ConstantOfShape", "constant shape"}, importShapeArithmetic},
    {{"Conv", "1-D and 2-D, every attribute"}, importConv},
    {{"ConvInteger", "1-D and 2-D; as the real values of its integers"},
     importConvInteger},
    {{"ConvTranspose", "1-D and 2-D, every attribute, constant weights"},
     importConvTranspose},
    {{"DepthToSpace", "full"}, importDepthToSpace},
    {{"DequantizeLinear", "int8, uint8 and int32, constant scale; no blocks"},
     importDequantize},
    {{"Div", "full"}, importBinary},
    {{"Dropout", "inference, without the mask"}, importDropout},
    {{"DynamicQuantizeLinear", "as the identity: ranges are static"},
     importDynamicQuantize},
    {{"Equal", SHAPE_ONLY}, importShapeArithmetic},
    {{"Expand", SHAPE_ONLY}, importShapeArithmetic},
    {{"Flatten", "full"}, importFlatten},
    {{"Floor", SHAPE_ONLY}, importShapeArithmetic},
    {{"GRU", "every attribute, constant sequence_lens"}, importRecurrent},
    {{"Gather", SHAPE_ONLY}, importShapeArithmetic},
    {{"Gemm", "full"}, importGemm},
    {{"GlobalAveragePool", "full"}, importGlobalAveragePool},
    {{"GlobalMaxPool", "1-D and 2-D"}, importGlobalMaxPool},
    {{"Greater", SHAPE_ONLY}, importShapeArithmetic},
    {{"HardSigmoid", "full"}, importUnary},
    {{"HardSwish", "full"}, importUnary},
    {{"Identity", "full"}, importIdentity},
    {{"LRN", "full"}, importLrn},
    {{"LSTM", "every attribute, constant sequence_lens"}, importRecurrent},
    {{"LeakyRelu", "full"}, importUnary},
    {{"Less", SHAPE_ONLY}, importShapeArithmetic},
    {{"MatMul", "full"}, importMatMul},
    {{"MatMulInteger", "as the real values of its integers"},
     importMatMulInteger},
    {{"Max", SHAPE_ONLY}, importShapeArithmetic},
    {{"MaxPool", "1-D and 2-D, every attribute, without the indices"},
     importMaxPool},
    {{"Min", SHAPE_ONLY}, importShapeArithmetic},
    {{"Mod", SHAPE_ONLY}, importShapeArithmetic},
    {{"Mul", "full"}, importBinary},
    {{"Neg", SHAPE_ONLY}, importShapeArithmetic},
    {{"NonZero", SHAPE_ONLY}, importShapeArithmetic},
    {{"Not", SHAPE_ONLY}, importShapeArithmetic},
    {{"Or", SHAPE_ONLY}, importShapeArithmetic},
    {{"Pad", "every mode, constant pads"}, importPad},
    {{"QLinearConv", "1-D and 2-D, every attribute, constant scales"},
     importQLinearConv},
    {{"QLinearMatMul", "constant scales"}, importQLinearMatMul},
    {{"QuantizeLinear", "to int8 and uint8, constant scale; no blocks"},
     importQuantize},
    {{"RNN", "every attribute, constant sequence_lens"}, importRecurrent},
    {{"Range", SHAPE_ONLY}, importShapeArithmetic},
    {{"ReduceMax", SHAPE_ONLY}, importShapeArithmetic},
    {{"ReduceMean", "constant axes"}, importReduceMean},
    {{"ReduceMin", SHAPE_ONLY}, importShapeArithmetic},
    {{"ReduceProd", SHAPE_ONLY}, importShapeArithmetic},
    {{"ReduceSum", SHAPE_ONLY}, importShapeArithmetic},
    {{"Relu", "full"}, importUnary},
    {{"Reshape", "constant shape"}, importReshape},
    {{"Resize", "every mode, constant sizes, scales and roi"}, importResize},
    {{"Shape", "full: shapes are static"}, importShapeArithmetic},
    {{"Sigmoid", "full"}, importUnary},
    {{"Size", "full: shapes are static"}, importShapeArithmetic},
    {{"Slice", "constant starts, ends, axes and steps"}, importSlice},
    {{"Softmax", "full"}, importSoftmax},
    {{"SpaceToDepth", "full"}, importSpaceToDepth},
    {{"Split", "constant sizes"}, importSplit},
    {{"Sqrt", SHAPE_ONLY}, importShapeArithmetic},
    {{"Squeeze", "constant axes"}, importSqueeze},
    {{"Sub", "full"}, importBinary},
    {{"Sum", "full"}, importSum},
    {{"Transpose", "full"}, importTranspose},
    {{"Unsqueeze", "constant axes"}, importUnsqueeze},
    {{"Upsample", "nearest and linear, constant scales"}, importResize},
    {{"Where", SHAPE_ONLY}, importShapeArithmetic},
    {{"com.microsoft.DequantizeLinear", "as DequantizeLinear"},
     importDequantize},
    {{"com.microsoft.FusedConv",
      "1-D and 2-D; Relu, Sigmoid, LeakyRelu, HardSigmoid, Clip"},
     importFusedConv},
    {{"com.microsoft.QGemm", "constant scales"}, importQGemm},
    {{"com.microsoft.QLinearAdd", "constant scales"}, importQLinearBinary},
    {{"com.microsoft.QLinearAveragePool",
      "1-D and 2-D, constant scales, channels first"},
     importQLinearPool},
    {{"com.microsoft.QLinearConcat", "constant scales"}, importQLinearConcat},
    {{"com.microsoft.QLinearGlobalAveragePool",
      "constant scales, channels first"},
     importQLinearPool},
    {{"com.microsoft.QLinearLeakyRelu", "constant scales"}, importQLinearUnary},
    {{"com.microsoft.QLinearMul", "constant scales"}, importQLinearBinary},
    {{"com.microsoft.QLinearSigmoid", "constant scales"}, importQLinearUnary},
    {{"com.microsoft.QLinearSoftmax", "constant scales"}, importQLinearSoftmax},
    {{"com.microsoft.QuantizeLinear", "as QuantizeLinear"}, importQuantize},
};

Handler accopt::importer::findHandler(StringRef domain, StringRef op) {
  std::string name = op.str();
  if (!domain.empty() && domain != "ai.onnx")
    name = (domain + "." + op).str();
  const Row *row =
      llvm::lower_bound(table, name, [](const Row &row, StringRef name) {
        return row.op.name < name;
      });
  return row != std::end(table) && row->op.name == name ? row->handler
                                                        : nullptr;
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
