//===- CostService.cpp - What a network would cost ------------------------===//
//
// Part of AccOpt. docs/Design/CostQueries.md explains both kinds of query.
//
//===----------------------------------------------------------------------===//

#include "accopt/Tuning/CostService.h"

#include "CostServiceBits.h"
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
  explicit Impl(Machine machine) : cache(std::move(machine)) {}

  CostCache cache;
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

CostEntry entryOf(const LayerInfo &info, const QueriedLayer &layer) {
  CostEntry entry;
  entry.name = info.name;
  entry.op = info.op;
  entry.cycles = double(layer.cycles);
  entry.energyPj = layer.energyPj;
  entry.macs = layer.quantities.macs;
  entry.dramBytes =
      layer.quantities.dramReadBytes + layer.quantities.dramWriteBytes;
  return entry;
}

/// Without the layers' bits.
NetworkCost summarize(const QueriedCost &queried,
                      llvm::ArrayRef<LayerInfo> infos) {
  NetworkCost cost;
  cost.cycles = double(queried.cycles);
  cost.energyPj = queried.energyPj;
  cost.weightBytes = queried.constantBytes;
  cost.layers.reserve(infos.size());
  for (auto [info, layer] : llvm::zip_equal(infos, queried.layers)) {
    cost.layers.push_back(entryOf(info, layer));
    cost.macs += cost.layers.back().macs;
    cost.dramBytes += cost.layers.back().dramBytes;
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
      compileForCost(bytecode, asked, cache, /*fuse=*/true);
  if (!compiled)
    return compiled.takeError();
  NetworkCost cost = summarize(compiled->cost, compiled->layers);
  for (auto [entry, info] : llvm::zip_equal(cost.layers, compiled->layers))
    if (info.placement == "array")
      entry.bits = bitsOf(asked.layers, info.name);
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
      compileForCost(serialize(*makeUnitModule(unit)), unitBits(unit), cache,
                     /*fuse=*/false);
  if (!compiled)
    return llvm::createStringError(
        "'" + unit.name + "': " + llvm::toString(compiled.takeError()));
  UnitCost cost;
  cost.weightBytes = compiled->cost.constantBytes;
  double most = -1;
  for (auto [info, layer] :
       llvm::zip_equal(compiled->layers, compiled->cost.layers)) {
    if (!llvm::StringRef(info.name).contains(kUnitName))
      continue;
    CostEntry own = entryOf(info, layer);
    cost.entry.cycles += own.cycles;
    cost.entry.energyPj += own.energyPj;
    cost.entry.macs += own.macs;
    cost.entry.dramBytes += own.dramBytes;
    // A unit of several layers goes by the name of the longest.
    if (own.cycles > most)
      cost.entry.op = own.op;
    most = std::max(most, own.cycles);
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
    : impl(std::make_unique<Impl>(std::move(machine))) {}
CostService::~CostService() = default;

const CostService::Statistics &CostService::statistics() const {
  return impl->statistics;
}
const Machine &CostService::machine() const { return impl->cache.machine(); }

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

//===----------------------------------------------------------------------===//
// One network at many bits
//===----------------------------------------------------------------------===//

struct BitCosts::Impl {
  CostService &service;
  mlir::OwningOpRef<mlir::ModuleOp> function; ///< in the context of the caller
  std::unique_ptr<BitNetwork> network; ///< null where it does not compile
  std::vector<LayerInfo> layers;
};

BitCosts::BitCosts(CostService &service, func::FuncOp function)
    : impl(new Impl{service, withoutWeights(function), nullptr, {}}) {
  Stopwatch watch(service.impl->statistics.seconds);
  auto network =
      BitNetwork::read(serialize(*impl->function), service.impl->cache);
  // Then every question gives that error.
  if (!network) {
    llvm::consumeError(network.takeError());
    return;
  }
  impl->network = std::move(*network);
  for (size_t i = 0; i < impl->network->query().layerCount(); ++i)
    impl->layers.push_back(impl->network->query().describe(i));
}
BitCosts::~BitCosts() = default;

llvm::Expected<NetworkCost> BitCosts::exact(const BitAssignment &bits) {
  if (!impl->network || !impl->network->setBits(bits))
    return impl->service.exact(
        impl->function->lookupSymbol<func::FuncOp>("main"), bits);
  CostService::Impl &service = *impl->service.impl;
  Stopwatch watch(service.statistics.seconds);
  ++service.statistics.networkQueries;
  ++service.statistics.bitQueries;
  FailureOr<QueriedCost> queried = impl->network->query().cost();
  if (failed(queried))
    return llvm::createStringError("a layer does not fit the machine");
  NetworkCost cost = summarize(*queried, impl->layers);
  for (auto [index, entry] : llvm::enumerate(cost.layers))
    if (impl->layers[index].placement == "array")
      entry.bits = impl->network->bitsOf(index, bits);
  return cost;
}

} // namespace accopt
