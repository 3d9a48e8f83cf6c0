//===- Diagnostics.h - One-line errors that name the file -------*- C++ -*-===//
//
// Libraries without IR return `llvm::Error`; its text names the file first, and
// only tools print it. The functions here keep the form the same
// everywhere: `error: FILE: what was expected, what was found`.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_SUPPORT_DIAGNOSTICS_H
#define ACCOPT_SUPPORT_DIAGNOSTICS_H

#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

#include <string>

namespace accopt {

/// An error with the text "FILE: MESSAGE".
llvm::Error makeFileError(llvm::StringRef file, const llvm::Twine &message);

/// Prints every part of `error` as one line "error: TEXT" and consumes it.
/// Bytes of control characters, of marks that reorder or hide text and of what
/// is no UTF-8 are printed as \xNN (names in a file may hold any byte), so that
/// one error stays one line that says what it says.
void printError(llvm::Error error, llvm::raw_ostream &os = llvm::errs());

/// For a tool's main, after llvm::InitLLVM: where an allocation fails, the
/// process prints "error: FILE: out of memory", removes the outputs that it has
/// begun, and exits with status 1. `file` must live as long as the process.
void exitWhereMemoryEnds(const std::string &file);

} // namespace accopt

#endif // ACCOPT_SUPPORT_DIAGNOSTICS_H
