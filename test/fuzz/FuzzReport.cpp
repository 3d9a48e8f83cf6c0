//===- FuzzReport.cpp - Fuzzer of the reader of cost reports --------------===//
//
// A report that is read must write as JSON that reads back and writes as the
// same bytes, and every other format must take it.
//
//===----------------------------------------------------------------------===//

#include "FuzzSupport.h"

#include "accopt/Report/ReadReport.h"
#include "accopt/Report/ReportWriter.h"

using namespace accopt;
using llvm::StringRef;

static std::string print(const CostReport &report, ReportFormat format) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printReport(report, format, os);
  return text;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  StringRef text(reinterpret_cast<const char *>(data), size);
  llvm::Expected<CostReport> report = parseReport(text, "fuzzed.json");
  if (!fuzz::get(report))
    return 0;
  std::string written = print(*report, ReportFormat::Json);
  llvm::Expected<CostReport> again = parseReport(written, "written.json");
  fuzz::need(again, "written, but not read");
  fuzz::demand(print(*again, ReportFormat::Json) == written, "another text");
  for (ReportFormat format : {ReportFormat::Table, ReportFormat::Csv,
                              ReportFormat::Markdown, ReportFormat::Html})
    fuzz::demand(!print(*report, format).empty(), "an empty report");
  return 0;
}
