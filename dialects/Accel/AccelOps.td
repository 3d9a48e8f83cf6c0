//===- AccelOps.td - All ops of the accel dialect ----------*- tablegen -*-===//

#ifndef ACCOPT_ACCEL_OPS
#define ACCOPT_ACCEL_OPS

include "dialects/Accel/AccelCommandOps.td"
include "dialects/Accel/AccelLayerOps.td"

#endif // ACCOPT_ACCEL_OPS
