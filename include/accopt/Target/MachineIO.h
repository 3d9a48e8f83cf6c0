//===- MachineIO.h - Machines as YAML ---------------------------*- C++ -*-===//
//
// Part of AccOpt. Reads, checks, prints and hashes descriptions of machines.
// The built-in ones are the files in targets/, embedded at build.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TARGET_MACHINEIO_H
#define ACCOPT_TARGET_MACHINEIO_H

#include "accopt/Target/Machine.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBufferRef.h"

#include <string>

namespace accopt {

struct BuiltinMachine {
  llvm::StringRef name, yaml;
};
/// In the order in which they are listed to users.
llvm::ArrayRef<BuiltinMachine> builtinMachines();

/// The machine that `spec` names: a built-in's name, the path of a YAML file,
/// or one of the two with overrides, as `systolic16x16{rows=32,columns=32}`.
/// Errors are one line and name file, line, field and reason.
llvm::Expected<Machine> loadMachine(llvm::StringRef spec);

/// Parses one YAML document. `inherit:` names a built-in or a path relative to
/// the folder of the buffer's identifier.
llvm::Expected<Machine> parseMachine(llvm::MemoryBufferRef buffer);

/// Every parameter, in a fixed order; parseMachine() gives the same machine
/// again. Prices that a profile derives from sizes are shown as comments.
std::string printMachine(const Machine &machine);

/// Every parameter and price by its YAML name, for reports.
llvm::json::Object machineParameters(const Machine &machine);

/// SHA-256, in hexadecimal, over all parameters and prices, without the name:
/// two machines with one hash run the same binaries in the same time.
std::string machineHash(const Machine &machine);

/// Fails with the first rule of docs/Machine.md that `machine` breaks.
llvm::Error checkMachine(const Machine &machine);

/// Derives the prices of the built-in profile "horowitz45" for a machine's
/// memory sizes.
EnergyProfile horowitz45(uint64_t scratchpadBytes, uint64_t accumulatorBytes);

} // namespace accopt

#endif // ACCOPT_TARGET_MACHINEIO_H
