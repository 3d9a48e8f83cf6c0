//===- MachineEntries.h - The fields that a description gives ---*- C++ -*-===//

#ifndef ACCOPT_LIB_TARGET_MACHINEENTRIES_H
#define ACCOPT_LIB_TARGET_MACHINEENTRIES_H

#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBufferRef.h"

#include <string>
#include <vector>

namespace accopt {

/// `key: value`, and the line where it stands; 0 for the command line.
struct MachineEntry {
  std::string key, value;
  unsigned line = 0;
};

/// "FILE:LINE: field 'FIELD': REASON"; a line of 0 and an empty field are left
/// out.
llvm::Error machineError(llvm::StringRef file, unsigned line,
                         llvm::StringRef field, const llvm::Twine &reason);

/// The flat mapping that the document is; no key comes twice.
llvm::Expected<std::vector<MachineEntry>>
readEntries(llvm::MemoryBufferRef buffer);

/// The overrides `text` in `name{text}`; `spec` is the whole, for errors.
llvm::Expected<std::vector<MachineEntry>> readOverrides(llvm::StringRef spec,
                                                        llvm::StringRef text);

} // namespace accopt

#endif // ACCOPT_LIB_TARGET_MACHINEENTRIES_H
