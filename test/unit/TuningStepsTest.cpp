//===- TuningStepsTest.cpp - The language of --steps and --budget ---------===//

#include "accopt/Tuning/Tune.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace accopt;
using testing::ElementsAre;
using testing::Pair;

namespace {
std::string stepsError(llvm::StringRef text) {
  auto steps = parseSteps(text);
  return steps ? "no error" : llvm::toString(steps.takeError());
}
std::string budgetError(llvm::StringRef text) {
  auto budget = parseBudget(text);
  return budget ? "no error" : llvm::toString(budget.takeError());
}
} // namespace

TEST(TuningSteps, NamesAndOptions) {
  auto steps = parseSteps(
      " prune{ budget = 50% , rounds=3},mixed-precision{bits=2:4},qat ");
  ASSERT_TRUE(bool(steps)) << llvm::toString(steps.takeError());
  ASSERT_EQ(steps->size(), 3u);
  const StepSpec &prune = (*steps)[0];
  EXPECT_EQ(prune.name, "prune");
  EXPECT_EQ(prune.text, "prune{ budget = 50% , rounds=3}");
  EXPECT_THAT(prune.options,
              ElementsAre(Pair("budget", "50%"), Pair("rounds", "3")));
  EXPECT_EQ((*steps)[1].name, "mixed-precision");
  EXPECT_THAT((*steps)[1].options, ElementsAre(Pair("bits", "2:4")));
  EXPECT_EQ((*steps)[2].name, "qat");
  EXPECT_EQ((*steps)[2].text, "qat");
  EXPECT_TRUE((*steps)[2].options.empty());
}

TEST(TuningSteps, AStepMayComeTwiceAndHaveEmptyBraces) {
  auto steps = parseSteps("evaluate{},qat,evaluate");
  ASSERT_TRUE(bool(steps)) << llvm::toString(steps.takeError());
  ASSERT_EQ(steps->size(), 3u);
  EXPECT_EQ((*steps)[0].name, "evaluate");
  EXPECT_TRUE((*steps)[0].options.empty());
  EXPECT_EQ((*steps)[2].name, "evaluate");
}

TEST(TuningSteps, UnknownStep) {
  const std::string known = "--steps: expected one of evaluate, calibrate, "
                            "finetune, prune, mixed-precision, qat, got ";
  EXPECT_EQ(stepsError("prun"), known + "'prun'");
  EXPECT_EQ(stepsError("qat,Prune{budget=50%}"), known + "'Prune'");
  EXPECT_EQ(stepsError("{epochs=3}"), known + "''");
  EXPECT_EQ(stepsError("qat}"), known + "'qat}'");
}

TEST(TuningSteps, UnknownOption) {
  EXPECT_EQ(stepsError("calibrate{bits=4}"),
            "--steps: 'calibrate' has the options method, samples, got 'bits'");
  EXPECT_EQ(stepsError("finetune{=4}"), "--steps: 'finetune' has the options "
                                        "epochs, learning-rate, got ''");
  EXPECT_EQ(stepsError("evaluate{samples=4}"),
            "--steps: 'evaluate' has no options, got 'samples'");
}

TEST(TuningSteps, OptionsWithoutAValueOrTwice) {
  EXPECT_EQ(stepsError("qat{bits}"),
            "--steps: expected a value for 'bits' of 'qat'");
  EXPECT_EQ(stepsError("qat{bits= }"),
            "--steps: expected a value for 'bits' of 'qat'");
  EXPECT_EQ(stepsError("qat{bits=4,epochs=1,bits=4}"),
            "--steps: 'bits' of 'qat' is given twice");
}

TEST(TuningSteps, ValuesOfOptions) {
  auto expected = [](llvm::StringRef option, llvm::StringRef step,
                     llvm::StringRef form, llvm::StringRef got) {
    return ("--steps: '" + option + "' of '" + step + "': expected " + form +
            ", got '" + got + "'")
        .str();
  };
  EXPECT_EQ(stepsError("qat{bits=1}"),
            expected("bits", "qat", "an integer from 2 to 8", "1"));
  EXPECT_EQ(stepsError("qat{learning-rate=nan}"),
            expected("learning-rate", "qat", "a number above 0", "nan"));
  EXPECT_EQ(
      stepsError("prune{budget=none}"),
      expected("budget", "prune", "a share such as 50% or a number", "none"));
  EXPECT_EQ(stepsError("prune{method=best}"),
            expected("method", "prune", "one of cost, flops, uniform, random",
                     "best"));
  EXPECT_EQ(stepsError("prune{granularity=0}"),
            expected("granularity", "prune",
                     "one of auto, array, or an integer of at least 1", "0"));
  EXPECT_EQ(stepsError("mixed-precision{bits=4:9}"),
            expected("bits", "mixed-precision", "widths of 2 to 8 as 2:3:4:8",
                     "4:9"));
  EXPECT_EQ(stepsError("calibrate{method=percentile=101}"),
            expected("method", "calibrate",
                     "minmax, percentile, percentile=99.99 or mse",
                     "percentile=101"));
  EXPECT_EQ(stepsError("calibrate{method=percentile=99.9},"
                       "mixed-precision{bits=2:8,edges=choose},qat{edges=4}"),
            "no error");
}

TEST(TuningSteps, Order) {
  EXPECT_EQ(stepsError("qat,prune"),
            "--steps: expected 'prune' before 'calibrate', 'mixed-precision' "
            "and 'qat': channels are removed while normalizations are still "
            "there");
  EXPECT_EQ(stepsError("qat,finetune"),
            "--steps: 'finetune' trains in float, expected it before 'qat'");
  EXPECT_EQ(stepsError("qat,mixed-precision"),
            "--steps: expected 'mixed-precision' before 'qat'");
  EXPECT_EQ(stepsError("prune,finetune,prune,calibrate,mixed-precision,qat,"
                       "qat"),
            "no error");
}

TEST(TuningSteps, CommasAndBraces) {
  EXPECT_EQ(stepsError(""), "--steps: expected a step between commas in ''");
  EXPECT_EQ(stepsError("qat,"),
            "--steps: expected a step between commas in 'qat,'");
  EXPECT_EQ(stepsError("qat, ,prune"),
            "--steps: expected a step between commas in 'qat, ,prune'");
  EXPECT_EQ(stepsError("qat{bits=4"),
            "--steps: expected '}' at the end of 'qat{bits=4'");
  EXPECT_EQ(stepsError("qat{bits=4}s"),
            "--steps: expected '}' at the end of 'qat{bits=4}s'");
}

TEST(TuningSteps, EveryStepIsDescribedAndParses) {
  std::string help = describeSteps();
  for (const char *name : {"evaluate", "calibrate", "finetune", "prune",
                           "mixed-precision", "qat"}) {
    EXPECT_NE(help.find(std::string("  ") + name + ": "), std::string::npos)
        << name;
    EXPECT_EQ(stepsError(name), "no error");
  }
}

TEST(TuningBudget, SharesAndNumbers) {
  auto share = parseBudget(" 62.5% ");
  ASSERT_TRUE(bool(share)) << llvm::toString(share.takeError());
  EXPECT_TRUE(share->isShare);
  EXPECT_EQ(share->value, 0.625);
  EXPECT_EQ(share->of(2000), 1250);
  auto number = parseBudget("1.5e6");
  ASSERT_TRUE(bool(number)) << llvm::toString(number.takeError());
  EXPECT_FALSE(number->isShare);
  EXPECT_EQ(number->value, 1.5e6);
  EXPECT_EQ(number->of(2000), 1.5e6);
}

TEST(TuningBudget, Errors) {
  for (const char *text : {"", "%", "half", "50 percent", "0", "0%", "-5",
                           "-50%", "nan", "inf", "inf%", "50%%", "1e999"})
    EXPECT_EQ(budgetError(text),
              "expected a budget such as 50% or 120000, got '" +
                  std::string(text) + "'");
}
