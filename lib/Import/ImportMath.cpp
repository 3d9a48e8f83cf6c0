//===- ImportMath.cpp - Functions of one, two, three values ---------------===//
//
// Part of AccOpt. Where an operator is another one for the constants at hand (a
// power of two, a minimum with a number), the form that the accelerator knows
// is taken.
//
//===----------------------------------------------------------------------===//

#include "ConstantEvaluator.h"
#include "IntegerValues.h"
#include "OpTable.h"

#include "TensorReader.h"
#include "dialects/NN/NNConstants.h"
#include "dialects/NN/NNMath.h"

#include <cmath>

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

static Type elementOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getElementType();
}

static bool isIntegerValue(Value value) {
  return isa<IntegerType>(elementOf(value));
}

/// The number that all elements of input i share, where it is a constant.
static std::optional<float> splatOf(NodeImporter &node, size_t i) {
  if (!node.hasInput(i) || !node.inputs[i]->constant)
    return std::nullopt;
  return nn::readSplatFloat(node.inputs[i]->constant);
}

//===----------------------------------------------------------------------===//
// One value
//===----------------------------------------------------------------------===//

namespace {
struct UnaryFunction {
  nn::UnaryKind kind;
  std::optional<float> alpha = std::nullopt, beta = std::nullopt;
};
} // namespace

/// The function of an operator with its attributes, whose defaults are ONNX's.
static std::optional<UnaryFunction> unaryFunction(NodeImporter &node) {
  using nn::UnaryKind;
  StringRef op = node.proto.op_type();
  auto number = [&](StringRef name, float missing) {
    return node.floatAttr(name, missing);
  };
  if (op == "Elu")
    return UnaryFunction{UnaryKind::Elu, number("alpha", 1)};
  if (op == "Celu")
    return UnaryFunction{UnaryKind::Celu, number("alpha", 1)};
  if (op == "Selu")
    return UnaryFunction{UnaryKind::Selu,
                         number("alpha", 1.67326319217681884765625f),
                         number("gamma", 1.05070102214813232421875f)};
  if (op == "ThresholdedRelu")
    return UnaryFunction{UnaryKind::ThresholdedRelu, number("alpha", 1)};
  if (op == "Shrink")
    return UnaryFunction{UnaryKind::Shrink, number("lambd", 0.5f),
                         number("bias", 0)};
  if (op == "Swish")
    return UnaryFunction{UnaryKind::Swish, number("alpha", 1)};
  if (op == "Gelu")
    return UnaryFunction{node.stringAttr("approximate", "none") == "tanh"
                             ? UnaryKind::GeluTanh
                             : UnaryKind::Gelu};
  if (op == "IsInf") {
    bool negative = node.intAttr("detect_negative", 1) != 0;
    bool positive = node.intAttr("detect_positive", 1) != 0;
    if (!negative && !positive)
      return std::nullopt;
    return UnaryFunction{!positive   ? UnaryKind::IsNegativeInf
                         : !negative ? UnaryKind::IsPositiveInf
                                     : UnaryKind::IsInf};
  }
  if (op == "BitwiseNot")
    return UnaryFunction{UnaryKind::Not};
  std::string name = op == "IsNaN" ? "is_nan" : op.lower();
  if (std::optional<UnaryKind> kind = nn::symbolizeUnaryKind(name))
    return UnaryFunction{*kind};
  return std::nullopt;
}

LogicalResult accopt::importer::importUnaryMath(NodeImporter &node) {
  std::optional<UnaryFunction> function = unaryFunction(node);
  if (!function)
    return node.error("expected attributes that ask for something");
  auto attribute = [&](std::optional<float> value) {
    return value ? node.f32(*value) : FloatAttr();
  };
  if (node.hasInput(0) && node.inputs[0]->constant &&
      !nn::isQuestion(function->kind)) {
    std::optional<HostTensor> tensor = toHost(node.inputs[0]->constant);
    if (tensor && tensor->isFloat()) {
      for (float &value : tensor->floats)
        value = float(nn::evaluate(function->kind, value,
                                   function->alpha.value_or(0),
                                   function->beta.value_or(0)));
      return node.setOutput(0, ElementsAttr(toAttribute(*tensor)));
    }
  }
  Value input = node.number(0);
  if (!input)
    return failure();
  return node.setOutput(0,
                        node.emit<nn::UnaryMathOp>(function->kind, input,
                                                   attribute(function->alpha),
                                                   attribute(function->beta)));
}

//===----------------------------------------------------------------------===//
// Two values
//===----------------------------------------------------------------------===//

static Value emitBinaryMath(NodeImporter &node, nn::BinaryKind kind, Value lhs,
                            Value rhs) {
  if (!lhs || !rhs)
    return nullptr;
  return node.emit<nn::BinaryMathOp>(kind, lhs, rhs);
}

Value accopt::importer::emitCast(NodeImporter &node, Value value,
                                 Type element) {
  if (!value)
    return nullptr;
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getElementType() == element)
    return value;
  return node.finish(
      nn::CastOp::create(node.builder, node.loc, type.clone(element), value));
}

Value accopt::importer::emitUnary(NodeImporter &node, nn::UnaryKind kind,
                                  Value input, FloatAttr alpha) {
  if (!input)
    return nullptr;
  return node.emit<nn::UnaryMathOp>(kind, input, alpha, FloatAttr());
}

Value accopt::importer::emitArithmetic(NodeImporter &node, StringRef op,
                                       Value lhs, Value rhs) {
  if (!lhs || !rhs)
    return nullptr;
  if (isIntegerValue(lhs)) {
    nn::BinaryKind kind = op == "Add"   ? nn::BinaryKind::Add
                          : op == "Sub" ? nn::BinaryKind::Sub
                          : op == "Mul" ? nn::BinaryKind::Mul
                                        : nn::BinaryKind::Div;
    return emitBinaryMath(node, kind, lhs, rhs);
  }
  if (isIntegerValue(rhs)) {
    (void)node.error("expected inputs of one element type");
    return nullptr;
  }
  if (op == "Add")
    return node.emit<nn::AddOp>(lhs, rhs, FloatAttr(), FloatAttr());
  if (op == "Sub")
    return node.emit<nn::SubOp>(lhs, rhs, FloatAttr(), FloatAttr());
  if (op == "Mul")
    return node.emit<nn::MulOp>(lhs, rhs, FloatAttr(), FloatAttr());
  return node.emit<nn::DivOp>(lhs, rhs, FloatAttr(), FloatAttr());
}

static nn::BinaryKind binaryKind(NodeImporter &node) {
  using nn::BinaryKind;
  StringRef op = node.proto.op_type();
  if (op == "Mod")
    return node.intAttr("fmod", 0) ? BinaryKind::FMod : BinaryKind::Mod;
  if (op == "BitShift")
    return node.stringAttr("direction", "") == "LEFT" ? BinaryKind::ShiftLeft
                                                      : BinaryKind::ShiftRight;
  return llvm::StringSwitch<BinaryKind>(op)
      .Case("PRelu", BinaryKind::PRelu)
      .Case("Less", BinaryKind::Less)
      .Case("LessOrEqual", BinaryKind::LessOrEqual)
      .Case("Greater", BinaryKind::Greater)
      .Case("GreaterOrEqual", BinaryKind::GreaterOrEqual)
      .Cases({"And", "BitwiseAnd"}, BinaryKind::And)
      .Cases({"Or", "BitwiseOr"}, BinaryKind::Or)
      .Cases({"Xor", "BitwiseXor"}, BinaryKind::Xor)
      .Default(BinaryKind::Equal);
}

LogicalResult accopt::importer::importBinaryMath(NodeImporter &node) {
  nn::BinaryKind kind = binaryKind(node);
  Value lhs = node.number(0), rhs = lhs ? node.number(1) : nullptr;
  if (!lhs || !rhs)
    return failure();
  // One slope for all is a function of one value.
  if (kind == nn::BinaryKind::PRelu)
    if (std::optional<float> slope = splatOf(node, 1))
      return node.setOutput(0,
                            node.emit<nn::LeakyReluOp>(lhs, node.f32(*slope)));
  return node.setOutput(0, emitBinaryMath(node, kind, lhs, rhs));
}

LogicalResult accopt::importer::importPow(NodeImporter &node) {
  Value base = node.number(0);
  if (!base)
    return failure();
  if (std::optional<float> exponent = splatOf(node, 1);
      exponent && !isIntegerValue(base) &&
      node.inputs[1]->type().getNumElements() == 1 &&
      node.rank(1) <= node.rank(0)) {
    if (*exponent == 2.0f)
      return node.setOutput(0, emitArithmetic(node, "Mul", base, base));
    if (*exponent == 0.5f)
      return node.setOutput(0, node.emit<nn::UnaryMathOp>(nn::UnaryKind::Sqrt,
                                                          base, FloatAttr(),
                                                          FloatAttr()));
    return node.setOutput(
        0, node.emit<nn::UnaryMathOp>(nn::UnaryKind::Power, base,
                                      node.f32(*exponent), FloatAttr()));
  }
  Value exponent = node.number(1);
  if (!exponent)
    return failure();
  // An integer to a real power is computed in floats and has the base's type.
  Type element = elementOf(base);
  if (isIntegerValue(base) && !isIntegerValue(exponent)) {
    base = emitCast(node, base, node.builder.getF32Type());
    Value power = emitBinaryMath(node, nn::BinaryKind::Pow, base, exponent);
    return node.setOutput(0, emitCast(node, power, element));
  }
  exponent = emitCast(node, exponent, element);
  return node.setOutput(
      0, emitBinaryMath(node, nn::BinaryKind::Pow, base, exponent));
}

LogicalResult accopt::importer::importExtreme(NodeImporter &node) {
  if (node.inputs.size() == 1)
    return node.forward(0, 0);
  bool isMax = node.proto.op_type() == "Max";
  // A number as bound is a Clip.
  if (node.inputs.size() == 2)
    for (size_t i : {0, 1})
      if (std::optional<float> bound = splatOf(node, i);
          bound && !node.inputs[1 - i]->constant &&
          node.inputs[1 - i]->type().getElementType().isF32() &&
          node.inputs[i]->type().getNumElements() == 1 &&
          node.rank(i) <= node.rank(1 - i)) {
        Value input = node.number(1 - i);
        FloatAttr attribute = node.f32(*bound);
        return node.setOutput(
            0, node.emit<nn::ClipOp>(input, isMax ? attribute : FloatAttr(),
                                     isMax ? FloatAttr() : attribute));
      }
  auto kind = isMax ? nn::BinaryKind::Max : nn::BinaryKind::Min;
  Value result = node.number(0);
  for (size_t i = 1; result && i < node.inputs.size(); ++i)
    result = emitBinaryMath(node, kind, result, node.number(i));
  return node.setOutput(0, result);
}

LogicalResult accopt::importer::importMean(NodeImporter &node) {
  if (node.inputs.size() == 1)
    return node.forward(0, 0);
  Value sum = node.operand(0);
  for (size_t i = 1; sum && i < node.inputs.size(); ++i)
    sum = emitArithmetic(node, "Add", sum, node.operand(i));
  if (!sum)
    return failure();
  Value count = node.constant({}, {float(node.inputs.size())});
  return node.setOutput(0, emitArithmetic(node, "Div", sum, count));
}

//===----------------------------------------------------------------------===//
// Where, Cast, Trilu, OneHot
//===----------------------------------------------------------------------===//

LogicalResult accopt::importer::importWhere(NodeImporter &node) {
  Value operands[3];
  for (size_t i = 0; i < 3; ++i)
    if (!(operands[i] = node.number(i)))
      return failure();
  return node.setOutput(
      0, node.emit<nn::SelectOp>(operands[0], operands[1], operands[2]));
}

LogicalResult accopt::importer::importCast(NodeImporter &node) {
  int to = static_cast<int>(node.intAttr("to", 0));
  Type type = convertElementType(to, node.builder.getContext());
  if (!type)
    return node.error("expected a cast to a numeric type, got " +
                      elementTypeName(to));
  if (!node.hasInput(0))
    return node.error("expected an input, got none");
  Entry &input = *node.inputs[0];
  if (input.integers && type == input.integers)
    return node.forward(0, 0);
  // Real numbers that stand for integers are these.
  if (type == input.type().getElementType())
    return input.constant ? node.forward(0, 0) : node.setOutput(0, input.value);
  return node.setOutput(
      0, emitCast(node,
                  input.integers ? emitIntegers(node, input) : node.number(0),
                  type));
}

/// An i1 constant of `shape`, element by element.
static Value maskOf(NodeImporter &node, ArrayRef<int64_t> shape,
                    llvm::function_ref<bool(int64_t)> bit) {
  SmallVector<bool> bits;
  for (int64_t i = 0, e = *nn::checkedElementCount(shape); i < e; ++i)
    bits.push_back(bit(i));
  auto type = RankedTensorType::get(shape, node.builder.getI1Type());
  return node.constant(ElementsAttr(DenseElementsAttr::get(type, bits)));
}

LogicalResult accopt::importer::importTrilu(NodeImporter &node) {
  Value input = node.number(0);
  if (!input)
    return failure();
  int64_t rank = node.rank(0);
  std::optional<int64_t> k = node.integer(1, "k", 0);
  if (!k)
    return failure();
  if (rank < 2)
    return node.error("expected an input of rank 2 or more, got rank " +
                      Twine(rank));
  int64_t rows = node.shape(0)[rank - 2], columns = node.shape(0)[rank - 1];
  bool upper = node.intAttr("upper", 1) != 0;
  Value mask = maskOf(node, {rows, columns}, [&](int64_t i) {
    int64_t distance = i % columns - i / columns;
    return upper ? distance >= *k : distance <= *k;
  });
  auto type = RankedTensorType::get({}, elementOf(input));
  Value zero = node.constant(ElementsAttr(DenseElementsAttr::get(
      type, node.builder.getZeroAttr(type.getElementType()))));
  return node.setOutput(0, node.emit<nn::SelectOp>(mask, input, zero));
}

Value accopt::importer::emitOneHot(NodeImporter &node, Value indices,
                                   int64_t axis, int64_t depth) {
  Shape shape(cast<RankedTensorType>(indices.getType()).getShape());
  shape.insert(shape.begin() + axis, 1);
  indices =
      node.reshape(emitCast(node, indices, node.builder.getI64Type()), shape);
  Shape counts(shape.size() - axis, 1);
  counts.front() = depth;
  SmallVector<int64_t> numbers;
  for (int64_t i = 0; i < depth; ++i)
    numbers.push_back(i);
  Value range = node.constantI64(counts, numbers);
  return emitBinaryMath(node, nn::BinaryKind::Equal, indices, range);
}

LogicalResult accopt::importer::importOneHot(NodeImporter &node) {
  Value indices = node.number(0), values = node.number(2);
  // ONNX lets it be a float.
  std::optional<float> number = node.scalar(1, "depth", 0.0f);
  std::optional<int64_t> depth;
  if (number && *number >= 1.0f && *number <= float(maxTensorElements))
    depth = static_cast<int64_t>(*number);
  if (number && !depth)
    return node.error("expected a positive depth, got " +
                      Twine(std::to_string(*number)));
  if (!indices || !values || !depth)
    return failure();
  std::optional<int64_t> axis =
      node.axis(node.intAttr("axis", -1), node.rank(0) + 1);
  if (!axis)
    return failure();
  if (node.shape(2) != ArrayRef<int64_t>(2))
    return node.error("expected two values");
  // Negative indices count from the end; what is out of range sets nothing.
  indices = emitCast(node, indices, node.builder.getI64Type());
  Value negative = emitBinaryMath(node, nn::BinaryKind::Less, indices,
                                  node.constantI64({}, {0}));
  Value wrapped = emitBinaryMath(node, nn::BinaryKind::Add, indices,
                                 node.constantI64({}, {*depth}));
  indices = node.emit<nn::SelectOp>(negative, wrapped, indices);
  Value mask = emitOneHot(node, indices, *axis, *depth);
  auto part = [&](int64_t i) {
    Value one = node.emit<nn::SliceOp>(values, node.array({i}), node.array({1}),
                                       node.array({1}));
    return node.reshape(one, {});
  };
  Value off = part(0), on = part(1);
  return node.setOutput(0, node.emit<nn::SelectOp>(mask, on, off));
}
