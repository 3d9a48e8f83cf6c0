//===- DequantizeElements.cpp - Floats that constant integers stand for ---===//

#include "QuantizedValues.h"

#include "dialects/NN/NNConstants.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

namespace {
/// Reads elements of any integer type of up to 32 bits.
class Integers {
public:
  explicit Integers(ElementsAttr attr)
      : type(cast<IntegerType>(attr.getElementType())),
        raw(nn::readElements(attr)) {}

  explicit operator bool() const { return raw.has_value(); }

  int64_t operator[](int64_t index) const {
    uint64_t bytes = 0;
    ArrayRef<char> element = raw->element(index);
    std::memcpy(&bytes, element.data(), element.size());
    return type.isUnsigned() ? int64_t(bytes)
                             : llvm::SignExtend64(bytes, type.getWidth());
  }

private:
  IntegerType type;
  std::optional<nn::RawElements> raw;
};

/// Which scale an element has: neighbours along an axis share one.
class ScaleIndex {
public:
  /// The shape of the scales where `block` neighbours along `axis` share one
  /// (all of the tensor: rank 0; one slice: rank 1).
  ScaleIndex(ArrayRef<int64_t> shape, int64_t axis, int64_t block)
      : size(shape[axis]), block(block), blocks(llvm::divideCeil(size, block)) {
    for (int64_t length : shape.drop_front(axis + 1))
      inner *= length;
  }

  int64_t ofSlice(int64_t i) const { return i / inner % size; }
  int64_t ofBlock(int64_t i) const {
    int64_t outer = i / inner / size;
    return (outer * blocks + ofSlice(i) / block) * inner + i % inner;
  }

private:
  int64_t size, block, blocks, inner = 1;
};
} // namespace

/// The shape that scales must have; nothing and an error where the node's own
/// attributes make no sense.
static std::optional<Shape> scaleShape(NodeImporter &node,
                                       ArrayRef<int64_t> shape, int64_t axis,
                                       int64_t block) {
  if (block < 0) {
    (void)node.error("expected block_size 0 or above, got " + Twine(block));
    return std::nullopt;
  }
  if (block == 0)
    return Shape{shape[axis]};
  Shape result(shape);
  result[axis] = int64_t(llvm::divideCeil(shape[axis], block));
  return result;
}

ElementsAttr accopt::importer::dequantizeElements(NodeImporter &node, size_t i,
                                                  const Quantizer &by) {
  auto fail = [&](const Twine &message) {
    (void)node.error(message);
    return ElementsAttr();
  };
  ElementsAttr values = node.inputs[i]->constant;
  if (!isa<IntegerType>(values.getElementType()))
    return fail("expected integers, got floats");
  ArrayRef<int64_t> shape = values.getShapedType().getShape();
  ElementsAttr scale =
      node.hasInput(by.scale) ? node.inputs[by.scale]->constant : nullptr;
  if (!scale || !scale.getElementType().isF32())
    return fail("expected constant floats as scale");
  int64_t block = node.intAttr("block_size", 0);
  bool isOne = block == 0 && scale.getNumElements() == 1;
  std::optional<int64_t> axis = 0;
  if (!isOne && !(axis = node.axis(by.axis, int64_t(shape.size()))))
    return nullptr;
  if (!isOne) {
    std::optional<Shape> wanted = scaleShape(node, shape, *axis, block);
    if (!wanted)
      return nullptr;
    if (scale.getShapedType().getShape() != ArrayRef<int64_t>(*wanted))
      return fail(
          "expected scales of shape [" +
          llvm::join(llvm::map_range(
                         *wanted, [](int64_t n) { return std::to_string(n); }),
                     ", ") +
          "]");
  }
  ElementsAttr zero = node.hasInput(by.zeroPoint)
                          ? node.inputs[by.zeroPoint]->constant
                          : nullptr;
  if (node.hasInput(by.zeroPoint) &&
      (!zero || zero.getElementType() != values.getElementType() ||
       zero.getNumElements() != scale.getNumElements()))
    return fail("expected a constant zero point for each scale, of the type of "
                "the values");

  Integers integers(values);
  std::optional<Integers> zeroPoints;
  if (zero)
    zeroPoints.emplace(zero);
  std::optional<nn::RawElements> scales = nn::readElements(scale);
  if (!integers || !scales || (zeroPoints && !*zeroPoints))
    return fail("expected constants with their data");
  std::optional<ScaleIndex> index;
  if (!isOne)
    index.emplace(shape, *axis, std::max<int64_t>(block, 1));
  std::vector<float> floats(size_t(values.getNumElements()));
  for (auto [k, out] : llvm::enumerate(floats)) {
    int64_t s = isOne        ? 0
                : block != 0 ? index->ofBlock(int64_t(k))
                             : index->ofSlice(int64_t(k));
    float factor;
    std::memcpy(&factor, scales->element(s).data(), sizeof(factor));
    out = float(integers[int64_t(k)] - (zeroPoints ? (*zeroPoints)[s] : 0)) *
          factor;
    if (!std::isfinite(out))
      return fail("expected finite scales");
  }
  auto type = RankedTensorType::get(shape, node.builder.getF32Type());
  if (floats.size() * sizeof(float) <= 1024)
    return DenseElementsAttr::get(type, ArrayRef<float>(floats));
  return DenseResourceElementsAttr::get(
      type, "weights",
      HeapAsmResourceBlob::allocateAndCopyWithAlign(
          ArrayRef<char>(reinterpret_cast<const char *>(floats.data()),
                         floats.size() * sizeof(float)),
          /*align=*/64, /*dataIsMutable=*/false));
}
