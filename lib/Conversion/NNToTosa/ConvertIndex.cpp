//===- ConvertIndex.cpp - Reductions, indexing, sorting -------------------===//
//
// Part of AccOpt. Each op is one or two linalg.generic; where data says what is
// read, the body takes the element out of a tensor that it captures.
//
//===----------------------------------------------------------------------===//

#include "lib/Conversion/NNToTosa/Converter.h"
#include "lib/Conversion/NNToTosa/Scalars.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace accopt {

using Body = llvm::function_ref<SmallVector<Value>(Scalars &, ValueRange)>;

/// linalg.generic whose dimensions from `parallel` on are reduced. `maps` has
/// an entry for each input and each init.
static ResultRange buildGeneric(TosaBuilder &b, ValueRange inputs,
                                ValueRange inits, ArrayRef<AffineMap> maps,
                                unsigned parallel, Body body) {
  unsigned rank = maps.front().getNumDims();
  SmallVector<utils::IteratorType> iterators(parallel,
                                             utils::IteratorType::parallel);
  iterators.append(rank - parallel, utils::IteratorType::reduction);
  return linalg::GenericOp::create(
             b, inits.getTypes(), inputs, inits, maps, iterators,
             [&](OpBuilder &builder, Location loc, ValueRange args) {
               Scalars scalars(builder, loc);
               linalg::YieldOp::create(builder, loc, body(scalars, args));
             })
      .getResults();
}

static Value splatOf(TosaBuilder &b, ArrayRef<int64_t> shape, TypedAttr value) {
  return b.constant(
      DenseElementsAttr::get(b.tensorType(shape, value.getType()), value));
}

/// Element `i` of every dimension of a result, as index.
static SmallVector<Value> positions(Scalars &s, unsigned rank) {
  SmallVector<Value> result;
  for (unsigned d = 0; d < rank; ++d)
    result.push_back(linalg::IndexOp::create(s.builder, s.loc, d));
  return result;
}

//===----------------------------------------------------------------------===//
// Along axes
//===----------------------------------------------------------------------===//

/// What leaves the other operand as it is.
static TypedAttr neutral(OpBuilder &b, nn::ReduceKind kind, Type type,
                         bool isUnsigned) {
  bool isMax = kind == nn::ReduceKind::Max;
  bool isExtreme = isMax || kind == nn::ReduceKind::Min;
  int64_t small = kind == nn::ReduceKind::Prod ? 1 : 0;
  if (auto floats = dyn_cast<FloatType>(type))
    return isExtreme ? b.getFloatAttr(
                           type, APFloat::getInf(floats.getFloatSemantics(),
                                                 /*Negative=*/isMax))
                     : b.getFloatAttr(type, double(small));
  unsigned width = type.getIntOrFloatBitWidth();
  if (!isExtreme)
    return b.getIntegerAttr(type, APInt(width, small));
  if (isUnsigned)
    return b.getIntegerAttr(type, isMax ? APInt::getMinValue(width)
                                        : APInt::getMaxValue(width));
  return b.getIntegerAttr(type, isMax ? APInt::getSignedMinValue(width)
                                      : APInt::getSignedMaxValue(width));
}

static Value combine(Scalars &s, nn::ReduceKind kind, Value a, Value c,
                     bool isUnsigned) {
  bool isFloat = isa<FloatType>(a.getType());
  switch (kind) {
  case nn::ReduceKind::Sum:
    return isFloat ? s.add(a, c) : s.make<arith::AddIOp>(a, c);
  case nn::ReduceKind::Prod:
    return isFloat ? s.mul(a, c) : s.make<arith::MulIOp>(a, c);
  case nn::ReduceKind::Max:
    return isFloat      ? s.make<arith::MaximumFOp>(a, c)
           : isUnsigned ? s.make<arith::MaxUIOp>(a, c)
                        : s.make<arith::MaxSIOp>(a, c);
  case nn::ReduceKind::Min:
    return isFloat      ? s.make<arith::MinimumFOp>(a, c)
           : isUnsigned ? s.make<arith::MinUIOp>(a, c)
                        : s.make<arith::MinSIOp>(a, c);
  }
  return nullptr;
}

/// Maps of an input of `rank` dimensions and of the result without `axes`, over
/// the result's dimensions and then the axes.
static std::pair<AffineMap, AffineMap>
reductionMaps(MLIRContext *context, unsigned rank, ArrayRef<int64_t> axes) {
  SmallVector<AffineExpr> input, output;
  unsigned kept = 0, reduced = rank - unsigned(axes.size());
  for (unsigned d = 0; d < rank; ++d) {
    bool isReduced = llvm::is_contained(axes, int64_t(d));
    input.push_back(getAffineDimExpr(isReduced ? reduced++ : kept++, context));
    if (!isReduced)
      output.push_back(input.back());
  }
  return {AffineMap::get(rank, 0, input, context),
          AffineMap::get(rank, 0, output, context)};
}

static SmallVector<int64_t> without(ArrayRef<int64_t> shape,
                                    ArrayRef<int64_t> axes) {
  SmallVector<int64_t> result;
  for (auto [d, size] : llvm::enumerate(shape))
    if (!llvm::is_contained(axes, int64_t(d)))
      result.push_back(size);
  return result;
}

void Converter::convertOp(nn::ReduceOp op) {
  Value x = first(op.getInput());
  nn::ReduceKind kind = op.getKind();
  bool hasNoSign = isUnsigned(op.getInput());
  auto rank = unsigned(getShape(x).size());
  auto [input, output] = reductionMaps(b.getContext(), rank, op.getAxes());
  Value init = splatOf(b, without(getShape(x), op.getAxes()),
                       neutral(b, kind, getElementType(x), hasNoSign));
  Value result =
      buildGeneric(b, x, init, {input, output}, output.getNumResults(),
                   [&](Scalars &s, ValueRange args) -> SmallVector<Value> {
                     return {combine(s, kind, args[1], args[0], hasNoSign)};
                   })
          .front();
  setFirst(op.getResult(), b.reshape(result, getShape(op.getResult())));
}

/// Whether `a` comes before `c` in descending (ascending) order.
static Value isBefore(Scalars &s, Value a, Value c, bool ascending,
                      bool isUnsigned) {
  if (ascending)
    std::swap(a, c);
  if (isa<FloatType>(a.getType()))
    return s.compare(arith::CmpFPredicate::OGT, a, c);
  return s.compare(
      isUnsigned ? arith::CmpIPredicate::ugt : arith::CmpIPredicate::sgt, a, c);
}

static Value indexAlong(Scalars &s, unsigned dimension) {
  Value index = linalg::IndexOp::create(s.builder, s.loc, dimension);
  return s.makeTyped<arith::IndexCastOp>(s.builder.getI64Type(), index);
}

void Converter::convertOp(nn::ArgReduceOp op) {
  Value x = first(op.getInput());
  bool hasNoSign = isUnsigned(op.getInput()), minimum = op.getMinimum();
  bool last = op.getSelectLast();
  auto rank = unsigned(getShape(x).size());
  auto axis = int64_t(op.getAxis());
  auto [input, output] = reductionMaps(b.getContext(), rank, axis);
  SmallVector<int64_t> shape = without(getShape(x), axis);
  Value inits[] = {splatOf(b, shape, b.getZeroAttr(getElementType(x))),
                   splatOf(b, shape, b.getI64IntegerAttr(-1))}; // nothing yet
  ResultRange results = buildGeneric(
      b, x, inits, {input, output, output}, rank - 1,
      [&](Scalars &s, ValueRange args) -> SmallVector<Value> {
        Value none = s.compare(arith::CmpIPredicate::slt, args[2],
                               s.integer(args[2].getType(), 0));
        Value better = isBefore(s, args[0], args[1], minimum, hasNoSign);
        if (last) {
          Value worse = isBefore(s, args[1], args[0], minimum, hasNoSign);
          better =
              s.make<arith::XOrIOp>(worse, s.integer(s.builder.getI1Type(), 1));
        }
        Value takes = s.make<arith::OrIOp>(none, better);
        return {s.select(takes, args[0], args[1]),
                s.select(takes, indexAlong(s, rank - 1), args[2])};
      });
  setFirst(op.getResult(), b.reshape(results[1], getShape(op.getResult())));
}

void Converter::convertOp(nn::CumSumOp op) {
  Value x = first(op.getInput());
  auto rank = unsigned(getShape(x).size());
  auto axis = unsigned(op.getAxis());
  // Element i is the sum of those j that come before it.
  SmallVector<AffineExpr> read, write;
  for (unsigned d = 0; d < rank; ++d) {
    write.push_back(b.getAffineDimExpr(d));
    read.push_back(b.getAffineDimExpr(d == axis ? rank : d));
  }
  AffineMap maps[] = {AffineMap::get(rank + 1, 0, read, b.getContext()),
                      AffineMap::get(rank + 1, 0, write, b.getContext())};
  using P = arith::CmpIPredicate;
  P predicate = op.getReverse() ? (op.getExclusive() ? P::sgt : P::sge)
                                : (op.getExclusive() ? P::slt : P::sle);
  Value init = splatOf(b, getShape(x), b.getZeroAttr(getElementType(x)));
  setFirst(op.getResult(),
           buildGeneric(b, x, init, maps, rank,
                        [&](Scalars &s, ValueRange args) -> SmallVector<Value> {
                          Value counts =
                              s.compare(predicate, indexAlong(s, rank),
                                        indexAlong(s, axis));
                          Value sum = combine(s, nn::ReduceKind::Sum, args[1],
                                              args[0], false);
                          return {s.select(counts, sum, args[1])};
                        })
               .front());
}

/// The place of each element in the sorted order is the number of those that
/// come before it; then each place takes its element. Quadratic in the size of
/// the axis, but parallel, and of one shape whatever the data is.
void Converter::convertOp(nn::TopKOp op) {
  Value x = first(op.getInput());
  bool hasNoSign = isUnsigned(op.getInput()), ascending = !op.getLargest();
  auto rank = unsigned(getShape(x).size());
  auto axis = unsigned(op.getAxis());
  SmallVector<AffineExpr> own, other;
  for (unsigned d = 0; d < rank; ++d) {
    own.push_back(b.getAffineDimExpr(d));
    other.push_back(b.getAffineDimExpr(d == axis ? rank : d));
  }
  auto ownMap = AffineMap::get(rank + 1, 0, own, b.getContext());
  auto otherMap = AffineMap::get(rank + 1, 0, other, b.getContext());
  TypedAttr zero = b.getI64IntegerAttr(0);
  Value places =
      buildGeneric(
          b, {x, x}, splatOf(b, getShape(x), zero), {ownMap, otherMap, ownMap},
          rank,
          [&](Scalars &s, ValueRange args) -> SmallVector<Value> {
            Value before = isBefore(s, args[1], args[0], ascending, hasNoSign);
            Value after = isBefore(s, args[0], args[1], ascending, hasNoSign);
            Value earlier = s.compare(arith::CmpIPredicate::slt,
                                      indexAlong(s, rank), indexAlong(s, axis));
            // Of equal values the one with the lower index.
            Value counts = s.select(after, s.integer(s.builder.getI1Type(), 0),
                                    s.make<arith::OrIOp>(before, earlier));
            Value one = s.integer(args[2].getType(), 1);
            return {
                s.select(counts, s.make<arith::AddIOp>(args[2], one), args[2])};
          })
          .front();
  ArrayRef<int64_t> shape = getShape(op.getValues());
  Value inits[] = {splatOf(b, shape, b.getZeroAttr(getElementType(x))),
                   splatOf(b, shape, zero)};
  ResultRange sorted = buildGeneric(
      b, {x, places}, inits, {otherMap, otherMap, ownMap, ownMap}, rank,
      [&](Scalars &s, ValueRange args) -> SmallVector<Value> {
        Value hits =
            s.compare(arith::CmpIPredicate::eq, args[1], indexAlong(s, axis));
        return {s.select(hits, args[0], args[2]),
                s.select(hits, indexAlong(s, rank), args[3])};
      });
  setFirst(op.getValues(), sorted[0]);
  setFirst(op.getIndices(), sorted[1]);
}

//===----------------------------------------------------------------------===//
// Indexing
//===----------------------------------------------------------------------===//

static Value elementAt(Scalars &s, Value tensor, ValueRange position) {
  return tensor::ExtractOp::create(s.builder, s.loc, tensor, position);
}

/// A result of `shape`, each element by itself.
static Value buildResult(TosaBuilder &b, ArrayRef<int64_t> shape, Type element,
                         llvm::function_ref<Value(Scalars &)> body) {
  auto rank = unsigned(shape.size());
  Value init = tensor::EmptyOp::create(b, shape, element);
  return buildGeneric(b, {}, init, b.getMultiDimIdentityMap(rank), rank,
                      [&](Scalars &s, ValueRange) -> SmallVector<Value> {
                        return {body(s)};
                      })
      .front();
}

void Converter::convertOp(nn::GatherOp op) {
  Value x = first(op.getInput()), indices = first(op.getIndices());
  auto axis = unsigned(op.getAxis());
  auto count = unsigned(getShape(indices).size());
  ArrayRef<int64_t> shape = getShape(op.getResult());
  setFirst(
      op.getResult(), buildResult(b, shape, getElementType(x), [&](Scalars &s) {
        SmallVector<Value> at = positions(s, unsigned(shape.size()));
        Value index = elementAt(s, indices, ArrayRef(at).slice(axis, count));
        SmallVector<Value> from(ArrayRef(at).take_front(axis));
        from.push_back(s.toPosition(index, getShape(x)[axis]));
        llvm::append_range(from, ArrayRef(at).drop_front(axis + count));
        return elementAt(s, x, from);
      }));
}

void Converter::convertOp(nn::GatherNDOp op) {
  Value x = first(op.getInput()), indices = first(op.getIndices());
  ArrayRef<int64_t> shape = getShape(op.getResult());
  size_t outer = getShape(indices).size() - 1;
  int64_t depth = getShape(indices).back();
  auto batch = size_t(op.getBatchDims());
  setFirst(op.getResult(),
           buildResult(b, shape, getElementType(x), [&](Scalars &s) {
             SmallVector<Value> at = positions(s, unsigned(shape.size()));
             SmallVector<Value> tuple(ArrayRef(at).take_front(outer));
             SmallVector<Value> from(ArrayRef(at).take_front(batch));
             tuple.push_back(nullptr);
             for (int64_t i = 0; i < depth; ++i) {
               tuple.back() = s.integer(s.builder.getIndexType(), i);
               from.push_back(s.toPosition(elementAt(s, indices, tuple),
                                           getShape(x)[batch + size_t(i)]));
             }
             llvm::append_range(from, ArrayRef(at).drop_front(outer));
             return elementAt(s, x, from);
           }));
}

static Value update(Scalars &s, nn::ScatterKind kind, Value old, Value value,
                    bool isUnsigned) {
  switch (kind) {
  case nn::ScatterKind::Replace:
    return value;
  case nn::ScatterKind::Add:
    return combine(s, nn::ReduceKind::Sum, old, value, isUnsigned);
  case nn::ScatterKind::Mul:
    return combine(s, nn::ReduceKind::Prod, old, value, isUnsigned);
  case nn::ScatterKind::Max:
    return combine(s, nn::ReduceKind::Max, old, value, isUnsigned);
  case nn::ScatterKind::Min:
    return combine(s, nn::ReduceKind::Min, old, value, isUnsigned);
  }
  return nullptr;
}

/// One update after another: two may have one place.
void Converter::convertOp(nn::ScatterNDOp op) {
  Value x = first(op.getInput()), indices = first(op.getIndices());
  SmallVector<int64_t> shape(getShape(x));
  int64_t depth = getShape(indices).back(), inner = 1, tuples = 1, all = 1;
  for (int64_t size : ArrayRef(shape).drop_front(depth))
    inner *= size;
  for (int64_t size : getShape(indices).drop_back())
    tuples *= size;
  for (int64_t size : shape)
    all *= size;
  if (tuples * inner == 0)
    return setFirst(op.getResult(), x);
  indices = b.reshape(indices, {tuples, depth});
  Value updates = b.reshape(first(op.getUpdates()), {tuples, inner});
  bool hasNoSign = isUnsigned(op.getInput());
  auto index = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(b, value);
  };
  Value zero = index(0), one = index(1);
  auto loop = [&](int64_t count, Value init, auto body) {
    return scf::ForOp::create(b, zero, index(count), one, init,
                              [&](OpBuilder &builder, Location loc, Value i,
                                  ValueRange state) {
                                Scalars s(builder, loc);
                                scf::YieldOp::create(builder, loc,
                                                     body(s, i, state[0]));
                              })
        .getResult(0);
  };
  // A copy of the input: the input itself must stay.
  Value copy = b.reshape(x, {all});
  Value flat = loop(tuples, copy, [&](Scalars &s, Value tuple, Value state) {
    Value base = s.integer(s.builder.getIndexType(), 0);
    for (int64_t i = 0; i < depth; ++i) {
      Value size = s.integer(s.builder.getIndexType(), shape[i]);
      Value part = elementAt(s, indices,
                             {tuple, s.integer(s.builder.getIndexType(), i)});
      base = s.make<arith::AddIOp>(s.make<arith::MulIOp>(base, size),
                                   s.toPosition(part, shape[i]));
    }
    Value count = s.integer(s.builder.getIndexType(), inner);
    base = s.make<arith::MulIOp>(base, count);
    Value low = s.integer(s.builder.getIndexType(), 0);
    Value step = s.integer(s.builder.getIndexType(), 1);
    return scf::ForOp::create(
               s.builder, s.loc, low, count, step, state,
               [&](OpBuilder &builder, Location loc, Value i,
                   ValueRange inside) {
                 Scalars t(builder, loc);
                 Value at = t.make<arith::AddIOp>(base, i);
                 Value value =
                     update(t, op.getKind(), elementAt(t, inside[0], at),
                            elementAt(t, updates, {tuple, i}), hasNoSign);
                 Value next = tensor::InsertOp::create(builder, loc, value,
                                                       inside[0], at);
                 scf::YieldOp::create(builder, loc, next);
               })
        .getResult(0);
  });
  setFirst(op.getResult(), b.reshape(flat, shape));
}

} // namespace accopt
