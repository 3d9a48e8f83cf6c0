//===- Roofline.h - A bound below any schedule ------------------*- C++ -*-===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_SCHEDULE_ROOFLINE_H
#define ACCOPT_LIB_SCHEDULE_ROOFLINE_H

#include "Network.h"

#include "accopt/Target/Machine.h"

namespace accopt {

/// Cycles that no schedule of this layer can go below on the unit that it is
/// placed on: the larger of its arithmetic at full rate and its compulsory
/// traffic at full bandwidth. Compulsory are parameters, the network's inputs
/// and outputs, and of other tensors what exceeds the scratchpad, or nothing
/// where windows make and read them: those can go from one to the other in
/// strips.
int64_t rooflineCycles(const Network &network, const Layer &layer,
                       const Machine &machine);

} // namespace accopt

#endif // ACCOPT_LIB_SCHEDULE_ROOFLINE_H
