//===- Intermediates.cpp - Every value of a float network -----------------===//

#include "accopt/Execution/Executor.h"

#include "accopt/Conversion/NNToTosa.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OwningOpRef.h"

using namespace mlir;

namespace accopt {

struct IntermediateRunner::Impl {
  std::unique_ptr<Executor> executor;
  SmallVector<Value> arguments, intermediates;
  size_t numResults = 0;
};

IntermediateRunner::IntermediateRunner(std::unique_ptr<Impl> state)
    : impl(std::move(state)) {}
IntermediateRunner::~IntermediateRunner() = default;

static bool isFloat(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.getElementType().isF32();
}

llvm::Expected<std::unique_ptr<IntermediateRunner>>
IntermediateRunner::create(func::FuncOp nnFunction,
                           const ExecutorOptions &options) {
  auto impl = std::make_unique<Impl>();
  impl->arguments.assign(nnFunction.args_begin(), nnFunction.args_end());
  impl->numResults = nnFunction.getNumResults();
  for (Operation &op : nnFunction.front().without_terminator())
    if (!op.hasTrait<OpTrait::ConstantLike>())
      for (Value result : op.getResults())
        if (isFloat(result))
          impl->intermediates.push_back(result);
  auto lowered = convertNNToTosa(nnFunction, impl->intermediates);
  if (failed(lowered))
    return llvm::createStringError("cannot lower the network to TOSA");
  OwningOpRef<ModuleOp> module = ModuleOp::create(nnFunction.getLoc());
  (*lowered)->moveBefore(module->getBody(), module->getBody()->end());
  auto executor = Executor::create(*module, lowered->getName(), options);
  if (!executor)
    return executor.takeError();
  impl->executor = std::move(*executor);
  return std::unique_ptr<IntermediateRunner>(
      new IntermediateRunner(std::move(impl)));
}

static void report(Value value, const Tensor &tensor, ValueCallback callback) {
  if (isFloat(value))
    callback(value, tensor.values<float>(), tensor.shape);
}

llvm::Error IntermediateRunner::run(ArrayRef<Tensor> inputs,
                                    ValueCallback callback) const {
  auto results = impl->executor->run(inputs);
  if (!results)
    return results.takeError();
  for (auto [value, tensor] : llvm::zip_equal(impl->arguments, inputs))
    report(value, tensor, callback);
  auto tensors = ArrayRef(*results).drop_front(impl->numResults);
  for (auto [value, tensor] : llvm::zip_equal(impl->intermediates, tensors))
    report(value, tensor, callback);
  return llvm::Error::success();
}

llvm::Error runWithIntermediates(func::FuncOp nnFunction,
                                 ArrayRef<Tensor> inputs,
                                 ValueCallback callback) {
  auto runner = IntermediateRunner::create(nnFunction);
  if (!runner)
    return runner.takeError();
  return (*runner)->run(inputs, callback);
}

} // namespace accopt
