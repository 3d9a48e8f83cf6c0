// RUN: acc-opt %s --nn-to-accel --split-input-file --verify-diagnostics | FileCheck %s

!q8 = !quant.uniform<i8:f32, 5.0e-1:3>
!q4 = !quant.uniform<i8<-8:7>:f32, 2.5e-1:-8>
!q2 = !quant.uniform<i8<-2:1>:f32, 2.5e-1:-2>
!w4 = !quant.uniform<i8<-8:7>:f32:0, {1.0e-1, 2.0e-1}>
!w3 = !quant.uniform<i8<-4:3>:f32:0, {1.0e-1, 2.0e-1}>
!b = !quant.uniform<i32:f32:0, {5.0e-2, 1.0e-1}>

// Bits follow from the storage range of the types, and so do the bounds of results. 8
// bits are not written. The last bound is that of the clamp: 0.5 / 0.25 - 8 = -6.
// CHECK-LABEL: func.func @main
// CHECK-SAME: {accel.model_shape = array<i64: 1, 3, 4, 4>
// CHECK-SAME: -> (tensor<1x4x4x2xi8> {accel.bits = 4 : i32
// CHECK: accel.conv2d
// CHECK-NOT: input_bits
// CHECK-SAME: clamp = [-8, 7]
// CHECK-SAME: weight_bits = 4 : i32
// CHECK: accel.conv2d {{.*}}input_bits = 4 : i32
// CHECK-SAME: clamp = [-2, 1]
// CHECK-SAME: weight_bits = 3 : i32
// CHECK: accel.depthwise_conv2d {{.*}}input_bits = 2 : i32
// CHECK-SAME: clamp = [-8, -6]
// CHECK-SAME: weight_bits = 3 : i32
func.func @main(%x: tensor<1x3x4x4x!q8> {nn.name = "x"}) -> (tensor<1x2x4x4x!q4> {nn.name = "y"}) {
  %w = nn.constant dense<-8> : tensor<2x3x1x1xi8> -> tensor<2x3x1x1x!w4>
  %0 = nn.conv %x, %w {dilations = array<i64: 1, 1>, groups = 1 : i64,
    pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<1x3x4x4x!q8>, tensor<2x3x1x1x!w4>) -> tensor<1x2x4x4x!q4>
  %v = nn.constant dense<3> : tensor<2x2x1x1xi8> -> tensor<2x2x1x1x!w3>
  %1 = nn.conv %0, %v {dilations = array<i64: 1, 1>, groups = 1 : i64,
    pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<1x2x4x4x!q4>, tensor<2x2x1x1x!w3>) -> tensor<1x2x4x4x!q2>
  %u = nn.constant dense<-4> : tensor<2x1x1x1xi8> -> tensor<2x1x1x1x!w3>
  %2 = nn.conv %1, %u {clamp_max = 5.0e-1 : f32, dilations = array<i64: 1, 1>, groups = 2 : i64,
    pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<1x2x4x4x!q2>, tensor<2x1x1x1x!w3>) -> tensor<1x2x4x4x!q4>
  return %2 : tensor<1x2x4x4x!q4>
}

// -----

!q8 = !quant.uniform<i8:f32, 2.5e-1:-2>
!q2 = !quant.uniform<i8<-2:1>:f32, 2.5e-1:-2>

// From 2 to 8 bits of the same scale nothing changes; back, a table cuts.
// CHECK-LABEL: func.func @main
// CHECK: %[[A:.*]] = accel.avg_pool {{.*}}clamp_max = 1 : i32, clamp_min = -2 : i32
// CHECK-NEXT: %[[M:.*]] = accel.max_pool %[[A]] {{.*}}clamp_max = 1 : i32, clamp_min = -2 : i32
// CHECK-NOT: accel.lookup
// CHECK: %[[B:.*]] = accel.binary {{.*}}clamp_max = 127 : i32, clamp_min = -128 : i32
// CHECK: %[[T:.*]] = accel.lookup %[[B]] {{.*}}table = array<i8: -2, -2,
// CHECK-SAME: -2, -2, -1, 0, 1, 1, 1,
// CHECK: accel.binary %[[T]], %[[T]] {{.*}}clamp_max = 1 : i32, clamp_min = -2 : i32
func.func @main(%x: tensor<1x2x4x4x!q8>) -> tensor<1x2x2x2x!q2> {
  %0 = nn.average_pool %x {ceil_mode = false, count_include_pad = false, dilations = array<i64: 1, 1>, kernel = array<i64: 2, 2>,
    pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 2, 2>} : (tensor<1x2x4x4x!q8>) -> tensor<1x2x2x2x!q2>
  %1 = nn.max_pool %0 {ceil_mode = false, dilations = array<i64: 1, 1>, kernel = array<i64: 1, 1>,
    pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x2x2x2x!q2>) -> tensor<1x2x2x2x!q8>
  %2 = nn.add %1, %1 : (tensor<1x2x2x2x!q8>, tensor<1x2x2x2x!q8>) -> tensor<1x2x2x2x!q8>
  %3 = nn.transpose %2 {perm = array<i64: 0, 1, 3, 2>} : (tensor<1x2x2x2x!q8>) -> tensor<1x2x2x2x!q2>
  %4 = nn.add %3, %3 : (tensor<1x2x2x2x!q2>, tensor<1x2x2x2x!q2>) -> tensor<1x2x2x2x!q2>
  return %4 : tensor<1x2x2x2x!q2>
}

// -----

!q4 = !quant.uniform<i8<-8:7>:f32, 2.5e-1:-8>
!w3 = !quant.uniform<i8<-4:3>:f32:0, {1.0e-1}>

func.func @main(%x: tensor<1x1x4x4x!q4>) -> tensor<1x1x4x4x!q4> {
  %w = nn.constant dense<4> : tensor<1x1x1x1xi8> -> tensor<1x1x1x1x!w3>
  // expected-error @+1 {{expected weights of 3 bits, got 4}}
  %0 = nn.conv %x, %w {dilations = array<i64: 1, 1>, groups = 1 : i64,
    pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<1x1x4x4x!q4>, tensor<1x1x1x1x!w3>) -> tensor<1x1x4x4x!q4>
  return %0 : tensor<1x1x4x4x!q4>
}
