//===- EventFile.h - Learning curves for other programs ---------*- C++ -*-===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TUNING_EVENTFILE_H
#define ACCOPT_TUNING_EVENTFILE_H

#include "accopt/Tuning/Journal.h"

#include "llvm/ADT/ArrayRef.h"

#include <string>

namespace accopt {

/// The metrics as a TensorBoard event file: TFRecords of Event messages, one
/// scalar "STEP/NAME" each, as f32. The wall time of an event is its number (in
/// seconds from 1970), so that the bytes depend on the metrics alone.
std::string encodeEvents(llvm::ArrayRef<Metric> metrics);

/// The metrics as CSV: step, name, index, value with all digits.
std::string encodeCurvesCsv(llvm::ArrayRef<Metric> metrics);

} // namespace accopt

#endif // ACCOPT_TUNING_EVENTFILE_H
