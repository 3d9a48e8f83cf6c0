//===- SmallReport.h - Reports of a few ops for tests -----------*- C++ -*-===//

#ifndef ACCOPT_TEST_UNIT_SMALLREPORT_H
#define ACCOPT_TEST_UNIT_SMALLREPORT_H

#include "accopt/Report/CostReport.h"

namespace accopt::test {

inline OpCost makeOp(llvm::StringRef name, int64_t cycles, double energyPj = 1,
                     llvm::StringRef type = "conv2d") {
  OpCost op;
  op.name = name.str();
  op.op = type.str();
  op.cycles = cycles;
  op.energy = {{"dram", energyPj}};
  return op;
}

inline CostReport makeReport(std::vector<OpCost> ops) {
  CostReport report;
  report.modelName = "tiny";
  report.targetName = "systolic16x16";
  report.ops = std::move(ops);
  report.computeTotal();
  return report;
}

} // namespace accopt::test

#endif // ACCOPT_TEST_UNIT_SMALLREPORT_H
