//===- ChannelGroupsReshape.cpp - Channels through reshapes ---------------===//
//
// A reshape that merges or splits dimensions leaves a choice: of C x H x W that
// become one dimension, indices of C can be removed, or of H, or of W, but not
// of two of them. One dimension on each side is chosen to shrink and the others
// are fixed. Given the two, index i and index j go together if an element has
// both coordinates; the classes that result are removed as whole blocks on both
// sides, whatever the sizes are.
//
// Where all but one dimension are fixed for other reasons (spatial ones are, by
// the convolutions before or after), there is nothing to choose; so reshapes
// wait until everything else is known. Else the pair that leaves most classes
// is taken, the outermost of equals.
//
//===----------------------------------------------------------------------===//

#include "ChannelGroupsGraph.h"

#include "llvm/ADT/SetVector.h"

#include <numeric>

using namespace mlir;
using namespace accopt;

using Slots = llvm::SmallVector<unsigned, 4>;

void ChannelGraph::visitReshape(mlir::Operation *op) {
  ChannelTensor in = operand(op, 0), out = result(op);
  unsigned i = 0, o = 0;
  auto isEmpty = [](const ChannelTensor &tensor) {
    return llvm::is_contained(tensor.shape, 0);
  };
  if (isEmpty(in)) {
    visitOther(op, "is empty");
    return;
  }
  while (i < in.rank() || o < out.rank()) {
    ReshapeSegment segment;
    segment.op = op;
    int64_t inputs = 1, outputs = 1;
    // Take dimensions on the side that is behind until both are level.
    do {
      bool takeInput = i < in.rank() && (inputs <= outputs || o == out.rank());
      const ChannelTensor &from = takeInput ? in : out;
      unsigned &d = takeInput ? i : o;
      (takeInput ? inputs : outputs) *= from.shape[d];
      if (from.shape[d] != 1)
        (takeInput ? segment.inputs : segment.outputs).push_back(from.slot(d));
      ++d;
    } while (inputs != outputs);
    bool isZero = llvm::all_of(segment.inputs,
                               [&](unsigned slot) { return vanishes(slot); });
    for (unsigned slot : segment.outputs)
      setVanishes(slot, isZero);
    if (segment.inputs.size() == 1 && segment.outputs.size() == 1)
      tie(segment.inputs[0], segment.outputs[0]);
    else if (!segment.inputs.empty())
      pending.push_back(segment);
  }
}

void ChannelGraph::resolveReshapes() {
  while (!pending.empty()) {
    bool changed = false;
    for (size_t i = 0; i < pending.size();) {
      if (!resolveIfForced(pending[i])) {
        ++i;
        continue;
      }
      pending.erase(pending.begin() + ptrdiff_t(i));
      changed = true;
    }
    if (changed || pending.empty())
      continue;
    ReshapeSegment first = pending.front();
    pending.erase(pending.begin());
    resolveBest(first);
  }
}

/// Resolves a segment with at most one dimension on each side that may shrink.
bool ChannelGraph::resolveIfForced(const ReshapeSegment &segment) {
  int choice[2] = {-1, -1};
  for (auto [side, slots] :
       llvm::enumerate(ArrayRef<Slots>{segment.inputs, segment.outputs})) {
    int count = 0;
    for (auto [i, slot] : llvm::enumerate(slots))
      if (!isFixed(slot)) {
        choice[side] = int(i);
        ++count;
      }
    if (count > 1)
      return false;
  }
  resolve(segment, choice[0], choice[1]);
  return true;
}

/// Calls back with coordinates (i, j) of dimensions `a` and `b` for every
/// element of a segment.
template <typename Callback>
static void forCoordinates(ArrayRef<int64_t> inputs, ArrayRef<int64_t> outputs,
                           unsigned a, unsigned b, Callback callback) {
  auto product = [](ArrayRef<int64_t> sizes) {
    return std::accumulate(sizes.begin(), sizes.end(), int64_t(1),
                           std::multiplies<>());
  };
  int64_t strideA = product(inputs.drop_front(a + 1));
  int64_t strideB = product(outputs.drop_front(b + 1));
  // Inside a run of this length no coordinate changes.
  int64_t run = std::gcd(strideA, strideB);
  for (int64_t e = 0, count = product(inputs); e < count; e += run)
    callback(e / strideA % inputs[a], e / strideB % outputs[b]);
}

/// How many units the choice of (a, b) leaves.
static int64_t countUnits(ArrayRef<int64_t> inputs, ArrayRef<int64_t> outputs,
                          unsigned a, unsigned b) {
  std::vector<int64_t> parents(inputs[a] + outputs[b]);
  std::iota(parents.begin(), parents.end(), 0);
  auto find = [&](int64_t node) {
    while (parents[node] != node)
      node = parents[node] = parents[parents[node]];
    return node;
  };
  auto units = int64_t(parents.size());
  forCoordinates(inputs, outputs, a, b, [&](int64_t i, int64_t j) {
    int64_t x = find(i), y = find(inputs[a] + j);
    units -= x != y;
    parents[x] = y;
  });
  return units;
}

static SmallVector<int64_t> sizesOf(ArrayRef<ChannelGraph::Slot> slots,
                                    ArrayRef<unsigned> which) {
  SmallVector<int64_t> sizes;
  for (unsigned slot : which)
    sizes.push_back(slots[slot].size);
  return sizes;
}

void ChannelGraph::resolveBest(const ReshapeSegment &segment) {
  SmallVector<int64_t> inputs = sizesOf(allSlots, segment.inputs);
  SmallVector<int64_t> outputs = sizesOf(allSlots, segment.outputs);
  int64_t most = 0;
  int bestInput = -1, bestOutput = -1;
  for (unsigned a = 0; a < inputs.size(); ++a)
    for (unsigned b = 0; b < outputs.size(); ++b) {
      if (isFixed(segment.inputs[a]) || isFixed(segment.outputs[b]))
        continue;
      int64_t units = countUnits(inputs, outputs, a, b);
      if (units <= most)
        continue;
      most = units;
      bestInput = int(a), bestOutput = int(b);
    }
  resolve(segment, bestInput, bestOutput);
}

/// Ties dimension `input` of the operand's to dimension `output` of the
/// result's and fixes all others; -1 fixes them all.
void ChannelGraph::resolve(const ReshapeSegment &segment, int input,
                           int output) {
  bool isTied = input >= 0 && output >= 0;
  const std::string why = "is merged or split by a reshape";
  for (auto [i, slot] : llvm::enumerate(segment.inputs))
    if (!isTied || int(i) != input)
      fix(slot, why);
  for (auto [i, slot] : llvm::enumerate(segment.outputs))
    if (!isTied || int(i) != output)
      fix(slot, why);
  if (!isTied)
    return;
  forCoordinates(
      sizesOf(allSlots, segment.inputs), sizesOf(allSlots, segment.outputs),
      unsigned(input), unsigned(output), [&](int64_t i, int64_t j) {
        tieIndex(segment.inputs[input], i, segment.outputs[output], j);
      });
}
