//===- TrainingExecutorTest.cpp - Forward, backward, parameters -----------===//
//
// Gradients are held to central differences in double; that values are right is
// shown against onnxruntime (test/integration/training-ops.test), and gradients
// of a whole network against PyTorch (training-gradients.test).
//
//===----------------------------------------------------------------------===//

#include "lib/Training/NetworkImpl.h"

#include "dialects/NN/NNOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Parser/Parser.h"

#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

using namespace accopt;
using namespace accopt::training;

namespace {
/// A parsed function and a network of it.
struct Fixture {
  explicit Fixture(const std::string &text, const std::string &device = "cpu")
      : context(makeRegistry()) {
    context.loadAllAvailableDialects();
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    if (!module) {
      error = "does not parse";
      return;
    }
    function = *module->getOps<mlir::func::FuncOp>().begin();
    auto made = Network::create(function, {device});
    if (made)
      network = std::move(*made);
    else
      error = llvm::toString(made.takeError());
  }

  static mlir::DialectRegistry makeRegistry() {
    mlir::DialectRegistry registry;
    registry.insert<nn::NNDialect, mlir::func::FuncDialect,
                    mlir::quant::QuantDialect>();
    return registry;
  }

  GraphExecutor &executor() { return network->getImpl().executor; }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp function;
  std::unique_ptr<Network> network;
  std::string error;
};

/// f(%x: `input`) of one op, whose constants are %c0, %c1, ... of `constants`.
std::string oneOp(const std::string &input,
                  const std::vector<std::string> &constants,
                  const std::string &op, const std::string &result) {
  std::string text =
      "func.func @f(%x: tensor<" + input + ">) -> tensor<" + result + "> {\n";
  for (size_t i = 0; i < constants.size(); ++i)
    text += "  %c" + std::to_string(i) + " = nn.constant dense<1.0> : tensor<" +
            constants[i] + "> -> tensor<" + constants[i] + ">\n";
  return text + "  %y = " + op + "\n  return %y : tensor<" + result + ">\n}\n";
}

at::Tensor randomTensor(std::mt19937_64 &rng, at::IntArrayRef shape) {
  std::normal_distribution<double> normal;
  at::Tensor tensor = at::empty(shape, at::kDouble);
  for (int64_t i = 0; i < tensor.numel(); ++i)
    tensor.mutable_data_ptr<double>()[i] = normal(rng);
  return tensor;
}

uint64_t drawSeed() {
  uint64_t seed = std::random_device()();
  if (const char *given = std::getenv("ACCOPT_TEST_SEED"))
    seed = std::strtoull(given, nullptr, 10);
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

/// Largest difference of the gradient of a random linear form of the result
/// from difference quotients, over the input and all parameters that require
/// gradients, relative to the gradient's largest element.
double gradientError(Fixture &fixture, std::mt19937_64 &rng, bool isTraining) {
  const Graph &graph = fixture.executor().graph();
  std::vector<at::Tensor> leaves;
  std::vector<at::Tensor> &parameters = fixture.executor().parameters();
  for (size_t i = 0; i < parameters.size(); ++i) {
    Role role = graph.parameters[i].role;
    at::Tensor value = randomTensor(rng, parameters[i].sizes());
    // No divisor is near zero, no variance negative.
    value = value + 0.5 * at::sign(value);
    if (role == Role::NormVariance)
      value = value.abs();
    value.set_requires_grad(role != Role::NormMean &&
                            role != Role::NormVariance);
    parameters[i] = value;
    if (value.requires_grad())
      leaves.push_back(value);
  }
  at::Tensor input = randomTensor(rng, graph.values[graph.arguments[0]].shape);
  input.set_requires_grad(true);
  leaves.push_back(input);
  at::Tensor form = randomTensor(rng, graph.values[graph.results[0]].shape);
  auto loss = [&] {
    return (fixture.executor().run({input}, isTraining)[0] * form).sum();
  };
  loss().backward();

  at::NoGradGuard noGrad;
  double here = loss().item<double>();
  double worst = 0, largest = 1e-3;
  for (at::Tensor &leaf : leaves) {
    double *data = leaf.mutable_data_ptr<double>();
    for (int64_t i = 0; i < leaf.numel(); ++i) {
      constexpr double step = 1e-6;
      double saved = data[i];
      data[i] = saved + step;
      double above = loss().item<double>();
      data[i] = saved - step;
      double below = loss().item<double>();
      data[i] = saved;
      double actual = leaf.grad().const_data_ptr<double>()[i];
      // Where a clamp's corner lies within the step on one side, the other
      // side still has the derivative.
      double error = std::numeric_limits<double>::infinity();
      for (double expected : {(above - below) / (2 * step),
                              (above - here) / step, (here - below) / step})
        error = std::min(error, std::abs(expected - actual));
      worst = std::max(worst, error);
      largest = std::max(largest, std::abs(actual));
    }
  }
  return worst / largest;
}

struct GradientCase {
  const char *name, *input;
  std::vector<std::string> constants;
  const char *op, *result;
  bool isTraining = false;
};
} // namespace

static const GradientCase gradientCases[] = {
    {"conv",
     "2x4x5x4xf32",
     {"6x2x3x2xf32", "6xf32", "2x6x3x5xf32"},
     "nn.conv %x, %c0 bias %c1 residual %c2 {clamp_min = -4.0 : f32, clamp_max "
     "= 3.0 : f32, dilations = array<i64: 1, 2>, groups = 2 : i64, pads = "
     "array<i64: 1, 2, 1, 1>, strides = array<i64: 2, 1>} : "
     "(tensor<2x4x5x4xf32>, tensor<6x2x3x2xf32>, tensor<6xf32>, "
     "tensor<2x6x3x5xf32>) -> tensor<2x6x3x5xf32>",
     "2x6x3x5xf32"},
    {"conv_1d",
     "2x3x7xf32",
     {"4x3x3xf32"},
     "nn.conv %x, %c0 {clamp_min = 0.0 : f32, dilations = array<i64: 1>, "
     "groups = 1 : i64, pads = array<i64: 1, 1>, strides = array<i64: 2>} : "
     "(tensor<2x3x7xf32>, tensor<4x3x3xf32>) -> tensor<2x4x4xf32>",
     "2x4x4xf32"},
    {"gemm",
     "3x4xf32",
     {"5x4xf32", "5xf32", "3x5xf32"},
     "nn.gemm %x, %c0 bias %c1 residual %c2 {alpha = 0.5 : f32, beta = 2.0 : "
     "f32, trans_a = false, trans_b = true} : (tensor<3x4xf32>, "
     "tensor<5x4xf32>, tensor<5xf32>, tensor<3x5xf32>) -> tensor<3x5xf32>",
     "3x5xf32"},
    {"matmul",
     "2x3x4xf32",
     {"4x5xf32"},
     "nn.matmul %x, %c0 : (tensor<2x3x4xf32>, tensor<4x5xf32>) -> "
     "tensor<2x3x5xf32>",
     "2x3x5xf32"},
    {"add",
     "2x3x2xf32",
     {"3x1xf32"},
     "nn.add %x, %c0 {clamp_max = 1.0 : f32} : (tensor<2x3x2xf32>, "
     "tensor<3x1xf32>) -> tensor<2x3x2xf32>",
     "2x3x2xf32"},
    {"sub",
     "2x3x2xf32",
     {"3x1xf32"},
     "nn.sub %c0, %x : (tensor<3x1xf32>, tensor<2x3x2xf32>) -> "
     "tensor<2x3x2xf32>",
     "2x3x2xf32"},
    {"mul",
     "2x3x2xf32",
     {"3x1xf32"},
     "nn.mul %x, %c0 : (tensor<2x3x2xf32>, tensor<3x1xf32>) -> "
     "tensor<2x3x2xf32>",
     "2x3x2xf32"},
    {"div",
     "2x3x2xf32",
     {"3x1xf32"},
     "nn.div %x, %c0 : (tensor<2x3x2xf32>, tensor<3x1xf32>) -> "
     "tensor<2x3x2xf32>",
     "2x3x2xf32"},
    {"relu",
     "2x9xf32",
     {},
     "nn.relu %x : (tensor<2x9xf32>) -> tensor<2x9xf32>",
     "2x9xf32"},
    {"clip",
     "2x9xf32",
     {},
     "nn.clip %x {minimum = -0.5 : f32, maximum = 0.7 : f32} : "
     "(tensor<2x9xf32>) -> tensor<2x9xf32>",
     "2x9xf32"},
    {"leaky_relu",
     "2x9xf32",
     {},
     "nn.leaky_relu %x {alpha = 0.1 : f32} : (tensor<2x9xf32>) -> "
     "tensor<2x9xf32>",
     "2x9xf32"},
    {"sigmoid",
     "2x9xf32",
     {},
     "nn.sigmoid %x : (tensor<2x9xf32>) -> tensor<2x9xf32>",
     "2x9xf32"},
    {"hard_sigmoid",
     "2x9xf32",
     {},
     "nn.hard_sigmoid %x {alpha = 0.4 : f32, beta = 0.5 : f32} : "
     "(tensor<2x9xf32>) -> tensor<2x9xf32>",
     "2x9xf32"},
    {"hard_swish",
     "2x9xf32",
     {},
     "nn.hard_swish %x : (tensor<2x9xf32>) -> tensor<2x9xf32>",
     "2x9xf32"},
    {"batch_norm",
     "4x3x2x2xf32",
     {"3xf32", "3xf32", "3xf32", "3xf32"},
     "nn.batch_norm %x, %c0, %c1, %c2, %c3 {epsilon = 1.0e-3 : f32} : "
     "(tensor<4x3x2x2xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, "
     "tensor<3xf32>) -> tensor<4x3x2x2xf32>",
     "4x3x2x2xf32"},
    {"batch_norm_training",
     "4x3x2x2xf32",
     {"3xf32", "3xf32", "3xf32", "3xf32"},
     "nn.batch_norm %x, %c0, %c1, %c2, %c3 {epsilon = 1.0e-3 : f32} : "
     "(tensor<4x3x2x2xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, "
     "tensor<3xf32>) -> tensor<4x3x2x2xf32>",
     "4x3x2x2xf32",
     true},
    {"softmax",
     "2x5xf32",
     {},
     "nn.softmax %x {axis = 1 : i64} : (tensor<2x5xf32>) -> tensor<2x5xf32>",
     "2x5xf32"},
    {"lrn",
     "1x6x2x2xf32",
     {},
     "nn.lrn %x {alpha = 0.5 : f32, beta = 0.75 : f32, bias = 1.0 : f32, size "
     "= 4 : i64} : (tensor<1x6x2x2xf32>) -> tensor<1x6x2x2xf32>",
     "1x6x2x2xf32"},
    {"reduce_mean",
     "2x3x4xf32",
     {},
     "nn.reduce_mean %x {axes = array<i64: 2>, keep_dims = false} : "
     "(tensor<2x3x4xf32>) -> tensor<2x3xf32>",
     "2x3xf32"},
    {"max_pool",
     "1x2x6x7xf32",
     {},
     "nn.max_pool %x {ceil_mode = true, dilations = array<i64: 1, 2>, kernel = "
     "array<i64: 3, 2>, pads = array<i64: 1, 0, 0, 1>, strides = array<i64: 2, "
     "2>} : (tensor<1x2x6x7xf32>) -> tensor<1x2x3x4xf32>",
     "1x2x3x4xf32"},
    {"average_pool",
     "1x2x6x7xf32",
     {},
     "nn.average_pool %x {ceil_mode = true, count_include_pad = false, "
     "dilations = array<i64: 1, 2>, kernel = array<i64: 3, 2>, pads = "
     "array<i64: 1, 0, 0, 1>, strides = array<i64: 2, 2>} : "
     "(tensor<1x2x6x7xf32>) -> tensor<1x2x3x4xf32>",
     "1x2x3x4xf32"},
    {"average_pool_padded",
     "1x2x6x6xf32",
     {},
     "nn.average_pool %x {ceil_mode = false, count_include_pad = true, "
     "dilations = array<i64: 1, 1>, kernel = array<i64: 3, 2>, pads = "
     "array<i64: 1, 0, 2, 1>, strides = array<i64: 2, 1>} : "
     "(tensor<1x2x6x6xf32>) -> tensor<1x2x4x6xf32>",
     "1x2x4x6xf32"},
    {"slice",
     "2x5x3xf32",
     {},
     "nn.slice %x {sizes = array<i64: 2, 2, 3>, starts = array<i64: 0, 4, 2>, "
     "steps = array<i64: 1, -3, -1>} : (tensor<2x5x3xf32>) -> "
     "tensor<2x2x3xf32>",
     "2x2x3xf32"},
    {"pad",
     "2x4xf32",
     {},
     "nn.pad %x {mode = \"reflect\", pads = array<i64: 0, 3, 0, 1>, value = "
     "0.0 "
     ": f32} : (tensor<2x4xf32>) -> tensor<2x8xf32>",
     "2x8xf32"},
    {"concat",
     "2x3xf32",
     {"2x2xf32"},
     "nn.concat %x, %c0 {axis = 1 : i64} : (tensor<2x3xf32>, tensor<2x2xf32>) "
     "-> tensor<2x5xf32>",
     "2x5xf32"},
    {"transpose",
     "2x3x4xf32",
     {},
     "nn.transpose %x {perm = array<i64: 2, 0, 1>} : (tensor<2x3x4xf32>) -> "
     "tensor<4x2x3xf32>",
     "4x2x3xf32"},
    {"reshape",
     "2x6xf32",
     {},
     "nn.reshape %x : (tensor<2x6xf32>) -> tensor<2x3x2xf32>",
     "2x3x2xf32"},
};

TEST(TrainingExecutor, GradientsAreDifferenceQuotients) {
  std::mt19937_64 rng(drawSeed());
  // Thousands of runs on a few elements each.
  int threads = at::get_num_threads();
  at::set_num_threads(1);
  for (const GradientCase &each : gradientCases) {
    SCOPED_TRACE(each.name);
    Fixture fixture(oneOp(each.input, each.constants, each.op, each.result));
    ASSERT_TRUE(fixture.network) << fixture.error;
    EXPECT_LT(gradientError(fixture, rng, each.isTraining), 1e-5);
  }
  at::set_num_threads(threads);
}

//===----------------------------------------------------------------------===//
// Batches
//===----------------------------------------------------------------------===//

static constexpr const char *smallNet = R"(
func.func @f(%x: tensor<1x2x4x4xf32> {nn.name = "x"}) -> tensor<1x3xf32> {
  %w = nn.constant dense<[[[[0.5]], [[-1.0]]], [[[2.0]], [[1.0]]]]>
    : tensor<2x2x1x1xf32> -> tensor<2x2x1x1xf32>
  %s = nn.constant dense<[1.0, 2.0]> : tensor<2xf32> -> tensor<2xf32>
  %b = nn.constant dense<[0.5, -0.5]> : tensor<2xf32> -> tensor<2xf32>
  %m = nn.constant dense<[0.0, 0.25]> : tensor<2xf32> -> tensor<2xf32>
  %v = nn.constant dense<[1.0, 4.0]> : tensor<2xf32> -> tensor<2xf32>
  %f = nn.constant dense<[[1.0, 0.0], [0.5, -1.0], [0.0, 2.0]]>
    : tensor<3x2xf32> -> tensor<3x2xf32>
  %0 = nn.conv %x, %w {dilations = array<i64: 1, 1>, groups = 1 : i64,
    pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %1 = nn.batch_norm %0, %s, %b, %m, %v {epsilon = 0.0 : f32}
    : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>,
       tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %2 = nn.relu %1 : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %3 = nn.batch_norm %2, %s, %b, %m, %v {epsilon = 0.0 : f32}
    : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>,
       tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %4 = nn.reduce_mean %2 {axes = array<i64: 2, 3>, keep_dims = false}
    : (tensor<1x2x4x4xf32>) -> tensor<1x2xf32>
  %5 = nn.gemm %4, %f {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = false,
    trans_b = true} : (tensor<1x2xf32>, tensor<3x2xf32>) -> tensor<1x3xf32>
  %6 = nn.softmax %5 {axis = 1 : i64} : (tensor<1x3xf32>) -> tensor<1x3xf32>
  return %6 : tensor<1x3xf32>
}
)";

/// Tokens: two rows of each sample, added to a table that all samples share.
static constexpr const char *tokens = R"(
func.func @f(%x: tensor<1x2x3xf32>) -> tensor<1x2x3xf32> {
  %w = nn.constant dense<[[1.0, 2.0, 0.0], [0.0, 1.0, -1.0], [0.5, 0.0, 1.0]]>
    : tensor<3x3xf32> -> tensor<3x3xf32>
  %p = nn.constant dense<[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]>
    : tensor<1x2x3xf32> -> tensor<1x2x3xf32>
  %0 = nn.reshape %x : (tensor<1x2x3xf32>) -> tensor<2x3xf32>
  %1 = nn.gemm %0, %w {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = false,
    trans_b = false} : (tensor<2x3xf32>, tensor<3x3xf32>) -> tensor<2x3xf32>
  %2 = nn.reshape %1 : (tensor<2x3xf32>) -> tensor<1x2x3xf32>
  %3 = nn.add %2, %p : (tensor<1x2x3xf32>, tensor<1x2x3xf32>)
    -> tensor<1x2x3xf32>
  return %3 : tensor<1x2x3xf32>
}
)";

/// The batch goes into dimension 1.
static constexpr const char *mixed = R"(
func.func @f(%x: tensor<1x3xf32>) -> tensor<3x1xf32> {
  %0 = nn.transpose %x {perm = array<i64: 1, 0>}
    : (tensor<1x3xf32>) -> tensor<3x1xf32>
  %1 = nn.softmax %0 {axis = 0 : i64} : (tensor<3x1xf32>) -> tensor<3x1xf32>
  return %1 : tensor<3x1xf32>
}
)";

static std::vector<float> randomValues(std::mt19937_64 &rng, size_t size) {
  std::normal_distribution<float> normal;
  std::vector<float> values(size);
  for (float &value : values)
    value = normal(rng);
  return values;
}

TEST(TrainingExecutor, BatchEqualsSingles) {
  std::mt19937_64 rng(drawSeed());
  for (const char *text : {smallNet, tokens, mixed}) {
    Fixture fixture(text);
    ASSERT_TRUE(fixture.network) << fixture.error;
    EXPECT_EQ(fixture.executor().graph().isBatchable, text != mixed);
    constexpr int64_t count = 5;
    size_t size = fixture.network->getImpl().sampleElements(
        fixture.executor().graph().arguments[0]);
    std::vector<float> inputs = randomValues(rng, size * count);
    auto all = fixture.network->run(inputs, count);
    ASSERT_TRUE(bool(all)) << llvm::toString(all.takeError());
    EXPECT_EQ(all->shape[0], count);
    std::vector<float> singles;
    for (int64_t i = 0; i < count; ++i) {
      auto one = fixture.network->run(
          llvm::ArrayRef<float>(inputs).slice(i * size, size), 1);
      ASSERT_TRUE(bool(one)) << llvm::toString(one.takeError());
      singles.insert(singles.end(), one->values.begin(), one->values.end());
    }
    ASSERT_EQ(all->values.size(), singles.size());
    for (size_t i = 0; i < singles.size(); ++i)
      EXPECT_NEAR(all->values[i], singles[i], 1e-5f);
  }
}

TEST(TrainingExecutor, RefusesInputsOfAnotherSize) {
  Fixture fixture(smallNet);
  auto output = fixture.network->run(std::vector<float>(33), 1);
  ASSERT_FALSE(bool(output));
  EXPECT_EQ(llvm::toString(output.takeError()),
            "input 'x': expected 32 values for 1 samples, got 33");
}

TEST(TrainingExecutor, RefusesQuantizedFunctions) {
  Fixture fixture(R"(
func.func @f(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
  %0 = quant.qcast %x : tensor<1x4xf32> to tensor<1x4x!quant.uniform<i8:f32, 0.5>> loc("q")
  %1 = quant.dcast %0 : tensor<1x4x!quant.uniform<i8:f32, 0.5>> to tensor<1x4xf32>
  return %1 : tensor<1x4xf32>
}
)");
  EXPECT_FALSE(fixture.network);
  EXPECT_EQ(fixture.error,
            "node 'q' (quant.qcast): expected a float model, got one that is "
            "quantized already; train the float model that it was made from");
}

TEST(TrainingExecutor, RefusesUnknownDevices) {
  Fixture fixture(smallNet, "tpu");
  EXPECT_EQ(fixture.error, "--device: expected cpu or cuda, got 'tpu'");
  if (at::hasCUDA())
    GTEST_SKIP() << "this machine has a GPU";
  Fixture gpu(smallNet, "cuda");
  EXPECT_EQ(gpu.error, "--device=cuda: expected a GPU and a LibTorch built for "
                       "it, found none");
}

//===----------------------------------------------------------------------===//
// Evaluation and batch norm
//===----------------------------------------------------------------------===//

static Dataset randomData(std::mt19937_64 &rng, int64_t samples) {
  Dataset data;
  data.sampleShape = {2, 4, 4};
  data.inputs = randomValues(rng, samples * 32);
  for (int64_t i = 0; i < samples; ++i)
    data.labels.push_back(static_cast<int32_t>(rng() % 3));
  return data;
}

TEST(TrainingExecutor, EvaluatesOnLogits) {
  std::mt19937_64 rng(drawSeed());
  Fixture fixture(smallNet);
  // More than one batch, the last one not full.
  Dataset data = randomData(rng, 300);
  auto evaluation = fixture.network->evaluate(data);
  ASSERT_TRUE(bool(evaluation)) << llvm::toString(evaluation.takeError());
  auto output = fixture.network->run(data.inputs, 300);
  ASSERT_TRUE(bool(output)) << llvm::toString(output.takeError());
  double loss = 0, right = 0;
  for (int64_t i = 0; i < 300; ++i) {
    const float *p = &output->values[3 * i];
    loss -= std::log(p[data.labels[i]]) / 300;
    int32_t best = static_cast<int32_t>(std::max_element(p, p + 3) - p);
    EXPECT_EQ(evaluation->decisions[i], best);
    right += best == data.labels[i];
  }
  EXPECT_NEAR(evaluation->loss, loss, 1e-5);
  EXPECT_DOUBLE_EQ(evaluation->accuracy, right / 300);

  data.labels[7] = 3;
  EXPECT_EQ(llvm::toString(fixture.network->evaluate(data).takeError()),
            "data: expected labels in [0, 3), got 3 for sample 7");
  data.sampleShape = {2, 16};
  EXPECT_EQ(llvm::toString(fixture.network->evaluate(data).takeError()),
            "data: expected samples of 2x4x4, got 2x16");
}

/// x - mean over the data must have mean 0 and variance 1 after every batch
/// norm with scale 1 and shift 0, also the second.
TEST(TrainingExecutor, ReestimatedNormsAreExact) {
  std::mt19937_64 rng(drawSeed());
  const std::string text = R"(
func.func @f(%x: tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> {
  %s = nn.constant dense<1.0> : tensor<2xf32> -> tensor<2xf32>
  %b = nn.constant dense<0.0> : tensor<2xf32> -> tensor<2xf32>
  %m0 = nn.constant dense<[3.0, 4.0]> : tensor<2xf32> -> tensor<2xf32>
  %v0 = nn.constant dense<9.0> : tensor<2xf32> -> tensor<2xf32>
  %m1 = nn.constant dense<[-3.0, 1.0]> : tensor<2xf32> -> tensor<2xf32>
  %v1 = nn.constant dense<0.1> : tensor<2xf32> -> tensor<2xf32>
  %0 = nn.batch_norm %x, %s, %b, %m0, %v0 {epsilon = 0.0 : f32} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %1 = nn.relu %0 : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %2 = nn.batch_norm %1, %s, %b, %m1, %v1 {epsilon = 0.0 : f32} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  return %2 : tensor<1x2x4x4xf32>
}
)";
  Fixture fixture(text);
  ASSERT_TRUE(fixture.network) << fixture.error;
  Dataset data = randomData(rng, 300);
  llvm::Error error = fixture.network->estimateBatchNorm(data);
  ASSERT_FALSE(bool(error)) << llvm::toString(std::move(error));
  auto output = fixture.network->run(data.inputs, 300);
  ASSERT_TRUE(bool(output)) << llvm::toString(output.takeError());
  for (int64_t channel = 0; channel < 2; ++channel) {
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < 300; ++i)
      for (int64_t k = 0; k < 16; ++k) {
        double value = output->values[(2 * i + channel) * 16 + k];
        sum += value;
        squares += value * value;
      }
    EXPECT_NEAR(sum / 4800, 0.0, 1e-4);
    EXPECT_NEAR(squares / 4800, 1.0, 1e-3);
  }
}

TEST(TrainingExecutor, CollectsRanges) {
  std::mt19937_64 rng(drawSeed());
  Fixture fixture(smallNet);
  Dataset data = randomData(rng, 100);
  auto ranges = fixture.network->collectRanges(data, 70);
  ASSERT_TRUE(bool(ranges)) << llvm::toString(ranges.takeError());
  auto [low, high] =
      std::minmax_element(data.inputs.begin(), data.inputs.begin() + 70 * 32);
  ASSERT_TRUE(ranges->find("x"));
  EXPECT_EQ(ranges->find("x")->min, *low);
  EXPECT_EQ(ranges->find("x")->max, *high);
  // Argument and seven ops, one of which nothing reads.
  EXPECT_EQ(ranges->size(), 8u);
}

//===----------------------------------------------------------------------===//
// Parameters
//===----------------------------------------------------------------------===//

static void scramble(Fixture &fixture, std::mt19937_64 &rng) {
  at::NoGradGuard noGrad;
  for (at::Tensor &parameter : fixture.executor().parameters())
    parameter.copy_(randomTensor(rng, parameter.sizes()).abs());
}

TEST(TrainingExecutor, StoredParametersComeBack) {
  std::mt19937_64 rng(drawSeed());
  Fixture fixture(smallNet);
  EXPECT_EQ(fixture.network->parameterCount(), 4 + 2 + 2 + 6);
  scramble(fixture, rng);
  mlir::OwningOpRef<mlir::ModuleOp> copy = fixture.module->clone();
  auto function = *copy->getOps<mlir::func::FuncOp>().begin();
  llvm::Error error = fixture.network->store(function);
  ASSERT_FALSE(bool(error)) << llvm::toString(std::move(error));
  auto again = Network::create(function);
  ASSERT_TRUE(bool(again)) << llvm::toString(again.takeError());
  EXPECT_EQ((*again)->saveState(), fixture.network->saveState());
  std::vector<float> inputs = randomValues(rng, 64);
  auto want = fixture.network->run(inputs, 2), got = (*again)->run(inputs, 2);
  ASSERT_TRUE(want && got);
  EXPECT_EQ(want->values, got->values);
  // The function itself has not changed, another one does not fit.
  Fixture other(tokens);
  error = fixture.network->store(other.function);
  EXPECT_EQ(llvm::toString(std::move(error)),
            "function 'f': expected 6 constants, got 2");
}

TEST(TrainingExecutor, StateComesBack) {
  std::mt19937_64 rng(drawSeed());
  Fixture fixture(smallNet), other(smallNet);
  scramble(fixture, rng);
  std::string state = fixture.network->saveState();
  EXPECT_NE(other.network->saveState(), state);
  llvm::Error error = other.network->loadState(state);
  ASSERT_FALSE(bool(error)) << llvm::toString(std::move(error));
  EXPECT_EQ(other.network->saveState(), state);
  // Whatever is cut off or too much is refused and changes nothing.
  Fixture fresh(smallNet);
  std::string before = fresh.network->saveState();
  for (size_t size = 0; size < state.size(); ++size)
    EXPECT_NE(llvm::toString(fresh.network->loadState(
                  llvm::StringRef(state).take_front(size))),
              "");
  EXPECT_NE(llvm::toString(fresh.network->loadState(state + "x")), "");
  EXPECT_EQ(fresh.network->saveState(), before);
  Fixture tokenNet(tokens);
  EXPECT_EQ(llvm::toString(tokenNet.network->loadState(state)),
            "network state: expected 2 tensors, got 6");
}
