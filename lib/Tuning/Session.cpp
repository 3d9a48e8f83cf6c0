//===- Session.cpp - The state of a run of acc-tune -----------------------===//

#include "Session.h"

#include "accopt/Support/Diagnostics.h"
#include "accopt/Transforms/Pipelines.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/xxhash.h"

#include <algorithm>

using namespace mlir;
using namespace accopt;
using llvm::StringRef;

/// Mean and variance of a channel come from this many samples times its pixels.
static constexpr int64_t statisticsSamples = 1024;

func::FuncOp Session::functionOf(ModuleOp module) {
  return module.lookupSymbol<func::FuncOp>("main");
}

std::optional<double> Session::floor() const {
  if (options.minAccuracy)
    return options.minAccuracy;
  if (!options.maxDrop)
    return std::nullopt;
  if (floatQuality.isClassification)
    return floatQuality.accuracy - *options.maxDrop / 100;
  // Of a regression, per cent of the loss.
  return -floatQuality.loss * (1 + *options.maxDrop / 100);
}

std::optional<double> Session::budget(const StepSpec &step) const {
  std::string text = getText(step, "budget", options.budget);
  if (text.empty())
    return std::nullopt;
  return llvm::cantFail(parseBudget(text)).of(baseline.get(options.objective));
}

llvm::Error Session::outOfReach(StringRef what, double budget,
                                double least) const {
  std::string text;
  llvm::raw_string_ostream(text)
      << "budget: " << what << " cannot reach " << llvm::format("%.6g", budget)
      << "; the least that this network can cost is about "
      << llvm::format("%.6g, %.0f %% of the baseline", least,
                      100 * least / baseline.get(options.objective));
  return llvm::createStringError(std::errc::result_out_of_range, "%s",
                                 text.c_str());
}

bool accopt::isOutOfReach(llvm::Error &error) {
  bool result = false;
  error = llvm::handleErrors(
      std::move(error),
      [&](std::unique_ptr<llvm::StringError> info) -> llvm::Error {
        result = info->convertToErrorCode() == std::errc::result_out_of_range;
        return llvm::Error(std::move(info));
      });
  return result;
}

OwningOpRef<ModuleOp> Session::clone(ModuleOp module) const {
  return OwningOpRef<ModuleOp>(cast<ModuleOp>(module->clone()));
}

llvm::Expected<std::unique_ptr<training::Network>>
Session::makeNetwork(ModuleOp module) const {
  training::NetworkOptions network;
  network.device = options.device;
  return training::Network::create(functionOf(module), network);
}

llvm::Error Session::fuse() {
  if (isFused)
    return llvm::Error::success();
  PassManager manager(&context);
  buildFloatPipeline(manager, {.fuseFunctions = false});
  if (failed(manager.run(*network)))
    return makeFileError(options.model, "folding the network failed");
  isFused = true;
  return llvm::Error::success();
}

llvm::Error Session::calibrate(StringRef method, int64_t samples) {
  if (llvm::Error error = fuse())
    return error;
  auto net = makeNetwork(*network);
  if (!net)
    return net.takeError();
  llvm::Expected<RangeTable> found =
      (*net)->collectRanges(data.train.spread(samples), samples, method);
  if (!found)
    return found.takeError();
  ranges = std::move(*found);
  return llvm::Error::success();
}

uint64_t Session::seedFor(StringRef use) const {
  std::string text = std::to_string(options.training.seed) + "/" + use.str();
  return llvm::xxh3_64bits(llvm::StringRef(text));
}

llvm::Expected<std::string>
Session::memo(StringRef key,
              llvm::function_ref<llvm::Expected<std::string>()> compute) {
  auto known = journal->find(key);
  if (!known)
    return known.takeError();
  if (*known)
    return std::move(**known);
  llvm::Expected<std::string> value = compute();
  if (!value)
    return value.takeError();
  if (llvm::Error error = journal->record(key, *value))
    return std::move(error);
  return value;
}

llvm::Expected<Quality> Session::measure(training::Network &net,
                                         const Dataset &part,
                                         training::Mode mode, StringRef key) {
  llvm::Expected<std::string> text =
      memo(key, [&]() -> llvm::Expected<std::string> {
        auto evaluation = net.evaluate(part, mode);
        if (!evaluation)
          return evaluation.takeError();
        // Hexadecimal floats read back as they were.
        std::string result;
        llvm::raw_string_ostream(result)
            << llvm::format("%a %a", evaluation->loss, evaluation->accuracy);
        return result;
      });
  if (!text)
    return text.takeError();
  Quality quality;
  quality.isClassification = part.isClassification();
  auto [loss, accuracy] = StringRef(*text).split(' ');
  if (loss.getAsDouble(quality.loss) || accuracy.getAsDouble(quality.accuracy))
    return llvm::createStringError(std::errc::invalid_argument,
                                   "journal: record '%s' is damaged",
                                   key.str().c_str());
  return quality;
}

llvm::Error Session::train(training::TrainingOptions training, StringRef key,
                           StringRef title) {
  if (training.epochs <= 0)
    return llvm::Error::success();
  auto net = makeNetwork(*network);
  if (!net)
    return net.takeError();
  if (plan)
    if (llvm::Error error = (*net)->setPlan(*plan))
      return error;
  training.seed = seedFor(key);
  auto trainer = training::Trainer::create(
      **net,
      training.distillation > 0 || training.hintWeight > 0 ? teacher.get()
                                                           : nullptr,
      data.train, training);
  if (!trainer)
    return trainer.takeError();

  auto keyOf = [&](int64_t epoch) {
    return key.str() + "/epoch/" + std::to_string(epoch);
  };
  int64_t epoch = training.epochs;
  for (; epoch > 0; --epoch) {
    auto state = journal->find(keyOf(epoch));
    if (!state)
      return state.takeError();
    if (!*state || (*state)->empty())
      continue;
    if (llvm::Error error = (*trainer)->loadState(**state))
      return error;
    break;
  }
  progress->begin(title, training.epochs, epoch);
  for (; epoch < training.epochs; ++epoch) {
    auto result = (*trainer)->runEpoch(
        epoch, [&](double share) { progress->update(epoch + share); });
    if (!result)
      return result.takeError();
    std::string step = key.str();
    if (llvm::Error error = journal->record(
            keyOf(epoch + 1), (*trainer)->saveState(),
            {{step, "loss", epoch, result->loss},
             {step, "accuracy", epoch, result->accuracy},
             {step, "learning_rate", epoch, result->learningRate}}))
      return error;
    if (epoch > 0)
      if (llvm::Error error = journal->forget(keyOf(epoch)))
        return error;
    std::string note;
    llvm::raw_string_ostream os(note);
    os << "loss " << llvm::format("%.4f", result->loss);
    if (data.train.isClassification())
      os << ", " << llvm::format("%.2f", 100 * result->accuracy) << " %";
    progress->update(epoch + 1, note);
  }
  progress->end();
  (*trainer)->useAverage();
  if (training.mode == training::Mode::Float)
    if (llvm::Error error =
            (*net)->estimateBatchNorm(data.train.spread(statisticsSamples)))
      return error;
  if (plan)
    plan = (*net)->plan();
  return (*net)->store(function());
}

llvm::Expected<const Candidate *> Session::addCandidate(StringRef name) {
  // A candidate is what the network would be, quantized now; the network itself
  // may go on in float.
  OwningOpRef<ModuleOp> kept = clone(*network);
  auto keptRanges = ranges;
  bool wasFused = isFused;
  auto restore = llvm::scope_exit([&] {
    network = std::move(kept);
    ranges = std::move(keptRanges);
    isFused = wasFused;
  });
  if (!plan && !ranges)
    if (llvm::Error error = calibrate("minmax", 512))
      return std::move(error);
  if (llvm::Error error = fuse())
    return std::move(error);

  Candidate candidate;
  candidate.name = name.str();
  if (plan) {
    candidate.plan = *plan;
  } else {
    auto made = planQuantization(function(), *ranges, bits);
    if (!made)
      return made.takeError();
    candidate.plan = std::move(*made);
  }
  auto net = makeNetwork(*network);
  if (!net)
    return net.takeError();
  if (llvm::Error error = (*net)->setPlan(candidate.plan))
    return std::move(error);
  auto quality = measure(**net, data.validation, training::Mode::Integer,
                         "candidate/" + std::to_string(candidates.size()));
  if (!quality)
    return quality.takeError();
  candidate.validation = *quality;
  BitAssignment assigned = bits;
  auto cost = costs.exact(function(), assigned);
  if (!cost)
    return cost.takeError();
  candidate.cost = std::move(*cost);
  candidate.floating = clone(*network);
  candidate.module = clone(*network);
  if (llvm::Error error =
          applyPlan(functionOf(*candidate.module), candidate.plan))
    return std::move(error);
  candidates.push_back(std::move(candidate));
  return &candidates.back();
}

//===----------------------------------------------------------------------===//
// Options of steps
//===----------------------------------------------------------------------===//

int64_t accopt::getInteger(const StepSpec &step, StringRef name,
                           int64_t otherwise) {
  int64_t value = otherwise;
  StringRef(getText(step, name, "")).getAsInteger(10, value);
  return value;
}

double accopt::getNumber(const StepSpec &step, StringRef name,
                         double otherwise) {
  double value = otherwise;
  StringRef(getText(step, name, "")).getAsDouble(value);
  return value;
}

std::string accopt::getText(const StepSpec &step, StringRef name,
                            StringRef otherwise) {
  auto found = step.options.find(name.str());
  return found == step.options.end() ? otherwise.str() : found->second;
}

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

Choice accopt::chooseCandidate(const Session &session,
                               std::optional<double> budget) {
  std::optional<double> floor = session.floor();
  Objective objective = session.options.objective;
  auto cost = [&](const Candidate &c) { return c.cost.get(objective); };
  auto meets = [&](const Candidate &c) {
    return (!floor || c.validation.get() >= *floor) &&
           (!budget || cost(c) <= *budget);
  };
  // Least cost if quality has a floor; else the best quality.
  auto isBetter = [&](const Candidate &a, const Candidate &b) {
    if (floor)
      return std::make_pair(cost(a), -a.validation.get()) <
             std::make_pair(cost(b), -b.validation.get());
    return std::make_pair(-a.validation.get(), cost(a)) <
           std::make_pair(-b.validation.get(), cost(b));
  };
  // How far a candidate misses, floor first.
  auto isNearer = [&](const Candidate &a, const Candidate &b) {
    auto miss = [&](const Candidate &c) {
      double quality = floor ? std::max(0.0, *floor - c.validation.get()) : 0;
      double excess = budget ? std::max(0.0, cost(c) / *budget - 1) : 0;
      return quality + excess;
    };
    return miss(a) < miss(b);
  };
  Choice choice;
  const auto &all = session.candidates;
  // Without a goal the steps themselves are what was asked for.
  if (!floor && !budget)
    return {all.size() - 1, true, ""};
  for (size_t i = 0; i < all.size(); ++i) {
    bool fits = meets(all[i]);
    if (i == 0) {
      choice.meets = fits;
      continue;
    }
    const Candidate &best = all[choice.index];
    bool take = fits != choice.meets ? fits
                : fits               ? isBetter(all[i], best)
                                     : isNearer(all[i], best);
    if (take) {
      choice.index = i;
      choice.meets = fits;
    }
  }
  if (choice.meets)
    return choice;
  const Candidate &nearest = all[choice.index];
  llvm::raw_string_ostream os(choice.reason);
  os << "no candidate meets";
  if (floor)
    os << " the floor of " << llvm::format("%.4f", *floor) << " ("
       << (session.floatQuality.isClassification ? "accuracy" : "minus loss")
       << " on the validation part)";
  if (floor && budget)
    os << " and";
  if (budget)
    os << " the budget of " << llvm::format("%.6g", *budget);
  os << "; the nearest is '" << nearest.name << "' with "
     << llvm::format("%.4f", nearest.validation.get()) << " at "
     << llvm::format("%.6g", cost(nearest));
  return choice;
}
