//===- ConstantEvaluator.cpp - Shape arithmetic, computed away ------------===//
//
// Exporters write a reshape's target as Shape, Gather, Mul, Concat, ... nodes.
// With static shapes all of it is constant. Integers wrap as ONNX leaves it to;
// division by zero and casts out of range are errors of the node.
//
//===----------------------------------------------------------------------===//

#include "ConstantEvaluator.h"

#include "Evaluator.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

SmallVector<int64_t> accopt::importer::stridedIndices(ArrayRef<int64_t> shape,
                                                      ArrayRef<int64_t> strides,
                                                      int64_t offset) {
  SmallVector<int64_t> indices;
  int64_t count = nn::checkedElementCount(shape).value_or(0);
  indices.reserve(count);
  Shape position(shape.size(), 0);
  int64_t index = offset;
  for (int64_t i = 0; i < count; ++i) {
    indices.push_back(index);
    for (size_t d = shape.size(); d-- > 0;) {
      index += strides[d];
      if (++position[d] < shape[d])
        break;
      index -= strides[d] * shape[d];
      position[d] = 0;
    }
  }
  return indices;
}

Shape accopt::importer::rowMajorStrides(ArrayRef<int64_t> shape) {
  Shape strides(shape.size(), 1);
  for (size_t d = shape.size(); d-- > 1;)
    strides[d - 1] = strides[d] * shape[d];
  return strides;
}

LogicalResult Evaluator::run(StringRef op) {
  if (std::optional<LogicalResult> done = elementwise(op))
    return *done;
  return indexing(op);
}

//===----------------------------------------------------------------------===//
// Entry
//===----------------------------------------------------------------------===//

FailureOr<bool> accopt::importer::evaluateConstants(NodeImporter &node) {
  StringRef op = node.proto.op_type();
  auto answer = [](LogicalResult result) -> FailureOr<bool> {
    if (failed(result))
      return failure();
    return true;
  };
  if (op == "Shape" || op == "Size" || op == "EyeLike")
    return answer(op == "EyeLike" ? evaluateEyeLike(node)
                                  : evaluateShape(node));
  if (op == "Constant")
    return answer(evaluateConstant(node));
  if (op == "ConstantOfShape")
    return answer(evaluateConstantOfShape(node));

  // Nodes with at least the inputs that they must have.
  unsigned required =
      llvm::StringSwitch<unsigned>(op)
          .Cases({"Add", "Sub", "Mul", "Div", "Mod", "Equal", "Less", "Greater",
                  "LessOrEqual", "GreaterOrEqual", "And", "Or", "Xor", "Pow",
                  "Gather", "Expand", "Tile", "TopK"},
                 2)
          .Cases({"Clip", "Round", "Sign", "Min", "Max", "Sum", "Floor", "Ceil",
                  "Sqrt", "Neg", "Abs", "Not", "ReduceProd", "ReduceSum",
                  "ReduceMax", "ReduceMin", "Cast", "NonZero"},
                 1)
          .Cases({"Range", "Where"}, 3)
          .Default(0);
  if (required == 0 || node.inputs.size() < required)
    return false;
  SmallVector<HostTensor> inputs;
  for (Entry *input : node.inputs) {
    // A missing last input is as good as none.
    if (!input && inputs.size() >= required)
      break;
    if (!input || !input->constant)
      return false;
    std::optional<HostTensor> tensor = toHost(input->constant);
    if (!tensor)
      return false;
    inputs.push_back(std::move(*tensor));
  }
  return answer(Evaluator(node, std::move(inputs)).run(op));
}
