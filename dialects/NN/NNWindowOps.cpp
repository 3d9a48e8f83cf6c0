//===- NNWindowOps.cpp - Pooling and reductions ---------------------------===//

#include "dialects/NN/NNOps.h"
#include "dialects/NN/NNShapeInference.h"

using namespace mlir;
using namespace accopt::nn;

/// Pooling keeps N and C.
template <typename Adaptor>
static LogicalResult inferPool(Adaptor op, std::optional<Location> loc,
                               SmallVectorImpl<Type> &types) {
  ArrayRef<int64_t> input = shapeOf(op.getInput());
  Shape shape(input.take_front(2));
  if (failed(inferWindow(loc, input, op.getKernel(), op.getStrides(),
                         op.getPads(), op.getDilations(), op.getCeilMode(),
                         shape)))
    return failure();
  return addResult(loc, op.getInput().getType(), shape, types);
}

/// A window that lies in the padding alone has no value.
template <typename Op> static LogicalResult verifyPool(Op op) {
  size_t spatial = op.getKernel().size();
  for (size_t i = 0; i < spatial; ++i) {
    int64_t reach = (op.getKernel()[i] - 1) * op.getDilations()[i] + 1;
    for (int64_t pad : {op.getPads()[i], op.getPads()[spatial + i]})
      if (pad >= reach)
        return op.emitOpError("expected pads smaller than the window's extent ")
               << reach << " in dimension " << 2 + i << ", got " << pad;
  }
  return success();
}

//===----------------------------------------------------------------------===//
// MaxPoolOp
//===----------------------------------------------------------------------===//

LogicalResult
MaxPoolOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                            ValueRange operands, DictionaryAttr attributes,
                            OpaqueProperties properties, RegionRange regions,
                            SmallVectorImpl<Type> &types) {
  return inferPool(Adaptor(operands, attributes, properties, regions), loc,
                   types);
}

LogicalResult MaxPoolOp::verify() { return verifyPool(*this); }

//===----------------------------------------------------------------------===//
// AveragePoolOp
//===----------------------------------------------------------------------===//

LogicalResult AveragePoolOp::inferReturnTypes(
    MLIRContext *context, std::optional<Location> loc, ValueRange operands,
    DictionaryAttr attributes, OpaqueProperties properties, RegionRange regions,
    SmallVectorImpl<Type> &types) {
  return inferPool(Adaptor(operands, attributes, properties, regions), loc,
                   types);
}

LogicalResult AveragePoolOp::verify() { return verifyPool(*this); }

//===----------------------------------------------------------------------===//
// ReduceMeanOp
//===----------------------------------------------------------------------===//

LogicalResult ReduceMeanOp::inferReturnTypes(
    MLIRContext *context, std::optional<Location> loc, ValueRange operands,
    DictionaryAttr attributes, OpaqueProperties properties, RegionRange regions,
    SmallVectorImpl<Type> &types) {
  Adaptor op(operands, attributes, properties, regions);
  ArrayRef<int64_t> input = shapeOf(op.getInput());
  ArrayRef<int64_t> axes = op.getAxes();
  for (size_t i = 0; i < axes.size(); ++i)
    if (axes[i] < 0 || axes[i] >= static_cast<int64_t>(input.size()) ||
        (i > 0 && axes[i] <= axes[i - 1]))
      return emitOptionalError(loc, "expected axes sorted, unique and in [0, ",
                               input.size(), "), got [", axes, "]");
  Shape shape;
  for (auto [d, size] : llvm::enumerate(input)) {
    bool reduced = llvm::is_contained(axes, static_cast<int64_t>(d));
    if (!reduced)
      shape.push_back(size);
    else if (op.getKeepDims())
      shape.push_back(1);
  }
  return addResult(loc, op.getInput().getType(), shape, types);
}

LogicalResult ReduceMeanOp::verify() {
  if (checkedElementCount(shapeOf(getInput())) == 0)
    return emitOpError("expected a non-empty input, got shape [")
           << shapeOf(getInput()) << "]";
  return success();
}
