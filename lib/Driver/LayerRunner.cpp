//===- LayerRunner.cpp - The integers of accel layers ---------------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "LayerRunner.h"

#include "accopt/Conversion/AccelToTosa.h"
#include "accopt/Schedule/Schedule.h"
#include "accopt/Simulator/TensorLayout.h"

#include "dialects/Accel/AccelOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <algorithm>
#include <numeric>

using namespace mlir;

namespace accopt {

std::vector<float> toModelValues(const Tensor &tensor, const TensorInfo &info) {
  if (tensor.kind == ElementKind::F32)
    return tensor.values<float>().vec();
  llvm::ArrayRef<int8_t> stored(
      reinterpret_cast<const int8_t *>(tensor.bytes.data()),
      tensor.bytes.size());
  std::vector<int8_t> model(stored.size());
  toModelOrder(info, stored, model);
  return dequantizeValues(model, info);
}

/// What the machine takes for a quantized input.
static Tensor quantizeInput(const Tensor &tensor, const TensorInfo &info) {
  std::vector<int8_t> model = quantizeValues(tensor.values<float>(), info);
  std::vector<int8_t> stored(model.size());
  toStoredOrder(info, model, stored);
  Tensor quantized;
  quantized.kind =
      info.type == NumpyType::Int16 ? ElementKind::I16 : ElementKind::I8;
  quantized.shape.assign(info.shape.begin(), info.shape.end());
  quantized.bytes.assign(stored.begin(), stored.end());
  return quantized;
}

std::vector<Tensor>
LayerRunner::quantizeInputs(llvm::ArrayRef<Tensor> inputs) const {
  std::vector<Tensor> stored;
  for (auto [tensor, info] : llvm::zip_equal(inputs, inputInfos))
    stored.push_back(isQuantized(info) ? quantizeInput(tensor, info) : tensor);
  return stored;
}

llvm::Expected<std::vector<std::vector<float>>>
LayerRunner::runScores(llvm::ArrayRef<Tensor> inputs) const {
  auto results = run(quantizeInputs(inputs));
  if (!results)
    return results.takeError();
  std::vector<std::vector<float>> values;
  values.reserve(scores.size());
  for (const Score &score : scores)
    values.push_back(toModelValues((*results)[score.result], score.info));
  return values;
}

/// How `value`, which an op of the host reads, stands for the model's tensor of
/// `modelShape`. What was moved for the op alone has no description, but the
/// scale of what it was and the host's order: channels last where it is
/// quantized.
static llvm::Expected<TensorInfo> describe(Value value,
                                           ArrayRef<int64_t> modelShape) {
  if (getElementTypeOrSelf(value.getType()).isF32())
    return TensorInfo();
  std::optional<TensorInfo> info;
  bool isMoved = false;
  for (Value from = value; !info && from.getDefiningOp(); isMoved |= !info) {
    mlir::Operation *op = from.getDefiningOp();
    if (auto attributes = op->getAttrOfType<DictionaryAttr>("accel.tensor"))
      info = readDescription(from, attributes);
    else if (isa<accel::ReshapeOp, accel::TransposeOp>(op))
      from = op->getOperand(0);
    else
      break;
  }
  if (info && isMoved) {
    info->shape = cast<RankedTensorType>(value.getType()).getShape().vec();
    info->permutation.resize(info->shape.size());
    std::iota(info->permutation.begin(), info->permutation.end(), 0);
    if (info->shape.size() == 3 || info->shape.size() == 4)
      std::rotate(info->permutation.begin() + 1, info->permutation.end() - 1,
                  info->permutation.end());
    info->modelShape.clear();
    for (int64_t dimension : info->permutation)
      info->modelShape.push_back(info->shape[dimension]);
  }
  if (!info || ArrayRef(info->modelShape) != modelShape)
    return llvm::createStringError("expected what a softmax at the end reads "
                                   "to have a description of its shape");
  return *info;
}

static std::vector<Value> describedValues(func::FuncOp function) {
  std::vector<Value> values;
  for (mlir::Operation &op : function.getBody().front())
    if (op.getAttrOfType<DictionaryAttr>("accel.tensor"))
      values.push_back(op.getResult(0));
  return values;
}

llvm::Expected<LayerRunner>
LayerRunner::create(ModuleOp layers, llvm::ArrayRef<unsigned> unwrapped) {
  LayerRunner runner;
  auto main = layers.lookupSymbol<func::FuncOp>("main");
  runner.values = describedValues(main);
  for (BlockArgument argument : main.getArguments())
    runner.inputInfos.push_back(readDescription(
        argument, main.getArgAttrDict(argument.getArgNumber())));
  for (OpOperand &result :
       main.getBody().front().getTerminator()->getOpOperands())
    runner.outputInfos.push_back(readDescription(
        result.get(), main.getResultAttrDict(result.getOperandNumber())));
  OwningOpRef<ModuleOp> module = layers.clone();
  auto function = module->lookupSymbol<func::FuncOp>("main");
  auto ret = cast<func::ReturnOp>(function.getBody().front().getTerminator());
  SmallVector<Value> results(ret.getOperands());
  llvm::append_range(results, describedValues(function));
  for (auto [index, info] : llvm::enumerate(runner.outputInfos)) {
    Value value = results[index];
    bool isReal =
        isQuantized(info) || getElementTypeOrSelf(value.getType()).isF32();
    if (llvm::is_contained(unwrapped, unsigned(index))) {
      while (auto reshape = value.getDefiningOp<accel::ReshapeOp>())
        value = reshape->getOperand(0);
      auto host = value.getDefiningOp<accel::HostOp>();
      if (!host || host->getNumOperands() != 1)
        return llvm::createStringError(
            "result %zu: expected an op of the host with one operand", index);
      Value read = host->getOperand(0);
      auto own = host->getAttrOfType<DictionaryAttr>("accel.tensor");
      TensorInfo wanted = own ? readDescription(value, own) : info;
      llvm::Expected<TensorInfo> found = describe(read, wanted.modelShape);
      if (!found)
        return found.takeError();
      results.push_back(read);
      runner.scores.push_back({results.size() - 1, std::move(*found)});
    } else if (isReal) {
      runner.scores.push_back({index, info});
    }
  }
  ret.getOperandsMutable().assign(results);
  function.setType(FunctionType::get(module->getContext(),
                                     function.getArgumentTypes(),
                                     ValueRange(results).getTypes()));
  function.removeResAttrsAttr();
  if (failed(convertAccelToTosa(function)))
    return llvm::createStringError("cannot lower the layers to TOSA");
  auto executor = Executor::create(*module, "main");
  if (!executor)
    return executor.takeError();
  runner.executor = std::move(*executor);
  return runner;
}

} // namespace accopt
