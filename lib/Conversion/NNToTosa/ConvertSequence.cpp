//===- ConvertSequence.cpp - Resampling and recurrent layers --------------===//
//
// A recurrent layer multiplies the inputs of all steps by its weights at once;
// what must be done step by step is a loop over tensors of one step, whose size
// in IR does not depend on the number of steps.
//
//===----------------------------------------------------------------------===//

#include "lib/Conversion/NNToTosa/Converter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tosa/IR/TosaOps.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace accopt {

//===----------------------------------------------------------------------===//
// ResampleOp
//===----------------------------------------------------------------------===//

void Converter::convertOp(nn::ResampleOp op) {
  Layout layout = preferredLayout(op.getInput());
  Value x = get(op.getInput(), layout);
  auto rank = static_cast<int64_t>(getShape(op.getInput()).size());
  int64_t axis = axisIn(layout, op.getAxis(), rank), taps = op.getTaps();
  if (op.isCopy())
    return set(op.getResult(), b.gather(x, axis, op.getIndices()), layout);
  int64_t size = op.getIndices().size() / taps;
  SmallVector<int64_t> weightShape(getShape(x).size(), 1);
  weightShape[axis] = size;
  Value sum;
  for (int64_t tap = 0; tap < taps; ++tap) {
    SmallVector<int64_t> indices;
    SmallVector<float> weights;
    for (int64_t i = 0; i < size; ++i) {
      indices.push_back(op.getIndices()[i * taps + tap]);
      weights.push_back(op.getWeights()[i * taps + tap]);
    }
    Value part =
        b.mul(b.gather(x, axis, indices), b.constantF32(weightShape, weights));
    sum = sum ? b.add(sum, part) : part;
  }
  set(op.getResult(), sum, layout);
}

//===----------------------------------------------------------------------===//
// Activations of recurrent layers
//===----------------------------------------------------------------------===//

namespace {
/// Builds scalar float arithmetic.
class Scalars {
public:
  Scalars(OpBuilder &builder, Location loc) : builder(builder), loc(loc) {}

  Value constant(double value) {
    return arith::ConstantOp::create(
        builder, loc, builder.getF32FloatAttr(static_cast<float>(value)));
  }
  Value add(Value a, Value b) {
    return arith::AddFOp::create(builder, loc, a, b);
  }
  Value sub(Value a, Value b) {
    return arith::SubFOp::create(builder, loc, a, b);
  }
  Value mul(Value a, Value b) {
    return arith::MulFOp::create(builder, loc, a, b);
  }
  Value div(Value a, Value b) {
    return arith::DivFOp::create(builder, loc, a, b);
  }
  Value max(Value a, Value b) {
    return arith::MaximumFOp::create(builder, loc, a, b);
  }
  Value min(Value a, Value b) {
    return arith::MinimumFOp::create(builder, loc, a, b);
  }
  Value abs(Value a) { return math::AbsFOp::create(builder, loc, a); }
  Value exp(Value a) { return math::ExpOp::create(builder, loc, a); }
  /// a > b ? x : y
  Value selectGreater(Value a, Value b, Value x, Value y) {
    Value greater =
        arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OGT, a, b);
    return arith::SelectOp::create(builder, loc, greater, x, y);
  }
  Value sigmoid(Value x) {
    Value one = constant(1);
    return div(one, add(one, exp(sub(constant(0), x))));
  }
  /// (1 - e) / (1 + e) with e = exp(-2 |x|) and the sign of x: nothing
  /// overflows.
  Value tanh(Value x) {
    Value one = constant(1);
    Value e = exp(mul(constant(-2), abs(x)));
    return math::CopySignOp::create(builder, loc, div(sub(one, e), add(one, e)),
                                    x);
  }
  /// An activation of ONNX's list. Names have been checked by the importer;
  /// Affine, the last, needs no test.
  Value activation(StringRef name, double alpha, double beta, Value x) {
    Value zero = constant(0), one = constant(1);
    if (name == "Sigmoid")
      return sigmoid(x);
    if (name == "Tanh")
      return tanh(x);
    if (name == "Relu")
      return max(x, zero);
    if (name == "LeakyRelu")
      return selectGreater(zero, x, mul(constant(alpha), x), x);
    if (name == "ThresholdedRelu")
      return selectGreater(constant(alpha), x, zero, x);
    if (name == "ScaledTanh")
      return mul(constant(alpha), tanh(mul(constant(beta), x)));
    if (name == "HardSigmoid")
      return max(zero, min(one, add(mul(constant(alpha), x), constant(beta))));
    if (name == "Elu")
      return selectGreater(zero, x, mul(constant(alpha), sub(exp(x), one)), x);
    if (name == "Softsign")
      return div(x, add(one, abs(x)));
    if (name == "Softplus") {
      // log(1 + e^x) without overflow.
      Value tail = add(one, exp(sub(zero, abs(x))));
      return add(max(x, zero), math::LogOp::create(builder, loc, tail));
    }
    return add(mul(constant(alpha), x), constant(beta));
  }

private:
  OpBuilder &builder;
  Location loc;
};
} // namespace

//===----------------------------------------------------------------------===//
// RecurrentOp
//===----------------------------------------------------------------------===//

namespace {
/// One conversion of a recurrent layer. Tensors of a step are B x H.
class Recurrence {
public:
  Recurrence(TosaBuilder &b, Converter &converter, nn::RecurrentOp op)
      : b(b), converter(converter), op(op), input(getShape(op.getInput())),
        steps(input[0]), batch(input[1]),
        hidden(getShape(op.getRecurrence())[1]),
        gates(nn::RecurrentOp::countGates(op.getKind())) {}

  /// The op's result.
  Value build();

private:
  using Body = function_ref<Value(Scalars &, ValueRange)>;

  /// rows x depth times the transpose of `matrix`, columns x depth.
  Value multiply(Value rows, Value matrix);
  /// Elements [first, first + size) of the last dimension.
  Value columns(Value value, int64_t first, int64_t size);
  Value gate(Value all, int64_t index) {
    return columns(all, index * hidden, hidden);
  }
  /// Operand as given, or zeros.
  Value initial(Value operand);
  /// A function of each element of a step.
  Value pointwise(ValueRange operands, Body body);
  /// Activation number `index`, of the clipped value.
  Value activate(Scalars &s, int index, Value x);
  Value clipped(Scalars &s, Value x);

  struct State {
    Value hidden, cell;
  };
  /// One step; `projected` is B x G H, the input times the weights with their
  /// bias.
  State step(Value projected, State state);
  State lstm(Value projected, State state);
  State gru(Value projected, State state);
  /// What one iteration at step `at` makes of the carried tensors: the state,
  /// the cell of an lstm, and with `all` the states of all steps.
  SmallVector<Value> iterate(Value at, Value projected, Value mask,
                             ValueRange carried, bool all);
  /// `next` where the step is within the entry's length, otherwise `before`.
  Value within(Value inside, Value next, Value before);

  TosaBuilder &b;
  Converter &converter;
  nn::RecurrentOp op;
  ArrayRef<int64_t> input;
  int64_t steps, batch, hidden, gates;
  Value weightBias, recurrenceBias, recurrence, peepholes;
};
} // namespace

Value Recurrence::multiply(Value rows, Value matrix) {
  int64_t count = getShape(rows)[0], depth = getShape(rows)[1];
  int64_t width = getShape(matrix)[0];
  Value zero = b.zeroPoint(b.getF32Type(), 0);
  Value right = b.reshape(b.transpose(matrix, {1, 0}), {1, depth, width});
  Value product = tosa::MatMulOp::create(
      b, b.tensorType({1, count, width}, b.getF32Type()),
      b.reshape(rows, {1, count, depth}), right, zero, zero);
  return b.reshape(product, {count, width});
}

Value Recurrence::columns(Value value, int64_t first, int64_t size) {
  SmallVector<int64_t> sizes(getShape(value)), starts(sizes.size(), 0);
  sizes.back() = size;
  starts.back() = first;
  return b.slice(value, starts, sizes);
}

Value Recurrence::initial(Value operand) {
  return operand ? converter.first(operand)
                 : b.splat({batch, hidden}, b.getF32Type(), 0);
}

Value Recurrence::pointwise(ValueRange operands, Body body) {
  return b.elementwise({batch, hidden}, b.getF32Type(), operands,
                       [&](OpBuilder &builder, Location loc, ValueRange args) {
                         Scalars scalars(builder, loc);
                         return body(scalars, args);
                       });
}

Value Recurrence::clipped(Scalars &s, Value x) {
  if (!op.getClip())
    return x;
  double bound = op.getClip()->convertToDouble();
  return s.max(s.constant(-bound), s.min(s.constant(bound), x));
}

Value Recurrence::activate(Scalars &s, int index, Value x) {
  StringRef name = cast<StringAttr>(op.getActivations()[index]).getValue();
  return s.activation(name, op.getAlphas()[index], op.getBetas()[index],
                      clipped(s, x));
}

/// Gates i, o, f, c:
///   i = f(X + R h + Pi c)   f likewise   c' = f c + i g(X + R h)
///   o = f(X + R h + Po c')  h' = o h(c')
Recurrence::State Recurrence::lstm(Value projected, State state) {
  Value sums = b.add(projected, multiply(state.hidden, recurrence));
  SmallVector<Value> operands = {gate(sums, 0), gate(sums, 2), gate(sums, 3),
                                 state.cell};
  bool peeps = peepholes != nullptr, coupled = op.getInputForget();
  if (peeps) {
    operands.push_back(gate(peepholes, 0));
    operands.push_back(gate(peepholes, 2));
  }
  Value cell = pointwise(operands, [&](Scalars &s, ValueRange v) {
    Value in = peeps ? s.add(v[0], s.mul(v[4], v[3])) : v[0];
    Value forget = peeps ? s.add(v[1], s.mul(v[5], v[3])) : v[1];
    in = activate(s, 0, in);
    forget = coupled ? s.sub(s.constant(1), in) : activate(s, 0, forget);
    return s.add(s.mul(forget, v[3]), s.mul(in, activate(s, 1, v[2])));
  });
  operands = {gate(sums, 1), cell};
  if (peeps)
    operands.push_back(gate(peepholes, 1));
  Value next = pointwise(operands, [&](Scalars &s, ValueRange v) {
    Value out = peeps ? s.add(v[0], s.mul(v[2], v[1])) : v[0];
    StringRef name = cast<StringAttr>(op.getActivations()[2]).getValue();
    Value shown = s.activation(name, op.getAlphas()[2], op.getBetas()[2], v[1]);
    return s.mul(activate(s, 0, out), shown);
  });
  return {next, cell};
}

/// Gates z, r, h:
///   z = f(X + R h)   r = f(X + R h)   h' = (1 - z) g(X + R (r h)) + z h
/// or, with linear_before_reset, g(X + r (R h)).
Recurrence::State Recurrence::gru(Value projected, State state) {
  bool linear = op.getLinearBeforeReset();
  auto rowsOf = [&](Value matrix, int64_t first, int64_t count) {
    return b.slice(matrix, {first * hidden, 0}, {count * hidden, hidden});
  };
  Value gated = b.add(multiply(state.hidden, rowsOf(recurrence, 0, 2)),
                      columns(recurrenceBias, 0, 2 * hidden));
  auto reset = [&](Scalars &s, Value x, Value r) {
    return activate(s, 0, s.add(x, r));
  };
  Value own = rowsOf(recurrence, 2, 1);
  Value bias = columns(recurrenceBias, 2 * hidden, hidden);
  Value inner;
  if (linear) {
    inner = b.add(multiply(state.hidden, own), bias);
    inner = pointwise({gate(projected, 1), gate(gated, 1), inner},
                      [&](Scalars &s, ValueRange v) {
                        return s.mul(reset(s, v[0], v[1]), v[2]);
                      });
  } else {
    inner = pointwise({gate(projected, 1), gate(gated, 1), state.hidden},
                      [&](Scalars &s, ValueRange v) {
                        return s.mul(reset(s, v[0], v[1]), v[2]);
                      });
    inner = b.add(multiply(inner, own), bias);
  }
  Value next =
      pointwise({gate(projected, 0), gate(gated, 0), gate(projected, 2), inner,
                 state.hidden},
                [&](Scalars &s, ValueRange v) {
                  Value update = reset(s, v[0], v[1]);
                  Value candidate = activate(s, 1, s.add(v[2], v[3]));
                  return s.add(s.mul(s.sub(s.constant(1), update), candidate),
                               s.mul(update, v[4]));
                });
  return {next, Value()};
}

Recurrence::State Recurrence::step(Value projected, State state) {
  if (op.getKind() == "lstm")
    return lstm(projected, state);
  if (op.getKind() == "gru")
    return gru(projected, state);
  Value sums = b.add(projected, multiply(state.hidden, recurrence));
  return {pointwise({sums}, [&](Scalars &s,
                                ValueRange v) { return activate(s, 0, v[0]); }),
          Value()};
}

Value Recurrence::within(Value inside, Value next, Value before) {
  return pointwise({inside, next, before}, [](Scalars &s, ValueRange v) {
    return s.selectGreater(v[0], s.constant(0), v[1], v[2]);
  });
}

Value Recurrence::build() {
  int64_t width = gates * hidden;
  recurrence = converter.first(op.getRecurrence());
  if (op.getPeepholes())
    peepholes = b.reshape(converter.first(op.getPeepholes()), {1, 3 * hidden});
  // Of a gru the second half of the bias is added behind a gate, otherwise to
  // the same sums as the first.
  Value bias = op.getBias() ? converter.first(op.getBias())
                            : b.splat({2 * width}, b.getF32Type(), 0);
  bias = b.reshape(bias, {1, 2 * width});
  weightBias = columns(bias, 0, width);
  recurrenceBias = columns(bias, width, width);
  if (op.getKind() != "gru")
    weightBias = b.add(weightBias, recurrenceBias);
  Value rows =
      b.reshape(converter.first(op.getInput()), {steps * batch, input[2]});
  Value projected =
      b.add(multiply(rows, converter.first(op.getWeights())), weightBias);
  projected = b.reshape(projected, {steps, batch, width});

  // 1 where a step is within an entry's length.
  Value mask;
  if (std::optional<ArrayRef<int64_t>> lengths = op.getLengths()) {
    SmallVector<float> inside;
    for (int64_t t = 0; t < steps; ++t)
      for (int64_t length : *lengths)
        inside.push_back(t < length ? 1.0f : 0.0f);
    mask = b.constantF32({steps, batch, 1}, inside);
  }
  SmallVector<Value> carried = {initial(op.getInitialState())};
  if (op.getKind() == "lstm")
    carried.push_back(initial(op.getInitialCell()));
  bool all = op.getOutput() == "step";
  if (all)
    carried.push_back(b.splat({steps, batch, hidden}, b.getF32Type(), 0));
  auto index = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(b, value);
  };
  auto loop = scf::ForOp::create(b, index(0), index(steps), index(1), carried);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value at = loop.getInductionVar();
  if (op.getReverse())
    at = arith::SubIOp::create(b, index(steps - 1), at);
  scf::YieldOp::create(
      b, iterate(at, projected, mask, loop.getRegionIterArgs(), all));
  if (all)
    return loop.getResults().back();
  return loop.getResult(op.getOutput() == "cell" ? 1 : 0);
}

SmallVector<Value> Recurrence::iterate(Value at, Value projected, Value mask,
                                       ValueRange carried, bool all) {
  auto slab = [&](Value value) {
    int64_t columns = getShape(value).back();
    SmallVector<OpFoldResult> offsets = {at, b.getIndexAttr(0),
                                         b.getIndexAttr(0)};
    SmallVector<OpFoldResult> sizes = {b.getIndexAttr(1), b.getIndexAttr(batch),
                                       b.getIndexAttr(columns)};
    SmallVector<OpFoldResult> ones(3, b.getIndexAttr(1));
    return tensor::ExtractSliceOp::create(
               b, b.tensorType({batch, columns}, b.getF32Type()), value,
               offsets, sizes, ones)
        .getResult();
  };
  bool isLstm = op.getKind() == "lstm";
  State before = {carried[0], isLstm ? carried[1] : Value()};
  State next = step(slab(projected), before);
  Value shown = next.hidden;
  if (mask) {
    Value inside = slab(mask);
    shown = within(inside, next.hidden,
                   b.splat({batch, hidden}, b.getF32Type(), 0));
    next.hidden = within(inside, next.hidden, before.hidden);
    if (isLstm)
      next.cell = within(inside, next.cell, before.cell);
  }
  // Copied to where the loop keeps them, so that no iteration allocates.
  auto keep = [&](Value value, Value where) {
    return linalg::CopyOp::create(b, value, where).getResult(0);
  };
  SmallVector<Value> result = {keep(next.hidden, carried[0])};
  if (isLstm)
    result.push_back(keep(next.cell, carried[1]));
  if (all) {
    SmallVector<OpFoldResult> offsets = {at, b.getIndexAttr(0),
                                         b.getIndexAttr(0)};
    SmallVector<OpFoldResult> sizes = {b.getIndexAttr(1), b.getIndexAttr(batch),
                                       b.getIndexAttr(hidden)};
    SmallVector<OpFoldResult> ones(3, b.getIndexAttr(1));
    result.push_back(tensor::InsertSliceOp::create(b, shown, carried.back(),
                                                   offsets, sizes, ones));
  }
  return result;
}

void Converter::convertOp(nn::RecurrentOp op) {
  setFirst(op.getResult(), Recurrence(b, *this, op).build());
}

} // namespace accopt
