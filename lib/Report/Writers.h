//===- Writers.h - The formats of a cost report -----------------*- C++ -*-===//

#ifndef ACCOPT_LIB_REPORT_WRITERS_H
#define ACCOPT_LIB_REPORT_WRITERS_H

#include "accopt/Report/CostReport.h"

#include "llvm/Support/raw_ostream.h"

namespace accopt {

/// Calls `visit` with the name that reports use and the value of each count.
template <typename Visitor>
void forEachCount(const CostCounts &counts, Visitor visit) {
  visit("macs", counts.macs);
  visit("dram_read_bytes", counts.dramReadBytes);
  visit("dram_write_bytes", counts.dramWriteBytes);
  visit("scratchpad_read_bytes", counts.scratchpadReadBytes);
  visit("scratchpad_write_bytes", counts.scratchpadWriteBytes);
  visit("accumulator_read_bytes", counts.accumulatorReadBytes);
  visit("accumulator_write_bytes", counts.accumulatorWriteBytes);
}

void printTable(const CostReport &report, llvm::raw_ostream &os);
void printJson(const CostReport &report, llvm::raw_ostream &os);
void printCsv(const CostReport &report, llvm::raw_ostream &os);
void printMarkdown(const CostReport &report, llvm::raw_ostream &os);
void printHtml(const CostReport &report, llvm::raw_ostream &os);

} // namespace accopt

#endif // ACCOPT_LIB_REPORT_WRITERS_H
