//===- Export.cpp - ONNX files from nn ------------------------------------===//
//
// One walk in program order. Constants are written where an op first reads
// them, which is where the importer makes them: a file that is imported and
// exported again has the same bytes.
//
//===----------------------------------------------------------------------===//

#include "accopt/Export/Export.h"

#include "GraphBuilder.h"

#include "accopt/Support/Diagnostics.h"
#include "accopt/Support/OutputFile.h"
#include "accopt/Transforms/QuantParams.h"
#include "accopt/Transforms/Ranges.h"
#include "dialects/NN/NNOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace accopt;
using namespace accopt::exporter;

/// The first that says all of nn (Pad that wraps, dilated AveragePool). From 21
/// on, onnxruntime 1.31 refuses QDQ files that its own optimizer has moved
/// casts in.
static constexpr int exportedOpset = 19;
/// The first with metadata of nodes.
static constexpr int irVersion = 10;

static constexpr StringLiteral quantizeSuffix = "/QuantizeLinear";
static constexpr StringLiteral dequantizeSuffix = "/DequantizeLinear";

namespace {
class Exporter {
public:
  explicit Exporter(func::FuncOp function)
      : function(function), builder(*model.mutable_graph()),
        names(nameValues(function)) {}

  llvm::Expected<std::string> run();

private:
  void addInputs();
  void nameOutputs();
  llvm::Error addOutputs();
  llvm::Error exportOp(mlir::Operation *op);
  bool exportLinear(mlir::Operation *op);
  bool exportElementwise(mlir::Operation *op);
  bool exportWindow(mlir::Operation *op);
  bool exportMovement(mlir::Operation *op);
  bool exportCast(mlir::Operation *op);

  /// The name of a value; constants are written at their first use.
  std::string use(Value value);
  /// Writes what computes `op`'s result, with Add and Clip after it where it
  /// has a residual and a clamp.
  void addFused(
      mlir::Operation *op, StringRef type, ArrayRef<std::string> inputs,
      Value residual,
      llvm::function_ref<void(Node)> setAttributes = [](Node) {});
  Node add(mlir::Operation *op, StringRef type, ArrayRef<std::string> inputs) {
    return finish(op, builder.addNode(type, nameOf(op), inputs,
                                      outputs.lookup(op->getResult(0))));
  }
  Node finish(mlir::Operation *op, Node node) {
    known[op->getResult(0)] = node.output();
    return node;
  }
  Node addClip(StringRef name, std::string input, std::optional<float> low,
               std::optional<float> high, StringRef output);
  /// Inputs of a cast after the first.
  SmallVector<std::string> addParams(StringRef base, quant::QuantizedType type);

  std::string nameOf(mlir::Operation *op) const;
  llvm::Error fail(mlir::Operation *op, const Twine &message) const {
    return llvm::createStringError("node '" + nameOf(op) + "' (" +
                                   op->getName().getStringRef() +
                                   "): " + message);
  }

  func::FuncOp function;
  onnx::ModelProto model;
  GraphBuilder builder;
  llvm::MapVector<Value, std::string> names;
  llvm::DenseMap<Value, std::string> known;
  /// Of results that nothing else has to be called.
  llvm::DenseMap<Value, std::string> outputs;
  std::vector<std::string> outputNames;
  /// A constant whose data is missing.
  mlir::Operation *missing = nullptr;
};
} // namespace

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

/// Names of the casts of this exporter, without what it added.
static std::string stripSuffix(std::string name) {
  for (StringRef suffix : {dequantizeSuffix, quantizeSuffix})
    if (size_t at = name.find(suffix); at != std::string::npos)
      name.resize(at);
  return name;
}

std::string Exporter::nameOf(mlir::Operation *op) const {
  std::string name = getNodeName(op->getLoc());
  if (isa<nn::ConstantOp, quant::QuantizeCastOp, quant::DequantizeCastOp>(op))
    name = stripSuffix(std::move(name));
  if (!name.empty())
    return name;
  auto found = op->getNumResults() ? names.find(op->getResult(0)) : names.end();
  return found != names.end() ? found->second
                              : op->getName().stripDialect().str();
}

static void collectNames(Location loc, SmallVectorImpl<std::string> &parts) {
  if (auto name = dyn_cast<NameLoc>(loc)) {
    if (!llvm::is_contained(parts, name.getName().getValue()))
      parts.push_back(name.getName().str());
  } else if (auto fused = dyn_cast<FusedLoc>(loc)) {
    for (Location part : fused.getLocations())
      collectNames(part, parts);
  }
}

/// Names for `count` nodes that were fused into `op`: those that fused gave, so
/// that fusing the nodes again gives the same name.
static SmallVector<std::string>
splitName(mlir::Operation *op, const std::string &whole, size_t count) {
  SmallVector<std::string> parts;
  collectNames(op->getLoc(), parts);
  if (parts.size() < count)
    return SmallVector<std::string>(count, whole);
  size_t first = parts.size() - count + 1;
  SmallVector<std::string> result{
      llvm::join(parts.begin(), parts.begin() + first, "+")};
  result.append(parts.begin() + first, parts.end());
  return result;
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

std::string Exporter::use(Value value) {
  if (!value)
    return "";
  auto it = known.find(value);
  if (it != known.end())
    return it->second;
  mlir::Operation *op = value.getDefiningOp();
  if (auto constant = dyn_cast<nn::ConstantOp>(op)) {
    std::string name = builder.addConstant(nameOf(op), constant.getValue());
    if (name.empty())
      missing = op;
    return known[value] = name;
  }
  // A dcast of a constant, which waits for its first use as well.
  (void)exportCast(op);
  return known[value];
}

void Exporter::addInputs() {
  for (BlockArgument argument : function.getArguments()) {
    onnx::ValueInfoProto *input = model.mutable_graph()->add_input();
    input->set_name(names.find(argument)->second);
    setFloatType(*input, cast<RankedTensorType>(argument.getType()));
    builder.reserve(input->name());
    known[argument] = input->name();
  }
}

/// A result of the function names the value that it returns, unless that has a
/// name already.
void Exporter::nameOutputs() {
  llvm::StringSet<> taken;
  for (auto &[value, name] : known)
    taken.insert(name);
  auto results = function.getBody().front().getTerminator()->getOperands();
  for (auto [i, value] : llvm::enumerate(results)) {
    auto given = function.getResultAttrOfType<StringAttr>(i, "nn.name");
    std::string wanted = given ? given.str() : "result" + std::to_string(i);
    std::string name = wanted;
    for (unsigned k = 1; !taken.insert(name).second; ++k)
      name = wanted + ":" + std::to_string(k);
    outputNames.push_back(name);
    builder.reserve(name);
    mlir::Operation *op = value.getDefiningOp();
    if (op && !isa<nn::ConstantOp>(op))
      outputs.try_emplace(value, name);
  }
}

llvm::Error Exporter::addOutputs() {
  mlir::Operation *end = function.getBody().front().getTerminator();
  for (auto [i, value] : llvm::enumerate(end->getOperands())) {
    auto type = cast<RankedTensorType>(value.getType());
    if (!type.getElementType().isF32())
      return llvm::createStringError("output '" + outputNames[i] +
                                     "': expected f32 to export");
    std::string name = use(value);
    if (name != outputNames[i])
      builder.addNode("Identity", outputNames[i] + "/Identity", {name},
                      outputNames[i]);
    onnx::ValueInfoProto *output = model.mutable_graph()->add_output();
    output->set_name(outputNames[i]);
    setFloatType(*output, type);
  }
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

static std::optional<float> toFloat(std::optional<llvm::APFloat> value) {
  if (!value)
    return std::nullopt;
  return value->convertToFloat();
}

static std::optional<float> getBound(mlir::Operation *op, StringRef name) {
  auto attr = op->getAttrOfType<FloatAttr>(name);
  return attr ? std::optional(float(attr.getValueAsDouble())) : std::nullopt;
}

Node Exporter::addClip(StringRef name, std::string input,
                       std::optional<float> low, std::optional<float> high,
                       StringRef output) {
  std::string base = name.str() + "/";
  std::string minimum = low ? builder.addScalar(base + "min", *low) : "";
  std::string maximum = high ? builder.addScalar(base + "max", *high) : "";
  return builder.addNode("Clip", name, {input, minimum, maximum}, output);
}

void Exporter::addFused(mlir::Operation *op, StringRef type,
                        ArrayRef<std::string> inputs, Value residual,
                        llvm::function_ref<void(Node)> setAttributes) {
  std::optional<float> low = getBound(op, "clamp_min");
  std::optional<float> high = getBound(op, "clamp_max");
  bool hasClamp = low || high;
  size_t count = 1 + (residual ? 1 : 0) + (hasClamp ? 1 : 0), done = 0;
  SmallVector<std::string> parts = splitName(op, nameOf(op), count);
  std::string output = outputs.lookup(op->getResult(0));
  auto outputOf = [&] { return ++done == count ? output : std::string(); };
  Node node = builder.addNode(type, parts[0], inputs, outputOf());
  setAttributes(node);
  std::string last = node.output();
  if (residual) {
    std::string other = use(residual);
    last = builder.addNode("Add", parts[1], {last, other}, outputOf()).output();
  }
  if (low == 0.0f && !high)
    last = builder.addNode("Relu", parts.back(), {last}, outputOf()).output();
  else if (hasClamp)
    last = addClip(parts.back(), last, low, high, outputOf()).output();
  known[op->getResult(0)] = last;
}

bool Exporter::exportLinear(mlir::Operation *op) {
  if (auto conv = dyn_cast<nn::ConvOp>(op)) {
    std::string input = use(conv.getInput()), weights = use(conv.getWeights());
    addFused(op, "Conv", {input, weights, use(conv.getBias())},
             conv.getResidual(), [&](Node node) {
               auto shape = cast<RankedTensorType>(conv.getWeights().getType());
               node.set("dilations", conv.getDilations())
                   .set("group", int64_t(conv.getGroups()))
                   .set("kernel_shape", shape.getShape().drop_front(2))
                   .set("pads", conv.getPads())
                   .set("strides", conv.getStrides());
             });
    return true;
  }
  if (auto gemm = dyn_cast<nn::GemmOp>(op)) {
    std::string a = use(gemm.getA()), b = use(gemm.getB());
    addFused(op, "Gemm", {a, b, use(gemm.getBias())}, gemm.getResidual(),
             [&](Node node) {
               node.set("alpha", gemm.getAlpha().convertToFloat())
                   .set("beta", gemm.getBeta().convertToFloat())
                   .set("transA", int64_t(gemm.getTransA()))
                   .set("transB", int64_t(gemm.getTransB()));
             });
    return true;
  }
  auto matmul = dyn_cast<nn::MatMulOp>(op);
  if (!matmul)
    return false;
  std::string a = use(matmul.getA());
  add(op, "MatMul", {a, use(matmul.getB())});
  return true;
}

static StringRef getElementwiseType(mlir::Operation *op) {
  return llvm::TypeSwitch<mlir::Operation *, StringRef>(op)
      .Case<nn::AddOp>([](auto) { return "Add"; })
      .Case<nn::SubOp>([](auto) { return "Sub"; })
      .Case<nn::MulOp>([](auto) { return "Mul"; })
      .Case<nn::DivOp>([](auto) { return "Div"; })
      .Case<nn::ReluOp>([](auto) { return "Relu"; })
      .Case<nn::SigmoidOp>([](auto) { return "Sigmoid"; })
      .Case<nn::HardSwishOp>([](auto) { return "HardSwish"; })
      .Default([](auto) { return ""; });
}

bool Exporter::exportElementwise(mlir::Operation *op) {
  SmallVector<std::string> inputs;
  for (Value operand : op->getOperands())
    inputs.push_back(use(operand));
  StringRef type = getElementwiseType(op);
  if (!type.empty() && inputs.size() == 2)
    addFused(op, type, inputs, Value());
  else if (!type.empty())
    add(op, type, inputs);
  else if (auto clip = dyn_cast<nn::ClipOp>(op))
    finish(op, addClip(nameOf(op), inputs[0], toFloat(clip.getMinimum()),
                       toFloat(clip.getMaximum()),
                       outputs.lookup(clip.getResult())));
  else if (auto leaky = dyn_cast<nn::LeakyReluOp>(op))
    add(op, "LeakyRelu", inputs)
        .set("alpha", leaky.getAlpha().convertToFloat());
  else if (auto hard = dyn_cast<nn::HardSigmoidOp>(op))
    add(op, "HardSigmoid", inputs)
        .set("alpha", hard.getAlpha().convertToFloat())
        .set("beta", hard.getBeta().convertToFloat());
  else if (auto norm = dyn_cast<nn::BatchNormOp>(op))
    add(op, "BatchNormalization", inputs)
        .set("epsilon", norm.getEpsilon().convertToFloat());
  else if (auto softmax = dyn_cast<nn::SoftmaxOp>(op))
    add(op, "Softmax", inputs).set("axis", int64_t(softmax.getAxis()));
  else if (auto lrn = dyn_cast<nn::LrnOp>(op))
    add(op, "LRN", inputs)
        .set("alpha", lrn.getAlpha().convertToFloat())
        .set("beta", lrn.getBeta().convertToFloat())
        .set("bias", lrn.getBias().convertToFloat())
        .set("size", int64_t(lrn.getSize()));
  else
    return false;
  return true;
}

bool Exporter::exportWindow(mlir::Operation *op) {
  auto setWindow = [](Node node, auto pool) {
    node.set("ceil_mode", int64_t(pool.getCeilMode()))
        .set("dilations", pool.getDilations())
        .set("kernel_shape", pool.getKernel())
        .set("pads", pool.getPads())
        .set("strides", pool.getStrides());
    return node;
  };
  if (auto pool = dyn_cast<nn::MaxPoolOp>(op)) {
    setWindow(add(op, "MaxPool", {use(pool.getInput())}), pool);
    return true;
  }
  if (auto pool = dyn_cast<nn::AveragePoolOp>(op)) {
    setWindow(add(op, "AveragePool", {use(pool.getInput())}), pool)
        .set("count_include_pad", int64_t(pool.getCountIncludePad()));
    return true;
  }
  auto mean = dyn_cast<nn::ReduceMeanOp>(op);
  if (!mean)
    return false;
  std::string input = use(mean.getInput());
  std::string axes = builder.addInts(nameOf(op) + "/axes", mean.getAxes());
  add(op, "ReduceMean", {input, axes})
      .set("keepdims", int64_t(mean.getKeepDims()))
      // No axes would mean all of them.
      .set("noop_with_empty_axes", int64_t(mean.getAxes().empty()));
  return true;
}

/// Where ONNX's Slice ends in a dimension of `size`.
static int64_t getSliceEnd(int64_t start, int64_t count, int64_t step,
                           int64_t size) {
  int64_t end = start + count * step;
  if (step > 0)
    return std::min(end, size);
  // -1 would be the last element; this is before the first.
  return end < 0 ? -size - 1 : end;
}

bool Exporter::exportMovement(mlir::Operation *op) {
  SmallVector<std::string> inputs;
  for (Value operand : op->getOperands())
    inputs.push_back(use(operand));
  std::string base = nameOf(op) + "/";
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  if (isa<nn::ReshapeOp>(op)) {
    inputs.push_back(builder.addInts(base + "shape", type.getShape()));
    add(op, "Reshape", inputs);
  } else if (auto transpose = dyn_cast<nn::TransposeOp>(op)) {
    add(op, "Transpose", inputs).set("perm", transpose.getPerm());
  } else if (auto concat = dyn_cast<nn::ConcatOp>(op)) {
    add(op, "Concat", inputs).set("axis", int64_t(concat.getAxis()));
  } else if (auto pad = dyn_cast<nn::PadOp>(op)) {
    inputs.push_back(builder.addInts(base + "pads", pad.getPads()));
    if (pad.getMode() == "constant")
      inputs.push_back(
          builder.addScalar(base + "value", pad.getValue().convertToFloat()));
    add(op, "Pad", inputs).set("mode", pad.getMode());
  } else if (auto slice = dyn_cast<nn::SliceOp>(op)) {
    auto from = cast<RankedTensorType>(slice.getInput().getType());
    SmallVector<int64_t> ends, axes;
    for (int64_t d = 0; d < from.getRank(); ++d) {
      ends.push_back(getSliceEnd(slice.getStarts()[d], slice.getSizes()[d],
                                 slice.getSteps()[d], from.getDimSize(d)));
      axes.push_back(d);
    }
    inputs.push_back(builder.addInts(base + "starts", slice.getStarts()));
    inputs.push_back(builder.addInts(base + "ends", ends));
    inputs.push_back(builder.addInts(base + "axes", axes));
    inputs.push_back(builder.addInts(base + "steps", slice.getSteps()));
    add(op, "Slice", inputs);
  } else {
    return false;
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Casts
//===----------------------------------------------------------------------===//

static void getParams(quant::QuantizedType type, SmallVector<float> &scales,
                      SmallVector<int8_t> &zeroPoints) {
  if (auto q = dyn_cast<quant::UniformQuantizedType>(type)) {
    scales.push_back(float(q.getScale()));
    zeroPoints.push_back(int8_t(q.getZeroPoint()));
    return;
  }
  auto q = cast<quant::UniformQuantizedPerAxisType>(type);
  for (auto [scale, zero] : llvm::zip_equal(q.getScales(), q.getZeroPoints())) {
    scales.push_back(float(scale));
    zeroPoints.push_back(int8_t(zero));
  }
}

SmallVector<std::string> Exporter::addParams(StringRef base,
                                             quant::QuantizedType type) {
  SmallVector<float> scales;
  SmallVector<int8_t> zeroPoints;
  getParams(type, scales, zeroPoints);
  SmallVector<std::string> result{
      builder.addFloats((base + "/scale").str(), scales)};
  // int32 has none; ONNX takes it for zero.
  if (type.getStorageTypeIntegralWidth() == 8)
    result.push_back(builder.addInt8((base + "/zero_point").str(), zeroPoints));
  return result;
}

static void setAxis(Node node, quant::QuantizedType type) {
  if (auto q = dyn_cast<quant::UniformQuantizedPerAxisType>(type))
    if (q.getScales().size() > 1)
      node.set("axis", int64_t(q.getQuantizedDimension()));
}

/// Whether the op that makes `value` keeps it within the integers of `type`.
static bool isClamped(Value value, quant::UniformQuantizedType type) {
  mlir::Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  bool isClip = isa<nn::ClipOp>(op);
  std::optional<float> low = getBound(op, isClip ? "minimum" : "clamp_min");
  std::optional<float> high = getBound(op, isClip ? "maximum" : "clamp_max");
  QuantParams params{type.getScale(), type.getZeroPoint()};
  return low && high &&
         quantizeValue(*low, params) >= type.getStorageTypeMin() &&
         quantizeValue(*high, params) <= type.getStorageTypeMax();
}

bool Exporter::exportCast(mlir::Operation *op) {
  if (!isa<quant::QuantizeCastOp, quant::DequantizeCastOp>(op))
    return false;
  bool isQuantize = isa<quant::QuantizeCastOp>(op);
  Value quantized = isQuantize ? op->getResult(0) : op->getOperand(0);
  auto type = cast<quant::QuantizedType>(
      cast<RankedTensorType>(quantized.getType()).getElementType());
  std::string input = use(op->getOperand(0)), base = nameOf(op);
  auto perTensor = dyn_cast<quant::UniformQuantizedType>(type);
  // ONNX's int8 does not saturate where fewer bits do.
  if (isQuantize && perTensor && type.getStorageTypeMin() > -128 &&
      !isClamped(op->getOperand(0), perTensor)) {
    auto real = [&](int64_t q) {
      return float(perTensor.getScale() * double(q - perTensor.getZeroPoint()));
    };
    input = addClip(base + "/Saturate", input, real(type.getStorageTypeMin()),
                    real(type.getStorageTypeMax()), "")
                .output();
  }
  base += isQuantize ? quantizeSuffix : dequantizeSuffix;
  SmallVector<std::string> inputs{input};
  llvm::append_range(inputs, addParams(base, type));
  Node node =
      builder.addNode(isQuantize ? "QuantizeLinear" : "DequantizeLinear", base,
                      inputs, outputs.lookup(op->getResult(0)));
  setAxis(node, type);
  finish(op, node);
  return true;
}

//===----------------------------------------------------------------------===//
// The model
//===----------------------------------------------------------------------===//

static bool isQuantized(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && isa<quant::QuantizedType>(type.getElementType());
}

llvm::Error Exporter::exportOp(mlir::Operation *op) {
  // Written where they are used.
  if (isa<nn::ConstantOp, func::ReturnOp>(op))
    return llvm::Error::success();
  bool isCast = isa<quant::QuantizeCastOp, quant::DequantizeCastOp>(op);
  if (auto cast = dyn_cast<quant::DequantizeCastOp>(op))
    if (cast.getInput().getDefiningOp<nn::ConstantOp>())
      return llvm::Error::success();
  if (!isCast && (llvm::any_of(op->getOperands(), isQuantized) ||
                  llvm::any_of(op->getResults(), isQuantized)))
    return fail(op, "expected a float op, between casts where it is quantized, "
                    "to export");
  if (!exportLinear(op) && !exportWindow(op) && !exportCast(op) &&
      !(isa<nn::ReshapeOp, nn::TransposeOp, nn::ConcatOp, nn::PadOp,
            nn::SliceOp>(op)
            ? exportMovement(op)
            : isa<nn::NNDialect>(op->getDialect()) && exportElementwise(op)))
    return fail(op, "expected an op that ONNX has a form for");
  if (missing)
    return fail(missing, "expected a constant of f32, i8 or i32 with its data");
  return llvm::Error::success();
}

llvm::Expected<std::string> Exporter::run() {
  if (!llvm::hasSingleElement(function.getBody()))
    return llvm::createStringError("expected a function with one block, to "
                                   "export");
  for (BlockArgument argument : function.getArguments()) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type || !type.hasStaticShape() || !type.getElementType().isF32())
      return llvm::createStringError("input '" + names.find(argument)->second +
                                     "': expected static f32 to export");
  }
  model.set_ir_version(irVersion);
  model.set_producer_name("accopt");
  model.add_opset_import()->set_version(exportedOpset);
  model.mutable_graph()->set_name("main");
  addInputs();
  nameOutputs();
  for (mlir::Operation &op : function.getBody().front())
    if (llvm::Error error = exportOp(&op))
      return error;
  if (llvm::Error error = addOutputs())
    return error;
  // Protobuf's own limit, which it would meet with an empty string.
  if (size_t size = model.ByteSizeLong(); size > size_t(INT32_MAX))
    return llvm::createStringError(
        "expected at most 2147483647 bytes, which is all that an ONNX file can "
        "hold, got " +
        llvm::Twine(size));
  return model.SerializeAsString();
}

llvm::Expected<std::string> accopt::exportOnnx(func::FuncOp function) {
  return Exporter(function).run();
}

llvm::Error accopt::exportOnnx(func::FuncOp function, StringRef path) {
  llvm::Expected<std::string> bytes = exportOnnx(function);
  if (!bytes)
    return makeFileError(path, llvm::toString(bytes.takeError()));
  return writeOutputFile(path, *bytes);
}
