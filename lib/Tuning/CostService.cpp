//===- CostService.cpp - What a network would cost ------------------------===//
//
// Part of AccOpt. docs/Design/CostQueries.md explains both kinds of query.
//
//===----------------------------------------------------------------------===//

#include "accopt/Tuning/CostService.h"

#include "CostServiceModel.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <chrono>

using namespace mlir;

namespace accopt {

double NetworkCost::get(Objective objective) const {
  switch (objective) {
  case Objective::Cycles:
    return cycles;
  case Objective::Energy:
    return energyPj;
  case Objective::EnergyDelay:
    return cycles * energyPj;
  }
  return 0;
}

struct CostService::Impl {
  Machine machine;
  Statistics statistics;
  /// By the bytes of the function without weights, and its bits.
  llvm::StringMap<NetworkCost> networks;

  llvm::Expected<NetworkCost> exact(func::FuncOp function,
                                    const BitAssignment &bits);
};

namespace {
/// Adds the time of a query to the statistics.
class Stopwatch {
public:
  explicit Stopwatch(double &seconds) : seconds(seconds) {}
  ~Stopwatch() {
    std::chrono::duration<double> time =
        std::chrono::steady_clock::now() - start;
    seconds += time.count();
  }

private:
  double &seconds;
  std::chrono::steady_clock::time_point start =
      std::chrono::steady_clock::now();
};

std::string describeBits(const BitAssignment &bits) {
  std::string text;
  llvm::raw_string_ostream os(text);
  for (const auto &[name, layer] : bits)
    if (layer != LayerBits())
      os << name << ':' << layer.weights << ':' << layer.activations << '\n';
  return text;
}

/// A function of one value may have joined its layer, so that the report's name
/// is longer than the layer's.
LayerBits bitsOf(const BitAssignment &bits, llvm::StringRef name) {
  while (true) {
    auto found = bits.find(name.str());
    if (found != bits.end())
      return found->second;
    if (!name.contains('+'))
      return {};
    name = name.rsplit('+').first;
  }
}

NetworkCost summarize(const CompiledCost &compiled, const BitAssignment &bits) {
  NetworkCost cost;
  const CostTotal &total = compiled.report.total;
  cost.cycles = double(total.cycles);
  cost.energyPj = total.energyPj;
  cost.macs = uint64_t(total.counts.macs);
  cost.dramBytes =
      uint64_t(total.counts.dramReadBytes + total.counts.dramWriteBytes);
  cost.weightBytes = compiled.weightBytes;
  for (const OpCost &op : compiled.report.ops) {
    CostEntry entry;
    entry.name = op.name;
    entry.op = op.op;
    entry.cycles = double(op.cycles);
    entry.energyPj = op.energyPj();
    entry.macs = uint64_t(op.counts.macs);
    entry.dramBytes =
        uint64_t(op.counts.dramReadBytes + op.counts.dramWriteBytes);
    if (op.placement == CostPlacement::Array)
      entry.bits = bitsOf(bits, op.name);
    cost.layers.push_back(std::move(entry));
  }
  return cost;
}
} // namespace

llvm::Expected<NetworkCost>
CostService::Impl::exact(func::FuncOp function, const BitAssignment &bits) {
  std::string bytecode = serialize(*withoutWeights(function));
  std::string key = describeBits(bits) + bytecode;
  auto known = networks.find(key);
  if (known != networks.end())
    return known->second;
  BitAssignment asked;
  for (const auto &[name, layer] : bits)
    if (layer != LayerBits())
      asked.emplace(name, layer);
  llvm::Expected<CompiledCost> compiled =
      compileForCost(bytecode, asked, machine, /*fuse=*/true);
  if (!compiled)
    return compiled.takeError();
  NetworkCost cost = summarize(*compiled, asked);
  networks.try_emplace(key, cost);
  return cost;
}

CostService::CostService(Machine machine)
    : impl(std::make_unique<Impl>(Impl{std::move(machine), {}, {}})) {}
CostService::~CostService() = default;

const CostService::Statistics &CostService::statistics() const {
  return impl->statistics;
}
const Machine &CostService::machine() const { return impl->machine; }

llvm::Expected<NetworkCost> CostService::exact(func::FuncOp function,
                                               const BitAssignment &bits) {
  Stopwatch watch(impl->statistics.seconds);
  ++impl->statistics.networkQueries;
  return impl->exact(function, bits);
}

llvm::Expected<NetworkCost> CostService::estimate(func::FuncOp function,
                                                  const BitAssignment &bits) {
  return exact(function, bits);
}

} // namespace accopt
