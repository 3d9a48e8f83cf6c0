//===- ExecutionTest.cpp - The executor's contract ------------------------===//

#include "accopt/Execution/Executor.h"

#include "accopt/Conversion/NNToTosa.h"
#include "dialects/NN/NNOps.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Parser/Parser.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <set>

using namespace mlir;
using namespace accopt;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

class Execution : public testing::Test {
protected:
  Execution() {
    context
        .loadDialect<nn::NNDialect, quant::QuantDialect, func::FuncDialect>();
  }
  OwningOpRef<ModuleOp> parse(const char *text) {
    auto module = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(module);
    return module;
  }
  static func::FuncOp function(ModuleOp module) {
    return *module.getOps<func::FuncOp>().begin();
  }
  /// Lowers the module's only function.
  OwningOpRef<ModuleOp> lower(const char *text) {
    auto module = parse(text);
    func::FuncOp original = function(*module);
    EXPECT_TRUE(succeeded(convertNNToTosa(original)));
    original.erase();
    return module;
  }
  static std::vector<float> floats(const Tensor &tensor) {
    auto values = tensor.values<float>();
    return {values.begin(), values.end()};
  }
  MLIRContext context;
};

// 100 constants of 0: enough to become an argument.
const char *const addZeros = R"(
  func.func @main(%x: tensor<1x1x10x10xf32>) -> tensor<1x1x10x10xf32> {
    %w = nn.constant dense<1.0> : tensor<1x1x1x1xf32> -> tensor<1x1x1x1xf32>
    %z = nn.constant dense<0.0> : tensor<1x1x10x10xf32> -> tensor<1x1x10x10xf32>
    %0 = nn.conv %x, %w residual %z {dilations = array<i64: 1, 1>,
      groups = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
      : (tensor<1x1x10x10xf32>, tensor<1x1x1x1xf32>, tensor<1x1x10x10xf32>) -> tensor<1x1x10x10xf32>
    return %0 : tensor<1x1x10x10xf32>
  })";

TEST_F(Execution, RunsAgainWithTheSameResultAndKeepsItsInputs) {
  auto module = lower(addZeros);
  auto executor = Executor::create(*module, "main");
  ASSERT_TRUE(bool(executor)) << toString(executor.takeError());
  std::vector<float> ones(100, 1.0f);
  Tensor input = Tensor::create<float>({1, 1, 10, 10}, ones);
  for (int i = 0; i < 3; ++i) {
    auto outputs = (*executor)->run(input);
    ASSERT_TRUE(bool(outputs));
    EXPECT_EQ(floats(outputs->front()), ones);
    EXPECT_EQ(floats(input), ones);
  }
}

TEST_F(Execution, InputsAreNotWritten) {
  auto module = lower(R"(
    func.func @main(%a: tensor<200xf32>, %b: tensor<200xf32>) -> tensor<200xf32> {
      %0 = nn.add %a, %b : (tensor<200xf32>, tensor<200xf32>) -> tensor<200xf32>
      return %0 : tensor<200xf32>
    })");
  auto executor = Executor::create(*module, "main");
  ASSERT_TRUE(bool(executor));
  std::vector<float> a(200, 2.0f), b(200, 3.0f), sum(200, 5.0f);
  std::vector<Tensor> inputs = {Tensor::create<float>({200}, a),
                                Tensor::create<float>({200}, b)};
  auto outputs = (*executor)->run(inputs);
  ASSERT_TRUE(bool(outputs));
  EXPECT_EQ(floats(outputs->front()), sum);
  EXPECT_EQ(floats(inputs[0]), a);
  EXPECT_EQ(floats(inputs[1]), b);
}

// Arguments, constants and one value twice, straight to the results.
TEST_F(Execution, ReturnsWhatItDidNotCompute) {
  auto module = lower(R"(
    func.func @main(%x: tensor<2x50xf32>) -> (tensor<2x50xf32>, tensor<100xf32>,
        tensor<100xf32>, tensor<3xf32>, tensor<100xf32>, tensor<f32>) {
      %big = nn.constant dense<4.0> : tensor<100xf32> -> tensor<100xf32>
      %small = nn.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32> -> tensor<3xf32>
      %scalar = nn.constant dense<5.0> : tensor<f32> -> tensor<f32>
      %0 = nn.reshape %x : (tensor<2x50xf32>) -> tensor<100xf32>
      return %x, %0, %0, %small, %big, %scalar : tensor<2x50xf32>,
        tensor<100xf32>, tensor<100xf32>, tensor<3xf32>, tensor<100xf32>, tensor<f32>
    })");
  auto executor = Executor::create(*module, "main");
  ASSERT_TRUE(bool(executor)) << toString(executor.takeError());
  std::vector<float> x(100);
  for (int i = 0; i < 100; ++i)
    x[i] = static_cast<float>(i);
  for (int run = 0; run < 2; ++run) {
    auto outputs = (*executor)->run(Tensor::create<float>({2, 50}, x));
    ASSERT_TRUE(bool(outputs)) << toString(outputs.takeError());
    for (int i : {0, 1, 2})
      EXPECT_EQ(floats((*outputs)[i]), x);
    EXPECT_THAT(floats((*outputs)[3]), ElementsAre(1, 2, 3));
    EXPECT_EQ(floats((*outputs)[4]), std::vector<float>(100, 4.0f));
    EXPECT_THAT(floats((*outputs)[5]), ElementsAre(5));
    EXPECT_TRUE((*outputs)[5].shape.empty());
  }
}

TEST_F(Execution, BytecodeGivesTheSame) {
  auto module = lower(addZeros);
  std::string bytes = toBytecode(*module);
  EXPECT_EQ(bytes, toBytecode(*lower(addZeros)));
  auto executor = Executor::createFromBytecode(bytes, "main");
  ASSERT_TRUE(bool(executor)) << toString(executor.takeError());
  std::vector<float> values(100);
  for (int i = 0; i < 100; ++i)
    values[i] = static_cast<float>(i) - 50;
  auto outputs =
      (*executor)->run(Tensor::create<float>({1, 1, 10, 10}, values));
  ASSERT_TRUE(bool(outputs));
  EXPECT_EQ(floats(outputs->front()), values);
}

// A resource of alignment 64; the bytes lie wherever a file or a string has
// them.
TEST_F(Execution, BytecodeNeedsNoAlignment) {
  auto module = lower(R"(
    func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
      %c = nn.constant dense_resource<ones> : tensor<2xf32> -> tensor<2xf32>
      %0 = nn.add %x, %c : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
      return %0 : tensor<2xf32>
    }
    {-# dialect_resources: { builtin: {
      ones: "0x400000000000803F0000803F" } } #-})");
  std::string bytes = toBytecode(*module);
  std::vector<char> shifted(bytes.size() + 64);
  for (size_t offset : {0, 1, 8, 16, 32, 33}) {
    llvm::copy(bytes, shifted.begin() + offset);
    auto executor = Executor::createFromBytecode(
        ArrayRef(shifted).slice(offset, bytes.size()), "main");
    ASSERT_TRUE(bool(executor)) << toString(executor.takeError());
    std::vector<float> x = {1.0f, 2.0f};
    auto outputs = (*executor)->run(Tensor::create<float>({2}, x));
    ASSERT_TRUE(bool(outputs)) << toString(outputs.takeError());
    EXPECT_THAT(floats(outputs->front()), ElementsAre(2.0f, 3.0f));
  }
}

TEST_F(Execution, DamagedBytecodeIsRefused) {
  std::string bytes = toBytecode(*lower(addZeros));
  for (size_t cut : {size_t(0), size_t(3), bytes.size() / 2}) {
    auto executor =
        Executor::createFromBytecode(ArrayRef(bytes.data(), cut), "main");
    ASSERT_FALSE(bool(executor));
    EXPECT_THAT(toString(executor.takeError()), HasSubstr("malformed module"));
  }
  // A single bit anywhere.
  for (size_t at = 0; at < bytes.size(); at += 7) {
    std::string damaged = bytes;
    damaged[at] ^= 1 << at % 8;
    auto executor = Executor::createFromBytecode(damaged, "main");
    ASSERT_FALSE(bool(executor));
    EXPECT_THAT(toString(executor.takeError()), HasSubstr("malformed module"));
  }
  auto missing = Executor::createFromBytecode(bytes, "other");
  ASSERT_FALSE(bool(missing));
  EXPECT_THAT(toString(missing.takeError()), HasSubstr("'other'"));
}

TEST_F(Execution, ForeignDialectsAreRefused) {
  auto module = parse(addZeros);
  auto executor = Executor::createFromBytecode(toBytecode(*module), "main");
  ASSERT_FALSE(bool(executor));
  EXPECT_THAT(toString(executor.takeError()), HasSubstr("malformed module"));
}

TEST_F(Execution, HugeTensorsAreRefused) {
  auto module = lower(R"(
    func.func @main(%x: tensor<3000000000xf32>) -> tensor<3000000000xf32> {
      %0 = nn.relu %x : (tensor<3000000000xf32>) -> tensor<3000000000xf32>
      return %0 : tensor<3000000000xf32>
    })");
  auto executor = Executor::createFromBytecode(toBytecode(*module), "main");
  ASSERT_FALSE(bool(executor));
  EXPECT_THAT(toString(executor.takeError()), HasSubstr("2^31"));
}

TEST_F(Execution, WrongInputsAreRefused) {
  auto module = lower(addZeros);
  auto executor = Executor::create(*module, "main");
  ASSERT_TRUE(bool(executor));
  auto none = (*executor)->run({});
  ASSERT_FALSE(bool(none));
  EXPECT_EQ(toString(none.takeError()), "expected 1 inputs, got 0");
  std::vector<float> few(10);
  auto small = (*executor)->run(Tensor::create<float>({10}, few));
  ASSERT_FALSE(bool(small));
  EXPECT_EQ(toString(small.takeError()),
            "input 0: expected 1x1x10x10xf32, got 10xf32");
}

TEST_F(Execution, IntermediatesOfEveryOp) {
  auto module = parse(R"(
    func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
      %two = nn.constant dense<2.0> : tensor<4xf32> -> tensor<4xf32>
      %0 = nn.mul %x, %two : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
      %1 = nn.relu %0 : (tensor<4xf32>) -> tensor<4xf32>
      return %1 : tensor<4xf32>
    })");
  func::FuncOp main = function(*module);
  std::vector<float> x = {-1, 0, 1, 2};
  std::vector<std::pair<Value, std::vector<float>>> seen;
  llvm::Error error = runWithIntermediates(
      main, Tensor::create<float>({4}, x),
      [&](Value value, ArrayRef<float> data, ArrayRef<int64_t> shape) {
        EXPECT_EQ(shape, ArrayRef<int64_t>({4}));
        seen.emplace_back(value, data.vec());
      });
  ASSERT_FALSE(bool(error));
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[0].first, main.getArgument(0));
  EXPECT_THAT(seen[0].second, ElementsAre(-1, 0, 1, 2));
  EXPECT_THAT(seen[1].second, ElementsAre(-2, 0, 2, 4));
  EXPECT_THAT(seen[2].second, ElementsAre(0, 0, 2, 4));
  EXPECT_EQ(module->getOps<func::FuncOp>().end(),
            std::next(module->getOps<func::FuncOp>().begin()));
}

// Scale 0.5, zero point 3: q = round_half_even(x / 0.5) + 3, saturated.
TEST_F(Execution, QuantizesAsOnnxDoes) {
  auto module = lower(R"(
    !q = !quant.uniform<i8:f32, 0.5:3>
    func.func @main(%x: tensor<8xf32>) -> (tensor<8x!q>, tensor<8xf32>) {
      %0 = quant.qcast %x : tensor<8xf32> to tensor<8x!q>
      %1 = quant.dcast %0 : tensor<8x!q> to tensor<8xf32>
      return %0, %1 : tensor<8x!q>, tensor<8xf32>
    })");
  auto executor = Executor::create(*module, "main");
  ASSERT_TRUE(bool(executor)) << toString(executor.takeError());
  std::vector<float> x = {0, 0.25f, 0.75f, -0.25f, -0.75f, 1.0f, 1e9f, -1e9f};
  auto outputs = (*executor)->run(Tensor::create<float>({8}, x));
  ASSERT_TRUE(bool(outputs));
  EXPECT_THAT((*outputs)[0].values<int8_t>(),
              ElementsAre(3, 3, 5, 3, 1, 5, 127, -128));
  EXPECT_THAT(floats((*outputs)[1]),
              ElementsAre(0, 0, 1, 0, -1, 1, 62, -65.5f));
}

//===----------------------------------------------------------------------===//
// Host segments
//===----------------------------------------------------------------------===//

/// Strides of a row-major shape.
std::vector<int64_t> stridesOf(ArrayRef<int64_t> shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t d = shape.size(); d-- > 1;)
    strides[d - 1] = strides[d] * shape[d];
  return strides;
}

/// Moves channels last (or back), for tensors of rank 3 and 4.
Tensor permute(const Tensor &tensor, bool toLast) {
  size_t rank = tensor.shape.size();
  if (rank != 3 && rank != 4)
    return tensor;
  SmallVector<int64_t> perm = {0};
  if (toLast) {
    for (size_t d = 2; d < rank; ++d)
      perm.push_back(static_cast<int64_t>(d));
    perm.push_back(1);
  } else {
    perm.push_back(static_cast<int64_t>(rank) - 1);
    for (size_t d = 1; d + 1 < rank; ++d)
      perm.push_back(static_cast<int64_t>(d));
  }
  Tensor result = tensor;
  for (size_t d = 0; d < rank; ++d)
    result.shape[d] = tensor.shape[perm[d]];
  std::vector<int64_t> from = stridesOf(tensor.shape);
  std::vector<int64_t> to = stridesOf(result.shape);
  for (size_t i = 0; i < result.bytes.size(); ++i) {
    int64_t source = 0;
    for (size_t d = 0; d < rank; ++d)
      source +=
          static_cast<int64_t>(i) / to[d] % result.shape[d] * from[perm[d]];
    result.bytes[i] = tensor.bytes[source];
  }
  return result;
}

class HostLayout : public Execution,
                   public testing::WithParamInterface<const char *> {};

// Channels last or first: the same integers. The float ops themselves are
// compared with onnxruntime elsewhere.
TEST_P(HostLayout, DoesNotChangeIntegers) {
  std::string text = std::string("!q = !quant.uniform<i8:f32, 0.05:-3>\n"
                                 "!r = !quant.uniform<i8:f32, 0.02:7>\n") +
                     GetParam();
  auto module = parse(text.c_str());
  func::FuncOp network = function(*module);
  Operation *op = network.front().getTerminator()->getPrevNode();
  OpBuilder at = OpBuilder::atBlockEnd(module->getBody());
  ASSERT_TRUE(succeeded(buildHostFunction(at, op, "host", true)));
  ASSERT_TRUE(succeeded(convertNNToTosa(network)));
  network.erase();
  ASSERT_TRUE(succeeded(module->verify()));
  auto first = Executor::create(*module, "main");
  auto last = Executor::create(*module, "host");
  ASSERT_TRUE(bool(first)) << toString(first.takeError());
  ASSERT_TRUE(bool(last)) << toString(last.takeError());

  std::vector<Tensor> inputs, moved;
  unsigned state = 1;
  for (Type type : function(*module).getArgumentTypes()) {
    auto shape = cast<RankedTensorType>(type).getShape();
    std::vector<int8_t> values(cast<RankedTensorType>(type).getNumElements());
    for (int8_t &value : values) {
      state = state * 1664525u + 1013904223u;
      value = static_cast<int8_t>(state >> 24);
    }
    inputs.push_back(Tensor::create<int8_t>(shape, values));
    moved.push_back(permute(inputs.back(), /*toLast=*/true));
  }
  auto expected = (*first)->run(inputs);
  auto actual = (*last)->run(moved);
  ASSERT_TRUE(bool(expected)) << toString(expected.takeError());
  ASSERT_TRUE(bool(actual)) << toString(actual.takeError());
  Tensor back = permute(actual->front(), /*toLast=*/false);
  EXPECT_EQ(back.shape, expected->front().shape);
  EXPECT_EQ(back.bytes, expected->front().bytes);
  // Something was computed: not one value everywhere.
  EXPECT_NE(std::set<uint8_t>(back.bytes.begin(), back.bytes.end()).size(), 1u);
}

#define ONE(shape, result, op)                                                 \
  "func.func @main(%x: tensor<" shape "x!q>) -> tensor<" result "x!r> {\n"     \
  "%0 = " op " : (tensor<" shape "x!q>) -> tensor<" result "x!r>\n"            \
  "return %0 : tensor<" result "x!r> }"

INSTANTIATE_TEST_SUITE_P(
    Ops, HostLayout,
    testing::Values(
        ONE("2x3x4x5", "2x3x4x5", "nn.softmax %x {axis = 1 : i64}"),
        ONE("2x3x4x5", "2x3x4x5", "nn.softmax %x {axis = 2 : i64}"),
        ONE("2x3x4", "2x3x4", "nn.softmax %x {axis = 2 : i64}"),
        ONE("6x7", "6x7", "nn.softmax %x {axis = 1 : i64}"),
        ONE("1x6x4x5", "1x6x4x5",
            "nn.lrn %x {alpha = 0.5 : f32, beta = 0.75 : f32, bias = 1.0 : "
            "f32, size = 3 : i64}"),
        ONE("1x3x6x7", "1x3x4x5",
            "nn.average_pool %x {ceil_mode = false, count_include_pad = false, "
            "dilations = array<i64: 2, 2>, kernel = array<i64: 2, 2>, pads = "
            "array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}"),
        ONE("1x3x7", "1x3x4",
            "nn.max_pool %x {ceil_mode = true, dilations = array<i64: 1>, "
            "kernel = array<i64: 2>, pads = array<i64: 0, 0>, strides = "
            "array<i64: 2>}"),
        ONE("2x3x4x5", "2x4",
            "nn.reduce_mean %x {axes = array<i64: 1, 3>, keep_dims = false}"),
        ONE("2x3x4x5", "2x1x4x5",
            "nn.reduce_mean %x {axes = array<i64: 1>, keep_dims = true}"),
        ONE("1x3x4x5", "1x3x6x4",
            "nn.pad %x {mode = \"reflect\", pads = array<i64: 0, 0, 1, -1, 0, "
            "0, 1, 0>, value = 0.0 : f32}"),
        ONE("1x6x4x5", "1x3x4x5",
            "nn.slice %x {starts = array<i64: 0, 5, 0, 0>, sizes = array<i64: "
            "1, 3, 4, 5>, steps = array<i64: 1, -2, 1, 1>}"),
        ONE("2x3x4x5", "2x4x5x3",
            "nn.transpose %x {perm = array<i64: 0, 2, 3, 1>}"),
        ONE("2x3x4x5", "6x20", "nn.reshape %x"),
        "func.func @main(%x: tensor<1x3x4x5x!q>, %y: tensor<3x1x1x!q>) -> "
        "tensor<1x3x4x5x!r> {\n"
        "%0 = nn.div %x, %y : (tensor<1x3x4x5x!q>, tensor<3x1x1x!q>) -> "
        "tensor<1x3x4x5x!r>\n return %0 : tensor<1x3x4x5x!r> }",
        "func.func @main(%x: tensor<1x3x4x5x!q>) -> tensor<1x3x4x5x!r> {\n"
        "%c = nn.constant dense<[[[20]], [[40]], [[-60]]]> : "
        "tensor<3x1x1xi8> -> tensor<3x1x1x!q>\n"
        "%0 = nn.div %x, %c : (tensor<1x3x4x5x!q>, tensor<3x1x1x!q>) -> "
        "tensor<1x3x4x5x!r>\n return %0 : tensor<1x3x4x5x!r> }",
        "func.func @main(%x: tensor<1x3x4x5x!q>, %y: tensor<1x2x4x5x!r>) -> "
        "tensor<1x5x4x5x!r> {\n"
        "%0 = nn.concat %x, %y {axis = 1 : i64} : (tensor<1x3x4x5x!q>, "
        "tensor<1x2x4x5x!r>) -> tensor<1x5x4x5x!r>\n"
        "return %0 : tensor<1x5x4x5x!r> }"));

// A host segment: dequantize, softmax, quantize, channels last.
TEST_F(Execution, HostFunctionOnIntegers) {
  auto module = parse(R"(
    !in = !quant.uniform<i8:f32, 1.0:0>
    !out = !quant.uniform<i8:f32, 3.90625e-03:-128>
    func.func @main(%x: tensor<1x2x1x2x!in>) -> tensor<1x2x1x2x!out> {
      %0 = nn.softmax %x {axis = 1 : i64} : (tensor<1x2x1x2x!in>) -> tensor<1x2x1x2x!out>
      return %0 : tensor<1x2x1x2x!out>
    })");
  Operation *softmax = &function(*module).front().front();
  OwningOpRef<ModuleOp> host = ModuleOp::create(UnknownLoc::get(&context));
  OpBuilder at = OpBuilder::atBlockEnd(host->getBody());
  ASSERT_TRUE(succeeded(buildHostFunction(at, softmax, "softmax", true)));
  ASSERT_TRUE(succeeded(host->verify()));
  auto executor = Executor::createFromBytecode(toBytecode(*host), "softmax");
  ASSERT_TRUE(bool(executor)) << toString(executor.takeError());
  // Pixels (0, 0) and (0, 100) over the two channels: halves, then 0 and 1.
  std::vector<int8_t> x = {0, 0, 0, 100};
  auto outputs = (*executor)->run(Tensor::create<int8_t>({1, 1, 2, 2}, x));
  ASSERT_TRUE(bool(outputs)) << toString(outputs.takeError());
  EXPECT_THAT(outputs->front().values<int8_t>(), ElementsAre(0, 0, -128, 127));
}

} // namespace
