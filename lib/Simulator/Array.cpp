//===- Array.cpp - Functional effect of the array's commands --------------===//
//
// A matmul command is computed as gather, product, epilogue: the patches of a
// few pixels become rows of int16 with the zero point subtracted and padding as
// zero; the weights, packed in pairs for the kernel, are shared by all pixels.
// Sums do not depend on the order of additions (they wrap), so that blocks of
// the real array need not be followed and threads may share the pixels.
//
//===----------------------------------------------------------------------===//

#include "Epilogue.h"
#include "MachineState.h"
#include "accopt/Target/Arithmetic.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cstring>
#include <optional>

using namespace accopt;

namespace {

/// Pixels gathered at a time: their patches stay in the cache.
constexpr size_t kGatherPixels = 3 * kKernelPixels;
/// Below this many multiplications threads cost more than they bring.
constexpr uint64_t kParallelMacs = 1 << 21;

/// The shape of the product.
struct Product {
  explicit Product(const MatmulCommand &c)
      : pixels(size_t(c.window.outputRows) * c.window.outputColumns),
        reduction(size_t(c.window.kernelY) * c.window.kernelX * c.channels),
        pairs(llvm::divideCeil(reduction, size_t(2))),
        groups(llvm::divideCeil(size_t(c.columns), size_t(kKernelColumns))) {}

  size_t pixels, reduction, pairs;
  size_t groups; ///< of kKernelColumns columns
};

/// Weights of column group g, pair i, column j, parity b at
/// ((g * pairs + i) * kKernelColumns + j) * 2 + b; zero beyond the edges.
std::vector<int16_t> packWeights(const MatmulCommand &c, const Product &product,
                                 const int8_t *weights, unsigned arrayColumns) {
  size_t groupSize = product.pairs * kKernelColumns * 2;
  std::vector<int16_t> packed(product.groups * groupSize, 0);
  const int8_t *source = weights;
  unsigned weightBits = std::min<unsigned>(c.precision, 8);
  for (size_t first = 0; first < c.columns; first += arrayColumns) {
    size_t last = std::min<size_t>(first + arrayColumns, c.columns);
    for (size_t k = 0; k < product.reduction; ++k)
      for (size_t column = first; column < last;) {
        size_t inGroup = column % kKernelColumns;
        size_t run = std::min(last - column, kKernelColumns - inGroup);
        int16_t *target = packed.data() + column / kKernelColumns * groupSize +
                          (k / 2 * kKernelColumns + inGroup) * 2 + k % 2;
        for (size_t j = 0; j < run; ++j)
          target[2 * j] = int16_t{signExtend(source[j], weightBits)};
        source += run;
        column += run;
      }
  }
  return packed;
}

/// Writes the channels of a tap inside to `row`.
void gatherTap(const MatmulCommand &c, const int8_t *source, int16_t *row) {
  unsigned length = c.channels / c.runs;
  for (unsigned run = 0; run < c.runs; ++run) {
    if (c.window.wideInput)
      for (unsigned ch = 0; ch < length; ++ch)
        row[ch] = int16_t(readElement(source, ch, true));
    else if (c.precision == 8)
      for (unsigned ch = 0; ch < length; ++ch)
        row[ch] = int16_t(source[ch] - c.inputZeroPoint);
    else
      for (unsigned ch = 0; ch < length; ++ch)
        row[ch] =
            int16_t(signExtend(source[ch], c.precision) - c.inputZeroPoint);
    row += length;
    source += c.runPitch;
  }
}

/// Writes the reduction row of output pixel (y, x) to `row`.
void gatherPatch(const MatmulCommand &c, const int8_t *scratchpad, int y, int x,
                 int16_t *row) {
  const Window &w = c.window;
  for (int ky = 0; ky < w.kernelY; ++ky) {
    int64_t iy = int64_t(y) * w.strideY + int64_t(ky) * w.dilationY - w.padTop;
    bool inside = iy >= 0 && iy < w.inputRows;
    for (int kx = 0; kx < w.kernelX; ++kx, row += c.channels) {
      int64_t ix =
          int64_t(x) * w.strideX + int64_t(kx) * w.dilationX - w.padLeft;
      if (!inside || ix < 0 || ix >= w.inputColumns) {
        std::memset(row, 0, c.channels * sizeof(int16_t));
        continue;
      }
      gatherTap(c,
                scratchpad + w.input + iy * w.inputRowPitch +
                    ix * w.inputPixelPitch,
                row);
    }
  }
}

} // namespace

void MachineState::parallelRanges(
    size_t count, size_t grain, llvm::function_ref<void(size_t, size_t)> run) {
  size_t perThread = llvm::alignTo(llvm::divideCeil(count, size_t(threads)),
                                   std::max<size_t>(grain, 1));
  if (perThread >= count)
    return run(0, count);
  if (!pool)
    pool = std::make_unique<llvm::DefaultThreadPool>(
        llvm::hardware_concurrency(threads));
  llvm::ThreadPoolTaskGroup group(*pool);
  for (size_t first = perThread; first < count; first += perThread)
    group.async([=] { run(first, std::min(count, first + perThread)); });
  run(0, perThread);
  group.wait();
}

namespace {

/// One matmul command on one range of its pixels.
class RangeRunner {
public:
  RangeRunner(const MatmulCommand &c, const Product &product,
              llvm::ArrayRef<int16_t> weights, const EpilogueStage *stage,
              MachineState &state, const Machine &machine, MatmulKernel kernel)
      : c(c), product(product), weights(weights), stage(stage), state(state),
        machine(machine), kernel(kernel),
        rows(kGatherPixels * product.pairs * 2, 0),
        sums(kGatherPixels * product.groups * kKernelColumns) {}

  void run(size_t first, size_t last) {
    for (size_t begin = first; begin < last; begin += kGatherPixels) {
      size_t count = std::min(kGatherPixels, last - begin);
      multiply(begin, count);
      for (size_t p = 0; p < count; ++p)
        finish(begin + p, sums.data() + p * product.groups * kKernelColumns);
    }
  }

private:
  unsigned rowOf(size_t pixel) const {
    return unsigned(pixel / c.window.outputColumns);
  }
  unsigned columnOf(size_t pixel) const {
    return unsigned(pixel % c.window.outputColumns);
  }

  /// Sums of `count` pixels from `begin`.
  void multiply(size_t begin, size_t count) {
    size_t rowSize = product.pairs * 2;
    size_t sumPitch = product.groups * kKernelColumns;
    for (size_t p = 0; p < count; ++p)
      gatherPatch(c, state.scratchpad.data(), int(rowOf(begin + p)),
                  int(columnOf(begin + p)), rows.data() + p * rowSize);
    for (size_t g = 0; g < product.groups; ++g)
      for (size_t p = 0; p < count; p += kKernelPixels)
        kernel(rows.data() + p * rowSize, rowSize,
               unsigned(std::min<size_t>(kKernelPixels, count - p)),
               weights.data() + g * product.pairs * kKernelColumns * 2,
               product.pairs, sums.data() + p * sumPitch + g * kKernelColumns,
               sumPitch);
  }

  int32_t &accumulator(size_t pixel, size_t column) {
    size_t block = column / machine.columns;
    return state
        .accumulators[c.accumulator / 4 +
                      (block * product.pixels + pixel) * machine.columns +
                      column % machine.columns];
  }

  void finish(size_t pixel, int32_t *row) {
    if (c.accumulate)
      for (size_t j = 0; j < c.columns; ++j)
        row[j] = wrappingAdd(row[j], accumulator(pixel, j));
    if (stage)
      return stage->finish(rowOf(pixel), columnOf(pixel), row);
    for (size_t j = 0; j < c.columns; ++j)
      accumulator(pixel, j) = row[j];
  }

  const MatmulCommand &c;
  const Product &product;
  llvm::ArrayRef<int16_t> weights;
  const EpilogueStage *stage;
  MachineState &state;
  const Machine &machine;
  MatmulKernel kernel;
  std::vector<int16_t> rows;
  std::vector<int32_t> sums;
};

} // namespace

void MachineState::execute(const MatmulCommand &c) {
  Product product(c);
  std::vector<int16_t> weights =
      packWeights(c, product, scratchpad.data() + c.weights, machine.columns);
  std::optional<EpilogueStage> stage;
  if (c.finish)
    stage.emplace(c.epilogue, c.columns, scratchpad.data());
  auto run = [&](size_t first, size_t last) {
    RangeRunner(c, product, weights, stage ? &*stage : nullptr, *this, machine,
                kernel)
        .run(first, last);
  };
  uint64_t macs = uint64_t(product.pixels) * product.reduction * c.columns;
  if (macs < kParallelMacs)
    run(0, product.pixels);
  else
    parallelRanges(product.pixels, kKernelPixels, run);
}
