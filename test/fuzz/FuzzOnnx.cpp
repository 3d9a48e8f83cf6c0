//===- FuzzOnnx.cpp - Fuzzer of the importer ------------------------------===//
//
// Import either gives a module that verifies and reads back from its text, or
// lines `error: FILE: ...` and no module.
//
//===----------------------------------------------------------------------===//

#include "FuzzSupport.h"
#include "OnnxMutator.h"

#include "accopt/Import/Import.h"
#include "dialects/NN/NNDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <google/protobuf/stubs/logging.h>

using namespace accopt;
using llvm::StringRef;

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

namespace {
/// A folder of this process with the model and a file of external data, which
/// goes when the process ends.
class Folder {
public:
  Folder() {
    if (llvm::sys::fs::createUniqueDirectory("fuzz-onnx", folder))
      fuzz::demand(false, "expected a folder for temporary files");
    write(fuzz::kDataFile, std::string(4096, '\1'));
  }
  ~Folder() { (void)llvm::sys::fs::remove_directories(folder); }

  std::string path(StringRef name) const {
    llvm::SmallString<128> result(folder);
    llvm::sys::path::append(result, name);
    return result.str().str();
  }
  void write(StringRef name, StringRef bytes) const {
    std::error_code code;
    llvm::raw_fd_ostream(path(name), code) << bytes;
    fuzz::demand(!code, "expected to write " + path(name));
  }

private:
  llvm::SmallString<128> folder;
};
} // namespace

static void checkErrors(StringRef errors, StringRef path) {
  fuzz::demand(errors.ends_with("\n"), "expected lines, got: " + errors);
  llvm::SmallVector<StringRef> lines;
  errors.drop_back().split(lines, '\n');
  for (StringRef line : lines) {
    fuzz::demandErrorLine(line);
    fuzz::demand(line.starts_with("error: " + path.str() + ": "),
                 "expected the file's name, got: " + line);
  }
}

/// What `--emit=nn` prints is what the next tool reads.
static void demandReadsBack(mlir::ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream os(text);
  mlir::OpPrintingFlags flags;
  flags.enableDebugInfo();
  module.print(os, flags);
  mlir::OwningOpRef<mlir::ModuleOp> again =
      mlir::parseSourceString<mlir::ModuleOp>(text, module.getContext());
  fuzz::demand(static_cast<bool>(again), "printed, but not read: " + text);
}

/// Warnings of the file at `path` come with modules.
static std::string withoutWarnings(StringRef text, StringRef path) {
  std::string errors, start = ("warning: " + path + ": ").str();
  for (StringRef line : llvm::split(text, '\n'))
    if (!line.empty() && !line.starts_with(start))
      errors += (line + "\n").str();
  return errors;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const Folder folder;
  static const std::string path = folder.path("model.onnx");
  folder.write("model.onnx",
               StringRef(reinterpret_cast<const char *>(data), size));

  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<nn::NNDialect, mlir::func::FuncDialect,
                      mlir::quant::QuantDialect>();
  std::string errors;
  llvm::raw_string_ostream os(errors);
  mlir::OwningOpRef<mlir::ModuleOp> module =
      importOnnx(path, ImportOptions(), context, os);
  errors = withoutWarnings(errors, path);
  if (!module) {
    checkErrors(errors, path);
    return 0;
  }
  fuzz::demand(errors.empty(), "a module and an error: " + errors);
  fuzz::demand(mlir::succeeded(mlir::verify(*module)),
               "expected a valid module");
  demandReadsBack(*module);
  return 0;
}

static bool parse(onnx::ModelProto &model, const uint8_t *data, size_t size) {
  google::protobuf::LogSilencer silencer;
  return model.ParseFromArray(data, int(size)) && model.has_graph();
}

/// Writes `model` to `data`, if it fits.
static size_t store(const onnx::ModelProto &model, uint8_t *data,
                    size_t maxSize) {
  size_t size = model.ByteSizeLong();
  return size <= maxSize && model.SerializeToArray(data, int(size)) ? size : 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned seed) {
  fuzz::Choices choices(seed);
  onnx::ModelProto model;
  if (choices.oneIn(16) || !parse(model, data, size))
    return LLVMFuzzerMutate(data, size, maxSize);
  for (size_t more = 1 + choices.below(3); more; --more)
    fuzz::mutateModel(model, choices);
  if (!choices.oneIn(8))
    fuzz::repairModel(model, choices);
  // The version converter takes 30 ms and would be most of what runs.
  if (!choices.oneIn(8))
    fuzz::setOpset(model, 25);
  size_t stored = store(model, data, maxSize);
  return stored ? stored : LLVMFuzzerMutate(data, size, maxSize);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t *first,
                                            size_t firstSize,
                                            const uint8_t *second,
                                            size_t secondSize, uint8_t *out,
                                            size_t maxOutSize, unsigned seed) {
  fuzz::Choices choices(seed);
  onnx::ModelProto model, other;
  if (!parse(model, first, firstSize) || !parse(other, second, secondSize))
    return 0;
  fuzz::mergeModel(model, other, choices);
  fuzz::repairModel(model, choices);
  fuzz::setOpset(model, 25);
  return store(model, out, maxOutSize);
}
