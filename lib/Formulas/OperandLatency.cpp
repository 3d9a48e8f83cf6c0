//===- OperandLatency.cpp - Cycles with a hierarchy per operand -----------===//
//
// In the order of the paper: which memories can hold two tiles, what each
// transfer takes and may take, how those of a port add up, and what is left to
// load before the first step and to store after the last.
//
//===----------------------------------------------------------------------===//

#include "accopt/Formulas/OperandLatency.h"

#include "OperandHierarchy.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

using namespace llvm;
using namespace accopt::formulas;

/// No more units work at a time than there are: 3.5 rows are three and four.
static OperandNest withWholeFanOuts(OperandNest nest) {
  for (Operand &operand : nest.operands)
    for (OperandMemory &memory : operand.memories)
      for (OperandLoop &loop : memory.fanOut)
        loop.count = std::floor(loop.count);
  return nest;
}

namespace {

/// A transfer that takes place, through a port of some width.
struct Move {
  PortUse use;
  double takes = 0;   ///< cycles of the port, each time
  double window = 0;  ///< cycles in which it may, each time
  double period = 0;  ///< cycles from one to the next
  double turns = 0;   ///< how often
  double average = 0; ///< bits in a cycle

  double stall() const { return (takes - window) * (turns - 1); }
};

struct Moves {
  const MemoryPort *port;
  std::vector<Move> moves;
};

class Latency {
public:
  Latency(const OperandNest &nest, const OperandMachine &machine)
      : nest(nest), machine(machine), whole(withWholeFanOuts(nest)) {
    for (ConvTensor tensor : {ConvWeights, ConvInputs, ConvOutputs}) {
      exact.emplace_back(this->nest, tensor);
      counted.emplace_back(whole, tensor);
    }
  }

  Error checkPorts() const;
  OperandNestLatency compute();

private:
  /// By tensor and memory, of what goes up or comes down.
  struct Boundary {
    double cycles = 0;
    bool isShared = false; ///< by both inputs
  };

  bool takesPlace(const PortUse &use) const;
  void findRoomForTwo();
  Move moveOf(const PortUse &use, int64_t portBits) const;
  void collectMoves();
  void shareSpareCycles(const Moves &moves, double computing);
  double loading() const;
  double unloading() const;
  double drain() const;

  Boundary &ends(const PortUse &use) {
    bool isAbove = use.transfer == Transfer::ReadAbove ||
                   use.transfer == Transfer::WriteAbove;
    return boundaries[use.tensor][use.memory][isAbove];
  }

  const OperandNest &nest;
  const OperandMachine &machine;
  const OperandNest whole;
  std::vector<OperandHierarchy> exact, counted; ///< by tensor
  std::array<std::vector<bool>, 3> hasRoomForTwo;
  std::vector<Moves> ports;
  /// The first turn of an input's transfers, the last of an output's; below and
  /// above each memory.
  std::array<std::vector<std::array<Boundary, 2>>, 3> boundaries;
};

} // namespace

static std::string nameOf(const PortUse &use) {
  static const char *const tensors[] = {"weights", "inputs", "outputs"};
  static const char *const transfers[] = {"read below", "write below",
                                          "read above", "write above"};
  return (Twine(tensors[use.tensor]) + " memory " + Twine(use.memory) + " " +
          transfers[size_t(use.transfer)])
      .str();
}

bool Latency::takesPlace(const PortUse &use) const {
  const OperandHierarchy &hierarchy = counted[use.tensor];
  bool isOutput = use.tensor == ConvOutputs;
  bool isOutermost = use.memory + 1 == hierarchy.size();
  switch (use.transfer) {
  case Transfer::ReadBelow:
    return !isOutput || hierarchy.isPartial(int(use.memory) - 1);
  case Transfer::WriteBelow:
    return isOutput;
  case Transfer::ReadAbove:
    return isOutput && !isOutermost;
  case Transfer::WriteAbove:
    return !isOutermost && (!isOutput || hierarchy.isPartial(int(use.memory)));
  }
  return false;
}

Error Latency::checkPorts() const {
  auto fail = [](const Twine &message) {
    return createStringError(inconvertibleErrorCode(), message);
  };
  std::array<std::vector<std::array<int, 4>>, 3> ports;
  for (ConvTensor tensor : {ConvWeights, ConvInputs, ConvOutputs})
    ports[tensor].resize(nest.operands[tensor].memories.size());
  for (const OperandLoop &units : machine.systolic)
    if (!(units.count >= 1))
      return fail("expected systolic dimensions of at least 1 unit");
  for (const PhysicalMemory &memory : machine.memories) {
    if (memory.bits < 1)
      return fail("expected memories of at least 1 bit, got " +
                  Twine(memory.bits));
    for (const MemoryPort &port : memory.ports) {
      if (port.bits < 1)
        return fail("expected ports of at least 1 bit, got " +
                    Twine(port.bits));
      for (const PortUse &use : port.uses) {
        if (use.memory >= ports[use.tensor].size())
          return fail("expected ports of memories that the nest has, got " +
                      nameOf(use));
        ++ports[use.tensor][use.memory][size_t(use.transfer)];
      }
    }
  }
  for (ConvTensor tensor : {ConvWeights, ConvInputs, ConvOutputs})
    for (size_t m = 0; m < ports[tensor].size(); ++m)
      for (Transfer transfer : {Transfer::ReadBelow, Transfer::WriteBelow,
                                Transfer::ReadAbove, Transfer::WriteAbove}) {
        PortUse use{tensor, m, transfer};
        int count = ports[tensor][m][size_t(transfer)];
        if (count > 1 || (count == 0 && takesPlace(use)))
          return fail("expected one port for " + nameOf(use) + ", got " +
                      Twine(count));
      }
  return Error::success();
}

/// A memory can be filled while it is used where twice what it needs at a time
/// fits. Those who share it are asked one after another, outputs first; who
/// gets room takes it from the rest.
void Latency::findRoomForTwo() {
  // Of each physical memory by what share it is full.
  std::array<std::vector<size_t>, 3> physical;
  std::array<std::vector<double>, 3> share;
  std::vector<double> full(machine.memories.size(), 0);
  for (ConvTensor tensor : {ConvWeights, ConvInputs, ConvOutputs}) {
    size_t count = nest.operands[tensor].memories.size();
    physical[tensor].assign(count, 0);
    share[tensor].assign(count, 0);
    hasRoomForTwo[tensor].assign(count, false);
  }
  for (auto [index, memory] : enumerate(machine.memories))
    for (const MemoryPort &port : memory.ports)
      for (const PortUse &use : port.uses)
        physical[use.tensor][use.memory] = index;
  for (ConvTensor tensor : {ConvWeights, ConvInputs, ConvOutputs})
    for (size_t m = 0; m < share[tensor].size(); ++m) {
      const OperandHierarchy &hierarchy = exact[tensor];
      double bits = hierarchy.held(int(m)) * double(hierarchy.bits(int(m)));
      size_t index = physical[tensor][m];
      share[tensor][m] = std::floor(bits / hierarchy.discards(int(m))) /
                         double(machine.memories[index].bits);
      full[index] += share[tensor][m];
    }
  for (ConvTensor tensor : {ConvOutputs, ConvWeights, ConvInputs})
    for (size_t m = 0; m < share[tensor].size(); ++m) {
      double &used = full[physical[tensor][m]];
      if (used <= 0.5) {
        hasRoomForTwo[tensor][m] = true;
      } else if (share[tensor][m] <= 1 - used) {
        hasRoomForTwo[tensor][m] = true;
        used += share[tensor][m];
      }
    }
}

Move Latency::moveOf(const PortUse &use, int64_t portBits) const {
  const OperandHierarchy &hierarchy = counted[use.tensor];
  bool isBelow = use.transfer == Transfer::ReadBelow ||
                 use.transfer == Transfer::WriteBelow;
  // The memory whose tile changes; -1 is the arithmetic.
  int turning = int(use.memory) - int(isBelow);
  double times = isBelow ? hierarchy.distinct(use.memory) : 1;
  double bits = hierarchy.held(turning) * double(hierarchy.bits(turning));
  Move move;
  move.use = use;
  move.takes = std::ceil(bits * times / double(portBits));
  move.period = hierarchy.period(turning);
  move.turns = hierarchy.turns(turning);
  move.average = std::floor(bits / move.period * times);
  bool isFree = turning >= 0 && hasRoomForTwo[use.tensor][size_t(turning)];
  move.window = isFree ? move.period
                       : std::floor(move.period / hierarchy.repeats(turning));
  return move;
}

void Latency::collectMoves() {
  for (const PhysicalMemory &memory : machine.memories)
    for (const MemoryPort &port : memory.ports) {
      Moves &moves = ports.emplace_back(Moves{&port, {}});
      for (const PortUse &use : port.uses)
        if (takesPlace(use))
          moves.moves.push_back(moveOf(use, port.bits));
    }
}

/// Cycles of the whole computation that are in a window of any. Windows begin
/// their periods, and each period is a multiple of the next shorter one.
static double unionOfWindows(std::vector<Move> moves) {
  for (const Move &move : moves)
    if (move.window == move.period)
      return move.period * move.turns;
  sort(moves, [](const Move &a, const Move &b) {
    return std::pair(a.period, a.window) < std::pair(b.period, b.window);
  });
  // By period: how many of its cycles are in no window of it or of a shorter
  // one, and how many of its window are in none of a shorter one.
  std::vector<double> whole, hidden;
  auto outside = [&](double cycles) {
    double result = 0;
    for (size_t i = whole.size(); i-- > 0;) {
      double periods = std::floor(cycles / moves[i].period);
      result += periods * whole[i];
      cycles -= periods * moves[i].period;
      if (cycles <= moves[i].window)
        return result;
      result -= hidden[i];
    }
    return result + cycles;
  };
  for (const Move &move : moves) {
    double inWindow = outside(move.window);
    double inPeriod = outside(move.period) - inWindow;
    whole.push_back(inPeriod);
    hidden.push_back(inWindow);
  }
  return moves.back().turns * (moves.back().period - whole.back());
}

static double stallOf(ArrayRef<Move> moves) {
  if (moves.empty())
    return 0;
  if (moves.size() == 1)
    return moves.front().stall();
  double above = 0, below = 0, windows = 0;
  for (const Move &move : moves) {
    (move.stall() > 0 ? above : below) += move.stall();
    windows += move.window * (move.turns - 1);
  }
  return above + std::max(0.0, below + windows - unionOfWindows(moves));
}

/// Shortens `loads` towards `least` by `spare` cycles in all.
static void shorten(std::vector<double> &loads, ArrayRef<double> least,
                    double spare, SpareRule rule) {
  std::vector<size_t> order(loads.size());
  std::iota(order.begin(), order.end(), 0);
  sort(order, [&](size_t a, size_t b) {
    return std::pair(-loads[a], a) < std::pair(-loads[b], b);
  });
  for (size_t i = 0; i < order.size() && spare > 0; ++i) {
    size_t index = order[i];
    double most = loads[index] - least[index];
    if (rule == SpareRule::LongestFirst) {
      double cut = std::min(std::max(0.0, most), spare);
      loads[index] -= cut;
      spare -= cut;
      continue;
    }
    double together = double(i + 1);
    bool isLast = spare < most * together;
    double cut = isLast ? spare / together : most;
    for (size_t j = 0; j <= i; ++j)
      loads[order[j]] -= cut;
    spare = isLast ? 0 : spare - most * together;
  }
}

void Latency::shareSpareCycles(const Moves &moves, double computing) {
  auto isInput = [](const Move &move) {
    return move.use.tensor != ConvOutputs;
  };
  bool isShared =
      any_of(moves.port->uses,
             [](const PortUse &use) { return use.tensor == ConvWeights; }) &&
      any_of(moves.port->uses,
             [](const PortUse &use) { return use.tensor == ConvInputs; });
  double width = double(moves.port->bits), average = 0;
  std::vector<const Move *> once;
  for (const Move &move : moves.moves) {
    // Sums that come back do so neither before the first step nor after the
    // last.
    if (!isInput(move) && (move.use.transfer == Transfer::ReadBelow ||
                           move.use.transfer == Transfer::WriteAbove))
      continue;
    ends(move.use) = {move.takes, isShared};
    if (move.turns == 1)
      once.push_back(&move);
    else
      average += move.average;
  }
  std::vector<double> loads, least;
  for (const Move *move : once) {
    const OperandHierarchy &hierarchy = counted[move->use.tensor];
    loads.push_back(move->takes);
    least.push_back(
        std::ceil(hierarchy.held(0) * double(hierarchy.bits(0)) / width));
  }
  shorten(loads, least, std::max(0.0, (width - average) / width * computing),
          machine.spare);
  for (auto [move, load] : zip_equal(once, loads))
    ends(move->use).cycles = load;
}

double Latency::loading() const {
  struct Parts {
    double shared = 0, half = 0, own = 0;
  } parts[2];
  for (ConvTensor tensor : {ConvWeights, ConvInputs})
    for (size_t m = 0; m + 1 < boundaries[tensor].size(); ++m) {
      const Boundary &into = boundaries[tensor][m][1];
      const Boundary &from = boundaries[tensor][m + 1][0];
      double cycles = std::max(into.cycles, from.cycles);
      Parts &part = parts[tensor];
      if (into.isShared && from.isShared)
        part.shared += cycles;
      else if (into.isShared || from.isShared)
        part.half = cycles; // Of several the package keeps the last.
      else
        part.own += cycles;
    }
  auto first = [](const Parts &a, const Parts &b) {
    return a.shared + std::max(b.shared + b.half + b.own, a.half + a.own);
  };
  return std::min(first(parts[0], parts[1]), first(parts[1], parts[0]));
}

double Latency::unloading() const {
  double cycles = 0;
  const auto &outputs = boundaries[ConvOutputs];
  for (size_t m = 0; m + 1 < outputs.size(); ++m)
    cycles += std::max(outputs[m][1].cycles, outputs[m + 1][0].cycles);
  return cycles;
}

double Latency::drain() const {
  double cycles = 0;
  for (const OperandLoop &units : machine.systolic) {
    double extent = 1;
    auto extend = [&](ArrayRef<OperandLoop> loops) {
      for (const OperandLoop &loop : loops)
        extent *= loop.dimension == units.dimension ? loop.count : 1;
    };
    extend(nest.loops);
    for (const OperandMemory &memory : nest.operands[ConvWeights].memories)
      extend(memory.fanOut);
    // Fractions of fan-outs leave a rest far below one.
    cycles += std::min(units.count, std::round(extent)) - 1;
  }
  return cycles;
}

OperandNestLatency Latency::compute() {
  findRoomForTwo();
  collectMoves();
  OperandNestLatency latency;
  latency.steps = product(nest.loops);
  for (const Moves &moves : ports)
    latency.stall = std::max(latency.stall, stallOf(moves.moves));
  for (ConvTensor tensor : {ConvWeights, ConvInputs, ConvOutputs})
    boundaries[tensor].resize(nest.operands[tensor].memories.size());
  for (const Moves &moves : ports)
    shareSpareCycles(moves, latency.steps + latency.stall);
  latency.loading = loading();
  latency.unloading = unloading();
  latency.drain = drain();
  return latency;
}

Expected<OperandNestLatency>
accopt::formulas::operandNestLatency(const OperandNest &nest,
                                     const OperandMachine &machine) {
  if (Error error = checkOperandNest(nest))
    return std::move(error);
  Latency latency(nest, machine);
  if (Error error = latency.checkPorts())
    return std::move(error);
  return latency.compute();
}
