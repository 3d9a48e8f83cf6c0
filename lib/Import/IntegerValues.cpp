//===- IntegerValues.cpp - Values that stand for integers -----------------===//

#include "IntegerValues.h"

#include "mlir/Dialect/Quant/IR/Quant.h"
#include "mlir/Dialect/Quant/IR/QuantTypes.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/STLExtras.h"

#include <set>

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

//===----------------------------------------------------------------------===//
// The integers of a value
//===----------------------------------------------------------------------===//

/// As an op of the host: the accelerator would round the quotient.
static Value onHost(NodeImporter &node, nn::BinaryKind kind, Value lhs,
                    Value rhs) {
  return lhs && rhs ? node.emit<nn::BinaryMathOp>(kind, lhs, rhs) : nullptr;
}

/// One number, or one for each slice of `axis` of a tensor of `rank`.
static Value alongAxis(NodeImporter &node, ArrayRef<float> values, int64_t axis,
                       int64_t rank) {
  Shape shape;
  if (values.size() > 1) {
    shape.assign(rank, 1);
    shape[axis] = static_cast<int64_t>(values.size());
  }
  return node.constant(shape, values);
}

/// x / s + z of a quantized tensor, with z as the type `integer` has it.
static Value emitStored(NodeImporter &node, Value value, IntegerType integer) {
  auto tensor = cast<RankedTensorType>(value.getType());
  SmallVector<float> scales, zeros;
  int64_t axis = 0;
  Type element = tensor.getElementType();
  auto width = integer.getWidth();
  float moved = integer.isUnsigned() ? float(int64_t(1) << (width - 1)) : 0.0f;
  if (auto one = dyn_cast<quant::UniformQuantizedType>(element)) {
    scales.push_back(float(one.getScale()));
    zeros.push_back(float(one.getZeroPoint()) + moved);
  } else {
    auto many = cast<quant::UniformQuantizedPerAxisType>(element);
    axis = many.getQuantizedDimension();
    for (auto [scale, zero] :
         llvm::zip_equal(many.getScales(), many.getZeroPoints())) {
      scales.push_back(float(scale));
      zeros.push_back(float(zero) + moved);
    }
  }
  Value real = node.finish(quant::DequantizeCastOp::create(
      node.builder, node.loc, tensor.clone(node.builder.getF32Type()), value));
  int64_t rank = tensor.getRank();
  Value quotient = onHost(node, nn::BinaryKind::Div, real,
                          alongAxis(node, scales, axis, rank));
  return onHost(node, nn::BinaryKind::Add,
                emitUnary(node, nn::UnaryKind::Round, quotient),
                alongAxis(node, zeros, axis, rank));
}

Value accopt::importer::emitIntegers(NodeImporter &node, Entry &entry) {
  if (!entry.integers || !entry.value)
    return entry.value;
  if (entry.held)
    return entry.held;
  auto integer = cast<IntegerType>(entry.integers);
  Value value = isa<quant::QuantizedType>(entry.type().getElementType())
                    ? emitStored(node, entry.value, integer)
                    : emitUnary(node, nn::UnaryKind::Round, entry.value);
  entry.held = emitCast(node, value, integer);
  return entry.held;
}

Value accopt::importer::emitQuantized(NodeImporter &node, Value value,
                                      Value scale, Value zero,
                                      IntegerType integer) {
  bool isUnsigned = integer.isUnsigned();
  auto half = float(int64_t(1) << (integer.getWidth() - 1));
  Value quotient = onHost(node, nn::BinaryKind::Div, value, scale);
  value = emitUnary(node, nn::UnaryKind::Round, quotient);
  value = onHost(node, nn::BinaryKind::Add, value, zero);
  float low = isUnsigned ? 0.0f : -half;
  value = onHost(node, nn::BinaryKind::Max, value, node.constant({}, {low}));
  float high = isUnsigned ? 2 * half - 1 : half - 1;
  value = onHost(node, nn::BinaryKind::Min, value, node.constant({}, {high}));
  return emitCast(node, value, integer);
}

//===----------------------------------------------------------------------===//
// Inputs and outputs of a node
//===----------------------------------------------------------------------===//

/// Moves of the host, which gives its results types of its own: casts around
/// one keep a quantized tensor's.
static bool isMovedByHost(StringRef op) {
  return op == "Expand" || op == "Gather" || op == "GatherElements" ||
         op == "GatherND" || op == "ReverseSequence" || op == "Tile";
}

/// Parts that one tensor can hold as they are.
static bool areAlike(NodeImporter &node) {
  auto kindOf = [](const Entry *entry) {
    return std::pair(entry->integers, entry->type().getElementType());
  };
  return llvm::all_of(node.inputs, [&](const Entry *entry) {
    return entry && entry->value && kindOf(entry) == kindOf(node.inputs[0]);
  });
}

/// Whether a handler of that kind takes input i, which stands for integers, as
/// it is.
static bool takesAsIs(NodeImporter &node, IntegerUse use, size_t i) {
  switch (use) {
  case IntegerUse::Reads:
    return false;
  case IntegerUse::Moves:
    if (node.proto.op_type() == "Concat")
      return areAlike(node);
    return i == 0 && !(isMovedByHost(node.proto.op_type()) &&
                       isa<quant::QuantizedType>(
                           node.inputs[i]->type().getElementType()));
  case IntegerUse::Adds:
    return llvm::all_of(node.inputs, [](const Entry *entry) {
      return entry &&
             (entry->constant ||
              (entry->integers && entry->type().getElementType().isF32()));
    });
  case IntegerUse::Knows:
    return true;
  }
  return false;
}

LogicalResult accopt::importer::holdIntegers(NodeImporter &node,
                                             IntegerUse use) {
  SmallVector<size_t> wanted;
  for (size_t i = 0; i < node.inputs.size(); ++i)
    if (node.inputs[i] && node.inputs[i]->integers && !takesAsIs(node, use, i))
      wanted.push_back(i);
  for (size_t i : wanted) {
    Entry entry, &given = *node.inputs[i];
    Type element = given.type().getElementType();
    if (use == IntegerUse::Moves && i == 0 &&
        isMovedByHost(node.proto.op_type()) &&
        isa<quant::UniformQuantizedType>(element)) {
      entry.value = node.finish(quant::DequantizeCastOp::create(
          node.builder, node.loc, given.type().clone(node.builder.getF32Type()),
          given.value));
      entry.integers = given.integers;
    } else {
      entry.value = emitIntegers(node, given);
    }
    if (!entry.value)
      return failure();
    node.ownEntries.push_back(entry);
    node.inputs[i] = &node.ownEntries.back();
  }
  return success();
}

/// The type from which holdIntegers took input 0, where it did.
static Type movedType(NodeImporter &node) {
  Entry *entry = node.inputs.empty() ? nullptr : node.inputs[0];
  if (!entry || !entry->integers || node.ownEntries.empty() ||
      entry != &node.ownEntries.front())
    return nullptr;
  auto cast = entry->value.getDefiningOp<quant::DequantizeCastOp>();
  return cast ? getElementTypeOrSelf(cast.getInput()) : nullptr;
}

void accopt::importer::passIntegers(NodeImporter &node, IntegerUse use) {
  if (use != IntegerUse::Moves && use != IntegerUse::Adds)
    return;
  Type integers, moved = movedType(node);
  for (const Entry *entry : node.inputs)
    if (entry && entry->integers && !integers)
      integers = entry->integers;
  for (Entry &output : node.outputs) {
    if (!integers || !output.value || output.integers ||
        isa<IntegerType>(output.type().getElementType()))
      continue;
    output.integers = integers;
    if (moved)
      output.value = quant::QuantizeCastOp::create(
          node.builder, node.loc, output.type().clone(moved), output.value);
  }
}

//===----------------------------------------------------------------------===//
// DynamicQuantizeLinear
//===----------------------------------------------------------------------===//

namespace {
/// Follows what becomes of y, scale and zero point.
class ScaledUses {
public:
  ScaledUses(const NodeImporter &node)
      : uses(*node.uses), scale(node.proto.output(1)),
        zero(node.proto.output(2)) {}

  bool check(const NodeImporter &node);

private:
  bool checkValue(const std::string &name);
  bool checkReader(const onnx::NodeProto &reader, const std::string &name);
  void follow(const std::string &name);
  bool scalesProducts(const std::string &name);
  const std::vector<const onnx::NodeProto *> &readers(const std::string &name) {
    static const std::vector<const onnx::NodeProto *> none;
    auto known = uses.find(name);
    return known == uses.end() ? none : known->second;
  }

  const ValueUses &uses;
  const std::string &scale, &zero;
  /// Nodes that read y by its zero point.
  std::set<const onnx::NodeProto *> products;
  std::set<std::string> linear;
};
} // namespace

static bool movesElements(const onnx::NodeProto &node) {
  return integerUse(node.domain(), node.op_type()) == IntegerUse::Moves;
}

bool ScaledUses::checkReader(const onnx::NodeProto &reader,
                             const std::string &name) {
  const std::string &op = reader.op_type();
  if (op == "MatMulInteger" || op == "ConvInteger") {
    products.insert(&reader);
    return reader.input(0) == name && reader.input(1) != name &&
           reader.input_size() > 2 && reader.input(2) == zero;
  }
  if (op == "DequantizeLinear") {
    products.insert(&reader);
    return reader.input(0) == name && reader.input(1) == scale &&
           reader.input_size() > 2 && reader.input(2) == zero;
  }
  // A Pad's zero is an integer, and elements join others in a Concat.
  return movesElements(reader) && op != "Pad" && op != "Concat" &&
         op != "MaxPool" && reader.output_size() == 1 &&
         reader.input(0) == name && checkValue(reader.output(0));
}

/// Of y or what it was moved to. Outputs of graphs are read by a null node.
bool ScaledUses::checkValue(const std::string &name) {
  return llvm::all_of(readers(name), [&](const onnx::NodeProto *reader) {
    return reader && checkReader(*reader, name);
  });
}

/// Collects what is linear in the results of products: they stay sums of
/// multiples of y until the scale is multiplied in.
void ScaledUses::follow(const std::string &name) {
  if (!linear.insert(name).second)
    return;
  for (const onnx::NodeProto *reader : readers(name))
    if (reader && (reader->op_type() == "Cast" || reader->op_type() == "Add" ||
                   movesElements(*reader)))
      for (const std::string &output : reader->output())
        follow(output);
}

/// Whether products alone are multiplied by the scale `name`, itself times
/// others at first (that of the weights).
bool ScaledUses::scalesProducts(const std::string &name) {
  return llvm::all_of(readers(name), [&](const onnx::NodeProto *reader) {
    if (!reader || products.count(reader))
      return reader != nullptr;
    if (reader->op_type() != "Mul" || reader->input_size() != 2)
      return false;
    const std::string &other = reader->input(reader->input(0) == name ? 1 : 0);
    return linear.count(other) || scalesProducts(reader->output(0));
  });
}

bool ScaledUses::check(const NodeImporter &node) {
  if (!checkValue(node.proto.output(0)))
    return false;
  for (const onnx::NodeProto *product : products)
    follow(product->output(0));
  return scalesProducts(scale) &&
         llvm::all_of(readers(zero), [&](const onnx::NodeProto *reader) {
           return products.count(reader);
         });
}

bool accopt::importer::isReadScaled(const NodeImporter &node) {
  if (node.proto.output_size() < 3 || !node.uses)
    return false;
  return ScaledUses(node).check(node);
}
