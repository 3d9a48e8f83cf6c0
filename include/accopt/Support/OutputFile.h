//===- OutputFile.h - Files that appear whole or not at all -----*- C++ -*-===//
//
// A result is written under a temporary name in the same folder and renamed
// when it is complete. Without commit(), after an error or a signal the
// temporary file is removed and an older file of that name stays as it was.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_SUPPORT_OUTPUTFILE_H
#define ACCOPT_SUPPORT_OUTPUTFILE_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <memory>
#include <optional>
#include <string>

namespace accopt {

class OutputFile {
public:
  /// Opens `path` for writing. "-" is standard output; a device or a pipe that
  /// exists is written in place, for there a rename would replace it.
  static llvm::Expected<std::unique_ptr<OutputFile>>
  create(llvm::StringRef path);

  OutputFile(const OutputFile &) = delete;
  OutputFile &operator=(const OutputFile &) = delete;
  /// Discards what was written, unless it was committed.
  ~OutputFile();

  llvm::raw_ostream &os() { return *stream; }

  /// Gives the file its name. Fails if a write failed (a full disk) or the
  /// rename did; then nothing is left behind. Call it once.
  llvm::Error commit();

private:
  OutputFile(llvm::StringRef path) : path(path) {}

  std::string path;
  std::optional<llvm::sys::fs::TempFile> temp;
  /// Owned unless it is standard output.
  std::unique_ptr<llvm::raw_fd_ostream> owned;
  llvm::raw_fd_ostream *stream = nullptr;
};

/// Writes `path` by calling `write`; the file appears only if that succeeds.
llvm::Error
writeOutputFile(llvm::StringRef path,
                llvm::function_ref<llvm::Error(llvm::raw_ostream &)> write);

/// Writes `contents` to `path`, whole or not at all.
llvm::Error writeOutputFile(llvm::StringRef path, llvm::StringRef contents);

} // namespace accopt

#endif // ACCOPT_SUPPORT_OUTPUTFILE_H
