//===- AddMultiple.h - A row plus a multiple of another ---------*- C++ -*-===//

#ifndef ACCOPT_LIB_TRANSFORMS_ADDMULTIPLE_H
#define ACCOPT_LIB_TRANSFORMS_ADDMULTIPLE_H

#include <cstdint>

namespace accopt {

/// to[i] += factor * from[i] for `count` elements that do not overlap; each is
/// rounded twice, with whatever instructions, so that every host gets the same.
void addMultiple(double *to, double factor, const double *from, int64_t count);

} // namespace accopt

#endif // ACCOPT_LIB_TRANSFORMS_ADDMULTIPLE_H
