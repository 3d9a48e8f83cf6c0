//===- ExportOps.cpp - Nodes for the ops of nn ----------------------------===//
//
// What fusion joined becomes separate nodes again, with the names that were
// joined.
//
//===----------------------------------------------------------------------===//

#include "Exporter.h"

#include "accopt/Support/Diagnostics.h"
#include "dialects/NN/NNOps.h"
#include "dialects/NN/NNShapeInference.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace accopt;
using namespace accopt::exporter;

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

static std::optional<float> toFloat(std::optional<llvm::APFloat> value) {
  if (!value)
    return std::nullopt;
  return value->convertToFloat();
}

std::optional<float> exporter::getBound(mlir::Operation *op, StringRef name) {
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
  else if (isa<nn::SiluOp>(op)) {
    // No operator of this opset is it.
    std::string gate =
        builder.addNode("Sigmoid", nameOf(op) + ".sigmoid", inputs, "")
            .output();
    add(op, "Mul", {inputs[0], gate});
  } else if (auto clip = dyn_cast<nn::ClipOp>(op))
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

/// Whether rounding up gives `pool` positions that rounding down does not.
/// ONNX's shape inference also counts windows that begin behind the input,
/// which have no place in its definition, so a file that says ceil_mode in vain
/// fails its checks.
template <typename PoolOp> static bool needsCeilMode(PoolOp pool) {
  auto input = cast<RankedTensorType>(pool.getInput().getType()).getShape();
  SmallVector<int64_t> shape(input.take_front(2));
  (void)nn::inferWindow(std::nullopt, input, pool.getKernel(),
                        pool.getStrides(), pool.getPads(), pool.getDilations(),
                        /*ceilMode=*/false, shape);
  return cast<RankedTensorType>(pool.getType()).getShape() != ArrayRef(shape);
}

bool Exporter::exportWindow(mlir::Operation *op) {
  auto setWindow = [](Node node, auto pool) {
    node.set("ceil_mode", int64_t(needsCeilMode(pool)))
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
