//===- ChooseBits.cpp - More bits where they are needed -------------------===//
//
// Part of AccOpt. Classes of activations, and weights of layers, are ranked by
// what their 8 bits alone do to the results and by what more cost; a search
// then tries sets of them on a network that takes bits as arguments. The
// machine's integers have the last word: where they fall short of the goal, the
// search aims higher.
//
//===----------------------------------------------------------------------===//

#include "ChooseBits.h"

#include "BitTrials.h"

#include "accopt/Conversion/NNToAccel.h"
#include "accopt/Search/Subset.h"
#include "accopt/Support/Diagnostics.h"
#include "accopt/Target/MachineIO.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

#include <limits>
#include <map>

using namespace mlir;

namespace accopt {
namespace {

/// Runs of the network that the ranking may take, if one for each class does
/// not take more.
constexpr size_t kRankingRuns = 384;
/// How often a choice is compiled; the last one is all of 16 bits.
constexpr unsigned kRounds = 4;

class BitChooser {
public:
  BitChooser(func::FuncOp function, const Calibration &calibration,
             const CompileOptions &options, Progress &progress,
             BitTrials trials, const Machine &machine, BitReport &report)
      : function(function), options(options), goal(*options.accuracyGoal),
        progress(progress), trials(std::move(trials)), calibration(calibration),
        prices(function, calibration.ranges, machine, options.schedule,
               options.input),
        report(report) {
    findChoosable(machine);
  }

  llvm::Expected<ChosenBits> run();

private:
  /// The classes of `choosable`, and after them the layers with corrections.
  using Items = llvm::BitVector;

  /// Larger is better; of the goal's unit.
  double qualityOf(const GoalMeasure &measure) const;
  std::string printQuality(double quality) const;
  unsigned itemCount() const {
    return unsigned(choosable.size() + trials.corrections().size());
  }
  ChosenBits bitsOf(const Items &items) const;
  TrialChoice trialOf(const Items &items) const;
  llvm::Expected<GoalMeasure> measure(const Items &items);
  llvm::Expected<uint64_t> price(const Items &items);
  llvm::Expected<BitPoint> pointOf(const Items &items);
  /// Finds what may have more bits on `machine`.
  void findChoosable(const Machine &machine);
  /// All of 8 bits, and whether the results are such that have the goal.
  llvm::Error measureNone();
  /// All of more bits. Not asked for without need: weights may have no room.
  llvm::Error measureAll();
  llvm::Error rank();
  llvm::Expected<Items> choose(double aim);
  llvm::Error addControl();
  llvm::Expected<GoalMeasure> measureIntegers(const Items &items);

  func::FuncOp function;
  const CompileOptions &options;
  const AccuracyGoal &goal;
  Progress &progress;
  BitTrials trials;
  const Calibration &calibration;
  BitPrices prices;
  BitReport &report;
  std::vector<size_t> choosable; ///< classes that may have more bits
  SubsetProblem problem;
  std::map<std::string, GoalMeasure> measured; ///< by keyOf()
  std::map<std::string, uint64_t> priced;
};

double BitChooser::qualityOf(const GoalMeasure &measure) const {
  if (goal.kind == AccuracyGoal::Kind::Sqnr)
    return measure.sqnr;
  return double(measure.sameDecision) / double(measure.rows);
}

std::string BitChooser::printQuality(double quality) const {
  return goal.kind == AccuracyGoal::Kind::Sqnr
             ? llvm::formatv("{0:F1} dB", quality).str()
             : llvm::formatv("{0:F2} % of decisions", 100 * quality).str();
}

/// As flags take them.
static std::string print(const NamedBits &bits) {
  std::string text = std::to_string(bits.all);
  for (const auto &[name, count] : bits.byName)
    text += "," + name + "=" + std::to_string(count);
  return text;
}

static std::string keyOf(const ChosenBits &bits) {
  return print(bits.activations) + ";" + print(bits.weights);
}

ChosenBits BitChooser::bitsOf(const Items &items) const {
  ChosenBits bits;
  for (unsigned item : items.set_bits())
    if (item < choosable.size()) {
      const SwitchedClass &found = trials.classes()[choosable[item]];
      bits.activations.byName[found.values.front()] = found.wideBits;
    } else {
      const SwitchedCorrection &found =
          trials.corrections()[item - choosable.size()];
      bits.weights.byName[found.layer] = found.weightBits;
    }
  return bits;
}

TrialChoice BitChooser::trialOf(const Items &items) const {
  TrialChoice choice{llvm::BitVector(unsigned(trials.classes().size())),
                     llvm::BitVector(unsigned(trials.corrections().size()))};
  for (unsigned item : items.set_bits())
    if (item < choosable.size())
      choice.wide.set(unsigned(choosable[item]));
    else
      choice.corrected.set(item - unsigned(choosable.size()));
  return choice;
}

llvm::Expected<GoalMeasure> BitChooser::measure(const Items &items) {
  auto [known, isNew] = measured.try_emplace(keyOf(bitsOf(items)));
  if (!isNew)
    return known->second;
  llvm::Expected<GoalMeasure> result = trials.run(trialOf(items));
  if (!result)
    return result.takeError();
  known->second = *result;
  progress.update(double(measured.size()),
                  llvm::formatv("{0} with {1} of more bits",
                                printQuality(qualityOf(*result)), items.count())
                      .str());
  return *result;
}

llvm::Expected<uint64_t> BitChooser::price(const Items &items) {
  auto [known, isNew] = priced.try_emplace(keyOf(bitsOf(items)));
  if (!isNew)
    return known->second;
  llvm::Expected<uint64_t> cycles = prices.cycles(bitsOf(items));
  if (!cycles)
    return cycles.takeError();
  return known->second = *cycles;
}

llvm::Expected<BitPoint> BitChooser::pointOf(const Items &items) {
  BitPoint point;
  ChosenBits bits = bitsOf(items);
  point.widened = bits.activations.byName.size();
  point.corrected = bits.weights.byName.size();
  point.activationFlag = print(bits.activations);
  point.weightFlag = print(bits.weights);
  if (llvm::Error error = measure(items).moveInto(point.measure))
    return std::move(error);
  if (llvm::Error error = price(items).moveInto(point.cycles))
    return std::move(error);
  return point;
}

void BitChooser::findChoosable(const Machine &machine) {
  if (!machine.arrayPes16Bit)
    return;
  // The bits of a correction's result follow from others.
  llvm::BitVector isOwn(unsigned(trials.classes().size()), true);
  for (const SwitchedCorrection &correction : trials.corrections())
    isOwn.reset(unsigned(correction.index));
  for (auto [index, found] : llvm::enumerate(trials.classes()))
    if (found.wideBits > 8 && isOwn.test(unsigned(index)))
      choosable.push_back(index);
}

llvm::Error BitChooser::measureNone() {
  Items none(itemCount());
  if (llvm::Error error = pointOf(none).moveInto(report.narrow))
    return error;
  if (goal.kind == AccuracyGoal::Kind::Decisions &&
      report.narrow.measure.rows == 0)
    return makeFileError(options.input,
                         "--accuracy-goal: expected a result with rows of "
                         "scores for a goal in %, got none; give it in dB");
  return llvm::Error::success();
}

llvm::Error BitChooser::measureAll() {
  if (report.wide)
    return llvm::Error::success();
  Items all(itemCount(), true);
  return pointOf(all).moveInto(report.wide.emplace());
}

/// What each class does alone.
llvm::Error BitChooser::rank() {
  size_t count = itemCount();
  report.ranked = std::clamp<size_t>(kRankingRuns / std::max<size_t>(count, 1),
                                     1, calibration.samples.size());
  Items none(unsigned(count), false), all(unsigned(count), true);
  progress.begin("ranking of tensors", int64_t(count));
  llvm::Expected<GoalMeasure> base = trials.run(trialOf(all), report.ranked);
  if (!base)
    return base.takeError();
  for (size_t i = 0; i < count; ++i) {
    Items others = all, alone = none;
    others.reset(unsigned(i));
    alone.set(unsigned(i));
    auto without = trials.run(trialOf(others), report.ranked);
    if (!without)
      return without.takeError();
    auto cycles = price(alone);
    if (!cycles)
      return cycles.takeError();
    BitClass &entry = report.classes.emplace_back();
    entry.areWeights = i >= choosable.size();
    if (entry.areWeights) {
      const auto &found = trials.corrections()[i - choosable.size()];
      entry.values = {found.layer};
      entry.wideBits = found.weightBits;
    } else {
      const SwitchedClass &found = trials.classes()[choosable[i]];
      entry.values = found.values;
      entry.wideBits = found.wideBits;
    }
    entry.soleNoise = std::max(0.0, without->noise - base->noise);
    entry.soleCycles = int64_t(*cycles) - int64_t(report.narrow.cycles);
    problem.items.push_back({entry.soleNoise, double(entry.soleCycles)});
    progress.update(double(i + 1));
  }
  progress.end();
  return llvm::Error::success();
}

/// The cheapest items found whose trial reaches `aim`, which that of all does.
llvm::Expected<BitChooser::Items> BitChooser::choose(double aim) {
  if (problem.items.empty())
    if (llvm::Error error = rank())
      return std::move(error);
  // Both kinds, and each on its own.
  int64_t bisections = 2 * 3 * int64_t(llvm::Log2_64_Ceil(itemCount() + 1));
  progress.begin("choice of bits", 4 + bisections + kLeaveOutTrials);
  problem.goal = aim;
  llvm::BitVector activations(itemCount(), true);
  activations.reset(unsigned(choosable.size()), itemCount());
  llvm::BitVector weights = activations;
  problem.scopes = {activations, weights.flip()};
  unsigned made = 0;
  auto subset = chooseByHarm(problem, made);
  if (!subset)
    return subset.takeError();
  progress.end();
  return (*subset)->items;
}

/// As many experiments as the choice took, those of the ranking included.
llvm::Error BitChooser::addControl() {
  size_t samples = std::max<size_t>(calibration.samples.size(), 1);
  BitReport::Control control;
  control.seed = *options.bitsControl;
  control.experiments =
      report.experiments +
      unsigned((itemCount() * report.ranked + samples - 1) / samples);
  problem.goal = goal.value;
  progress.begin("choice by chance", control.experiments);
  measured.clear();
  auto subset = chooseAtRandom(problem, control.experiments, control.seed);
  if (!subset)
    return subset.takeError();
  if (*subset)
    if (llvm::Error error =
            pointOf((*subset)->items).moveInto(control.point.emplace()))
      return error;
  progress.end();
  report.control = std::move(control);
  return llvm::Error::success();
}

llvm::Expected<GoalMeasure> BitChooser::measureIntegers(const Items &items) {
  OwningOpRef<ModuleOp> layers = function->getParentOfType<ModuleOp>().clone();
  ChosenBits bits = bitsOf(items);
  bits.apply(layers->lookupSymbol<func::FuncOp>(function.getName()));
  if (failed(quantize(*layers, calibration.ranges, bits.activations)) ||
      failed(convertNNToAccel(*layers)))
    return llvm::createStringError(std::errc::invalid_argument, "");
  return trials.runIntegers(*layers);
}

llvm::Expected<ChosenBits> BitChooser::run() {
  report.model = llvm::sys::path::stem(options.input).str();
  report.goal = goal.text;
  report.samples = calibration.samples.size();
  if (llvm::Error error = measureNone())
    return std::move(error);
  auto outOfReach = [&](double reached) {
    return makeFileError(
        options.input,
        "--accuracy-goal: expected " + goal.text + ", got " +
            printQuality(reached) + " with " +
            (choosable.empty() ? "" : "16 bits for activations and ") +
            std::to_string(kGoalWeightBits) + " bits for weights");
  };
  bool isEnough = qualityOf(report.narrow.measure) >= goal.value;
  problem.measure = [&](const Items &items) -> llvm::Expected<double> {
    auto result = measure(items);
    if (!result)
      return result.takeError();
    return qualityOf(*result);
  };
  problem.price = [&](const Items &items) -> llvm::Expected<double> {
    auto cycles = price(items);
    if (!cycles)
      return cycles.takeError();
    return double(*cycles);
  };
  Items chosen(itemCount());
  double aim = goal.value;
  for (unsigned round = 0;; ++round) {
    if (!isEnough || round > 0) {
      if (llvm::Error error = measureAll())
        return std::move(error);
      // What trials say of all is not the last word either.
      bool isFar = qualityOf(report.wide->measure) < aim;
      llvm::Expected<Items> found =
          isFar ? llvm::Expected<Items>(Items(chosen.size(), true))
                : choose(aim);
      if (!found)
        return found.takeError();
      chosen = std::move(*found);
    }
    if (llvm::Error error = measureIntegers(chosen).moveInto(report.integers))
      return std::move(error);
    double reached = qualityOf(report.integers);
    if (reached >= goal.value)
      break;
    if (chosen.all())
      return outOfReach(reached);
    // As far above as the integers are below, and a little more, but not above
    // what can be reached before the last round, which takes all.
    double most = report.wide ? qualityOf(report.wide->measure) : aim;
    double higher = aim + 1.1 * (goal.value - reached);
    aim = round + 2 == kRounds ? std::numeric_limits<double>::infinity()
          : higher < most      ? higher
                               : (aim + most) / 2;
  }
  report.experiments = unsigned(measured.size());
  if (llvm::Error error = pointOf(chosen).moveInto(report.chosen))
    return std::move(error);
  for (size_t item = 0; item < report.classes.size(); ++item)
    report.classes[item].isWidened = chosen.test(unsigned(item));
  if (options.bitsControl && !report.classes.empty())
    if (llvm::Error error = addControl())
      return std::move(error);
  return bitsOf(chosen);
}
} // namespace

llvm::Expected<ChosenBits> chooseBits(func::FuncOp function,
                                      const Calibration &calibration,
                                      const CompileOptions &options,
                                      Progress &progress, BitReport &report) {
  llvm::Expected<Machine> machine = loadMachine(options.target);
  if (!machine)
    return machine.takeError();
  if (calibration.scores.empty())
    return makeFileError(options.input,
                         "--accuracy-goal: expected a result of f32, got none");
  progress.begin("choice of bits", 2);
  auto trials =
      BitTrials::create(function, calibration, options.calibrationData);
  if (!trials)
    return trials.takeError();
  return BitChooser(function, calibration, options, progress,
                    std::move(*trials), *machine, report)
      .run();
}

llvm::Expected<AccuracyGoal> parseAccuracyGoal(StringRef text) {
  AccuracyGoal goal;
  goal.text = text.str();
  StringRef number = text;
  bool isShare = number.consume_back("%");
  bool isValid =
      (isShare || number.consume_back("dB")) && !number.getAsDouble(goal.value);
  if (isShare) {
    goal.kind = AccuracyGoal::Kind::Decisions;
    goal.value /= 100;
  }
  if (!isValid || !(goal.value > 0) || goal.value > (isShare ? 1 : 150))
    return llvm::createStringError(
        std::errc::invalid_argument,
        "--accuracy-goal: expected dB up to 150 or up to 100 %%, as 30dB or "
        "99.5%%, got '%s'",
        text.str().c_str());
  return goal;
}

} // namespace accopt
