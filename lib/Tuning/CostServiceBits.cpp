//===- CostServiceBits.cpp - A network whose bits change ------------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "CostServiceBits.h"

#include "accopt/InitAllDialects.h"
#include "accopt/Transforms/QuantizationPlan.h"

#include "dialects/NN/NNOps.h"

#include "mlir/Dialect/Quant/IR/Quant.h"

#include <random>

using namespace mlir;

namespace accopt {

/// Bits that number something: digits of 2 to 7, where 8 is no digit.
static constexpr int kDigits = 6;
static unsigned digitOf(int number, int place) {
  while (place-- > 0)
    number /= kDigits;
  return 2 + unsigned(number % kDigits);
}

llvm::Expected<std::unique_ptr<BitNetwork>> BitNetwork::read(StringRef bytecode,
                                                             CostCache &cache) {
  auto network = std::make_unique<BitNetwork>();
  bool hasClasses = network->readClasses(bytecode);
  // Asked for, 8 bits go the way of any others, by a plan.
  BitRequest eight;
  for (const std::string &name : network->names)
    eight.layers[name] = LayerBits();
  llvm::Expected<CompiledLayers> compiled =
      compileToLayersForCost(bytecode, eight, /*fuse=*/false);
  if (!compiled)
    return compiled.takeError();
  network->compiled = std::move(*compiled);
  DiagnosticCollector diagnostics(*network->compiled.context);
  FailureOr<CostQuery> query =
      CostQuery::read(*network->compiled.module, cache);
  if (failed(query))
    return diagnostics.takeError();
  network->layers.emplace(std::move(*query));
  for (size_t i = 0; i < network->layers->layerCount(); ++i)
    network->atEight.push_back(network->layers->bits(i));
  network->isLearned = hasClasses && network->learn(bytecode) &&
                       network->check(bytecode, 1) &&
                       network->check(bytecode, 2);
  return network;
}

/// The float layers, and which of their inputs get their bits together.
bool BitNetwork::readClasses(StringRef bytecode) {
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  DiagnosticCollector diagnostics(context);
  auto module = deserialize(bytecode, context);
  if (!module)
    return false;
  auto function = module->lookupSymbol<func::FuncOp>("main");
  llvm::Expected<QuantizationPlan> plan =
      planQuantization(function, anyRanges(function));
  if (!plan) {
    llvm::consumeError(plan.takeError());
    return false;
  }
  auto values = nameValues(function);
  std::map<std::string, Value> named;
  for (const auto &[value, name] : values)
    named[name] = value;
  for (const WeightQuantizer &weights : plan->weights) {
    auto value = named.find(weights.layer);
    if (value == named.end() || !value->second.getDefiningOp())
      return false;
    Value input = value->second.getDefiningOp()->getOperand(0);
    while (isa_and_nonnull<quant::QuantizeCastOp, quant::DequantizeCastOp>(
        input.getDefiningOp()))
      input = input.getDefiningOp()->getOperand(0);
    auto name = values.find(input);
    const ActivationQuantizer *activation =
        name == values.end() ? nullptr : plan->findActivation(name->second);
    numbers[weights.layer] = int(names.size());
    names.push_back(weights.layer);
    classOf.push_back(activation && activation->canNarrow
                          ? int(activation - plan->activations.data())
                          : -1);
  }
  classes = int(plan->activations.size());
  return true;
}

/// Compiles once for each digit.
bool BitNetwork::learn(StringRef bytecode) {
  int places = 1;
  for (int64_t reach = kDigits;
       reach < std::max<int64_t>(classes, int64_t(names.size()));
       reach *= kDigits)
    ++places;
  size_t count = layers->layerCount();
  sources.assign(count, {0, 0, 0});
  auto add = [](int &number, int64_t bits, int place) {
    int power = 1;
    for (int i = 0; i < place; ++i)
      power *= kDigits;
    if (bits < 2 || bits > 7)
      number = -1;
    if (number >= 0)
      number += power * int(bits - 2);
  };
  for (int place = 0; place < places; ++place) {
    BitRequest request;
    for (auto [number, name] : llvm::enumerate(names))
      request.layers[name] = {
          digitOf(int(number), place),
          classOf[number] < 0 ? 8 : digitOf(classOf[number], place)};
    llvm::Expected<CompiledLayers> probe =
        compileToLayersForCost(bytecode, request, /*fuse=*/false);
    if (!probe) {
      llvm::consumeError(probe.takeError());
      return false;
    }
    CostCache none(layers->machine());
    DiagnosticCollector diagnostics(*probe->context);
    FailureOr<CostQuery> query = CostQuery::read(*probe->module, none);
    if (failed(query) || query->layerCount() != count)
      return false;
    for (size_t i = 0; i < count; ++i) {
      if (!query->hasShapeOf(*layers, i))
        return false;
      CostQuery::Bits bits = query->bits(i);
      add(sources[i].weights, bits.weights, place);
      add(sources[i].input, bits.input, place);
      add(sources[i].output, bits.output, place);
    }
  }
  return llvm::all_of(sources, [&](const Source &source) {
    return source.weights < int(names.size()) && source.input < classes &&
           source.output < classes;
  });
}

/// What becomes of the layers, as far as it has been learned.
std::vector<CostQuery::Bits>
BitNetwork::expected(const BitAssignment &bits) const {
  std::vector<unsigned> weights(names.size(), 8);
  std::vector<unsigned> inputs(classes, 0);
  for (size_t number = 0; number < names.size(); ++number) {
    auto asked = bits.find(names[number]);
    LayerBits own = asked == bits.end() ? LayerBits() : asked->second;
    weights[number] = own.weights;
    if (classOf[number] >= 0)
      inputs[classOf[number]] =
          std::max(inputs[classOf[number]], own.activations);
  }
  std::vector<CostQuery::Bits> result = atEight;
  for (auto [layer, source] : llvm::zip_equal(result, sources)) {
    if (source.weights >= 0)
      layer.weights = weights[source.weights];
    if (source.input >= 0 && inputs[source.input])
      layer.input = inputs[source.input];
    if (source.output >= 0 && inputs[source.output])
      layer.output = inputs[source.output];
  }
  return result;
}

/// Compiles with random bits and compares.
bool BitNetwork::check(StringRef bytecode, unsigned seed) {
  std::mt19937 random(seed);
  BitRequest request;
  for (const std::string &name : names)
    request.layers[name] = {2 + unsigned(random() % 7),
                            2 + unsigned(random() % 7)};
  llvm::Expected<CompiledLayers> probe =
      compileToLayersForCost(bytecode, request, /*fuse=*/false);
  if (!probe) {
    llvm::consumeError(probe.takeError());
    return false;
  }
  CostCache none(layers->machine());
  DiagnosticCollector diagnostics(*probe->context);
  FailureOr<CostQuery> query = CostQuery::read(*probe->module, none);
  std::vector<CostQuery::Bits> known = expected(request.layers);
  if (failed(query) || query->layerCount() != known.size())
    return false;
  for (size_t i = 0; i < known.size(); ++i)
    if (!(query->bits(i) == known[i]) || !query->hasShapeOf(*layers, i))
      return false;
  return true;
}

bool BitNetwork::setBits(const BitAssignment &bits) {
  // Without a plan, the network's ends may have other types.
  bool isPlanned = llvm::any_of(
      bits, [](const auto &layer) { return layer.second != LayerBits(); });
  if (!isLearned || !isPlanned)
    return false;
  for (const auto &[name, asked] : bits)
    if (!numbers.count(name) || asked.weights < 2 || asked.weights > 8 ||
        asked.activations < 2 || asked.activations > 8)
      return false;
  std::vector<CostQuery::Bits> wanted = expected(bits);
  for (auto [i, layer] : llvm::enumerate(wanted))
    if (!(layers->bits(i) == layer))
      layers->setBits(i, layer);
  return true;
}

LayerBits BitNetwork::bitsOf(size_t index, const BitAssignment &bits) const {
  if (!isLearned || sources[index].weights < 0)
    return {};
  auto asked = bits.find(names[sources[index].weights]);
  return asked == bits.end() ? LayerBits() : asked->second;
}

} // namespace accopt
