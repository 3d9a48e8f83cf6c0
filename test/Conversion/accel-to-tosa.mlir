// RUN: acc-opt %s --accel-to-tosa --split-input-file --verify-diagnostics | FileCheck %s

// Scaled in 32 bits, clamped to bounds less the zero point, then moved by it:
// no step can wrap.
// CHECK-LABEL: func.func @conv
// CHECK-SAME: (%[[X:.*]]: tensor<1x4x4x2xi8>, %[[W:.*]]: tensor<3x3x3x2xi8>, %[[B:.*]]: tensor<3xi32>)
// CHECK: %[[ACC:.*]] = tosa.conv2d %[[X]], %[[W]], %[[B]], %{{.*}}, %{{.*}} {acc_type = i32
// CHECK: %[[M:.*]] = "tosa.const"() <{values = dense<[1073741824, 1073741825, 1073741826]>
// CHECK: %[[S:.*]] = "tosa.const"() <{values = dense<[38, 39, 40]>
// CHECK: %[[V:.*]] = tosa.rescale %[[ACC]], %[[M]], %[[S]]{{.*}} {input_unsigned = false, output_unsigned = false, per_channel = true, rounding_mode = SINGLE_ROUND, scale32 = true}
// CHECK: dense<-127> : tensor<1x1x1x1xi32>
// CHECK: tosa.maximum
// CHECK: dense<128> : tensor<1x1x1x1xi32>
// CHECK: tosa.minimum
// CHECK: tosa.add
// CHECK: tosa.cast %{{.*}} : (tensor<1x4x4x3xi32>) -> tensor<1x4x4x3xi8>
func.func @conv(%x: tensor<1x4x4x2xi8>, %w: tensor<3x3x3x2xi8>, %b: tensor<3xi32>) -> tensor<1x4x4x3xi8> {
  %0 = accel.conv2d %x, %w, %b {dilations = array<i64: 1, 1>, groups = 1 : i64,
    input_zero_point = 5 : i32, pads = array<i64: 1, 1, 1, 1>,
    requant = #accel.requant<multiplier = [1073741824, 1073741825, 1073741826],
      shift = [38, 39, 40], zero_point = -1, clamp = [-128, 127]>,
    strides = array<i64: 1, 1>}
    : (tensor<1x4x4x2xi8>, tensor<3x3x3x2xi8>, tensor<3xi32>) -> tensor<1x4x4x3xi8>
  return %0 : tensor<1x4x4x3xi8>
}

// -----

// The scale of an average depends on the pixel: pixels go last for the rescale.
// CHECK-LABEL: func.func @average
// CHECK: tosa.depthwise_conv2d {{.*}} -> tensor<1x2x2x3xi32>
// CHECK: tosa.transpose %{{.*}} -> tensor<1x3x4xi32>
// CHECK: dense<[1073741824, 1073741825, 1073741825, 1073741827]> : tensor<4xi32>
// CHECK: tosa.rescale {{.*}}per_channel = true
// CHECK: tosa.transpose %{{.*}} -> tensor<1x4x3xi32>
func.func @average(%x: tensor<1x2x2x3xi8>) -> tensor<1x2x2x3xi8> {
  %0 = accel.avg_pool %x {count_include_pad = false, dilations = array<i64: 1, 1>,
    input_zero_point = 0 : i32, kernel = array<i64: 2, 2>,
    multiplier = array<i32: 1073741824, 1073741825, 1073741826, 1073741827>,
    output_zero_point = 0 : i32, pads = array<i64: 1, 1, 0, 0>,
    shift = array<i32: 30, 31, 32, 33>, strides = array<i64: 1, 1>}
    : (tensor<1x2x2x3xi8>) -> tensor<1x2x2x3xi8>
  return %0 : tensor<1x2x2x3xi8>
}

// -----

// CHECK-LABEL: func.func private @softmax
func.func private @softmax(%x: tensor<1x4xi8>) -> tensor<1x4xi8> {
  return %x : tensor<1x4xi8>
}
// CHECK-LABEL: func.func @host
// CHECK: call @softmax
func.func @host(%x: tensor<1x4xi8>) -> tensor<1x4xi8> {
  %0 = accel.host @softmax(%x) {operations = 40 : i64, reason = "no exponential"}
    : (tensor<1x4xi8>) -> tensor<1x4xi8>
  return %0 : tensor<1x4xi8>
}
