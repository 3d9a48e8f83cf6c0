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
#include "llvm/Support/raw_ostream.h"

#include <optional>
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

/// A JSON Schema of machine files, for editors and validators.
void printMachineSchema(llvm::raw_ostream &os);

/// Every field, its default, range, unit and meaning, as Markdown tables.
void printMachineFields(llvm::raw_ostream &os);

/// SHA-256, in hexadecimal, over all parameters and prices, without the name:
/// two machines with one hash run the same binaries in the same time.
std::string machineHash(const Machine &machine);

/// Fails with the first rule of docs/Machine.md that `machine` breaks.
llvm::Error checkMachine(const Machine &machine);

/// The profile of a machine that names none.
inline constexpr const char *kDefaultProfile = "horowitz45";

/// The prices that the built-in profile called `name` derives from the sizes of
/// `machine`'s memories, its array and its clock; nothing if there is none of
/// this name. docs/Targets.md says where each is from.
std::optional<EnergyProfile> derivedProfile(llvm::StringRef name,
                                            const Machine &machine);

/// Names of the built-in profiles.
llvm::ArrayRef<llvm::StringRef> builtinProfiles();

/// The profile "horowitz45" for the bytes of a bank of each memory.
EnergyProfile horowitz45(uint64_t scratchpadBytes, uint64_t accumulatorBytes);

} // namespace accopt

#endif // ACCOPT_TARGET_MACHINEIO_H
