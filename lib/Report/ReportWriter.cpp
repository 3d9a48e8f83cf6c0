//===- ReportWriter.cpp - Cost reports in every format --------------------===//

#include "accopt/Report/ReportWriter.h"

#include "Writers.h"
#include "accopt/Support/Diagnostics.h"
#include "accopt/Support/OutputFile.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"

using namespace llvm;
using namespace accopt;

Expected<ReportFormat> accopt::getReportFormat(StringRef path) {
  if (path == "-")
    return ReportFormat::Table;
  if (path.ends_with(".json"))
    return ReportFormat::Json;
  if (path.ends_with(".csv"))
    return ReportFormat::Csv;
  if (path.ends_with(".md"))
    return ReportFormat::Markdown;
  if (path.ends_with(".html"))
    return ReportFormat::Html;
  return makeFileError(
      path, "expected a report that ends in .json, .csv, .md or .html, or '-'");
}

/// Quotes a cell as RFC 4180 says, where it needs quotes.
static std::string escapeCsv(StringRef text) {
  if (text.find_first_of(",\"\r\n") == StringRef::npos)
    return text.str();
  std::string result = "\"";
  for (char c : text) {
    if (c == '"')
      result += '"';
    result += c;
  }
  return result + '"';
}

static void printDouble(double value, raw_ostream &os) {
  os << format("%.17g", value);
}

/// Empty cells where the op has no weights or does not run on the array.
static void printBits(const OpCost &op, raw_ostream &os) {
  auto print = [&](bool isKnown, int64_t value) {
    os << ',';
    if (isKnown)
      os << value;
  };
  print(op.weightBits, op.weightBits);
  print(op.weightBits, op.inputBits);
  print(op.arrayPrecision, op.arrayPrecision);
  os << ',';
  if (op.arrayPrecision)
    os << llvm::format("%g", op.arrayRate);
}

void accopt::printCsv(const CostReport &report, raw_ostream &os) {
  os << "name,op,placement,reason,cycles,energy_pj";
  for (const auto &[component, value] : report.total.energy)
    os << ",energy_" << escapeCsv(component) << "_pj";
  forEachCount(CostCounts(),
               [&](StringRef name, int64_t) { os << ',' << name; });
  os << ",bound,utilization,roofline_cycles";
  bool withBits = report.hasOtherBits();
  if (withBits)
    os << ",weight_bits,input_bits,array_mode,array_rate";
  os << '\n';
  for (const OpCost &op : report.ops) {
    os << escapeCsv(op.name) << ',' << escapeCsv(op.op) << ','
       << getName(op.placement) << ',' << escapeCsv(op.reason) << ','
       << op.cycles << ',';
    printDouble(op.energyPj(), os);
    for (const auto &[component, unused] : report.total.energy) {
      auto it = find_if(op.energy, [&, &key = component](const auto &entry) {
        return entry.first == key;
      });
      os << ',';
      printDouble(it == op.energy.end() ? 0 : it->second, os);
    }
    forEachCount(op.counts,
                 [&](StringRef, int64_t value) { os << ',' << value; });
    os << ',' << getName(op.bound) << ',';
    printDouble(op.utilization, os);
    os << ',' << op.rooflineCycles;
    if (withBits)
      printBits(op, os);
    os << '\n';
  }
}

void accopt::printReport(const CostReport &report, ReportFormat format,
                         raw_ostream &os) {
  switch (format) {
  case ReportFormat::Table:
    return printTable(report, os);
  case ReportFormat::Json:
    return printJson(report, os);
  case ReportFormat::Csv:
    return printCsv(report, os);
  case ReportFormat::Markdown:
    return printMarkdown(report, os);
  case ReportFormat::Html:
    return printHtml(report, os);
  }
}

Error accopt::writeReport(const CostReport &report, StringRef path) {
  Expected<ReportFormat> format = getReportFormat(path);
  if (!format)
    return format.takeError();
  return writeOutputFile(path, [&](raw_ostream &os) {
    printReport(report, *format, os);
    return Error::success();
  });
}

Error accopt::writeReports(const CostReport &report,
                           ArrayRef<std::string> paths) {
  if (paths.empty())
    return writeReport(report, "-");
  for (StringRef path : paths)
    if (Expected<ReportFormat> format = getReportFormat(path); !format)
      return format.takeError();
  for (StringRef path : paths)
    if (Error error = writeReport(report, path))
      return error;
  return Error::success();
}
