//===- Explain.cpp - What an op costs, and what would help ----------------===//
//
// Sensitivity is measured, not derived: the network is scheduled again for a
// machine of which one parameter is another. Neighbours may be tiled otherwise
// then, so that the op's change is the whole effect of the change.
//
//===----------------------------------------------------------------------===//

#include "Explain.h"

#include "accopt/Analysis/CostAnalysis.h"
#include "accopt/Report/CostReportBuilder.h"
#include "accopt/Report/Excess.h"
#include "accopt/Schedule/Schedule.h"
#include "accopt/Target/MachineIO.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace accopt;

namespace {

/// Alternatives that are shown.
constexpr size_t kShownTilings = 8;

struct Change {
  const char *what;
  void (*apply)(Machine &);
};

/// Memories and the array keep the rules of checkMachine(): accumulators are
/// rows of the array's columns.
const Change kChanges[] = {
    {"twice the bandwidth of DRAM",
     [](Machine &m) { m.dramBytesPerCycle *= 2; }},
    {"half the latency of DRAM", [](Machine &m) { m.dramLatency /= 2; }},
    {"twice the rows of the array", [](Machine &m) { m.rows *= 2; }},
    {"twice the columns of the array",
     [](Machine &m) {
       m.columns *= 2;
       m.accumulatorBytes *= 2;
     }},
    {"twice the scratchpad", [](Machine &m) { m.scratchpadBytes *= 2; }},
    {"twice the accumulators", [](Machine &m) { m.accumulatorBytes *= 2; }},
    {"twice the lanes", [](Machine &m) { m.lanes *= 2; }},
    {"twice as many patch segments", [](Machine &m) { m.patchSegments *= 2; }},
    {"half the cycles to issue",
     [](Machine &m) { m.issueCycles = std::max(1u, m.issueCycles / 2); }},
};

/// The op's place in the report; the total where there is no such op.
std::optional<size_t> findOp(const CostReport &report, llvm::StringRef node) {
  for (auto [index, op] : llvm::enumerate(report.ops)) {
    llvm::SmallVector<llvm::StringRef> names;
    llvm::StringRef(op.name).split(names, '+');
    if (op.name == node || llvm::is_contained(names, node))
      return index;
  }
  return std::nullopt;
}

llvm::Error noSuchNode(const CostReport &report, llvm::StringRef node) {
  std::string near;
  unsigned best = unsigned(node.size());
  for (const OpCost &op : report.ops) {
    llvm::SmallVector<llvm::StringRef> names;
    llvm::StringRef(op.name).split(names, '+');
    for (llvm::StringRef name : names)
      if (unsigned distance = node.edit_distance(name); distance < best) {
        best = distance;
        near = name.str();
      }
  }
  std::string message =
      llvm::formatv("expected the name of a node, got '{0}'", node);
  if (!near.empty())
    message += "; did you mean '" + near + "'?";
  return llvm::createStringError(message);
}

/// Nothing where the network does not fit the machine.
std::optional<CostReport> costOn(ModuleOp module, const Machine &machine,
                                 ScheduleOptions options) {
  // A machine that is too small says so; here that is an answer.
  ScopedDiagnosticHandler quiet(module.getContext(),
                                [](Diagnostic &) { return success(); });
  options.packConstants = false;
  FailureOr<Program> program = schedule(module, machine, options);
  if (failed(program))
    return std::nullopt;
  llvm::Expected<CostAnalysis> cost = analyzeCost(*program);
  if (!cost) {
    llvm::consumeError(cost.takeError());
    return std::nullopt;
  }
  return buildCostReport(*program, cost->layers, "analysis");
}

class Explainer {
public:
  Explainer(ModuleOp module, const Machine &machine,
            const ScheduleOptions &options, const CostReport &report,
            size_t index, llvm::raw_ostream &os)
      : module(module), machine(machine), options(options), report(report),
        index(index), op(report.ops[index]), os(os) {}

  void run() {
    printOp();
    printConsidered();
    printChanges();
  }

private:
  void printOp() {
    os << op.name << " (" << op.op << ", " << getName(op.placement) << ") on "
       << report.targetName << "\n"
       << llvm::format("%lld cycles, %.1f %% of the network; bound %lld (%s): ",
                       (long long)op.cycles,
                       100.0 * double(op.cycles) /
                           double(std::max<int64_t>(1, report.total.cycles)),
                       (long long)op.rooflineCycles,
                       getName(op.bound).str().c_str());
    if (excessCycles(op) > 0)
      os << excessCycles(op) << " above it\n  " << describeExcess(op, report)
         << "\n";
    else
      os << "met\n";
    for (auto [engine, name] :
         {std::pair(Engine::Load, "LOAD"), std::pair(Engine::Exec, "EXEC"),
          std::pair(Engine::Store, "STORE"), std::pair(Engine::Host, "HOST")})
      if (const auto &use = op.engines[size_t(engine)])
        os << llvm::format("  %-5s busy %lld from %lld to %lld\n", name,
                           (long long)use->busy, (long long)use->start,
                           (long long)use->end);
  }

  void printConsidered() {
    auto considered = listConsidered(module, machine, kShownTilings, options);
    if (failed(considered))
      return;
    const StackChoice *stack = nullptr;
    for (const StackChoice &one : considered->stacks)
      if (llvm::is_contained(one.layers, index))
        stack = &one;
    if (stack)
      printStack(*stack);
    if (!considered->tilings[index].empty())
      printTilings(considered->tilings[index], !stack);
  }

  void printStack(const StackChoice &stack) {
    os << "\nruns strip by strip with " << stack.layers.size() - 1
       << " others; strips of " << stack.strip
       << " rows of the last, in number " << stack.steps << ":\n";
    for (size_t layer : stack.layers)
      os << "  " << report.ops[layer].name << " (" << report.ops[layer].op
         << ")\n";
    os << "  holds " << stack.weightBytes << " bytes of weights and "
       << stack.bufferBytes << " of rows; estimate " << stack.estimate
       << " cycles, " << stack.transferCycles << " of transfers;\n  one by one "
       << stack.separateEstimate << " cycles, " << stack.separateTransferCycles
       << " of transfers\n";
  }

  void printTilings(llvm::ArrayRef<TilingChoice> tilings, bool isUsed) {
    os << "\ntilings considered, "
       << (isUsed ? "the chosen one first:\n"
                  : "if it ran by itself, the best first:\n")
       << "  order             tile  outputs channels slots scratchpad "
          "transfers estimate\n";
    for (const TilingChoice &c : tilings) {
      std::string tile =
          std::to_string(c.rows) + "x" + std::to_string(c.columns);
      std::string slots =
          std::to_string(c.slots) + "+" + std::to_string(c.chunkSlots);
      os << llvm::format("  %-13s %8s %8lld %8lld %5s %10lld %9lld %8lld\n",
                         c.order.c_str(), tile.c_str(), (long long)c.outputs,
                         (long long)c.channels, slots.c_str(),
                         (long long)c.scratchpadBytes,
                         (long long)c.transferCycles, (long long)c.estimate);
    }
    os << "  (slots: tiles + chunks of weights in flight; transfers and "
          "estimate in cycles)\n";
  }

  void printChanges() {
    os << "\nwhat would help:                    op cycles        energy  "
          "network cycles        energy\n";
    for (const Change &change : kChanges) {
      Machine other = machine;
      change.apply(other);
      other.name = machine.name;
      if (auto profile = derivedProfile(other.energy.name, other))
        other.energy = *profile;
      os << llvm::format("  %-31s ", change.what);
      if (llvm::Error error = checkMachine(other)) {
        llvm::consumeError(std::move(error));
        os << "no such machine\n";
        continue;
      }
      std::optional<CostReport> cost = costOn(module, other, options);
      if (!cost) {
        os << "does not fit\n";
        continue;
      }
      const OpCost &now = cost->ops[index];
      printDelta(double(now.cycles), double(op.cycles), 13);
      printDelta(now.energyPj(), op.energyPj(), 14);
      printDelta(double(cost->total.cycles), double(report.total.cycles), 16);
      printDelta(cost->total.energyPj, report.total.energyPj, 14);
      os << '\n';
    }
  }

  /// Percent more (or less) than before.
  void printDelta(double after, double before, int width) {
    double change = before > 0 ? 100 * (after - before) / before : 0;
    std::string text;
    llvm::raw_string_ostream(text) << llvm::format("%+.1f %%", change);
    os << llvm::right_justify(text, unsigned(width));
  }

  ModuleOp module;
  const Machine &machine;
  const ScheduleOptions &options;
  const CostReport &report;
  size_t index;
  const OpCost &op;
  llvm::raw_ostream &os;
};

} // namespace

llvm::Error accopt::explain(llvm::StringRef node, ModuleOp module,
                            const Machine &machine,
                            const ScheduleOptions &options,
                            llvm::raw_ostream &os) {
  std::optional<CostReport> report = costOn(module, machine, options);
  if (!report)
    return llvm::createStringError("does not fit the machine");
  std::optional<size_t> index = findOp(*report, node);
  if (!index)
    return noSuchNode(*report, node);
  Explainer(module, machine, options, *report, *index, os).run();
  return llvm::Error::success();
}
