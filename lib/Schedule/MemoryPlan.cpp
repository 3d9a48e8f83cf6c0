//===- MemoryPlan.cpp - Where tensors live --------------------------------===//
//
// Part of AccOpt. Residency is greedy in program order: a tensor stays in the
// scratchpad if the layers of its life are estimated to take no longer, given
// what it leaves them. DRAM is first fit by size, largest first (Pisarchyk and
// Lee 2020, greedy by size for offset calculation).
//
//===----------------------------------------------------------------------===//

#include "MemoryPlan.h"

#include "dialects/NN/NNConstants.h"

#include "llvm/ADT/Sequence.h"

using namespace mlir;

namespace accopt {

std::vector<uint8_t> constantBytes(ElementsAttr value) {
  auto elements = nn::readElements(value);
  std::vector<uint8_t> bytes;
  bytes.reserve(size_t(value.getNumElements()) * elements->width);
  for (int64_t i = 0, n = value.getNumElements(); i < n; ++i)
    llvm::append_range(bytes, elements->element(i));
  return bytes;
}

static bool overlap(const NetworkTensor &a, const NetworkTensor &b) {
  return a.firstLayer <= b.lastLayer && b.firstLayer <= a.lastLayer;
}

ScratchpadRange freeScratchpad(const Network &network, int first, int last,
                               const Machine &machine) {
  int64_t begin = 0;
  for (int index : network.residents) {
    const NetworkTensor &tensor = network.tensors[index];
    if (tensor.resident && tensor.firstLayer <= last &&
        first <= tensor.lastLayer)
      begin = std::max(begin, alignUp(tensor.scratchpadAddress + tensor.bytes));
  }
  return {begin, int64_t(machine.scratchpadBytes) / 16 * 16};
}

namespace {
class Residency {
public:
  Residency(Network &network, const Machine &machine, TilingCache &tilings)
      : network(network), machine(machine), tilings(tilings),
        hasSlices(llvm::any_of(network.tensors, [](const NetworkTensor &t) {
          return t.isSlice();
        })) {}

  void run() {
    network.residents.clear();
    for (NetworkTensor &tensor : network.tensors)
      if (!tensor.isSlice() && eligible(tensor))
        consider(tensor);
  }

private:
  /// Window layers, elementwise ones and tables read and write residents;
  /// data movement and the host work on DRAM.
  bool eligible(const NetworkTensor &tensor) const {
    if (tensor.isInput || tensor.isOutput || tensor.isConstant ||
        tensor.usedByHost || tensor.bytes > machine.scratchpadBytes ||
        tensor.lastLayer <= tensor.firstLayer)
      return false;
    for (int index : llvm::seq_inclusive(tensor.firstLayer, tensor.lastLayer)) {
      const Layer &layer = network.layers[index];
      auto touches = [&](int other) { return holds(tensor, other); };
      if (isa<accel::TransposeOp, accel::ConcatOp, accel::SliceOp,
              accel::PadOp>(layer.op) &&
          !isInPlace(network, layer) &&
          (llvm::any_of(layer.inputs, touches) ||
           llvm::any_of(layer.outputs, touches)))
        return false;
    }
    return true;
  }
  /// Whether `other` is `tensor` or a slice of it.
  bool holds(const NetworkTensor &tensor, int other) const {
    return other == indexOf(tensor) ||
           network.tensors[other].root == indexOf(tensor);
  }
  int indexOf(const NetworkTensor &tensor) const {
    return int(&tensor - network.tensors.data());
  }

  /// Estimated cycles of a layer; -1 if it does not fit.
  int64_t estimate(int index) const {
    const Layer &layer = network.layers[index];
    ScratchpadRange range = freeScratchpad(network, index, index, machine);
    if (isInPlace(network, layer))
      return 0;
    if (const auto &window = layer.window) {
      Placement placement = placementOf(network, layer, *window, range.size());
      const std::optional<Tiling> &tiling =
          chooseTiling(layer, placement, machine, tilings);
      return tiling ? tiling->estimate : -1;
    }
    // Others stream: their time is their traffic.
    if (range.size() < int64_t(machine.scratchpadBytes) / 8)
      return -1;
    int64_t bytes = 0;
    for (int tensor : layer.inputs)
      bytes +=
          network.tensors[tensor].resident ? 0 : network.tensors[tensor].bytes;
    for (int tensor : layer.outputs)
      bytes +=
          network.tensors[tensor].resident ? 0 : network.tensors[tensor].bytes;
    return bytes / machine.dramBytesPerCycle;
  }

  /// First fit below everything that lives at the same time.
  int64_t firstFit(const NetworkTensor &tensor) const {
    int64_t address = 0;
    for (bool moved = true; moved;) {
      moved = false;
      for (int index : network.residents) {
        const NetworkTensor &other = network.tensors[index];
        int64_t end = alignUp(other.scratchpadAddress + other.bytes);
        if (overlap(tensor, other) && address < end &&
            other.scratchpadAddress < address + tensor.bytes) {
          address = end;
          moved = true;
        }
      }
    }
    return address;
  }

  int64_t total(int first, int last) const {
    int64_t sum = 0;
    for (int layer = first; layer <= last; ++layer) {
      int64_t cycles = estimate(layer);
      if (cycles < 0)
        return -1;
      sum += cycles;
    }
    return sum;
  }

  void consider(NetworkTensor &tensor) {
    int64_t before = total(tensor.firstLayer, tensor.lastLayer);
    tensor.scratchpadAddress = uint32_t(firstFit(tensor));
    if (tensor.scratchpadAddress + tensor.bytes > machine.scratchpadBytes)
      return;
    setResident(tensor, true);
    int64_t after = total(tensor.firstLayer, tensor.lastLayer);
    setResident(tensor, after >= 0 && (before < 0 || after <= before));
  }

  /// With its slices, which lie where it lies.
  void setResident(NetworkTensor &tensor, bool resident) {
    if (tensor.resident == resident)
      return;
    tensor.resident = resident;
    if (resident)
      network.residents.push_back(indexOf(tensor));
    else
      network.residents.pop_back();
    if (!hasSlices)
      return;
    for (NetworkTensor &slice : network.tensors)
      if (slice.isSlice() && slice.root == indexOf(tensor)) {
        slice.resident = resident;
        slice.scratchpadAddress =
            tensor.scratchpadAddress + uint32_t(slice.channelOffset);
      }
  }

  Network &network;
  const Machine &machine;
  TilingCache &tilings;
  bool hasSlices;
};
} // namespace

namespace {
/// Whether a window layer's slices of `bits` bits begin and end at bytes, on
/// its input or on its output.
bool cutsAtBytes(const WindowLayer &layer, int64_t bits, bool isInput,
                 const Machine &machine) {
  auto whole = [&](int64_t elements) { return elements * bits % 8 == 0; };
  int64_t channels = isInput ? layer.channels : layer.outChannels;
  if (!whole(channels))
    return false;
  // The vector unit's slices are 16 channels or multiples of that, unless its
  // window leaves no room for so many: then they may begin anywhere.
  if (layer.kind != WindowLayer::Kind::Conv) {
    int64_t window = layer.inputRows(1) * layer.inputColumns(1);
    return window * 2 * std::min<int64_t>(channels, 16) <=
           int64_t(machine.scratchpadBytes) / 4;
  }
  return isInput || (whole(layer.groupOutputs()) && whole(machine.columns));
}
} // namespace

void planPacking(Network &network, const Machine &machine) {
  for (auto [index, tensor] : llvm::enumerate(network.tensors)) {
    int64_t bits = tensor.describedBits;
    if (!bits || bits >= 8 || tensor.isInput || tensor.isOutput ||
        tensor.isConstant || tensor.usedByHost || tensor.firstLayer < 0)
      continue;
    bool fits = bits >= network.layers[tensor.definedBy].resultBits;
    for (const Layer &layer : network.layers) {
      bool reads = llvm::is_contained(layer.inputs, int(index));
      bool writes = llvm::is_contained(layer.outputs, int(index));
      if (!reads && !writes)
        continue;
      const std::optional<WindowLayer> &window = layer.window;
      bool isResidual =
          window && window->hasResidual && layer.inputs.back() == int(index);
      bool isInput = layer.inputs.front() == int(index);
      fits &= window &&
              (!isInput || cutsAtBytes(*window, bits, true, machine)) &&
              (!(writes || isResidual) ||
               cutsAtBytes(*window, bits, false, machine));
    }
    if (fits)
      tensor.dramBits = bits;
  }
}

Placement placementOf(const Network &network, const Layer &layer,
                      const WindowLayer &window, int64_t scratchpadBytes) {
  const NetworkTensor &input = network.tensors[layer.inputs.front()];
  const NetworkTensor &output = network.tensors[layer.outputs.front()];
  Placement placement;
  placement.scratchpadBytes = scratchpadBytes;
  placement.inputResident = input.resident;
  placement.outputResident = output.resident;
  placement.inputBits = input.dramBits;
  placement.outputBits = output.dramBits;
  placement.inputPitch = input.pitch;
  placement.outputPitch = output.pitch;
  if (window.hasResidual) {
    const NetworkTensor &residual = network.tensors[layer.inputs.back()];
    placement.residualResident = residual.resident;
    placement.residualBits = residual.dramBits;
    placement.residualPitch = residual.pitch;
  }
  return placement;
}

void planResidency(Network &network, const Machine &machine,
                   TilingCache &tilings) {
  Residency(network, machine, tilings).run();
}

int64_t planDram(Network &network) {
  std::vector<int> order, placed;
  for (auto [i, tensor] : llvm::enumerate(network.tensors))
    if (!tensor.resident && !tensor.inStack && !tensor.isConstant &&
        !tensor.isSlice())
      order.push_back(int(i));
  // Inputs and outputs keep memory of their own, so that they can be written
  // before and read after a run.
  // Nor do images that slices are written into share theirs: their bytes are
  // watched piece by piece (CommandStream::addSlicedImage).
  std::vector<bool> isSliced(network.tensors.size());
  for (const NetworkTensor &tensor : network.tensors)
    if (tensor.isSlice())
      isSliced[tensor.root] = true;
  auto hasOwnMemory = [&](const NetworkTensor &tensor) {
    return tensor.isInput || tensor.isOutput ||
           isSliced[&tensor - network.tensors.data()];
  };
  auto conflict = [&](const NetworkTensor &a, const NetworkTensor &b) {
    return hasOwnMemory(a) || hasOwnMemory(b) || overlap(a, b);
  };
  llvm::sort(order, [&](int a, int b) {
    int64_t x = network.tensors[a].dramBytes(),
            y = network.tensors[b].dramBytes();
    return x != y ? x > y : a < b;
  });
  int64_t end = 0;
  for (int index : order) {
    NetworkTensor &tensor = network.tensors[index];
    // Occupied intervals of those that live at the same time, by address.
    std::vector<std::pair<int64_t, int64_t>> taken;
    for (int other : placed)
      if (conflict(tensor, network.tensors[other]))
        taken.emplace_back(network.tensors[other].address,
                           alignUp(network.tensors[other].address +
                                   network.tensors[other].dramBytes()));
    llvm::sort(taken);
    int64_t address = 0;
    for (auto [begin, stop] : taken) {
      if (address + tensor.dramBytes() <= begin)
        break;
      address = std::max(address, stop);
    }
    tensor.address = uint32_t(address);
    end = std::max(end, alignUp(address + tensor.dramBytes()));
    placed.push_back(index);
  }
  for (NetworkTensor &slice : network.tensors)
    if (slice.isSlice())
      slice.address =
          network.tensors[slice.root].address + uint32_t(slice.channelOffset);
  return end;
}

} // namespace accopt
