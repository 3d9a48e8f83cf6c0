//===- Compile.cpp - From a model to a binary -----------------------------===//
//
// Part of AccOpt. Import, transforms, ranges, quantization, conversion,
// schedule, analysis, code generation; one way, stage after stage.
//
//===----------------------------------------------------------------------===//

#include "accopt/Driver/Compile.h"

#include "Calibrate.h"

#include "accopt/Analysis/CostAnalysis.h"
#include "accopt/CodeGen/Binary.h"
#include "accopt/Conversion/AccelToTosa.h"
#include "accopt/Conversion/NNToAccel.h"
#include "accopt/Execution/Executor.h"
#include "accopt/InitAllDialects.h"
#include "accopt/Report/CostReportBuilder.h"
#include "accopt/Report/ReportWriter.h"
#include "accopt/Schedule/ProgramIR.h"
#include "accopt/Schedule/Schedule.h"
#include "accopt/Support/Diagnostics.h"
#include "accopt/Support/OutputFile.h"
#include "accopt/Target/MachineIO.h"
#include "accopt/Transforms/Pipelines.h"
#include "dialects/Accel/AccelOps.h"

#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace accopt {
namespace {

class Compiler {
public:
  explicit Compiler(const CompileOptions &options)
      : options(options), context(MLIRContext::Threading::DISABLED) {
    DialectRegistry registry;
    registerAllDialects(registry);
    context.appendDialectRegistry(registry);
  }

  llvm::Error run();

private:
  llvm::Error emitModule();
  llvm::Error toQuantized();
  llvm::Error emitProgram();
  llvm::Error report(const Program &program);
  /// A stage failed after it printed its diagnostics.
  static llvm::Error reported() {
    return llvm::createStringError(std::errc::invalid_argument, "");
  }

  const CompileOptions &options;
  MLIRContext context;
  Machine machine;
  OwningOpRef<ModuleOp> module;
};

llvm::Error Compiler::run() {
  llvm::Expected<Machine> loaded = loadMachine(options.target);
  if (!loaded)
    return loaded.takeError();
  machine = *loaded;
  // One line per problem: file and node, not a dump of IR.
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
      printDiagnostic(options.input, diagnostic);
    return success();
  });
  module = importOnnx(options.input, options.import, context, llvm::errs());
  if (!module)
    return reported();
  if (options.stage == Stage::NN)
    return emitModule();
  if (llvm::Error error = toQuantized())
    return error;
  if (options.stage == Stage::NNQuantized)
    return emitModule();
  if (failed(convertNNToAccel(*module)))
    return reported();
  if (options.stage == Stage::Accel)
    return emitModule();
  if (options.stage == Stage::Tosa) {
    if (failed(convertAccelToTosa(module->lookupSymbol<func::FuncOp>("main"))))
      return reported();
    return emitModule();
  }
  return emitProgram();
}

llvm::Error Compiler::toQuantized() {
  PassManager manager(&context);
  buildFloatPipeline(manager);
  if (failed(manager.run(*module)))
    return reported();
  auto function = module->lookupSymbol<func::FuncOp>("main");
  llvm::Expected<RangeTable> ranges = findRanges(function, options);
  if (!ranges)
    return ranges.takeError();
  if (!options.saveCalibration.empty())
    if (llvm::Error error = writeRanges(options.saveCalibration, *ranges))
      return error;
  if (failed(quantize(*module, *ranges)))
    return reported();
  return llvm::Error::success();
}

llvm::Error Compiler::emitModule() {
  return writeOutputFile(options.output.empty() ? "-" : options.output,
                         [&](llvm::raw_ostream &os) {
                           module->print(os, OpPrintingFlags().enableDebugInfo(
                                                 true, /*prettyForm=*/false));
                           os << '\n';
                           return llvm::Error::success();
                         });
}

/// The host's functions, without `@main`.
std::string hostBytecode(ModuleOp module) {
  OpBuilder builder(module.getContext());
  OwningOpRef<ModuleOp> host = ModuleOp::create(builder, module.getLoc());
  for (auto function : module.getOps<func::FuncOp>())
    if (function.getName() != "main") {
      auto clone = cast<func::FuncOp>(function->clone());
      clone.setPublic();
      host->push_back(clone);
    }
  if (host->getBody()->empty())
    return {};
  return toBytecode(*host);
}

llvm::Error Compiler::emitProgram() {
  FailureOr<Program> program = schedule(*module, machine);
  if (failed(program))
    return reported();
  program->hostModule = hostBytecode(*module);
  if (program->modelName.empty())
    program->modelName = llvm::sys::path::stem(options.input).str();
  if (options.stage == Stage::AccelCommands) {
    module = programToIR(*program, context);
    return emitModule();
  }
  llvm::Expected<llvm::SmallVector<char, 0>> binary = writeBinary(*program);
  if (!binary)
    return binary.takeError();
  std::string path = options.output;
  if (path.empty())
    path = (llvm::sys::path::stem(options.input) + ".elf").str();
  // Nothing is written before all that can fail has succeeded.
  if (llvm::Error error = report(*program))
    return error;
  return writeOutputFile(path, llvm::StringRef(binary->data(), binary->size()));
}

llvm::Error Compiler::report(const Program &program) {
  llvm::Expected<CostAnalysis> cost = analyzeCost(program);
  if (!cost)
    return cost.takeError();
  std::vector<std::string> paths = options.reports;
  if (paths.empty() && !options.quiet)
    paths.push_back("-");
  return writeReports(buildCostReport(program, cost->layers, "analysis"),
                      paths);
}
} // namespace

int compile(const CompileOptions &options) {
  llvm::Error error = Compiler(options).run();
  if (!error)
    return 0;
  std::string message = llvm::toString(std::move(error));
  if (!message.empty())
    llvm::errs() << "error: " << message << '\n';
  return 1;
}

llvm::Expected<llvm::SmallVector<int64_t>> parseShape(llvm::StringRef text) {
  llvm::SmallVector<int64_t> shape;
  llvm::SmallVector<llvm::StringRef> parts;
  text.split(parts, 'x');
  for (llvm::StringRef part : parts) {
    int64_t size = 0;
    if (part.getAsInteger(10, size) || size < 1)
      return llvm::createStringError(
          std::errc::invalid_argument,
          "expected a shape such as 1x3x224x224, got '%s'", text.str().c_str());
    shape.push_back(size);
  }
  return shape;
}

} // namespace accopt
