//===- GateWriter.h - Verdicts as table, Markdown, JSON, JUnit --*- C++ -*-===//
//
// Part of AccOpt. The same facts for a terminal, for a pull request, for
// scripts (schema "accopt.comparison", version 1) and for CI systems that read
// JUnit. Nothing depends on the time or the machine: equal input, equal bytes.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_REPORT_GATEWRITER_H
#define ACCOPT_REPORT_GATEWRITER_H

#include "accopt/Report/Gate.h"

#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

#include <string>
#include <vector>

namespace accopt {

enum class GateFormat { Table, Json, Markdown, JUnit };

/// Prints totals, ops that changed and verdicts. A table line has at most 100
/// columns. Table and Markdown name the ops that changed most; JSON has all
/// that changed.
void printGates(const GateCheck &check, GateFormat format,
                llvm::raw_ostream &os);

/// Where to write; a name that is empty writes nothing.
struct GateOutputs {
  /// As for writeReports(), and .xml is JUnit. With a comparison, .md is the
  /// comparison.
  std::vector<std::string> reports;
  /// JUnit, whatever the ending.
  std::string junit;
  /// The comparison: .json, .md or .xml.
  std::string comparison;
  /// Nothing on standard output but what `reports` asks for with "-".
  bool isQuiet = false;
};

/// Writes the files, and unless quiet prints to standard output: the cost table
/// if there is no comparison and `reports` is empty, then the verdicts. All
/// endings are checked before anything is written.
llvm::Error writeGates(const GateCheck &check, const GateOutputs &outputs);

} // namespace accopt

#endif // ACCOPT_REPORT_GATEWRITER_H
