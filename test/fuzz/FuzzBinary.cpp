//===- FuzzBinary.cpp - Fuzzer of the loader of binaries ------------------===//
//
// "What loads can run without a check" is the loader's promise: here everything
// that a program goes through does so under AddressSanitizer. Analysis and
// simulator must agree on the cycles, and the binary that the program writes
// must load again and write as the same bytes.
//
//===----------------------------------------------------------------------===//

#include "FuzzSupport.h"

#include "accopt/Analysis/CostAnalysis.h"
#include "accopt/CodeGen/Binary.h"
#include "accopt/Report/MemoryUse.h"
#include "accopt/Simulator/Simulator.h"
#include "accopt/Simulator/TensorLayout.h"

using namespace accopt;
using llvm::StringRef;

namespace {
/// Stands in for the host's module, whose bytecode has a hash of its own.
class ZeroHost : public HostRunner {
public:
  llvm::Error
  run(const HostFunction &, llvm::ArrayRef<llvm::ArrayRef<int8_t>> inputs,
      llvm::ArrayRef<llvm::MutableArrayRef<int8_t>> outputs) override {
    int8_t sum = 0;
    for (llvm::ArrayRef<int8_t> input : inputs)
      for (int8_t value : input)
        sum = int8_t(sum ^ value);
    for (llvm::MutableArrayRef<int8_t> output : outputs)
      std::fill(output.begin(), output.end(), sum);
    return llvm::Error::success();
  }
};
} // namespace

/// Bytes may move only where that takes milliseconds: a valid command may have
/// 2^40 steps.
static bool isQuick(const Program &program) {
  constexpr uint64_t kSteps = 1 << 22;
  uint64_t steps = program.dramBytes;
  for (const Command &command : program.commands) {
    Quantities q = quantities(command, program.machine);
    for (uint64_t part : {q.macs, q.vectorOperations, q.scratchpadReadBytes,
                          q.scratchpadWriteBytes, q.dramReadBytes,
                          q.dramWriteBytes, q.accumulatorWriteBytes})
      if (part > kSteps || (steps += part) > kSteps)
        return false;
  }
  return program.machine.scratchpadBytes <= kSteps &&
         program.machine.accumulatorBytes <= kSteps;
}

static void simulate(const Program &program, bool functional,
                     const CostAnalysis *cost) {
  ZeroHost host;
  Simulator simulator(program, &host,
                      {/*trace=*/false, functional, /*threads=*/1});
  llvm::Expected<RunResult> run = simulator.run();
  fuzz::need(run, "loaded, but does not run");
  fuzz::demand(!cost ||
                   (run->cycles == cost->cycles && run->layers == cost->layers),
               "analysis and simulator differ");
  if (!functional)
    return;
  for (const TensorInfo &tensor : program.tensors) {
    std::vector<int8_t> stored = simulator.readTensor(tensor);
    std::vector<int8_t> model(stored.size());
    toModelOrder(tensor, stored, model);
    std::vector<int8_t> back(stored.size());
    toStoredOrder(tensor, model, back);
    fuzz::demand(back == stored, "a tensor's order does not come back");
  }
}

static void demandWritesBack(const Program &program) {
  llvm::Expected<llvm::SmallVector<char, 0>> bytes = writeBinary(program);
  // Constants in too many places are the one thing that does not fit.
  if (!fuzz::get(bytes))
    return;
  llvm::Expected<Program> again =
      loadProgram({StringRef(bytes->data(), bytes->size()), "written.elf"});
  fuzz::need(again, "written, but not loaded");
  llvm::Expected<llvm::SmallVector<char, 0>> twice = writeBinary(*again);
  fuzz::demand(fuzz::get(twice) && *twice == *bytes, "another binary");
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  StringRef bytes(reinterpret_cast<const char *>(data), size);
  llvm::Expected<Program> program = loadProgram({bytes, "fuzzed.elf"});
  if (!fuzz::get(program))
    return 0;
  // Fails on purpose where commands wait for later ones.
  llvm::Expected<CostAnalysis> cost = analyzeCost(*program);
  const CostAnalysis *known = fuzz::get(cost);
  (void)memoryUse(*program);
  (void)constantBytes(*program);
  std::string text;
  llvm::raw_string_ostream os(text);
  disassemble(*program, os);
  simulate(*program, /*functional=*/false, known);
  llvm::Error race = checkSynchronisation(*program);
  // A program may be valid and depend on time; then it is refused elsewhere.
  if (race)
    fuzz::demandOneLine(std::move(race));
  if (isQuick(*program))
    simulate(*program, /*functional=*/true, known);
  demandWritesBack(*program);
  return 0;
}
