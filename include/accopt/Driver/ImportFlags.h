//===- ImportFlags.h - Options that say what of a model is read -*- C++ -*-===//

#ifndef ACCOPT_DRIVER_IMPORTFLAGS_H
#define ACCOPT_DRIVER_IMPORTFLAGS_H

#include "accopt/Import/Import.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Error.h"

#include <string>

namespace accopt {

/// --input-shape, --input-value, --inputs and --outputs. Declares its options
/// in `category` for as long as it lives.
class ImportFlags {
public:
  explicit ImportFlags(llvm::cl::OptionCategory &category);

  /// Adds what was given to `options`. Fails with one line for what cannot be
  /// read.
  llvm::Error apply(ImportOptions &options) const;

private:
  llvm::cl::list<std::string> shapes, values, inputs, outputs;
};

/// `options` in one line, the same for the same options.
std::string printImportOptions(const ImportOptions &options);

} // namespace accopt

#endif // ACCOPT_DRIVER_IMPORTFLAGS_H
