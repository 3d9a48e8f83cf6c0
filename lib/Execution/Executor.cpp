//===- Executor.cpp - Running TOSA on the host ----------------------------===//
//
// A module is cloned and lowered; its large constants become arguments, what
// depends on them alone is computed once by a second function. LLVM's ORC JIT
// turns both into machine code.
//
//===----------------------------------------------------------------------===//

#include "accopt/Execution/Executor.h"

#include "lib/Execution/Constants.h"
#include "lib/Execution/Lowering.h"

#include "mlir/Bytecode/BytecodeReader.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/ExecutionEngine/ExecutionEngine.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

#include <mutex>

using namespace mlir;

namespace accopt {

static llvm::Error makeError(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

namespace {
/// Collects errors instead of printing them.
class ErrorCollector {
public:
  explicit ErrorCollector(MLIRContext *context)
      : handler(context, [this](Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() == DiagnosticSeverity::Error &&
              text.empty())
            text = diagnostic.str();
          return success();
        }) {}
  /// `what`, and the first error if there was one.
  llvm::Error take(const llvm::Twine &what) {
    return text.empty() ? makeError(what) : makeError(what + ": " + text);
  }

private:
  std::string text;
  ScopedDiagnosticHandler handler;
};

/// Type of an argument or a result.
struct Slot {
  SmallVector<int64_t> shape;
  ElementKind kind;

  size_t bytes() const {
    size_t count = getByteWidth(kind);
    for (int64_t size : shape)
      count *= static_cast<size_t>(size);
    return count;
  }
};

using Buffer = std::vector<uint8_t>;
} // namespace

struct Executor::Impl {
  /// Owns what createFromBytecode parsed; destroyed last.
  std::unique_ptr<MLIRContext> context;
  OwningOpRef<ModuleOp> source;
  std::vector<ConstantData> constants;
  std::vector<Buffer> prepared;
  std::vector<Slot> inputs, outputs;
  std::unique_ptr<ExecutionEngine> engine;
  void (*entry)(void **) = nullptr;
};

Executor::Executor(std::unique_ptr<Impl> state) : impl(std::move(state)) {}
Executor::~Executor() = default;

static std::optional<Slot> slotOf(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape())
    return std::nullopt;
  Slot slot;
  slot.shape.assign(tensor.getShape().begin(), tensor.getShape().end());
  Type element = tensor.getElementType();
  if (element.isF32())
    slot.kind = ElementKind::F32;
  else if (element.isInteger(1))
    slot.kind = ElementKind::I1;
  else if (element.isInteger(8))
    slot.kind = ElementKind::I8;
  else if (element.isInteger(16))
    slot.kind = ElementKind::I16;
  else if (element.isInteger(32))
    slot.kind = ElementKind::I32;
  else if (element.isInteger(64))
    slot.kind = ElementKind::I64;
  else
    return std::nullopt;
  return slot;
}

static llvm::Error readSlots(TypeRange types, std::vector<Slot> &slots) {
  for (Type type : types) {
    std::optional<Slot> slot = slotOf(type);
    if (!slot) {
      std::string text;
      llvm::raw_string_ostream(text) << type;
      return makeError("expected static tensors of f32 or integers, got " +
                       text);
    }
    slots.push_back(std::move(*slot));
  }
  return llvm::Error::success();
}

/// Calls a compiled function on bare pointers to its arguments and results.
static void call(void (*function)(void **), MutableArrayRef<void *> pointers) {
  SmallVector<void *> addresses;
  for (void *&pointer : pointers)
    addresses.push_back(static_cast<void *>(&pointer));
  function(addresses.data());
}

/// LLVM's own pipeline. Reductions are unrolled and vectorized already, and
/// elementwise loops are bound by memory: unrolling would cost time to compile
/// and gain none.
static llvm::Error optimize(llvm::Module *module, unsigned level,
                            llvm::TargetMachine *machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PipelineTuningOptions tuning;
  tuning.LoopUnrolling = false;
  tuning.SLPVectorization = false;
  tuning.LoopVectorization = level > 1;
  llvm::PassBuilder builder(machine, tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  const llvm::OptimizationLevel levels[] = {
      llvm::OptimizationLevel::O0, llvm::OptimizationLevel::O1,
      llvm::OptimizationLevel::O2, llvm::OptimizationLevel::O3};
  builder.buildPerModuleDefaultPipeline(levels[std::min(level, 3u)])
      .run(*module, modules);
  return llvm::Error::success();
}

static llvm::Expected<std::unique_ptr<ExecutionEngine>>
compile(ModuleOp module, unsigned optLevel) {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
  });
  auto host = llvm::orc::JITTargetMachineBuilder::detectHost();
  if (!host)
    return host.takeError();
  auto codeGenLevel = static_cast<llvm::CodeGenOptLevel>(optLevel);
  host->setCodeGenOptLevel(codeGenLevel);
  auto machine = host->createTargetMachine();
  if (!machine)
    return machine.takeError();
  auto transformer = [&](llvm::Module *llvmModule) {
    return optimize(llvmModule, optLevel, machine->get());
  };
  ExecutionEngineOptions options;
  options.transformer = transformer;
  options.jitCodeGenOptLevel = codeGenLevel;
  options.enableGDBNotificationListener = false;
  options.enablePerfNotificationListener = false;
  return ExecutionEngine::create(module, options, std::move(*machine));
}

llvm::Expected<std::unique_ptr<Executor>>
Executor::create(ModuleOp source, StringRef name,
                 const ExecutorOptions &options) {
  MLIRContext *context = source.getContext();
  DialectRegistry registry;
  registerInputDialects(registry);
  registerLoweringInterfaces(registry);
  context->appendDialectRegistry(registry);

  ErrorCollector errors(context);
  auto impl = std::make_unique<Impl>();
  OwningOpRef<ModuleOp> module = source.clone();
  auto function = module->lookupSymbol<func::FuncOp>(name);
  if (!function || function.isExternal())
    return makeError("expected a function '" + name + "' with a body");
  if (auto error = readSlots(function.getArgumentTypes(), impl->inputs))
    return error;
  if (auto error = readSlots(function.getResultTypes(), impl->outputs))
    return error;
  if (failed(lowerToLinalg(*module, function, options.vectorize)))
    return errors.take("cannot lower '" + name + "' to linalg");

  impl->constants = extractConstants(function);
  constexpr const char *preparationName = "accopt.prepare";
  func::FuncOp preparation = extractPreparation(
      function, static_cast<unsigned>(impl->constants.size()), preparationName);
  std::vector<Slot> prepared;
  if (preparation)
    if (auto error = readSlots(preparation.getResultTypes(), prepared))
      return error;
  constexpr const char *entryName = "accopt.entry";
  function.setName(entryName);
  if (failed(lowerToLLVM(*module, options)))
    return errors.take("cannot lower '" + name + "' to LLVM");

  auto engine = compile(*module, options.optLevel);
  if (!engine)
    return engine.takeError();
  impl->engine = std::move(*engine);
  auto entry = impl->engine->lookupPacked(entryName);
  if (!entry)
    return entry.takeError();
  impl->entry = *entry;

  if (preparation) {
    auto prepare = impl->engine->lookupPacked(preparationName);
    if (!prepare)
      return prepare.takeError();
    SmallVector<void *> pointers;
    for (const ConstantData &constant : impl->constants)
      pointers.push_back(const_cast<void *>(constant.data));
    for (const Slot &slot : prepared)
      pointers.push_back(impl->prepared.emplace_back(slot.bytes()).data());
    call(*prepare, pointers);
  }
  return std::unique_ptr<Executor>(new Executor(std::move(impl)));
}

/// MLIR's reader of bytecode trusts its input where it is damaged, so the bytes
/// are followed by their hash.
static std::string sealOf(StringRef bytecode) {
  auto hash = llvm::SHA256::hash(
      ArrayRef(bytecode.bytes_begin(), bytecode.bytes_end()));
  return std::string(hash.begin(), hash.end());
}

/// The bytecode without its hash, if that is right.
static llvm::Expected<StringRef> checkSeal(ArrayRef<char> bytes) {
  constexpr size_t hashSize = 32;
  StringRef text(bytes.data(), bytes.size());
  if (text.size() <= hashSize)
    return makeError("malformed module: expected more than 32 bytes, got " +
                     llvm::Twine(text.size()));
  StringRef bytecode = text.drop_back(hashSize);
  if (sealOf(bytecode) != text.take_back(hashSize))
    return makeError("malformed module: expected its SHA-256 at its end");
  if (!isBytecode(llvm::MemoryBufferRef(bytecode, "module")))
    return makeError("malformed module: expected MLIR bytecode");
  return bytecode;
}

/// Refuses tensors that no host segment of a real network has: bytecode comes
/// from files.
static llvm::Error checkSizes(ModuleOp module) {
  constexpr int64_t maxElements = int64_t(1) << 31;
  auto isReasonable = [](Type type) {
    auto shaped = dyn_cast<ShapedType>(type);
    if (!shaped)
      return true;
    if (!shaped.hasStaticShape())
      return false;
    int64_t count = 1;
    for (int64_t size : shaped.getShape())
      if (llvm::MulOverflow(count, size, count) || count > maxElements)
        return false;
    return true;
  };
  bool fits = true;
  module.walk([&](Operation *op) {
    fits &= llvm::all_of(op->getResultTypes(), isReasonable);
    for (Region &region : op->getRegions())
      for (Block &block : region)
        fits &= llvm::all_of(block.getArgumentTypes(), isReasonable);
  });
  return fits ? llvm::Error::success()
              : makeError("malformed module: expected tensors of static shape "
                          "and at most 2^31 elements");
}

llvm::Expected<std::unique_ptr<Executor>>
Executor::createFromBytecode(ArrayRef<char> bytecode, StringRef function,
                             const ExecutorOptions &options) {
  llvm::Expected<StringRef> code = checkSeal(bytecode);
  if (!code)
    return code.takeError();
  DialectRegistry registry;
  registerInputDialects(registry);
  auto context =
      std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  OwningOpRef<ModuleOp> module;
  {
    ErrorCollector errors(context.get());
    // Constants in bytecode are aligned, to at most this; a binary's sections
    // lie at any byte.
    auto aligned = llvm::WritableMemoryBuffer::getNewUninitMemBuffer(
        code->size(), "module", llvm::Align(64));
    if (!aligned)
      return makeError("cannot allocate " + llvm::Twine(code->size()) +
                       " bytes");
    llvm::copy(*code, aligned->getBufferStart());
    llvm::SourceMgr sources;
    sources.AddNewSourceBuffer(std::move(aligned), llvm::SMLoc());
    module = parseSourceFile<ModuleOp>(sources, context.get());
    if (!module)
      return errors.take("malformed module");
  }
  if (llvm::Error error = checkSizes(*module))
    return error;
  auto executor = create(*module, function, options);
  if (!executor)
    return executor.takeError();
  (*executor)->impl->context = std::move(context);
  (*executor)->impl->source = std::move(module);
  return executor;
}

static std::string describe(ArrayRef<int64_t> shape, ElementKind kind) {
  static constexpr const char *names[] = {"f32", "i1",  "i8",
                                          "i16", "i32", "i64"};
  std::string text;
  llvm::raw_string_ostream os(text);
  for (int64_t size : shape)
    os << size << "x";
  os << names[static_cast<int>(kind)];
  return text;
}

llvm::Expected<std::vector<Tensor>>
Executor::run(ArrayRef<Tensor> inputs) const {
  if (inputs.size() != impl->inputs.size())
    return makeError("expected " + llvm::Twine(impl->inputs.size()) +
                     " inputs, got " + llvm::Twine(inputs.size()));
  SmallVector<void *> pointers;
  for (auto [index, input, slot] : llvm::enumerate(inputs, impl->inputs)) {
    if (ArrayRef(input.shape) != ArrayRef(slot.shape) ||
        input.kind != slot.kind || input.bytes.size() != slot.bytes())
      return makeError("input " + llvm::Twine(index) + ": expected " +
                       describe(slot.shape, slot.kind) + ", got " +
                       describe(input.shape, input.kind));
    pointers.push_back(const_cast<uint8_t *>(input.bytes.data()));
  }
  for (const ConstantData &constant : impl->constants)
    pointers.push_back(const_cast<void *>(constant.data));
  for (const Buffer &buffer : impl->prepared)
    pointers.push_back(const_cast<uint8_t *>(buffer.data()));
  std::vector<Tensor> outputs;
  outputs.reserve(impl->outputs.size());
  for (const Slot &slot : impl->outputs) {
    Tensor &output = outputs.emplace_back();
    output.shape = slot.shape;
    output.kind = slot.kind;
    output.bytes.resize(slot.bytes());
    pointers.push_back(output.bytes.data());
  }
  call(impl->entry, pointers);
  return outputs;
}

std::string toBytecode(ModuleOp module) {
  std::string bytes;
  llvm::raw_string_ostream os(bytes);
  // The producer's name would tie the bytes to the build.
  BytecodeWriterConfig config("accopt");
  (void)writeBytecodeToFile(module, os, config);
  return bytes + sealOf(bytes);
}

} // namespace accopt
