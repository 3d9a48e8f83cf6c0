//===- ConvertRoiAlign.cpp - Regions of images, resampled -----------------===//
//
// Part of AccOpt. One linalg.generic over the result; its body runs over the
// samples of a bin (ONNX RoiAlign; He et al., Mask R-CNN, 2017).
//
// Where the data decides how many samples a bin has, a region may be far larger
// than the image, and the samples beyond it are zero. Of sample k at
//
//   start + i bin + (k + 1/2) bin / n
//
// those that can lie in [-1, size] are visited alone; the mean still divides by
// the number of all, and the maximum still sees a zero.
//
//===----------------------------------------------------------------------===//

#include "lib/Conversion/NNToTosa/Converter.h"
#include "lib/Conversion/NNToTosa/Scalars.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <limits>

using namespace mlir;

namespace accopt {
namespace {

/// Places along one axis of an image that a sample lies between.
struct Taps {
  Value lower, upper;             ///< index
  Value lowerWeight, upperWeight; ///< f32
  Value isInside;                 ///< i1
};

/// The samples of one bin along one axis.
struct Samples {
  Value begin;       ///< f32: where the bin begins
  Value bin;         ///< f32: its size
  Value count;       ///< f32: number of samples
  Value first, last; ///< index: those that are visited, `last` excluded
};

/// The body of the op for one element of its result.
class RegionSampler {
public:
  RegionSampler(Scalars &s, nn::RoiAlignOp op, Value image, Value rois,
                Value batches)
      : s(s), op(op), image(image), rois(rois), batches(batches),
        shape(cast<RankedTensorType>(image.getType()).getShape()) {}

  Value run();

private:
  using F = arith::CmpFPredicate;

  Value index(int64_t value) {
    return s.integer(s.builder.getIndexType(), value);
  }
  Value toIndex(Value number) {
    Value wide = s.makeTyped<arith::FPToSIOp>(s.builder.getI64Type(), number);
    return s.makeTyped<arith::IndexCastOp>(s.builder.getIndexType(), wide);
  }
  Value toFloat(Value position) {
    Value wide =
        s.makeTyped<arith::IndexCastOp>(s.builder.getI64Type(), position);
    return s.makeTyped<arith::SIToFPOp>(s.builder.getF32Type(), wide);
  }
  /// A number in [low, high], also where `value` is none.
  Value cut(Value value, float low, float high) {
    return s.make<arith::MinNumFOp>(
        Value(s.make<arith::MaxNumFOp>(value, s.number(low))), s.number(high));
  }

  Value corner(Value region, int64_t column);
  Samples samplesAlong(unsigned axis, Value region, Value position);
  Taps tapsAt(const Samples &samples, Value k, unsigned axis);
  Value sample(Value batch, Value channel, const Taps &y, const Taps &x);
  Value initial(const Samples &y, const Samples &x);

  Scalars &s;
  nn::RoiAlignOp op;
  Value image, rois, batches;
  ArrayRef<int64_t> shape;
};

} // namespace

/// Column `column` of a region in places of the image.
Value RegionSampler::corner(Value region, int64_t column) {
  Value given = tensor::ExtractOp::create(s.builder, s.loc, rois,
                                          ValueRange{region, index(column)});
  Value scaled = s.mul(given, s.number(op.getSpatialScale().convertToFloat()));
  return op.getHalfPixel() ? s.sub(scaled, s.number(0.5f)) : scaled;
}

/// Along axis 0 (y) or 1 (x) of the bin at `position`.
Samples RegionSampler::samplesAlong(unsigned axis, Value region,
                                    Value position) {
  Value start = corner(region, 1 - axis);
  Value extent = s.sub(corner(region, 3 - axis), start);
  if (!op.getHalfPixel())
    extent = s.make<arith::MaxNumFOp>(extent, s.number(1.0f));
  auto bins = float(axis == 0 ? op.getHeight() : op.getWidth());
  Samples samples;
  samples.bin = s.div(extent, s.number(bins));
  samples.begin = s.add(start, s.mul(toFloat(position), samples.bin));
  if (auto ratio = int64_t(op.getSamplingRatio()); ratio > 0) {
    samples.count = s.number(float(ratio));
    samples.first = index(0);
    samples.last = index(ratio);
    return samples;
  }
  constexpr float most = 1 << 30;
  Value rounded = s.make<math::CeilOp>(samples.bin);
  samples.count = cut(rounded, 0.0f, most);
  // k >= (place - begin) n / bin - 1/2; one more on each side covers rounding.
  auto bound = [&](float place, float slack) {
    Value distance = s.sub(s.number(place), samples.begin);
    Value k = s.div(s.mul(distance, samples.count), samples.bin);
    k = s.make<math::FloorOp>(s.add(k, s.number(slack)));
    return s.make<arith::MinNumFOp>(cut(k, 0.0f, most), samples.count);
  };
  samples.first = toIndex(bound(-1.0f, -1.5f));
  samples.last = toIndex(bound(float(shape[2 + axis]), 2.5f));
  return samples;
}

Taps RegionSampler::tapsAt(const Samples &samples, Value k, unsigned axis) {
  int64_t size = shape[2 + axis];
  Value step = s.mul(s.add(toFloat(k), s.number(0.5f)), samples.bin);
  Value place = s.add(samples.begin, s.div(step, samples.count));
  Value above = s.compare(F::OGE, place, s.number(-1.0f));
  Value below = s.compare(F::OLE, place, s.number(float(size)));
  place = cut(place, 0.0f, float(size - 1));
  Taps taps;
  taps.isInside = s.make<arith::AndIOp>(above, below);
  taps.lower = toIndex(place);
  taps.upper = s.make<arith::MinSIOp>(
      Value(s.make<arith::AddIOp>(taps.lower, index(1))), index(size - 1));
  taps.upperWeight = s.sub(place, toFloat(taps.lower));
  taps.lowerWeight = s.sub(s.number(1.0f), taps.upperWeight);
  return taps;
}

/// The sum of four weighted elements, or the largest of them.
Value RegionSampler::sample(Value batch, Value channel, const Taps &y,
                            const Taps &x) {
  auto term = [&](Value row, Value rowWeight, Value column,
                  Value columnWeight) {
    Value element = tensor::ExtractOp::create(
        s.builder, s.loc, image, ValueRange{batch, channel, row, column});
    return s.mul(s.mul(rowWeight, columnWeight), element);
  };
  Value result;
  for (auto [row, rowWeight] :
       {std::pair(y.lower, y.lowerWeight), std::pair(y.upper, y.upperWeight)})
    for (auto [column, columnWeight] : {std::pair(x.lower, x.lowerWeight),
                                        std::pair(x.upper, x.upperWeight)}) {
      Value next = term(row, rowWeight, column, columnWeight);
      if (!result)
        result = next;
      else
        result = op.getMaximum() ? s.make<arith::MaximumFOp>(result, next)
                                 : s.add(result, next);
    }
  Value isInside = s.make<arith::AndIOp>(y.isInside, x.isInside);
  return s.select(isInside, result, s.number(0.0f));
}

/// What there is before the first sample: zero, for a maximum of samples that
/// all are visited nothing.
Value RegionSampler::initial(const Samples &y, const Samples &x) {
  Value zero = s.number(0.0f);
  if (!op.getMaximum())
    return zero;
  Value isWhole = s.integer(s.builder.getI1Type(), 1);
  for (const Samples *samples : {&y, &x}) {
    Value visited =
        toFloat(s.make<arith::SubIOp>(samples->last, samples->first));
    Value all = s.compare(F::OEQ, visited, samples->count);
    Value any = s.compare(F::OGT, visited, zero);
    isWhole =
        s.make<arith::AndIOp>(isWhole, Value(s.make<arith::AndIOp>(all, any)));
  }
  return s.select(isWhole, s.number(-std::numeric_limits<float>::infinity()),
                  zero);
}

Value RegionSampler::run() {
  SmallVector<Value> at;
  for (int64_t d = 0; d < 4; ++d)
    at.push_back(linalg::IndexOp::create(s.builder, s.loc, d));
  Value region = at[0];
  Value given = tensor::ExtractOp::create(s.builder, s.loc, batches, region);
  Value batch = s.toPosition(given, shape[0]);
  Samples y = samplesAlong(0, region, at[2]);
  Samples x = samplesAlong(1, region, at[3]);
  auto loop = [&](const Samples &samples, Value init, auto body) -> Value {
    return scf::ForOp::create(s.builder, s.loc, samples.first, samples.last,
                              index(1), init,
                              [&](OpBuilder &builder, Location loc, Value k,
                                  ValueRange state) {
                                Value next = body(k, state[0]);
                                scf::YieldOp::create(builder, loc, next);
                              })
        .getResult(0);
  };
  Value result = loop(y, initial(y, x), [&](Value row, Value rows) {
    Taps vertical = tapsAt(y, row, 0);
    return loop(x, rows, [&](Value column, Value sum) -> Value {
      Value next = sample(batch, at[1], vertical, tapsAt(x, column, 1));
      return op.getMaximum() ? s.make<arith::MaximumFOp>(sum, next)
                             : s.add(sum, next);
    });
  });
  if (op.getMaximum())
    return result;
  Value count =
      s.make<arith::MaxNumFOp>(s.mul(y.count, x.count), s.number(1.0f));
  return s.div(result, count);
}

void Converter::convertOp(nn::RoiAlignOp op) {
  Value image = first(op.getInput()), rois = first(op.getRois());
  Value batches = first(op.getBatches());
  Value init = tensor::EmptyOp::create(b, getShape(op.getResult()),
                                       getElementType(image));
  SmallVector<utils::IteratorType> parallel(4, utils::IteratorType::parallel);
  setFirst(op.getResult(),
           linalg::GenericOp::create(
               b, init.getType(), ValueRange(), init,
               b.getMultiDimIdentityMap(4), parallel,
               [&](OpBuilder &builder, Location loc, ValueRange) {
                 Scalars s(builder, loc);
                 RegionSampler sampler(s, op, image, rois, batches);
                 linalg::YieldOp::create(builder, loc, sampler.run());
               })
               .getResult(0));
}

} // namespace accopt
