//===- Diagnostics.h - One-line errors that name the file -------*- C++ -*-===//
//
// Libraries without IR return `llvm::Error`; its text names the file first, and
// only tools print it. The two functions here keep the form the same
// everywhere: `error: FILE: what was expected, what was found`.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_SUPPORT_DIAGNOSTICS_H
#define ACCOPT_SUPPORT_DIAGNOSTICS_H

#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

namespace accopt {

/// An error with the text "FILE: MESSAGE".
llvm::Error makeFileError(llvm::StringRef file, const llvm::Twine &message);

/// Prints every part of `error` as one line "error: TEXT" and consumes it.
/// Control characters (names in a damaged file may hold any byte) are printed
/// as \xNN, so that one error stays one line.
void printError(llvm::Error error, llvm::raw_ostream &os = llvm::errs());

} // namespace accopt

#endif // ACCOPT_SUPPORT_DIAGNOSTICS_H
