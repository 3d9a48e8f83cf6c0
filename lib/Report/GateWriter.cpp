//===- GateWriter.cpp - Verdicts as table, Markdown, JSON, JUnit ----------===//

#include "accopt/Report/GateWriter.h"

#include "GateFormats.h"
#include "accopt/Report/ReportWriter.h"
#include "accopt/Support/Diagnostics.h"
#include "accopt/Support/OutputFile.h"

using namespace llvm;
using namespace accopt;

void accopt::printGates(const GateCheck &check, GateFormat format,
                        raw_ostream &os) {
  switch (format) {
  case GateFormat::Table:
    return printGateTable(check, os);
  case GateFormat::Json:
    return printGateJson(check, os);
  case GateFormat::Markdown:
    return printGateMarkdown(check, os);
  case GateFormat::JUnit:
    return printGateJUnit(check, os);
  }
}

namespace {

/// A file of verdicts.
struct GateFile {
  StringRef path;
  GateFormat format;
};

} // namespace

static Expected<GateFormat> getComparisonFormat(StringRef path) {
  if (path.ends_with(".json"))
    return GateFormat::Json;
  if (path.ends_with(".md"))
    return GateFormat::Markdown;
  if (path.ends_with(".xml"))
    return GateFormat::JUnit;
  return makeFileError(path,
                       "expected a comparison that ends in .json, .md or .xml");
}

static Error writeFile(const GateCheck &check, const GateFile &file) {
  return writeOutputFile(file.path, [&](raw_ostream &os) {
    printGates(check, file.format, os);
    return Error::success();
  });
}

/// Sorts the paths into those of the cost report and those of verdicts.
static Error sortOutputs(const GateCheck &check, const GateOutputs &outputs,
                         std::vector<std::string> &reports,
                         std::vector<GateFile> &files) {
  for (const std::string &path : outputs.reports) {
    StringRef name = path;
    if (name.ends_with(".xml"))
      files.push_back({path, GateFormat::JUnit});
    else if (name.ends_with(".md") && check.comparison)
      files.push_back({path, GateFormat::Markdown});
    else if (Expected<ReportFormat> format = getReportFormat(path))
      reports.push_back(path);
    else
      return format.takeError();
  }
  if (!outputs.junit.empty())
    files.push_back({outputs.junit, GateFormat::JUnit});
  if (outputs.comparison.empty())
    return Error::success();
  Expected<GateFormat> format = getComparisonFormat(outputs.comparison);
  if (!format)
    return format.takeError();
  files.push_back({outputs.comparison, *format});
  return Error::success();
}

Error accopt::writeGates(const GateCheck &check, const GateOutputs &outputs) {
  std::vector<std::string> reports;
  std::vector<GateFile> files;
  if (Error error = sortOutputs(check, outputs, reports, files))
    return error;
  if (outputs.reports.empty() && !check.comparison && !outputs.isQuiet)
    reports.push_back("-");
  if (!reports.empty())
    if (Error error = writeReports(check.report, reports))
      return error;
  for (const GateFile &file : files)
    if (Error error = writeFile(check, file))
      return error;
  return outputs.isQuiet ? Error::success()
                         : writeFile(check, {"-", GateFormat::Table});
}
