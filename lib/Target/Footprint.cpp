//===- Footprint.cpp - Which bytes a command touches ----------------------===//
//
// Regions follow from the address formulas of docs/Machine.md. Two regions are
// compared by their bounds first; only if those meet are their rows sorted and
// swept.
//
//===----------------------------------------------------------------------===//

#include "accopt/Target/Footprint.h"

#include "accopt/Target/Timing.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <vector>

using namespace accopt;

int64_t Region::begin() const {
  int64_t address = base;
  for (unsigned i = 0; i < 3; ++i)
    address += std::min<int64_t>(0, (count[i] - 1) * stride[i]);
  return address;
}

int64_t Region::end() const {
  int64_t address = base + length;
  for (unsigned i = 0; i < 3; ++i)
    address += std::max<int64_t>(0, (count[i] - 1) * stride[i]);
  return address;
}

namespace {

/// The positions in [0, size) that some tap reads along one dimension; empty
/// (first > last) if all are padding.
struct Span {
  int64_t first, last;
};

Span touched(int64_t size, int64_t outputs, int64_t kernel, int64_t stride,
             int64_t dilation, int64_t pad) {
  int64_t lowest = -pad;
  int64_t highest = (outputs - 1) * stride + (kernel - 1) * dilation - pad;
  return {std::max<int64_t>(0, lowest), std::min<int64_t>(size - 1, highest)};
}

struct Collector {
  const Machine &machine;
  llvm::SmallVector<Region, 8> regions;

  Region &add(const char *what, bool isWrite, int64_t base, int64_t length) {
    Region region;
    region.what = what;
    region.isWrite = isWrite;
    region.base = base;
    region.length = length;
    return regions.emplace_back(region);
  }

  void pixels(const char *what, bool isWrite, const Window &w, int64_t base,
              int64_t rowPitch, int64_t pixelPitch, int64_t length) {
    Region &region = add(what, isWrite, base, length);
    region.count = {w.outputRows, w.outputColumns, 1};
    region.stride = {rowPitch, pixelPitch, 0};
  }

  void window(const Window &w, int64_t channels, int64_t runs = 1,
              int64_t runPitch = 0) {
    Span y = touched(w.inputRows, w.outputRows, w.kernelY, w.strideY,
                     w.dilationY, w.padTop);
    Span x = touched(w.inputColumns, w.outputColumns, w.kernelX, w.strideX,
                     w.dilationX, w.padLeft);
    if (y.first > y.last || x.first > x.last)
      return;
    Region &region = add("input", false,
                         int64_t(w.input) + y.first * w.inputRowPitch +
                             x.first * w.inputPixelPitch,
                         channels / runs * w.inputBytes());
    region.count = {y.last - y.first + 1, x.last - x.first + 1, runs};
    region.stride = {w.inputRowPitch, w.inputPixelPitch, runPitch};
  }

  void epilogue(const Epilogue &e, const Window &w, int64_t columns) {
    add("parameters", false, e.parameters, 12 * columns);
    if (e.hasTable)
      add("table", false, e.table, 256);
    if (e.hasResidual)
      pixels("residual", false, w, e.residual, e.residualRowPitch,
             e.residualPixelPitch, columns * e.residualBytes());
    pixels("output", true, w, e.output, e.outputRowPitch, e.outputPixelPitch,
           columns * e.outputBytes());
  }

  void dma(const DmaCommand &c, bool isLoad) {
    Region &dram = add("DRAM side", !isLoad, c.dramAddress, c.dramRowBytes());
    dram.memory = Memory::Dram;
    dram.count = {c.count[0], c.count[1], c.count[2]};
    dram.stride = {c.dramStride[0], c.dramStride[1], c.dramStride[2]};
    Region &scratchpad =
        add("scratchpad side", isLoad, c.scratchpadAddress, c.rowBytes);
    scratchpad.count = {c.count[0], c.count[1], c.count[2]};
    scratchpad.stride = {c.scratchpadStride[0], c.scratchpadStride[1],
                         c.scratchpadStride[2]};
  }

  void operator()(const LoadCommand &c) { dma(c, true); }
  void operator()(const StoreCommand &c) { dma(c, false); }

  void operator()(const MatmulCommand &c) {
    window(c.window, c.channels, c.runs, c.runPitch);
    ReductionShape shape = reductionShape(c);
    int64_t reduction = int64_t(shape.segments) * shape.segmentLength;
    add("weights", false, c.weights, reduction * c.columns);
    int64_t pixelCount = int64_t(c.window.outputRows) * c.window.outputColumns;
    bool oneBlock = !c.accumulate && c.finish;
    int64_t blocks =
        oneBlock ? 1 : llvm::divideCeil(uint64_t(c.columns), machine.columns);
    Region &sums = add("accumulators", true, c.accumulator,
                       blocks * pixelCount * machine.columns * 4);
    sums.memory = Memory::Accumulator;
    if (c.finish)
      epilogue(c.epilogue, c.window, c.columns);
  }

  void operator()(const DepthwiseCommand &c) {
    window(c.window, c.channels);
    add("weights", false, c.weights,
        int64_t(c.window.kernelY) * c.window.kernelX * c.channels);
    epilogue(c.epilogue, c.window, c.channels);
  }

  void operator()(const PoolCommand &c) {
    window(c.window, c.channels);
    if (c.kind == PoolKind::Sum)
      add("parameters", false, c.parameters,
          c.countPadding
              ? 8
              : 8 * (int64_t(c.window.kernelY) * c.window.kernelX + 1));
    pixels("output", true, c.window, c.output, c.outputRowPitch,
           c.outputPixelPitch, c.channels * c.outputBytes());
  }

  void operand(const char *what, const BinaryCommand &c, uint32_t base,
               const std::array<uint32_t, 4> &stride, bool isWide) {
    Region &region =
        add(what, false, base, int64_t(c.length - 1) * stride[3] + 1 + isWide);
    region.count = {c.count[0], c.count[1], c.count[2]};
    region.stride = {stride[0], stride[1], stride[2]};
  }

  void operator()(const BinaryCommand &c) {
    operand("operand a", c, c.a, c.aStride, c.wideA);
    operand("operand b", c, c.b, c.bStride, c.wideB);
    if (c.hasTable)
      add("table", false, c.table, 256);
    Region &output =
        add("output", true, c.output, int64_t(c.length) * (1 + c.wideOutput));
    output.count = {c.count[0], c.count[1], c.count[2]};
    output.stride = {c.outputStride[0], c.outputStride[1], c.outputStride[2]};
  }

  void operator()(const LookupCommand &c) {
    int64_t bytes = int64_t(c.length) * c.elementBytes();
    add("input", false, c.input, bytes);
    add("table", false, c.table, c.tableBytes());
    add("output", true, c.output, bytes);
  }

  void operator()(const FillCommand &c) {
    Region &output = add("output", true, c.output, c.length);
    output.count = {c.rows, 1, 1};
    output.stride = {c.pitch, 0, 0};
  }

  void operator()(const HostCommand &) {}
};

/// The region's rows as sorted, merged intervals.
std::vector<std::pair<int64_t, int64_t>> intervals(const Region &r) {
  std::vector<std::pair<int64_t, int64_t>> rows;
  auto extent = [&](unsigned d) { return r.stride[d] ? r.count[d] : 1; };
  for (int64_t i = 0; i < extent(0); ++i)
    for (int64_t j = 0; j < extent(1); ++j)
      for (int64_t k = 0; k < extent(2); ++k) {
        int64_t start =
            r.base + i * r.stride[0] + j * r.stride[1] + k * r.stride[2];
        if (!rows.empty() && rows.back().second == start)
          rows.back().second += r.length;
        else
          rows.emplace_back(start, start + r.length);
      }
  llvm::sort(rows);
  return rows;
}

} // namespace

llvm::SmallVector<Region, 8> accopt::footprint(const Command &command,
                                               const Machine &machine) {
  Collector collector{machine, {}};
  std::visit([&](const auto &operation) { collector(operation); },
             command.operation);
  return std::move(collector.regions);
}

bool accopt::overlaps(const Region &a, const Region &b) {
  if (a.memory != b.memory || a.begin() >= b.end() || b.begin() >= a.end())
    return false;
  auto x = intervals(a), y = intervals(b);
  for (size_t i = 0, j = 0; i < x.size() && j < y.size();) {
    if (x[i].second <= y[j].first)
      ++i;
    else if (y[j].second <= x[i].first)
      ++j;
    else
      return true;
  }
  return false;
}
