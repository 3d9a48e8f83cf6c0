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

using namespace accopt;
using llvm::StringRef;

namespace {

struct OptionHelp {
  const char *name, *help;
};
struct StepHelp {
  const char *name, *help;
  std::vector<OptionHelp> options;
};

const std::vector<StepHelp> &allSteps() {
  static const std::vector<StepHelp> steps = {
      {"evaluate",
       "measure the network as it is and keep it as a candidate",
       {}},
      {"calibrate",
       "choose ranges of activations from training data",
       {{"method", "minmax (default), percentile[=P] or mse"},
        {"samples", "how many samples (512)"}}},
      {"finetune",
       "train in float",
       {{"epochs", "default: --epochs"},
        {"learning-rate", "default: --learning-rate"}}},
      {"prune",
       "remove channels and residual blocks until the budget is met",
       {{"budget", "of this step; default: --budget"},
        {"method",
         "cost (default): knapsack on the compiler's cost; flops: on MACs; "
         "uniform: the same share everywhere; random: random widths"},
        {"importance", "taylor (default), magnitude or activation"},
        {"granularity",
         "auto (default): every width, the cost decides; array: multiples of "
         "the array's columns; or a number of channels"},
        {"rounds", "steps towards the budget (3)"},
        {"round-epochs", "training between them (a quarter of epochs)"},
        {"epochs", "training at the end (--epochs)"},
        {"learning-rate", "default: --learning-rate"},
        {"samples", "for importance (1024)"},
        {"blocks", "yes (default) or no: may remove residual blocks"}}},
      {"mixed-precision",
       "choose bits for each layer",
       {{"budget", "of this step; default: --budget"},
        {"bits", "to choose from, as 2:3:4:8 (default)"},
        {"method", "cost (default), uniform or random"},
        {"sensitivity",
         "loss (default): measured on data; hessian: trace times squared "
         "rounding error of the weights"},
        {"edges", "bits of the first and the last layer (8), or choose"},
        {"samples", "for sensitivity (512)"}}},
      {"qat",
       "quantization-aware training (LSQ)",
       {{"bits", "of weights and activations where no step before chose (8)"},
        {"weights", "of weights alone"},
        {"activations", "of activations alone"},
        {"edges", "bits of the first and the last layer (8)"},
        {"epochs", "default: --epochs; 0 is post-training quantization"},
        {"learning-rate", "default: --learning-rate"}}}};
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
    if (llvm::none_of(step->options,
                      [&](const OptionHelp &o) { return key == o.name; }))
      return stepError("'" + spec.name + "' has " +
                       (step->options.empty()
                            ? "no options"
                            : "the options " + namesOf(step->options)) +
                       ", got '" + key + "'");
    if (value.trim().empty())
      return stepError("expected a value for '" + key + "' of '" + spec.name +
                       "'");
    if (!spec.options.emplace(key.str(), value.trim().str()).second)
      return stepError("'" + key + "' of '" + spec.name + "' is given twice");
  }
  return spec;
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
