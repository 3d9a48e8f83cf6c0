//===- EmitStack.cpp - Layers strip by strip ------------------------------===//
//
// Part of AccOpt. Commands of one engine run in order: of the layers' turns
// only the slots of loads and stores need tokens, which the stream finds.
//
//===----------------------------------------------------------------------===//

#include "Emitter.h"
#include "Stack.h"

using namespace mlir;

namespace accopt {

/// Emits one stack.
class StackEmitter {
public:
  StackEmitter(Emitter &emitter, const Stack &stack)
      : emitter(emitter), stack(stack), states(stack.tensors.size()),
        weights(stack.layers.size()) {
    ScratchpadRange range = emitter.scratchpad;
    bool low = emitter.hasWeightsLow();
    weightBase = low ? range.begin : range.end - stack.weightBytes;
    bufferBase = range.begin + (low ? stack.weightBytes : 0);
  }

  void run() {
    for (int64_t image = 0; image < stack.batch; ++image) {
      batch = image;
      for (const StackStep &step : stack.steps)
        emit(step);
    }
  }

private:
  /// Where rows of a tensor are in this step.
  struct State {
    int64_t address = 0, firstRow = 0; ///< of the row at the address
    int64_t turn = 0;                  ///< of its slots
    bool isReady = false;              ///< loaded in this step
  };
  /// The chunks of a layer and where they lie, once they are loaded.
  struct Weights {
    SmallVector<WeightChunk> chunks;
    SmallVector<int64_t> addresses;
  };

  void emit(const StackStep &step);
  void emitLayer(size_t position, Span rows, const StackStep &step);
  void compute(size_t position, Span rows, Span columns);
  void loadWeights(size_t position);
  void loadRows(int at, const StackStep &step);
  void openOutput(int at, Span rows, const StackStep &step);
  void moveRows(const StackTensor &tensor, const StackStep::Rows &plan);
  void storeRows(int at, Span rows);
  ImageView view(int at, int64_t row, int64_t column) const;
  DmaCommand transfer(int at, Span rows, int64_t address) const;
  int64_t nextSlot(int at);

  const NetworkTensor &tensor(int at) const {
    return emitter.network.tensors[stack.tensors[at].tensor];
  }

  Emitter &emitter;
  const Stack &stack;
  int64_t weightBase = 0, bufferBase = 0; ///< in the scratchpad
  SmallVector<State> states;
  SmallVector<Weights> weights;
  int64_t batch = 0;
};

int64_t StackEmitter::nextSlot(int at) {
  const StackTensor &part = stack.tensors[at];
  return bufferBase + part.offset +
         (states[at].turn++ % part.slots) * part.slotBytes();
}

DmaCommand StackEmitter::transfer(int at, Span rows, int64_t address) const {
  const StackTensor &part = stack.tensors[at];
  Emitter::Box box{batch,      rows.begin, rows.length,  0,
                   part.width, 0,          part.channels};
  return emitter.transfer(tensor(at),
                          {stack.batch, part.height, part.width, part.channels},
                          box, address);
}

ImageView StackEmitter::view(int at, int64_t row, int64_t column) const {
  const StackTensor &part = stack.tensors[at];
  const NetworkTensor &whole = tensor(at);
  if (part.isResident) {
    int64_t pitch = whole.pitch ? whole.pitch : part.pixelBytes();
    int64_t pixel = (batch * part.height + row) * part.width + column;
    return {whole.scratchpadAddress + pixel * pitch, part.width * pitch, pitch,
            0, part.element};
  }
  const State &state = states[at];
  return {state.address + (row - state.firstRow) * part.rowBytes() +
              column * part.pixelBytes(),
          part.rowBytes(), part.pixelBytes(), 0, part.element};
}

void StackEmitter::loadRows(int at, const StackStep &step) {
  const StackTensor &part = stack.tensors[at];
  State &state = states[at];
  if (!part.isLoaded() || state.isReady)
    return;
  Span rows = step.tensors[at].loaded;
  state.address = nextSlot(at);
  state.firstRow = rows.begin;
  state.isReady = true;
  emitter.load(transfer(at, rows, state.address));
}

void StackEmitter::loadWeights(size_t position) {
  const StackLayer &layer = stack.layers[position];
  Weights &loaded = weights[position];
  if (!loaded.chunks.empty())
    return;
  loaded.chunks = listChunks(layer.window, layer.outputs, layer.channels);
  int64_t address = weightBase + layer.weightOffset;
  mlir::Operation *op = emitter.network.layers[layer.index].op;
  for (const WeightChunk &chunk : loaded.chunks) {
    int64_t bytes =
        chunkLayout(layer.window, chunk.outputs, chunk.channels()).bytes;
    if (bytes)
      emitter.loadChunk(layer.window, chunk, address,
                        emitter.placeChunk(op, layer.window, chunk));
    loaded.addresses.push_back(address);
    address += bytes;
  }
}

/// Rows that are needed again, to the begin of the buffer: in pieces, if source
/// and destination overlap.
void StackEmitter::moveRows(const StackTensor &part,
                            const StackStep::Rows &plan) {
  int64_t address = bufferBase + part.offset;
  constexpr int64_t most = UINT16_MAX;
  for (int64_t done = 0; done < plan.moved.length;) {
    int64_t rows = std::min(plan.movedFrom, plan.moved.length - done);
    for (int64_t byte = 0; byte < part.rowBytes(); byte += most) {
      PoolCommand copy;
      copy.channels = uint16_t(std::min(most, part.rowBytes() - byte));
      copy.window.outputRows = copy.window.inputRows = uint16_t(rows);
      copy.window.inputRowPitch = copy.outputRowPitch =
          uint32_t(part.rowBytes());
      copy.window.inputPixelPitch = copy.outputPixelPitch = copy.channels;
      copy.output = uint32_t(address + done * part.rowBytes() + byte);
      copy.window.input =
          uint32_t(copy.output + plan.movedFrom * part.rowBytes());
      emitter.append(copy);
    }
    done += rows;
  }
}

void StackEmitter::openOutput(int at, Span rows, const StackStep &step) {
  const StackTensor &part = stack.tensors[at];
  if (part.isResident)
    return;
  State &state = states[at];
  if (part.isBuffered) {
    const StackStep::Rows &plan = step.tensors[at];
    moveRows(part, plan);
    state.address = bufferBase + part.offset;
    state.firstRow = plan.base;
    return;
  }
  state.address = nextSlot(at);
  state.firstRow = rows.begin;
}

void StackEmitter::storeRows(int at, Span rows) {
  if (stack.tensors[at].isStored)
    emitter.store(transfer(at, rows, view(at, rows.begin, 0).address));
}

void StackEmitter::compute(size_t position, Span rows, Span columns) {
  const StackLayer &layer = stack.layers[position];
  const WindowLayer &window = layer.window;
  TileShape tile = tileShape(window, batch, rows, columns);
  ImageView input =
      view(layer.input, tile.inputRows.begin, tile.inputColumns.begin);
  ImageView output = view(layer.output, rows.begin, columns.begin);
  ImageView residual;
  if (layer.residual >= 0)
    residual = view(layer.residual, rows.begin, columns.begin);
  mlir::Operation *op = emitter.network.layers[layer.index].op;
  const Weights &loaded = weights[position];
  for (auto [chunk, address] : llvm::zip_equal(loaded.chunks, loaded.addresses))
    emitter.append(windowCommand(
        op, window,
        {tile, input, residual, output, chunk, address, layer.dataflow},
        emitter.machine));
}

void StackEmitter::emitLayer(size_t position, Span rows,
                             const StackStep &step) {
  const StackLayer &layer = stack.layers[position];
  emitter.layer = uint32_t(layer.index);
  loadRows(layer.input, step);
  if (layer.residual >= 0)
    loadRows(layer.residual, step);
  loadWeights(position);
  openOutput(layer.output, rows, step);
  const WindowLayer &window = layer.window;
  PieceSize most = pieceSize(window, rows.length, emitter.machine);
  for (int64_t y = 0; y < rows.length; y += most.rows)
    for (int64_t x = 0; x < window.outWidth; x += most.columns)
      compute(position, {rows.begin + y, std::min(most.rows, rows.length - y)},
              {x, std::min(most.columns, window.outWidth - x)});
  storeRows(layer.output, rows);
}

void StackEmitter::emit(const StackStep &step) {
  for (State &state : states)
    state.isReady = false;
  for (auto [position, rows] : llvm::enumerate(step.computed))
    if (rows.length)
      emitLayer(position, rows, step);
}

void Emitter::emit(const Stack &stack, ScratchpadRange range) {
  scratchpad = range;
  StackEmitter(*this, stack).run();
  ++turn;
}

} // namespace accopt
