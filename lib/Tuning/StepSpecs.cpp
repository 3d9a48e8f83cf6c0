//===- StepSpecs.cpp - The language of --steps ----------------------------===//
//
// Part of AccOpt. The one list of steps and their options: parsing, help and
// error messages come from it.
//
//===----------------------------------------------------------------------===//

#include "accopt/Tuning/Tune.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <cmath>
#include <functional>

using namespace accopt;
using llvm::StringRef;

namespace {

/// An option with what its value must be.
struct OptionHelp {
  const char *name, *help;
  std::string expected;
  std::function<bool(StringRef)> accepts;
};
struct StepHelp {
  const char *name, *help;
  std::vector<OptionHelp> options;
};

OptionHelp integer(const char *name, const char *help, int64_t least,
                   int64_t most = INT64_MAX) {
  std::string expected = "an integer of at least " + std::to_string(least);
  if (most != INT64_MAX)
    expected = "an integer from " + std::to_string(least) + " to " +
               std::to_string(most);
  return {name, help, std::move(expected), [=](StringRef text) {
            int64_t value = 0;
            return !text.getAsInteger(10, value) && value >= least &&
                   value <= most;
          }};
}

OptionHelp choice(const char *name, const char *help,
                  std::vector<std::string> choices) {
  return {name, help, "one of " + llvm::join(choices, ", "),
          [=](StringRef text) { return llvm::is_contained(choices, text); }};
}

OptionHelp positive(const char *name, const char *help) {
  return {name, help, "a number above 0", [](StringRef text) {
            double value = 0;
            return !text.getAsDouble(value) && std::isfinite(value) &&
                   value > 0;
          }};
}

/// One of two forms.
OptionHelp either(OptionHelp first, const OptionHelp &second) {
  first.expected += ", or " + second.expected;
  first.accepts = [one = first.accepts, other = second.accepts](
                      StringRef text) { return one(text) || other(text); };
  return first;
}

OptionHelp budgetOption() {
  return {"budget", "of this step; default: --budget",
          "a share such as 50% or a number", [](StringRef text) {
            llvm::Expected<Budget> budget = parseBudget(text);
            bool isGood = bool(budget);
            llvm::consumeError(budget.takeError());
            return isGood;
          }};
}

OptionHelp widthsOption() {
  return {"bits", "to choose from, as 2:3:4:8 (default)",
          "widths of 2 to 8 as 2:3:4:8", [](StringRef text) {
            llvm::SmallVector<StringRef> parts;
            text.split(parts, ':');
            return llvm::all_of(parts, integer("", "", 2, 8).accepts);
          }};
}

OptionHelp rangeMethod() {
  return {"method", "minmax (default), percentile[=P] or mse",
          "minmax, percentile, percentile=99.99 or mse", [](StringRef text) {
            double share = 0;
            if (text.consume_front("percentile="))
              return !text.getAsDouble(share) && share > 50 && share <= 100;
            return text == "minmax" || text == "percentile" || text == "mse";
          }};
}

const std::vector<StepHelp> &allSteps() {
  const char *edges = "bits of the first and the last layer (8)";
  static const std::vector<StepHelp> steps = {
      {"evaluate",
       "measure the network as it is and keep it as a candidate",
       {}},
      {"calibrate",
       "choose ranges of activations from training data",
       {rangeMethod(), integer("samples", "how many samples (512)", 1)}},
      {"finetune",
       "train in float",
       {integer("epochs", "default: --epochs", 0),
        positive("learning-rate", "default: --learning-rate")}},
      {"prune",
       "remove channels and residual blocks until the budget is met",
       {budgetOption(),
        choice("method",
               "cost (default): knapsack on the compiler's cost; flops: on "
               "MACs; uniform: the same share everywhere; random: random "
               "widths",
               {"cost", "flops", "uniform", "random"}),
        choice("importance", "taylor (default), magnitude or activation",
               {"taylor", "magnitude", "activation"}),
        either(choice("granularity",
                      "auto (default): every width, the cost decides; array: "
                      "multiples of the array's columns; or a number of "
                      "channels",
                      {"auto", "array"}),
               integer("", "", 1)),
        integer("rounds", "steps towards the budget (3)", 1, 1000),
        integer("round-epochs", "training between them (a quarter of epochs)",
                0),
        integer("epochs", "training at the end (--epochs)", 0),
        positive("learning-rate", "default: --learning-rate"),
        integer("samples", "for importance (1024)", 1),
        choice("blocks", "yes (default) or no: may remove residual blocks",
               {"yes", "no"})}},
      {"mixed-precision",
       "choose bits for each layer",
       {budgetOption(), widthsOption(),
        choice("method", "cost (default), uniform or random",
               {"cost", "uniform", "random"}),
        choice("sensitivity",
               "loss (default): measured on data; hessian: trace times squared "
               "rounding error of the weights",
               {"loss", "hessian"}),
        either(choice("edges",
                      "bits of the first and the last layer (8), or choose",
                      {"choose"}),
               integer("", "", 2, 8)),
        integer("samples", "for sensitivity (512)", 1)}},
      {"qat",
       "quantization-aware training (LSQ)",
       {integer("bits",
                "of weights and activations where no step before chose (8)", 2,
                8),
        integer("weights", "of weights alone", 2, 8),
        integer("activations", "of activations alone", 2, 8),
        integer("edges", edges, 2, 8),
        integer("epochs", "default: --epochs; 0 is post-training quantization",
                0),
        positive("learning-rate", "default: --learning-rate")}}};
  return steps;
}

llvm::Error stepError(const llvm::Twine &message) {
  return llvm::createStringError("--steps: " + message);
}

template <typename T> std::string namesOf(const std::vector<T> &items) {
  return llvm::join(
      llvm::map_range(items, [](const T &item) { return item.name; }), ", ");
}

llvm::Expected<StepSpec> parseStep(StringRef text) {
  StepSpec spec;
  spec.text = text.str();
  auto [name, rest] = text.split('{');
  spec.name = name.trim().str();
  auto step = llvm::find_if(
      allSteps(), [&](const StepHelp &s) { return spec.name == s.name; });
  if (step == allSteps().end())
    return stepError("expected one of " + namesOf(allSteps()) + ", got '" +
                     spec.name + "'");
  if (name.size() == text.size())
    return spec;
  if (!rest.consume_back("}"))
    return stepError("expected '}' at the end of '" + text + "'");
  llvm::SmallVector<StringRef> parts;
  rest.split(parts, ',', -1, /*KeepEmpty=*/false);
  for (StringRef part : parts) {
    auto [key, value] = part.split('=');
    key = key.trim();
    auto option = llvm::find_if(
        step->options, [&](const OptionHelp &o) { return key == o.name; });
    if (option == step->options.end())
      return stepError("'" + spec.name + "' has " +
                       (step->options.empty()
                            ? "no options"
                            : "the options " + namesOf(step->options)) +
                       ", got '" + key + "'");
    if (value.trim().empty())
      return stepError("expected a value for '" + key + "' of '" + spec.name +
                       "'");
    if (!option->accepts(value.trim()))
      return stepError("'" + key + "' of '" + spec.name + "': expected " +
                       option->expected + ", got '" + value.trim() + "'");
    if (!spec.options.emplace(key.str(), value.trim().str()).second)
      return stepError("'" + key + "' of '" + spec.name + "' is given twice");
  }
  return spec;
}

/// A step may need what a step before it took away.
llvm::Error checkOrder(llvm::ArrayRef<StepSpec> steps) {
  bool isFolded = false, isQuantized = false;
  for (const StepSpec &step : steps) {
    if (step.name == "prune" && isFolded)
      return stepError("expected 'prune' before 'calibrate', "
                       "'mixed-precision' and 'qat': channels are removed "
                       "while normalizations are still there");
    if (step.name == "finetune" && isQuantized)
      return stepError("'finetune' trains in float, expected it before 'qat'");
    if (step.name == "mixed-precision" && isQuantized)
      return stepError("expected 'mixed-precision' before 'qat'");
    isQuantized |= step.name == "qat";
    isFolded |= isQuantized || step.name == "calibrate" ||
                step.name == "mixed-precision";
  }
  return llvm::Error::success();
}

} // namespace

llvm::Expected<std::vector<StepSpec>> accopt::parseSteps(StringRef text) {
  std::vector<StepSpec> steps;
  size_t begin = 0;
  int depth = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    char c = i < text.size() ? text[i] : ',';
    depth += (c == '{') - (c == '}');
    if (i < text.size() && (c != ',' || depth > 0))
      continue;
    StringRef part = text.slice(begin, i).trim();
    begin = i + 1;
    if (part.empty())
      return stepError("expected a step between commas in '" + text + "'");
    llvm::Expected<StepSpec> step = parseStep(part);
    if (!step)
      return step.takeError();
    steps.push_back(std::move(*step));
  }
  if (llvm::Error error = checkOrder(steps))
    return std::move(error);
  return steps;
}

std::string accopt::describeSteps() {
  std::string text;
  llvm::raw_string_ostream os(text);
  for (const StepHelp &step : allSteps()) {
    os << "  " << step.name << ": " << step.help << '\n';
    for (const OptionHelp &option : step.options)
      os << "      " << option.name << ": " << option.help << '\n';
  }
  return text;
}

llvm::Expected<Budget> accopt::parseBudget(StringRef text) {
  Budget budget;
  StringRef number = text.trim();
  budget.isShare = number.consume_back("%");
  if (number.getAsDouble(budget.value) || !std::isfinite(budget.value) ||
      !(budget.value > 0))
    return llvm::createStringError(
        "expected a budget such as 50% or 120000, got '" + text + "'");
  if (budget.isShare)
    budget.value /= 100;
  return budget;
}
