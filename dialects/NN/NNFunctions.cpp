//===- NNFunctions.cpp - Functions of one value, as ops and as steps ------===//
//
// Part of AccOpt. Many ops are functions of one value; a chain is several. This
// is the one place that knows which op is which function.
//
//===----------------------------------------------------------------------===//

#include "dialects/NN/NNConstants.h"
#include "dialects/NN/NNMath.h"
#include "dialects/NN/NNShapeInference.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cfloat>

using namespace mlir;
using namespace accopt::nn;

//===----------------------------------------------------------------------===//
// Kinds
//===----------------------------------------------------------------------===//

unsigned accopt::nn::numParameters(UnaryKind kind) {
  switch (kind) {
  case UnaryKind::Elu:
  case UnaryKind::Celu:
  case UnaryKind::ThresholdedRelu:
  case UnaryKind::Power:
  case UnaryKind::Swish:
  case UnaryKind::LeakyRelu:
    return 1;
  case UnaryKind::Selu:
  case UnaryKind::Shrink:
  case UnaryKind::Affine:
  case UnaryKind::Clamp:
  case UnaryKind::HardSigmoid:
    return 2;
  default:
    return 0;
  }
}

bool accopt::nn::isStepOnly(UnaryKind kind) {
  return kind >= UnaryKind::Affine;
}

//===----------------------------------------------------------------------===//
// Ops as steps
//===----------------------------------------------------------------------===//

static float toFloat(std::optional<APFloat> value, float absent) {
  return value ? value->convertToFloat() : absent;
}

/// The one value of all elements of a constant of f32.
static std::optional<float> getSplat(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  if (!constant || !tensorOf(value).getElementType().isF32())
    return std::nullopt;
  return readSplatFloat(constant.getValue());
}

/// The operand that `op` leaves but for a constant, and this one's value.
static std::optional<std::pair<unsigned, float>> splitSplat(Operation *op) {
  for (unsigned i : {0u, 1u})
    if (std::optional<float> splat = getSplat(op->getOperand(1 - i)))
      if (shapeOf(op->getOperand(i)) == shapeOf(op->getResult(0)))
        return std::pair(i, *splat);
  return std::nullopt;
}

/// x op c, or c op x where the constant comes first.
static SmallVector<FunctionStep> stepsWith(Operation *op, float c,
                                           bool isConstantFirst) {
  using Steps = SmallVector<FunctionStep>;
  return llvm::TypeSwitch<Operation *, Steps>(op)
      .Case([&](AddOp) { return Steps{{UnaryKind::Affine, 1, c}}; })
      .Case([&](SubOp) {
        return isConstantFirst ? Steps{{UnaryKind::Affine, -1, c}}
                               : Steps{{UnaryKind::Affine, 1, -c}};
      })
      .Case([&](MulOp) { return Steps{{UnaryKind::Affine, c, 0}}; })
      .Case([&](DivOp) {
        if (isConstantFirst)
          return Steps{{UnaryKind::Reciprocal}, {UnaryKind::Affine, c, 0}};
        return std::isfinite(1 / c) ? Steps{{UnaryKind::Affine, 1 / c, 0}}
                                    : Steps();
      })
      .Case([&](BinaryMathOp binary) {
        switch (binary.getKind()) {
        case BinaryKind::Min:
          return Steps{{UnaryKind::Clamp, -FLT_MAX, c}};
        case BinaryKind::Max:
          return Steps{{UnaryKind::Clamp, c, FLT_MAX}};
        case BinaryKind::PRelu:
          return isConstantFirst ? Steps() : Steps{{UnaryKind::LeakyRelu, c}};
        default:
          return Steps();
        }
      })
      .Default([](Operation *) { return Steps(); });
}

static void addClamp(SmallVector<FunctionStep> &steps,
                     std::optional<APFloat> low, std::optional<APFloat> high) {
  if (low || high)
    steps.push_back(
        {UnaryKind::Clamp, toFloat(low, -FLT_MAX), toFloat(high, FLT_MAX)});
}

static SmallVector<FunctionStep> stepsOfBinary(Operation *op) {
  std::optional<std::pair<unsigned, float>> split = splitSplat(op);
  if (!split || !std::isfinite(split->second))
    return {};
  auto [operand, splat] = *split;
  SmallVector<FunctionStep> steps = stepsWith(op, splat, operand == 1);
  if (!steps.empty())
    llvm::TypeSwitch<Operation *>(op).Case<AddOp, SubOp, MulOp, DivOp>(
        [&](auto binary) {
          addClamp(steps, binary.getClampMin(), binary.getClampMax());
        });
  return steps;
}

SmallVector<FunctionStep> accopt::nn::stepsOf(Operation *op) {
  using Steps = SmallVector<FunctionStep>;
  return llvm::TypeSwitch<Operation *, Steps>(op)
      .Case([](ReluOp) { return Steps{{UnaryKind::Clamp, 0, FLT_MAX}}; })
      .Case([](ClipOp clip) {
        return Steps{{UnaryKind::Clamp, toFloat(clip.getMinimum(), -FLT_MAX),
                      toFloat(clip.getMaximum(), FLT_MAX)}};
      })
      .Case([](LeakyReluOp leaky) {
        return Steps{{UnaryKind::LeakyRelu, leaky.getAlpha().convertToFloat()}};
      })
      .Case([](SigmoidOp) { return Steps{{UnaryKind::Sigmoid}}; })
      .Case([](HardSigmoidOp hard) {
        return Steps{{UnaryKind::HardSigmoid, hard.getAlpha().convertToFloat(),
                      hard.getBeta().convertToFloat()}};
      })
      .Case([](HardSwishOp) { return Steps{{UnaryKind::HardSwish}}; })
      .Case([](SiluOp) { return Steps{{UnaryKind::Silu}}; })
      .Case([](UnaryMathOp unary) {
        if (isQuestion(unary.getKind()) || unary.getKind() == UnaryKind::Not ||
            isa<IntegerType>(tensorOf(unary.getInput()).getElementType()))
          return Steps();
        return Steps{{unary.getKind(), toFloat(unary.getAlpha(), 0),
                      toFloat(unary.getBeta(), 0)}};
      })
      .Case([](ChainOp chain) {
        Steps steps;
        for (auto [kind, alpha, beta] : llvm::zip_equal(
                 chain.getKinds(), chain.getAlphas(), chain.getBetas()))
          steps.push_back({UnaryKind(kind), alpha, beta});
        return steps;
      })
      .Case<AddOp, SubOp, MulOp, DivOp, BinaryMathOp>(
          [](Operation *binary) { return stepsOfBinary(binary); })
      .Default([](Operation *) { return Steps(); });
}

Value accopt::nn::functionOperand(Operation *op) {
  return op->getOperand(op->getNumOperands() == 2 ? splitSplat(op)->first : 0);
}

std::function<double(double)> accopt::nn::functionOf(Operation *op) {
  SmallVector<FunctionStep> steps = stepsOf(op);
  if (steps.empty())
    return nullptr;
  return [steps = std::move(steps)](double x) {
    for (const FunctionStep &step : steps)
      x = step(x);
    return x;
  };
}

//===----------------------------------------------------------------------===//
// Steps as ops
//===----------------------------------------------------------------------===//

static Value createAffine(OpBuilder &builder, Location loc, Value x,
                          FunctionStep step) {
  auto scalar = [&](float value) -> Value {
    auto type = RankedTensorType::get({}, builder.getF32Type());
    return ConstantOp::create(builder, loc, type,
                              DenseElementsAttr::get(type, value));
  };
  if (step.alpha != 1)
    x = MulOp::create(builder, loc, x.getType(), x, scalar(step.alpha),
                      FloatAttr(), FloatAttr());
  if (step.beta != 0)
    x = AddOp::create(builder, loc, x.getType(), x, scalar(step.beta),
                      FloatAttr(), FloatAttr());
  return x;
}

static Value createStep(OpBuilder &builder, Location loc, Value x,
                        FunctionStep step) {
  Type type = x.getType();
  FloatAttr alpha = builder.getF32FloatAttr(step.alpha),
            beta = builder.getF32FloatAttr(step.beta);
  switch (step.kind) {
  case UnaryKind::Affine:
    return createAffine(builder, loc, x, step);
  case UnaryKind::Clamp:
    return ClipOp::create(builder, loc, type, x,
                          step.alpha > -FLT_MAX ? alpha : FloatAttr(),
                          step.beta < FLT_MAX ? beta : FloatAttr());
  case UnaryKind::LeakyRelu:
    return LeakyReluOp::create(builder, loc, type, x, alpha);
  case UnaryKind::Sigmoid:
    return SigmoidOp::create(builder, loc, type, x);
  case UnaryKind::HardSigmoid:
    return HardSigmoidOp::create(builder, loc, type, x, alpha, beta);
  case UnaryKind::HardSwish:
    return HardSwishOp::create(builder, loc, type, x);
  case UnaryKind::Silu:
    return SiluOp::create(builder, loc, type, x);
  default:
    unsigned parameters = numParameters(step.kind);
    return UnaryMathOp::create(builder, loc, type, step.kind, x,
                               parameters > 0 ? alpha : FloatAttr(),
                               parameters > 1 ? beta : FloatAttr());
  }
}

Value accopt::nn::createSteps(OpBuilder &builder, Location loc, Value x,
                              ArrayRef<FunctionStep> steps) {
  for (FunctionStep step : steps)
    x = createStep(builder, loc, x, step);
  return x;
}

ChainOp accopt::nn::createChain(OpBuilder &builder, Location loc, Value x,
                                ArrayRef<FunctionStep> steps) {
  SmallVector<int32_t> kinds;
  SmallVector<float> alphas, betas;
  for (FunctionStep step : steps) {
    kinds.push_back(int32_t(step.kind));
    alphas.push_back(step.alpha);
    betas.push_back(step.beta);
  }
  return ChainOp::create(builder, loc, x.getType(), x, kinds, alphas, betas);
}

//===----------------------------------------------------------------------===//
// nn.chain
//===----------------------------------------------------------------------===//

static ParseResult parseStep(OpAsmParser &parser, FunctionStep &step) {
  StringRef name;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeyword(&name))
    return failure();
  std::optional<UnaryKind> kind = symbolizeUnaryKind(name);
  if (!kind)
    return parser.emitError(loc, "expected a function of one value, got '")
           << name << "'";
  step.kind = *kind;
  unsigned count = numParameters(step.kind);
  float *parameters[] = {&step.alpha, &step.beta};
  if (count > 0 && parser.parseLParen())
    return failure();
  for (unsigned i = 0; i < count; ++i) {
    double value = 0;
    if ((i > 0 && parser.parseComma()) || parser.parseFloat(value))
      return failure();
    *parameters[i] = float(value);
  }
  return count > 0 ? parser.parseRParen() : success();
}

ParseResult accopt::nn::parseSteps(OpAsmParser &parser,
                                   DenseI32ArrayAttr &kinds,
                                   DenseF32ArrayAttr &alphas,
                                   DenseF32ArrayAttr &betas) {
  SmallVector<int32_t> kindValues;
  SmallVector<float> alphaValues, betaValues;
  auto parse = [&] {
    FunctionStep step{};
    if (parseStep(parser, step))
      return failure();
    kindValues.push_back(int32_t(step.kind));
    alphaValues.push_back(step.alpha);
    betaValues.push_back(step.beta);
    return success();
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parse))
    return failure();
  Builder &builder = parser.getBuilder();
  kinds = builder.getDenseI32ArrayAttr(kindValues);
  alphas = builder.getDenseF32ArrayAttr(alphaValues);
  betas = builder.getDenseF32ArrayAttr(betaValues);
  return success();
}

void accopt::nn::printSteps(OpAsmPrinter &printer, Operation *,
                            DenseI32ArrayAttr kinds, DenseF32ArrayAttr alphas,
                            DenseF32ArrayAttr betas) {
  printer << '[';
  llvm::interleaveComma(llvm::seq<size_t>(0, kinds.size()), printer,
                        [&](size_t i) {
                          auto kind = UnaryKind(kinds[i]);
                          printer << stringifyUnaryKind(kind);
                          unsigned count = numParameters(kind);
                          if (count == 0)
                            return;
                          printer << '(';
                          printer.printFloat(APFloat(alphas[i]));
                          if (count > 1) {
                            printer << ", ";
                            printer.printFloat(APFloat(betas[i]));
                          }
                          printer << ')';
                        });
  printer << ']';
}

LogicalResult ChainOp::inferReturnTypes(MLIRContext *,
                                        std::optional<Location> loc,
                                        ValueRange operands, DictionaryAttr,
                                        OpaqueProperties, RegionRange,
                                        SmallVectorImpl<Type> &types) {
  return addResult(loc, operands[0].getType(), shapeOf(operands[0]), types);
}

LogicalResult ChainOp::verify() {
  if (isa<IntegerType>(tensorOf(getInput()).getElementType()))
    return emitOpError("expected floats, got ") << getInput().getType();
  size_t count = getKinds().size();
  if (count == 0 || getAlphas().size() != count || getBetas().size() != count)
    return emitOpError("expected steps, each with alpha and beta, got ")
           << count << ", " << getAlphas().size() << " and "
           << getBetas().size();
  for (auto [kind, alpha, beta] :
       llvm::zip_equal(getKinds(), getAlphas(), getBetas())) {
    if (!symbolizeUnaryKind(uint32_t(kind)) || isQuestion(UnaryKind(kind)) ||
        UnaryKind(kind) == UnaryKind::Not)
      return emitOpError("expected functions that give floats, got kind ")
             << kind;
    if (!std::isfinite(alpha) || !std::isfinite(beta))
      return emitOpError("expected finite parameters, got ")
             << alpha << " and " << beta;
  }
  return success();
}
