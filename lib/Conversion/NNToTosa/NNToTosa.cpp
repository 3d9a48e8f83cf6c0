//===- NNToTosa.cpp - Lowering of nn to TOSA ------------------------------===//
//
// Walks a function once and builds each op in TOSA, by way of the Converter.
//
//===----------------------------------------------------------------------===//

#include "accopt/Conversion/NNToTosa.h"

#include "lib/Conversion/NNToTosa/Converter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tosa/IR/TosaOps.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace accopt {

#define GEN_PASS_DEF_NNTOTOSAPASS
#include "accopt/Conversion/NNToTosa.h.inc"

void loadTosaDialects(MLIRContext &context) {
  context.loadDialect<arith::ArithDialect, func::FuncDialect,
                      linalg::LinalgDialect, math::MathDialect, scf::SCFDialect,
                      tensor::TensorDialect, tosa::TosaDialect>();
}

/// The type of the tensor that holds an nn value.
static Type storageTensor(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return RankedTensorType::get(tensor.getShape(),
                               Converter::storageType(tensor.getElementType()));
}

FailureOr<func::FuncOp> convertNNToTosa(func::FuncOp nnFunction,
                                        ArrayRef<Value> alsoReturned) {
  if (!nnFunction.getBody().hasOneBlock())
    return nnFunction.emitOpError("expected one block to lower to TOSA");
  loadTosaDialects(*nnFunction.getContext());
  Operation *terminator = nnFunction.getBody().front().getTerminator();
  SmallVector<Value> returned(terminator->getOperands());
  llvm::append_range(returned, alsoReturned);
  auto types = [](auto &&values) {
    return llvm::map_to_vector(
        values, [](Value value) { return storageTensor(value.getType()); });
  };
  OpBuilder outside(nnFunction);
  auto type = outside.getFunctionType(types(nnFunction.getArguments()),
                                      types(ArrayRef(returned)));
  auto function = func::FuncOp::create(outside, nnFunction.getLoc(),
                                       nnFunction.getName(), type);
  function.setVisibility(nnFunction.getVisibility());
  Block *block = function.addEntryBlock();

  TosaBuilder builder(nnFunction.getLoc(), function.getContext());
  builder.setInsertionPointToEnd(block);
  Converter converter(builder);
  for (auto [from, to] :
       llvm::zip_equal(nnFunction.getArguments(), block->getArguments()))
    converter.setStored(from, to, Layout::ChannelsFirst);
  for (Operation &op : nnFunction.getBody().front().without_terminator())
    if (failed(converter.convert(&op))) {
      function.erase();
      return failure();
    }
  builder.setLoc(terminator->getLoc());
  SmallVector<Value> results;
  for (Value value : returned)
    results.push_back(converter.stored(value, Layout::ChannelsFirst));
  func::ReturnOp::create(builder, results);
  return function;
}

//===----------------------------------------------------------------------===//
// Host segments
//===----------------------------------------------------------------------===//

/// The type of an argument or result with channels last, rank as in nn.
static Type channelsLastType(Type type) {
  auto tensor = cast<RankedTensorType>(storageTensor(type));
  ArrayRef<int64_t> shape = tensor.getShape();
  if (shape.size() == 4)
    return tensor.clone({shape[0], shape[2], shape[3], shape[1]});
  if (shape.size() == 3)
    return tensor.clone({shape[0], shape[2], shape[1]});
  return tensor;
}

/// Images of integers are the machine's, which has channels last.
static bool hasChannels(Value value) {
  size_t rank = getShape(value).size();
  return isa<quant::QuantizedType>(getElementType(value)) &&
         (rank == 3 || rank == 4);
}

FailureOr<func::FuncOp> buildHostFunction(OpBuilder &at, Operation *op,
                                          StringRef name, bool channelsLast) {
  loadTosaDialects(*op->getContext());
  SmallVector<Value> arguments;
  for (Value operand : op->getOperands())
    if (!operand.getDefiningOp<nn::ConstantOp>() &&
        !llvm::is_contained(arguments, operand))
      arguments.push_back(operand);
  auto types = [&](auto &&values) {
    return llvm::map_to_vector(values, [&](Value value) {
      return channelsLast && hasChannels(value)
                 ? channelsLastType(value.getType())
                 : storageTensor(value.getType());
    });
  };
  auto function = func::FuncOp::create(
      at, op->getLoc(), name,
      at.getFunctionType(types(ArrayRef(arguments)), types(op->getResults())));
  Block *block = function.addEntryBlock();
  TosaBuilder builder(op->getLoc(), op->getContext());
  builder.setInsertionPointToEnd(block);

  Converter converter(builder);
  llvm::SetVector<Operation *> constants;
  for (Value operand : op->getOperands())
    if (auto constant = operand.getDefiningOp<nn::ConstantOp>())
      constants.insert(constant);
  for (Operation *constant : constants)
    if (failed(converter.convert(constant)))
      return failure();
  for (auto [from, to] : llvm::zip_equal(arguments, block->getArguments())) {
    if (channelsLast && hasChannels(from))
      converter.setStored(
          from, builder.reshape(to, Converter::lastShape(getShape(from))),
          Layout::ChannelsLast);
    else
      converter.setStored(from, to, Layout::ChannelsFirst);
  }
  if (failed(converter.convert(op))) {
    function.erase();
    return failure();
  }
  SmallVector<Value> results;
  for (auto [result, type] :
       llvm::zip_equal(op->getResults(), function.getResultTypes())) {
    bool last = channelsLast && hasChannels(result);
    Value value = converter.stored(result, last ? Layout::ChannelsLast
                                                : Layout::ChannelsFirst);
    results.push_back(
        builder.reshape(value, cast<RankedTensorType>(type).getShape()));
  }
  func::ReturnOp::create(builder, results);
  return function;
}

//===----------------------------------------------------------------------===//
// Pass
//===----------------------------------------------------------------------===//

namespace {
struct NNToTosaPass : impl::NNToTosaPassBase<NNToTosaPass> {
  void runOnOperation() override {
    SmallVector<func::FuncOp> functions(getOperation().getOps<func::FuncOp>());
    for (func::FuncOp function : functions) {
      if (function.isExternal())
        continue;
      if (failed(convertNNToTosa(function)))
        return signalPassFailure();
      function.erase();
    }
  }
};
} // namespace

} // namespace accopt
