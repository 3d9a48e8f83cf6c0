//===- Binary.h - Programs as ELF files -------------------------*- C++ -*-===//
//
// Part of AccOpt. Writes and loads the binary of docs/Design/Binary.md.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_CODEGEN_BINARY_H
#define ACCOPT_CODEGEN_BINARY_H

#include "accopt/CodeGen/Program.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBufferRef.h"
#include "llvm/Support/raw_ostream.h"

#include <functional>

namespace accopt {

/// The ELF file of `program`, which must pass validateProgram(). The same
/// program gives the same bytes.
llvm::Expected<llvm::SmallVector<char, 0>> writeBinary(const Program &program);

/// The same in two steps: all that can fail, and the writing, for as long as
/// `program` lives. Its constants are not copied.
llvm::Expected<std::function<void(llvm::raw_ostream &)>>
prepareBinary(const Program &program);

/// Reads a binary and checks everything in it (validateProgram()), so that
/// running it needs no check. Errors are one line and name the buffer.
llvm::Expected<Program> loadProgram(llvm::MemoryBufferRef buffer);

/// Fails on the first thing that the machine could not run or the tables could
/// not describe: addresses outside memories, counts of zero, tokens that never
/// come, wrong indices, overlapping constants. The error names the command or
/// table row.
llvm::Error validateProgram(const Program &program);

/// Fails if two commands of different engines that no token orders touch the
/// same bytes of scratchpad or DRAM, one of them writing. Then the result would
/// depend on timing. `program` must be valid.
llvm::Error checkSynchronisation(const Program &program);

/// One line per command: number, text, source node.
void disassemble(const Program &program, llvm::raw_ostream &os);

} // namespace accopt

#endif // ACCOPT_CODEGEN_BINARY_H
