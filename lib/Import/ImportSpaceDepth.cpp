//===- ImportSpaceDepth.cpp - DepthToSpace, SpaceToDepth ------------------===//
//
// Both are a reshape that splits dimensions, a transposition and a reshape that
// merges them, which is also how exporters write them out.
//
//===----------------------------------------------------------------------===//

#include "OpTable.h"
#include "SpaceDepth.h"

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

static Value transpose(NodeImporter &node, Value input,
                       ArrayRef<int64_t> perm) {
  return input ? node.emit<nn::TransposeOp>(input, node.array(perm)) : nullptr;
}

Value accopt::importer::depthToSpace(NodeImporter &node, Value input,
                                     ArrayRef<int64_t> blocks,
                                     bool depthFirst) {
  ArrayRef<int64_t> shape =
      llvm::cast<RankedTensorType>(input.getType()).getShape();
  int64_t spatial = blocks.size(), channels = shape[1];
  for (int64_t block : blocks)
    channels /= block;
  // N, [B...,] C, [B...,] S...
  Shape split = {shape[0]}, perm = {0}, merged = {shape[0], channels};
  int64_t firstBlock = depthFirst ? 1 : 2, channelAt = 1;
  if (depthFirst) {
    split.append(blocks.begin(), blocks.end());
    channelAt = 1 + spatial;
  }
  split.push_back(channels);
  if (!depthFirst)
    split.append(blocks.begin(), blocks.end());
  perm.push_back(channelAt);
  for (int64_t d = 0; d < spatial; ++d) {
    split.push_back(shape[2 + d]);
    perm.push_back(2 + spatial + d);
    perm.push_back(firstBlock + d);
    merged.push_back(shape[2 + d] * blocks[d]);
  }
  return node.reshape(transpose(node, node.reshape(input, split), perm),
                      merged);
}

/// The block size, of an input of rank 4; nothing and an error otherwise.
static std::optional<int64_t> readBlock(NodeImporter &node) {
  int64_t block = node.intAttr("blocksize", 0);
  if (!node.operand(0))
    return std::nullopt;
  if (node.rank(0) != 4) {
    (void)node.error("expected an input of rank 4, got rank " +
                     Twine(node.rank(0)));
    return std::nullopt;
  }
  // The square of a larger one is no int64.
  if (block < 1 || block > INT32_MAX) {
    (void)node.error("expected a blocksize in [1, 2^31), got " + Twine(block));
    return std::nullopt;
  }
  return block;
}

LogicalResult accopt::importer::importDepthToSpace(NodeImporter &node) {
  std::optional<int64_t> block = readBlock(node);
  if (!block)
    return failure();
  std::string mode = node.stringAttr("mode", "DCR");
  if (mode != "DCR" && mode != "CRD")
    return node.error("expected mode DCR or CRD, got '" + mode + "'");
  if (node.shape(0)[1] % (*block * *block) != 0)
    return node.error("expected channels that " + Twine(*block * *block) +
                      " divides, got " + Twine(node.shape(0)[1]));
  return node.setOutput(
      0, depthToSpace(node, node.operand(0), {*block, *block}, mode == "DCR"));
}

LogicalResult accopt::importer::importSpaceToDepth(NodeImporter &node) {
  std::optional<int64_t> block = readBlock(node);
  if (!block)
    return failure();
  std::string mode = node.stringAttr("mode", "DCR");
  if (mode != "DCR" && mode != "CRD")
    return node.error("expected mode DCR or CRD, got '" + mode + "'");
  ArrayRef<int64_t> shape = node.shape(0);
  int64_t b = *block, n = shape[0], c = shape[1];
  if (shape[2] % b != 0 || shape[3] % b != 0)
    return node.error("expected a height and width that " + Twine(b) +
                      " divides, got " + Twine(shape[2]) + " and " +
                      Twine(shape[3]));
  int64_t h = shape[2] / b, w = shape[3] / b;
  Value split = node.reshape(node.operand(0), {n, c, h, b, w, b});
  const int64_t depthFirst[] = {0, 3, 5, 1, 2, 4};
  const int64_t columnFirst[] = {0, 1, 3, 5, 2, 4};
  Value moved =
      transpose(node, split, mode == "DCR" ? depthFirst : columnFirst);
  return node.setOutput(0, node.reshape(moved, {n, c * b * b, h, w}));
}
