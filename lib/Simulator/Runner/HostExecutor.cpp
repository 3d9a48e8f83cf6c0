//===- HostExecutor.cpp - Host functions by MLIR's JIT --------------------===//

#include "HostExecutor.h"

#include "llvm/ADT/STLExtras.h"

using namespace accopt;

std::optional<ElementKind> accopt::kindOf(NumpyType type) {
  switch (type) {
  case NumpyType::Float32:
    return ElementKind::F32;
  case NumpyType::Bool:
    return ElementKind::I1;
  case NumpyType::Int8:
  case NumpyType::UInt8:
    return ElementKind::I8;
  case NumpyType::Int16:
  case NumpyType::UInt16:
    return ElementKind::I16;
  case NumpyType::Int32:
  case NumpyType::UInt32:
    return ElementKind::I32;
  case NumpyType::Int64:
  case NumpyType::UInt64:
    return ElementKind::I64;
  default:
    return std::nullopt;
  }
}

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
  for (auto [argument, bytes] : llvm::zip_equal(function.arguments, inputs)) {
    Tensor &tensor = arguments.emplace_back();
    tensor.shape.assign(argument.shape.begin(), argument.shape.end());
    std::optional<ElementKind> kind = kindOf(argument.type);
    if (!kind)
      return fail("no tensors of " + getName(argument.type));
    tensor.kind = *kind;
    tensor.bytes.assign(bytes.begin(), bytes.end());
  }
  llvm::Expected<std::vector<Tensor>> results = executor->run(arguments);
  if (!results)
    return fail(llvm::toString(results.takeError()));
  if (results->size() != outputs.size())
    return fail("expected " + llvm::Twine(outputs.size()) + " results, got " +
                llvm::Twine(results->size()));
  for (auto [result, bytes, described] :
       llvm::zip_equal(*results, outputs, function.results)) {
    if (result.kind != kindOf(described.type) ||
        result.bytes.size() != bytes.size())
      return fail("expected a result of " + llvm::Twine(bytes.size()) +
                  " bytes of " + getName(described.type) + ", got " +
                  llvm::Twine(result.bytes.size()) + " bytes");
    std::memcpy(bytes.data(), result.bytes.data(), bytes.size());
  }
  return llvm::Error::success();
}
