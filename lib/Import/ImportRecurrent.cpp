//===- ImportRecurrent.cpp - LSTM, GRU, RNN -------------------------------===//
//
// One op for each direction, joined along ONNX's axis of directions. `layout` 1
// (batch first) becomes transpositions around them.
//
//===----------------------------------------------------------------------===//

#include "NodeImporter.h"
#include "OpTable.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

namespace {
/// What a layer's directions share.
struct Layer {
  std::string kind;
  /// Sizes of ONNX's tensors.
  int64_t steps, batch, hidden, directions;
  bool batchFirst, backward;
  /// Of the entries, where not all have all steps: known, or [batch] i64.
  std::optional<Shape> lengths;
  Value computedLengths;
  /// Of all directions, one after the other.
  SmallVector<std::string> activations;
  SmallVector<float> alphas, betas;

  size_t functions() const { return activations.size() / directions; }
  bool isBackward(int64_t direction) const {
    return direction == 1 || backward;
  }
};

struct DefaultParameters {
  float alpha, beta;
};
} // namespace

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

/// The spelling that the dialect knows; empty for an unknown activation. ONNX
/// compares names without regard to case.
static StringRef activationName(StringRef name) {
  for (StringRef known :
       {"Sigmoid", "Tanh", "Relu", "LeakyRelu", "ThresholdedRelu", "ScaledTanh",
        "HardSigmoid", "Elu", "Softsign", "Softplus", "Affine"})
    if (known.equals_insensitive(name))
      return known;
  return "";
}

/// Parameters of an activation for which a node gives none.
static DefaultParameters defaultParameters(StringRef name) {
  return llvm::StringSwitch<DefaultParameters>(name)
      .Case("LeakyRelu", {0.01f, 0.0f})
      .Case("ThresholdedRelu", {1.0f, 0.0f})
      .Case("ScaledTanh", {1.0f, 1.0f})
      .Case("HardSigmoid", {0.2f, 0.5f})
      .Case("Elu", {1.0f, 0.0f})
      .Case("Affine", {1.0f, 0.0f})
      .Default({0.0f, 0.0f});
}

/// How many of alpha and beta an activation takes from the node's lists.
static unsigned countAlphas(StringRef name) {
  return llvm::StringSwitch<unsigned>(name)
      .Cases({"LeakyRelu", "ThresholdedRelu", "ScaledTanh", "HardSigmoid",
              "Elu", "Affine"},
             1)
      .Default(0);
}
static unsigned countBetas(StringRef name) {
  return llvm::StringSwitch<unsigned>(name)
      .Cases({"ScaledTanh", "HardSigmoid", "Affine"}, 1)
      .Default(0);
}

static SmallVector<float> floatsOf(const onnx::AttributeProto *attribute) {
  if (!attribute)
    return {};
  return SmallVector<float>(attribute->floats().begin(),
                            attribute->floats().end());
}

/// The activations of all directions and their parameters. The lists of alpha
/// and beta have entries for the activations that take one, in order.
static LogicalResult readActivations(NodeImporter &node, Layer &layer) {
  SmallVector<StringRef> names = {"Sigmoid", "Tanh", "Tanh"};
  if (layer.kind == "gru")
    names = {"Sigmoid", "Tanh"};
  if (layer.kind == "rnn")
    names = {"Tanh"};
  size_t count = names.size() * layer.directions;
  const onnx::AttributeProto *given = node.attribute("activations");
  if (given && given->strings_size() != static_cast<int>(count))
    return node.error("expected " + Twine(count) + " activations, got " +
                      Twine(given->strings_size()));
  SmallVector<float> alphas = floatsOf(node.attribute("activation_alpha"));
  SmallVector<float> betas = floatsOf(node.attribute("activation_beta"));
  size_t alpha = 0, beta = 0;
  for (size_t i = 0; i < count; ++i) {
    StringRef asked =
        given ? StringRef(given->strings(i)) : names[i % names.size()];
    StringRef name = activationName(asked);
    if (name.empty())
      return node.error("expected an activation of ONNX's list, got '" + asked +
                        "'");
    DefaultParameters parameters = defaultParameters(name);
    if (countAlphas(name) && alpha < alphas.size())
      parameters.alpha = alphas[alpha++];
    if (countBetas(name) && beta < betas.size())
      parameters.beta = betas[beta++];
    layer.activations.push_back(name.str());
    layer.alphas.push_back(parameters.alpha);
    layer.betas.push_back(parameters.beta);
  }
  return success();
}

static LogicalResult readLengths(NodeImporter &node, Layer &layer) {
  if (!node.hasInput(4))
    return success();
  if (node.rank(4) != 1 || node.shape(4)[0] != layer.batch)
    return node.error("expected " + Twine(layer.batch) + " sequence_lens");
  if (!node.inputs[4]->constant) {
    layer.computedLengths = node.number(4);
    return success(bool(layer.computedLengths));
  }
  std::optional<Shape> lengths = node.ints(4, "sequence_lens");
  if (!lengths)
    return failure();
  // All steps of all entries: no length binds.
  if (llvm::any_of(*lengths,
                   [&](int64_t length) { return length != layer.steps; }))
    layer.lengths = lengths;
  return success();
}

static std::optional<Layer> readLayer(NodeImporter &node, StringRef kind) {
  auto fail = [&](const Twine &message) -> std::optional<Layer> {
    (void)node.error(message);
    return std::nullopt;
  };
  for (size_t i : {0, 1, 2})
    if (!node.operand(i))
      return std::nullopt;
  if (node.rank(0) != 3 || node.rank(1) != 3 || node.rank(2) != 3)
    return fail("expected input, W and R of rank 3, got ranks " +
                Twine(node.rank(0)) + ", " + Twine(node.rank(1)) + " and " +
                Twine(node.rank(2)));
  Layer layer;
  layer.kind = kind.str();
  layer.batchFirst = node.intAttr("layout", 0) != 0;
  layer.steps = node.shape(0)[layer.batchFirst ? 1 : 0];
  layer.batch = node.shape(0)[layer.batchFirst ? 0 : 1];
  layer.hidden = node.shape(2)[2];
  std::string direction = node.stringAttr("direction", "forward");
  if (direction != "forward" && direction != "reverse" &&
      direction != "bidirectional")
    return fail("expected direction forward, reverse or bidirectional, got '" +
                direction + "'");
  layer.directions = direction == "bidirectional" ? 2 : 1;
  layer.backward = direction == "reverse";
  if (node.intAttr("hidden_size", layer.hidden) != layer.hidden)
    return fail("expected hidden_size to be R's last dimension " +
                Twine(layer.hidden) + ", got " +
                Twine(node.intAttr("hidden_size", 0)));
  for (size_t i : {1, 2})
    if (node.shape(i)[0] != layer.directions)
      return fail("expected weights of " + Twine(layer.directions) +
                  " directions, got " + Twine(node.shape(i)[0]));
  if (failed(readActivations(node, layer)) || failed(readLengths(node, layer)))
    return std::nullopt;
  return layer;
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

static Value transpose(NodeImporter &node, Value value,
                       ArrayRef<int64_t> perm) {
  return value ? node.emit<nn::TransposeOp>(value, node.array(perm)) : nullptr;
}

/// Index `at` of dimension `dim` of input i, without that dimension. Null where
/// the input is absent, and with an error where it does not fit.
static Value part(NodeImporter &node, size_t i, int64_t dim, int64_t at) {
  if (!node.hasInput(i))
    return nullptr;
  Value value = node.operand(i);
  if (!value)
    return nullptr;
  Shape sizes(node.shape(i)), starts(sizes.size(), 0);
  if (dim >= node.rank(i) || at >= sizes[dim]) {
    (void)node.error("expected input " + Twine(i) + " with " + Twine(at + 1) +
                     " directions in dimension " + Twine(dim));
    return nullptr;
  }
  Shape rest = sizes;
  rest.erase(rest.begin() + dim);
  if (sizes[dim] > 1) {
    sizes[dim] = 1;
    starts[dim] = at;
    value = node.emit<nn::SliceOp>(value, node.array(starts), node.array(sizes),
                                   node.array(Shape(sizes.size(), 1)));
  }
  return node.reshape(value, rest);
}

/// One direction; `output` as the op has it.
static Value emitDirection(NodeImporter &node, const Layer &layer, Value input,
                           int64_t direction, StringRef output) {
  bool isLstm = layer.kind == "lstm";
  int64_t stateDim = layer.batchFirst ? 1 : 0;
  Value weights = part(node, 1, 0, direction);
  Value recurrence = part(node, 2, 0, direction);
  Value bias = part(node, 3, 0, direction);
  Value state = part(node, 5, stateDim, direction);
  Value cell = isLstm ? part(node, 6, stateDim, direction) : nullptr;
  Value peepholes = isLstm ? part(node, 7, 0, direction) : nullptr;
  if (!input || !weights || !recurrence || !node.reason.empty())
    return nullptr;
  size_t count = layer.functions(), first = count * direction;
  auto all = [&](const auto &list) {
    return ArrayRef(list).slice(first, count);
  };
  SmallVector<Attribute> names;
  for (const std::string &name : all(layer.activations))
    names.push_back(node.builder.getStringAttr(name));
  float clip = node.floatAttr("clip", 0.0f);
  Builder &b = node.builder;
  return node.emit<nn::RecurrentOp>(
      input, weights, recurrence, bias, state, cell, peepholes,
      b.getStringAttr(layer.kind), b.getArrayAttr(names),
      b.getDenseF32ArrayAttr(all(layer.alphas)),
      b.getDenseF32ArrayAttr(all(layer.betas)),
      clip > 0.0f ? node.f32(clip) : FloatAttr(),
      node.boolean(layer.isBackward(direction) && !layer.computedLengths),
      node.boolean(node.intAttr("linear_before_reset", 0) != 0),
      node.boolean(node.intAttr("input_forget", 0) != 0),
      layer.lengths ? node.array(*layer.lengths) : DenseI64ArrayAttr(),
      b.getStringAttr(output));
}

/// The last state of each entry: that after its last step, or the initial one
/// where it has none. `steps` is T x B x H, `lengths` [B] i64.
static Value emitLastState(NodeImporter &node, const Layer &layer, Value steps,
                           Value lengths, Value initial) {
  Value last = emitArithmetic(node, "Sub", lengths, node.constantI64({}, {1}));
  Value isEmpty = node.emit<nn::BinaryMathOp>(nn::BinaryKind::Less, last,
                                              node.constantI64({}, {0}));
  if (!last || !isEmpty)
    return nullptr;
  last = node.emit<nn::SelectOp>(isEmpty, node.constantI64({}, {0}), last);
  Shape column = {layer.batch, 1};
  SmallVector<int64_t> entries = llvm::to_vector(llvm::seq(layer.batch));
  last = last ? node.reshape(last, column) : nullptr;
  isEmpty = node.reshape(isEmpty, column);
  if (!last || !isEmpty)
    return nullptr;
  Value parts[] = {last, node.constantI64(column, entries)};
  Value places = node.emit<nn::ConcatOp>(ValueRange(parts), node.i64(1));
  Value state =
      places ? node.emit<nn::GatherNDOp>(steps, places, node.i64(0)) : nullptr;
  if (!initial)
    initial = node.constant({}, {0.0f});
  return state ? node.emit<nn::SelectOp>(isEmpty, initial, state) : nullptr;
}

/// A direction whose lengths are computed. All steps run, in the order that the
/// direction has; those beyond an entry's length come after the others, are
/// made zero in "step", and the last state is read before them.
static Value emitComputed(NodeImporter &node, const Layer &layer, Value input,
                          int64_t direction, StringRef output) {
  bool isBackward = layer.isBackward(direction);
  Value lengths = layer.computedLengths;
  if (isBackward)
    input = emitReversed(node, input, lengths, /*time=*/0);
  Value steps = emitDirection(node, layer, input, direction, "step");
  if (!steps)
    return nullptr;
  Shape column = {1, layer.batch, 1};
  lengths = emitCast(node, lengths, node.builder.getI64Type());
  if (!lengths)
    return nullptr;
  if (output == "state")
    return emitLastState(node, layer, steps, lengths,
                         part(node, 5, layer.batchFirst ? 1 : 0, direction));
  SmallVector<int64_t> numbers = llvm::to_vector(llvm::seq(layer.steps));
  Value isInside = node.emit<nn::BinaryMathOp>(
      nn::BinaryKind::Less, node.constantI64({layer.steps, 1, 1}, numbers),
      node.reshape(lengths, column));
  if (!isInside)
    return nullptr;
  steps = node.emit<nn::SelectOp>(isInside, steps, node.constant({}, {0.0f}));
  return isBackward && steps
             ? emitReversed(node, steps, layer.computedLengths, /*time=*/0)
             : steps;
}

/// An output of the node: that of each direction with a dimension of directions
/// before `dim`, joined along it.
static Value joinDirections(NodeImporter &node, const Layer &layer, Value input,
                            StringRef output, int64_t dim) {
  SmallVector<Value> parts;
  for (int64_t d = 0; d < layer.directions; ++d) {
    Value value = layer.computedLengths
                      ? emitComputed(node, layer, input, d, output)
                      : emitDirection(node, layer, input, d, output);
    if (!value)
      return nullptr;
    Shape shape(llvm::cast<RankedTensorType>(value.getType()).getShape());
    shape.insert(shape.begin() + dim, 1);
    parts.push_back(node.reshape(value, shape));
    if (!parts.back())
      return nullptr;
  }
  if (parts.size() == 1)
    return parts.front();
  return node.emit<nn::ConcatOp>(ValueRange(parts), node.i64(dim));
}

static LogicalResult importLayer(NodeImporter &node, StringRef kind) {
  std::optional<Layer> layer = readLayer(node, kind);
  if (!layer)
    return failure();
  Value input = node.operand(0);
  if (layer->batchFirst)
    input = transpose(node, input, {1, 0, 2});
  // Y is steps x directions x batch x hidden, Y_h and Y_c directions x batch x
  // hidden; with the batch first it leads all three, before steps.
  StringRef outputs[] = {"step", "state", "cell"};
  for (auto [i, output] : llvm::enumerate(outputs)) {
    if (i >= node.outputs.size() || !node.outputUsed[i])
      continue;
    if (layer->computedLengths && output == "cell")
      return node.error("expected constant sequence_lens where Y_c is used, "
                        "got computed ones");
    Value value = joinDirections(node, *layer, input, output, i == 0 ? 1 : 0);
    if (layer->batchFirst)
      value = i == 0 ? transpose(node, value, {2, 0, 1, 3})
                     : transpose(node, value, {1, 0, 2});
    if (failed(node.setOutput(i, value)))
      return failure();
  }
  return success();
}

LogicalResult accopt::importer::importRecurrent(NodeImporter &node) {
  return importLayer(node, StringRef(node.proto.op_type()).lower());
}

/// Weights i [directions, inputs, gates] in integers, with scale and zero point
/// at `scale` for each direction, or each direction's gates: their real values,
/// [directions, gates, inputs] as an LSTM has them.
static std::optional<Entry> realWeights(NodeImporter &node, size_t i,
                                        size_t scale) {
  std::optional<HostTensor> scales = node.host(scale, "scale");
  std::optional<HostTensor> zeros = node.host(scale + 1, "zero_point");
  if (!scales || !zeros || !node.hasInput(i))
    return std::nullopt;
  auto fail = [&](const Twine &message) -> std::optional<Entry> {
    (void)node.error(message);
    return std::nullopt;
  };
  if (!node.inputs[i]->constant || node.rank(i) != 3)
    return fail("expected constant weights of rank 3 as input " + Twine(i));
  std::optional<HostTensor> values =
      toHost(node.inputs[i]->constant, /*limit=*/INT32_MAX);
  int64_t directions = node.shape(i)[0], inputs = node.shape(i)[1],
          gates = node.shape(i)[2];
  if (!values || values->isFloat() || !scales->isFloat() || zeros->isFloat() ||
      scales->size() != zeros->size() ||
      (scales->size() != directions && scales->size() != directions * gates))
    return fail("expected integer weights with a scale and a zero point for " +
                Twine(directions) + " directions, or for their gates");
  HostTensor real{
      node.builder.getF32Type(), {directions, gates, inputs}, {}, {}};
  real.floats.resize(values->size());
  for (auto [at, value] : llvm::enumerate(values->ints)) {
    int64_t gate = at % gates, input = at / gates % inputs,
            direction = at / gates / inputs;
    int64_t p =
        scales->size() == directions ? direction : direction * gates + gate;
    real.floats[(direction * gates + gate) * inputs + input] =
        scales->floats[p] * static_cast<float>(value - zeros->ints[p]);
  }
  Entry entry;
  entry.constant = toAttribute(real);
  entry.loc = node.loc;
  return entry;
}

/// onnxruntime's LSTM with weights in integers: it quantizes its input when it
/// runs; here it is an LSTM in float.
LogicalResult accopt::importer::importDynamicQuantizeLstm(NodeImporter &node) {
  if (node.inputs.size() != 12)
    return node.error("expected 12 inputs, got " + Twine(node.inputs.size()));
  std::optional<Entry> weights = realWeights(node, 1, 8);
  std::optional<Entry> recurrence =
      weights ? realWeights(node, 2, 10) : std::nullopt;
  if (!recurrence)
    return failure();
  node.inputs[1] = &*weights;
  node.inputs[2] = &*recurrence;
  return importLayer(node, "lstm");
}
