//===- CostReportBuilder.h - Reports from costs of layers -------*- C++ -*-===//
//
// Part of AccOpt. The one way from costs per layer to a report, used for the
// analysis and for the simulator.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_REPORT_COSTREPORTBUILDER_H
#define ACCOPT_REPORT_COSTREPORTBUILDER_H

#include "accopt/CodeGen/Program.h"
#include "accopt/Report/CostReport.h"
#include "accopt/Target/Timing.h"

#include "llvm/ADT/ArrayRef.h"

namespace accopt {

/// Prices `costs`, one for each of the program's layers. `source` is "analysis"
/// or "simulator".
CostReport buildCostReport(const Program &program,
                           llvm::ArrayRef<LayerCost> costs,
                           llvm::StringRef source);

} // namespace accopt

#endif // ACCOPT_REPORT_COSTREPORTBUILDER_H
