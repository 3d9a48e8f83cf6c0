//===- ReadReport.h - Cost reports from JSON --------------------*- C++ -*-===//
//
// Part of AccOpt. The inverse of --report=FILE.json: schema "accopt.cost",
// version 1. What was written reads back equal in every field that the file
// holds, so that writing it again gives the same bytes.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_REPORT_READREPORT_H
#define ACCOPT_REPORT_READREPORT_H

#include "accopt/Report/CostReport.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace accopt {

/// Reads the file `path`. Fields that are not known are ignored. Fails with one
/// line "PATH: FIELD: expected ..., got ..." if it cannot be read, is not JSON,
/// has another schema or a newer version, or if a field is missing, negative or
/// of another type; and if the ops' cycles do not add up to the total's exactly
/// or their energies not to one part in 10^9 (another tool may have put the
/// terms in another order).
llvm::Expected<CostReport> readReport(llvm::StringRef path);

/// The same for `text`; `name` is what errors call it.
llvm::Expected<CostReport> parseReport(llvm::StringRef text,
                                       llvm::StringRef name);

} // namespace accopt

#endif // ACCOPT_REPORT_READREPORT_H
