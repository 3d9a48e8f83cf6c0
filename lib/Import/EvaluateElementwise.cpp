//===- EvaluateElementwise.cpp - Elementwise operators on constants -------===//

#include "Evaluator.h"

#include "TensorReader.h"

#include <cmath>

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

LogicalResult Evaluator::broadcastAll() {
  Shape shape = in[0].shape;
  for (const HostTensor &input : in) {
    Shape next;
    if (failed(nn::inferBroadcast(std::nullopt, shape, input.shape, next)))
      return node.error("expected inputs whose shapes broadcast");
    shape = next;
  }
  std::optional<int64_t> count = nn::checkedElementCount(shape);
  if (!count || *count > evaluationLimit)
    return node.error("expected a constant of at most " +
                      Twine(evaluationLimit) + " elements, got more");
  for (HostTensor &input : in)
    input = broadcast(input, shape);
  return success();
}

template <typename IntFn, typename FloatFn>
LogicalResult Evaluator::binary(IntFn ints, FloatFn floats) {
  if (failed(broadcastAll()))
    return failure();
  HostTensor result = in[0];
  for (const HostTensor &next : ArrayRef<HostTensor>(in).drop_front()) {
    if (next.type != result.type)
      return node.error("expected inputs of one element type");
    for (int64_t i = 0, e = result.size(); i < e; ++i) {
      if (result.isFloat())
        result.floats[i] = floats(result.floats[i], next.floats[i]);
      else
        result.ints[i] = ints(result.ints[i], next.ints[i]);
    }
  }
  return done(result);
}

template <typename IntFn, typename FloatFn>
LogicalResult Evaluator::compare(IntFn ints, FloatFn floats) {
  if (in.size() != 2 || in[0].type != in[1].type)
    return node.error("expected two inputs of one element type");
  if (failed(broadcastAll()))
    return failure();
  HostTensor result = HostTensor::ofInts(i1(), in[0].shape, {});
  for (int64_t i = 0, e = in[0].size(); i < e; ++i)
    result.ints.push_back(in[0].isFloat()
                              ? floats(in[0].floats[i], in[1].floats[i])
                              : ints(in[0].ints[i], in[1].ints[i]));
  return done(result);
}

template <typename IntFn, typename FloatFn>
LogicalResult Evaluator::unary(IntFn ints, FloatFn floats) {
  HostTensor result = in[0];
  for (float &value : result.floats)
    value = floats(value);
  for (int64_t &value : result.ints)
    value = ints(value);
  return done(result);
}

LogicalResult Evaluator::arithmetic(StringRef op) {
  // Unsigned arithmetic wraps without undefined behaviour.
  using U = uint64_t;
  if (op == "Add")
    return binary([](int64_t a, int64_t b) -> int64_t { return U(a) + U(b); },
                  [](float a, float b) { return a + b; });
  if (op == "Sub")
    return binary([](int64_t a, int64_t b) -> int64_t { return U(a) - U(b); },
                  [](float a, float b) { return a - b; });
  if (op == "Mul")
    return binary([](int64_t a, int64_t b) -> int64_t { return U(a) * U(b); },
                  [](float a, float b) { return a * b; });
  if (op == "Min")
    return binary([](int64_t a, int64_t b) { return std::min(a, b); },
                  [](float a, float b) { return std::min(a, b); });
  return binary([](int64_t a, int64_t b) { return std::max(a, b); },
                [](float a, float b) { return std::max(a, b); });
}

/// With the divisor's sign, as numpy.mod.
static float floorRemainder(float a, float b) {
  float rest = std::fmod(a, b);
  if (rest == 0)
    return std::copysign(0.0f, b);
  return (rest < 0) != (b < 0) ? rest + b : rest;
}

LogicalResult Evaluator::divide(bool remainder) {
  if (in.size() == 2 && !in[1].isFloat() && llvm::is_contained(in[1].ints, 0))
    return node.error("expected a divisor other than zero, got zero");
  if (!remainder)
    return binary(
        [](int64_t a, int64_t b) -> int64_t {
          return b == -1 ? int64_t(0 - uint64_t(a)) : a / b;
        },
        [](float a, float b) { return a / b; });
  bool truncated = node.intAttr("fmod", 0) != 0;
  return binary(
      [truncated](int64_t a, int64_t b) -> int64_t {
        int64_t rest = b == -1 ? 0 : a % b;
        return !truncated && rest != 0 && (rest < 0) != (b < 0) ? rest + b
                                                                : rest;
      },
      [truncated](float a, float b) {
        return truncated || std::isnan(a) || std::isnan(b)
                   ? std::fmod(a, b)
                   : floorRemainder(a, b);
      });
}

/// Bounds may be missing, or attributes.
LogicalResult Evaluator::clip() {
  if (!in[0].isFloat() && (node.attribute("min") || node.attribute("max")))
    return node.error("expected bounds of the input's type");
  HostTensor result = in[0];
  for (auto [i, name] : {std::pair(1, "min"), std::pair(2, "max")}) {
    bool isUpper = i == 2;
    auto apply = [&](auto &values, auto bound) {
      for (auto &value : values)
        value = isUpper ? std::min(value, bound) : std::max(value, bound);
    };
    if (node.hasInput(i)) {
      std::optional<HostTensor> bound = node.host(i, name);
      if (!bound || bound->size() != 1 || bound->type != result.type)
        return node.error("expected a scalar of the input's type as bound");
      if (result.isFloat())
        apply(result.floats, bound->floats[0]);
      else
        apply(result.ints, bound->ints[0]);
    } else if (node.attribute(name)) {
      apply(result.floats, node.floatAttr(name, 0.0f));
    }
  }
  return done(result);
}

LogicalResult Evaluator::cast() {
  int to = static_cast<int>(node.intAttr("to", 0));
  Type type = convertElementType(to, node.builder.getContext());
  if (!type)
    return node.error("expected a cast to a numeric type, got " +
                      elementTypeName(to));
  HostTensor result;
  result.type = type;
  result.shape = in[0].shape;
  for (int64_t i = 0, e = in[0].size(); i < e; ++i) {
    bool fromFloat = in[0].isFloat();
    if (type.isF32()) {
      result.floats.push_back(fromFloat ? in[0].floats[i]
                                        : static_cast<float>(in[0].ints[i]));
      continue;
    }
    if (type.isInteger(1)) {
      result.ints.push_back(fromFloat ? in[0].floats[i] != 0.0f
                                      : in[0].ints[i] != 0);
      continue;
    }
    if (!fromFloat) {
      result.ints.push_back(in[0].ints[i]);
      continue;
    }
    float value = in[0].floats[i];
    // ONNX leaves open what a number beyond the type becomes; networks compute
    // such numbers (the logarithm of a distance of 0) and select others. As on
    // x86, and so in onnxruntime: the lowest integer.
    if (!(std::fabs(value) < 0x1p63f)) {
      unsigned width = type.getIntOrFloatBitWidth();
      result.ints.push_back(width == 64   ? INT64_MIN
                            : width == 32 ? INT32_MIN
                                          : 0);
      continue;
    }
    result.ints.push_back(static_cast<int64_t>(value));
  }
  // Narrow integers wrap in the attribute.
  return done(result);
}

/// The exponent may have a type of its own. Integers go through double, as in
/// onnxruntime.
LogicalResult Evaluator::power() {
  if (in.size() != 2)
    return node.error("expected two inputs, got " + Twine(in.size()));
  if (failed(broadcastAll()))
    return failure();
  HostTensor result = in[0];
  const HostTensor &exponents = in[1];
  for (int64_t i = 0, e = result.size(); i < e; ++i) {
    double exponent =
        exponents.isFloat() ? exponents.floats[i] : double(exponents.ints[i]);
    if (result.isFloat()) {
      result.floats[i] =
          static_cast<float>(std::pow(double(result.floats[i]), exponent));
      continue;
    }
    double value = std::pow(double(result.ints[i]), exponent);
    result.ints[i] =
        std::fabs(value) < 0x1p63 ? static_cast<int64_t>(value) : INT64_MIN;
  }
  return done(result);
}

LogicalResult Evaluator::where() {
  if (in.size() != 3 || in[0].isFloat() || in[1].type != in[2].type)
    return node.error("expected a condition and two inputs of one type");
  if (failed(broadcastAll()))
    return failure();
  HostTensor result = in[1];
  for (int64_t i = 0, e = result.size(); i < e; ++i) {
    if (in[0].ints[i])
      continue;
    if (result.isFloat())
      result.floats[i] = in[2].floats[i];
    else
      result.ints[i] = in[2].ints[i];
  }
  return done(result);
}

std::optional<LogicalResult> Evaluator::elementwise(StringRef op) {
  if (op == "Add" || op == "Sub" || op == "Mul" || op == "Min" || op == "Max" ||
      op == "Sum")
    return arithmetic(op == "Sum" ? "Add" : op);
  if (op == "Div" || op == "Mod")
    return divide(op == "Mod");
  if (op == "Equal")
    return compare([](int64_t a, int64_t b) { return a == b; },
                   [](float a, float b) { return a == b; });
  if (op == "Less")
    return compare([](int64_t a, int64_t b) { return a < b; },
                   [](float a, float b) { return a < b; });
  if (op == "Greater")
    return compare([](int64_t a, int64_t b) { return a > b; },
                   [](float a, float b) { return a > b; });
  if (op == "And")
    return compare([](int64_t a, int64_t b) { return a && b; },
                   [](float, float) { return false; });
  if (op == "Or")
    return compare([](int64_t a, int64_t b) { return a || b; },
                   [](float, float) { return false; });
  if (op == "Xor")
    return compare([](int64_t a, int64_t b) { return !a != !b; },
                   [](float, float) { return false; });
  if (op == "LessOrEqual")
    return compare([](int64_t a, int64_t b) { return a <= b; },
                   [](float a, float b) { return a <= b; });
  if (op == "GreaterOrEqual")
    return compare([](int64_t a, int64_t b) { return a >= b; },
                   [](float a, float b) { return a >= b; });
  auto same = [](int64_t value) { return value; };
  if (op == "Clip")
    return clip();
  if (op == "Round")
    return unary(same, [](float a) { return std::nearbyint(a); });
  if (op == "Sign")
    return unary([](int64_t a) -> int64_t { return (a > 0) - (a < 0); },
                 [](float a) { return float((a > 0.0f) - (a < 0.0f)); });
  if (op == "Floor")
    return unary(same, [](float a) { return std::floor(a); });
  if (op == "Ceil")
    return unary(same, [](float a) { return std::ceil(a); });
  if (op == "Sqrt")
    return unary(same, [](float a) { return std::sqrt(a); });
  if (op == "Pow")
    return power();
  if (op == "Neg")
    return unary([](int64_t a) -> int64_t { return 0 - uint64_t(a); },
                 [](float a) { return -a; });
  if (op == "Abs")
    return unary(
        [](int64_t a) -> int64_t { return a < 0 ? 0 - uint64_t(a) : a; },
        [](float a) { return std::fabs(a); });
  if (op == "Not")
    return unary([](int64_t a) -> int64_t { return !a; },
                 [](float a) { return a; });
  if (op == "Cast")
    return cast();
  if (op == "Where")
    return where();
  return std::nullopt;
}
