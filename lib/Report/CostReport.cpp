//===- CostReport.cpp - Cycles and energy of every op ---------------------===//

#include "accopt/Report/CostReport.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/ErrorHandling.h"

using namespace llvm;
using namespace accopt;

StringRef accopt::getName(CostPlacement placement) {
  switch (placement) {
  case CostPlacement::Array:
    return "array";
  case CostPlacement::Vector:
    return "vector";
  case CostPlacement::Dma:
    return "dma";
  case CostPlacement::Host:
    return "host";
  }
  llvm_unreachable("unknown placement");
}

StringRef accopt::getName(CostBound bound) {
  switch (bound) {
  case CostBound::Compute:
    return "compute";
  case CostBound::Memory:
    return "memory";
  case CostBound::Host:
    return "host";
  }
  llvm_unreachable("unknown bound");
}

CostCounts &CostCounts::operator+=(const CostCounts &other) {
  macs += other.macs;
  dramReadBytes += other.dramReadBytes;
  dramWriteBytes += other.dramWriteBytes;
  scratchpadReadBytes += other.scratchpadReadBytes;
  scratchpadWriteBytes += other.scratchpadWriteBytes;
  accumulatorReadBytes += other.accumulatorReadBytes;
  accumulatorWriteBytes += other.accumulatorWriteBytes;
  return *this;
}

double accopt::sumEnergy(const EnergyComponents &components) {
  double sum = 0;
  for (const auto &[name, value] : components)
    sum += value;
  return sum;
}

static void addComponents(const EnergyComponents &from, EnergyComponents &to) {
  for (const auto &[name, value] : from) {
    auto it = find_if(
        to, [&, &key = name](const auto &entry) { return entry.first == key; });
    if (it == to.end())
      to.emplace_back(name, value);
    else
      it->second += value;
  }
}

bool CostReport::hasOtherBits() const {
  return any_of(ops, [](const OpCost &op) { return op.hasOtherBits(); });
}

void CostReport::computeTotal() {
  total = CostTotal();
  // Cycles, each as often as the array's rate in it.
  double weighted = 0;
  for (const OpCost &op : ops) {
    total.cycles += op.cycles;
    weighted += double(op.cycles) * op.arrayRate;
    total.rooflineCycles += op.rooflineCycles;
    total.energyPj += op.energyPj();
    addComponents(op.energy, total.energy);
    total.counts += op.counts;
  }
  total.latencySeconds = double(total.cycles) / clockHz;
  double possible = weighted * double(peakMacsPerCycle);
  total.utilization = possible > 0 ? double(total.counts.macs) / possible : 0;
}
