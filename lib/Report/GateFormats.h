//===- GateFormats.h - The formats of verdicts ------------------*- C++ -*-===//

#ifndef ACCOPT_LIB_REPORT_GATEFORMATS_H
#define ACCOPT_LIB_REPORT_GATEFORMATS_H

#include "accopt/Report/Gate.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/raw_ostream.h"

namespace accopt {

/// How many of the ops that changed most are shown first.
constexpr size_t kTopChanges = 10;

/// A value of a gate: "3068", "2.83007uJ".
std::string formatMetric(CostMetric metric, double value);

/// One line about an op: "conv1 (conv2d): +32 cycles (+8.33%), +1.20nJ".
std::string summarizeChange(const OpComparison &op);

/// Calls `visit` with cycles and energy of the two reports' totals and with
/// what else changed: name, values before and after, and how to format them.
void forEachTotal(
    const CostComparison &comparison,
    llvm::function_ref<void(llvm::StringRef name, double before, double after,
                            std::string (*format)(double))>
        visit);

void printGateTable(const GateCheck &check, llvm::raw_ostream &os);
void printGateMarkdown(const GateCheck &check, llvm::raw_ostream &os);
void printGateJson(const GateCheck &check, llvm::raw_ostream &os);
void printGateJUnit(const GateCheck &check, llvm::raw_ostream &os);

} // namespace accopt

#endif // ACCOPT_LIB_REPORT_GATEFORMATS_H
