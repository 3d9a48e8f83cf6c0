//===- ImportShape.cpp - Data movement ------------------------------------===//
//
// Every handler here takes constants of any type as well: shape arithmetic and
// weights go the same way as activations, but make no op. A large constant that
// is only reshaped keeps its bytes where they are.
//
//===----------------------------------------------------------------------===//

#include "ConstantEvaluator.h"
#include "OpTable.h"
#include "TensorReader.h"
#include "dialects/NN/NNConstants.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

/// Input i as a small constant, without an error where it is none.
static std::optional<HostTensor> smallConstant(NodeImporter &node, size_t i) {
  if (!node.hasInput(i) || !node.inputs[i]->constant)
    return std::nullopt;
  return toHost(node.inputs[i]->constant);
}

static LogicalResult setConstant(NodeImporter &node, size_t i,
                                 const HostTensor &tensor) {
  return node.setOutput(i, ElementsAttr(toAttribute(tensor)));
}

//===----------------------------------------------------------------------===//
// Identity, Dropout
//===----------------------------------------------------------------------===//

LogicalResult accopt::importer::importIdentity(NodeImporter &node) {
  return node.forward(0, 0);
}

/// The identity, and a mask of ones: nothing is dropped in inference mode, nor
/// where the ratio is zero.
LogicalResult accopt::importer::importDropout(NodeImporter &node) {
  std::optional<float> training = node.scalar(2, "training_mode", 0.0f);
  std::optional<float> ratio =
      training && *training != 0.0f ? node.scalar(1, "ratio", 0.5f) : 0.0f;
  if (!training || !ratio)
    return failure();
  if (*ratio != 0.0f)
    return node.error("expected inference mode, got training_mode = true");
  if (node.outputUsed.size() > 1 && node.outputUsed[1] && node.hasInput(0)) {
    auto mask = RankedTensorType::get(node.shape(0), node.builder.getI1Type());
    if (failed(node.setOutput(
            1, ElementsAttr(DenseElementsAttr::get(mask, true)))))
      return failure();
  }
  return node.forward(0, 0);
}

LogicalResult accopt::importer::importShapeArithmetic(NodeImporter &node) {
  return node.error("expected constant inputs of at most " +
                    Twine(evaluationLimit) +
                    " elements, got computed values "
                    "or more; this operator is supported in shape arithmetic "
                    "alone");
}

//===----------------------------------------------------------------------===//
// Reshapes
//===----------------------------------------------------------------------===//

/// Input 0, constant or not, with another shape of as many elements.
static LogicalResult setReshaped(NodeImporter &node, ArrayRef<int64_t> shape) {
  if (ElementsAttr constant = node.inputs[0]->constant)
    return node.setOutput(0, nn::reshapeElements(constant, shape));
  return node.setOutput(0, node.reshape(node.number(0), shape));
}

LogicalResult accopt::importer::importFlatten(NodeImporter &node) {
  if (!node.hasInput(0))
    return node.error("expected an input, got none");
  std::optional<int64_t> axis =
      node.axis(node.intAttr("axis", 1), node.rank(0), /*endAllowed=*/true);
  if (!axis)
    return failure();
  ArrayRef<int64_t> shape = node.shape(0);
  return setReshaped(node, {*nn::checkedElementCount(shape.take_front(*axis)),
                            *nn::checkedElementCount(shape.drop_front(*axis))});
}

LogicalResult accopt::importer::importReshape(NodeImporter &node) {
  std::optional<Shape> shape = node.ints(1, "shape");
  if (!shape || !node.hasInput(0))
    return failure();
  ArrayRef<int64_t> input = node.shape(0);
  bool allowZero = node.intAttr("allowzero", 0) != 0;
  std::optional<size_t> free;
  for (size_t d = 0; d < shape->size(); ++d) {
    int64_t &size = (*shape)[d];
    if (size == 0 && !allowZero) {
      if (d >= input.size())
        return node.error("expected 0 only at the input's dimensions, got one "
                          "at dimension " +
                          Twine(d));
      size = input[d];
    } else if (size == -1 && !free) {
      free = d;
      size = 1;
    } else if (size < 0) {
      return node.error("expected sizes of at least 0 and one -1, got " +
                        Twine(size));
    }
  }
  std::optional<int64_t> from = nn::checkedElementCount(input);
  std::optional<int64_t> to = nn::checkedElementCount(*shape);
  if (!to || (free ? *to == 0 || *from % *to != 0 : *from != *to))
    return node.error("expected a shape of as many elements as the input's " +
                      Twine(*from) + ", got another number");
  if (free)
    (*shape)[*free] = *from / *to;
  return setReshaped(node, *shape);
}

std::optional<Shape> accopt::importer::readAxesInput(NodeImporter &node,
                                                     int64_t rank) {
  Shape given;
  if (node.hasInput(1)) {
    std::optional<Shape> list = node.ints(1, "axes");
    if (!list)
      return std::nullopt;
    given = *list;
  } else if (std::optional<Shape> list = node.intsAttr("axes")) {
    given = *list;
  } else {
    return Shape();
  }
  if (node.proto.op_type() == "Unsqueeze")
    rank += given.size();
  return node.axes(given, rank);
}

LogicalResult accopt::importer::importSqueeze(NodeImporter &node) {
  if (!node.hasInput(0))
    return node.error("expected an input, got none");
  std::optional<Shape> axes = readAxesInput(node, node.rank(0));
  if (!axes)
    return failure();
  bool all = !node.hasInput(1) && !node.attribute("axes");
  Shape shape;
  for (auto [d, size] : llvm::enumerate(node.shape(0))) {
    bool listed = llvm::is_contained(*axes, static_cast<int64_t>(d));
    if (listed && size != 1)
      return node.error("expected size 1 in dimension " + Twine(d) + ", got " +
                        Twine(size));
    if (!listed && !(all && size == 1))
      shape.push_back(size);
  }
  return setReshaped(node, shape);
}

LogicalResult accopt::importer::importUnsqueeze(NodeImporter &node) {
  if (!node.hasInput(0))
    return node.error("expected an input, got none");
  std::optional<Shape> axes = readAxesInput(node, node.rank(0));
  if (!axes)
    return failure();
  Shape shape;
  ArrayRef<int64_t> rest = node.shape(0);
  for (size_t d = 0, rank = rest.size() + axes->size(); d < rank; ++d) {
    if (llvm::is_contained(*axes, static_cast<int64_t>(d))) {
      shape.push_back(1);
      continue;
    }
    shape.push_back(rest.front());
    rest = rest.drop_front();
  }
  return setReshaped(node, shape);
}

//===----------------------------------------------------------------------===//
// Transpose, Concat
//===----------------------------------------------------------------------===//

LogicalResult accopt::importer::importTranspose(NodeImporter &node) {
  if (!node.hasInput(0))
    return node.error("expected an input, got none");
  int64_t rank = node.rank(0);
  std::optional<Shape> perm = node.intsAttr("perm");
  if (!perm) {
    perm.emplace();
    for (int64_t d = rank; d-- > 0;)
      perm->push_back(d);
  }
  if (static_cast<int64_t>(perm->size()) != rank || !node.axes(*perm, rank) ||
      llvm::any_of(*perm, [](int64_t d) { return d < 0; }))
    return node.error("expected a permutation of " + Twine(rank) +
                      " dimensions");
  if (std::optional<HostTensor> tensor = smallConstant(node, 0)) {
    Shape shape, strides, own = rowMajorStrides(tensor->shape);
    for (int64_t d : *perm) {
      shape.push_back(tensor->shape[d]);
      strides.push_back(own[d]);
    }
    return setConstant(node, 0,
                       tensor->gather(shape, stridedIndices(shape, strides)));
  }
  Value input = node.number(0);
  if (!input)
    return failure();
  return node.setOutput(0,
                        node.emit<nn::TransposeOp>(input, node.array(*perm)));
}

/// The concatenation of small constants.
static LogicalResult concatConstants(NodeImporter &node,
                                     ArrayRef<HostTensor> parts, int64_t axis) {
  HostTensor result;
  result.type = parts[0].type;
  result.shape = parts[0].shape;
  result.shape[axis] = 0;
  for (const HostTensor &part : parts) {
    if (part.type != result.type || part.rank() != parts[0].rank())
      return node.error("expected inputs of one element type and rank");
    for (int64_t d = 0; d < part.rank(); ++d)
      if (d != axis && part.shape[d] != parts[0].shape[d])
        return node.error("expected inputs that differ in axis " + Twine(axis) +
                          " alone");
    result.shape[axis] += part.shape[axis];
  }
  int64_t outer =
      *nn::checkedElementCount(ArrayRef(result.shape).take_front(axis));
  for (int64_t o = 0; o < outer; ++o)
    for (const HostTensor &part : parts) {
      int64_t run = part.size() / outer;
      if (part.isFloat())
        result.floats.append(part.floats.begin() + o * run,
                             part.floats.begin() + (o + 1) * run);
      else
        result.ints.append(part.ints.begin() + o * run,
                           part.ints.begin() + (o + 1) * run);
    }
  return setConstant(node, 0, result);
}

LogicalResult accopt::importer::importConcat(NodeImporter &node) {
  if (!node.hasInput(0) || !node.attribute("axis"))
    return node.error("expected an input and an axis, got none");
  std::optional<int64_t> axis =
      node.axis(node.intAttr("axis", 0), node.rank(0));
  if (!axis)
    return failure();
  SmallVector<HostTensor> parts;
  for (size_t i = 0; i < node.inputs.size(); ++i)
    if (std::optional<HostTensor> part = smallConstant(node, i))
      parts.push_back(std::move(*part));
  if (parts.size() == node.inputs.size())
    return concatConstants(node, parts, *axis);
  SmallVector<Value> operands;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    // Shape arithmetic with empty lists aside, an empty input adds nothing.
    operands.push_back(node.number(i));
    if (!operands.back())
      return failure();
  }
  return node.setOutput(
      0, node.emit<nn::ConcatOp>(ValueRange(operands), node.i64(*axis)));
}

//===----------------------------------------------------------------------===//
// Slice, Split, Pad
//===----------------------------------------------------------------------===//

namespace {
struct SliceBounds {
  Shape starts, sizes, steps;
};
} // namespace

static LogicalResult setSlice(NodeImporter &node, size_t output,
                              const SliceBounds &slice) {
  if (std::optional<HostTensor> tensor = smallConstant(node, 0)) {
    Shape strides = rowMajorStrides(tensor->shape);
    int64_t offset = 0;
    for (size_t d = 0; d < strides.size(); ++d) {
      offset += slice.starts[d] * strides[d];
      strides[d] *= slice.steps[d];
    }
    return setConstant(
        node, output,
        tensor->gather(slice.sizes,
                       stridedIndices(slice.sizes, strides, offset)));
  }
  if (llvm::is_contained(slice.sizes, 0))
    return node.error("expected a non-empty result, got an empty slice");
  Value input = node.number(0);
  if (!input)
    return failure();
  // Tracing exporters leave slices of everything.
  if (ArrayRef<int64_t>(slice.sizes) == node.shape(0) &&
      llvm::all_of(slice.steps, [](int64_t step) { return step == 1; }))
    return node.setOutput(output, input);
  return node.setOutput(output,
                        node.emit<nn::SliceOp>(input, node.array(slice.starts),
                                               node.array(slice.sizes),
                                               node.array(slice.steps)));
}

/// A list of Slice: from input i, or before opset 10 from the attribute.
static std::optional<Shape> readSliceList(NodeImporter &node, size_t i,
                                          StringRef name, Shape missing) {
  if (node.hasInput(i))
    return node.ints(i, name);
  return node.intsAttr(name).value_or(missing);
}

LogicalResult accopt::importer::importSlice(NodeImporter &node) {
  if (!node.hasInput(0))
    return node.error("expected an input, got none");
  ArrayRef<int64_t> shape = node.shape(0);
  std::optional<Shape> starts = readSliceList(node, 1, "starts", {});
  std::optional<Shape> ends = readSliceList(node, 2, "ends", {});
  if (!starts || !ends)
    return failure();
  Shape all;
  for (size_t i = 0; i < starts->size(); ++i)
    all.push_back(i);
  std::optional<Shape> axes = readSliceList(node, 3, "axes", all);
  std::optional<Shape> steps =
      readSliceList(node, 4, "steps", Shape(starts->size(), 1));
  if (!axes || !steps)
    return failure();
  if (ends->size() != starts->size() || axes->size() != starts->size() ||
      steps->size() != starts->size())
    return node.error("expected as many ends, axes and steps as starts");
  if (!node.axes(*axes, shape.size()))
    return failure();

  SliceBounds slice{Shape(shape.size(), 0), Shape(shape),
                    Shape(shape.size(), 1)};
  for (size_t i = 0; i < axes->size(); ++i) {
    int64_t d = *node.axis((*axes)[i], shape.size());
    int64_t size = shape[d], step = (*steps)[i];
    if (step == 0)
      return node.error("expected steps other than zero, got zero");
    // There is nothing to take, and no range to clamp to.
    if (size == 0)
      continue;
    // A step beyond the size takes one element, as the size itself does.
    step = std::clamp(step, -size, size);
    auto fromFront = [&](int64_t at, int64_t low, int64_t high) {
      if (at < 0)
        at = at < -size ? low : at + size;
      return std::clamp(at, low, high);
    };
    int64_t start = step > 0 ? fromFront((*starts)[i], 0, size)
                             : fromFront((*starts)[i], 0, size - 1);
    int64_t end = step > 0 ? fromFront((*ends)[i], 0, size)
                           : fromFront((*ends)[i], -1, size - 1);
    int64_t count = step > 0 ? (end - start + step - 1) / step
                             : (start - end - step - 1) / -step;
    slice.starts[d] = start;
    slice.sizes[d] = std::max<int64_t>(0, count);
    slice.steps[d] = step;
  }
  return setSlice(node, 0, slice);
}

LogicalResult accopt::importer::importSplit(NodeImporter &node) {
  if (!node.hasInput(0))
    return node.error("expected an input, got none");
  ArrayRef<int64_t> shape = node.shape(0);
  std::optional<int64_t> axis =
      node.axis(node.intAttr("axis", 0), shape.size());
  if (!axis)
    return failure();
  int64_t size = shape[*axis], outputs = node.outputs.size();
  Shape sizes;
  if (node.hasInput(1)) {
    std::optional<Shape> given = node.ints(1, "split");
    if (!given)
      return failure();
    sizes = *given;
  } else if (std::optional<Shape> given = node.intsAttr("split")) {
    sizes = *given;
  } else {
    // Equal parts, the last one smaller where they do not divide the size.
    int64_t parts = node.intAttr("num_outputs", outputs);
    if (parts != outputs)
      return node.error("expected num_outputs to be the " + Twine(outputs) +
                        " outputs, got " + Twine(parts));
    if (parts < 1 || (!node.attribute("num_outputs") && size % parts != 0))
      return node.error("expected a size that " + Twine(parts) +
                        " parts divide, got " + Twine(size));
    int64_t part = (size + parts - 1) / parts;
    for (int64_t i = 0; i < outputs; ++i)
      sizes.push_back(std::clamp<int64_t>(size - i * part, 0, part));
  }
  int64_t sum = 0;
  for (int64_t part : sizes) {
    if (part < 0 || part > size)
      return node.error("expected parts in [0, " + Twine(size) + "], got " +
                        Twine(part));
    sum += part;
  }
  if (static_cast<int64_t>(sizes.size()) != outputs || sum != size)
    return node.error("expected " + Twine(outputs) + " parts that add up to " +
                      Twine(size) + ", got " + Twine(sizes.size()) +
                      " that add up to " + Twine(sum));
  SliceBounds slice{Shape(shape.size(), 0), Shape(shape),
                    Shape(shape.size(), 1)};
  for (int64_t i = 0; i < outputs; ++i) {
    slice.sizes[*axis] = sizes[i];
    bool used = node.outputUsed[i];
    if (used && failed(setSlice(node, i, slice)))
      return failure();
    slice.starts[*axis] += sizes[i];
  }
  return success();
}

/// The real number that the integer `value` is in a quantized tensor; any other
/// has its own. Nothing and an error where slices have scales of their own.
static std::optional<float> realOfPad(NodeImporter &node, float value) {
  Entry &entry = *node.inputs[0];
  Type element = entry.type().getElementType();
  if (!isa<quant::QuantizedType>(element))
    return value;
  auto type = dyn_cast<quant::UniformQuantizedType>(element);
  if (!type) {
    (void)node.error("expected per-tensor quantization of a tensor that is "
                     "padded, got one scale for each slice");
    return std::nullopt;
  }
  int64_t moved = entry.integers.isUnsignedInteger()
                      ? int64_t(1)
                            << (entry.integers.getIntOrFloatBitWidth() - 1)
                      : 0;
  auto zero = double(type.getZeroPoint() + moved);
  return float(type.getScale() * (double(value) - zero));
}

LogicalResult accopt::importer::importPad(NodeImporter &node) {
  Value input = node.number(0);
  if (!input)
    return failure();
  int64_t rank = node.rank(0);
  std::optional<Shape> given;
  if (node.hasInput(1))
    given = node.ints(1, "pads");
  else
    given = node.intsAttr("pads").value_or(Shape());
  std::optional<float> value =
      node.scalar(2, "constant_value", node.floatAttr("value", 0.0f));
  if (value)
    value = realOfPad(node, *value);
  if (!given || !value)
    return failure();
  Shape axes;
  for (int64_t d = 0; d < rank; ++d)
    axes.push_back(d);
  if (node.hasInput(3)) {
    std::optional<Shape> list = node.ints(3, "axes");
    if (!list || !node.axes(*list, rank))
      return failure();
    axes = *list;
  }
  if (given->size() != 2 * axes.size())
    return node.error("expected " + Twine(2 * axes.size()) + " pads, got " +
                      Twine(given->size()));
  Shape pads(2 * rank, 0);
  for (size_t i = 0; i < axes.size(); ++i) {
    int64_t d = *node.axis(axes[i], rank);
    pads[d] = (*given)[i];
    pads[rank + d] = (*given)[axes.size() + i];
  }
  std::string mode = node.stringAttr("mode", "constant");
  return node.setOutput(0,
                        node.emit<nn::PadOp>(input, node.array(pads),
                                             node.builder.getStringAttr(mode),
                                             node.f32(*value)));
}
