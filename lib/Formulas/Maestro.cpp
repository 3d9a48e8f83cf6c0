//===- Maestro.cpp - Cycles of a data-centric dataflow --------------------===//
//
// A level is walked in cases instead of steps. Along a dimension there are a
// first step, middle steps that are all alike, and a last one that may be cut
// off; a case is a choice of one for each dimension and stands for the product
// of their counts. Inside a case the level below is costed for the slice that
// a unit holds then.
//
//===----------------------------------------------------------------------===//

#include "accopt/Formulas/Maestro.h"

#include "MaestroLevels.h"

#include "llvm/ADT/STLExtras.h"

#include <map>

using namespace llvm;
using namespace accopt::formulas;
using namespace accopt::formulas::maestro;

namespace {

enum class Step { First, Middle, Last };

struct State {
  Step step = Step::First;
  int64_t count = 1;
  bool isWhole = false; ///< one step holds the dimension
  bool isEnd = false;   ///< it ends in this step
  bool isCut = false;   ///< the last unit of it has less than the others
};

/// A state for each dimension.
using Case = std::array<State, maestroDims>;

/// A unit among those that work side by side.
struct Place {
  bool isFirst, isCut;
};
constexpr Place firstUnit{true, false}, nextUnit{false, false},
    firstCutUnit{true, true}, cutUnit{false, true};

/// What the units of a level hold, fetch and write in one case.
class Traffic {
public:
  Traffic(const Level &level, const Tensors &tensors, const Case &steps)
      : level(level), tensors(tensors), steps(steps) {
    for (auto [index, map] : enumerate(level.maps))
      if (state(map).step != Step::First)
        moved = int(index);
  }

  /// Elements of `tensor` sent to all units; equal ones once.
  int64_t fetched(Tensor tensor) const {
    return overUnits(tensor,
                     [&](Place place) { return fetched(tensor, place); });
  }

  /// Outputs, or sums, of all units; equal ones once.
  int64_t written() const {
    return overUnits(tensors.outputs,
                     [&](Place place) { return written(place); });
  }

  /// Multiply-accumulates of the unit that has the most.
  int64_t macsOfUnit() const {
    Tensor outputs = tensors.outputs;
    const State *spatial = spatialState(outputs);
    bool isCutAlone =
        spatial && hasEnd(outputs) && level.unitsAtEnd == 1 && spatial->isCut;
    return macs(isCutAlone ? firstCutUnit : firstUnit, true);
  }

  int64_t macsOfLevel() const {
    const State *spatial = nullptr;
    bool ends = false;
    for (const Map &map : level.maps)
      if (map.isSpatial) {
        spatial = &state(map);
        ends |= spatial->isEnd;
      }
    if (!ends)
      return level.units * macs(firstUnit, true);
    if (level.unitsAtEnd == 1)
      return macs(spatial->isCut ? firstCutUnit : firstUnit, true);
    return macs(firstUnit, true) + fullUnits(*spatial) * macs(firstUnit, true) +
           spatial->isCut * macs(cutUnit, false);
  }

  /// The slice of a unit; `isCut`: of the one that has less.
  Extents slice(bool isCut) const {
    Extents result = level.extents;
    for (const Map &map : level.maps) {
      const Slice &slice = sliceOf(map.dim);
      const State &now = state(map);
      bool isShort =
          now.isEnd && (!map.isSpatial || level.unitsAtEnd == 1 || isCut);
      result[at(map.dim)] = isShort ? slice.heldAtEnd : slice.held;
    }
    return result;
  }

private:
  const State &state(const Map &map) const { return steps[at(map.dim)]; }
  const Slice &sliceOf(MaestroDim dim) const { return level.slices[at(dim)]; }

  /// The innermost spatial map of one of the tensor's dimensions.
  const State *spatialState(Tensor tensor) const {
    const State *result = nullptr;
    for (unsigned dim = 0; dim < maestroDims; ++dim)
      for (const Map &map : level.maps)
        if (at(map.dim) == dim && map.isSpatial && tensor.has(map.dim))
          result = &state(map);
    return result;
  }

  bool hasEnd(Tensor tensor) const {
    return llvm::any_of(level.maps, [&](const Map &map) {
      return map.isSpatial && tensor.has(map.dim) && state(map).isEnd;
    });
  }

  /// Units at the end besides the first and the one that is cut.
  int64_t fullUnits(const State &spatial) const {
    return std::max<int64_t>(level.unitsAtEnd - spatial.isCut - 1, 0);
  }

  template <typename OfUnit>
  int64_t overUnits(Tensor tensor, OfUnit ofUnit) const {
    const State *spatial = spatialState(tensor);
    if (!spatial)
      return ofUnit(firstUnit);
    if (!hasEnd(tensor))
      return ofUnit(firstUnit) + (level.units - 1) * ofUnit(nextUnit);
    if (level.unitsAtEnd == 1)
      return ofUnit(spatial->isCut ? firstCutUnit : firstUnit);
    return ofUnit(firstUnit) + fullUnits(*spatial) * ofUnit(nextUnit) +
           spatial->isCut * ofUnit(cutUnit);
  }

  /// All that a unit holds of `tensor`.
  int64_t held(Tensor tensor, Place place) const {
    int64_t result = 1;
    for (const Map &map : level.maps) {
      if (!tensor.has(map.dim))
        continue;
      const Slice &slice = sliceOf(map.dim);
      bool isShort = state(map).isEnd;
      if (map.isSpatial && isShort) {
        bool isAlone = level.unitsAtEnd == 1;
        if (isAlone && !place.isFirst && !place.isCut)
          continue;
        isShort = isAlone || place.isCut;
      }
      result *= isShort ? slice.heldAtEnd : slice.held;
    }
    return result;
  }

  int64_t fetched(Tensor tensor, Place place) const {
    if (moved < 0)
      return held(tensor, place);
    if (!tensor.has(level.maps[unsigned(moved)].dim))
      return 0;
    bool beganAgain = false;
    for (auto [index, map] : enumerate(level.maps))
      beganAgain |= int(index) > moved && tensor.has(map.dim) &&
                    state(map).step == Step::First && !state(map).isWhole;
    int64_t result = 1;
    for (auto [index, map] : enumerate(level.maps)) {
      if (!tensor.has(map.dim))
        continue;
      const Slice &slice = sliceOf(map.dim);
      const State &now = state(map);
      bool keepsOverlap = int(index) == moved && !beganAgain;
      if (!map.isSpatial) {
        if (now.step != Step::First)
          result *=
              keepsOverlap ? std::max<int64_t>(slice.fresh, 1) : slice.held;
        else
          result *= now.isEnd ? slice.heldAtEnd : slice.held;
        continue;
      }
      // A unit shares its overlap with the one before it where that one
      // fetches it in the same step.
      bool shares =
          !place.isFirst &&
          (now.step == Step::First ? int(index) > moved : keepsOverlap);
      if (shares)
        result *= place.isCut ? slice.freshAtEnd : slice.fresh;
      else
        result *= place.isCut ? slice.heldAtEnd : slice.held;
    }
    return result;
  }

  /// What a unit has of a spatial dimension that the one before it has not; the
  /// tool takes the whole of a slice that has nothing new.
  static int64_t besides(const Slice &slice, Place place) {
    if (place.isFirst)
      return slice.held;
    return slice.fresh ? slice.fresh : 1;
  }

  /// `inputs`: of the same dimension, for outputs the input rows.
  int64_t ofSpatial(const State &now, const Slice &slice, const Slice &inputs,
                    Place place, bool sharesCut) const {
    bool isAlone = level.unitsAtEnd == 1;
    if (now.step == Step::First && now.isEnd && place.isCut)
      return isAlone || !sharesCut ? slice.heldAtEnd : slice.freshAtEnd;
    if (now.step != Step::Last)
      return besides(slice, place);
    if (isAlone)
      return place.isFirst || place.isCut ? inputs.heldAtEnd : 1;
    return place.isCut ? slice.freshAtEnd : besides(slice, place);
  }

  int64_t written(Place place, bool sharesCut = true) const {
    int64_t result = 1;
    for (const Map &map : level.maps) {
      if (!tensors.outputs.has(map.dim))
        continue;
      MaestroDim dim = map.dim == MaestroDim::Y   ? MaestroDim::OutY
                       : map.dim == MaestroDim::X ? MaestroDim::OutX
                                                  : map.dim;
      const Slice &slice = sliceOf(dim);
      const State &now = state(map);
      if (map.isSpatial)
        result *= ofSpatial(now, slice, sliceOf(map.dim), place, sharesCut);
      else
        result *= now.isEnd ? slice.heldAtEnd : slice.held;
    }
    return result;
  }

  /// Outputs of a unit times what is summed up for each.
  int64_t macs(Place place, bool sharesCut) const {
    int64_t result = written(place, sharesCut);
    for (const Map &map : level.maps) {
      if (tensors.outputs.has(map.dim))
        continue;
      const Slice &slice = sliceOf(map.dim);
      const State &now = state(map);
      if (map.isSpatial)
        result *= ofSpatial(now, slice, slice, place, false);
      else
        result *= now.isEnd ? slice.heldAtEnd : slice.held;
    }
    return result;
  }

  const Level &level;
  const Tensors &tensors;
  const Case &steps;
  int moved = -1; ///< the innermost map that is not at its begin
};

/// Costs levels for slices, each pair once.
class Analysis {
public:
  Analysis(const ConvShape &conv, std::vector<Level> levels,
           const MaestroMachine &machine)
      : tensors(tensorsOf(conv)), levels(std::move(levels)), machine(machine) {}

  MaestroCost run() { return cost(0, levels.front().extents); }

private:
  const MaestroCost &cost(size_t depth, const Extents &extents) {
    auto [entry, isNew] = known.try_emplace({depth, extents});
    if (!isNew)
      return entry->second;
    MaestroCost total;
    int64_t steps = 0;
    std::vector<std::vector<State>> states;
    for (const Map &map : levels[depth].maps)
      states.push_back(statesOf(levels[depth], map, extents[at(map.dim)]));
    Case now;
    walk(depth, states, 0, now, 1, total, steps);
    if (steps)
      total.activeUnits /= double(steps);
    return known[{depth, extents}] = total;
  }

  static std::vector<State> statesOf(const Level &level, const Map &map,
                                     int64_t extent) {
    int64_t units = map.isSpatial ? level.units : 1;
    int64_t covered = map.size + map.offset * (units - 1);
    State first{Step::First, 1, extent <= covered, extent < covered,
                map.isSpatial && extent < covered};
    if (first.isWhole)
      return {first};
    std::vector<State> result{first};
    int64_t way = map.offset * units; // of a step
    int64_t middle = ((extent - map.size) / map.offset + 1) / units - 1;
    if (middle > 0)
      result.push_back({Step::Middle, middle});
    if (middle * way + covered == extent)
      return result;
    State last{Step::Last, 1, false, true};
    if (map.isSpatial) {
      int64_t left = extent - (middle + 1) * way;
      int64_t full = left < map.size ? 1 : (left - map.size) / map.offset + 1;
      last.isCut = (full - 1) * map.offset + map.size < left;
    }
    result.push_back(last);
    return result;
  }

  void walk(size_t depth, ArrayRef<std::vector<State>> states, size_t index,
            Case &now, int64_t count, MaestroCost &total, int64_t &steps) {
    if (index == states.size())
      return add(depth, now, count, total, steps);
    for (const State &state : states[index]) {
      now[at(levels[depth].maps[index].dim)] = state;
      walk(depth, states, index + 1, now, count * state.count, total, steps);
    }
  }

  void add(size_t depth, const Case &now, int64_t count, MaestroCost &total,
           int64_t &steps) {
    const Level &level = levels[depth];
    Traffic traffic(level, tensors, now);
    int64_t written = traffic.written();
    total.outputWrites += count * written;
    int64_t macsOfUnit = traffic.macsOfUnit();
    if (macsOfUnit <= 0) // the kernel does not fit into what is left
      return;
    int64_t weights = traffic.fetched(tensors.weights);
    int64_t inputs = traffic.fetched(tensors.inputs);
    total.weightReads += count * weights;
    total.inputReads += count * inputs;
    total.macs += count * traffic.macsOfLevel();

    const State &spatial = now[at(level.spatial()->dim)];
    int64_t working = spatial.isEnd ? level.unitsAtEnd : level.units;
    int64_t compute = divideUp(macsOfUnit, machine.vectorWidth);
    double active = 0;
    if (depth + 1 < levels.size()) {
      compute = 0;
      int64_t whole = working;
      if (spatial.isEnd && spatial.isCut) {
        const MaestroCost &cut = cost(depth + 1, traffic.slice(true));
        compute = cut.cycles;
        active = cut.activeUnits;
        --whole;
      }
      if (whole > 0) {
        const MaestroCost &inner = cost(depth + 1, traffic.slice(false));
        compute = std::max(compute, inner.cycles);
        active += inner.activeUnits * double(whole);
      }
    }
    bool isBegin = llvm::all_of(level.maps, [&](const Map &map) {
      return now[at(map.dim)].step == Step::First;
    });
    int64_t in = send(weights + inputs);
    int64_t step =
        isBegin ? in + compute : std::max({in, compute, send(written)});
    total.cycles += count * step;
    total.activeUnits +=
        double(count) * (active == 0 ? double(working) : active);
    steps += count;
  }

  int64_t send(int64_t elements) const {
    return machine.hopCycles + divideUp(elements, machine.bandwidth) - 1;
  }

  const Tensors tensors;
  const std::vector<Level> levels;
  const MaestroMachine &machine;
  std::map<std::pair<size_t, Extents>, MaestroCost> known;
};

} // namespace

Expected<MaestroCost>
accopt::formulas::maestroCost(const ConvShape &conv,
                              ArrayRef<MaestroDirective> dataflow,
                              const MaestroMachine &machine) {
  Expected<std::vector<Level>> levels = makeLevels(conv, dataflow, machine);
  if (!levels)
    return levels.takeError();
  return Analysis(conv, std::move(*levels), machine).run();
}
