//===- ChooseTiling.cpp - Tiles of window layers --------------------------===//
//
// Part of AccOpt. Enumerates rows, columns and output channels per tile and the
// loop order; each candidate's time is estimated in closed form as the longest
// of the three engines' totals plus what the first and the last tile expose.
//
//===----------------------------------------------------------------------===//

#include "WindowCommands.h"

#include "accopt/Target/Timing.h"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace accopt {
namespace {

constexpr int64_t kMaxField = 65535;

class Chooser {
public:
  Chooser(const WindowLayer &layer, const Placement &placement,
          const Machine &machine)
      : layer(layer), placement(placement), machine(machine) {}

  std::optional<Tiling> run() {
    for (int64_t outputs : outputSizes())
      for (int64_t channels : channelSizes(outputs))
        for (int64_t columns : columnSizes())
          for (int64_t rows : rowSizes(columns, outputs, channels)) {
            Tiling tiling;
            tiling.outputs = outputs;
            tiling.channels = channels;
            tiling.columns = columns;
            tiling.rows = rows;
            for (Dataflow dataflow : dataflows()) {
              tiling.dataflow = dataflow;
              tryOrders(tiling);
            }
          }
    return best;
  }

private:
  /// Of the array's commands; one that is not used where there is no choice.
  llvm::ArrayRef<Dataflow> dataflows() const {
    static constexpr Dataflow both[] = {Dataflow::WeightStationary,
                                        Dataflow::OutputStationary};
    bool isChoice = layer.kind == WindowLayer::Kind::Conv &&
                    machine.dataflow == Dataflow::WeightOrOutput;
    return llvm::ArrayRef(both).take_front(isChoice ? 2 : 1);
  }

  void tryOrders(Tiling tiling) {
    // In every order the array does the same; what cannot be faster than the
    // best needs no closer look.
    int64_t exec = execTotal(tiling);
    if (best && exec > best->estimate && !all)
      return;
    for (LoopOrder order : {LoopOrder::AllWeights, LoopOrder::WeightsOuter,
                            LoopOrder::SpaceOuter}) {
      // The vector unit's chunks are slices of channels: one order.
      if (layer.kind != WindowLayer::Kind::Conv &&
          order != LoopOrder::WeightsOuter)
        continue;
      tiling.order = order;
      consider(tiling, exec);
    }
  }

  /// Halves of `size` down to `least`, in multiples of `multiple`.
  static llvm::SmallVector<int64_t> halves(int64_t size, int64_t multiple,
                                           int64_t least) {
    llvm::SmallVector<int64_t> sizes = {size};
    for (int64_t parts = 2; sizes.back() > least; ++parts) {
      int64_t part = divideUp(divideUp(size, parts), multiple) * multiple;
      if (part >= sizes.back())
        continue;
      sizes.push_back(part);
      parts = std::max(parts, divideUp(size, part) * 5 / 4);
    }
    return sizes;
  }

  llvm::SmallVector<int64_t> outputSizes() const {
    if (layer.kind == WindowLayer::Kind::Conv)
      return halves(std::min(layer.groupOutputs(), kMaxField), machine.columns,
                    machine.columns);
    auto sizes = halves(std::min(layer.outChannels, kMaxField), 16, 16);
    // A window over a whole image may leave room for few channels only.
    int64_t window = layer.inputRows(1) * layer.inputColumns(1);
    for (int64_t size = 8; size > 0 && window * 2 * size * layer.inputElement >
                                           placement.scratchpadBytes / 2;
         size /= 2)
      sizes.push_back(size);
    // A slice of a packed tensor begins and ends at bytes; all channels do
    // (planPacking).
    llvm::erase_if(sizes, [&](int64_t size) {
      return size != layer.outChannels && (size * placement.inputBits % 8 ||
                                           size * placement.outputBits % 8 ||
                                           size * placement.residualBits % 8);
    });
    return sizes;
  }
  /// Weights are cut along the input channels only where one array's width of
  /// them is too much for the scratchpad.
  llvm::SmallVector<int64_t> channelSizes(int64_t outputs) const {
    int64_t all =
        layer.kind == WindowLayer::Kind::Conv ? commandChannels(layer) : 1;
    llvm::SmallVector<int64_t> sizes;
    if (all <= kMaxField)
      sizes.push_back(all);
    if (!sizes.empty() && (outputs > machine.columns ||
                           chunkLayout(layer, outputs, all).bytes * 3 <
                               placement.scratchpadBytes))
      return sizes;
    // Whole blocks of the array; smaller ones where those do not fit.
    int64_t depth = reductionDepth(machine, layer.precision(machine));
    int64_t least = std::min<int64_t>(depth, machine.rows);
    for (int64_t rows : {depth, least})
      for (int64_t size : halves(all, rows, rows))
        if (size <= kMaxField && !llvm::is_contained(sizes, size))
          sizes.push_back(size);
    return sizes;
  }
  llvm::SmallVector<int64_t> columnSizes() const {
    return halves(layer.outWidth, 1, 1);
  }
  llvm::SmallVector<int64_t> rowSizes(int64_t columns, int64_t outputs,
                                      int64_t channels) const {
    int64_t most = layer.outHeight;
    if (layer.kind == WindowLayer::Kind::Conv)
      most = std::min(most, accumulatorPixels(outputs, channels) / columns);
    llvm::SmallVector<int64_t> sizes;
    if (most < 1)
      return sizes;
    for (int64_t size : halves(layer.outHeight, 1, 1))
      if (size <= most)
        sizes.push_back(size);
    if (sizes.empty() || sizes.front() != most)
      sizes.push_back(most);
    return sizes;
  }
  /// Commands that a group's reduction takes.
  int64_t partsOf(int64_t channels) const {
    if (layer.kind != WindowLayer::Kind::Conv)
      return 1;
    if (layer.inputChannels.empty())
      return divideUp(layer.groupChannels(), channels);
    int64_t most = 1;
    for (int64_t group = 0; group < layer.groups; ++group)
      most =
          std::max(most, int64_t(channelRuns(layer, group, channels).size()));
    return most;
  }
  /// Pixels whose accumulators fit: one block of columns where the whole
  /// reduction is in one command, all of the chunk's otherwise.
  int64_t accumulatorPixels(int64_t outputs, int64_t channels) const {
    bool whole = partsOf(channels) == 1;
    int64_t blocks = whole ? 1 : divideUp(outputs, machine.columns);
    return int64_t(machine.accumulatorBytes) / (4 * machine.columns * blocks);
  }

  bool fit(Tiling &tiling) const {
    int64_t chunks =
        layer.groups * divideUp(layer.groupOutputs(), tiling.outputs);
    if (layer.kind != WindowLayer::Kind::Conv)
      chunks = divideUp(layer.outChannels, tiling.outputs);
    int64_t parts = partsOf(tiling.channels);
    tiling.chunkBytes =
        chunkLayout(layer, tiling.outputs, tiling.channels).bytes;
    tiling.tileBytes = tileLayout(layer, tiling, placement).bytes;
    bool all = tiling.order == LoopOrder::AllWeights;
    int64_t tiles = layer.batch * divideUp(layer.outHeight, tiling.rows) *
                    divideUp(layer.outWidth, tiling.columns);
    if (tiling.order == LoopOrder::WeightsOuter)
      tiles *= chunks;
    for (int64_t wanted : {4, 3, 2, 1}) {
      tiling.slots = std::min<int64_t>(tiles, wanted);
      tiling.chunkSlots =
          all ? chunks * parts
              : std::min<int64_t>(chunks * parts, std::min<int64_t>(wanted, 2));
      if (tiling.slots * tiling.tileBytes +
              tiling.chunkSlots * tiling.chunkBytes <=
          placement.scratchpadBytes)
        return true;
    }
    return false;
  }

  /// EXEC cycles of one command on `rows` x `columns` pixels.
  int64_t execCycles(const Tiling &tiling, int64_t rows, int64_t columns,
                     int64_t outputs, int64_t channels) const {
    bool isSlice = placement.inputResident && placement.inputPitch;
    int64_t pitch =
        isSlice ? placement.inputPitch : layer.channels * layer.inputElement;
    Command command = sampleCommand(
        layer, {pitch, rows, columns, outputs, channels, tiling.dataflow},
        machine);
    return duration(command, machine).occupancy;
  }

  /// EXEC's cycles for the whole layer. All tiles but the last row have `rows`
  /// rows; time is affine in the pixels beyond the array's rows, so the mean
  /// tile stands for all.
  int64_t execTotal(const Tiling &tiling) const {
    bool isConv = layer.kind == WindowLayer::Kind::Conv;
    int64_t perGroup = isConv ? layer.groupOutputs() : layer.outChannels;
    int64_t groups = isConv ? layer.groups : 1;
    int64_t perGroupChunks = divideUp(perGroup, tiling.outputs);
    int64_t parts = partsOf(tiling.channels);
    // Runs that a shuffle left are covered by one command or not at all.
    int64_t partChannels = isConv && layer.inputChannels.empty()
                               ? divideUp(layer.groupChannels(), parts)
                               : tiling.channels;
    int64_t rowTiles = divideUp(layer.outHeight, tiling.rows);
    int64_t columnTiles = divideUp(layer.outWidth, tiling.columns);
    int64_t meanRows = divideUp(layer.outHeight, rowTiles);
    int64_t meanColumns = divideUp(layer.outWidth, columnTiles);
    int64_t lastOutputs = perGroup - (perGroupChunks - 1) * tiling.outputs;
    int64_t chunk =
        execCycles(tiling, meanRows, meanColumns, lastOutputs, partChannels);
    if (perGroupChunks > 1)
      chunk += (perGroupChunks - 1) * execCycles(tiling, meanRows, meanColumns,
                                                 tiling.outputs, partChannels);
    return layer.batch * rowTiles * columnTiles * parts * groups * chunk;
  }

  void consider(Tiling tiling, int64_t exec) {
    if (!fit(tiling))
      return;
    bool isConv = layer.kind == WindowLayer::Kind::Conv;
    int64_t perGroup = isConv ? layer.groupOutputs() : layer.outChannels;
    int64_t groups = isConv ? layer.groups : 1;
    int64_t chunks = groups * divideUp(perGroup, tiling.outputs);
    int64_t parts = partsOf(tiling.channels);
    int64_t tiles = layer.batch * divideUp(layer.outHeight, tiling.rows) *
                    divideUp(layer.outWidth, tiling.columns);

    LoadCommand chunk;
    chunk.rowBytes = uint32_t(
        chunkLayout(layer, tiling.outputs, tiling.channels).dramBytes());
    int64_t chunkCycles = transferCycles(chunk);
    int64_t inputChannels = isConv ? layer.channels : tiling.outputs;
    int64_t inputTile =
        placement.inputResident
            ? 0
            : tileTransfer(layer.inputRows(tiling.rows),
                           layer.inputColumns(tiling.columns), layer.width,
                           inputChannels * layer.inputElement,
                           pitchOr(placement.inputPitch,
                                   layer.channels * layer.inputElement),
                           placement.inputBits);
    bool slice = !isConv || tiling.order == LoopOrder::WeightsOuter;
    int64_t outChannels = slice ? tiling.outputs : layer.outChannels;
    auto outputTile = [&](int64_t pitch, int64_t bits, int64_t element) {
      return tileTransfer(tiling.rows, tiling.columns, layer.outWidth,
                          outChannels * element,
                          pitchOr(pitch, layer.outChannels * element), bits);
    };
    int64_t residualTile =
        layer.hasResidual && !placement.residualResident
            ? outputTile(placement.residualPitch, placement.residualBits,
                         layer.residualElement)
            : 0;
    int64_t outTile =
        placement.outputResident
            ? 0
            : outputTile(placement.outputPitch, placement.outputBits,
                         layer.outputElement);
    int64_t passes = slice ? chunks : 1;
    // Vector layers load a slice of the channels per chunk.
    int64_t inputLoads = isConv ? (slice ? chunks : 1) : chunks;
    int64_t weightLoads = tiling.order == LoopOrder::SpaceOuter ? tiles : 1;
    if (tiling.order == LoopOrder::WeightsOuter && parts > 1)
      weightLoads = tiles;
    int64_t load = tiles * inputLoads * inputTile +
                   tiles * passes * residualTile +
                   weightLoads * chunks * parts * chunkCycles;
    int64_t store = tiles * passes * outTile;
    tiling.steady =
        std::max({exec, load, store,
                  slotCycles(tiling, tiles, chunks, parts, exec,
                             inputTile + residualTile, outTile, chunkCycles)});
    tiling.estimate =
        tiling.steady + inputTile + chunkCycles + machine.dramLatency + outTile;
    // Less traffic is less energy: it decides between equals.
    tiling.transfers = load + store;
    if (all)
      all->push_back(tiling);
    if (!best || std::pair(tiling.estimate, tiling.transfers) <
                     std::pair(best->estimate, best->transfers))
      best = tiling;
  }

  /// The least time that the slots allow: what a slot or a chunk's place holds
  /// is used before it is overwritten. Each is a cycle of the max-plus system
  /// (load, complete, compute, load the next; compute, store, complete, compute
  /// the next), and the period of the whole is at least each cycle's length
  /// over the slots that go around in it.
  int64_t slotCycles(const Tiling &tiling, int64_t tiles, int64_t chunks,
                     int64_t parts, int64_t exec, int64_t tileLoad,
                     int64_t tileStore, int64_t chunkCycles) const {
    bool weightsOuter = tiling.order == LoopOrder::WeightsOuter;
    int64_t tileTurns = weightsOuter ? tiles * chunks : tiles;
    int64_t latency = machine.dramLatency;
    int64_t execTile = divideUp(exec, tileTurns);
    int64_t least = 0;
    auto turn = [&](int64_t turns, int64_t slots, int64_t cycle) {
      least = std::max(least, divideUp(turns * cycle, slots));
    };
    if (tileLoad && tileTurns > tiling.slots)
      turn(tileTurns, tiling.slots, tileLoad + latency + execTile);
    if (tileStore && tileTurns > tiling.slots)
      turn(tileTurns, tiling.slots, tileStore + latency + execTile);
    bool reloads = parts > 1 || !weightsOuter;
    int64_t chunkTurns = chunks * parts * (reloads ? tiles : 1);
    if (chunkCycles && tiling.order != LoopOrder::AllWeights &&
        chunkTurns > tiling.chunkSlots)
      turn(chunkTurns, tiling.chunkSlots,
           chunkCycles + latency + divideUp(exec, chunkTurns));
    return least;
  }

  static int64_t pitchOr(int64_t pitch, int64_t dense) {
    return pitch ? pitch : dense;
  }

  /// Cycles to move a tile of `pixelBytes` of the `pitch` bytes from which a
  /// pixel is to the next; below 8 `bits` they are packed in DRAM.
  int64_t tileTransfer(int64_t rows, int64_t columns, int64_t width,
                       int64_t pixelBytes, int64_t pitch, int64_t bits) const {
    LoadCommand dma;
    int64_t rowBytes = pixelBytes;
    if (pixelBytes != pitch)
      dma.count = {uint16_t(rows), uint16_t(columns), 1};
    else if (columns != width) {
      dma.count = {uint16_t(rows), 1, 1};
      rowBytes = columns * pixelBytes;
    } else {
      rowBytes = rows * columns * pixelBytes;
    }
    dma.rowBytes = uint32_t(rowBytes);
    dma.bits = uint8_t(bits);
    return transferCycles(dma);
  }

  int64_t transferCycles(const LoadCommand &dma) const {
    Command command;
    command.operation = dma;
    return int64_t(duration(command, machine).occupancy);
  }

  const WindowLayer &layer;
  const Placement &placement;
  const Machine &machine;
  std::optional<Tiling> best;

public:
  /// Where all that fit are kept, if set.
  std::vector<Tiling> *all = nullptr;
};
} // namespace

std::vector<Tiling> listTilings(const WindowLayer &layer,
                                const Placement &placement,
                                const Machine &machine) {
  std::vector<Tiling> all;
  Chooser chooser(layer, placement, machine);
  chooser.all = &all;
  chooser.run();
  // Between equals, in the order of the search.
  std::vector<size_t> order(all.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::sort(order, [&](size_t a, size_t b) {
    return std::tuple(all[a].estimate, all[a].transfers, a) <
           std::tuple(all[b].estimate, all[b].transfers, b);
  });
  std::vector<Tiling> sorted;
  sorted.reserve(all.size());
  for (size_t index : order)
    sorted.push_back(all[index]);
  return sorted;
}

std::optional<Tiling> chooseTiling(const WindowLayer &layer,
                                   const Placement &placement,
                                   const Machine &machine) {
  return Chooser(layer, placement, machine).run();
}

} // namespace accopt
