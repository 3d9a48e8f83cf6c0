//===- ChooseStacks.cpp - Which layers run strip by strip -----------------===//
//
// Part of AccOpt. Every run of window layers whose weights and buffers fit is a
// candidate, with several heights of its strips; a dynamic program over the
// layers takes the disjoint ones that gain most together.
//
// The gain of a stack is the first-order change of the network's objective: for
// cycles C times energy E, dC / C + dE / E. What a stack changes of the energy
// is traffic to DRAM and the static power of the cycles.
//
//===----------------------------------------------------------------------===//

#include "MemoryPlan.h"
#include "Stack.h"
#include "TilingCache.h"

#include "accopt/Target/Timing.h"

using namespace llvm;

namespace accopt {
namespace {

/// More layers are rarely worth their weights' place; it bounds the search.
constexpr int kMostLayers = 12;
/// Of those heights of strips that fit, how many of the highest are compared.
constexpr int kComparedStrips = 4;

class Chooser {
public:
  Chooser(Network &network, const Machine &machine, TilingCache &tilings,
          Objective objective)
      : network(network), machine(machine), tilings(tilings) {
    double minor = 0.01; // decides between equals
    cyclesWeight = objective == Objective::Energy ? minor : 1;
    energyWeight = objective == Objective::Cycles ? minor : 1;
  }

  std::vector<ChosenStack> run() {
    readLayers();
    std::vector<ChosenStack> chosen = choose();
    for (const ChosenStack &stack : chosen)
      apply(stack);
    return chosen;
  }

private:
  /// What a layer takes by itself.
  struct Separate {
    int64_t cycles = 0, transfers = 0;
  };

  void readLayers();
  double computeEnergy(const Layer &layer) const;
  std::vector<ChosenStack> choose();
  double gain(const ChosenStack &stack) const;
  /// The candidates that begin at layer `first`, shortest first.
  const std::vector<StackCandidates> &candidates(int first);
  StackCandidates listCandidates(int first, int last) const;
  int surroundings(int index);
  bool mayBeStack(int first, int last) const;
  int64_t freeBytes(int first, int last) const;
  bool isInside(const NetworkTensor &tensor, int first, int last) const {
    return tensor.definedBy >= first && tensor.lastLayer <= last &&
           !tensor.isOutput && !tensor.isSlice();
  }
  void apply(const ChosenStack &stack);

  Network &network;
  const Machine &machine;
  TilingCache &tilings;
  double cyclesWeight = 1, energyWeight = 1;
  WindowLayers windows;
  std::vector<Separate> separate;
  std::vector<int> views; ///< surroundings() of each layer
  double allCycles = 0, allEnergy = 0;
};

/// Of arithmetic and of the memories beside it, as if one command did it all.
double Chooser::computeEnergy(const Layer &of) const {
  auto &known = tilings.impl->computeEnergy;
  known.resize(std::max(known.size(), size_t(of.shape) + 1));
  if (known[of.shape])
    return *known[of.shape];
  const WindowLayer &layer = *of.window;
  bool isConv = layer.kind == WindowLayer::Kind::Conv;
  int64_t outputs = isConv ? layer.groupOutputs() : layer.outChannels;
  Command command =
      sampleCommand(layer,
                    {layer.channels * layer.inputElement, layer.outHeight,
                     layer.outWidth, std::min<int64_t>(outputs, UINT16_MAX),
                     std::min<int64_t>(layer.groupChannels(), UINT16_MAX)},
                    machine);
  int64_t times = layer.batch * (isConv ? layer.groups : 1);
  double all =
      double(times) * energy(quantities(command, machine), 0, machine).total();
  known[of.shape] = all;
  return all;
}

void Chooser::readLayers() {
  size_t count = network.layers.size();
  windows.resize(count);
  separate.resize(count);
  for (auto [index, layer] : enumerate(network.layers)) {
    if (!layer.window)
      continue;
    ScratchpadRange range =
        freeScratchpad(network, int(index), int(index), machine);
    const std::optional<Tiling> &tiling = chooseTiling(
        layer, placementOf(network, layer, *layer.window, range.size()),
        machine, tilings);
    // The emitter will say that it does not fit.
    if (!tiling)
      continue;
    windows[index] = &*layer.window;
    separate[index] = {tiling->steady, tiling->transfers};
    allCycles += double(tiling->steady);
    allEnergy += computeEnergy(layer) +
                 double(tiling->steady) * machine.energy.staticPerCycle +
                 double(tiling->transfers) * machine.dramBytesPerCycle *
                     machine.energy.dramByte;
  }
  views.resize(count);
  for (size_t index = 0; index < count; ++index)
    views[index] = windows[index] ? surroundings(int(index)) : -1;
}

double Chooser::gain(const ChosenStack &stack) const {
  auto cycles = double(stack.separateEstimate - stack.plan->estimate);
  double saved = double(stack.separateTransfers - stack.plan->transfers) *
                     machine.dramBytesPerCycle * machine.energy.dramByte +
                 cycles * machine.energy.staticPerCycle;
  double sum = cyclesWeight * cycles / allCycles;
  if (allEnergy > 0)
    sum += energyWeight * saved / allEnergy;
  return sum;
}

/// Whether the last layer reads what an earlier one writes, and some layer does
/// so by way of DRAM: only that is saved.
bool Chooser::mayBeStack(int first, int last) const {
  auto readsInside = [&](int index, bool fromDram) {
    return any_of(network.layers[index].inputs, [&](int input) {
      const NetworkTensor &tensor = network.tensors[input];
      return tensor.definedBy >= first && tensor.definedBy < index &&
             !(fromDram && tensor.resident);
    });
  };
  if (!readsInside(last, false))
    return false;
  for (int index = first + 1; index <= last; ++index)
    if (readsInside(index, true))
      return true;
  return false;
}

/// Scratchpad beside the residents that live while the stack runs; 0 if two of
/// them share an address, one after the other.
int64_t Chooser::freeBytes(int first, int last) const {
  SmallVector<std::pair<int64_t, int64_t>, 8> taken;
  for (int index : network.residents) {
    const NetworkTensor &tensor = network.tensors[index];
    if (tensor.firstLayer <= last && first <= tensor.lastLayer &&
        !isInside(tensor, first, last))
      taken.emplace_back(tensor.scratchpadAddress,
                         alignUp(tensor.scratchpadAddress + tensor.bytes));
  }
  sort(taken);
  int64_t end = 0;
  for (auto [begin, stop] : taken) {
    if (begin < end)
      return 0;
    end = stop;
  }
  return int64_t(machine.scratchpadBytes) / 16 * 16 - end;
}

StackCandidates Chooser::listCandidates(int first, int last) const {
  StackCandidates found;
  found.mayBe = mayBeStack(first, last);
  if (!found.mayBe)
    return found;
  int64_t bytes = freeBytes(first, last), weights = 0;
  for (int index = first; index <= last; ++index) {
    const WindowLayer &w = *windows[index];
    if (w.hasWeights())
      weights += w.taps() * w.outChannels *
                 (w.kind == WindowLayer::Kind::Conv ? w.groupChannels() : 1);
  }
  if (weights > bytes)
    return found;
  int64_t height = windows[last]->outHeight;
  for (int64_t parts = 1, strip = 0;
       parts <= height && found.stacks.size() < kComparedStrips;
       parts += std::max<int64_t>(1, parts / 3)) {
    int64_t next = divideUp(height, parts);
    if (next == strip)
      continue;
    strip = next;
    std::optional<Stack> stack =
        planStack(network, windows, first, last, strip, bytes, machine);
    if (!stack)
      continue;
    for (StackLayer &layer : stack->layers)
      layer.index -= first;
    for (StackTensor &tensor : stack->tensors)
      tensor.tensor -= network.layers[first].outputs.front();
    found.stacks.push_back(std::make_unique<const Stack>(std::move(*stack)));
  }
  return found;
}

/// The number of all that a stack's plan depends on at one of its layers: what
/// it is, what its tensors are, and the residents that live beside it. Layers
/// and tensors are counted from this layer and its output on.
int Chooser::surroundings(int index) {
  const Layer &layer = network.layers[index];
  int output = layer.outputs.front();
  int before = index ? network.layers[index - 1].outputs.front() : 0;
  SmallVector<int64_t, 64> row = {layer.shape, output - before};
  auto addTensor = [&](int which) {
    const NetworkTensor &tensor = network.tensors[which];
    row.append({output - which, index - tensor.definedBy,
                tensor.lastLayer - index,
                tensor.resident + 2 * tensor.isOutput + 4 * tensor.isSlice(),
                tensor.dramBits, tensor.pitch});
  };
  for (int input : layer.inputs)
    addTensor(input);
  addTensor(output);
  for (int which : network.residents) {
    const NetworkTensor &tensor = network.tensors[which];
    if (tensor.firstLayer <= index && index <= tensor.lastLayer)
      row.append({output - which, int64_t(tensor.scratchpadAddress),
                  tensor.bytes, index - tensor.firstLayer,
                  index - tensor.definedBy, tensor.lastLayer - index,
                  tensor.isOutput});
  }
  return tilings.impl->surroundings.number(row);
}

const std::vector<StackCandidates> &Chooser::candidates(int first) {
  int count = int(network.layers.size());
  int end = first;
  while (end < std::min(count, first + kMostLayers) && windows[end])
    ++end;
  StringRef key(reinterpret_cast<const char *>(&views[first]),
                size_t(end - first) * sizeof(int));
  auto [entry, isNew] = tilings.impl->stacks.try_emplace(key);
  if (!isNew)
    return entry->second;
  for (int last = first + 1; last < end; ++last) {
    entry->second.push_back(listCandidates(first, last));
    const StackCandidates &found = entry->second.back();
    if (found.mayBe && found.stacks.empty())
      break;
  }
  return entry->second;
}

std::vector<ChosenStack> Chooser::choose() {
  int count = int(network.layers.size());
  // The most that can be gained by the layers in front, and the stack that ends
  // there if one does.
  std::vector<double> gained(count + 1, 0);
  std::vector<ChosenStack> ending(count + 1);
  for (int first = 0; first < count; ++first) {
    if (gained[first + 1] < gained[first]) {
      gained[first + 1] = gained[first];
      ending[first + 1].plan = nullptr;
    }
    if (!windows[first])
      continue;
    ChosenStack stack;
    stack.firstLayer = first;
    stack.firstTensor = network.layers[first].outputs.front();
    stack.separateEstimate = separate[first].cycles;
    stack.separateTransfers = separate[first].transfers;
    int last = first;
    for (const StackCandidates &found : candidates(first)) {
      ++last;
      stack.separateEstimate += separate[last].cycles;
      stack.separateTransfers += separate[last].transfers;
      double most = 0;
      const Stack *best = nullptr;
      for (const auto &candidate : found.stacks) {
        stack.plan = candidate.get();
        double sum = gain(stack);
        if (best && sum <= most)
          continue;
        best = candidate.get();
        most = sum;
      }
      if (!best || most <= 0 || gained[first] + most <= gained[last + 1])
        continue;
      stack.plan = best;
      gained[last + 1] = gained[first] + most;
      ending[last + 1] = stack;
    }
  }
  std::vector<ChosenStack> chosen;
  for (int end = count; end > 0;) {
    if (!ending[end].plan) {
      --end;
      continue;
    }
    chosen.push_back(ending[end]);
    end = ending[end].first();
  }
  std::reverse(chosen.begin(), chosen.end());
  return chosen;
}

/// Its layers take turns: what it touches lives as long as it runs.
void Chooser::apply(const ChosenStack &stack) {
  for (const StackTensor &part : stack.plan->tensors) {
    NetworkTensor &tensor = network.tensors[stack.firstTensor + part.tensor];
    if (part.isProduced && !part.isResident && !part.isStored) {
      tensor.resident = false;
      tensor.inStack = true;
      continue;
    }
    NetworkTensor &whole =
        tensor.isSlice() ? network.tensors[tensor.root] : tensor;
    for (NetworkTensor *one : {&tensor, &whole}) {
      one->firstLayer = part.isProduced
                            ? std::min(one->firstLayer, stack.first())
                            : one->firstLayer;
      one->lastLayer = std::max(one->lastLayer, stack.last());
    }
  }
}

} // namespace

Stack ChosenStack::place() const {
  Stack stack = *plan;
  for (StackLayer &layer : stack.layers)
    layer.index += firstLayer;
  for (StackTensor &tensor : stack.tensors)
    tensor.tensor += firstTensor;
  stack.separateEstimate = separateEstimate;
  stack.separateTransfers = separateTransfers;
  return stack;
}

std::vector<ChosenStack> planStacks(Network &network, const Machine &machine,
                                    TilingCache &tilings, Objective objective) {
  return Chooser(network, machine, tilings, objective).run();
}

} // namespace accopt
