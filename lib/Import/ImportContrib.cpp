//===- ImportContrib.cpp - onnxruntime's fused operators ------------------===//
//
// What onnxruntime's optimizers make of transformers: functions with a bias,
// normalizations with a sum before them, products with transposed operands,
// and products whose weights have few bits. They are taken apart again; the
// compiler fuses for its own machine. The semantics are those of onnxruntime's
// page of contributed operators.
//
//===----------------------------------------------------------------------===//

#include "NodeImporter.h"
#include "OpTable.h"

#include "dialects/NN/NNConstants.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <vector>

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

LogicalResult accopt::importer::importBiasedGelu(NodeImporter &node) {
  Value input = node.operand(0);
  if (input && node.hasInput(1))
    input = emitArithmetic(node, "Add", input, node.operand(1));
  bool isFast = node.proto.op_type() == "FastGelu";
  return node.setOutput(
      0, emitUnary(node, isFast ? nn::UnaryKind::GeluTanh : nn::UnaryKind::Gelu,
                   input));
}

LogicalResult accopt::importer::importQuickGelu(NodeImporter &node) {
  return node.setOutput(0,
                        emitUnary(node, nn::UnaryKind::Swish, node.operand(0),
                                  node.f32(node.floatAttr("alpha", 1.702f))));
}

//===----------------------------------------------------------------------===//
// Normalizations of a sum
//===----------------------------------------------------------------------===//

/// `value` over its deviation along the last dimension, or where it is not
/// centred over the root of its mean square.
static Value normalizeLast(NodeImporter &node, Value value, bool isCentred) {
  if (!value)
    return nullptr;
  int64_t rank = cast<RankedTensorType>(value.getType()).getRank();
  auto mean = [&](Value of) -> Value {
    return of ? node.emit<nn::ReduceMeanOp>(of, node.array({rank - 1}),
                                            node.boolean(true))
              : Value();
  };
  if (isCentred)
    value = emitArithmetic(node, "Sub", value, mean(value));
  Value square = mean(emitArithmetic(node, "Mul", value, value));
  Value epsilon = node.constant({}, {node.floatAttr("epsilon", 1e-12f)});
  Value deviation = emitUnary(node, nn::UnaryKind::Sqrt,
                              emitArithmetic(node, "Add", square, epsilon));
  return emitArithmetic(node, "Div", value, deviation);
}

LogicalResult accopt::importer::importSkipNorm(NodeImporter &node) {
  bool isCentred = node.proto.op_type() == "SkipLayerNormalization";
  for (size_t i : {1, 2})
    if (i < node.outputUsed.size() && node.outputUsed[i])
      return node.error("expected outputs 0 and 3 to be used, got output " +
                        Twine(i));
  // Input, skip, gamma, beta where it is centred, bias.
  size_t bias = isCentred ? 4 : 3;
  Value sum = node.operand(0);
  if (sum)
    sum = emitArithmetic(node, "Add", sum, node.operand(1));
  if (sum && node.hasInput(bias))
    sum = emitArithmetic(node, "Add", sum, node.operand(bias));
  Value result = normalizeLast(node, sum, isCentred);
  if (result)
    result = emitArithmetic(node, "Mul", result, node.operand(2));
  if (result && isCentred && node.hasInput(3))
    result = emitArithmetic(node, "Add", result, node.operand(3));
  if (failed(node.setOutput(0, result)))
    return failure();
  return node.outputs.size() > 3 ? node.setOutput(3, sum) : success();
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

LogicalResult accopt::importer::importFusedMatMul(NodeImporter &node) {
  for (StringRef name : {"transBatchA", "transBatchB"})
    if (node.intAttr(name, 0) != 0)
      return node.error("expected " + name + " = 0, got " +
                        Twine(node.intAttr(name, 0)));
  auto side = [&](size_t i, StringRef name) -> Value {
    Value value = node.operand(i);
    if (!value || node.intAttr(name, 0) == 0 || node.rank(i) < 2)
      return value;
    Shape order = llvm::to_vector(llvm::seq<int64_t>(node.rank(i)));
    std::swap(order[order.size() - 1], order[order.size() - 2]);
    return node.emit<nn::TransposeOp>(value, node.array(order));
  };
  Value a = side(0, "transA"), b = a ? side(1, "transB") : nullptr;
  if (!a || !b)
    return failure();
  Value product = node.emit<nn::MatMulOp>(a, b);
  float alpha = node.floatAttr("alpha", 1.0f);
  if (product && alpha != 1.0f)
    product = emitArithmetic(node, "Mul", product, node.constant({}, {alpha}));
  return node.setOutput(0, product);
}

namespace {
/// Weights of MatMulNBits: each of `columns` results has its weights one behind
/// the other, in blocks that are filled up at their end. Of a byte the lowest
/// bits come first.
struct PackedWeights {
  int64_t rows, columns, bits, block;

  int64_t blocks() const { return int64_t(llvm::divideCeil(rows, block)); }
  int64_t blockBytes() const { return block * bits / 8; }
  /// Zero points of a column, which begin at a byte.
  int64_t zeroBytes() const {
    return int64_t(llvm::divideCeil(blocks() * bits, 8));
  }
  /// Number `index` of those that begin at byte `first`.
  int64_t read(const nn::RawElements &bytes, int64_t first,
               int64_t index) const {
    auto byte = static_cast<unsigned char>(
        bytes.element(first + index * bits / 8).front());
    return byte >> (index * bits % 8) & ((1 << bits) - 1);
  }
};
} // namespace

/// A constant input of MatMulNBits, of `element` and `count` elements; an error
/// where it is none.
static std::optional<nn::RawElements> packedInput(NodeImporter &node, size_t i,
                                                  StringRef name, Type element,
                                                  int64_t count) {
  ElementsAttr attr = node.hasInput(i) ? node.inputs[i]->constant : nullptr;
  std::optional<nn::RawElements> raw;
  if (attr && attr.getElementType() == element &&
      attr.getNumElements() == count)
    raw = nn::readElements(attr);
  if (!raw)
    (void)node.error("expected " + Twine(count) + " constants as input '" +
                     name + "', got " +
                     (attr ? Twine(attr.getNumElements()) + " or another type"
                           : Twine("a computed value")));
  return raw;
}

/// The weights as floats, [rows, columns].
static ElementsAttr unpackWeights(NodeImporter &node,
                                  const PackedWeights &packed) {
  Builder &builder = node.builder;
  Type byte = builder.getIntegerType(8, /*isSigned=*/false);
  int64_t blocks = packed.blocks(), groups = packed.columns * blocks;
  auto weights = packedInput(node, 1, "B", byte, groups * packed.blockBytes());
  auto scales =
      weights ? packedInput(node, 2, "scales", builder.getF32Type(), groups)
              : std::nullopt;
  if (!weights || !scales)
    return nullptr;
  std::optional<nn::RawElements> zeros;
  bool isFloat =
      node.hasInput(3) && node.inputs[3]->type().getElementType().isF32();
  if (node.hasInput(3) &&
      !(zeros = packedInput(
            node, 3, "zero_points", isFloat ? Type(builder.getF32Type()) : byte,
            isFloat ? groups : packed.columns * packed.zeroBytes())))
    return nullptr;
  auto floatAt = [](const nn::RawElements &raw, int64_t index) {
    float value;
    std::memcpy(&value, raw.element(index).data(), sizeof(value));
    return value;
  };
  std::vector<float> floats(size_t(packed.rows * packed.columns));
  for (int64_t column = 0; column < packed.columns; ++column)
    for (int64_t row = 0; row < packed.rows; ++row) {
      int64_t inColumn = row / packed.block;
      int64_t group = column * blocks + inColumn;
      float zero = !zeros ? float(1 << (packed.bits - 1))
                   : isFloat
                       ? floatAt(*zeros, group)
                       : float(packed.read(*zeros, column * packed.zeroBytes(),
                                           inColumn));
      int64_t code = packed.read(*weights, group * packed.blockBytes(),
                                 row % packed.block);
      float &value = floats[size_t(row * packed.columns + column)];
      value = (float(code) - zero) * floatAt(*scales, group);
      if (!std::isfinite(value)) {
        (void)node.error("expected finite scales");
        return nullptr;
      }
    }
  return DenseResourceElementsAttr::get(
      RankedTensorType::get({packed.rows, packed.columns},
                            builder.getF32Type()),
      "weights",
      HeapAsmResourceBlob::allocateAndCopyWithAlign(
          ArrayRef<char>(reinterpret_cast<const char *>(floats.data()),
                         floats.size() * sizeof(float)),
          /*align=*/64, /*dataIsMutable=*/false));
}

LogicalResult accopt::importer::importMatMulNBits(NodeImporter &node) {
  PackedWeights packed{node.intAttr("K", 0), node.intAttr("N", 0),
                       node.intAttr("bits", 4), node.intAttr("block_size", 0)};
  std::optional<int64_t> count =
      nn::checkedElementCount({packed.rows, packed.columns});
  if (packed.rows <= 0 || packed.columns <= 0 || !count)
    return node.error("expected positive K and N, got " + Twine(packed.rows) +
                      " and " + Twine(packed.columns));
  if (!llvm::is_contained({2, 4, 8}, packed.bits) || packed.block < 16 ||
      packed.block > (1 << 16) || !llvm::isPowerOf2_64(packed.block))
    return node.error("expected 2, 4 or 8 bits and a power of two from 16 on "
                      "as block_size, got " +
                      Twine(packed.bits) + " and " + Twine(packed.block));
  if (node.hasInput(4))
    return node.error("expected no g_idx, got one");
  Value input = node.operand(0);
  ElementsAttr weights = input ? unpackWeights(node, packed) : nullptr;
  if (!weights)
    return failure();
  Value product = node.emit<nn::MatMulOp>(input, node.constant(weights));
  if (product && node.hasInput(5))
    product = emitArithmetic(node, "Add", product, node.operand(5));
  return node.setOutput(0, product);
}
