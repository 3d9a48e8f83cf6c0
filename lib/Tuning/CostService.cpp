//===- CostService.cpp - What a network would cost ------------------------===//
//
// Part of AccOpt. docs/Design/CostQueries.md explains both kinds of query.
//
//===----------------------------------------------------------------------===//

#include "accopt/Tuning/CostService.h"

#include "CostServiceModel.h"
#include "CostServiceUnits.h"

#include "accopt/InitAllDialects.h"
#include "accopt/Transforms/Pipelines.h"

#include "dialects/NN/NNOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"

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

namespace {
/// What a unit adds to its network.
struct UnitCost {
  CostEntry entry;
  uint64_t weightBytes = 0;
};
} // namespace

struct CostService::Impl {
  Machine machine;
  Statistics statistics;
  /// By the bytes of the function without weights, and its bits.
  llvm::StringMap<NetworkCost> networks;

  /// By signature.
  llvm::StringMap<UnitCost> units;

  llvm::Expected<NetworkCost> exact(func::FuncOp function,
                                    const BitAssignment &bits);
  llvm::Expected<NetworkCost> estimate(ModuleOp module,
                                       const BitAssignment &bits);
  llvm::Expected<UnitCost> price(const CostUnit &unit);
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
  BitRequest asked;
  for (const auto &[name, layer] : bits)
    if (layer != LayerBits())
      asked.layers.emplace(name, layer);
  llvm::Expected<CompiledCost> compiled =
      compileForCost(bytecode, asked, machine, /*fuse=*/true);
  if (!compiled)
    return compiled.takeError();
  NetworkCost cost = summarize(*compiled, asked.layers);
  networks.try_emplace(key, cost);
  return cost;
}

llvm::Expected<UnitCost> CostService::Impl::price(const CostUnit &unit) {
  ++statistics.layerQueries;
  if (unit.isInPlace) {
    UnitCost none;
    none.entry.op = unit.op;
    return none;
  }
  std::string key = unit.signature();
  auto known = units.find(key);
  if (known != units.end())
    return known->second;
  ++statistics.layerMisses;
  llvm::Expected<CompiledCost> compiled =
      compileForCost(serialize(*makeUnitModule(unit)), unitBits(unit), machine,
                     /*fuse=*/false);
  if (!compiled)
    return llvm::createStringError(
        "'" + unit.name + "': " + llvm::toString(compiled.takeError()));
  UnitCost cost;
  cost.weightBytes = compiled->weightBytes;
  double most = -1;
  for (const OpCost &op : compiled->report.ops) {
    if (!llvm::StringRef(op.name).contains(kUnitName))
      continue;
    cost.entry.cycles += double(op.cycles);
    cost.entry.energyPj += op.energyPj();
    cost.entry.macs += uint64_t(op.counts.macs);
    cost.entry.dramBytes +=
        uint64_t(op.counts.dramReadBytes + op.counts.dramWriteBytes);
    // A unit of several layers goes by the name of the longest.
    if (double(op.cycles) > most)
      cost.entry.op = op.op;
    most = std::max(most, double(op.cycles));
  }
  units.try_emplace(key, cost);
  return cost;
}

/// `module` holds a fused function.
llvm::Expected<NetworkCost>
CostService::Impl::estimate(ModuleOp module, const BitAssignment &bits) {
  NetworkCost total;
  for (const CostUnit &unit :
       cutIntoUnits(module.lookupSymbol<func::FuncOp>("main"), bits)) {
    llvm::Expected<UnitCost> cost = price(unit);
    if (!cost)
      return cost.takeError();
    CostEntry entry = cost->entry;
    entry.name = unit.name;
    entry.bits = unit.bits;
    total.cycles += entry.cycles;
    total.energyPj += entry.energyPj;
    total.macs += entry.macs;
    total.dramBytes += entry.dramBytes;
    total.weightBytes += cost->weightBytes;
    total.layers.push_back(std::move(entry));
  }
  return total;
}

static llvm::Error fuse(ModuleOp module) {
  DiagnosticCollector diagnostics(*module.getContext());
  PassManager manager(module.getContext());
  buildFloatPipeline(manager, {.fuseFunctions = false});
  return failed(manager.run(module)) ? diagnostics.takeError()
                                     : llvm::Error::success();
}

CostService::CostService(Machine machine)
    : impl(std::make_unique<Impl>(Impl{std::move(machine), {}, {}, {}})) {}
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
  Stopwatch watch(impl->statistics.seconds);
  ++impl->statistics.networkQueries;
  OwningOpRef<ModuleOp> module = withoutWeights(function);
  bool hasNormalization =
      module->walk([](nn::BatchNormOp) { return WalkResult::interrupt(); })
          .wasInterrupted();
  if (!hasNormalization) {
    if (llvm::Error error = fuse(*module))
      return std::move(error);
    return impl->estimate(*module, bits);
  }
  // Folding makes weights that the context of the caller would keep.
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  auto own = deserialize(serialize(*module), context);
  if (!own)
    return llvm::createStringError("a copy of the function does not parse");
  if (llvm::Error error = fuse(*own))
    return std::move(error);
  // Without what folding has made of the weights.
  own = withoutWeights(own->lookupSymbol<func::FuncOp>("main"));
  return impl->estimate(*own, bits);
}

} // namespace accopt
