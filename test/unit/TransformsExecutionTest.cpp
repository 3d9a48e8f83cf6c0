//===- TransformsExecutionTest.cpp - Transforms keep what is computed -----===//
//
// Functions with random weights are run before and after the float pipeline, on
// the same random inputs, by the JIT. Folding reorders sums, so the results may
// differ by rounding and by nothing else.
//
//===----------------------------------------------------------------------===//

#include "accopt/Execution/Executor.h"
#include "accopt/Transforms/Pipelines.h"

#include "dialects/NN/NNOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace accopt;

namespace {
constexpr unsigned seed = 20240;

/// Writes a function op by op; every value that yield() names is a result.
class FunctionWriter {
public:
  /// A constant with elements in [low, high).
  std::string constant(llvm::ArrayRef<int64_t> shape, float low = -1.0f,
                       float high = 1.0f) {
    std::uniform_real_distribution<float> uniform(low, high);
    int64_t count = 1;
    for (int64_t size : shape)
      count *= size;
    std::string bytes = "\"0x";
    for (int64_t i = 0; i < count; ++i) {
      float value = uniform(generator);
      bytes += llvm::toHex(
          llvm::ArrayRef(reinterpret_cast<const uint8_t *>(&value), 4));
    }
    std::string type = tensor(shape);
    // Hex of a single element would be a splat of its own kind.
    return emit("nn.constant dense<" + bytes + "\"> : " + type + " -> " + type,
                shape);
  }
  std::string scalar(double value) {
    return emit("nn.constant dense<" + std::to_string(value) +
                    "> : tensor<f32> -> tensor<f32>",
                {});
  }
  std::string argument(llvm::ArrayRef<int64_t> shape) {
    std::string name = "%arg" + std::to_string(arguments.size());
    arguments.push_back(name + ": " + tensor(shape));
    types[name] = tensor(shape);
    return name;
  }
  /// `operands` are names; `extra` follows the first two (bias, residual).
  std::string op(const std::string &mnemonic,
                 llvm::ArrayRef<std::string> operands, const std::string &attrs,
                 llvm::ArrayRef<int64_t> shape) {
    std::string text = "nn." + mnemonic + " " + llvm::join(operands, ", ");
    return emit(text + " {" + attrs + "} : (" + typesOf(operands) + ") -> " +
                    tensor(shape),
                shape);
  }
  std::string conv(const std::string &input, llvm::ArrayRef<int64_t> weights,
                   int64_t groups, int64_t pad, int64_t stride, bool hasBias,
                   llvm::ArrayRef<int64_t> shape) {
    std::vector<std::string> operands{input, constant(weights)};
    std::string text = "nn.conv " + llvm::join(operands, ", ");
    if (hasBias) {
      operands.push_back(constant({weights[0]}));
      text += " bias " + operands.back();
    }
    std::string p = std::to_string(pad), s = std::to_string(stride);
    text +=
        " {dilations = array<i64: 1, 1>, groups = " + std::to_string(groups) +
        " : i64, pads = array<i64: " + p + ", " + p + ", " + p + ", " + p +
        ">, strides = array<i64: " + s + ", " + s + ">}";
    return emit(text + " : (" + typesOf(operands) + ") -> " + tensor(shape),
                shape);
  }
  std::string gemm(llvm::ArrayRef<std::string> operands, double alpha,
                   double beta, bool transA, bool transB,
                   llvm::ArrayRef<int64_t> shape) {
    std::string text = "nn.gemm " + operands[0] + ", " + operands[1];
    if (operands.size() > 2)
      text += " bias " + operands[2];
    auto toText = [](bool flag) { return flag ? "true" : "false"; };
    text += " {alpha = " + std::to_string(alpha) +
            " : f32, beta = " + std::to_string(beta) +
            " : f32, trans_a = " + toText(transA) +
            ", trans_b = " + toText(transB) + "}";
    return emit(text + " : (" + typesOf(operands) + ") -> " + tensor(shape),
                shape);
  }
  std::string norm(const std::string &input, llvm::ArrayRef<int64_t> shape) {
    int64_t channels = shape[1];
    std::vector<std::string> operands{
        input, constant({channels}), constant({channels}), constant({channels}),
        constant({channels}, 0.2f, 2.0f)};
    return op("batch_norm", operands, "epsilon = 1.0e-3 : f32", shape);
  }
  void yield(const std::string &value) { results.push_back(value); }

  std::string str() const {
    return "func.func @main(" + llvm::join(arguments, ", ") + ") -> (" +
           typesOf(results) + ") {\n" + body + "  return " +
           llvm::join(results, ", ") + " : " + typesOf(results) + "\n}\n";
  }

private:
  static std::string tensor(llvm::ArrayRef<int64_t> shape) {
    std::string text = "tensor<";
    for (int64_t size : shape)
      text += std::to_string(size) + "x";
    return text + "f32>";
  }
  std::string typesOf(llvm::ArrayRef<std::string> values) const {
    std::vector<std::string> list;
    for (const std::string &value : values)
      list.push_back(types.lookup(value));
    return llvm::join(list, ", ");
  }
  std::string emit(const std::string &text, llvm::ArrayRef<int64_t> shape) {
    std::string name = "%v" + std::to_string(count++);
    types[name] = tensor(shape);
    body += "  " + name + " = " + text + "\n";
    return name;
  }

  std::mt19937 generator{seed};
  std::string body;
  std::vector<std::string> arguments, results;
  llvm::StringMap<std::string> types;
  int count = 0;
};

class TransformsExecution : public testing::Test {
protected:
  TransformsExecution() {
    context.loadDialect<nn::NNDialect, mlir::func::FuncDialect,
                        mlir::quant::QuantDialect>();
  }

  static mlir::func::FuncOp getFunction(mlir::ModuleOp module) {
    return *module.getOps<mlir::func::FuncOp>().begin();
  }

  std::vector<std::vector<float>> run(mlir::ModuleOp module,
                                      llvm::ArrayRef<Tensor> inputs) {
    mlir::func::FuncOp func = getFunction(module);
    mlir::Operation *terminator = func.getBody().front().getTerminator();
    std::vector<std::vector<float>> results(terminator->getNumOperands());
    auto take = [&](mlir::Value value, llvm::ArrayRef<float> data,
                    llvm::ArrayRef<int64_t>) {
      for (mlir::OpOperand &operand : terminator->getOpOperands())
        if (operand.get() == value)
          results[operand.getOperandNumber()].assign(data.begin(), data.end());
    };
    EXPECT_FALSE(errorToBool(runWithIntermediates(func, inputs, take)));
    return results;
  }

  /// Runs `text` before and after the pipeline; returns the ops left, by name.
  llvm::StringMap<int> check(const std::string &text) {
    llvm::StringMap<int> counts;
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    EXPECT_TRUE(module) << text;
    if (!module)
      return counts;
    std::mt19937 generator(seed + 1);
    std::normal_distribution<float> normal;
    std::vector<Tensor> inputs;
    for (mlir::Type type : getFunction(*module).getArgumentTypes()) {
      auto tensor = llvm::cast<mlir::RankedTensorType>(type);
      std::vector<float> values(tensor.getNumElements());
      for (float &value : values)
        value = normal(generator);
      inputs.push_back(Tensor::create<float>(tensor.getShape(), values));
    }
    std::vector<std::vector<float>> before = run(*module, inputs);
    mlir::PassManager manager(&context);
    buildFloatPipeline(manager);
    EXPECT_TRUE(succeeded(manager.run(*module)));
    std::vector<std::vector<float>> after = run(*module, inputs);
    for (auto [i, values] : llvm::enumerate(before)) {
      float largest = 0.0f;
      for (float value : values)
        largest = std::max(largest, std::fabs(value));
      EXPECT_EQ(values.size(), after[i].size()) << "result " << i;
      EXPECT_FALSE(values.empty()) << "result " << i;
      for (size_t k = 0; k < std::min(values.size(), after[i].size()); ++k)
        EXPECT_NEAR(values[k], after[i][k], 2e-5f * (1.0f + largest))
            << "result " << i << ", element " << k;
    }
    module->walk(
        [&](mlir::Operation *op) { ++counts[op->getName().stripDialect()]; });
    return counts;
  }

  mlir::MLIRContext context;
};
} // namespace

TEST_F(TransformsExecution, BatchNorm) {
  FunctionWriter f;
  std::string x = f.argument({1, 4, 6, 6});
  // After a strided grouped convolution, after a depthwise one with a bias.
  f.yield(f.norm(f.conv(x, {6, 2, 3, 3}, 2, 1, 2, false, {1, 6, 3, 3}),
                 {1, 6, 3, 3}));
  f.yield(f.norm(f.conv(x, {4, 1, 3, 3}, 4, 1, 1, true, {1, 4, 6, 6}),
                 {1, 4, 6, 6}));
  // Before an unpadded grouped one, before a padded one, and before nothing.
  f.yield(f.conv(f.norm(x, {1, 4, 6, 6}), {6, 2, 3, 3}, 2, 0, 1, true,
                 {1, 6, 4, 4}));
  f.yield(f.conv(f.norm(x, {1, 4, 6, 6}), {3, 4, 3, 3}, 1, 1, 1, false,
                 {1, 3, 6, 6}));
  f.yield(f.op("relu", {f.norm(x, {1, 4, 6, 6})}, "", {1, 4, 6, 6}));
  std::string y = f.argument({3, 5});
  f.yield(f.norm(y, {3, 5}));
  f.yield(f.norm(f.gemm({y, f.constant({5, 2}), f.constant({2})}, 0.5, 2.0,
                        false, false, {3, 2}),
                 {3, 2}));
  llvm::StringMap<int> counts = check(f.str());
  EXPECT_EQ(counts["batch_norm"], 0);
  // Two of the five became convolutions.
  EXPECT_EQ(counts["conv"], 6);
}

TEST_F(TransformsExecution, BiasActivationResidual) {
  FunctionWriter f;
  std::string x = f.argument({1, 4, 5, 5});
  std::vector<int64_t> shape{1, 4, 5, 5};
  auto conv = [&] { return f.conv(x, {4, 4, 1, 1}, 1, 0, 1, true, shape); };
  // ((conv * c) + c) - s, then c - it, then / s, then a clip.
  std::string v = f.op("mul", {conv(), f.constant({4, 1, 1})}, "", shape);
  v = f.op("add", {f.constant({1, 4, 1, 1}), v}, "", shape);
  v = f.op("sub", {v, f.scalar(0.25)}, "", shape);
  v = f.op("sub", {f.constant({4, 1, 1}), v}, "", shape);
  v = f.op("div", {v, f.scalar(0.75)}, "", shape);
  f.yield(
      f.op("clip", {v}, "maximum = 1.5 : f32, minimum = -1.0 : f32", shape));
  // Two convolutions and their sum; the sum with a later value; a chain.
  std::string sum = f.op("add", {conv(), conv()}, "", shape);
  std::string relu = f.op("relu", {sum}, "", shape);
  f.yield(relu);
  std::string early = conv();
  std::string late = f.op("sigmoid", {relu}, "", shape);
  std::string chain = f.op("add", {early, late}, "", shape);
  f.yield(f.op("add", {chain, x}, "", shape));
  llvm::StringMap<int> counts = check(f.str());
  EXPECT_EQ(counts["mul"] + counts["sub"] + counts["div"] + counts["clip"] +
                counts["relu"],
            0);
  EXPECT_EQ(counts["add"], 1);
}

TEST_F(TransformsExecution, Normalize) {
  FunctionWriter f;
  std::string x = f.argument({1, 2, 6, 6});
  std::string padded = f.op("pad", {x},
                            "mode = \"constant\", pads = array<i64: 0, 0, 1, "
                            "2, 0, 0, 0, 1>, value = 0.0 : f32",
                            {1, 2, 7, 9});
  f.yield(f.conv(padded, {3, 2, 3, 3}, 1, 1, 2, true, {1, 3, 4, 5}));
  f.yield(f.op("average_pool", {padded},
               "ceil_mode = false, count_include_pad = false, dilations = "
               "array<i64: 1, 1>, kernel = array<i64: 3, 3>, pads = "
               "array<i64: 0, 0, 0, 0>, strides = array<i64: 2, 2>",
               {1, 2, 3, 4}));
  // hard_swish and hard_sigmoid, written out.
  std::vector<int64_t> shape{1, 2, 6, 6};
  auto gate = [&](double offset, double top) {
    std::string sum = f.op("add", {x, f.scalar(offset)}, "", shape);
    return f.op("clip", {sum},
                "maximum = " + std::to_string(top) +
                    " : f32, minimum = 0.0 : f32",
                shape);
  };
  f.yield(f.op("div", {f.op("mul", {x, gate(3, 6)}, "", shape), f.scalar(6)},
               "", shape));
  f.yield(f.op("mul", {gate(2, 4), f.scalar(0.25)}, "", shape));
  // Every form of gemm and matmul.
  std::string a = f.argument({4, 3}), b = f.argument({5, 4});
  f.yield(f.gemm({a, f.constant({2, 4}), f.constant({3, 2})}, 0.5, 2.0, true,
                 true, {3, 2}));
  f.yield(f.gemm({a, b}, 2.0, 1.0, true, true, {3, 5}));
  f.yield(f.gemm({b, a, f.constant({1, 3})}, 1.5, 0.5, false, false, {5, 3}));
  std::string batch = f.argument({2, 3, 4});
  std::string product =
      f.op("matmul", {batch, f.constant({4, 5})}, "", {2, 3, 5});
  f.yield(f.op("add", {product, f.constant({5})}, "", {2, 3, 5}));
  llvm::StringMap<int> counts = check(f.str());
  EXPECT_EQ(counts["hard_swish"], 1);
  EXPECT_EQ(counts["hard_sigmoid"], 1);
  EXPECT_EQ(counts["pad"], 0);
}

TEST_F(TransformsExecution, FoldConstants) {
  // Data movement on weights, against the JIT that computes it.
  FunctionWriter f;
  std::string x = f.argument({2, 3});
  std::string w = f.constant({4, 3, 2});
  w = f.op("transpose", {w}, "perm = array<i64: 2, 0, 1>", {2, 4, 3});
  w = f.op("slice", {w},
           "sizes = array<i64: 2, 2, 3>, starts = array<i64: 0, 3, 0>, steps "
           "= array<i64: 1, -2, 1>",
           {2, 2, 3});
  std::string mean =
      f.op("reduce_mean", {w}, "axes = array<i64: 0, 2>, keep_dims = true",
           {1, 2, 1});
  w = f.op("sub", {w, mean}, "clamp_min = -0.5 : f32", {2, 2, 3});
  w = f.op("concat", {w, f.constant({2, 1, 3})}, "axis = 1 : i64", {2, 3, 3});
  w = f.op("pad", {w},
           "mode = \"constant\", pads = array<i64: 0, 1, 0, 0, 0, 0>, value = "
           "0.5 : f32",
           {2, 4, 3});
  for (const char *activation : {"relu", "sigmoid", "hard_swish"})
    w = f.op(activation, {w}, "", {2, 4, 3});
  w = f.op("leaky_relu", {w}, "alpha = 0.1 : f32", {2, 4, 3});
  w = f.op("hard_sigmoid", {w}, "alpha = 0.3 : f32, beta = 0.1 : f32",
           {2, 4, 3});
  w = f.op("reshape", {w}, "", {8, 3});
  f.yield(f.gemm({x, w}, 1.0, 1.0, false, true, {2, 8}));
  llvm::StringMap<int> counts = check(f.str());
  EXPECT_EQ(counts["constant"], 1);
  EXPECT_EQ(counts["gemm"], 1);
}
