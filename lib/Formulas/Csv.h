//===- Csv.h - Lines of comma-separated values ------------------*- C++ -*-===//

#ifndef ACCOPT_FORMULAS_CSV_H
#define ACCOPT_FORMULAS_CSV_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"

#include <memory>
#include <string>
#include <vector>

namespace accopt::formulas {

/// The trimmed cells of one line. A comma at the line's end ends the last cell
/// and begins no new one, as in SCALE-Sim's files.
struct CsvLine {
  unsigned number = 0; ///< from 1
  llvm::SmallVector<llvm::StringRef> cells;
};

/// Splits `text` into lines that are not blank. No quoting: a cell holds no
/// comma. A byte order mark and carriage returns are dropped.
std::vector<CsvLine> splitCsv(llvm::StringRef text);

/// `text` in lower case with letters and digits only, to compare titles.
std::string normalizeTitle(llvm::StringRef text);

/// An error with the text "FILE:LINE: MESSAGE".
llvm::Error makeLineError(llvm::StringRef file, unsigned line,
                          const llvm::Twine &message);

/// `error` with "FILE:LINE: " before its text.
llvm::Error atLine(llvm::StringRef file, unsigned line, llvm::Error error);

/// The bytes of `path`; the error names it. "-" is not standard input here.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
openFile(llvm::StringRef path);

} // namespace accopt::formulas

#endif // ACCOPT_FORMULAS_CSV_H
