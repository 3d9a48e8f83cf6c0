//===- CostReportBuilder.cpp - Reports from costs of layers ---------------===//

#include "accopt/Report/CostReportBuilder.h"

#include "accopt/Report/MemoryUse.h"
#include "accopt/Target/MachineIO.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <array>

using namespace accopt;

namespace {

/// Cycles that a layer's commands keep each engine busy.
using Busy = std::array<uint64_t, kEngineCount>;

Busy busyCycles(const LayerCost &cost) {
  Busy busy = {};
  for (unsigned e = 0; e < kEngineCount; ++e)
    if (cost.engines[e])
      busy[e] = cost.engines[e]->busy;
  return busy;
}

void addEngines(const LayerCost &cost, OpCost &op) {
  for (unsigned e = 0; e < kEngineCount; ++e)
    if (const std::optional<EngineSpan> &span = cost.engines[e])
      op.engines[e] = {int64_t(span->start), int64_t(span->end),
                       int64_t(span->busy)};
}

/// The precision of each layer's commands on the array; 0 for layers that have
/// none.
std::vector<unsigned> precisions(const Program &program) {
  std::vector<unsigned> result(program.layers.size(), 0);
  for (const Command &command : program.commands)
    if (auto *matmul = std::get_if<MatmulCommand>(&command.operation))
      result[command.layer] =
          std::max<unsigned>(result[command.layer], matmul->precision);
  return result;
}

CostPlacement placementOf(const LayerInfo &layer) {
  if (layer.placement == "host")
    return CostPlacement::Host;
  if (layer.placement == "vector")
    return CostPlacement::Vector;
  return layer.placement == "dma" ? CostPlacement::Dma : CostPlacement::Array;
}

CostBound boundOf(const Busy &busy) {
  uint64_t memory =
      std::max(busy[unsigned(Engine::Load)], busy[unsigned(Engine::Store)]);
  uint64_t compute = busy[unsigned(Engine::Exec)];
  if (busy[unsigned(Engine::Host)] > std::max(memory, compute))
    return CostBound::Host;
  return memory > compute ? CostBound::Memory : CostBound::Compute;
}

CostCounts countsOf(const Quantities &q) {
  CostCounts counts;
  counts.macs = int64_t(q.macs);
  counts.dramReadBytes = int64_t(q.dramReadBytes);
  counts.dramWriteBytes = int64_t(q.dramWriteBytes);
  counts.scratchpadReadBytes = int64_t(q.scratchpadReadBytes);
  counts.scratchpadWriteBytes = int64_t(q.scratchpadWriteBytes);
  counts.accumulatorReadBytes = int64_t(q.accumulatorReadBytes);
  counts.accumulatorWriteBytes = int64_t(q.accumulatorWriteBytes);
  return counts;
}

EnergyComponents componentsOf(const Energy &e) {
  return {{"array", e.array},
          {"scratchpad", e.scratchpad},
          {"accumulator", e.accumulator},
          {"dram", e.dram},
          {"vector", e.vector},
          {"host", e.host},
          {"static", e.idle}};
}

} // namespace

CostReport accopt::buildCostReport(const Program &program,
                                   llvm::ArrayRef<LayerCost> costs,
                                   llvm::StringRef source) {
  const Machine &machine = program.machine;
  CostReport report;
  report.source = source.str();
  report.modelName = program.modelName;
  report.modelSha256 = program.modelSha256;
  report.targetName = machine.name;
  report.targetSha256 = machineHash(machine);
  report.targetParameters = machineParameters(machine);
  report.clockHz = machine.clockHz;
  report.peakMacsPerCycle = int64_t(machine.rows) * machine.columns;
  report.hasArrayRates = machine.arrayRate4Bit > 1 || machine.arrayRate2Bit > 1;
  report.dramPeakBytes = program.dramBytes;

  report.dramConstantBytes = int64_t(constantBytes(program));

  std::vector<unsigned> precision = precisions(program);
  std::vector<MemoryUse> memory = memoryUse(program);
  for (auto [layer, cost, layerMemory, layerPrecision] :
       llvm::zip_equal(program.layers, costs, memory, precision)) {
    OpCost &op = report.ops.emplace_back();
    op.name = layer.name;
    op.op = layer.op;
    op.placement = placementOf(layer);
    op.reason = layer.reason;
    op.cycles = int64_t(cost.cycles);
    op.rooflineCycles = int64_t(layer.rooflineCycles);
    op.energy = componentsOf(energy(cost.quantities, cost.cycles, machine));
    op.counts = countsOf(cost.quantities);
    op.bound = boundOf(busyCycles(cost));
    op.weightBits = layer.weightBits;
    op.inputBits = layer.inputBits;
    op.arrayPrecision = layerPrecision;
    op.arrayRate = layerPrecision == 16
                       ? 1.0 / machine.arrayPes16Bit
                       : double(arrayRate(machine, layerPrecision));
    addEngines(cost, op);
    op.scratchpadBytes = int64_t(layerMemory.scratchpadBytes);
    op.dramLiveBytes = int64_t(layerMemory.dramBytes);
    // An op's cycles are what the network ends later for it: part of its work
    // may have overlapped with the op before.
    if (cost.cycles)
      op.utilization = std::min(1.0, double(cost.quantities.macs) /
                                         (double(cost.cycles) * op.arrayRate *
                                          report.peakMacsPerCycle));
  }
  report.computeTotal();
  return report;
}
