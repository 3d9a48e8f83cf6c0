//===- VectorizeReductions.cpp - Register-tiled loops for reductions ------===//
//
// Convolutions, matrix products, poolings: each linalg op that reduces becomes
//
//   for the other parallel dimensions
//     for a block of `rows` x `vectors` elements of the result
//       accumulators = result
//       for the reduction dimensions
//         accumulators = body(inputs, accumulators)
//       result = accumulators
//
// where vectors run along the dimension that is contiguous in the result, and
// rows along a second parallel dimension, so that each loaded vector of weights
// serves all rows. Block sizes are chosen by counting instructions. The order
// in which an element is accumulated stays that of the op; products and sums
// may contract to fused operations.
//
// Buffers have static strides, so an access is a linear function of the loops:
// every operand is viewed as one-dimensional and indexed by that function.
//
//===----------------------------------------------------------------------===//

#include "lib/Execution/Lowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/TargetParser/Host.h"

#include <optional>

using namespace mlir;

namespace accopt {

unsigned getHostLanes() {
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  if (features.lookup("avx512f"))
    return 16;
  return features.lookup("avx2") ? 8 : 4;
}

namespace {

/// How an operand's element depends on the loops.
struct Access {
  /// One-dimensional view; null for a scalar operand.
  Value buffer;
  Value scalar;
  SmallVector<int64_t> coefficients;
};

/// A range of one loop, done in steps of `width` elements.
struct Segment {
  int64_t begin, end, width;
};

/// Blocks of the result: `rows` along one dimension times `vectors` vectors.
struct BlockSizes {
  int64_t rows = 1, vectors = 1;
};

class Rewriter {
public:
  Rewriter(linalg::LinalgOp linalgOp, unsigned hostLanes)
      : op(linalgOp), b(linalgOp.getLoc(), linalgOp), lanes(hostLanes),
        extents(op.getStaticLoopRanges()) {}

  /// False if the op does not fit; then nothing was built.
  bool run();

private:
  bool analyzeBody();
  bool analyzeAccesses();
  void chooseDimensions();
  BlockSizes chooseBlock() const;
  int64_t coefficient(unsigned operand, int dim) const {
    return dim < 0 ? 0 : accesses[operand].coefficients[dim];
  }

  /// Calls `inner` inside loops over `dims`, with every operand's offset.
  using Offsets = SmallVector<Value>;
  void loopOver(ArrayRef<unsigned> dims, Offsets offsets,
                function_ref<void(Offsets)> inner);
  /// A loop that carries values; returns their last ones.
  SmallVector<Value>
  loop(Segment range, ValueRange carried,
       function_ref<SmallVector<Value>(Value, ValueRange)> body);
  void forEach(Segment range, function_ref<void(Value)> body);
  Offsets advance(Offsets offsets, int dim, Value index);
  void buildBlock(Offsets offsets, int64_t rows, int64_t vectors,
                  int64_t width);
  SmallVector<Value> reduce(ArrayRef<unsigned> dims, Offsets offsets,
                            SmallVector<Value> accumulators, int64_t rows,
                            int64_t vectors, int64_t width);
  Value load(unsigned operand, Value offset, int64_t constant, int64_t width);
  Value evaluate(const Offsets &offsets, Value accumulator, int64_t row,
                 int64_t vector, int64_t width);
  Value asVector(Value value, int64_t width);

  linalg::LinalgOp op;
  ImplicitLocOpBuilder b;
  int64_t lanes;
  SmallVector<int64_t> extents;
  SmallVector<Access> accesses;
  SmallVector<unsigned> outer, reductions;
  /// The dimension of vectors and that of rows; -1 if there is none.
  int vectorDim = -1, rowDim = -1;
};

bool Rewriter::analyzeBody() {
  for (Operation &inner : op.getBlock()->without_terminator()) {
    if (!OpTrait::hasElementwiseMappableTraits(&inner) &&
        !isa<arith::ConstantOp>(inner))
      return false;
    if (inner.getNumResults() != 1 || inner.getNumRegions() != 0)
      return false;
    // Values from outside would need to be scalars: they are, as in linalg.
  }
  return true;
}

/// The linear function's coefficients: strides times the map's.
static std::optional<SmallVector<int64_t>>
linearize(AffineMap map, ArrayRef<int64_t> strides) {
  SmallVector<int64_t> result(map.getNumDims(), 0);
  SmallVector<std::pair<AffineExpr, int64_t>> work;
  for (auto [expr, stride] : llvm::zip_equal(map.getResults(), strides))
    work.emplace_back(expr, stride);
  while (!work.empty()) {
    auto [expr, factor] = work.pop_back_val();
    if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
      result[dim.getPosition()] += factor;
      continue;
    }
    if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
      if (constant.getValue() != 0)
        return std::nullopt;
      continue;
    }
    auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
    if (!binary)
      return std::nullopt;
    if (binary.getKind() == AffineExprKind::Add) {
      work.emplace_back(binary.getLHS(), factor);
      work.emplace_back(binary.getRHS(), factor);
      continue;
    }
    auto constant = dyn_cast<AffineConstantExpr>(binary.getRHS());
    if (binary.getKind() != AffineExprKind::Mul || !constant)
      return std::nullopt;
    work.emplace_back(binary.getLHS(), factor * constant.getValue());
  }
  return result;
}

bool Rewriter::analyzeAccesses() {
  SmallVector<SmallVector<int64_t>> strides;
  SmallVector<int64_t> starts;
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  // First look, then build: a refusal leaves no trace.
  for (auto [operand, map] : llvm::zip_equal(op->getOperands(), maps)) {
    Access &access = accesses.emplace_back();
    strides.emplace_back();
    starts.push_back(0);
    auto type = dyn_cast<MemRefType>(operand.getType());
    if (!type) {
      access.scalar = operand;
      access.coefficients.assign(extents.size(), 0);
      continue;
    }
    if (!type.hasStaticShape() ||
        failed(type.getStridesAndOffset(strides.back(), starts.back())) ||
        ShapedType::isDynamic(starts.back()) ||
        llvm::any_of(strides.back(), ShapedType::isDynamic))
      return false;
    auto linear = linearize(map, strides.back());
    if (!linear)
      return false;
    access.coefficients = std::move(*linear);
  }
  for (auto [operand, access, stride, start] :
       llvm::zip_equal(op->getOperands(), accesses, strides, starts)) {
    auto type = dyn_cast<MemRefType>(operand.getType());
    if (!type)
      continue;
    int64_t size = 1;
    for (auto [extent, step] : llvm::zip_equal(type.getShape(), stride))
      size += (extent - 1) * step;
    auto layout = start == 0 ? MemRefLayoutAttrInterface()
                             : MemRefLayoutAttrInterface(StridedLayoutAttr::get(
                                   b.getContext(), start, {1}));
    auto flat = MemRefType::get({size}, type.getElementType(), layout);
    access.buffer = memref::ReinterpretCastOp::create(
        b, flat, operand, start, ArrayRef<int64_t>{size}, ArrayRef<int64_t>{1});
  }
  return true;
}

void Rewriter::chooseDimensions() {
  unsigned output = op->getNumOperands() - 1;
  SmallVector<utils::IteratorType> iterators = op.getIteratorTypesArray();
  auto isCandidate = [&](unsigned dim) {
    return iterators[dim] == utils::IteratorType::parallel && extents[dim] > 1;
  };
  for (unsigned dim = 0; dim < extents.size(); ++dim) {
    bool contiguous = isCandidate(dim) && coefficient(output, dim) == 1;
    for (unsigned i = 0; i < output; ++i)
      contiguous &= coefficient(i, dim) == 0 || coefficient(i, dim) == 1;
    if (contiguous)
      vectorDim = static_cast<int>(dim);
  }
  // Rows share the vectors that are loaded: a dimension on which an input with
  // vectors does not depend, the longest one.
  for (unsigned dim = 0; vectorDim >= 0 && dim < extents.size(); ++dim) {
    if (!isCandidate(dim) || static_cast<int>(dim) == vectorDim)
      continue;
    bool shares = false;
    for (unsigned i = 0; i < output; ++i)
      shares |= coefficient(i, vectorDim) == 1 && coefficient(i, dim) == 0;
    if (shares && (rowDim < 0 || extents[dim] >= extents[rowDim]))
      rowDim = static_cast<int>(dim);
  }
  for (unsigned dim = 0; dim < extents.size(); ++dim) {
    if (extents[dim] == 1 || static_cast<int>(dim) == vectorDim ||
        static_cast<int>(dim) == rowDim)
      continue;
    (iterators[dim] == utils::IteratorType::parallel ? outer : reductions)
        .push_back(dim);
  }
}

BlockSizes Rewriter::chooseBlock() const {
  BlockSizes best;
  if (vectorDim < 0)
    return best;
  int64_t rowCount = rowDim < 0 ? 1 : extents[rowDim];
  int64_t vectorCount = std::max<int64_t>(1, extents[vectorDim] / lanes);
  // AVX-512 has 32 vector registers, its predecessors 16; accumulators take
  // three quarters.
  int64_t registers = lanes >= 16 ? 24 : 12;
  auto asDouble = [](int64_t value) { return static_cast<double>(value); };
  // Of a step of the reduction: multiply-adds, loads, loop.
  auto cost = [&](int64_t r, int64_t v) {
    return v == 0 ? 0 : 0.5 * asDouble(r * v) + 0.5 * asDouble(r + v) + 1;
  };
  double bestCost = std::numeric_limits<double>::max();
  for (int64_t rows = 1; rows <= std::min<int64_t>(rowCount, 12); ++rows)
    for (int64_t vectors = 1; vectors <= std::min<int64_t>(vectorCount, 16) &&
                              rows * vectors <= registers;
         ++vectors) {
      int64_t fullVectors = vectorCount / vectors, fullRows = rowCount / rows;
      auto inRow = [&](int64_t r) {
        return r == 0 ? 0
                      : asDouble(fullVectors) * cost(r, vectors) +
                            cost(r, vectorCount % vectors);
      };
      double total = asDouble(fullRows) * inRow(rows) + inRow(rowCount % rows);
      if (total < bestCost) {
        bestCost = total;
        best = {rows, vectors};
      }
    }
  return best;
}

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

SmallVector<Value>
Rewriter::loop(Segment range, ValueRange carried,
               function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(b, value);
  };
  auto forOp = scf::ForOp::create(
      b, constant(range.begin), constant(range.end), constant(range.width),
      carried,
      [&](OpBuilder &builder, Location, Value index, ValueRange arguments) {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPoint(builder.getInsertionBlock(),
                            builder.getInsertionPoint());
        SmallVector<Value> yielded = body(index, arguments);
        scf::YieldOp::create(b, yielded);
      });
  return llvm::to_vector_of<Value>(forOp.getResults());
}

void Rewriter::forEach(Segment range, function_ref<void(Value)> body) {
  loop(range, {}, [&](Value index, ValueRange) -> SmallVector<Value> {
    body(index);
    return {};
  });
}

Rewriter::Offsets Rewriter::advance(Offsets offsets, int dim, Value index) {
  if (dim < 0)
    return offsets;
  for (auto [access, offset] : llvm::zip_equal(accesses, offsets)) {
    int64_t factor = access.coefficients[dim];
    if (factor == 0)
      continue;
    Value scaled = arith::MulIOp::create(
        b, index, arith::ConstantIndexOp::create(b, factor));
    offset = arith::AddIOp::create(b, offset, scaled);
  }
  return offsets;
}

void Rewriter::loopOver(ArrayRef<unsigned> dims, Offsets offsets,
                        function_ref<void(Offsets)> inner) {
  if (dims.empty())
    return inner(offsets);
  forEach({0, extents[dims.front()], 1}, [&](Value index) {
    loopOver(dims.drop_front(),
             advance(offsets, static_cast<int>(dims.front()), index), inner);
  });
}

Value Rewriter::load(unsigned operand, Value offset, int64_t constant,
                     int64_t width) {
  const Access &access = accesses[operand];
  if (access.scalar)
    return access.scalar;
  if (constant != 0)
    offset = arith::AddIOp::create(b, offset,
                                   arith::ConstantIndexOp::create(b, constant));
  if (coefficient(operand, vectorDim) == 0)
    return memref::LoadOp::create(b, access.buffer, offset);
  auto element = cast<MemRefType>(access.buffer.getType()).getElementType();
  return vector::LoadOp::create(b, VectorType::get({width}, element),
                                access.buffer, offset);
}

Value Rewriter::asVector(Value value, int64_t width) {
  if (isa<VectorType>(value.getType()))
    return value;
  return vector::BroadcastOp::create(
      b, VectorType::get({width}, value.getType()), value);
}

/// One step of the reduction for one vector of one row: the op's body, on
/// scalars where all operands are, on vectors otherwise.
Value Rewriter::evaluate(const Offsets &offsets, Value accumulator, int64_t row,
                         int64_t vector, int64_t width) {
  IRMapping mapping;
  Block *body = op.getBlock();
  for (auto [index, argument] : llvm::enumerate(body->getArguments())) {
    auto operand = static_cast<unsigned>(index);
    if (operand + 1 == op->getNumOperands())
      mapping.map(argument, accumulator);
    else if (!argument.use_empty())
      mapping.map(argument,
                  load(operand, offsets[index],
                       row * coefficient(operand, rowDim) +
                           vector * width * coefficient(operand, vectorDim),
                       width));
  }
  for (Operation &inner : body->without_terminator()) {
    bool onVectors = llvm::any_of(inner.getOperands(), [&](Value operand) {
      return isa<VectorType>(mapping.lookupOrDefault(operand).getType());
    });
    if (onVectors)
      for (Value operand : inner.getOperands())
        mapping.map(operand, asVector(mapping.lookupOrDefault(operand), width));
    Operation *clone = b.clone(inner, mapping);
    if (onVectors)
      clone->getResult(0).setType(
          VectorType::get({width}, inner.getResult(0).getType()));
    auto flags = arith::FastMathFlags::contract;
    if (vectorDim < 0)
      flags = flags | arith::FastMathFlags::reassoc;
    if (isa<arith::AddFOp, arith::MulFOp>(clone))
      clone->setAttr("fastmath",
                     arith::FastMathFlagsAttr::get(b.getContext(), flags));
  }
  Value result = mapping.lookupOrDefault(body->getTerminator()->getOperand(0));
  return vectorDim < 0 ? result : asVector(result, width);
}

SmallVector<Value> Rewriter::reduce(ArrayRef<unsigned> dims, Offsets offsets,
                                    SmallVector<Value> accumulators,
                                    int64_t rows, int64_t vectors,
                                    int64_t width) {
  if (dims.empty()) {
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t vector = 0; vector < vectors; ++vector) {
        Value &accumulator = accumulators[row * vectors + vector];
        accumulator = evaluate(offsets, accumulator, row, vector, width);
      }
    return accumulators;
  }
  return loop({0, extents[dims.front()], 1}, accumulators,
              [&](Value index, ValueRange carried) {
                return reduce(
                    dims.drop_front(),
                    advance(offsets, static_cast<int>(dims.front()), index),
                    SmallVector<Value>(carried), rows, vectors, width);
              });
}

void Rewriter::buildBlock(Offsets offsets, int64_t rows, int64_t vectors,
                          int64_t width) {
  unsigned output = op->getNumOperands() - 1;
  auto position = [&](int64_t row, int64_t vector) -> Value {
    int64_t constant = row * coefficient(output, rowDim) + vector * width;
    return arith::AddIOp::create(b, offsets[output],
                                 arith::ConstantIndexOp::create(b, constant));
  };
  Value buffer = accesses[output].buffer;
  SmallVector<Value> accumulators;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t vector = 0; vector < vectors; ++vector)
      accumulators.push_back(load(output, position(row, vector), 0, width));
  accumulators =
      reduce(reductions, offsets, accumulators, rows, vectors, width);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t vector = 0; vector < vectors; ++vector) {
      Value value = accumulators[row * vectors + vector];
      if (vectorDim < 0)
        memref::StoreOp::create(b, value, buffer, position(row, vector));
      else
        vector::StoreOp::create(b, value, buffer, position(row, vector));
    }
}

/// Cuts [0, extent) into full steps and one for the rest.
static SmallVector<Segment> cut(int64_t begin, int64_t end, int64_t width) {
  SmallVector<Segment> segments;
  int64_t full = begin + (end - begin) / width * width;
  if (full > begin)
    segments.push_back({begin, full, width});
  if (end > full)
    segments.push_back({full, end, end - full});
  return segments;
}

bool Rewriter::run() {
  if (!op.hasPureBufferSemantics() || op.getNumReductionLoops() == 0 ||
      op.getNumDpsInits() != 1 || op.hasDynamicShape() ||
      op.hasIndexSemantics() || llvm::is_contained(extents, 0) ||
      !analyzeBody() || !analyzeAccesses())
    return false;
  chooseDimensions();
  BlockSizes block = chooseBlock();

  // Segments of the vector dimension: blocks of full vectors, then narrower
  // and narrower single vectors.
  struct VectorSegment {
    Segment range;
    int64_t vectors, width;
  };
  SmallVector<VectorSegment> segments;
  int64_t extent = vectorDim < 0 ? 1 : extents[vectorDim];
  int64_t begin = 0;
  for (int64_t width = vectorDim < 0 ? 1 : lanes; begin < extent; width /= 2) {
    int64_t end = begin + (extent - begin) / width * width;
    for (Segment range : cut(begin, end, width * block.vectors))
      segments.push_back({range, range.width / width, width});
    begin = end;
  }
  Value zero = arith::ConstantIndexOp::create(b, 0);
  Offsets offsets(accesses.size(), zero);
  int64_t rowCount = rowDim < 0 ? 1 : extents[rowDim];
  for (const VectorSegment &segment : segments)
    forEach(segment.range, [&](Value start) {
      loopOver(outer, advance(offsets, vectorDim, start), [&](Offsets inner) {
        for (Segment rows : cut(0, rowCount, block.rows))
          forEach(rows, [&](Value row) {
            buildBlock(advance(inner, rowDim, row), rows.width, segment.vectors,
                       segment.width);
          });
      });
    });
  op.erase();
  return true;
}
} // namespace

void vectorizeReductions(func::FuncOp function, unsigned lanes) {
  SmallVector<linalg::LinalgOp> ops;
  function.walk([&](linalg::LinalgOp op) { ops.push_back(op); });
  for (linalg::LinalgOp op : ops)
    Rewriter(op, lanes).run();
}

} // namespace accopt
