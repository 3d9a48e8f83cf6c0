//===- ImportCol2Im.cpp - Overlapping blocks, summed to an image ----------===//
//
// Element k of block l lies at a known place of the padded image, so that the
// sum is one nn.scatter_nd that adds, all images and channels together in a
// row; the padding is cut off afterwards.
//
//===----------------------------------------------------------------------===//

#include "ConstantEvaluator.h"
#include "OpTable.h"

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

namespace {
/// Sizes by dimension of the image.
struct Blocks {
  Shape image, block, strides, dilations, pads;
  /// Of the padded image, and how many blocks it has.
  Shape padded, counts;
  int64_t places, elements, blocks;
};
} // namespace

static std::optional<Blocks> readBlocks(NodeImporter &node) {
  std::optional<Shape> image = node.ints(1, "image_shape");
  std::optional<Shape> block = node.ints(2, "block_shape");
  if (!image || !block)
    return std::nullopt;
  auto fail = [&](const Twine &message) -> std::optional<Blocks> {
    (void)node.error(message);
    return std::nullopt;
  };
  size_t rank = image->size();
  Blocks b;
  b.image = *image;
  b.block = *block;
  b.strides = node.intsAttr("strides").value_or(Shape(rank, 1));
  b.dilations = node.intsAttr("dilations").value_or(Shape(rank, 1));
  b.pads = node.intsAttr("pads").value_or(Shape(2 * rank, 0));
  if (block->size() != rank || b.strides.size() != rank ||
      b.dilations.size() != rank || b.pads.size() != 2 * rank)
    return fail("expected " + Twine(rank) +
                " block sizes, strides and dilations and twice as many pads");
  for (const Shape *list : {&b.image, &b.block, &b.strides, &b.dilations})
    if (llvm::any_of(*list, [](int64_t n) { return n < 1 || n > INT32_MAX; }))
      return fail("expected sizes, strides and dilations in [1, 2^31)");
  if (llvm::any_of(b.pads, [](int64_t n) { return n < 0 || n > INT32_MAX; }))
    return fail("expected pads in [0, 2^31)");
  for (size_t d = 0; d < rank; ++d) {
    b.padded.push_back(b.image[d] + b.pads[d] + b.pads[rank + d]);
    int64_t reach = (b.block[d] - 1) * b.dilations[d] + 1;
    if (reach > b.padded[d])
      return fail("expected a block of at most " + Twine(b.padded[d]) +
                  " elements in dimension " + Twine(d) + ", got " +
                  Twine(reach));
    b.counts.push_back((b.padded[d] - reach) / b.strides[d] + 1);
  }
  std::optional<int64_t> places = nn::checkedElementCount(b.padded);
  std::optional<int64_t> elements = nn::checkedElementCount(b.block);
  std::optional<int64_t> blocks = nn::checkedElementCount(b.counts);
  if (!places || !elements || !blocks || *places > maxTensorElements ||
      *elements > gatherLimit / *blocks)
    return fail("expected at most " + Twine(gatherLimit) +
                " elements of blocks, got more");
  b.places = *places;
  b.elements = *elements;
  b.blocks = *blocks;
  return b;
}

/// The places of all elements of blocks: [elements * blocks, 1].
static Value placesOf(NodeImporter &node, const Blocks &b) {
  Shape image = rowMajorStrides(b.padded), within(image), between(image);
  for (size_t d = 0; d < image.size(); ++d) {
    within[d] *= b.dilations[d];
    between[d] *= b.strides[d];
  }
  SmallVector<int64_t> places;
  places.reserve(b.elements * b.blocks);
  for (int64_t element : stridedIndices(b.block, within))
    places.append(stridedIndices(b.counts, between, element));
  return node.constantI64({b.elements * b.blocks, 1}, places);
}

LogicalResult accopt::importer::importCol2Im(NodeImporter &node) {
  Value input = node.operand(0);
  std::optional<Blocks> b = input ? readBlocks(node) : std::nullopt;
  if (!b)
    return failure();
  ArrayRef<int64_t> shape = node.shape(0);
  if (shape.size() != 3 || shape[1] % b->elements != 0 || shape[2] != b->blocks)
    return node.error("expected an input of " + Twine(b->blocks) +
                      " blocks of " + Twine(b->elements) +
                      " elements for each channel");
  int64_t images = shape[0], channels = shape[1] / b->elements;
  int64_t planes = images * channels;
  if (planes > maxTensorElements / b->places)
    return node.error("expected a result of at most " +
                      Twine(maxTensorElements) + " elements, got more");
  input = node.reshape(input, {planes, b->elements * b->blocks});
  if (!input)
    return failure();
  input = node.emit<nn::TransposeOp>(input, node.array({1, 0}));
  auto flat =
      RankedTensorType::get({b->places, planes}, node.builder.getF32Type());
  Value zeros = node.constant(ElementsAttr(DenseElementsAttr::get(flat, 0.0f)));
  Value sums = node.emit<nn::ScatterNDOp>(nn::ScatterKind::Add, zeros,
                                          placesOf(node, *b), input);
  sums = sums ? node.emit<nn::TransposeOp>(sums, node.array({1, 0})) : nullptr;
  Shape padded = {images, channels}, sizes(padded), starts = {0, 0};
  padded.append(b->padded);
  sizes.append(b->image);
  starts.append(b->pads.begin(), b->pads.begin() + b->image.size());
  sums = sums ? node.reshape(sums, padded) : nullptr;
  if (!sums || padded == sizes)
    return node.setOutput(0, sums);
  return node.setOutput(
      0, node.emit<nn::SliceOp>(sums, node.array(starts), node.array(sizes),
                                node.array(Shape(sizes.size(), 1))));
}
