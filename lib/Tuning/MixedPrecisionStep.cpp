//===- MixedPrecisionStep.cpp - Bits for each layer -----------------------===//
//
// Part of AccOpt. One class of a multiple-choice knapsack per layer, one option
// per width in bits: the value is minus the sensitivity, the cost what the
// compiler charges for the network with this layer alone at that width
// (HAWQ-V3, Yao et al., arXiv 2011.10680). As in pruning, the knapsack's budget
// is searched until the network compiled exactly meets the real one.
//
//===----------------------------------------------------------------------===//

#include "Session.h"

#include "accopt/Data/Random.h"
#include "accopt/Search/Knapsack.h"
#include "dialects/NN/NNConstants.h"
#include "dialects/NN/NNOps.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace accopt;
using llvm::StringRef;

static constexpr unsigned bisections = 16;

namespace {

class BitChooser {
public:
  BitChooser(Session &session, const StepSpec &step)
      : session(session), step(step), costs(session.costs, session.function()) {
  }
  llvm::Error run();

private:
  void readOptions();
  /// Sensitivity of layer l at option b, in `table[l][b]`.
  llvm::Error measureSensitivity();
  llvm::Error byLoss();
  llvm::Error byHessian();
  llvm::Expected<double> lossWith(const BitAssignment &bits);
  BitAssignment assign(llvm::ArrayRef<size_t> choice) const;
  llvm::Expected<double> exact(const BitAssignment &bits);
  /// Largest share in [0, 1] whose bits meet the budget.
  llvm::Error search(llvm::function_ref<std::vector<size_t>(double)> choose);
  llvm::Error byKnapsack();
  llvm::Error byControl(bool isRandom);
  llvm::Error compareWithUniform();

  Session &session;
  const StepSpec &step;
  BitCosts costs;
  std::vector<unsigned> widths;
  unsigned edges = 8;
  bool chooseEdges = false;
  int64_t samples = 512;
  double budget = 0, least = INFINITY;
  std::string method, sensitivity;
  std::vector<std::string> layers; ///< those whose bits are chosen
  BitAssignment fixed;             ///< of the first and the last
  std::vector<std::vector<double>> table;
  std::optional<BitAssignment> best;
  double bestLost = INFINITY;
};

} // namespace

void BitChooser::readOptions() {
  std::string text = getText(step, "bits", "2:3:4:8");
  llvm::SmallVector<StringRef> parts;
  StringRef(text).split(parts, ':');
  for (StringRef part : parts)
    part.getAsInteger(10, widths.emplace_back());
  llvm::sort(widths);
  widths.erase(llvm::unique(widths), widths.end());
  method = getText(step, "method", "cost");
  sensitivity = getText(step, "sensitivity", "loss");
  chooseEdges = getText(step, "edges", "8") == "choose";
  edges = unsigned(getInteger(step, "edges", 8));
  samples = getInteger(step, "samples", 512);
  budget = *session.budget(step);
}

BitAssignment BitChooser::assign(llvm::ArrayRef<size_t> choice) const {
  BitAssignment bits = fixed;
  for (auto [layer, option] : llvm::zip_equal(layers, choice))
    bits[layer] = {widths[option], widths[option]};
  return bits;
}

llvm::Expected<double> BitChooser::exact(const BitAssignment &bits) {
  auto cost = costs.exact(bits);
  if (!cost)
    return cost.takeError();
  least = std::min(least, cost->get(session.options.objective));
  return cost->get(session.options.objective);
}

llvm::Expected<double> BitChooser::lossWith(const BitAssignment &bits) {
  auto plan = planQuantization(session.function(), *session.ranges, bits);
  if (!plan)
    return plan.takeError();
  auto network = session.makeNetwork(*session.network);
  if (!network)
    return network.takeError();
  if (llvm::Error error = (*network)->setPlan(*plan))
    return std::move(error);
  auto evaluation = (*network)->evaluate(session.data.train.spread(samples),
                                         training::Mode::FakeQuantized);
  if (!evaluation)
    return evaluation.takeError();
  return evaluation->loss;
}

/// The rise of the loss with one layer alone at fewer bits, weights and input.
llvm::Error BitChooser::byLoss() {
  auto base = lossWith({});
  if (!base)
    return base.takeError();
  for (size_t l = 0; l < layers.size(); ++l) {
    std::vector<double> &row = table.emplace_back();
    for (unsigned width : widths) {
      double rise = 0;
      if (width < 8) {
        auto loss = lossWith({{layers[l], {width, width}}});
        if (!loss)
          return loss.takeError();
        // A loss that falls by chance is no gain.
        rise = std::max(0.0, *loss - *base);
      }
      row.push_back(rise);
    }
    session.progress->update(double(l + 1));
  }
  return llvm::Error::success();
}

/// Mean trace of the Hessian times the squared rounding error of the weights
/// (HAWQ-V2, arXiv 1911.03852, eq. 8).
llvm::Error BitChooser::byHessian() {
  auto network = session.makeNetwork(*session.network);
  if (!network)
    return network.takeError();
  auto traces = (*network)->hessianTraces(
      layers, session.data.train.spread(samples), samples, /*vectors=*/8,
      session.seedFor(session.stepKey + "/hessian"));
  if (!traces)
    return traces.takeError();
  auto names = nameValues(session.function());
  std::map<std::string, nn::ConstantOp> weights;
  session.function().walk([&](mlir::Operation *op) {
    if (isa<nn::ConvOp, nn::GemmOp>(op))
      if (auto constant = op->getOperand(1).getDefiningOp<nn::ConstantOp>())
        weights[names.lookup(op->getResult(0))] = constant;
  });
  for (size_t l = 0; l < layers.size(); ++l) {
    auto values = nn::readFloats(weights.at(layers[l]).getValue(), INT64_MAX);
    if (!values)
      return llvm::createStringError(std::errc::invalid_argument,
                                     "weights of '%s' cannot be read",
                                     layers[l].c_str());
    std::vector<double> &row = table.emplace_back();
    for (unsigned width : widths) {
      auto plan = planQuantization(session.function(), *session.ranges,
                                   {{layers[l], {width, width}}});
      if (!plan)
        return plan.takeError();
      const WeightQuantizer *quantizer = plan->findWeights(layers[l]);
      IntegerRange integers = weightIntegers(width);
      size_t perRow = values->size() / quantizer->scales.size();
      double squared = 0;
      for (size_t i = 0; i < values->size(); ++i) {
        double scale = quantizer->scales[i / perRow];
        double rounded = std::clamp(std::nearbyint((*values)[i] / scale),
                                    double(integers.min), double(integers.max));
        double error = rounded * scale - (*values)[i];
        squared += error * error;
      }
      // A negative trace (a saddle) must not make rounding a gain.
      row.push_back(std::max(0.0, (*traces)[l]) * squared);
    }
    session.progress->update(double(l + 1));
  }
  return llvm::Error::success();
}

llvm::Error BitChooser::measureSensitivity() {
  auto text = session.memo(
      session.stepKey + "/sensitivity", [&]() -> llvm::Expected<std::string> {
        session.progress->begin("sensitivity of layers", int64_t(layers.size()),
                                0);
        if (llvm::Error error = sensitivity == "loss" ? byLoss() : byHessian())
          return std::move(error);
        session.progress->end();
        std::string result;
        llvm::raw_string_ostream os(result);
        for (const auto &row : table)
          for (double value : row)
            os << llvm::format("%a ", value);
        return result;
      });
  if (!text)
    return text.takeError();
  llvm::SmallVector<StringRef> values;
  StringRef(*text).split(values, ' ', -1, /*KeepEmpty=*/false);
  if (values.size() != layers.size() * widths.size())
    return llvm::createStringError(std::errc::invalid_argument,
                                   "journal: record '%s/sensitivity' is "
                                   "damaged",
                                   session.stepKey.c_str());
  table.assign(layers.size(), std::vector<double>(widths.size()));
  for (size_t i = 0; i < values.size(); ++i)
    (void)values[i].getAsDouble(table[i / widths.size()][i % widths.size()]);
  return llvm::Error::success();
}

llvm::Error
BitChooser::search(llvm::function_ref<std::vector<size_t>(double)> choose) {
  auto attempt = [&](double share) -> llvm::Expected<bool> {
    std::vector<size_t> choice = choose(share);
    BitAssignment bits = assign(choice);
    auto cost = exact(bits);
    if (!cost)
      return cost.takeError();
    if (*cost > budget)
      return false;
    double lost = 0;
    for (size_t l = 0; l < layers.size(); ++l)
      lost += table.empty() ? -share : table[l][choice[l]];
    if (!best || lost < bestLost) {
      best = bits;
      bestLost = lost;
    }
    return true;
  };
  auto whole = attempt(1);
  if (!whole || *whole)
    return whole ? llvm::Error::success() : whole.takeError();
  auto none = attempt(0);
  if (!none)
    return none.takeError();
  double low = 0, high = 1;
  for (unsigned i = 0; i < bisections; ++i) {
    double middle = (low + high) / 2;
    auto fits = attempt(middle);
    if (!fits)
      return fits.takeError();
    (*fits ? low : high) = middle;
  }
  return llvm::Error::success();
}

llvm::Error BitChooser::byKnapsack() {
  if (llvm::Error error = measureSensitivity())
    return error;
  auto measure = [&](const BitAssignment &bits) -> llvm::Expected<double> {
    auto cost = costs.exact(bits);
    if (!cost)
      return cost.takeError();
    if (session.options.objective != Objective::EnergyDelay)
      return cost->get(session.options.objective);
    const NetworkCost &at = session.baseline;
    return at.energyPj * cost->cycles + at.cycles * cost->energyPj;
  };
  std::vector<KnapsackClass> classes;
  double room = 0;
  for (size_t l = 0; l < layers.size(); ++l) {
    KnapsackClass options;
    double low = INFINITY, high = 0;
    for (size_t b = 0; b < widths.size(); ++b) {
      BitAssignment bits = fixed;
      bits[layers[l]] = {widths[b], widths[b]};
      auto cost = measure(bits);
      if (!cost)
        return cost.takeError();
      options.push_back({-table[l][b], *cost});
      low = std::min(low, *cost);
      high = std::max(high, *cost);
    }
    for (KnapsackOption &option : options)
      option.cost -= low;
    room += high - low;
    classes.push_back(std::move(options));
  }
  return search([&](double share) {
    auto solution = solveKnapsack(classes, share * room * (1 + 1e-12), 1 << 15);
    // Every class has an option of cost 0, so there always is a solution.
    return solution ? solution->choice : std::vector<size_t>(layers.size(), 0);
  });
}

/// Sensitivities are of one layer at a time; all layers together may do worse
/// than the widest uniform bits that fit. Measured together, the better goes
/// on.
llvm::Error BitChooser::compareWithUniform() {
  for (unsigned width : llvm::reverse(widths)) {
    BitAssignment bits = uniformBits(session.function(), {width, width}, edges);
    auto cost = exact(bits);
    if (!cost)
      return cost.takeError();
    if (*cost > budget)
      continue;
    if (best) {
      auto mixed = lossWith(*best), uniform = lossWith(bits);
      if (!mixed || !uniform)
        return llvm::joinErrors(mixed.takeError(), uniform.takeError());
      if (*mixed <= *uniform)
        return llvm::Error::success();
    }
    best = std::move(bits);
    return llvm::Error::success();
  }
  return llvm::Error::success();
}

/// The same bits everywhere (the widest that fit), or bits at random.
llvm::Error BitChooser::byControl(bool isRandom) {
  SplitMix64 random({session.seedFor(session.stepKey + "/random")});
  std::vector<double> draws;
  draws.reserve(layers.size());
  for (size_t l = 0; l < layers.size(); ++l)
    draws.push_back(isRandom ? random.uniform() : 1.0);
  return search([&](double share) {
    std::vector<size_t> choice;
    choice.reserve(layers.size());
    for (double draw : draws) {
      double level = isRandom
                         ? std::pow(draw, (1 - share) / std::max(share, 1e-3))
                         : share;
      choice.push_back(
          std::min(widths.size() - 1, size_t(level * double(widths.size()))));
    }
    return choice;
  });
}

llvm::Error BitChooser::run() {
  readOptions();
  if (llvm::Error error = session.fuse())
    return error;
  if (!session.ranges)
    if (llvm::Error error = session.calibrate("minmax", 512))
      return error;
  std::vector<std::string> all = arrayLayers(session.function());
  for (const std::string &layer : all) {
    if (!chooseEdges && (layer == all.front() || layer == all.back()))
      fixed[layer] = {edges, edges};
    else
      layers.push_back(layer);
  }
  if (layers.empty())
    return llvm::createStringError(
        std::errc::invalid_argument,
        "--steps: 'mixed-precision': expected layers between the first and "
        "the last, got none");
  llvm::Error error =
      method == "cost" ? byKnapsack() : byControl(method == "random");
  if (!error && method == "cost")
    error = compareWithUniform();
  if (error)
    return error;
  if (!best)
    return session.outOfReach("fewer bits", budget, least);
  session.bits = *best;
  return session.addCandidate(session.stepKey).takeError();
}

llvm::Error accopt::runMixedPrecision(Session &session, const StepSpec &step) {
  return BitChooser(session, step).run();
}
