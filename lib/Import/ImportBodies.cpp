//===- ImportBodies.cpp - If, Loop, Scan ----------------------------------===//
//
// Operators whose attributes are graphs. The compiled network has no control
// flow: of an If whose condition is known the chosen branch is imported in its
// place; of one whose condition depends on data both branches are, and each
// output is selected. Loops are unrolled: the number of rounds must be known
// when the network is compiled, as it is where it counts a sequence of static
// length. The number of a round is a constant in it, so that what a body
// computes from it (which slice to take, whether to go on) is constant too.
//
//===----------------------------------------------------------------------===//

#include "IntegerValues.h"
#include "NodeImporter.h"
#include "OpTable.h"

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

/// Rounds times nodes of a body up to which loops are unrolled.
static constexpr int64_t maxUnrolledNodes = 65536;

static const onnx::GraphProto *bodyOf(NodeImporter &node, StringRef name) {
  const onnx::AttributeProto *attribute = node.attribute(name);
  if (attribute && attribute->has_g())
    return &attribute->g();
  (void)node.error("expected a graph as attribute '" + name + "', got none");
  return nullptr;
}

/// An entry as an operand; of one that stands for integers, these.
static Value valueOf(NodeImporter &node, Entry &entry) {
  if (!entry.value && entry.constant)
    entry.value = nn::ConstantOp::create(
        node.builder, entry.loc ? Location(entry.loc) : node.loc, entry.type(),
        entry.constant);
  return emitIntegers(node, entry);
}

/// The truth of a constant; nothing where it depends on data.
static std::optional<bool> knownTruth(const Entry &entry) {
  if (!entry.constant)
    return std::nullopt;
  std::optional<HostTensor> tensor = toHost(entry.constant);
  if (!tensor || tensor->size() != 1 || tensor->isFloat())
    return std::nullopt;
  return tensor->ints[0] != 0;
}

static Entry constantEntry(NodeImporter &node, Type type, int64_t number) {
  Entry entry;
  entry.constant = toAttribute(HostTensor::ofInts(type, {}, {number}));
  entry.loc = node.loc;
  return entry;
}

static LogicalResult expectCount(NodeImporter &node, StringRef what,
                                 size_t expected, size_t got) {
  if (expected == got)
    return success();
  return node.error("expected a body of " + Twine(expected) + " " + what +
                    ", got " + Twine(got));
}

//===----------------------------------------------------------------------===//
// If
//===----------------------------------------------------------------------===//

static LogicalResult importBranch(NodeImporter &node, StringRef name,
                                  SmallVectorImpl<Entry> &results) {
  const onnx::GraphProto *body = bodyOf(node, name);
  if (!body || failed(node.importBody(*body, {}, results)))
    return failure();
  return expectCount(node, "outputs", node.outputs.size(), results.size());
}

LogicalResult accopt::importer::importIf(NodeImporter &node) {
  if (!node.hasInput(0))
    return node.error("expected a condition, got none");
  SmallVector<Entry> taken, other;
  if (std::optional<bool> condition = knownTruth(*node.inputs[0])) {
    if (failed(importBranch(node, *condition ? "then_branch" : "else_branch",
                            taken)))
      return failure();
    node.outputs.assign(taken.begin(), taken.end());
    return success();
  }
  Value condition = node.reshape(node.number(0), {});
  if (!condition || failed(importBranch(node, "then_branch", taken)) ||
      failed(importBranch(node, "else_branch", other)))
    return failure();
  for (size_t i = 0; i < taken.size(); ++i) {
    Value a = valueOf(node, taken[i]), b = valueOf(node, other[i]);
    if (!a || !b)
      return node.error("expected branches that can be imported");
    if (a.getType() != b.getType()) {
      std::string types;
      llvm::raw_string_ostream(types) << a.getType() << " and " << b.getType();
      return node.error("expected a constant condition, or branches of one "
                        "type, got " +
                        types);
    }
    if (failed(node.setOutput(i, node.emit<nn::SelectOp>(condition, a, b))))
      return failure();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Loop and Scan
//===----------------------------------------------------------------------===//

static LogicalResult refuseLongLoop(NodeImporter &node, int64_t rounds,
                                    const onnx::GraphProto &body) {
  int64_t nodes = std::max(1, body.node_size());
  if (rounds <= maxUnrolledNodes / nodes)
    return success();
  return node.error("expected at most " + Twine(maxUnrolledNodes / nodes) +
                    " rounds of a body of " + Twine(nodes) +
                    " nodes, which are unrolled, got more");
}

/// What rounds have given, one behind the other along a new dimension `axis`.
static Value stack(NodeImporter &node, SmallVectorImpl<Entry> &rounds,
                   int64_t axis) {
  SmallVector<Value> parts;
  for (Entry &entry : rounds) {
    Value value = valueOf(node, entry);
    if (!value)
      return nullptr;
    Shape shape(cast<RankedTensorType>(value.getType()).getShape());
    std::optional<int64_t> at = node.axis(axis, shape.size() + 1);
    if (!at)
      return nullptr;
    shape.insert(shape.begin() + *at, 1);
    parts.push_back(node.reshape(value, shape));
    axis = *at;
  }
  if (parts.empty()) {
    (void)node.error("expected a loop of at least one round, got none");
    return nullptr;
  }
  if (llvm::is_contained(parts, Value()))
    return nullptr;
  return parts.size() == 1
             ? parts[0]
             : node.emit<nn::ConcatOp>(ValueRange(parts), node.i64(axis));
}

LogicalResult accopt::importer::importLoop(NodeImporter &node) {
  const onnx::GraphProto *body = bodyOf(node, "body");
  if (!body)
    return failure();
  size_t carried = node.inputs.size() < 2 ? 0 : node.inputs.size() - 2;
  if (failed(expectCount(node, "inputs", carried + 2, body->input_size())) ||
      failed(expectCount(node, "outputs", node.outputs.size() + 1,
                         body->output_size())))
    return failure();
  std::optional<int64_t> trips = node.integer(0, "M", INT64_MAX);
  if (!trips)
    return failure();
  Type boolean = node.builder.getI1Type(), number = node.builder.getI64Type();
  Entry condition =
      node.hasInput(1) ? *node.inputs[1] : constantEntry(node, boolean, 1);
  SmallVector<Entry> state;
  for (size_t i = 2; i < node.inputs.size(); ++i) {
    if (!node.hasInput(i))
      return node.error("expected input " + Twine(i) + ", got none");
    state.push_back(*node.inputs[i]);
  }
  SmallVector<SmallVector<Entry>> scanned(node.outputs.size() - carried);
  for (int64_t round = 0; round < *trips; ++round) {
    std::optional<bool> goesOn = knownTruth(condition);
    if (!goesOn)
      return node.error("expected a constant number of rounds, got a condition "
                        "that depends on data");
    if (!*goesOn)
      break;
    if (failed(refuseLongLoop(node, round + 1, *body)))
      return failure();
    SmallVector<Entry> arguments = {constantEntry(node, number, round),
                                    condition};
    arguments.append(state);
    SmallVector<Entry> results;
    if (failed(node.importBody(*body, arguments, results)))
      return failure();
    condition = results[0];
    state.assign(results.begin() + 1, results.begin() + 1 + carried);
    for (auto [list, entry] :
         llvm::zip(scanned, ArrayRef(results).drop_front(1 + carried)))
      list.push_back(entry);
  }
  std::copy(state.begin(), state.end(), node.outputs.begin());
  for (auto [i, list] : llvm::enumerate(scanned))
    if (node.outputUsed[carried + i] &&
        failed(node.setOutput(carried + i, stack(node, list, 0))))
      return failure();
  return success();
}

/// Entry `i` of a list of a Scan's attributes, `missing` where it has none.
static int64_t listed(NodeImporter &node, StringRef name, size_t i) {
  std::optional<Shape> list = node.intsAttr(name);
  return list && i < list->size() ? (*list)[i] : 0;
}

/// Index `at` of dimension `axis`, without that dimension.
static Value takeRound(NodeImporter &node, Value value, int64_t axis,
                       int64_t at) {
  Shape sizes(cast<RankedTensorType>(value.getType()).getShape());
  Shape starts(sizes.size(), 0), rest = sizes;
  rest.erase(rest.begin() + axis);
  starts[axis] = at;
  sizes[axis] = 1;
  Value slice =
      node.emit<nn::SliceOp>(value, node.array(starts), node.array(sizes),
                             node.array(Shape(sizes.size(), 1)));
  return node.reshape(slice, rest);
}

LogicalResult accopt::importer::importScan(NodeImporter &node) {
  const onnx::GraphProto *body = bodyOf(node, "body");
  if (!body)
    return failure();
  size_t inputs = node.inputs.size();
  int64_t given = node.intAttr("num_scan_inputs", 0);
  if (given < 1 || given > static_cast<int64_t>(inputs))
    return node.error("expected num_scan_inputs in [1, " + Twine(inputs) +
                      "], got " + Twine(given));
  size_t scans = given, carried = inputs - scans;
  if (failed(expectCount(node, "inputs", inputs, body->input_size())) ||
      failed(expectCount(node, "outputs", node.outputs.size(),
                         body->output_size())))
    return failure();
  if (node.outputs.size() < carried)
    return node.error("expected at least " + Twine(carried) + " outputs, got " +
                      Twine(node.outputs.size()));
  SmallVector<Entry> state;
  SmallVector<Value> sequences;
  Shape axes;
  std::optional<int64_t> rounds;
  for (size_t i = 0; i < inputs; ++i) {
    if (!node.hasInput(i))
      return node.error("expected input " + Twine(i) + ", got none");
    if (i < carried) {
      state.push_back(*node.inputs[i]);
      continue;
    }
    std::optional<int64_t> axis =
        node.axis(listed(node, "scan_input_axes", i - carried), node.rank(i));
    if (!axis || !node.number(i))
      return failure();
    int64_t size = node.shape(i)[*axis];
    if (rounds && *rounds != size)
      return node.error("expected sequences of " + Twine(*rounds) +
                        " rounds, got " + Twine(size));
    rounds = size;
    axes.push_back(*axis);
    sequences.push_back(node.number(i));
  }
  if (failed(refuseLongLoop(node, *rounds, *body)))
    return failure();
  SmallVector<SmallVector<Entry>> scanned(node.outputs.size() - carried);
  for (int64_t round = 0; round < *rounds; ++round) {
    SmallVector<Entry> arguments = state, results;
    for (size_t i = 0; i < scans; ++i) {
      bool isBackward = listed(node, "scan_input_directions", i) != 0;
      Entry entry;
      entry.value = takeRound(node, sequences[i], axes[i],
                              isBackward ? *rounds - 1 - round : round);
      if (!entry.value)
        return failure();
      arguments.push_back(entry);
    }
    if (failed(node.importBody(*body, arguments, results)))
      return failure();
    state.assign(results.begin(), results.begin() + carried);
    for (auto [i, list] : llvm::enumerate(scanned)) {
      bool isBackward = listed(node, "scan_output_directions", i) != 0;
      list.insert(isBackward ? list.begin() : list.end(), results[carried + i]);
    }
  }
  std::copy(state.begin(), state.end(), node.outputs.begin());
  for (auto [i, list] : llvm::enumerate(scanned))
    if (node.outputUsed[carried + i] &&
        failed(node.setOutput(
            carried + i,
            stack(node, list, listed(node, "scan_output_axes", i)))))
      return failure();
  return success();
}
