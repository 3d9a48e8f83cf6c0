//===- MaestroLevels.cpp - A dataflow, level by level ---------------------===//
//
// Directives are completed: an inner level keeps the maps of the level above
// for what it does not mention, as temporal ones, and holds the rest whole.
// Maps of output rows become maps of input rows, and strides stretch the
// offsets of input rows.
//
//===----------------------------------------------------------------------===//

#include "MaestroLevels.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

#include <algorithm>
#include <cmath>

using namespace llvm;
using namespace accopt::formulas;
using namespace accopt::formulas::maestro;

static constexpr const char *dimNames[] = {"K", "C", "R",  "S",
                                           "Y", "X", "Y'", "X'"};

/// The analysis of a level contains that of the next.
static constexpr int64_t maxLevels = 16;

static Error fail(const Twine &message) {
  return createStringError(inconvertibleErrorCode(), message);
}

const Map *Level::spatial() const {
  return &*llvm::find_if(maps, [](const Map &map) { return map.isSpatial; });
}

static bool isDepthwise(const ConvShape &conv) {
  return conv.groups > 1 && conv.groups == conv.inputChannels &&
         conv.groups == conv.outputChannels;
}

static Tensor tensor(std::initializer_list<MaestroDim> dims) {
  Tensor result;
  for (MaestroDim dim : dims)
    result.dims |= 1u << at(dim);
  return result;
}

Tensors maestro::tensorsOf(const ConvShape &conv) {
  using D = MaestroDim;
  if (isDepthwise(conv))
    return {tensor({D::C, D::R, D::S}), tensor({D::C, D::Y, D::X}),
            tensor({D::C, D::Y, D::X})};
  return {tensor({D::K, D::C, D::R, D::S}), tensor({D::C, D::Y, D::X}),
          tensor({D::K, D::Y, D::X})};
}

static Error checkConv(const ConvShape &conv) {
  if (conv.dilationHeight != 1 || conv.dilationWidth != 1)
    return fail("expected a dilation of 1, got " + Twine(conv.dilationHeight) +
                "x" + Twine(conv.dilationWidth));
  if (conv.batch != 1)
    return fail("expected a batch of 1, got " + Twine(conv.batch));
  if (conv.groups != 1 && !isDepthwise(conv))
    return fail("expected one group, or one for each channel and filter, got " +
                Twine(conv.groups) + " for " + Twine(conv.inputChannels) +
                " channels and " + Twine(conv.outputChannels) + " filters");
  return Error::success();
}

namespace {

/// Makes one level after the other.
class Builder {
public:
  Builder(const ConvShape &conv, const MaestroMachine &machine)
      : conv(conv), machine(machine),
        whole{isDepthwise(conv) ? 1 : conv.outputChannels,
              conv.inputChannels,
              conv.kernelHeight,
              conv.kernelWidth,
              conv.inputHeight + conv.padTop + conv.padBottom,
              conv.inputWidth + conv.padLeft + conv.padRight} {}

  Expected<std::vector<Level>> run(ArrayRef<MaestroDirective> dataflow) {
    int64_t below = 1;
    auto clusters = llvm::count_if(dataflow, [](const auto &directive) {
      return directive.kind == MaestroDirective::Cluster;
    });
    if (clusters >= maxLevels)
      return fail("expected at most " + Twine(maxLevels) + " levels, got " +
                  Twine(clusters + 1));
    for (const MaestroDirective &directive : dataflow)
      if (directive.kind == MaestroDirective::Cluster) {
        below *= resolve(directive.size);
        if (below > machine.units)
          return fail("expected clusters of at most " + Twine(machine.units) +
                      " units in all, got more");
      }
    int64_t units = machine.units / below;
    std::vector<Map> maps;
    for (const MaestroDirective &directive : dataflow) {
      if (directive.kind == MaestroDirective::Cluster) {
        if (Error error = finish(std::move(maps), units))
          return std::move(error);
        maps.clear();
        units = resolve(directive.size);
        continue;
      }
      maps.push_back({directive.dim,
                      directive.kind == MaestroDirective::SpatialMap,
                      resolve(directive.size), resolve(directive.offset)});
    }
    if (Error error = finish(std::move(maps), units))
      return std::move(error);
    return std::move(levels);
  }

private:
  int64_t resolve(const MaestroSize &size) const {
    if (!size.extentOf)
      return size.value;
    if (*size.extentOf == MaestroDim::OutY)
      return conv.outputHeight();
    if (*size.extentOf == MaestroDim::OutX)
      return conv.outputWidth();
    return whole[at(*size.extentOf)];
  }

  /// Completes the maps of a level and adds it.
  Error finish(std::vector<Map> maps, int64_t units) {
    useInputs(maps, MaestroDim::OutY, MaestroDim::Y);
    useInputs(maps, MaestroDim::OutX, MaestroDim::X);
    if (Error error = checkMaps(maps))
      return error;
    Level level;
    level.extents = whole;
    level.units = units;
    if (!levels.empty()) {
      level.extents = levels.back().extents;
      for (const Map &map : levels.back().maps) {
        int64_t &extent = level.extents[at(map.dim)];
        extent = std::min(extent, map.size);
        if (!find(maps, map.dim))
          maps.insert(maps.begin(), {map.dim, false, map.size, map.offset});
      }
    }
    Tensors tensors = tensorsOf(conv);
    // In the alphabet's order, as the tool's lists have it.
    for (MaestroDim dim : {MaestroDim::C, MaestroDim::K, MaestroDim::R,
                           MaestroDim::S, MaestroDim::X, MaestroDim::Y})
      if ((tensors.weights.has(dim) || tensors.inputs.has(dim)) &&
          !find(maps, dim))
        maps.push_back(
            {dim, false, level.extents[at(dim)], level.extents[at(dim)]});
    for (Map &map : maps)
      applyStride(map);
    level.maps = std::move(maps);
    level.unitsAtEnd = unitsAtEnd(level);
    cutSlices(level);
    levels.push_back(std::move(level));
    return checkSteps();
  }

  static Map *find(std::vector<Map> &maps, MaestroDim dim) {
    auto found = llvm::find_if(maps, [&](Map &map) { return map.dim == dim; });
    return found == maps.end() ? nullptr : &*found;
  }

  /// n output rows need n + kernel - 1 input rows.
  void useInputs(std::vector<Map> &maps, MaestroDim outputs,
                 MaestroDim inputs) const {
    Map *map = find(maps, outputs);
    if (!map || find(maps, inputs))
      return;
    MaestroDim kernel = *slidingAlong(inputs);
    const Map *kernelMap = find(maps, kernel);
    map->dim = inputs;
    map->size += (kernelMap ? kernelMap->size : whole[at(kernel)]) - 1;
  }

  Error checkMaps(const std::vector<Map> &maps) const {
    std::string level = "level " + std::to_string(levels.size()) + ": ";
    unsigned seen = 0;
    for (const Map &map : maps) {
      unsigned bit = 1u << at(map.dim);
      if (at(map.dim) >= maestroDims || seen & bit)
        return fail(level + "expected each dimension once, got " +
                    dimNames[at(map.dim)] + " again");
      seen |= bit;
    }
    auto spatial =
        llvm::count_if(maps, [](const Map &map) { return map.isSpatial; });
    if (spatial < 1 || spatial > 2)
      return fail(level + "expected one or two spatial maps, got " +
                  Twine(spatial));
    return Error::success();
  }

  /// A directive counts as if the stride were 1; what holds a whole kernel
  /// holds, and moves by, as many outputs of the stride that there is.
  void applyStride(Map &map) const {
    std::optional<MaestroDim> sliding = slidingAlong(map.dim);
    int64_t stride =
        map.dim == MaestroDim::Y ? conv.strideHeight : conv.strideWidth;
    if (!sliding || stride == 1)
      return;
    int64_t kernel = whole[at(*sliding)];
    if (map.size < kernel)
      return;
    int64_t outputs = (map.size + stride - kernel) / stride;
    map.size = outputs * std::min(stride, kernel) +
               std::max<int64_t>(kernel - stride, 0);
    // Inside a level above, inputs that the stride leaves out are gone.
    map.offset = outputs * (levels.empty() ? stride : std::min(stride, kernel));
  }

  static int64_t unitsAtEnd(const Level &level) {
    const Map &map = *level.spatial();
    int64_t extent = level.extents[at(map.dim)];
    if (extent <= map.size)
      return 1;
    int64_t covered = map.offset * (level.units - 1) + map.size;
    if (extent <= covered)
      return 1 + divideUp(extent - map.size, map.offset);
    int64_t rounds = ((extent - map.size) / map.offset + 1) / level.units;
    int64_t left = extent - rounds * map.offset * level.units;
    return left < map.size ? 1 : 1 + (left - map.size) / map.offset;
  }

  static void cutSlices(Level &level) {
    for (const Map &map : level.maps) {
      int64_t extent = level.extents[at(map.dim)];
      int64_t steps = std::max<int64_t>((extent - map.size) / map.offset, 0);
      bool hasEnd = extent < map.size || steps * map.offset + map.size < extent;
      int64_t end = extent - (steps + 1) * map.offset;
      if (end < 0)
        end = extent;
      Slice &slice = level.slices[at(map.dim)];
      slice.held = map.size;
      slice.fresh = std::min(map.size, map.offset);
      if (!map.isSpatial && extent <= map.size)
        slice.fresh = 0;
      slice.heldAtEnd = hasEnd ? end : map.size;
      slice.freshAtEnd = std::max<int64_t>(map.offset - (map.size - end), 0);
    }
    for (const Map &map : level.maps)
      if (std::optional<MaestroDim> sliding = slidingAlong(map.dim)) {
        const Slice &inputs = level.slices[at(map.dim)];
        const Slice &kernel = level.slices[at(*sliding)];
        Slice &outputs = level.slices[at(
            map.dim == MaestroDim::Y ? MaestroDim::OutY : MaestroDim::OutX)];
        outputs.held = inputs.held - kernel.held + 1;
        outputs.fresh = std::min(map.offset, map.size);
        outputs.heldAtEnd = inputs.heldAtEnd - kernel.heldAtEnd + 1;
        outputs.freshAtEnd = std::min(map.offset, outputs.heldAtEnd);
      }
  }

  /// No count exceeds the product of what all units hold in all steps.
  Error checkSteps() const {
    double product = double(machine.hopCycles);
    for (const Level &level : levels) {
      product *= double(level.units);
      for (const Map &map : level.maps) {
        int64_t extent = level.extents[at(map.dim)];
        int64_t way = map.isSpatial ? map.offset * level.units : map.offset;
        int64_t left = std::max<int64_t>(extent - map.size, 0);
        product *=
            double(divideUp(left, way) + 1) *
            double(map.isSpatial ? map.size : std::min(map.size, extent));
      }
    }
    if (product > 0x1p60)
      return fail("expected fewer than 2^60 elements in all steps, got about "
                  "2^" +
                  Twine(int64_t(std::log2(product))));
    return Error::success();
  }

  const ConvShape &conv;
  const MaestroMachine &machine;
  const Extents whole;
  std::vector<Level> levels;
};

} // namespace

Expected<std::vector<Level>>
maestro::makeLevels(const ConvShape &conv, ArrayRef<MaestroDirective> dataflow,
                    const MaestroMachine &machine) {
  if (Error error = checkConv(conv))
    return std::move(error);
  return Builder(conv, machine).run(dataflow);
}
