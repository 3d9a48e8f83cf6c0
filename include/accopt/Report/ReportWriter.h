//===- ReportWriter.h - Cost reports in every format ------------*- C++ -*-===//

#ifndef ACCOPT_REPORT_REPORTWRITER_H
#define ACCOPT_REPORT_REPORTWRITER_H

#include "accopt/Report/CostReport.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

namespace accopt {

enum class ReportFormat { Table, Json, Csv, Markdown, Html };

/// The format of a --report argument: "-" is the table; otherwise the ending
/// .json, .csv, .md or .html decides and any other is an error.
llvm::Expected<ReportFormat> getReportFormat(llvm::StringRef path);

/// Prints the report. A table line has at most 100 columns; the JSON is the
/// schema "accopt.cost" version 1 with numbers that read back exactly. The page
/// holds the JSON, its style and its scripts, and loads nothing.
void printReport(const CostReport &report, ReportFormat format,
                 llvm::raw_ostream &os);

/// Writes the report to `path` ("-": the table on standard output), whole or
/// not at all.
llvm::Error writeReport(const CostReport &report, llvm::StringRef path);

/// Writes every path of `paths`; with none, the table goes to standard output.
/// All endings are checked before anything is written.
llvm::Error writeReports(const CostReport &report,
                         llvm::ArrayRef<std::string> paths);

} // namespace accopt

#endif // ACCOPT_REPORT_REPORTWRITER_H
