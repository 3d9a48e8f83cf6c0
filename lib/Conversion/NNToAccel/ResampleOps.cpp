//===- ResampleOps.cpp - Interpolation by moves and convolutions ----------===//
//
// Part of AccOpt. Copies are data movement: a pattern of indices that repeats,
// q elements of the input for p of the result, is a concatenation of p slices
// of a view with q columns; for p = 1 it is a slice with a step, for q = 1 a
// concatenation of the input with itself.
//
// Sums of a whole factor f have the same weights for every f-th element. Each
// of the f phases is a depthwise convolution over the input with its edges
// repeated, and the results interleave. Weights such as 1/4 and 3/4 become the
// integers 1 and 3 and a scale of 1/4, which is exact. Other sums run on the
// host.
//
//===----------------------------------------------------------------------===//

#include "Lowering.h"

#include <cmath>
#include <map>

using namespace mlir;

namespace accopt {
namespace {

/// A concatenation of more parts costs more commands than it saves.
constexpr size_t maxPieces = 64;

/// `count` elements from `first` on, `step` apart; a step of zero repeats.
struct Piece {
  int64_t first, step, count;
};

SmallVector<Piece> piecesOf(ArrayRef<int64_t> indices) {
  SmallVector<Piece> pieces;
  for (int64_t index : indices) {
    if (!pieces.empty()) {
      Piece &last = pieces.back();
      int64_t end = last.first + (last.count - 1) * last.step;
      if (last.count == 1 && index > end) {
        last.step = index - end;
        ++last.count;
        continue;
      }
      if (last.count > 1 && index == end + last.step) {
        ++last.count;
        continue;
      }
    }
    pieces.push_back({index, 1, 1});
  }
  return pieces;
}

/// The least period: `out` results read `in` elements, and the next ones do the
/// same `in` further on.
struct Period {
  int64_t in, out;
};

Period periodOf(ArrayRef<int64_t> indices, int64_t size) {
  int64_t results = indices.size();
  auto fits = [&](Period period) {
    for (int64_t i = 0; i < results; ++i) {
      int64_t block = i / period.out * period.in;
      int64_t inBlock = indices[i] - block;
      if (inBlock < 0 || inBlock >= period.in ||
          inBlock != indices[i % period.out])
        return false;
    }
    return true;
  };
  for (int64_t blocks = std::min(size, results); blocks > 1; --blocks)
    if (size % blocks == 0 && results % blocks == 0)
      if (Period period{size / blocks, results / blocks}; fits(period))
        return period;
  return {size, results};
}

/// Weights by distance from the element of the input, of one phase.
using Taps = std::map<int64_t, double>;

/// Sums of a whole factor as one set of taps for each phase.
struct Phases {
  SmallVector<Taps> taps;
  int64_t first = 0, last = 0; ///< the distances that any phase reads
};

constexpr double tolerance = 1e-4;

/// The weights of result `i`, by element of the input.
Taps weightsOf(nn::ResampleOp op, int64_t i) {
  Taps weights;
  int64_t taps = op.getTaps();
  for (int64_t at = i * taps; at < (i + 1) * taps; ++at)
    if (op.getWeights()[at] != 0.0f)
      weights[op.getIndices()[at]] += op.getWeights()[at];
  return weights;
}

bool isClose(const Taps &a, const Taps &b) {
  auto covers = [](const Taps &x, const Taps &y) {
    return llvm::all_of(x, [&](auto entry) {
      auto other = y.find(entry.first);
      double weight = other == y.end() ? 0.0 : other->second;
      return std::fabs(entry.second - weight) < tolerance;
    });
  };
  return covers(a, b) && covers(b, a);
}

std::optional<Phases> phasesOf(nn::ResampleOp op, int64_t size) {
  int64_t results = op.getIndices().size() / op.getTaps();
  if (results % size != 0)
    return std::nullopt;
  int64_t factor = results / size, middle = size / 2;
  Phases phases;
  for (int64_t phase = 0; phase < factor; ++phase) {
    Taps taps;
    for (auto [index, weight] : weightsOf(op, middle * factor + phase))
      taps[index - middle] = weight;
    for (int64_t i = 0; i < size; ++i) {
      Taps expected;
      for (auto [distance, weight] : taps)
        expected[std::clamp<int64_t>(i + distance, 0, size - 1)] += weight;
      if (!isClose(expected, weightsOf(op, i * factor + phase)))
        return std::nullopt;
    }
    if (taps.empty())
      return std::nullopt;
    phases.first = std::min(phases.first, taps.begin()->first);
    phases.last = std::max(phases.last, taps.rbegin()->first);
    phases.taps.push_back(std::move(taps));
  }
  return phases;
}

/// The least denominator with which all weights of all phases are integers of 8
/// bits, or nothing.
std::optional<int64_t> denominatorOf(const Phases &phases) {
  for (int64_t denominator = 1; denominator <= 127; ++denominator) {
    bool fits = true;
    for (const Taps &taps : phases.taps)
      for (auto [distance, weight] : taps) {
        double scaled = weight * double(denominator);
        fits &= std::fabs(scaled - std::round(scaled)) <
                    tolerance * double(denominator) &&
                std::fabs(scaled) <= 127.5;
      }
    if (fits)
      return denominator;
  }
  return std::nullopt;
}
} // namespace

LogicalResult Lowering::convertOp(nn::ResampleOp op) {
  return op.isCopy() ? convertCopies(op) : convertSums(op);
}

LogicalResult Lowering::convertCopies(nn::ResampleOp op) {
  ArrayRef<int64_t> shape = shapeOf(op.getInput());
  int64_t axis = op.getAxis(), size = shape[axis];
  Period period = periodOf(op.getIndices(), size);
  SmallVector<Piece> pieces = piecesOf(op.getIndices().take_front(period.out));
  if (pieces.size() > maxPieces)
    return refuse("DMA would take " + std::to_string(pieces.size()) +
                  " pieces to copy elements in this order");
  Stored input = stored(op.getInput());
  int64_t outer = 1, inner = 1;
  bool seen = false;
  Shape result;
  for (int64_t dimension : input.order) {
    seen |= dimension == axis;
    if (dimension != axis)
      (seen ? inner : outer) *= shape[dimension];
    result.push_back(shapeOf(op.getResult())[dimension]);
  }
  outer *= size / period.in;
  Value view = reshape(input.value, {outer, period.in, inner});
  SmallVector<Value> parts;
  for (const Piece &piece : pieces) {
    Shape sizes = {outer, piece.count, inner};
    if (piece.count == period.in) {
      parts.push_back(view);
      continue;
    }
    parts.push_back(accel::SliceOp::create(
        builder, RankedTensorType::get(sizes, elementType(op.getInput())), view,
        builder.getDenseI64ArrayAttr({0, piece.first, 0}),
        builder.getDenseI64ArrayAttr({1, piece.step, 1})));
  }
  Value joined = parts.front();
  if (parts.size() > 1)
    joined = accel::ConcatOp::create(
        builder,
        RankedTensorType::get({outer, period.out, inner},
                              elementType(op.getInput())),
        parts, builder.getI64IntegerAttr(1));
  setMoved(op.getResult(), op.getInput(), reshape(joined, result), input.order);
  return success();
}

LogicalResult Lowering::convertSums(nn::ResampleOp op) {
  ArrayRef<int64_t> shape = shapeOf(op.getInput());
  int64_t axis = op.getAxis(), size = shape[axis];
  std::optional<Phases> phases = phasesOf(op, size);
  if (!phases)
    return refuse("the vector unit interpolates by a whole factor with the "
                  "same weights everywhere");
  std::optional<int64_t> denominator = denominatorOf(*phases);
  if (!denominator)
    return refuse("the weights of the interpolation are no int8 integers over "
                  "one denominator");
  if (shape.size() < 2 || axis == 1)
    return refuse("the vector unit does not interpolate between channels");
  Shape order = channelsLast(shape.size()), result;
  Value input = get(op.getInput(), order);
  int64_t outer = 1, between = 1, channels = shape[1];
  bool seen = false;
  for (int64_t dimension : order) {
    result.push_back(shapeOf(op.getResult())[dimension]);
    seen |= dimension == axis;
    if (dimension != axis && dimension != 1)
      (seen ? between : outer) *= shape[dimension];
  }
  auto typeOf = [&](int64_t rows, Value like) {
    return RankedTensorType::get({outer, rows, between, channels},
                                 elementType(like));
  };
  // The first and last row again, as often as a phase reads beyond them.
  Value image = reshape(input, {outer, size, between, channels});
  auto row = [&](int64_t at) -> Value {
    if (size == 1)
      return image;
    return accel::SliceOp::create(builder, typeOf(1, op.getInput()), image,
                                  builder.getDenseI64ArrayAttr({0, at, 0, 0}),
                                  builder.getDenseI64ArrayAttr({1, 1, 1, 1}));
  };
  int64_t reach = phases->last - phases->first;
  SmallVector<Value> rows;
  if (phases->first < 0)
    rows.append(-phases->first, row(0));
  rows.push_back(image);
  if (phases->last > 0)
    rows.append(phases->last, row(size - 1));
  if (rows.size() > 1)
    image =
        accel::ConcatOp::create(builder, typeOf(size + reach, op.getInput()),
                                rows, builder.getI64IntegerAttr(1));

  ActivationQuant in = *activationQuant(op.getInput());
  SmallVector<double> scales(channels, in.scale / double(*denominator));
  accel::RequantAttr attr =
      requant(op, op.getResult(), scales, Value(), std::nullopt, std::nullopt);
  auto ones = builder.getDenseI64ArrayAttr({1, 1});
  Value bias = constantI32(SmallVector<int32_t>(channels, 0));
  int64_t factor = phases->taps.size();
  SmallVector<Value> parts;
  for (const Taps &taps : phases->taps) {
    SmallVector<int8_t> weights;
    for (int64_t d = phases->first; d <= phases->last; ++d) {
      auto found = taps.find(d);
      double weight = found == taps.end() ? 0.0 : found->second;
      weights.append(channels,
                     int8_t(std::lround(weight * double(*denominator))));
    }
    Value phase = accel::DepthwiseConv2DOp::create(
        builder, typeOf(size, op.getResult()), image,
        constantI8({reach + 1, 1, channels}, weights), bias, Value(), ones,
        builder.getDenseI64ArrayAttr({0, 0, 0, 0}), ones,
        builder.getI32IntegerAttr(in.zeroPoint), attr,
        builder.getI32IntegerAttr(8),
        builder.getI32IntegerAttr(bitsOfRange(in.low, in.high)));
    parts.push_back(reshape(phase, {outer * size, 1, between * channels}));
  }
  Value joined = parts.front();
  if (parts.size() > 1)
    joined = accel::ConcatOp::create(
        builder,
        RankedTensorType::get({outer * size, factor, between * channels},
                              elementType(op.getResult())),
        parts, builder.getI64IntegerAttr(1));
  set(op.getResult(), reshape(joined, result), order);
  return success();
}

} // namespace accopt
