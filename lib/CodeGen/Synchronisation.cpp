//===- Synchronisation.cpp - Which commands no token orders ---------------===//
//
// Vector clocks (Lamport; Fidge and Mattern, 1988): `clock[c][e]` is how many
// commands of engine e are certainly complete when c starts. It is the maximum
// over the command before c on its engine and the commands whose tokens c
// takes: a counter's n-th token is the n-th completion of its engine. A pair of
// commands that neither clock orders may run at once; if they touch the same
// bytes and one writes, the result depends on time.
//
//===----------------------------------------------------------------------===//

#include "accopt/CodeGen/Binary.h"
#include "accopt/Target/Encoding.h"
#include "accopt/Target/Footprint.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <array>
#include <deque>

using namespace accopt;
using llvm::formatv;

namespace {

using Clock = std::array<uint64_t, kEngineCount>;

struct Node {
  size_t command;
  Clock clock; ///< commands of each engine complete before it starts
  llvm::SmallVector<Region, 8> regions;
};

llvm::Error fail(const std::string &text) {
  return llvm::make_error<llvm::StringError>(
      text, std::make_error_code(std::errc::invalid_argument));
}

class Checker {
public:
  explicit Checker(const Program &program) : program(program) {
    for (size_t i = 0; i < program.commands.size(); ++i)
      queues[unsigned(program.commands[i].engine())].push_back(i);
  }

  llvm::Error run() {
    for (bool progress = true; progress;) {
      progress = false;
      for (unsigned e = 0; e < kEngineCount; ++e)
        while (std::optional<Clock> clock = nextClock(e)) {
          if (llvm::Error error = add(e, *clock))
            return error;
          progress = true;
        }
    }
    return llvm::Error::success();
  }

private:
  /// The clock of the engine's next command, if those that it waits for have
  /// theirs.
  std::optional<Clock> nextClock(unsigned e) {
    size_t position = nodes[e].size();
    if (position == queues[e].size())
      return std::nullopt;
    const Command &c = program.commands[queues[e][position]];
    Clock clock = position ? nodes[e].back().clock : Clock{};
    clock[e] = position;
    std::array<uint64_t, kEngineCount> total = taken[e];
    for (unsigned from = 0; from < kEngineCount; ++from) {
      total[from] += c.take[from];
      if (!total[from])
        continue;
      if (total[from] > nodes[from].size())
        return std::nullopt;
      const Clock &sender = nodes[from][total[from] - 1].clock;
      for (unsigned k = 0; k < kEngineCount; ++k)
        clock[k] = std::max(clock[k], sender[k]);
      clock[from] = std::max(clock[from], total[from]);
    }
    taken[e] = total;
    return clock;
  }

  llvm::SmallVector<Region, 8> regionsOf(const Command &c) const {
    auto *call = std::get_if<HostCommand>(&c.operation);
    if (!call)
      return footprint(c, program.machine);
    llvm::SmallVector<Region, 8> regions;
    const HostFunction &f = program.hostFunctions[call->function];
    auto add = [&](const HostFunction::Argument &argument, bool isWrite) {
      Region region;
      region.memory = Memory::Dram;
      region.isWrite = isWrite;
      region.what = isWrite ? "result" : "argument";
      region.base = argument.address;
      region.length = int64_t(argument.bytes());
      regions.push_back(region);
    };
    for (const HostFunction::Argument &argument : f.arguments)
      add(argument, false);
    for (const HostFunction::Argument &result : f.results)
      add(result, true);
    return regions;
  }

  /// Compares the engine's next command with all that may run beside it and
  /// that have their clocks; later ones will be compared with it in their turn.
  llvm::Error add(unsigned e, const Clock &clock) {
    size_t index = queues[e][nodes[e].size()];
    Node node{index, clock, regionsOf(program.commands[index])};
    if (llvm::Error error = checkAlone(node))
      return error;
    uint64_t position = nodes[e].size();
    for (unsigned other = 0; other < kEngineCount; ++other) {
      if (other == e)
        continue;
      // From the first that may not be complete to the last that does not
      // wait for this one.
      for (size_t i = clock[other]; i < nodes[other].size(); ++i) {
        if (nodes[other][i].clock[e] > position)
          break;
        if (llvm::Error error = checkPair(node, nodes[other][i]))
          return error;
      }
    }
    nodes[e].push_back(std::move(node));
    return llvm::Error::success();
  }

  std::string describe(const Node &node, const Region &region) const {
    const Command &c = program.commands[node.command];
    return formatv("command {0} ({1}, layer '{2}') {3} {4}", node.command,
                   operationName(c), program.layers[c.layer].name,
                   region.isWrite ? "writes" : "reads", region.what);
  }

  llvm::Error checkPair(const Node &a, const Node &b) const {
    for (const Region &x : a.regions)
      for (const Region &y : b.regions)
        if ((x.isWrite || y.isWrite) && overlaps(x, y))
          return fail(formatv("{0} while {1} the same bytes, [{2}, {3}) and "
                              "[{4}, {5}), and no token orders them",
                              describe(a, x), describe(b, y), x.begin(),
                              x.end(), y.begin(), y.end()));
    return llvm::Error::success();
  }

  /// A command's output may overlap an input only element by element.
  llvm::Error checkAlone(const Node &node) const {
    for (const Region &x : node.regions) {
      if (!x.isWrite)
        continue;
      for (const Region &y : node.regions) {
        bool same = x.base == y.base && x.count == y.count &&
                    x.stride == y.stride && x.length == y.length &&
                    isElementwise(node, y);
        if (!y.isWrite && !same && overlaps(x, y))
          return fail(
              formatv("{0} over its own {1}", describe(node, x), y.what));
      }
    }
    return llvm::Error::success();
  }

  /// Whether the command reads element i of the region before or as it writes
  /// element i of its output, and never later.
  bool isElementwise(const Node &node, const Region &input) const {
    const Operation &op = program.commands[node.command].operation;
    if (std::holds_alternative<MatmulCommand>(op) ||
        std::holds_alternative<DepthwiseCommand>(op))
      return llvm::StringRef(input.what) == "residual";
    if (std::holds_alternative<PoolCommand>(op))
      return false;
    return llvm::StringRef(input.what) != "table";
  }

  const Program &program;
  std::array<std::vector<size_t>, kEngineCount> queues;
  std::array<std::deque<Node>, kEngineCount> nodes;
  std::array<std::array<uint64_t, kEngineCount>, kEngineCount> taken = {};
};

} // namespace

llvm::Error accopt::checkSynchronisation(const Program &program) {
  return Checker(program).run();
}
