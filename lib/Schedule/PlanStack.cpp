//===- PlanStack.cpp - Rows, memory and time of a stack -------------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "Stack.h"

#include "accopt/Target/Timing.h"

#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace accopt {

constexpr int64_t kMaxField = 65535;

PieceSize pieceSize(const WindowLayer &layer, int64_t rows,
                    const Machine &machine) {
  if (layer.kind != WindowLayer::Kind::Conv)
    return {rows, layer.outWidth};
  int64_t pixels = int64_t(machine.accumulatorBytes) / (4 * machine.columns);
  int64_t columns = std::min(layer.outWidth, pixels);
  return {std::min(rows, pixels / columns), columns};
}

namespace {

class Planner {
public:
  Planner(const Network &network, const Machine &machine)
      : network(network), machine(machine) {}

  bool addLayers(const WindowLayers &windows, int first, int last);
  /// Rows of every step.
  void planRows(int64_t strip);
  /// Places of weights, buffers and slots; false if they take over `bytes`.
  bool place(int64_t bytes);
  /// Where a command may choose: what is faster for the most rows of a step.
  void chooseDataflows();
  void estimate();

  Stack stack;

private:
  int addTensor(int tensor, int64_t batch, int64_t height, int64_t width,
                int64_t channels);
  bool addWeights(StackLayer &layer);
  void planMoves();
  int64_t execCycles(const StackLayer &layer, int64_t rows) const;
  int64_t moveCycles(const StackTensor &tensor, int64_t rows) const;
  int64_t transferCycles(const StackTensor &tensor, int64_t rows) const;

  const Network &network;
  const Machine &machine;
};

/// The tensor's place in the stack; -1 if its uses see it in different shapes.
int Planner::addTensor(int tensor, int64_t batch, int64_t height, int64_t width,
                       int64_t channels) {
  if (stack.tensors.empty())
    stack.batch = batch;
  for (auto [i, known] : enumerate(stack.tensors))
    if (known.tensor == tensor)
      return batch == stack.batch && known.height == height &&
                     known.width == width && known.channels == channels
                 ? int(i)
                 : -1;
  if (batch != stack.batch)
    return -1;
  StackTensor added;
  added.tensor = tensor;
  added.height = height;
  added.width = width;
  added.channels = channels;
  added.element = network.tensors[tensor].elementBytes;
  added.isResident = network.tensors[tensor].resident;
  stack.tensors.push_back(added);
  return int(stack.tensors.size()) - 1;
}

/// All weights of a layer; false if a group's reduction takes several commands.
bool Planner::addWeights(StackLayer &layer) {
  const WindowLayer &w = layer.window;
  if (w.kind != WindowLayer::Kind::Conv) {
    layer.outputs = w.outChannels;
    layer.weightBytes = chunkLayout(w, w.outChannels, 1).bytes;
    return w.outChannels <= kMaxField;
  }
  layer.outputs = std::min(w.groupOutputs(), kMaxField);
  layer.channels = commandChannels(w);
  if (layer.channels > kMaxField)
    return false;
  if (!w.inputChannels.empty())
    for (int64_t group = 0; group < w.groups; ++group)
      if (channelRuns(w, group, layer.channels).size() != 1)
        return false;
  int64_t chunks = w.groups * divideUp(w.groupOutputs(), layer.outputs);
  layer.weightBytes =
      chunks * chunkLayout(w, layer.outputs, layer.channels).bytes;
  return true;
}

bool Planner::addLayers(const WindowLayers &windows, int first, int last) {
  for (int index = first; index <= last; ++index) {
    const Layer &layer = network.layers[index];
    if (!windows[index])
      return false;
    StackLayer &added = stack.layers.emplace_back();
    added.index = index;
    added.window = *windows[index];
    const WindowLayer &w = added.window;
    added.input =
        addTensor(layer.inputs.front(), w.batch, w.height, w.width, w.channels);
    added.output = addTensor(layer.outputs.front(), w.batch, w.outHeight,
                             w.outWidth, w.outChannels);
    if (w.hasResidual)
      added.residual = addTensor(layer.inputs.back(), w.batch, w.outHeight,
                                 w.outWidth, w.outChannels);
    if (added.input < 0 || added.output < 0 ||
        (w.hasResidual && added.residual < 0) || !addWeights(added))
      return false;
    stack.tensors[added.output].isProduced = true;
  }
  for (StackTensor &tensor : stack.tensors) {
    const NetworkTensor &whole = network.tensors[tensor.tensor];
    // What is packed in DRAM has whole bytes in the scratchpad.
    if (!tensor.isProduced)
      continue;
    bool leaves = whole.isOutput || whole.isSlice() || whole.lastLayer > last;
    // A resident tensor that stays inside needs a buffer only.
    tensor.isResident &= leaves;
    if (tensor.isResident)
      continue;
    tensor.isStored = leaves;
    tensor.isBuffered = any_of(stack.layers, [&](const StackLayer &layer) {
      int at = int(&tensor - stack.tensors.data());
      return layer.input == at || layer.residual == at;
    });
  }
  return true;
}

void Planner::planRows(int64_t strip) {
  size_t layers = stack.layers.size(), tensors = stack.tensors.size();
  int64_t height = stack.tensors[stack.layers.back().output].height;
  int64_t count = divideUp(height, strip);
  stack.strip = strip;
  stack.steps.assign(count, {});
  SmallVector<int64_t, 8> done(layers, 0), wanted(tensors, 0);
  for (int64_t k = 0; k < count; ++k) {
    StackStep &step = stack.steps[k];
    step.computed.assign(layers, {});
    step.tensors.assign(tensors, {});
    // What leaves is complete in equal parts; the rest when it is needed.
    for (auto [i, tensor] : enumerate(stack.tensors))
      if (tensor.isProduced && (tensor.isStored || tensor.isResident))
        wanted[i] =
            std::max(wanted[i], divideUp(tensor.height * (k + 1), count));
    wanted[stack.layers.back().output] = std::min(height, (k + 1) * strip);
    for (size_t l = layers; l-- > 0;) {
      const StackLayer &layer = stack.layers[l];
      Span rows = {done[l], wanted[layer.output] - done[l]};
      if (rows.length <= 0)
        continue;
      step.computed[l] = rows;
      done[l] = rows.end();
      Span read = inputRowsOf(layer.window, rows.begin, rows.length);
      auto reads = [&](int at, Span span) {
        wanted[at] = std::max(wanted[at], span.end());
        Span &loaded = step.tensors[at].loaded;
        if (!stack.tensors[at].isLoaded())
          return;
        int64_t begin =
            loaded.length ? std::min(loaded.begin, span.begin) : span.begin;
        loaded = {begin, std::max(loaded.end(), span.end()) - begin};
      };
      reads(layer.input, read);
      if (layer.residual >= 0)
        reads(layer.residual, rows);
    }
  }
  planMoves();
}

/// The rows that buffers and slots hold at most, and what is moved in the
/// buffers so that they need no more.
void Planner::planMoves() {
  for (auto [i, tensor] : enumerate(stack.tensors)) {
    tensor.rows = 0;
    // From the last step back: the first row that is read from then on.
    SmallVector<int64_t, 64> first(stack.steps.size() + 1, tensor.height);
    for (size_t k = stack.steps.size(); k-- > 0;) {
      const StackStep &step = stack.steps[k];
      first[k] = first[k + 1];
      tensor.rows = std::max(tensor.rows, step.tensors[i].loaded.length);
      for (auto [layer, rows] : zip_equal(stack.layers, step.computed)) {
        if (!rows.length)
          continue;
        if (layer.input == int(i))
          first[k] = std::min(
              first[k],
              inputRowsOf(layer.window, rows.begin, rows.length).begin);
        if (layer.residual == int(i))
          first[k] = std::min(first[k], rows.begin);
        if (layer.output == int(i) && !tensor.isBuffered)
          tensor.rows = std::max(tensor.rows, rows.length);
      }
    }
    if (!tensor.isBuffered)
      continue;
    auto produced = [&](const StackStep &step) {
      Span rows;
      for (auto [layer, computed] : zip_equal(stack.layers, step.computed))
        if (layer.output == int(i))
          rows = computed;
      return rows;
    };
    for (auto [k, step] : enumerate(stack.steps))
      if (Span rows = produced(step); rows.length)
        tensor.rows =
            std::max(tensor.rows, rows.end() - std::min(first[k], rows.begin));
    int64_t base = 0;
    for (auto [k, step] : enumerate(stack.steps)) {
      StackStep::Rows &plan = step.tensors[i];
      Span rows = produced(step);
      if (rows.length && rows.end() - base > tensor.rows) {
        int64_t keep = std::min(first[k], rows.begin);
        plan.moved = {keep, rows.begin - keep};
        plan.movedFrom = keep - base;
        base = keep;
      }
      plan.base = base;
    }
  }
}

bool Planner::place(int64_t bytes) {
  for (StackLayer &layer : stack.layers) {
    layer.weightOffset = stack.weightBytes;
    stack.weightBytes += alignUp(layer.weightBytes);
  }
  for (int64_t slots : {2, 1}) {
    stack.bufferBytes = 0;
    for (StackTensor &tensor : stack.tensors) {
      if (tensor.isResident)
        continue;
      bool turns =
          !tensor.isBuffered && int64_t(stack.steps.size()) * stack.batch > 1;
      tensor.slots = turns ? slots : 1;
      tensor.offset = stack.bufferBytes;
      stack.bufferBytes += tensor.slots * tensor.slotBytes();
    }
    if (stack.weightBytes + stack.bufferBytes <= bytes)
      return true;
  }
  return false;
}

/// A convolution's rows in pieces whose accumulators fit.
int64_t Planner::execCycles(const StackLayer &layer, int64_t rows) const {
  const WindowLayer &w = layer.window;
  bool isConv = w.kind == WindowLayer::Kind::Conv;
  const StackTensor &input = stack.tensors[layer.input];
  int64_t pitch = network.tensors[input.tensor].pitch;
  if (!input.isResident || !pitch)
    pitch = input.pixelBytes();
  PieceSize most = pieceSize(w, rows, machine);
  auto cycles = [&](int64_t rows, int64_t outputs) {
    Command command = sampleCommand(
        w, {pitch, rows, most.columns, outputs, layer.channels, layer.dataflow},
        machine);
    return int64_t(duration(command, machine).occupancy);
  };
  int64_t groups = isConv ? w.groups : 1;
  int64_t all = isConv ? w.groupOutputs() : w.outChannels;
  int64_t whole = all / layer.outputs, rest = all % layer.outputs;
  auto piece = [&](int64_t rows) {
    return whole * cycles(rows, layer.outputs) +
           (rest ? cycles(rows, rest) : 0);
  };
  int64_t sum = (rows / most.rows) * piece(most.rows);
  if (rows % most.rows)
    sum += piece(rows % most.rows);
  return groups * divideUp(w.outWidth, most.columns) * sum;
}

void Planner::chooseDataflows() {
  if (machine.dataflow != Dataflow::WeightOrOutput)
    return;
  for (auto [position, layer] : enumerate(stack.layers)) {
    if (layer.window.kind != WindowLayer::Kind::Conv)
      continue;
    int64_t rows = 1;
    for (const StackStep &step : stack.steps)
      rows = std::max(rows, step.computed[position].length);
    int64_t weights = execCycles(layer, rows);
    layer.dataflow = Dataflow::OutputStationary;
    if (weights <= execCycles(layer, rows))
      layer.dataflow = Dataflow::WeightStationary;
  }
}

int64_t Planner::moveCycles(const StackTensor &tensor, int64_t rows) const {
  PoolCommand copy;
  copy.window.outputRows = uint16_t(rows);
  copy.channels = uint16_t(std::min(tensor.rowBytes(), kMaxField));
  Command command;
  command.operation = copy;
  return int64_t(duration(command, machine).occupancy) *
         divideUp(tensor.rowBytes(), kMaxField);
}

int64_t Planner::transferCycles(const StackTensor &tensor, int64_t rows) const {
  const NetworkTensor &whole = network.tensors[tensor.tensor];
  LoadCommand dma;
  dma.bits = uint8_t(whole.dramBits);
  if (whole.pitch && whole.pitch != tensor.pixelBytes()) {
    dma.count = {1, uint16_t(rows), uint16_t(tensor.width)};
    dma.rowBytes = uint32_t(tensor.pixelBytes());
  } else {
    dma.rowBytes = uint32_t(rows * tensor.rowBytes());
  }
  Command command;
  command.operation = dma;
  return int64_t(duration(command, machine).occupancy);
}

/// The longest engine, or what the slots allow (see ChooseTiling.cpp); what the
/// first loads and the last store expose is left to the neighbours, as it is in
/// the estimates of separate layers that this is compared with.
void Planner::estimate() {
  int64_t exec = 0, load = 0, store = 0, slots = 0;
  for (const StackLayer &layer : stack.layers) {
    LoadCommand dma;
    dma.rowBytes = uint32_t(std::min<int64_t>(
        divideUp(layer.weightBytes * layer.window.weightBits, 8), UINT32_MAX));
    Command command;
    command.operation = dma;
    load += int64_t(duration(command, machine).occupancy);
  }
  // Steps repeat: (layer, rows) to cycles.
  SmallVector<std::pair<std::pair<size_t, int64_t>, int64_t>, 16> known;
  auto remembered = [&](size_t what, int64_t rows, auto compute) {
    for (auto &[key, cycles] : known)
      if (key == std::pair(what, rows))
        return cycles;
    int64_t cycles = compute();
    known.push_back({{what, rows}, cycles});
    return cycles;
  };
  size_t layers = stack.layers.size(), tensors = stack.tensors.size();
  int64_t latency = machine.dramLatency, weights = load, exposed = 0;
  for (const StackStep &step : stack.steps) {
    int64_t stepExec = 0, stepLoad = 0, stepStore = 0;
    for (size_t l = 0; l < layers; ++l) {
      int64_t rows = step.computed[l].length;
      if (!rows)
        continue;
      const StackLayer &layer = stack.layers[l];
      stepExec += remembered(l, rows, [&] { return execCycles(layer, rows); });
      const StackTensor &output = stack.tensors[layer.output];
      if (output.isStored)
        stepStore += remembered(layers + layer.output, rows,
                                [&] { return transferCycles(output, rows); });
    }
    for (size_t t = 0; t < tensors; ++t) {
      const StackStep::Rows &rows = step.tensors[t];
      const StackTensor &tensor = stack.tensors[t];
      if (rows.loaded.length)
        stepLoad += remembered(layers + t, rows.loaded.length, [&] {
          return transferCycles(tensor, rows.loaded.length);
        });
      if (rows.moved.length)
        stepExec += remembered(layers + tensors + t, rows.moved.length, [&] {
          return moveCycles(tensor, rows.moved.length);
        });
    }
    // The first strip needs all weights before it is through.
    if (&step == &stack.steps.front())
      exposed = std::max<int64_t>(0, weights - stepExec);
    exec += stepExec * stack.batch;
    load += stepLoad * stack.batch;
    store += stepStore * stack.batch;
    int64_t turns = 1;
    for (const StackTensor &tensor : stack.tensors)
      if (!tensor.isResident && !tensor.isBuffered)
        turns = std::max(turns, tensor.slots);
    slots +=
        stack.batch *
        divideUp(std::max(stepLoad, stepStore) + latency + stepExec, turns);
  }
  stack.estimate = std::max({exec + exposed, load, store});
  if (stack.steps.size() * stack.batch > 2)
    stack.estimate = std::max(stack.estimate, slots);
  stack.transfers = load + store;
}

} // namespace

std::optional<Stack> planStack(const Network &network,
                               const WindowLayers &windows, int first, int last,
                               int64_t strip, int64_t bytes,
                               const Machine &machine) {
  Planner planner(network, machine);
  if (!planner.addLayers(windows, first, last))
    return std::nullopt;
  planner.planRows(strip);
  if (!planner.place(bytes))
    return std::nullopt;
  planner.chooseDataflows();
  planner.estimate();
  return std::move(planner.stack);
}

} // namespace accopt
