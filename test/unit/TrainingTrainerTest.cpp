//===- TrainingTrainerTest.cpp - Losses, optimizers, epochs ---------------===//
//
// Part of AccOpt. Numbers are PyTorch's, computed by it (the Python lines are
// above them), or follow by hand.
//
//===----------------------------------------------------------------------===//

#include "accopt/Training/Trainer.h"
#include "dialects/NN/NNOps.h"
#include "lib/Training/Losses.h"
#include "lib/Training/NetworkImpl.h"
#include "lib/Training/Optimizer.h"
#include "lib/Training/Schedule.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"

#include <cmath>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

using namespace accopt;
using namespace accopt::training;
using testing::HasSubstr;

namespace {

//===----------------------------------------------------------------------===//
// Losses, schedules, optimizers
//===----------------------------------------------------------------------===//

// logits = torch.tensor([[1., 2, -1], [0, .5, 3]]); labels = torch.tensor([1,
// 0])
at::Tensor someLogits() {
  return at::tensor({1.f, 2.f, -1.f, 0.f, 0.5f, 3.f}).reshape({2, 3});
}
at::Tensor someLabels() { return at::tensor({1, 0}).to(at::kLong); }

TEST(Losses, CrossEntropyIsPyTorchs) {
  // -log p by hand: 2 - log(e + e^2 + e^-1) = -0.34901; 0 - log(1 + e^.5 + e^3)
  double first = std::log(std::exp(1) + std::exp(2) + std::exp(-1)) - 2;
  double second = std::log(1 + std::exp(0.5) + std::exp(3));
  EXPECT_NEAR(crossEntropy(someLogits(), someLabels(), 0).item<double>(),
              (first + second) / 2, 1e-6);
  at::Tensor theirs = at::cross_entropy_loss(someLogits(), someLabels(), {},
                                             at::Reduction::Mean, -100, 0.2);
  EXPECT_NEAR(crossEntropy(someLogits(), someLabels(), 0.2).item<double>(),
              theirs.item<double>(), 1e-6);
}

TEST(Losses, DistillationIsPyTorchs) {
  at::Tensor student = someLogits(), teacher = someLogits().flip(1);
  double t = 3;
  at::Tensor theirs =
      at::kl_div(at::log_softmax(student / t, 1),
                 at::log_softmax(teacher / t, 1), at::Reduction::Sum,
                 /*log_target=*/true) /
      2 * t * t;
  EXPECT_NEAR(distillationLoss(student, teacher, t).item<double>(),
              theirs.item<double>(), 1e-6);
  EXPECT_NEAR(distillationLoss(student, student, t).item<double>(), 0, 1e-7);
}

TEST(Schedules, FollowTheirFormulas) {
  TrainingOptions options;
  options.epochs = 10;
  options.learningRate = 2;
  options.warmupEpochs = 2;
  EXPECT_DOUBLE_EQ(learningRate(options, 0), 0);
  EXPECT_DOUBLE_EQ(learningRate(options, 1), 1);
  EXPECT_DOUBLE_EQ(learningRate(options, 2), 2);
  EXPECT_NEAR(learningRate(options, 6), 1, 1e-12);
  EXPECT_NEAR(learningRate(options, 10), 0, 1e-12);
  options.schedule = ScheduleKind::Step;
  options.warmupEpochs = 0;
  options.stepEpochs = 4;
  options.stepFactor = 0.5;
  EXPECT_DOUBLE_EQ(learningRate(options, 3.9), 2);
  EXPECT_DOUBLE_EQ(learningRate(options, 4), 1);
  EXPECT_DOUBLE_EQ(learningRate(options, 8.5), 0.5);
  options.schedule = ScheduleKind::Constant;
  EXPECT_DOUBLE_EQ(learningRate(options, 8.5), 2);
}

/// Minimizes x^2 / 2 from x = 1: the gradient is x.
std::vector<double> descend(OptimizerKind kind, double decay, double momentum,
                            int steps) {
  at::Tensor x = at::ones({1}).set_requires_grad(true);
  Optimizer optimizer({{{x}, kind, decay, 1}}, momentum);
  std::vector<double> path;
  for (int i = 0; i < steps; ++i) {
    optimizer.clearGradients();
    torch::autograd::backward({(x * x / 2).sum()});
    optimizer.step(0.1);
    path.push_back(x.item<double>());
  }
  return path;
}

TEST(Optimizers, FollowTheirFormulas) {
  double x = 1, velocity = 0;
  for (double got : descend(OptimizerKind::Sgd, 0.5, 0.9, 4)) {
    velocity = 0.9 * velocity + (x + 0.5 * x);
    x -= 0.1 * velocity;
    EXPECT_NEAR(got, x, 1e-6);
  }
  x = 1;
  double first = 0, second = 0;
  int t = 0;
  for (double got : descend(OptimizerKind::AdamW, 0.5, 0, 4)) {
    ++t;
    double g = x;
    x -= 0.1 * 0.5 * x;
    first = 0.9 * first + 0.1 * g;
    second = 0.999 * second + 0.001 * g * g;
    x -= 0.1 * (first / (1 - std::pow(0.9, t))) /
         (std::sqrt(second / (1 - std::pow(0.999, t))) + 1e-8);
    EXPECT_NEAR(got, x, 1e-6);
  }
}

TEST(Optimizers, ClipTheCommonNorm) {
  at::Tensor a = at::zeros({1}).set_requires_grad(true);
  at::Tensor b = at::zeros({1}).set_requires_grad(true);
  Optimizer optimizer(
      {{{a}, OptimizerKind::Sgd, 0, 1}, {{b}, OptimizerKind::Sgd, 0, 0.5}}, 0);
  torch::autograd::backward({(3 * a + 4 * b).sum()});
  optimizer.clipGradients(1);
  EXPECT_NEAR(a.grad().item<double>(), 0.6, 1e-6);
  EXPECT_NEAR(b.grad().item<double>(), 0.8, 1e-6);
  optimizer.step(1);
  EXPECT_NEAR(a.item<double>(), -0.6, 1e-6);
  EXPECT_NEAR(b.item<double>(), -0.4, 1e-6);
}

//===----------------------------------------------------------------------===//
// Networks
//===----------------------------------------------------------------------===//

std::string randomValues(int64_t count, unsigned seed, double scale) {
  std::mt19937 random(seed);
  std::string hex = "\"0x";
  for (int64_t i = 0; i < count; ++i) {
    float value = float((double(random()) / 4294967296.0 * 2 - 1) * scale);
    hex += llvm::toHex(llvm::StringRef(reinterpret_cast<char *>(&value), 4));
  }
  return hex + "\"";
}

/// Three layers: a convolution over 1 x 4 x 4, a mean, and a classifier.
std::string smallNetwork() {
  return "func.func @main(%x: tensor<1x1x4x4xf32> {nn.name = \"x\"}) -> "
         "tensor<1x3xf32> {\n"
         "  %w = nn.constant dense<" +
         randomValues(72, 1, 0.5) +
         "> : tensor<8x1x3x3xf32> -> tensor<8x1x3x3xf32>\n"
         "  %b = nn.constant dense<0.0> : tensor<8xf32> -> tensor<8xf32>\n"
         "  %0 = nn.conv %x, %w bias %b {clamp_min = 0.0 : f32, dilations = "
         "array<i64: 1, 1>, groups = 1 : i64, pads = array<i64: 1, 1, 1, 1>, "
         "strides = array<i64: 1, 1>} : (tensor<1x1x4x4xf32>, "
         "tensor<8x1x3x3xf32>, tensor<8xf32>) -> tensor<1x8x4x4xf32>\n"
         "  %1 = nn.reshape %0 : (tensor<1x8x4x4xf32>) -> tensor<1x128xf32>\n"
         "  %v = nn.constant dense<" +
         randomValues(384, 2, 0.2) +
         "> : tensor<3x128xf32> -> tensor<3x128xf32>\n"
         "  %c = nn.constant dense<0.0> : tensor<3xf32> -> tensor<3xf32>\n"
         "  %2 = nn.gemm %1, %v bias %c {alpha = 1.0 : f32, beta = 1.0 : f32, "
         "trans_a = false, trans_b = true} : (tensor<1x128xf32>, "
         "tensor<3x128xf32>, tensor<3xf32>) -> tensor<1x3xf32>\n"
         "  return %2 : tensor<1x3xf32>\n}\n";
}

/// A class is where the bright spot is; noise on top.
Dataset spots(int64_t count, unsigned seed) {
  Dataset data;
  data.sampleShape = {1, 4, 4};
  std::mt19937 random(seed);
  auto uniform = [&] { return double(random()) / 4294967296.0; };
  for (int64_t i = 0; i < count; ++i) {
    int label = int(random() % 3);
    data.labels.push_back(label);
    for (int pixel = 0; pixel < 16; ++pixel)
      data.inputs.push_back(
          float(uniform() * 0.6 + (pixel == label * 5 ? 0.8 : 0)));
  }
  return data;
}

struct Nets {
  Nets() { context.loadDialect<nn::NNDialect, mlir::func::FuncDialect>(); }
  std::unique_ptr<Network> make(const std::string &text) {
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    auto function = module->lookupSymbol<mlir::func::FuncOp>("main");
    return llvm::cantFail(Network::create(function));
  }
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

EpochResult train(Trainer &trainer, int64_t from, int64_t to) {
  EpochResult result;
  for (int64_t epoch = from; epoch < to; ++epoch)
    result = llvm::cantFail(trainer.runEpoch(epoch, {}));
  return result;
}

TEST(Trainer, FitsAndGoesOnFromItsState) {
  Nets nets;
  Dataset data = spots(120, 3), test = spots(60, 4);
  TrainingOptions options;
  options.epochs = 12;
  options.batchSize = 16;
  options.learningRate = 1e-2;
  options.averageDecay = 0.9;
  for (OptimizerKind kind : {OptimizerKind::AdamW, OptimizerKind::Sgd}) {
    options.optimizer = kind;
    auto whole = nets.make(smallNetwork());
    auto trainer =
        llvm::cantFail(Trainer::create(*whole, nullptr, data, options));
    EpochResult last = train(*trainer, 0, options.epochs);
    EXPECT_GT(last.accuracy, 0.95);
    EXPECT_GT(llvm::cantFail(whole->evaluate(test)).accuracy, 0.9);

    auto first = nets.make(smallNetwork());
    auto half = llvm::cantFail(Trainer::create(*first, nullptr, data, options));
    train(*half, 0, 5);
    std::string state = half->saveState();
    auto second = nets.make(smallNetwork());
    auto rest =
        llvm::cantFail(Trainer::create(*second, nullptr, data, options));
    ASSERT_FALSE(bool(rest->loadState(state)));
    EXPECT_EQ(rest->saveState(), state);
    train(*rest, 5, options.epochs);
    EXPECT_EQ(rest->saveState(), trainer->saveState());
    rest->useAverage();
    EXPECT_NE(second->saveState(), whole->saveState());
    trainer->useAverage();
    EXPECT_EQ(second->saveState(), whole->saveState());
  }
}

/// Two bits cost accuracy; training with them brings it back, and the integers
/// decide as the training forward does.
TEST(Trainer, RecoversFromTwoBits) {
  Nets nets;
  Dataset data = spots(240, 3), test = spots(120, 4);
  auto network = nets.make(smallNetwork());
  auto function = nets.module->lookupSymbol<mlir::func::FuncOp>("main");
  TrainingOptions options;
  options.epochs = 8;
  options.batchSize = 16;
  options.learningRate = 1e-2;
  auto first =
      llvm::cantFail(Trainer::create(*network, nullptr, data, options));
  train(*first, 0, options.epochs);
  ASSERT_FALSE(bool(network->store(function)));
  RangeTable ranges = llvm::cantFail(network->collectRanges(data, 240));
  QuantizationPlan plan = llvm::cantFail(
      planQuantization(function, ranges, {{"conv", {2, 8}}, {"gemm", {2, 2}}}));
  EXPECT_EQ(plan.findActivation("conv")->bits, 2u);
  ASSERT_FALSE(bool(network->setPlan(plan)));
  double before = llvm::cantFail(network->evaluate(data, Mode::Integer)).loss;
  options.mode = Mode::FakeQuantized;
  options.learningRate = 5e-3;
  auto second =
      llvm::cantFail(Trainer::create(*network, nullptr, data, options));
  train(*second, 0, options.epochs);
  Evaluation integers = llvm::cantFail(network->evaluate(test, Mode::Integer));
  Evaluation fake =
      llvm::cantFail(network->evaluate(test, Mode::FakeQuantized));
  EXPECT_LT(llvm::cantFail(network->evaluate(data, Mode::Integer)).loss,
            before / 2);
  EXPECT_GT(integers.accuracy, 0.9);
  // A logit may lie on the border of two integers.
  int64_t different = 0;
  for (size_t i = 0; i < fake.decisions.size(); ++i)
    different += fake.decisions[i] != integers.decisions[i];
  EXPECT_LE(different, 1);
}

TEST(Trainer, LearnsFromATeacherAndItsHints) {
  Nets nets;
  Dataset data = spots(120, 3);
  auto teacher = nets.make(smallNetwork());
  TrainingOptions options;
  options.epochs = 8;
  options.learningRate = 1e-2;
  auto first =
      llvm::cantFail(Trainer::create(*teacher, nullptr, data, options));
  train(*first, 0, options.epochs);
  // Labels say nothing: what is learned comes from the teacher.
  Dataset wrong = data;
  std::fill(wrong.labels.begin(), wrong.labels.end(), 0);
  auto student = nets.make(smallNetwork());
  options.distillation = 1;
  options.hints = {"conv"};
  options.hintWeight = 0.1;
  auto second =
      llvm::cantFail(Trainer::create(*student, teacher.get(), wrong, options));
  train(*second, 0, options.epochs);
  EXPECT_GT(llvm::cantFail(student->evaluate(data)).accuracy, 0.9);
}

TEST(Trainer, FitsRegression) {
  Nets nets;
  Dataset data = spots(120, 3);
  // A linear function of the pixels.
  for (int64_t i = 0; i < 120; ++i)
    for (int k = 0; k < 3; ++k)
      data.targets.push_back(data.inputs[i * 16 + k] -
                             data.inputs[i * 16 + 5 + k]);
  data.labels.clear();
  data.targetShape = {3};
  auto network = nets.make(smallNetwork());
  TrainingOptions options;
  options.epochs = 30;
  options.batchSize = 16;
  options.learningRate = 1e-2;
  auto trainer =
      llvm::cantFail(Trainer::create(*network, nullptr, data, options));
  EpochResult first = train(*trainer, 0, 1);
  EpochResult last = train(*trainer, 1, 30);
  EXPECT_LT(last.loss, first.loss / 20);
}

template <typename T> std::string messageOf(llvm::Expected<T> got) {
  return got ? "no error" : llvm::toString(got.takeError());
}

TEST(Trainer, RefusesWhatItCannotTrain) {
  Nets nets;
  auto network = nets.make(smallNetwork());
  Dataset data = spots(20, 3);
  TrainingOptions options;
  auto refusal = [&](const Dataset &given) {
    return messageOf(Trainer::create(*network, nullptr, given, options));
  };
  Dataset wrong = data;
  wrong.labels[7] = 3;
  EXPECT_THAT(refusal(wrong), HasSubstr("expected labels in [0, 3), got 3"));
  wrong = data;
  wrong.sampleShape = {1, 2, 8};
  EXPECT_THAT(refusal(wrong),
              HasSubstr("expected samples of 1x4x4, got 1x2x8"));
  options.distillation = 0.5;
  EXPECT_THAT(refusal(data), HasSubstr("expected a teacher"));
  options.distillation = 0;
  options.mode = Mode::FakeQuantized;
  EXPECT_THAT(refusal(data), HasSubstr("expected a quantization plan"));
  options.mode = Mode::Float;
  options.batchSize = 0;
  EXPECT_THAT(refusal(data), HasSubstr("batch size: expected at least 1"));
  options.batchSize = 4;
  auto relu = nets.make("func.func @main(%x: tensor<1x3xf32>) -> "
                        "tensor<1x3xf32> {\n  %0 = nn.relu %x : "
                        "(tensor<1x3xf32>) -> tensor<1x3xf32>\n  return %0 : "
                        "tensor<1x3xf32>\n}\n");
  EXPECT_THAT(messageOf(Trainer::create(*relu, nullptr, data, options)),
              HasSubstr("expected a network with parameters"));

  wrong = data;
  wrong.inputs[16 * 9] = NAN;
  auto trainer =
      llvm::cantFail(Trainer::create(*network, nullptr, wrong, options));
  std::string message = messageOf(trainer->runEpoch(2, {}));
  EXPECT_THAT(message, HasSubstr("epoch 2, batch"));
  EXPECT_THAT(message, HasSubstr("expected a finite loss, got nan"));
  // The batch that failed left no trace in the parameters.
  EXPECT_TRUE(std::isfinite(llvm::cantFail(network->evaluate(data)).loss));
  EXPECT_THAT(llvm::toString(trainer->loadState("ACCOPTTS")),
              HasSubstr("expected"));
}

} // namespace
