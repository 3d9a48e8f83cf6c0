//===- HostExecutor.cpp - Host functions by MLIR's JIT --------------------===//

#include "HostExecutor.h"

#include "llvm/ADT/STLExtras.h"

using namespace accopt;

llvm::Error
HostExecutor::run(const HostFunction &function,
                  llvm::ArrayRef<llvm::ArrayRef<int8_t>> inputs,
                  llvm::ArrayRef<llvm::MutableArrayRef<int8_t>> outputs) {
  auto fail = [&](const llvm::Twine &text) {
    return llvm::make_error<llvm::StringError>(
        "host function '" + function.symbol + "': " + text,
        std::make_error_code(std::errc::invalid_argument));
  };
  std::unique_ptr<Executor> &executor = compiled[function.symbol];
  if (!executor) {
    auto created = Executor::createFromBytecode(
        llvm::ArrayRef<char>(program.hostModule.data(),
                             program.hostModule.size()),
        function.symbol);
    if (!created)
      return fail(llvm::toString(created.takeError()));
    executor = std::move(*created);
  }
  std::vector<Tensor> arguments;
  for (auto [argument, bytes] : llvm::zip_equal(function.arguments, inputs))
    arguments.push_back(Tensor::create<int8_t>(argument.shape, bytes));
  llvm::Expected<std::vector<Tensor>> results = executor->run(arguments);
  if (!results)
    return fail(llvm::toString(results.takeError()));
  if (results->size() != outputs.size())
    return fail("expected " + llvm::Twine(outputs.size()) + " results, got " +
                llvm::Twine(results->size()));
  for (auto [result, bytes] : llvm::zip_equal(*results, outputs)) {
    if (result.kind != ElementKind::I8 || result.bytes.size() != bytes.size())
      return fail("expected a result of " + llvm::Twine(bytes.size()) +
                  " int8, got " + llvm::Twine(result.bytes.size()) + " bytes");
    std::memcpy(bytes.data(), result.bytes.data(), bytes.size());
  }
  return llvm::Error::success();
}
