//===- LayerRunner.cpp - The integers of accel layers ---------------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "LayerRunner.h"

#include "accopt/Conversion/AccelToTosa.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/OwningOpRef.h"

using namespace mlir;

namespace accopt {

static std::vector<Value> describedValues(func::FuncOp function) {
  std::vector<Value> values;
  for (Operation &op : function.getBody().front())
    if (op.getAttrOfType<DictionaryAttr>("accel.tensor"))
      values.push_back(op.getResult(0));
  return values;
}

llvm::Expected<LayerRunner> LayerRunner::create(ModuleOp layers) {
  LayerRunner runner;
  runner.values = describedValues(layers.lookupSymbol<func::FuncOp>("main"));
  OwningOpRef<ModuleOp> module = layers.clone();
  auto function = module->lookupSymbol<func::FuncOp>("main");
  auto ret = cast<func::ReturnOp>(function.getBody().front().getTerminator());
  runner.numOutputs = ret.getNumOperands();
  SmallVector<Value> results(ret.getOperands());
  llvm::append_range(results, describedValues(function));
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
