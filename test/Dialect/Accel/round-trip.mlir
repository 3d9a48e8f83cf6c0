// RUN: acc-opt %s | acc-opt - | FileCheck %s

// CHECK-LABEL: @conv
// CHECK: accel.conv2d %{{.*}}, %{{.*}}, %{{.*}} residual %{{.*}} {
// CHECK-SAME: requant = #accel.requant<multiplier = [1073741824, 1073741825], shift = [38, 39], zero_point = -3, clamp = [-3, 127] residual = <1073741824, 20> residual_zero_point = 4 sum = <1073741824, 46>>
// CHECK: accel.depthwise_conv2d %{{.*}} {
func.func @conv(%x: tensor<1x8x8x3xi8>, %r: tensor<1x4x4x2xi8>) -> (tensor<1x4x4x2xi8>, tensor<1x8x8x3xi8>) {
  %w = accel.constant dense<1> : tensor<2x3x3x3xi8>
  %b = accel.constant dense<[5, -5]> : tensor<2xi32>
  %0 = accel.conv2d %x, %w, %b residual %r {dilations = array<i64: 1, 1>, groups = 1 : i64,
    input_zero_point = -128 : i32, pads = array<i64: 1, 1, 0, 0>,
    requant = #accel.requant<multiplier = [1073741824, 1073741825], shift = [38, 39], zero_point = -3, clamp = [-3, 127]
      residual = <1073741824, 20> residual_zero_point = 4 sum = <1073741824, 46>>,
    strides = array<i64: 2, 2>}
    : (tensor<1x8x8x3xi8>, tensor<2x3x3x3xi8>, tensor<2xi32>, tensor<1x4x4x2xi8>) -> tensor<1x4x4x2xi8>
  %dw = accel.constant dense<1> : tensor<3x3x3xi8>
  %db = accel.constant dense<0> : tensor<3xi32>
  %1 = accel.depthwise_conv2d %x, %dw, %db {dilations = array<i64: 1, 1>,
    input_zero_point = 3 : i32, pads = array<i64: 1, 1, 1, 1>,
    requant = #accel.requant<multiplier = [1073741824], shift = [36], zero_point = 0, clamp = [-128, 127]>,
    strides = array<i64: 1, 1>}
    : (tensor<1x8x8x3xi8>, tensor<3x3x3xi8>, tensor<3xi32>) -> tensor<1x8x8x3xi8>
  return %0, %1 : tensor<1x4x4x2xi8>, tensor<1x8x8x3xi8>
}

// CHECK-LABEL: @vector
// CHECK: accel.max_pool
// CHECK: accel.avg_pool
// CHECK: accel.binary %{{.*}}, %{{.*}} {{.*}}kind = #accel.kind<mul>{{.*}}output_scale = #accel.scale<1073741824, 38>
func.func @vector(%x: tensor<1x8x8x4xi8>, %y: tensor<1x1x1x4xi8>) -> (tensor<1x4x4x4xi8>, tensor<1x8x4x4xi8>, tensor<1x8x8x4xi8>) {
  %0 = accel.max_pool %x {dilations = array<i64: 1, 1>, kernel = array<i64: 2, 2>,
    pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 2, 2>} : (tensor<1x8x8x4xi8>) -> tensor<1x4x4x4xi8>
  %1 = accel.avg_pool %x {count_include_pad = false, dilations = array<i64: 1, 1>,
    input_zero_point = 0 : i32, kernel = array<i64: 1, 2>,
    multiplier = array<i32: 1073741824, 1073741824>, output_zero_point = 0 : i32,
    pads = array<i64: 0, 0, 0, 0>, shift = array<i32: 30, 31>, strides = array<i64: 1, 2>}
    : (tensor<1x8x8x4xi8>) -> tensor<1x8x4x4xi8>
  %2 = accel.binary %x, %y {clamp_max = 127 : i32, clamp_min = -128 : i32,
    kind = #accel.kind<mul>, lhs_zero_point = 1 : i32, output_scale = #accel.scale<1073741824, 38>,
    output_zero_point = 0 : i32, rhs_zero_point = 2 : i32}
    : (tensor<1x8x8x4xi8>, tensor<1x1x1x4xi8>) -> tensor<1x8x8x4xi8>
  return %0, %1, %2 : tensor<1x4x4x4xi8>, tensor<1x8x4x4xi8>, tensor<1x8x8x4xi8>
}

// CHECK-LABEL: @movement
// CHECK: accel.reshape
// CHECK: accel.transpose
// CHECK: accel.concat
// CHECK: accel.slice
// CHECK: accel.pad
// CHECK: accel.host @softmax
func.func @movement(%x: tensor<1x2x2x4xi8>) -> (tensor<1x4x2x2xi8>, tensor<1x2x2x8xi8>, tensor<1x2x2x2xi8>, tensor<1x4x4x4xi8>, tensor<1x16xi8>) {
  %0 = accel.reshape %x : (tensor<1x2x2x4xi8>) -> tensor<1x16xi8>
  %1 = accel.transpose %x {perm = array<i64: 0, 3, 1, 2>} : (tensor<1x2x2x4xi8>) -> tensor<1x4x2x2xi8>
  %2 = accel.concat %x, %x {axis = 3 : i64} : (tensor<1x2x2x4xi8>, tensor<1x2x2x4xi8>) -> tensor<1x2x2x8xi8>
  %3 = accel.slice %x {starts = array<i64: 0, 0, 0, 3>, steps = array<i64: 1, 1, 1, -2>} : (tensor<1x2x2x4xi8>) -> tensor<1x2x2x2xi8>
  %4 = accel.pad %x {pads = array<i64: 0, 1, 1, 0, 0, 1, 1, 0>, value = -128 : i32} : (tensor<1x2x2x4xi8>) -> tensor<1x4x4x4xi8>
  %5 = accel.host @softmax(%0) {operations = 80 : i64, reason = "the vector unit has no exponential"} : (tensor<1x16xi8>) -> tensor<1x16xi8>
  return %1, %2, %3, %4, %5 : tensor<1x4x2x2xi8>, tensor<1x2x2x8xi8>, tensor<1x2x2x2xi8>, tensor<1x4x4x4xi8>, tensor<1x16xi8>
}
func.func private @softmax(%x: tensor<1x16xi8>) -> tensor<1x16xi8> {
  return %x : tensor<1x16xi8>
}
