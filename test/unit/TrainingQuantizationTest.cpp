//===- TrainingQuantizationTest.cpp - LSQ and the integer contract --------===//
//
// Part of AccOpt. Learned steps against PyTorch's own quantizer and against
// finite differences; integers against the compiler: random functions are
// quantized, lowered to layers and run by MLIR's JIT.
//
//===----------------------------------------------------------------------===//

#include "accopt/Conversion/AccelToTosa.h"
#include "accopt/Conversion/NNToAccel.h"
#include "accopt/Execution/Executor.h"
#include "accopt/Training/Trainer.h"
#include "accopt/Transforms/Pipelines.h"
#include "dialects/NN/NNOps.h"
#include "lib/Training/LearnedStep.h"
#include "lib/Training/NetworkImpl.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"

#include <cmath>
#include <random>
#include <set>

#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

using namespace accopt;
using namespace accopt::training;
using testing::HasSubstr;

namespace {

//===----------------------------------------------------------------------===//
// Learned steps
//===----------------------------------------------------------------------===//

struct Gradients {
  at::Tensor y, x, step;
};

template <typename Function>
Gradients differentiate(const Function &quantize, const at::Tensor &x,
                        const at::Tensor &step, const at::Tensor &above) {
  at::Tensor a = x.detach().clone().set_requires_grad(true);
  at::Tensor s = step.detach().clone().set_requires_grad(true);
  at::Tensor y = quantize(a, s);
  torch::autograd::backward({y}, {above});
  return {y.detach(), a.grad(), s.grad()};
}

/// Values in steps that stay clear of halves, where kernels that divide and
/// kernels that multiply by the reciprocal may part.
at::Tensor clearValues(at::IntArrayRef shape, double step) {
  at::Tensor x = at::randn(shape) * 40;
  at::Tensor off = (x - x.floor() - 0.5).abs() < 0.01;
  return (x + off * 0.1) * step;
}

TEST(LearnedStep, IsPyTorchsPerTensorQuantizer) {
  at::manual_seed(1);
  // PyTorch's backward takes -3 for -2: it adds a half and truncates.
  for (int64_t zero : {0, 7, 100}) {
    at::Tensor x = clearValues({3, 5, 70, 41}, 0.05);
    // LSQ clips before it rounds, PyTorch after it: leave out what is rounded
    // into the range.
    at::Tensor ratio = x / 0.05;
    auto isEdge = [&](double bound) { return (ratio - bound).abs() <= 0.6; };
    x.masked_fill_(isEdge(-128 - zero).logical_or_(isEdge(127 - zero)), 0.052);
    at::Tensor step = at::full({1}, 0.05), above = at::randn_like(x);
    StepBounds bounds{-128 - zero, 127 - zero};
    Gradients ours = differentiate(
        [&](const at::Tensor &a, const at::Tensor &s) {
          return quantizeLearned(a, s, bounds, 0.25);
        },
        x, step, above);
    Gradients theirs = differentiate(
        [&](const at::Tensor &a, const at::Tensor &s) {
          return at::_fake_quantize_learnable_per_tensor_affine(
              a, s, at::full({1}, double(zero)), -128, 127, 0.25);
        },
        x, step, above);
    EXPECT_TRUE(at::allclose(ours.y, theirs.y, 1e-6, 1e-6));
    EXPECT_TRUE(at::allclose(ours.x, theirs.x, 1e-6, 1e-6));
    EXPECT_TRUE(at::allclose(ours.step, theirs.step, 1e-4, 1e-3))
        << ours.step << theirs.step;
  }
}

TEST(LearnedStep, ByHand) {
  // x / s = -3, -0.4, 1.6, 9 in [-2, 3]: -2, 0, 2, 3.
  at::Tensor x = at::tensor({-1.5f, -0.2f, 0.8f, 4.5f});
  at::Tensor step = at::full({1}, 0.5);
  at::Tensor above = at::tensor({1.f, 10.f, 100.f, 1000.f});
  for (bool isComposed : {false, true}) {
    Gradients got = differentiate(
        [&](const at::Tensor &a, const at::Tensor &s) {
          return isComposed ? quantizeLearnedComposed(a, s, {-2, 3}, 2)
                            : quantizeLearned(a, s, {-2, 3}, 2);
        },
        x, step, above);
    EXPECT_TRUE(at::equal(got.y, at::tensor({-1.f, 0.f, 1.f, 1.5f})));
    EXPECT_TRUE(at::equal(got.x, at::tensor({0.f, 10.f, 100.f, 0.f})));
    // 2 (1 (-2) + 10 (0 + 0.4) + 100 (2 - 1.6) + 1000 (3))
    EXPECT_NEAR(got.step.item<double>(), 2 * (-2 + 4 + 40 + 3000), 1e-2);
  }
}

TEST(LearnedStep, FollowsFiniteDifferencesOutsideTheRange) {
  // Where all is clipped the quantizer is linear in s, and exact.
  at::manual_seed(2);
  at::Tensor x = at::randn({2, 100}).sign() * 50, above = at::randn({2, 100});
  auto sum = [&](double s) {
    return (quantizeLearned(x, at::full({1}, s), {-4, 3}, 1) * above)
        .sum(at::kDouble)
        .item<double>();
  };
  Gradients got = differentiate(
      [&](const at::Tensor &a, const at::Tensor &s) {
        return quantizeLearned(a, s, {-4, 3}, 1);
      },
      x, at::full({1}, 0.5), above);
  EXPECT_NEAR(got.step.item<double>(), (sum(0.51) - sum(0.49)) / 0.02, 1e-2);
}

TEST(LearnedStep, RowsLayoutsAndThreadsAgree) {
  at::manual_seed(3);
  at::Tensor weights = at::randn({7, 33, 3, 3});
  at::Tensor steps = at::rand({7}) * 0.1 + 0.01;
  at::Tensor above = at::randn_like(weights);
  auto kernel = [](const at::Tensor &a, const at::Tensor &s) {
    return quantizeLearned(a, s, {-8, 7}, 0.5);
  };
  auto composed = [](const at::Tensor &a, const at::Tensor &s) {
    return quantizeLearnedComposed(a, s, {-8, 7}, 0.5);
  };
  auto same = [](const Gradients &a, const Gradients &b) {
    EXPECT_TRUE(at::equal(a.y, b.y));
    EXPECT_TRUE(at::equal(a.x, b.x));
    EXPECT_TRUE(at::allclose(a.step, b.step, 1e-5, 1e-5));
  };
  same(differentiate(kernel, weights, steps, above),
       differentiate(composed, weights, steps, above));
  at::Tensor one = steps.narrow(0, 0, 1), image = at::randn({4, 16, 40, 40});
  at::Tensor last = image.contiguous(at::MemoryFormat::ChannelsLast);
  at::Tensor over = at::randn_like(image);
  Gradients plain = differentiate(kernel, image, one, over);
  same(plain, differentiate(kernel, last, one, over));
  same(plain, differentiate(composed, image, one, over));
  int threads = at::get_num_threads();
  at::set_num_threads(1);
  Gradients single = differentiate(kernel, image, one, over);
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(plain.step, single.step));
}

TEST(LearnedStep, KeepsNaN) {
  at::Tensor y =
      quantizeLearned(at::tensor({NAN, 1.f}), at::ones({1}), {-8, 7}, 1);
  EXPECT_TRUE(std::isnan(y[0].item<float>()));
}

//===----------------------------------------------------------------------===//
// Random functions
//===----------------------------------------------------------------------===//

class Writer {
public:
  explicit Writer(unsigned seed) : random(seed) {}

  struct Value {
    std::string name;
    std::vector<int64_t> shape;
  };

  static std::string typeOf(const std::vector<int64_t> &shape) {
    std::string text = "tensor<";
    for (int64_t size : shape)
      text += std::to_string(size) + "x";
    return text + "f32>";
  }
  int64_t pick(int64_t low, int64_t high) {
    return low + int64_t(random() % uint32_t(high - low + 1));
  }
  double uniform() { return double(random()) / 4294967296.0 * 2 - 1; }

  Value constant(std::vector<int64_t> shape, double scale) {
    int64_t count = 1;
    for (int64_t size : shape)
      count *= size;
    std::string hex;
    for (int64_t i = 0; i < count; ++i) {
      float value = float(uniform() * scale);
      hex += llvm::toHex(llvm::StringRef(reinterpret_cast<char *>(&value), 4));
    }
    Value value{fresh(), std::move(shape)};
    std::string type = typeOf(value.shape);
    body += "  " + value.name + " = nn.constant dense<\"0x" + hex +
            "\"> : " + type + " -> " + type + "\n";
    return value;
  }

  Value op(const std::string &name, const std::vector<Value> &operands,
           const std::string &attributes, std::vector<int64_t> shape,
           const std::string &syntax = "") {
    Value result{fresh(), std::move(shape)};
    std::string list, types;
    for (const Value &operand : operands) {
      used.insert(operand.name);
      list += (list.empty() ? "" : ", ") + operand.name;
      types += (types.empty() ? "" : ", ") + typeOf(operand.shape);
    }
    body += "  " + result.name + " = nn." + name + " " +
            (syntax.empty() ? list : syntax) + " {" + attributes + "} : (" +
            types + ") -> " + typeOf(result.shape) + "\n";
    return result;
  }

  std::string clamp() {
    switch (pick(0, 2)) {
    case 0:
      return "";
    case 1:
      return "clamp_min = 0.0 : f32, ";
    default:
      return "clamp_max = 1.5 : f32, clamp_min = 0.0 : f32, ";
    }
  }

  Value conv(const Value &x) {
    int64_t channels = x.shape[1], kernel = pick(1, 3), stride = pick(1, 2);
    int64_t dilation = pick(0, 3) ? 1 : 2, reach = dilation * (kernel - 1) + 1;
    int64_t begin = pick(0, reach / 2), end = pick(0, reach / 2);
    // One group, one for each channel, or two.
    int64_t groups = 1, outputs = pick(1, 6), kind = pick(0, 4);
    if (kind < 2)
      groups = outputs = channels;
    else if (kind == 2 && channels % 2 == 0)
      groups = 2, outputs = 2 * pick(1, 3);
    int64_t inputs = channels / groups;
    auto sizeOf = [&](int64_t size) {
      return (size + begin + end - reach) / stride + 1;
    };
    std::vector<int64_t> shape = {x.shape[0], outputs, sizeOf(x.shape[2]),
                                  sizeOf(x.shape[3])};
    if (shape[2] < 1 || shape[3] < 1)
      return unary(x);
    std::vector<Value> operands = {
        x, constant({outputs, inputs, kernel, kernel},
                    1.5 / std::sqrt(double(inputs * kernel * kernel)))};
    std::string syntax = operands[0].name + ", " + operands[1].name;
    if (pick(0, 3)) {
      operands.push_back(constant({outputs}, 0.5));
      syntax += " bias " + operands.back().name;
    }
    for (const Value &value : values)
      if (value.shape == shape && pick(0, 1)) {
        operands.push_back(value);
        syntax += " residual " + value.name;
        break;
      }
    return op("conv", operands,
              clamp() + "dilations = " + array({dilation, dilation}) +
                  ", groups = " + std::to_string(groups) +
                  " : i64, pads = " + array({begin, begin, end, end}) +
                  ", strides = " + array({stride, stride}),
              shape, syntax);
  }

  Value pool(const Value &x) {
    int64_t kernel = pick(2, 3), stride = pick(1, 2), begin = pick(0, 1),
            end = pick(0, 1);
    bool isMax = pick(0, 1), roundsUp = pick(0, 1);
    auto sizeOf = [&](int64_t size) {
      int64_t free = size + begin + end - kernel;
      if (!roundsUp)
        return free / stride + 1;
      // A window does not start in the end padding.
      int64_t count = (free + stride - 1) / stride + 1;
      return (count - 1) * stride >= size + begin ? count - 1 : count;
    };
    std::string attributes =
        std::string(roundsUp ? "ceil_mode = true, " : "ceil_mode = false, ") +
        (isMax        ? ""
         : pick(0, 1) ? "count_include_pad = true, "
                      : "count_include_pad = false, ") +
        "dilations = array<i64: 1, 1>, kernel = " + array({kernel, kernel}) +
        ", pads = " + array({begin, begin, end, end}) +
        ", strides = " + array({stride, stride});
    return op(isMax ? "max_pool" : "average_pool", {x}, attributes,
              {x.shape[0], x.shape[1], sizeOf(x.shape[2]), sizeOf(x.shape[3])});
  }

  Value binary(const Value &x) {
    static const char *const names[] = {"add", "sub", "mul"};
    Value other = constant({1, x.shape[1], 1, 1}, 1);
    for (const Value &value : values)
      if (value.shape == x.shape && value.name != x.name && pick(0, 1))
        other = value;
    return op(names[pick(0, 2)], {x, other},
              clamp().empty() ? "" : "clamp_min = -0.25 : f32", x.shape);
  }

  Value unary(const Value &x) {
    switch (pick(0, 5)) {
    case 0:
      return op("relu", {x}, "", x.shape);
    case 1:
      return op("clip", {x}, "maximum = 0.7 : f32, minimum = -0.3 : f32",
                x.shape);
    case 2:
      return op("leaky_relu", {x}, "alpha = 0.1 : f32", x.shape);
    case 3:
      return op("sigmoid", {x}, "", x.shape);
    case 4:
      return op("hard_sigmoid", {x}, "alpha = 0.2 : f32, beta = 0.5 : f32",
                x.shape);
    default:
      return op("hard_swish", {x}, "", x.shape);
    }
  }

  Value move(const Value &x) {
    std::vector<int64_t> shape = x.shape;
    switch (pick(0, 3)) {
    case 0: {
      shape[1] *= 2;
      return op("concat", {x, constant(x.shape, 1)}, "axis = 1 : i64", shape);
    }
    case 1:
      shape[2] = (shape[2] + 1) / 2;
      return op("slice", {x},
                "sizes = " + array(shape) +
                    ", starts = array<i64: 0, 0, 0, 0>, steps = array<i64: 1, "
                    "1, 2, 1>",
                shape);
    case 2:
      shape[3] += 2;
      return op("pad", {x},
                "mode = \"constant\", pads = array<i64: 0, 0, 0, 1, 0, 0, 0, "
                "1>, value = 0.5 : f32",
                shape);
    default:
      std::swap(shape[2], shape[3]);
      return op("transpose", {x}, "perm = array<i64: 0, 1, 3, 2>", shape);
    }
  }

  /// A mean over space, or all of it, and a gemm.
  Value head(Value x) {
    if (pick(0, 1))
      x = op("reduce_mean", {x}, "axes = array<i64: 2, 3>, keep_dims = true",
             {1, x.shape[1], 1, 1});
    int64_t count = x.shape[1] * x.shape[2] * x.shape[3];
    x = op("reshape", {x}, "", {1, count});
    Value weights = constant({5, count}, 1.5 / std::sqrt(double(count)));
    Value bias = constant({5}, 0.5);
    return op("gemm", {x, weights, bias},
              clamp() + "alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = "
                        "false, trans_b = true",
              {1, 5}, x.name + ", " + weights.name + " bias " + bias.name);
  }

  /// A function of 1 x 3 x 9 x 8 with as many ops as asked for.
  std::string write(int ops) {
    values = {{"%x", {1, 3, 9, 8}}};
    for (int i = 0; i < ops; ++i) {
      Value x = values[size_t(pick(0, int64_t(values.size()) - 1))];
      if (i == 0 || pick(0, 1))
        x = values.back();
      bool isSmall = x.shape[2] < 4 || x.shape[3] < 4;
      int64_t kind = isSmall ? pick(4, 6) : pick(0, 7);
      Value made = kind < 3 || kind > 6 ? conv(x)
                   : kind == 3          ? pool(x)
                   : kind == 4          ? binary(x)
                   : kind == 5          ? unary(x)
                                        : move(x);
      values.push_back(made);
    }
    // What nothing reads is a result: the compiler would drop it.
    std::vector<Value> results = {head(values.back())};
    for (const Value &value : values)
      if (!used.count(value.name))
        results.push_back(value);
    std::string names, types;
    for (const Value &value : results) {
      names += (names.empty() ? "" : ", ") + value.name;
      types += (types.empty() ? "" : ", ") + typeOf(value.shape);
    }
    return "func.func @main(%x: tensor<1x3x9x8xf32> {nn.name = \"x\"}) -> (" +
           types + ") {\n" + body + "  return " + names + " : " + types +
           "\n}\n";
  }

private:
  std::string fresh() { return "%v" + std::to_string(next++); }
  static std::string array(const std::vector<int64_t> &values) {
    std::string text = "array<i64";
    for (size_t i = 0; i < values.size(); ++i)
      text += (i ? ", " : ": ") + std::to_string(values[i]);
    return text + ">";
  }

  std::mt19937 random;
  int next = 0;
  std::string body;
  std::vector<Value> values;
  std::set<std::string> used;
};

//===----------------------------------------------------------------------===//
// Integers against the compiler
//===----------------------------------------------------------------------===//

struct Workbench {
  Workbench() : context(mlir::MLIRContext::Threading::DISABLED) {
    context.loadDialect<nn::NNDialect, mlir::func::FuncDialect,
                        mlir::quant::QuantDialect>();
  }
  void read(const std::string &text) {
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    ASSERT_TRUE(module);
    function = module->lookupSymbol<mlir::func::FuncOp>("main");
    network = llvm::cantFail(Network::create(function));
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp function;
  std::unique_ptr<Network> network;
};

Dataset randomData(std::vector<int64_t> shape, int64_t count, unsigned seed) {
  Dataset data;
  data.sampleShape = std::move(shape);
  std::mt19937 random(seed);
  for (int64_t i = 0; i < count * data.sampleElements(); ++i)
    data.inputs.push_back(float(double(random()) / 4294967296.0 * 2 - 1));
  for (int64_t i = 0; i < count; ++i)
    data.labels.push_back(int32_t(random() % 5));
  return data;
}

template <typename T>
T attribute(mlir::DictionaryAttr attributes, llvm::StringRef name) {
  return attributes.getAs<T>(name);
}

/// What a permutation does to a shape, and back: element by element, from the
/// model's order to the order stored.
std::vector<int64_t> storedIndices(llvm::ArrayRef<int64_t> shape,
                                   llvm::ArrayRef<int64_t> permutation) {
  std::vector<int64_t> stored(shape.size()), strides(shape.size(), 1);
  for (size_t i = 0; i < shape.size(); ++i)
    stored[permutation[i]] = shape[i];
  for (size_t d = shape.size(); d-- > 1;)
    strides[d - 1] = strides[d] * stored[d];
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < count; ++i) {
    int64_t rest = i, place = 0;
    for (size_t d = shape.size(); d-- > 0;) {
      place += rest % shape[d] * strides[permutation[d]];
      rest /= shape[d];
    }
    indices.push_back(place);
  }
  return indices;
}

/// The compiled function: reals in and out, one sample.
class Compiled {
public:
  Compiled(mlir::func::FuncOp source, const QuantizationPlan &plan)
      : module(mlir::cast<mlir::ModuleOp>(source->getParentOp()).clone()) {
    auto function = module->lookupSymbol<mlir::func::FuncOp>("main");
    llvm::cantFail(applyPlan(function, plan));
    EXPECT_TRUE(mlir::succeeded(quantize(*module, {})));
    EXPECT_TRUE(mlir::succeeded(convertNNToAccel(*module)));
    function = module->lookupSymbol<mlir::func::FuncOp>("main");
    argument = function.getArgAttrDict(0);
    for (unsigned i = 0; i < function.getNumResults(); ++i)
      results.push_back(function.getResultAttrDict(i));
    auto type =
        mlir::cast<mlir::RankedTensorType>(function.getArgument(0).getType());
    shape.assign(type.getShape().begin(), type.getShape().end());
    EXPECT_TRUE(mlir::succeeded(convertAccelToTosa(function)));
    ExecutorOptions options;
    options.optLevel = 1;
    executor = llvm::cantFail(Executor::create(*module, "main", options));
  }

  std::vector<std::vector<float>> run(llvm::ArrayRef<float> input) const {
    std::vector<int8_t> bytes(input.size());
    double scale = scaleOf(argument);
    int64_t zero = zeroOf(argument);
    std::vector<int64_t> places = placesOf(argument);
    for (size_t i = 0; i < input.size(); ++i)
      bytes[places[i]] = int8_t(std::clamp(
          std::nearbyint(input[i] / scale) + double(zero), -128.0, 127.0));
    std::vector<Tensor> outputs =
        llvm::cantFail(executor->run({Tensor::create<int8_t>(shape, bytes)}));
    std::vector<std::vector<float>> reals;
    for (size_t k = 0; k < outputs.size(); ++k) {
      std::vector<float> values;
      for (int64_t place : placesOf(results[k]))
        values.push_back(
            float(outputs[k].values<int8_t>()[place] - zeroOf(results[k])) *
            float(scaleOf(results[k])));
      reals.push_back(std::move(values));
    }
    return reals;
  }

private:
  static double scaleOf(mlir::DictionaryAttr attributes) {
    return attribute<mlir::FloatAttr>(attributes, "accel.scale")
        .getValueAsDouble();
  }
  static int64_t zeroOf(mlir::DictionaryAttr attributes) {
    return attribute<mlir::IntegerAttr>(attributes, "accel.zero_point")
        .getInt();
  }
  static std::vector<int64_t> placesOf(mlir::DictionaryAttr attributes) {
    return storedIndices(
        attribute<mlir::DenseI64ArrayAttr>(attributes, "accel.model_shape")
            .asArrayRef(),
        attribute<mlir::DenseI64ArrayAttr>(attributes, "accel.permutation")
            .asArrayRef());
  }

  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::DictionaryAttr argument;
  std::vector<mlir::DictionaryAttr> results;
  llvm::SmallVector<int64_t> shape;
  std::unique_ptr<Executor> executor;
};

/// Random bits for every layer.
BitAssignment randomBits(const QuantizationPlan &plan, std::mt19937 &random) {
  BitAssignment bits;
  for (const WeightQuantizer &quantizer : plan.weights)
    bits[quantizer.layer] = {unsigned(2 + random() % 7),
                             unsigned(2 + random() % 7)};
  return bits;
}

void compareWithCompiler(Workbench &bench, const QuantizationPlan &plan,
                         const Dataset &data, int64_t samples) {
  Compiled compiled(bench.function, plan);
  int64_t size = data.sampleElements();
  llvm::ArrayRef<float> inputs(data.inputs);
  std::vector<Output> outputs = llvm::cantFail(bench.network->runAll(
      {inputs.take_front(size_t(samples * size))}, samples, Mode::Integer));
  for (int64_t i = 0; i < samples; ++i) {
    std::vector<std::vector<float>> expected =
        compiled.run(inputs.slice(size_t(i * size), size_t(size)));
    ASSERT_EQ(outputs.size(), expected.size());
    for (size_t k = 0; k < outputs.size(); ++k) {
      size_t count = expected[k].size();
      EXPECT_EQ(
          expected[k],
          std::vector<float>(
              outputs[k].values.begin() + int64_t(i * int64_t(count)),
              outputs[k].values.begin() + int64_t((i + 1) * int64_t(count))))
          << "output " << k << " of sample " << i;
    }
  }
}

TEST(IntegerMode, IsWhatTheCompilerComputes) {
  for (unsigned seed = 0; seed < 36; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::string text = Writer(seed).write(2 + int(seed) / 4);
    SCOPED_TRACE(text);
    Workbench bench;
    bench.read(text);
    Dataset data = randomData({3, 9, 8}, 8, seed);
    RangeTable ranges = llvm::cantFail(bench.network->collectRanges(data, 8));
    std::mt19937 random(seed);
    QuantizationPlan plan =
        llvm::cantFail(planQuantization(bench.function, ranges));
    if (seed % 2)
      plan = llvm::cantFail(
          planQuantization(bench.function, ranges, randomBits(plan, random)));
    ASSERT_FALSE(bool(bench.network->setPlan(plan)));
    compareWithCompiler(bench, plan, data, 3);
    if (HasFailure())
      return;
  }
}

/// What only the host touches has no quantizer: integers are floats there.
TEST(IntegerMode, LeavesTheHostInFloat) {
  Workbench bench;
  bench.read(
      "func.func @main(%x: tensor<1x6xf32> {nn.name = \"x\"}) -> "
      "(tensor<1x6xf32>, tensor<1x6xf32>) {\n"
      "  %c = nn.constant dense<2.5> : tensor<1x1xf32> -> tensor<1x1xf32>\n"
      "  %0 = nn.sigmoid %x : (tensor<1x6xf32>) -> tensor<1x6xf32>\n"
      "  %1 = nn.add %0, %c : (tensor<1x6xf32>, tensor<1x1xf32>) -> "
      "tensor<1x6xf32>\n"
      "  %2 = nn.div %x, %1 : (tensor<1x6xf32>, tensor<1x6xf32>) -> "
      "tensor<1x6xf32>\n"
      "  %3 = nn.softmax %2 {axis = 1 : i64} : (tensor<1x6xf32>) -> "
      "tensor<1x6xf32>\n"
      "  return %2, %3 : tensor<1x6xf32>, tensor<1x6xf32>\n}\n");
  Dataset data = randomData({6}, 32, 9);
  QuantizationPlan plan = llvm::cantFail(planQuantization(
      bench.function, llvm::cantFail(bench.network->collectRanges(data, 32))));
  EXPECT_EQ(plan.findActivation("div"), nullptr);
  ASSERT_FALSE(bool(bench.network->setPlan(plan)));
  std::vector<Output> integers =
      llvm::cantFail(bench.network->runAll({data.inputs}, 32, Mode::Integer));
  std::vector<Output> floats =
      llvm::cantFail(bench.network->runAll({data.inputs}, 32, Mode::Float));
  ASSERT_EQ(integers.size(), 2u);
  for (size_t k = 0; k < integers.size(); ++k)
    EXPECT_EQ(integers[k].values, floats[k].values);
}

/// Trains for a while, then lowers what was learned.
TEST(IntegerMode, IsWhatTheCompilerComputesAfterTraining) {
  for (unsigned seed : {3, 11, 14}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Workbench bench;
    bench.read(Writer(seed).write(4));
    Dataset data = randomData({3, 9, 8}, 32, seed);
    RangeTable ranges = llvm::cantFail(bench.network->collectRanges(data, 32));
    std::mt19937 random(seed);
    QuantizationPlan plan =
        llvm::cantFail(planQuantization(bench.function, ranges));
    plan = llvm::cantFail(
        planQuantization(bench.function, ranges, randomBits(plan, random)));
    ASSERT_FALSE(bool(bench.network->setPlan(plan)));
    TrainingOptions options;
    options.epochs = 3;
    options.batchSize = 8;
    options.learningRate = 1e-2;
    options.stepRate = 1;
    options.mode = Mode::FakeQuantized;
    auto trainer =
        llvm::cantFail(Trainer::create(*bench.network, nullptr, data, options));
    for (int64_t epoch = 0; epoch < 3; ++epoch)
      llvm::cantFail(trainer->runEpoch(epoch, {}));
    QuantizationPlan learned = bench.network->plan();
    EXPECT_NE(serializePlan(learned), serializePlan(plan));
    ASSERT_FALSE(bool(bench.network->store(bench.function)));
    compareWithCompiler(bench, learned, data, 3);
    if (HasFailure())
      return;
  }
}

TEST(FakeQuantized, IsCloseToTheIntegers) {
  int64_t values = 0, off = 0;
  for (unsigned seed = 0; seed < 12; ++seed) {
    Workbench bench;
    bench.read(Writer(seed).write(4));
    Dataset data = randomData({3, 9, 8}, 16, seed);
    QuantizationPlan plan = llvm::cantFail(planQuantization(
        bench.function,
        llvm::cantFail(bench.network->collectRanges(data, 16))));
    ASSERT_FALSE(bool(bench.network->setPlan(plan)));
    Output fake = llvm::cantFail(
        bench.network->run(data.inputs, 16, Mode::FakeQuantized));
    Output integer =
        llvm::cantFail(bench.network->run(data.inputs, 16, Mode::Integer));
    double scale = bench.network->plan().findActivation("gemm")->scale;
    for (size_t i = 0; i < fake.values.size(); ++i) {
      EXPECT_LE(std::fabs(fake.values[i] - integer.values[i]), scale * 2.01)
          << "seed " << seed;
      ++values;
      off += std::fabs(fake.values[i] - integer.values[i]) > scale * 0.5;
    }
  }
  EXPECT_LT(double(off), 0.2 * double(values));
}

TEST(FakeQuantized, PlanComesBackAndStepsAreSaved) {
  Workbench bench;
  bench.read(Writer(5).write(3));
  Dataset data = randomData({3, 9, 8}, 16, 5);
  RangeTable ranges = llvm::cantFail(bench.network->collectRanges(data, 16));
  QuantizationPlan plan =
      llvm::cantFail(planQuantization(bench.function, ranges));
  ASSERT_FALSE(bool(bench.network->setPlan(plan)));
  EXPECT_EQ(serializePlan(bench.network->plan()), serializePlan(plan));

  TrainingOptions options;
  options.epochs = 2;
  options.batchSize = 8;
  options.mode = Mode::FakeQuantized;
  auto trainer =
      llvm::cantFail(Trainer::create(*bench.network, nullptr, data, options));
  llvm::cantFail(trainer->runEpoch(0, {}));
  std::string state = trainer->saveState();
  llvm::cantFail(trainer->runEpoch(1, {}));
  std::string end = trainer->saveState();

  Workbench other;
  other.read(Writer(5).write(3));
  ASSERT_FALSE(bool(other.network->setPlan(plan)));
  auto rest =
      llvm::cantFail(Trainer::create(*other.network, nullptr, data, options));
  ASSERT_FALSE(bool(rest->loadState(state)));
  llvm::cantFail(rest->runEpoch(1, {}));
  EXPECT_EQ(rest->saveState(), end);
  EXPECT_EQ(serializePlan(other.network->plan()),
            serializePlan(bench.network->plan()));
}

TEST(FakeQuantized, RefusesPlansThatDoNotFit) {
  Workbench bench;
  bench.read(Writer(5).write(3));
  Dataset data = randomData({3, 9, 8}, 16, 5);
  QuantizationPlan plan = llvm::cantFail(planQuantization(
      bench.function, llvm::cantFail(bench.network->collectRanges(data, 16))));
  auto refusal = [&](QuantizationPlan wrong) {
    return llvm::toString(bench.network->setPlan(wrong));
  };
  QuantizationPlan wrong = plan;
  wrong.activations.erase(wrong.activations.begin());
  EXPECT_THAT(refusal(wrong), HasSubstr("expected a quantizer for activation"));
  wrong = plan;
  wrong.weights.front().scales.push_back(1);
  EXPECT_THAT(refusal(wrong), HasSubstr("weight scales, got"));
  wrong = plan;
  wrong.weights.front().bits = 9;
  EXPECT_THAT(refusal(wrong), HasSubstr("expected 2 to 8 bits, got 9"));
  wrong = plan;
  wrong.weights.front().scales[0] = -1;
  EXPECT_THAT(refusal(wrong), HasSubstr("expected positive scales"));
}

//===----------------------------------------------------------------------===//
// Sensitivities
//===----------------------------------------------------------------------===//

/// y = W x, whose mean squared error has the Hessian 2/3 E[x x'] for each of
/// the three rows: its trace is 2 E[|x|^2] whatever the weights.
TEST(Sensitivity, HessianTraceOfALinearModel) {
  Workbench bench;
  Writer writer(1);
  std::string text =
      "func.func @main(%x: tensor<1x4xf32> {nn.name = \"x\"}) -> "
      "tensor<1x3xf32> {\n  %w = nn.constant dense<0.5> : tensor<3x4xf32> -> "
      "tensor<3x4xf32>\n  %0 = nn.gemm %x, %w {alpha = 1.0 : f32, beta = 1.0 "
      ": f32, trans_a = false, trans_b = true} : (tensor<1x4xf32>, "
      "tensor<3x4xf32>) -> tensor<1x3xf32>\n  return %0 : tensor<1x3xf32>\n}\n";
  bench.read(text);
  Dataset data = randomData({4}, 50, 7);
  data.labels.clear();
  data.targetShape = {3};
  data.targets.assign(150, 0.25f);
  double squares = 0;
  for (float value : data.inputs)
    squares += double(value) * value;
  double expected = 2 * squares / 50 / 12;
  std::vector<double> got =
      llvm::cantFail(bench.network->hessianTraces({"gemm"}, data, 50, 400, 3));
  EXPECT_NEAR(got[0], expected, 0.05 * expected);
  EXPECT_EQ(got, llvm::cantFail(
                     bench.network->hessianTraces({"gemm"}, data, 50, 400, 3)));
  EXPECT_THAT(
      llvm::toString(
          bench.network->hessianTraces({"x"}, data, 50, 1, 3).takeError()),
      HasSubstr("expected a layer with weights"));
}

/// The gate's gradient is by hand: for a linear model and squared error,
/// dL/dgate_c = sum_k 2/3 (y - t)_k w_kc x_c.
TEST(Sensitivity, TaylorImportanceIsTheGatesGradient) {
  Workbench bench;
  std::string text =
      "func.func @main(%x: tensor<1x2xf32> {nn.name = \"x\"}) -> "
      "tensor<1x1xf32> {\n  %w = nn.constant dense<[[2.0, -1.0]]> : "
      "tensor<1x2xf32> -> tensor<1x2xf32>\n  %0 = nn.relu %x : "
      "(tensor<1x2xf32>) -> tensor<1x2xf32>\n  %1 = nn.gemm %0, %w {alpha = "
      "1.0 : f32, beta = 1.0 : f32, trans_a = false, trans_b = true} : "
      "(tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x1xf32>\n  return %1 : "
      "tensor<1x1xf32>\n}\n";
  bench.read(text);
  Dataset data;
  data.sampleShape = {2};
  data.targetShape = {1};
  data.inputs = {1, 2, 3, -1};
  data.targets = {1, 2};
  // y = 0 and 6; slopes 2 (y - t) = -2 and 8.
  auto taylor = llvm::cantFail(bench.network->channelImportance(
      {"relu"}, Network::Importance::Taylor, data, 10));
  EXPECT_NEAR(taylor[0][0], (16 + 48 * 48) / 2.0, 1e-3);
  EXPECT_NEAR(taylor[0][1], (16 + 0) / 2.0, 1e-4);
  auto mean = llvm::cantFail(bench.network->channelImportance(
      {"relu"}, Network::Importance::Activation, data, 10));
  EXPECT_NEAR(mean[0][0], 2, 1e-6);
  EXPECT_NEAR(mean[0][1], 1, 1e-6);
}

} // namespace
