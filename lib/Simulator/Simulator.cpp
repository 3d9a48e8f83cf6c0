//===- Simulator.cpp - Time by events -------------------------------------===//
//
// Four engines take their commands in order. An event is a moment at which
// something may become possible: an engine is free again, or a command
// completes and its tokens arrive. All events of one moment are applied before
// any command starts, so that the order in the queue decides nothing. A
// command's bytes move when it starts: all that it depends on has completed by
// then, or the program is not synchronised (checkSynchronisation()).
//
//===----------------------------------------------------------------------===//

#include "accopt/Simulator/Simulator.h"

#include "MachineState.h"
#include "accopt/Target/Arithmetic.h"
#include "accopt/Target/Encoding.h"

#include "llvm/ADT/STLExtras.h"

#include <queue>

using namespace accopt;

HostRunner::~HostRunner() = default;

namespace {

struct Event {
  uint64_t time;
  bool isCompletion; ///< else the engine is free again
  uint32_t command;

  bool operator>(const Event &other) const { return time > other.time; }
};

struct EngineState {
  std::vector<uint32_t> queue; ///< its commands, in order
  size_t next = 0;
  bool busy = false;
  uint64_t started = 0; ///< when it became busy
};

llvm::Error makeError(const llvm::Twine &text) {
  return llvm::make_error<llvm::StringError>(
      text, std::make_error_code(std::errc::invalid_argument));
}

} // namespace

struct Simulator::Impl {
  Impl(const Program &program, HostRunner *host, SimulatorOptions options)
      : program(program), host(host), options(options),
        state(program.machine, options.functional ? program.dramBytes : 0,
              options.threads) {
    if (options.functional)
      for (const Constant &constant : program.constants)
        llvm::copy(constant.bytes, state.dram.get() + constant.address);
  }

  llvm::Expected<RunResult> run();

  /// Starts the engine's next command if its tokens are there.
  llvm::Expected<bool> tryStart(unsigned engine);
  void apply(const Event &event);
  llvm::Error execute(const Command &command);
  llvm::Error execute(const HostCommand &command);
  void reset();
  void finishLayer(uint32_t layer);
  void finishEmptyLayers();
  llvm::Error deadlock() const;

  const Program &program;
  HostRunner *host;
  SimulatorOptions options;
  MachineState state;
  std::function<void(uint32_t)> onLayerComplete;

  uint64_t now = 0;
  std::array<EngineState, kEngineCount> engines;
  /// tokens[from][to]
  uint64_t tokens[kEngineCount][kEngineCount] = {};
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events;
  std::vector<uint64_t> completions;  ///< by command
  std::vector<uint32_t> layerPending; ///< commands not complete
  std::vector<bool> layerIsEmpty;
  size_t nextInOrder = 0; ///< all layers before it are complete
  RunResult result;
};

void Simulator::Impl::reset() {
  now = 0;
  engines = {};
  events = {};
  for (auto &row : tokens)
    std::fill(std::begin(row), std::end(row), 0);
  completions.assign(program.commands.size(), 0);
  layerPending.assign(program.layers.size(), 0);
  result = {};
  result.layers.resize(program.layers.size());
  for (size_t i = 0; i < program.commands.size(); ++i) {
    const Command &command = program.commands[i];
    engines[unsigned(command.engine())].queue.push_back(uint32_t(i));
    ++layerPending[command.layer];
  }
  nextInOrder = 0;
  layerIsEmpty.resize(layerPending.size());
  for (size_t i = 0; i < layerPending.size(); ++i)
    layerIsEmpty[i] = layerPending[i] == 0;
}

llvm::Expected<bool> Simulator::Impl::tryStart(unsigned e) {
  EngineState &engine = engines[e];
  if (engine.busy || engine.next == engine.queue.size())
    return false;
  uint32_t index = engine.queue[engine.next];
  const Command &command = program.commands[index];
  for (unsigned from = 0; from < kEngineCount; ++from)
    if (tokens[from][e] < command.take[from])
      return false;
  for (unsigned from = 0; from < kEngineCount; ++from)
    tokens[from][e] -= command.take[from];
  ++engine.next;
  engine.busy = true;
  engine.started = now;
  std::optional<EngineSpan> &span = result.layers[command.layer].engines[e];
  if (!span)
    span = {now, now, 0};

  if (options.functional)
    if (llvm::Error error = execute(command))
      return error;
  Duration time = duration(command, program.machine);
  uint64_t end = now + time.occupancy, completion = end + time.latency;
  events.push({end, false, index});
  events.push({completion, true, index});
  result.layers[command.layer].quantities +=
      quantities(command, program.machine);
  completions[index] = completion;
  if (options.trace)
    result.trace.push_back(
        {Engine(e), now, end, completion, index, command.layer});
  return true;
}

void Simulator::Impl::apply(const Event &event) {
  const Command &command = program.commands[event.command];
  unsigned engine = unsigned(command.engine());
  EngineSpan &span = *result.layers[command.layer].engines[engine];
  if (!event.isCompletion) {
    engines[engine].busy = false;
    span.busy += now - engines[engine].started;
    return;
  }
  span.end = std::max(span.end, now);
  for (unsigned to = 0; to < kEngineCount; ++to)
    if (to != engine)
      ++tokens[engine][to];
  if (--layerPending[command.layer] == 0)
    finishLayer(command.layer);
}

void Simulator::Impl::finishLayer(uint32_t layer) {
  if (options.functional && onLayerComplete)
    onLayerComplete(layer);
  finishEmptyLayers();
}

/// A layer without commands is complete when all layers before it are.
void Simulator::Impl::finishEmptyLayers() {
  for (; nextInOrder < layerPending.size() && layerPending[nextInOrder] == 0;
       ++nextInOrder)
    if (layerIsEmpty[nextInOrder] && options.functional && onLayerComplete)
      onLayerComplete(uint32_t(nextInOrder));
}

llvm::Error Simulator::Impl::execute(const HostCommand &command) {
  const HostFunction &function = program.hostFunctions[command.function];
  if (!host)
    return makeError("the program calls the host, and there is none");
  auto bytes = [&](const HostFunction::Argument &argument) {
    return llvm::MutableArrayRef<int8_t>(state.dram.get() + argument.address,
                                         size_t(argument.bytes()));
  };
  std::vector<llvm::ArrayRef<int8_t>> inputs;
  std::vector<llvm::MutableArrayRef<int8_t>> outputs;
  inputs.reserve(function.arguments.size());
  outputs.reserve(function.results.size());
  for (const HostFunction::Argument &argument : function.arguments)
    inputs.push_back(bytes(argument));
  for (const HostFunction::Argument &argument : function.results)
    outputs.push_back(bytes(argument));
  return host->run(function, inputs, outputs);
}

llvm::Error Simulator::Impl::execute(const Command &command) {
  if (auto *call = std::get_if<HostCommand>(&command.operation))
    return execute(*call);
  std::visit(
      [&](const auto &operation) {
        if constexpr (!std::is_same_v<std::decay_t<decltype(operation)>,
                                      HostCommand>)
          state.execute(operation);
      },
      command.operation);
  return llvm::Error::success();
}

llvm::Error Simulator::Impl::deadlock() const {
  for (unsigned e = 0; e < kEngineCount; ++e)
    if (engines[e].next < engines[e].queue.size())
      return makeError("command " +
                       llvm::Twine(engines[e].queue[engines[e].next]) +
                       " waits for tokens that never come");
  return llvm::Error::success();
}

llvm::Expected<RunResult> Simulator::Impl::run() {
  reset();
  finishEmptyLayers();
  while (true) {
    for (unsigned e = 0; e < kEngineCount; ++e) {
      llvm::Expected<bool> started = tryStart(e);
      if (!started)
        return started.takeError();
    }
    if (events.empty())
      break;
    now = events.top().time;
    for (; !events.empty() && events.top().time == now; events.pop())
      apply(events.top());
  }
  if (llvm::Error error = deadlock())
    return error;
  uint64_t last = 0;
  for (auto [command, completion] :
       llvm::zip_equal(program.commands, completions)) {
    uint64_t end = std::max(last, completion);
    result.layers[command.layer].cycles += end - last;
    last = end;
  }
  result.cycles = last;
  return std::move(result);
}

Simulator::Simulator(const Program &program, HostRunner *host,
                     SimulatorOptions options)
    : impl(std::make_unique<Impl>(program, host, options)) {}
Simulator::~Simulator() = default;

llvm::MutableArrayRef<int8_t> Simulator::tensorBytes(const TensorInfo &tensor) {
  size_t size = 1;
  for (int64_t extent : tensor.shape)
    size *= size_t(extent);
  int8_t *memory = tensor.inScratchpad ? impl->state.scratchpad.data()
                                       : impl->state.dram.get();
  return {memory + tensor.address, size_t(storedBytes(tensor, size))};
}

/// The runs of a slice that begins at `run`.
static std::vector<int8_t> readSlice(const TensorInfo &tensor,
                                     const int8_t *run) {
  size_t runs = 1;
  size_t length = size_t(tensor.shape.back()) * getByteWidth(tensor.type);
  for (size_t d = 0; d + 1 < tensor.shape.size(); ++d)
    runs *= size_t(tensor.shape[d]);
  std::vector<int8_t> values;
  values.reserve(runs * length);
  for (size_t i = 0; i < runs; ++i)
    values.insert(values.end(), run + i * size_t(tensor.pitch),
                  run + i * size_t(tensor.pitch) + length);
  return values;
}

std::vector<int8_t> Simulator::readTensor(const TensorInfo &tensor) {
  llvm::ArrayRef<int8_t> bytes = tensorBytes(tensor);
  if (tensor.pitch)
    return readSlice(tensor, bytes.data());
  if (!tensor.isPacked)
    return bytes.vec();
  size_t size = 1;
  for (int64_t extent : tensor.shape)
    size *= size_t(extent);
  std::vector<int8_t> values(size);
  auto width = unsigned(tensor.bits);
  for (size_t i = 0; i < size; ++i) {
    size_t bit = i * width;
    unsigned low = uint8_t(bytes[bit / 8]);
    unsigned high = bit % 8 + width > 8 ? uint8_t(bytes[bit / 8 + 1]) : 0;
    values[i] = signExtend(int8_t((low | high << 8) >> bit % 8), width);
  }
  return values;
}

void Simulator::onLayerComplete(std::function<void(uint32_t)> callback) {
  impl->onLayerComplete = std::move(callback);
}

llvm::Expected<RunResult> Simulator::run() { return impl->run(); }
