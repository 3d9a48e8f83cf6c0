//===- MaestroLevels.h - A dataflow, level by level -------------*- C++ -*-===//
//
// What a list of directives means for one layer: for each level of clusters
// every dimension is mapped once, and a unit's slices are known.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_FORMULAS_MAESTROLEVELS_H
#define ACCOPT_FORMULAS_MAESTROLEVELS_H

#include "accopt/Formulas/Maestro.h"

#include <array>

namespace accopt::formulas::maestro {

using Extents = std::array<int64_t, maestroDims>;

/// The place of a dimension in arrays.
inline unsigned at(MaestroDim dim) { return static_cast<unsigned>(dim); }

/// The kernel's dimension that slides along an input's, or none.
inline std::optional<MaestroDim> slidingAlong(MaestroDim dim) {
  if (dim == MaestroDim::Y)
    return MaestroDim::R;
  if (dim == MaestroDim::X)
    return MaestroDim::S;
  return std::nullopt;
}

/// A set of dimensions.
struct Tensor {
  unsigned dims = 0;
  bool has(MaestroDim dim) const { return dims >> at(dim) & 1; }
};

/// Weights, inputs, outputs; outputs have the input's rows and columns.
struct Tensors {
  Tensor weights, inputs, outputs;
};

struct Map {
  MaestroDim dim;
  bool isSpatial;
  int64_t size, offset;
};

/// Elements of a dimension in a unit: what it holds, and what of it is not
/// there from the step, or from the unit, before. At the end of the dimension a
/// slice may be shorter.
struct Slice {
  int64_t held = 1, fresh = 1, heldAtEnd = 1, freshAtEnd = 1;
};

struct Level {
  std::vector<Map> maps; ///< outermost first
  Extents extents;       ///< of the slice of a unit of the level above
  int64_t units;         ///< side by side
  int64_t unitsAtEnd;    ///< that work where the spatial dimension ends
  /// By dimension; the last two are output rows and columns.
  std::array<Slice, maestroDims + 2> slices;
  const Map *spatial() const; ///< the outermost spatial map
};

Tensors tensorsOf(const ConvShape &conv);

/// Fails as maestroCost() does.
llvm::Expected<std::vector<Level>>
makeLevels(const ConvShape &conv, llvm::ArrayRef<MaestroDirective> dataflow,
           const MaestroMachine &machine);

} // namespace accopt::formulas::maestro

#endif // ACCOPT_FORMULAS_MAESTROLEVELS_H
