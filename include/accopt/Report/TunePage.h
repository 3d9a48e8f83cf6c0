//===- TunePage.h - Runs of acc-tune as a page ------------------*- C++ -*-===//
//
// Part of AccOpt. One self-contained HTML page: cost against accuracy of all
// networks that were tried, the search in its order, other runs beside it, and
// what became of each layer.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_REPORT_TUNEPAGE_H
#define ACCOPT_REPORT_TUNEPAGE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

#include <string>

namespace accopt {

/// A run's report.json (schema "accopt.tune"), and what the page calls it.
struct TuneRun {
  std::string label;
  std::string json;
};

/// Fails where `json` is no report of a run: what was expected, what is there.
/// `file` begins the error.
llvm::Error checkTuneReport(llvm::StringRef json, llvm::StringRef file);

/// Writes the page; the first run is the one that it is about. All have passed
/// checkTuneReport().
void printTunePage(llvm::ArrayRef<TuneRun> runs, llvm::raw_ostream &os);

} // namespace accopt

#endif // ACCOPT_REPORT_TUNEPAGE_H
