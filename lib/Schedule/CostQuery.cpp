//===- CostQuery.cpp - What a network of layers costs, again --------------===//
//
// Part of AccOpt. Plans the layers (from what the caches know), looks up each
// unit's commands by all that they depend on, and what they do to the state
// that the machine is in. Functions of the host are followed here: they meet
// the engines in DRAM only.
//
//===----------------------------------------------------------------------===//

#include "accopt/Schedule/CostQuery.h"

#include "EngineState.h"
#include "MemoryPlan.h"
#include "Plan.h"

#include "accopt/Analysis/CostAnalysis.h"

using namespace mlir;

namespace accopt {

namespace {
/// A transition to a state that has a number.
struct KnownTransition {
  Transition transition;
  int next = 0;
};

struct KnownUnit {
  UnitSummary summary;
  uint64_t placedBytes = 0; ///< of its constants in DRAM, with what aligns them
};
} // namespace

struct CostCache::Impl {
  Machine machine;
  ScheduleOptions options;
  Statistics statistics;
  TilingCache own;
  RowNumbers ops; ///< of layers that slide no window
  llvm::StringMap<int> unitNumbers;
  std::vector<std::unique_ptr<KnownUnit>> units;
  RowNumbers stateNumbers;
  std::vector<std::unique_ptr<EngineState>> states;
  /// By the state before and the unit.
  llvm::DenseMap<std::pair<int, int>, std::unique_ptr<KnownTransition>>
      transitions;

  TilingCache &tilings() { return options.cache ? *options.cache : own; }
  int addState(EngineState state) {
    int number = stateNumbers.number(state.row());
    if (number == int(states.size()))
      states.push_back(std::make_unique<EngineState>(std::move(state)));
    return number;
  }
};

CostCache::CostCache(Machine machine, ScheduleOptions options)
    : impl(std::make_unique<Impl>()) {
  impl->machine = std::move(machine);
  impl->options = options;
}
CostCache::~CostCache() = default;
const CostCache::Statistics &CostCache::statistics() const {
  return impl->statistics;
}
const Machine &CostCache::machine() const { return impl->machine; }

namespace {
/// A unit of a network that is being asked about.
struct UnitRange {
  int first = 0, last = 0;
  const ChosenStack *stack = nullptr;
  unsigned turn = 0; ///< units before it
};

/// Answers one question.
class Query {
public:
  Query(ModuleOp module, Network &network, llvm::ArrayRef<int> ops,
        CostCache::Impl &cache)
      : module(module), network(network), ops(ops), cache(cache) {}

  FailureOr<QueriedCost> run();

private:
  void prepare();
  FailureOr<int> findUnit(const UnitRange &range);
  /// The tensors that a unit touches, each once.
  void collectTensors(const UnitRange &range);
  FailureOr<std::unique_ptr<KnownUnit>> emitUnit(const UnitRange &range,
                                                 ScratchpadRange scratchpad);
  LogicalResult addUnit(const UnitRange &range);
  void addLayers(const UnitRange &range, const UnitSummary &unit,
                 llvm::ArrayRef<int64_t> cycles);
  void runHost(const UnitRange &range, const UnitSummary &unit);
  void followStores(const UnitSummary &unit, const Transition &transition,
                    int firstTensor);
  FailureOr<QueriedCost> runWhole();
  void finish();

  int firstTensor(int layer) const {
    return layer < int(network.layers.size())
               ? network.layers[layer].outputs.front()
               : int(network.tensors.size());
  }
  int rootOf(int tensor) const {
    const NetworkTensor &one = network.tensors[tensor];
    return one.isSlice() ? one.root : tensor;
  }
  bool isWatched(int tensor) const {
    const NetworkTensor &one = network.tensors[tensor];
    return !one.isInput && !one.isConstant;
  }

  ModuleOp module;
  Network &network;
  llvm::ArrayRef<int> ops;
  CostCache::Impl &cache;
  std::vector<ChosenStack> stacks;
  std::vector<std::vector<int64_t>> cuts; ///< sliceCuts(); empty if no slices
  QueriedCost cost;
  /// The state's number, and the latest completion, which it counts from.
  int state = 0;
  int64_t now = 0;
  int64_t placedBytes = 0;
  bool needsWhole = false;
  SmallVector<int, 16> tensors; ///< of the unit at hand
  SmallVector<int64_t, 128> row;

  /// Where a network has functions of the host: where tensors lie, when each
  /// was completely stored and last touched, and what the host has touched.
  bool hasHost = false;
  int64_t hostFree = 0;
  std::vector<int64_t> addresses, stored, accessed;
  SmallVector<std::pair<int, int64_t>> hostTensors; ///< until when
};

/// Whether two tensors share memory in DRAM, one after the other.
bool share(const NetworkTensor &a, int64_t aAddress, const NetworkTensor &b,
           int64_t bAddress) {
  return aAddress < bAddress + b.bytes && bAddress < aAddress + a.bytes;
}
} // namespace

void Query::prepare() {
  stacks = planLayers(network, cache.machine, cache.options, cache.tilings());
  hasHost = llvm::any_of(network.layers, [](const Layer &layer) {
    return isa<accel::HostOp>(layer.op);
  });
  if (llvm::any_of(network.tensors,
                   [](const NetworkTensor &t) { return t.isSlice(); }))
    cuts = sliceCuts(network);
  // The whole program says so where it does not fit; here is an upper bound.
  for (const NetworkTensor &tensor : network.tensors)
    placedBytes += alignUp(tensor.bytes);
  if (!hasHost)
    return;
  if (planDram(network) > int64_t(UINT32_MAX))
    needsWhole = true;
  for (const NetworkTensor &tensor : network.tensors)
    addresses.push_back(tensor.address);
  stored.assign(network.tensors.size(), kNever);
  accessed = stored;
}

void Query::collectTensors(const UnitRange &range) {
  tensors.clear();
  if (range.stack) {
    for (const StackTensor &tensor : range.stack->plan->tensors)
      tensors.push_back(range.stack->firstTensor + tensor.tensor);
    return;
  }
  const Layer &layer = network.layers[range.first];
  for (int tensor : llvm::concat<const int>(layer.inputs, layer.outputs))
    if (!llvm::is_contained(tensors, tensor))
      tensors.push_back(tensor);
}

/// The number of the unit with these commands: its key has all that they depend
/// on but the machine.
FailureOr<int> Query::findUnit(const UnitRange &range) {
  const Layer &first = network.layers[range.first];
  int base = firstTensor(range.first);
  ScratchpadRange scratchpad =
      freeScratchpad(network, range.first, range.last, cache.machine);
  row = {range.turn % 2, scratchpad.begin, scratchpad.end,
         firstTensor(range.last + 1) - base};
  if (range.stack)
    row.push_back(int64_t(reinterpret_cast<intptr_t>(range.stack->plan)));
  else
    row.append({-1, first.shape, ops[range.first]});
  collectTensors(range);
  // A layer's operands may be one tensor.
  if (!range.stack)
    for (int input : first.inputs)
      row.push_back(llvm::find(tensors, input) - tensors.begin());
  for (int index : tensors) {
    const NetworkTensor &tensor = network.tensors[index];
    int root = rootOf(index);
    bool isWatched = this->isWatched(root);
    row.append({tensor.resident + 2 * isWatched + 4 * tensor.isSlice() +
                    8 * tensor.inStack,
                tensor.dramBits, tensor.pitch, tensor.bytes});
    if (tensor.resident)
      row.push_back(int64_t(tensor.scratchpadAddress));
    else if (isWatched && !tensor.inStack)
      row.push_back(base - root);
    if (tensor.isSlice())
      row.append({tensor.channelOffset, base - tensor.container});
    if (!cuts.empty() && !cuts[root].empty()) {
      row.push_back(network.tensors[root].bytes);
      row.append(cuts[root].begin(), cuts[root].end());
    }
  }
  ++cache.statistics.units;
  StringRef key(reinterpret_cast<const char *>(row.data()),
                row.size() * sizeof(int64_t));
  auto [entry, isNew] =
      cache.unitNumbers.try_emplace(key, int(cache.units.size()));
  if (!isNew)
    return entry->second;
  FailureOr<std::unique_ptr<KnownUnit>> unit = emitUnit(range, scratchpad);
  if (failed(unit)) {
    cache.unitNumbers.erase(entry);
    return failure();
  }
  ++cache.statistics.newUnits;
  cache.units.push_back(std::move(*unit));
  return int(cache.units.size()) - 1;
}

/// Emits a unit by itself, with its tensors behind each other in DRAM.
FailureOr<std::unique_ptr<KnownUnit>>
Query::emitUnit(const UnitRange &range, ScratchpadRange scratchpad) {
  SmallVector<UnitTensor, 8> places;
  int64_t end = 0;
  for (int index : tensors) {
    const NetworkTensor &tensor = network.tensors[index];
    int root = rootOf(index);
    bool isPlaced = llvm::any_of(
        places, [&](const UnitTensor &place) { return place.tensor == root; });
    if (tensor.resident || tensor.inStack || isPlaced)
      continue;
    UnitTensor &place = places.emplace_back();
    place.tensor = root;
    place.begin = end;
    place.end = end + network.tensors[root].bytes;
    place.isWatched = isWatched(root);
    if (!cuts.empty() && !cuts[root].empty()) {
      place.cuts = cuts[root];
      place.pitch =
          cast<RankedTensorType>(network.tensors[root].value.getType())
              .getShape()
              .back();
    }
    network.tensors[root].address = uint32_t(end);
    end = alignUp(place.end);
  }
  for (int index : tensors) {
    NetworkTensor &tensor = network.tensors[index];
    if (tensor.isSlice() && !tensor.resident)
      tensor.address =
          network.tensors[tensor.root].address + uint32_t(tensor.channelOffset);
  }
  Emitter emitter(network, cache.machine, uint32_t(end),
                  /*packConstants=*/false, cache.tilings());
  emitter.setTurn(range.turn);
  for (const UnitTensor &place : places)
    if (!place.cuts.empty())
      emitter.commandStream().addSlicedImage(place.begin, place.end,
                                             place.pitch, place.cuts);
  if (range.stack)
    emitter.emit(range.stack->place(), scratchpad);
  else if (failed(emitter.emit(range.first, scratchpad)))
    return failure();
  auto unit = std::make_unique<KnownUnit>();
  unit->placedBytes = uint64_t(emitter.dramEnd() - end);
  uint64_t constantBytes = emitter.missingConstantBytes();
  unit->summary = summarizeUnit(emitter.takeCommands(), places, range.first,
                                range.last - range.first + 1,
                                firstTensor(range.first), cache.machine);
  unit->summary.constantBytes = constantBytes;
  if (end > int64_t(UINT32_MAX))
    unit->summary.isOrdered = false;
  return unit;
}

void Query::addLayers(const UnitRange &range, const UnitSummary &unit,
                      ArrayRef<int64_t> cycles) {
  for (int index = range.first; index <= range.last; ++index) {
    QueriedLayer &layer = cost.layers[index];
    layer.cycles = uint64_t(cycles[index - range.first]);
    layer.quantities = unit.quantities[index - range.first];
  }
}

/// The host begins when its inputs are stored. Its outputs' memory may have
/// been that of other tensors: whether those are done with is known by a bound
/// only.
void Query::runHost(const UnitRange &range, const UnitSummary &unit) {
  const Layer &layer = network.layers[range.first];
  int64_t start = hostFree;
  for (int input : layer.inputs)
    if (isWatched(rootOf(input)))
      start = std::max(start, stored[rootOf(input)]);
  for (int output : layer.outputs)
    for (size_t other = 0; other < accessed.size(); ++other)
      if (accessed[other] > start && int(other) != output &&
          share(network.tensors[other], addresses[other],
                network.tensors[output], addresses[output]))
        needsWhole = true;
  hostFree = start + unit.commands.front().occupancy;
  int64_t later = std::max<int64_t>(0, hostFree - now);
  addLayers(range, unit, {later});
  EngineState next = *cache.states[state];
  for (int output : layer.outputs) {
    StateSegment segment;
    segment.space = {int64_t(firstTensor(range.first)) - output, 0};
    segment.end = network.tensors[output].bytes;
    segment.writes[unsigned(Engine::Host)] = hostFree - now;
    next.segments.push_back(segment);
    stored[output] = hostFree;
  }
  for (int tensor : llvm::concat<const int>(layer.inputs, layer.outputs))
    hostTensors.emplace_back(rootOf(tensor), hostFree);
  next.advance(later, firstTensor(range.last + 1) - firstTensor(range.first));
  state = cache.addState(std::move(next));
  now += later;
}

/// For the host's sake: when tensors are complete, and whether what is stored
/// now may lie where the host is not done.
void Query::followStores(const UnitSummary &unit, const Transition &transition,
                         int base) {
  int64_t earliest = now + cache.states[state]->earliest();
  for (size_t space = 1; space < unit.spaces.size(); ++space) {
    size_t tensor = size_t(base - unit.spaces[space].tensor);
    accessed[tensor] =
        std::max(accessed[tensor], now + transition.accessed[space]);
    if (transition.stored[space] == kNever)
      continue;
    stored[tensor] = std::max(stored[tensor], now + transition.stored[space]);
    for (auto [other, until] : hostTensors)
      if (until > earliest && size_t(other) != tensor &&
          share(network.tensors[tensor], addresses[tensor],
                network.tensors[other], addresses[other]))
        needsWhole = true;
  }
}

LogicalResult Query::addUnit(const UnitRange &range) {
  FailureOr<int> number = findUnit(range);
  if (failed(number))
    return failure();
  const KnownUnit &unit = *cache.units[*number];
  cost.constantBytes += unit.summary.constantBytes;
  placedBytes += int64_t(unit.placedBytes);
  if (!unit.summary.isOrdered || placedBytes > int64_t(UINT32_MAX))
    needsWhole = true;
  if (needsWhole)
    return success();
  if (hasHost && isa<accel::HostOp>(network.layers[range.first].op)) {
    runHost(range, unit.summary);
    return success();
  }
  ++cache.statistics.transitions;
  auto &known = cache.transitions[{state, *number}];
  if (!known) {
    ++cache.statistics.newTransitions;
    known = std::make_unique<KnownTransition>();
    known->transition =
        timeUnit(*cache.states[state], unit.summary,
                 firstTensor(range.last + 1) - firstTensor(range.first));
    known->next = cache.addState(std::move(known->transition.next));
  }
  const Transition &transition = known->transition;
  addLayers(range, unit.summary, transition.cycles);
  if (hasHost)
    followStores(unit.summary, transition, firstTensor(range.first));
  now += transition.total;
  state = known->next;
  return success();
}

/// Emits all and times it, as compilers do.
FailureOr<QueriedCost> Query::runWhole() {
  ++cache.statistics.wholePrograms;
  ScheduleOptions options = cache.options;
  options.packConstants = false;
  auto emitter = emitLayers(module, network, stacks, cache.machine, options,
                            cache.tilings());
  if (failed(emitter))
    return failure();
  Program program;
  program.machine = cache.machine;
  program.commands = (*emitter)->takeCommands();
  program.layers.resize(network.layers.size());
  llvm::Expected<CostAnalysis> analysis = analyzeCost(program);
  if (!analysis)
    return module.emitError(llvm::toString(analysis.takeError()));
  cost.constantBytes = (*emitter)->missingConstantBytes();
  for (auto [layer, known] : llvm::zip_equal(cost.layers, analysis->layers)) {
    layer.cycles = known.cycles;
    layer.quantities = known.quantities;
  }
  finish();
  return std::move(cost);
}

void Query::finish() {
  for (QueriedLayer &layer : cost.layers) {
    layer.energyPj =
        energy(layer.quantities, layer.cycles, cache.machine).total();
    cost.cycles += layer.cycles;
    cost.energyPj += layer.energyPj;
  }
}

FailureOr<QueriedCost> Query::run() {
  ++cache.statistics.queries;
  prepare();
  cost.layers.resize(network.layers.size());
  state = cache.addState(EngineState());
  for (const NetworkTensor &tensor : network.tensors)
    if (tensor.isConstant)
      cost.constantBytes += uint64_t(tensor.bytes);
  auto stack = stacks.begin();
  UnitRange range;
  for (; range.first < int(network.layers.size());
       range.first = range.last + 1, ++range.turn) {
    bool isStack = stack != stacks.end() && stack->first() == range.first;
    range.stack = isStack ? &*stack++ : nullptr;
    range.last = isStack ? range.stack->last() : range.first;
    if (failed(addUnit(range)))
      return failure();
    if (needsWhole)
      return runWhole();
  }
  finish();
  return std::move(cost);
}

//===----------------------------------------------------------------------===//
// CostQuery
//===----------------------------------------------------------------------===//

struct CostQuery::Impl {
  ModuleOp module;
  CostCache::Impl &cache;
  Network network;
  std::vector<NetworkTensor> tensors; ///< before they are planned
  std::vector<int> ops; ///< numbers of the layers that slide no window
};

/// All that the commands of a layer that slides no window depend on beside its
/// tensors' places. Scales and tables are data.
static int numberOp(mlir::Operation *op, RowNumbers &numbers) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << op->getName();
  for (NamedAttribute attribute : op->getAttrs())
    if (!isa<DenseI8ArrayAttr, accel::ScaleAttr, accel::RequantAttr,
             FlatSymbolRefAttr, StringAttr, DictionaryAttr>(
            attribute.getValue()))
      os << ' ' << attribute.getName().getValue() << '='
         << attribute.getValue();
  for (Type type : op->getOperandTypes())
    os << ' ' << type;
  for (Type type : op->getResultTypes())
    os << ' ' << type;
  SmallVector<int64_t> row(text.begin(), text.end());
  return numbers.number(row);
}

FailureOr<CostQuery> CostQuery::read(ModuleOp module, CostCache &cache) {
  FailureOr<Network> network = readLayers(module, cache.impl->machine);
  if (failed(network))
    return failure();
  numberShapes(*network, cache.impl->tilings());
  std::vector<int> ops;
  for (const Layer &layer : network->layers)
    ops.push_back(layer.window ? -1 : numberOp(layer.op, cache.impl->ops));
  std::vector<NetworkTensor> tensors = network->tensors;
  return CostQuery(std::unique_ptr<Impl>(new Impl{
      module, *cache.impl, std::move(*network), std::move(tensors), ops}));
}

CostQuery::CostQuery(std::unique_ptr<Impl> impl) : impl(std::move(impl)) {}
CostQuery::CostQuery(CostQuery &&) = default;
CostQuery::~CostQuery() = default;

size_t CostQuery::layerCount() const { return impl->network.layers.size(); }
mlir::Operation *CostQuery::layer(size_t index) const {
  return impl->network.layers[index].op;
}

LayerInfo CostQuery::describe(size_t index) const {
  return describeLayer(impl->network.layers[index], index);
}

const Machine &CostQuery::machine() const { return impl->cache.machine; }

bool CostQuery::hasShapeOf(const CostQuery &other, size_t index) const {
  const Layer &a = impl->network.layers[index];
  const Layer &b = other.impl->network.layers[index];
  // The two may be of different contexts, whose types cannot be compared.
  auto hasBytesOf = [&](int tensor) {
    return impl->tensors[tensor].bytes == other.impl->tensors[tensor].bytes;
  };
  if (a.inputs != b.inputs || a.outputs != b.outputs ||
      a.op->getName().getStringRef() != b.op->getName().getStringRef() ||
      !llvm::all_of(a.inputs, hasBytesOf) ||
      !llvm::all_of(a.outputs, hasBytesOf))
    return false;
  if (!a.window || !b.window)
    return true;
  WindowLayer x = *a.window, y = *b.window;
  x.weightBits = y.weightBits;
  x.inputBits = y.inputBits;
  return x == y;
}

CostQuery::Bits CostQuery::bits(size_t index) const {
  const Layer &layer = impl->network.layers[index];
  Bits bits;
  if (layer.window && layer.window->hasWeights()) {
    bits.weights = layer.window->weightBits;
    bits.input = layer.window->inputBits;
  }
  // planPacking() looks at no others.
  int64_t output = impl->tensors[layer.outputs.front()].describedBits;
  if (output && output >= layer.resultBits)
    bits.output = output;
  return bits;
}

void CostQuery::setBits(size_t index, Bits bits) {
  Layer &layer = impl->network.layers[index];
  if (layer.window && layer.window->hasWeights()) {
    layer.window->weightBits = bits.weights;
    layer.window->inputBits = bits.input;
    numberShape(layer, impl->cache.tilings());
  }
  if (bits.output == this->bits(index).output)
    return;
  layer.resultBits = bits.output;
  impl->tensors[layer.outputs.front()].describedBits = bits.output;
}

FailureOr<QueriedCost> CostQuery::cost() {
  impl->network.tensors = impl->tensors;
  return Query(impl->module, impl->network, impl->ops, impl->cache).run();
}

} // namespace accopt
