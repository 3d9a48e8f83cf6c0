//===- FuzzMachine.cpp - Fuzzer of the reader of machines -----------------===//
//
// The input is a machine's YAML, or, where it begins with `@`, what follows
// `--target=`. What is read must print and read back as the same machine.
//
//===----------------------------------------------------------------------===//

#include "FuzzSupport.h"

#include "accopt/Target/MachineIO.h"

using namespace accopt;
using llvm::StringRef;

/// Files outside the input must not matter: a name is a built-in's or nothing.
static bool namesFile(StringRef text) {
  return text.contains('/') || text.contains('.');
}

static llvm::Expected<Machine> read(StringRef text) {
  if (text.consume_front("@") && !namesFile(text))
    return loadMachine(text);
  return parseMachine(llvm::MemoryBufferRef(text, "fuzzed.yaml"));
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string text(reinterpret_cast<const char *>(data), size);
  llvm::Expected<Machine> machine = read(text);
  if (!fuzz::get(machine))
    return 0;
  if (llvm::Error error = checkMachine(*machine))
    fuzz::demand(false,
                 "read, but not valid: " + llvm::toString(std::move(error)));
  (void)machineParameters(*machine);
  std::string printed = printMachine(*machine);
  llvm::Expected<Machine> again =
      parseMachine(llvm::MemoryBufferRef(printed, "printed.yaml"));
  fuzz::need(again, "printed, but not read");
  fuzz::demand(again->name == machine->name, "another name");
  fuzz::demand(machineHash(*again) == machineHash(*machine), "another hash");
  fuzz::demand(printMachine(*again) == printed, "another text");
  return 0;
}
