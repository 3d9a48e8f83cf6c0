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

#include "accopt/Target/Timing.h"

#include "llvm/ADT/StringMap.h"

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

  std::vector<Stack> run() {
    readLayers();
    std::vector<Stack> chosen = choose();
    for (const Stack &stack : chosen)
      apply(stack);
    return chosen;
  }

private:
  /// What a layer takes by itself.
  struct Separate {
    int64_t cycles = 0, transfers = 0;
  };

  void readLayers();
  double computeEnergy(const WindowLayer &layer) const;
  std::vector<Stack> choose();
  std::optional<Stack> best(int first, int last) const;
  double gain(const Stack &stack) const;
  bool mayBeStack(int first, int last) const;
  int64_t freeBytes(int first, int last) const;
  bool isInside(const NetworkTensor &tensor, int first, int last) const {
    return tensor.definedBy >= first && tensor.lastLayer <= last &&
           !tensor.isOutput && !tensor.isSlice();
  }
  void apply(const Stack &stack);

  Network &network;
  const Machine &machine;
  TilingCache &tilings;
  double cyclesWeight = 1, energyWeight = 1;
  WindowLayers windows;
  std::vector<Separate> separate;
  double allCycles = 0, allEnergy = 0;
};

/// Of arithmetic and of the memories beside it, as if one command did it all.
double Chooser::computeEnergy(const WindowLayer &layer) const {
  bool isConv = layer.kind == WindowLayer::Kind::Conv;
  int64_t outputs = isConv ? layer.groupOutputs() : layer.outChannels;
  Command command =
      sampleCommand(layer,
                    {layer.channels * layer.inputElement, layer.outHeight,
                     layer.outWidth, std::min<int64_t>(outputs, UINT16_MAX),
                     std::min<int64_t>(layer.groupChannels(), UINT16_MAX)},
                    machine);
  int64_t times = layer.batch * (isConv ? layer.groups : 1);
  return double(times) *
         energy(quantities(command, machine), 0, machine).total();
}

void Chooser::readLayers() {
  size_t count = network.layers.size();
  windows.resize(count);
  separate.resize(count);
  for (auto [index, layer] : enumerate(network.layers)) {
    windows[index] = readWindowLayer(layer.op);
    if (!windows[index])
      continue;
    ScratchpadRange range =
        freeScratchpad(network, int(index), int(index), machine);
    auto tiling =
        chooseTiling(*windows[index],
                     placementOf(network, layer, *windows[index], range.size()),
                     machine, tilings);
    // The emitter will say that it does not fit.
    if (!tiling) {
      windows[index].reset();
      continue;
    }
    separate[index] = {tiling->steady, tiling->transfers};
    allCycles += double(tiling->steady);
    allEnergy += computeEnergy(*windows[index]) +
                 double(tiling->steady) * machine.energy.staticPerCycle +
                 double(tiling->transfers) * machine.dramBytesPerCycle *
                     machine.energy.dramByte;
  }
}

double Chooser::gain(const Stack &stack) const {
  auto cycles = double(stack.separateEstimate - stack.estimate);
  double saved = double(stack.separateTransfers - stack.transfers) *
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
  for (const NetworkTensor &tensor : network.tensors)
    if (tensor.resident && !tensor.isSlice() && tensor.firstLayer <= last &&
        first <= tensor.lastLayer && !isInside(tensor, first, last))
      taken.emplace_back(tensor.scratchpadAddress,
                         alignUp(tensor.scratchpadAddress + tensor.bytes));
  sort(taken);
  int64_t end = 0;
  for (auto [begin, stop] : taken) {
    if (begin < end)
      return 0;
    end = stop;
  }
  return int64_t(machine.scratchpadBytes) / 16 * 16 - end;
}

std::optional<Stack> Chooser::best(int first, int last) const {
  int64_t bytes = freeBytes(first, last), weights = 0;
  for (int index = first; index <= last; ++index) {
    const WindowLayer &w = *windows[index];
    if (w.hasWeights())
      weights += w.taps() * w.outChannels *
                 (w.kind == WindowLayer::Kind::Conv ? w.groupChannels() : 1);
  }
  if (weights > bytes)
    return std::nullopt;
  int64_t height = windows[last]->outHeight;
  std::optional<Stack> best;
  int compared = 0;
  for (int64_t parts = 1, strip = 0;
       parts <= height && compared < kComparedStrips;
       parts += std::max<int64_t>(1, parts / 3)) {
    int64_t next = divideUp(height, parts);
    if (next == strip)
      continue;
    strip = next;
    std::optional<Stack> stack =
        planStack(network, windows, first, last, strip, bytes, machine);
    if (!stack)
      continue;
    ++compared;
    for (int index = first; index <= last; ++index) {
      stack->separateEstimate += separate[index].cycles;
      stack->separateTransfers += separate[index].transfers;
    }
    if (!best || gain(*stack) > gain(*best))
      best = std::move(stack);
  }
  return best;
}

std::vector<Stack> Chooser::choose() {
  int count = int(network.layers.size());
  // The most that can be gained by the layers in front, and the stack that ends
  // there if one does.
  std::vector<double> gained(count + 1, 0);
  std::vector<std::optional<Stack>> ending(count + 1);
  for (int first = 0; first < count; ++first) {
    if (gained[first + 1] < gained[first]) {
      gained[first + 1] = gained[first];
      ending[first + 1].reset();
    }
    if (!windows[first])
      continue;
    int most = std::min(count, first + kMostLayers);
    for (int last = first + 1; last < most && windows[last]; ++last) {
      if (!mayBeStack(first, last))
        continue;
      std::optional<Stack> stack = best(first, last);
      if (!stack)
        break;
      double sum = gained[first] + gain(*stack);
      if (sum > gained[last + 1] && gain(*stack) > 0) {
        gained[last + 1] = sum;
        ending[last + 1] = std::move(stack);
      }
    }
  }
  std::vector<Stack> chosen;
  for (int end = count; end > 0;) {
    if (!ending[end]) {
      --end;
      continue;
    }
    int first = ending[end]->first();
    chosen.push_back(std::move(*ending[end]));
    end = first;
  }
  std::reverse(chosen.begin(), chosen.end());
  return chosen;
}

/// Its layers take turns: what it touches lives as long as it runs.
void Chooser::apply(const Stack &stack) {
  for (const StackTensor &part : stack.tensors) {
    NetworkTensor &tensor = network.tensors[part.tensor];
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

std::vector<Stack> planStacks(Network &network, const Machine &machine,
                              TilingCache &tilings, Objective objective) {
  return Chooser(network, machine, tilings, objective).run();
}

} // namespace accopt
