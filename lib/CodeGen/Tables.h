//===- Tables.h - A binary's tables as JSON ---------------------*- C++ -*-===//
//
// Part of AccOpt. The sections of a binary that describe rather than run are
// JSON: `objdump -s` shows them, and any language reads them. Their fields are
// in docs/Design/Binary.md.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_CODEGEN_TABLES_H
#define ACCOPT_LIB_CODEGEN_TABLES_H

#include "accopt/CodeGen/Program.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace accopt {

/// Raised whenever a reader of the old form would misread the new one.
inline constexpr int64_t kBinaryFormat = 4;

/// Sections by name; the writer and the loader agree on these.
inline constexpr const char *kNoteSection = ".note.accopt";
inline constexpr const char *kNoteOwner = "AccOpt";
inline constexpr const char *kCommandsSection = ".accopt.commands";
inline constexpr const char *kConstantsSection = ".accopt.constants";
inline constexpr const char *kTensorsSection = ".accopt.tensors";
inline constexpr const char *kLayersSection = ".accopt.layers";
inline constexpr const char *kHostSection = ".accopt.host";
inline constexpr const char *kModuleSection = ".accopt.module";

/// The note: format, model, target, size of DRAM.
std::string writeNote(const Program &program);
/// Sets modelName, modelSha256, machine and dramBytes. Fails on another format
/// and on a target whose parameters do not give the hash that is stored.
llvm::Error readNote(llvm::StringRef text, Program &program);

std::string writeTensors(const Program &program);
llvm::Error readTensors(llvm::StringRef text, Program &program);

/// Layers with the range of commands of each.
std::string writeLayers(const Program &program);
/// Needs `program.commands` and fails if the ranges are not theirs.
llvm::Error readLayers(llvm::StringRef text, Program &program);

std::string writeHostFunctions(const Program &program);
llvm::Error readHostFunctions(llvm::StringRef text, Program &program);

/// First command and number of commands of each layer.
std::vector<std::pair<size_t, size_t>> layerRanges(const Program &program);

} // namespace accopt

#endif // ACCOPT_LIB_CODEGEN_TABLES_H
