//===- AccelToTosaTest.cpp - Integers of accel layers through the JIT -----===//
//
// Random layers, lowered to TOSA and run by MLIR's execution engine, against
// loops written from the ops' descriptions with wider arithmetic. Extreme
// accumulators and scales included. The seed is printed; ACCOPT_TEST_SEED sets
// it.
//
//===----------------------------------------------------------------------===//

#include "accopt/Conversion/AccelToTosa.h"
#include "accopt/Execution/Executor.h"

#include "dialects/Accel/AccelOps.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <random>

using namespace mlir;
using namespace accopt;

namespace {

using Shape = std::vector<int64_t>;

int64_t product(const Shape &shape) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

struct Scale {
  int64_t multiplier, shift;
};

/// TOSA's apply_scale_32 with SINGLE_ROUND; what does not fit loses its high
/// bits.
int64_t applyScale(int64_t value, Scale scale) {
  __int128 sum =
      __int128(value) * scale.multiplier + (__int128(1) << (scale.shift - 1));
  return static_cast<int32_t>(static_cast<int64_t>(sum >> scale.shift));
}

int64_t wrap(int64_t value) { return static_cast<int32_t>(value); }

class AccelToTosa : public testing::Test {
protected:
  AccelToTosa() : seed(chooseSeed()), random(seed) {
    context.loadDialect<accel::AccelDialect, func::FuncDialect>();
    RecordProperty("seed", std::to_string(seed));
    std::printf("seed %u\n", seed);
  }

  static unsigned chooseSeed() {
    const char *given = std::getenv("ACCOPT_TEST_SEED");
    return given ? static_cast<unsigned>(std::strtoul(given, nullptr, 10))
                 : std::random_device()();
  }

  int64_t uniform(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random);
  }

  /// Values with the ends of the range more often than others.
  template <typename T>
  std::vector<T> values(const Shape &shape, int64_t low, int64_t high) {
    std::vector<T> result(product(shape));
    for (T &value : result)
      switch (uniform(0, 9)) {
      case 0:
        value = static_cast<T>(low);
        break;
      case 1:
        value = static_cast<T>(high);
        break;
      default:
        value = static_cast<T>(uniform(low, high));
      }
    return result;
  }

  /// A scale that brings `bits`-bit values to about eight bits.
  Scale scaleFor(int bits) {
    int64_t shift = std::clamp<int64_t>(30 + bits - 8 + uniform(-1, 1), 2, 62);
    return {uniform(0, 3) ? uniform(1 << 30, (1ll << 31) - 1) : (1ll << 31) - 1,
            shift};
  }

  /// Runs `op`, a line of MLIR that defines %y of `result` from %x0, %x1, ...
  std::vector<int8_t> run(const std::string &op,
                          const std::vector<std::pair<std::string, Tensor>> &in,
                          const std::string &result) {
    std::string text = "func.func @f(";
    std::vector<Tensor> tensors;
    for (size_t i = 0; i < in.size(); ++i) {
      text += (i ? ", %x" : "%x") + std::to_string(i) + ": " + in[i].first;
      tensors.push_back(in[i].second);
    }
    text += ") -> " + result + " {\n  %y = " + op +
            "\n  return %y : " + result + "\n}\n";
    SCOPED_TRACE(text);
    auto module = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(module);
    if (!module)
      return {};
    EXPECT_TRUE(
        succeeded(convertAccelToTosa(*module->getOps<func::FuncOp>().begin())));
    EXPECT_TRUE(succeeded(module->verify()));
    std::vector<int8_t> first;
    for (bool vectorize : {true, false}) {
      ExecutorOptions options;
      options.vectorize = vectorize;
      options.optLevel = 1;
      auto executor = Executor::create(*module, "f", options);
      if (!executor) {
        ADD_FAILURE() << toString(executor.takeError());
        return {};
      }
      auto outputs = (*executor)->run(tensors);
      if (!outputs) {
        ADD_FAILURE() << toString(outputs.takeError());
        return {};
      }
      auto data = outputs->front().values<int8_t>();
      if (first.empty())
        first.assign(data.begin(), data.end());
      else
        EXPECT_EQ(first, std::vector<int8_t>(data.begin(), data.end()));
    }
    return first;
  }

  static std::string type(const Shape &shape, const char *element) {
    std::string text = "tensor<";
    for (int64_t size : shape)
      text += std::to_string(size) + "x";
    return text + element + ">";
  }
  template <typename Range> static std::string list(const Range &range) {
    std::string text;
    for (auto value : range)
      text += (text.empty() ? "" : ", ") + std::to_string(value);
    return text;
  }
  static std::string scaleText(Scale scale) {
    return "<" + std::to_string(scale.multiplier) + ", " +
           std::to_string(scale.shift) + ">";
  }

  /// Sizes of a random window and the result that it gives.
  struct Geometry {
    int64_t kernel[2], stride[2], dilation[2], low[2], high[2], in[2], out[2];

    /// The input position of a tap, or -1 where it is padding.
    int64_t position(int d, int64_t o, int64_t k) const {
      int64_t at = o * stride[d] + k * dilation[d] - low[d];
      return at >= 0 && at < in[d] ? at : -1;
    }
    std::string attributes() const {
      return "dilations = array<i64: " + list(dilation) +
             ">, pads = array<i64: " + list(low) + ", " + list(high) +
             ">, strides = array<i64: " + list(stride) + ">";
    }
  };
  Geometry geometry() {
    Geometry g;
    for (int d = 0; d < 2; ++d) {
      g.kernel[d] = uniform(1, 3);
      g.stride[d] = uniform(1, 3);
      g.dilation[d] = uniform(1, 2);
      g.low[d] = uniform(0, 2);
      g.high[d] = uniform(0, 2);
      g.in[d] = uniform(5, 11);
      g.out[d] = (g.in[d] + g.low[d] + g.high[d] -
                  g.dilation[d] * (g.kernel[d] - 1) - 1) /
                     g.stride[d] +
                 1;
    }
    return g;
  }

  /// Random requantization of `channels` accumulators.
  struct Requant {
    std::vector<int64_t> multiplier, shift;
    int64_t zeroPoint, low, high, residualZeroPoint = 0;
    Scale residual{}, sum{};
    std::vector<int8_t> table;

    int8_t apply(int64_t accumulator, int64_t channel,
                 const int8_t *residualValue) const {
      size_t entry = multiplier.size() == 1 ? 0 : channel;
      int64_t v =
          applyScale(wrap(accumulator), {multiplier[entry], shift[entry]});
      if (residualValue)
        v = applyScale(
            wrap(v + applyScale(*residualValue - residualZeroPoint, residual)),
            sum);
      int64_t q = std::max(low, std::min(v + zeroPoint, high));
      return table.empty() ? static_cast<int8_t>(q) : table[q + 128];
    }
    std::string text(bool hasResidual) const {
      std::string result = "requant = #accel.requant<multiplier = [" +
                           list(multiplier) + "], shift = [" + list(shift) +
                           "], zero_point = " + std::to_string(zeroPoint) +
                           ", clamp = [" + std::to_string(low) + ", " +
                           std::to_string(high) + "]";
      if (hasResidual)
        result +=
            " residual = " + scaleText(residual) +
            " residual_zero_point = " + std::to_string(residualZeroPoint) +
            " sum = " + scaleText(sum);
      if (!table.empty())
        result += " table = [" + list(table) + "]";
      return result + ">";
    }
  };
  Requant requant(int64_t channels, int bits, bool hasResidual) {
    Requant r;
    int64_t entries = uniform(0, 1) ? channels : 1;
    for (int64_t i = 0; i < entries; ++i) {
      Scale scale = scaleFor(bits);
      r.multiplier.push_back(scale.multiplier);
      r.shift.push_back(scale.shift);
    }
    r.zeroPoint = uniform(-128, 127);
    r.low = uniform(0, 1) ? -128 : uniform(-128, 0);
    r.high = uniform(0, 1) ? 127 : uniform(0, 127);
    if (hasResidual) {
      r.residual = {uniform(1 << 30, (1ll << 31) - 1), uniform(20, 32)};
      r.sum = {uniform(1 << 30, (1ll << 31) - 1), uniform(28, 40)};
      r.residualZeroPoint = uniform(-128, 127);
    }
    if (uniform(0, 2) == 0)
      r.table = values<int8_t>({256}, -128, 127);
    return r;
  }

  MLIRContext context;
  unsigned seed;
  std::mt19937 random;
};

TEST_F(AccelToTosa, Conv2D) {
  for (int round = 0; round < 8; ++round) {
    Geometry g = geometry();
    int64_t groups = uniform(1, 3), perGroup = uniform(1, 9),
            filters = uniform(1, 20), batch = uniform(1, 2);
    int64_t channels = groups * perGroup, outputs = groups * filters;
    bool hasResidual = uniform(0, 1);
    Shape xShape{batch, g.in[0], g.in[1], channels};
    Shape wShape{outputs, g.kernel[0], g.kernel[1], perGroup};
    Shape yShape{batch, g.out[0], g.out[1], outputs};
    // Now and then biases that reach the ends of 32 bits.
    bool extreme = uniform(0, 2) == 0;
    int64_t biasRange = extreme ? (1ll << 31) - 2000000 : 3000;
    auto x = values<int8_t>(xShape, -128, 127);
    auto w = values<int8_t>(wShape, -127, 127);
    auto bias = values<int32_t>({outputs}, -biasRange, biasRange);
    auto residual = values<int8_t>(yShape, -128, 127);
    int64_t zeroPoint = uniform(-128, 127);
    Requant r = requant(outputs, extreme ? 31 : 17, hasResidual);
    std::vector<int64_t> shuffle(channels);
    std::iota(shuffle.begin(), shuffle.end(), 0);
    bool isShuffled = uniform(0, 2) == 0;
    if (isShuffled)
      std::shuffle(shuffle.begin(), shuffle.end(), random);

    std::vector<std::pair<std::string, Tensor>> in = {
        {type(xShape, "i8"), Tensor::create<int8_t>(xShape, x)},
        {type(wShape, "i8"), Tensor::create<int8_t>(wShape, w)},
        {type({outputs}, "i32"), Tensor::create<int32_t>({outputs}, bias)}};
    std::string op = "accel.conv2d %x0, %x1, %x2", types;
    if (hasResidual) {
      op += " residual %x3";
      in.push_back(
          {type(yShape, "i8"), Tensor::create<int8_t>(yShape, residual)});
    }
    for (auto &entry : in)
      types += (types.empty() ? "" : ", ") + entry.first;
    op += " {" + g.attributes() + ", groups = " + std::to_string(groups) +
          " : i64, " +
          (isShuffled ? "input_channels = array<i64: " + list(shuffle) + ">, "
                      : "") +
          "input_zero_point = " + std::to_string(zeroPoint) + " : i32, " +
          r.text(hasResidual) + "} : (" + types + ") -> " + type(yShape, "i8");
    std::vector<int8_t> actual = run(op, in, type(yShape, "i8"));

    std::vector<int8_t> expected;
    for (int64_t n = 0; n < batch; ++n)
      for (int64_t oy = 0; oy < g.out[0]; ++oy)
        for (int64_t ox = 0; ox < g.out[1]; ++ox)
          for (int64_t m = 0; m < outputs; ++m) {
            int64_t sum = bias[m];
            for (int64_t ky = 0; ky < g.kernel[0]; ++ky)
              for (int64_t kx = 0; kx < g.kernel[1]; ++kx)
                for (int64_t c = 0; c < perGroup; ++c) {
                  int64_t iy = g.position(0, oy, ky);
                  int64_t ix = g.position(1, ox, kx);
                  if (iy < 0 || ix < 0)
                    continue;
                  int64_t channel = shuffle[m / filters * perGroup + c];
                  int64_t value =
                      x[((n * g.in[0] + iy) * g.in[1] + ix) * channels +
                        channel];
                  int64_t weight =
                      w[((m * g.kernel[0] + ky) * g.kernel[1] + kx) * perGroup +
                        c];
                  sum += (value - zeroPoint) * weight;
                }
            expected.push_back(r.apply(
                sum, m, hasResidual ? &residual[expected.size()] : nullptr));
          }
    ASSERT_EQ(actual, expected) << op;
  }
}

TEST_F(AccelToTosa, DepthwiseConv2D) {
  for (int round = 0; round < 6; ++round) {
    Geometry g = geometry();
    int64_t channels = uniform(1, 40);
    bool hasResidual = uniform(0, 1);
    Shape xShape{1, g.in[0], g.in[1], channels};
    Shape wShape{g.kernel[0], g.kernel[1], channels};
    Shape yShape{1, g.out[0], g.out[1], channels};
    auto x = values<int8_t>(xShape, -128, 127);
    auto w = values<int8_t>(wShape, -127, 127);
    auto bias = values<int32_t>({channels}, -5000, 5000);
    auto residual = values<int8_t>(yShape, -128, 127);
    int64_t zeroPoint = uniform(-128, 127);
    Requant r = requant(channels, 16, hasResidual);
    std::vector<std::pair<std::string, Tensor>> in = {
        {type(xShape, "i8"), Tensor::create<int8_t>(xShape, x)},
        {type(wShape, "i8"), Tensor::create<int8_t>(wShape, w)},
        {type({channels}, "i32"), Tensor::create<int32_t>({channels}, bias)}};
    std::string op = "accel.depthwise_conv2d %x0, %x1, %x2", types;
    if (hasResidual) {
      op += " residual %x3";
      in.push_back(
          {type(yShape, "i8"), Tensor::create<int8_t>(yShape, residual)});
    }
    for (auto &entry : in)
      types += (types.empty() ? "" : ", ") + entry.first;
    op += " {" + g.attributes() +
          ", input_zero_point = " + std::to_string(zeroPoint) + " : i32, " +
          r.text(hasResidual) + "} : (" + types + ") -> " + type(yShape, "i8");
    std::vector<int8_t> actual = run(op, in, type(yShape, "i8"));

    std::vector<int8_t> expected;
    for (int64_t oy = 0; oy < g.out[0]; ++oy)
      for (int64_t ox = 0; ox < g.out[1]; ++ox)
        for (int64_t c = 0; c < channels; ++c) {
          int64_t sum = bias[c];
          for (int64_t ky = 0; ky < g.kernel[0]; ++ky)
            for (int64_t kx = 0; kx < g.kernel[1]; ++kx) {
              int64_t iy = g.position(0, oy, ky), ix = g.position(1, ox, kx);
              if (iy >= 0 && ix >= 0)
                sum += (x[(iy * g.in[1] + ix) * channels + c] - zeroPoint) *
                       w[(ky * g.kernel[1] + kx) * channels + c];
            }
          expected.push_back(r.apply(
              sum, c, hasResidual ? &residual[expected.size()] : nullptr));
        }
    ASSERT_EQ(actual, expected) << op;
  }
}

TEST_F(AccelToTosa, Pools) {
  for (int round = 0; round < 10; ++round) {
    Geometry g = geometry();
    int64_t channels = uniform(1, 20), taps = g.kernel[0] * g.kernel[1];
    bool average = round % 2, countPad = uniform(0, 1);
    int64_t inputZp = uniform(-128, 127), outputZp = uniform(-128, 127);
    Shape xShape{1, g.in[0], g.in[1], channels};
    Shape yShape{1, g.out[0], g.out[1], channels};
    auto x = values<int8_t>(xShape, -128, 127);
    std::vector<int64_t> multiplier, shift;
    for (int64_t i = 0; i < (average && countPad ? 1 : taps); ++i) {
      Scale scale = scaleFor(11);
      multiplier.push_back(scale.multiplier);
      shift.push_back(scale.shift);
    }
    std::string op = average ? "accel.avg_pool %x0 {" : "accel.max_pool %x0 {";
    op += g.attributes() + ", kernel = array<i64: " + list(g.kernel) + ">";
    int64_t low = -128, high = 127;
    if (uniform(0, 1)) {
      int64_t bits = uniform(2, 7);
      low = -(int64_t(1) << (bits - 1)), high = -low - 1;
      op += ", clamp_min = " + std::to_string(low) +
            " : i32, clamp_max = " + std::to_string(high) + " : i32";
    }
    if (average)
      op += std::string(", count_include_pad = ") +
            (countPad ? "true" : "false") +
            ", input_zero_point = " + std::to_string(inputZp) +
            " : i32, output_zero_point = " + std::to_string(outputZp) +
            " : i32, multiplier = array<i32: " + list(multiplier) +
            ">, shift = array<i32: " + list(shift) + ">";
    op += "} : (" + type(xShape, "i8") + ") -> " + type(yShape, "i8");
    std::vector<int8_t> actual =
        run(op, {{type(xShape, "i8"), Tensor::create<int8_t>(xShape, x)}},
            type(yShape, "i8"));

    std::vector<int8_t> expected;
    for (int64_t oy = 0; oy < g.out[0]; ++oy)
      for (int64_t ox = 0; ox < g.out[1]; ++ox)
        for (int64_t c = 0; c < channels; ++c) {
          int64_t sum = 0, count = 0, highest = -128;
          for (int64_t ky = 0; ky < g.kernel[0]; ++ky)
            for (int64_t kx = 0; kx < g.kernel[1]; ++kx) {
              int64_t iy = g.position(0, oy, ky), ix = g.position(1, ox, kx);
              if (iy < 0 || ix < 0)
                continue;
              int64_t value = x[(iy * g.in[1] + ix) * channels + c];
              sum += value - inputZp;
              highest = std::max(highest, value);
              ++count;
            }
          if (average) {
            int64_t n = countPad ? 1 : std::max<int64_t>(count, 1);
            int64_t v = applyScale(sum, {multiplier[n - 1], shift[n - 1]});
            highest = v + outputZp;
          }
          expected.push_back(
              static_cast<int8_t>(std::clamp<int64_t>(highest, low, high)));
        }
    ASSERT_EQ(actual, expected) << op;
  }
}

TEST_F(AccelToTosa, Binary) {
  const char *kinds[] = {"add", "sub", "mul"};
  for (int round = 0; round < 9; ++round) {
    int kind = round % 3;
    Shape shape, lhsShape, rhsShape;
    for (int d = 0; d < 4; ++d) {
      shape.push_back(uniform(1, 7));
      bool broadcastLhs = uniform(0, 4) == 0;
      lhsShape.push_back(broadcastLhs ? 1 : shape[d]);
      rhsShape.push_back(!broadcastLhs && uniform(0, 2) == 0 ? 1 : shape[d]);
    }
    auto lhs = values<int8_t>(lhsShape, -128, 127);
    auto rhs = values<int8_t>(rhsShape, -128, 127);
    int64_t lhsZp = uniform(-128, 127), rhsZp = uniform(-128, 127),
            outZp = uniform(-128, 127);
    // Operands gain `up` bits, which the sum or the product loses again.
    int64_t up = uniform(0, 22);
    Scale lhsScale{uniform(1 << 30, (1ll << 31) - 1), 31 - up};
    Scale rhsScale{uniform(1 << 30, (1ll << 31) - 1), 31 - up};
    Scale outScale{uniform(1 << 30, (1ll << 31) - 1),
                   kind == 2 ? uniform(36, 40) : uniform(31, 33) + up};
    int64_t low = uniform(-128, 0), high = uniform(0, 127);
    std::string op =
        "accel.binary %x0, %x1 {clamp_max = " + std::to_string(high) +
        " : i32, clamp_min = " + std::to_string(low) +
        " : i32, kind = #accel.kind<" + kinds[kind] +
        ">, lhs_zero_point = " + std::to_string(lhsZp) +
        " : i32, rhs_zero_point = " + std::to_string(rhsZp) +
        " : i32, output_zero_point = " + std::to_string(outZp) +
        " : i32, output_scale = #accel.scale" + scaleText(outScale);
    if (kind != 2)
      op += ", lhs_scale = #accel.scale" + scaleText(lhsScale) +
            ", rhs_scale = #accel.scale" + scaleText(rhsScale);
    op += "} : (" + type(lhsShape, "i8") + ", " + type(rhsShape, "i8") +
          ") -> " + type(shape, "i8");
    std::vector<int8_t> actual =
        run(op,
            {{type(lhsShape, "i8"), Tensor::create<int8_t>(lhsShape, lhs)},
             {type(rhsShape, "i8"), Tensor::create<int8_t>(rhsShape, rhs)}},
            type(shape, "i8"));

    std::vector<int8_t> expected;
    for (int64_t i = 0; i < product(shape); ++i) {
      int64_t rest = i, at[2] = {0, 0}, step[2] = {1, 1};
      for (int d = 3; d >= 0; --d) {
        int64_t index = rest % shape[d];
        rest /= shape[d];
        const Shape *shapes[] = {&lhsShape, &rhsShape};
        for (int s = 0; s < 2; ++s) {
          at[s] += ((*shapes[s])[d] == 1 ? 0 : index) * step[s];
          step[s] *= (*shapes[s])[d];
        }
      }
      int64_t a = lhs[at[0]] - lhsZp, b = rhs[at[1]] - rhsZp;
      int64_t v = kind == 2 ? a * b
                  : kind == 0
                      ? applyScale(a, lhsScale) + applyScale(b, rhsScale)
                      : applyScale(a, lhsScale) - applyScale(b, rhsScale);
      v = applyScale(wrap(v), outScale) + outZp;
      expected.push_back(static_cast<int8_t>(std::max(low, std::min(v, high))));
    }
    ASSERT_EQ(actual, expected) << op;
  }
}

/// Hand-computed: rounding half up, both signs, both ends of 32 bits.
TEST_F(AccelToTosa, RescaleByHand) {
  // 2^30 * 2^-32 is a quarter: 2 -> 0.5 -> 1, -2 -> -0.5 -> 0, 6 -> 1.5 -> 2,
  // -6 -> -1.5 -> -1, and 32 bits saturate.
  std::vector<int32_t> bias = {2, -2, 6,   -6,  1,          -1,
                               3, -3, 508, 510, 2147483647, -2147483647 - 1};
  std::vector<int8_t> expected = {1, 0,  2,   -1,  0,   0,
                                  1, -1, 127, 127, 127, -128};
  std::vector<int8_t> zero(1), weights(12);
  std::string op =
      "accel.conv2d %x0, %x1, %x2 {dilations = array<i64: 1, 1>, "
      "groups = 1 : i64, input_zero_point = 0 : i32, pads = array<i64: 0, 0, "
      "0, 0>, requant = #accel.requant<multiplier = [1073741824], shift = "
      "[32], zero_point = 0, clamp = [-128, 127]>, strides = array<i64: 1, "
      "1>} : (tensor<1x1x1x1xi8>, tensor<12x1x1x1xi8>, tensor<12xi32>) -> "
      "tensor<1x1x1x12xi8>";
  EXPECT_EQ(
      run(op,
          {{"tensor<1x1x1x1xi8>", Tensor::create<int8_t>({1, 1, 1, 1}, zero)},
           {"tensor<12x1x1x1xi8>",
            Tensor::create<int8_t>({12, 1, 1, 1}, weights)},
           {"tensor<12xi32>", Tensor::create<int32_t>({12}, bias)}},
          "tensor<1x1x1x12xi8>"),
      expected);
}

TEST_F(AccelToTosa, Movement) {
  Shape shape{1, 3, 4, 5};
  auto x = values<int8_t>(shape, -128, 127);
  std::vector<std::pair<std::string, Tensor>> in = {
      {type(shape, "i8"), Tensor::create<int8_t>(shape, x)}};
  auto at = [&](int64_t h, int64_t w, int64_t c) {
    return x[(h * 4 + w) * 5 + c];
  };
  std::vector<int8_t> expected;
  for (int64_t c = 0; c < 5; ++c)
    for (int64_t h = 0; h < 3; ++h)
      for (int64_t w = 0; w < 4; ++w)
        expected.push_back(at(h, w, c));
  EXPECT_EQ(run("accel.transpose %x0 {perm = array<i64: 0, 3, 1, 2>} : "
                "(tensor<1x3x4x5xi8>) -> tensor<1x5x3x4xi8>",
                in, "tensor<1x5x3x4xi8>"),
            expected);

  // Backwards in h, every second channel from 1.
  expected.clear();
  for (int64_t h : {2, 1})
    for (int64_t w = 0; w < 4; ++w)
      for (int64_t c : {1, 3})
        expected.push_back(at(h, w, c));
  EXPECT_EQ(run("accel.slice %x0 {starts = array<i64: 0, 2, 0, 1>, steps = "
                "array<i64: 1, -1, 1, 2>} : (tensor<1x3x4x5xi8>) -> "
                "tensor<1x2x4x2xi8>",
                in, "tensor<1x2x4x2xi8>"),
            expected);

  expected.assign(5 * 5 * 5, -7);
  for (int64_t h = 0; h < 3; ++h)
    for (int64_t w = 0; w < 4; ++w)
      for (int64_t c = 0; c < 5; ++c)
        expected[((h + 1) * 5 + w) * 5 + c] = at(h, w, c);
  EXPECT_EQ(run("accel.pad %x0 {pads = array<i64: 0, 1, 0, 0, 0, 1, 1, 0>, "
                "value = -7 : i32} : (tensor<1x3x4x5xi8>) -> "
                "tensor<1x5x5x5xi8>",
                in, "tensor<1x5x5x5xi8>"),
            expected);
}

} // namespace
