//===- PruneStep.cpp - Rounds of pruning and training ---------------------===//
//
// Part of AccOpt. The budget is approached geometrically, B_t = exp(a ln B_T +
// (1 - a) ln B_0) with a = t / rounds (Humble et al., SMCP, arXiv 2207.01382,
// as HALP has it); importance and costs are taken anew in each round, for both
// change as neighbours shrink.
//
//===----------------------------------------------------------------------===//

#include "PruneStep.h"

#include "accopt/Transforms/Ranges.h"
#include "dialects/NN/NNOps.h"

#include "llvm/ADT/StringExtras.h"

#include <cmath>

using namespace mlir;
using namespace accopt;

/// A gate on a channel acts after normalization and activation: follows the
/// value through ops that keep its channels and read nothing else.
static Value gateOf(Value value) {
  while (value.hasOneUse()) {
    mlir::Operation *user = *value.getUsers().begin();
    if (!isa<nn::BatchNormOp, nn::ReluOp, nn::ClipOp, nn::LeakyReluOp,
             nn::HardSwishOp, nn::SiluOp>(user) ||
        user->getOperand(0) != value)
      break;
    value = user->getResult(0);
  }
  return value;
}

/// Importance of units and branches of `module`'s function.
static llvm::Expected<Importance> findImportance(Session &session,
                                                 const PruneOptions &options) {
  func::FuncOp function = session.function();
  ChannelGroups analysis(function);
  auto names = nameValues(function);
  Importance result;
  std::vector<std::string> wanted;
  std::vector<Value> gates;
  auto want = [&](Value value) {
    Value gate = gateOf(value);
    gates.push_back(gate);
    wanted.push_back(names.lookup(gate));
    return wanted.size() - 1;
  };
  std::vector<std::vector<size_t>> ofGroup(analysis.groups().size());
  for (auto [g, group] : llvm::enumerate(analysis.groups()))
    if (group.isPrunable())
      for (size_t i = 0; i < group.producers; ++i)
        if (group.activations[i].dimension == 1)
          ofGroup[g].push_back(want(group.activations[i].value));
  std::vector<ResidualBranch> branches = findResidualBranches(function);
  std::vector<std::pair<size_t, size_t>> ofBranch;
  for (const ResidualBranch &branch : branches) {
    size_t end = want(branch.ops.back()->getResult(0));
    ofBranch.emplace_back(end, want(branch.skip));
  }

  auto network = session.makeNetwork(*session.network);
  if (!network)
    return network.takeError();
  using Kind = training::Network::Importance;
  auto channels = (*network)->channelImportance(
      wanted,
      options.importance == "activation" ? Kind::Activation : Kind::Taylor,
      session.data.train.spread(options.samples), options.samples);
  if (!channels)
    return channels.takeError();
  for (auto [g, group] : llvm::enumerate(analysis.groups())) {
    std::vector<double> &units = result.units.emplace_back(group.units, 0.0);
    if (options.importance == "magnitude")
      units = magnitudes(group);
    else
      for (auto [i, index] : llvm::enumerate(ofGroup[g])) {
        // The producers are the first members, those along channels only.
        size_t member = 0, seen = 0;
        for (; member < group.producers; ++member)
          if (group.activations[member].dimension == 1 && seen++ == i)
            break;
        for (int64_t u = 0; u < group.units; ++u)
          for (int64_t c : group.activations[member].positions[u])
            units[u] += (*channels)[index][c];
      }
  }
  auto total = [&](size_t index) {
    double sum = 0;
    for (double value : (*channels)[index])
      sum += value;
    return sum;
  };
  for (auto [i, branch] : llvm::enumerate(branches)) {
    double own = total(ofBranch[i].first), skip = total(ofBranch[i].second);
    result.branches[branch.name] = own + skip > 0 ? own / (own + skip) : 0.5;
  }
  return result;
}

llvm::Error accopt::applySelection(func::FuncOp function,
                                   const Selection &selection) {
  for (const std::string &name : selection.branches)
    for (const ResidualBranch &branch : findResidualBranches(function))
      if (branch.name == name) {
        removeBranch(branch);
        break;
      }
  ChannelGroups groups(function);
  if (failed(removeChannels(function, groups, selection.keep)))
    return llvm::createStringError(std::errc::invalid_argument,
                                   "removing channels failed");
  return llvm::Error::success();
}

namespace {

/// The rounds of one step.
class Pruner {
public:
  Pruner(Session &session, const StepSpec &step)
      : session(session), step(step) {}
  llvm::Error run();

private:
  void readOptions();
  /// One round to `budget`, with `epochs` of training after it.
  llvm::Error round(double budget, int64_t epochs, const llvm::Twine &name);
  llvm::Error toBudget(double budget);
  llvm::Error toFloor(double floor);

  Session &session;
  const StepSpec &step;
  PruneOptions options;
  int64_t rounds = 3, epochs = 0, roundEpochs = 0, done = 0;
  double learningRate = 0, start = 0;
};

} // namespace

void Pruner::readOptions() {
  options.method =
      llvm::StringSwitch<PruneMethod>(getText(step, "method", "cost"))
          .Case("cost", PruneMethod::Cost)
          .Case("flops", PruneMethod::Flops)
          .Case("uniform", PruneMethod::Uniform)
          .Default(PruneMethod::Random);
  options.importance = getText(step, "importance", "taylor");
  options.removeBlocks = getText(step, "blocks", "yes") == "yes";
  options.objective = session.options.objective;
  options.granularity = getText(step, "granularity", "auto") == "array"
                            ? session.costs.machine().columns
                            : getInteger(step, "granularity", 0);
  options.samples = getInteger(step, "samples", 1024);
  options.seed = session.seedFor(session.stepKey);
  rounds = getInteger(step, "rounds", 3);
  epochs = getInteger(step, "epochs", session.options.training.epochs);
  roundEpochs =
      getInteger(step, "round-epochs", std::max<int64_t>(1, epochs / 4));
  learningRate =
      getNumber(step, "learning-rate", session.options.training.learningRate);
}

llvm::Error Pruner::round(double budget, int64_t epochs,
                          const llvm::Twine &name) {
  ++done;
  std::string key = session.stepKey + "/round/" + std::to_string(done);
  auto importance = findImportance(session, options);
  if (!importance)
    return importance.takeError();
  PruneOptions now = options;
  now.seed += done;
  now.title = name.str();
  auto selection =
      selectChannels(session, *session.network, *importance, now, budget);
  if (!selection)
    return selection.takeError();
  if (llvm::Error error = applySelection(session.function(), *selection))
    return error;
  training::TrainingOptions training = session.options.training;
  training.epochs = epochs;
  training.learningRate = learningRate;
  return session.train(training, key, name.str());
}

llvm::Error Pruner::toBudget(double budget) {
  for (int64_t t = 1; t <= rounds; ++t) {
    double a = double(t) / double(rounds);
    double now =
        t == rounds
            ? budget
            : std::exp(a * std::log(budget) + (1 - a) * std::log(start));
    if (now >= start && t < rounds)
      continue;
    if (llvm::Error error = round(now, t == rounds ? epochs : roundEpochs,
                                  "prune, round " + llvm::Twine(t) + " of " +
                                      llvm::Twine(rounds)))
      return error;
  }
  return session
      .addCandidate(
          session.stepKey + " " +
          llvm::utostr(std::llround(100 * budget /
                                    session.baseline.get(options.objective))) +
          " %")
      .takeError();
}

/// Without a budget: a fifth less each time, until the floor is missed or that
/// is too little to run the network; then half as much less, from the last
/// network that met the floor.
llvm::Error Pruner::toFloor(double floor) {
  double reached = start;
  for (double reduction = 0.2; reduction >= 0.05;) {
    OwningOpRef<ModuleOp> before = session.clone(*session.network);
    llvm::Error error = round(reached * (1 - reduction), epochs,
                              "prune, round " + llvm::Twine(done + 1) +
                                  ": until the accuracy floor is missed");
    if (error && !isOutOfReach(error))
      return error;
    if (!error) {
      auto candidate = session.addCandidate(session.stepKey + " round " +
                                            std::to_string(done));
      if (!candidate)
        return candidate.takeError();
      if ((*candidate)->validation.get() >= floor) {
        reached = std::min(reached * (1 - reduction),
                           (*candidate)->cost.get(options.objective));
        continue;
      }
    }
    llvm::consumeError(std::move(error));
    session.network = std::move(before);
    reduction /= 2;
  }
  return llvm::Error::success();
}

llvm::Error Pruner::run() {
  readOptions();
  auto cost = session.costs.exact(session.function());
  if (!cost)
    return cost.takeError();
  start = cost->get(options.objective);
  if (std::optional<double> budget = session.budget(step))
    return toBudget(*budget);
  return toFloor(*session.floor());
}

llvm::Error accopt::runPrune(Session &session, const StepSpec &step) {
  return Pruner(session, step).run();
}
