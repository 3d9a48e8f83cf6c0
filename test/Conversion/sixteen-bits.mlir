// RUN: acc-opt %s --nn-to-accel --split-input-file | FileCheck %s

!q8 = !quant.uniform<i8:f32, 5.0e-1:3>
!q12 = !quant.uniform<i16<-2048:2047>:f32, 5.0e-1>
!q16 = !quant.uniform<i16:f32, 2.5e-1>
!w = !quant.uniform<i8<-127:127>:f32:0, {1.0e-1, 2.0e-1}>

// Widths meet at the ends of layers. A clamp on its own is a rescale, here by 2 = 2^30 /
// 2^29; so is the change from 16 bits to 8 that a movement needs, by 1 / 2.
// CHECK-LABEL: func.func @main(
// CHECK-SAME: %[[X:.*]]: tensor<1x4x4x3xi16> {{{.*}}accel.bits = 12 : i32
// CHECK: %[[C:.*]] = accel.conv2d %[[X]], {{.*}}input_bits = 12 : i32
// CHECK-SAME: zero_point = 3, clamp = [-128, 127]
// CHECK-SAME: -> tensor<1x4x4x2xi8>
// CHECK-NEXT: %[[R:.*]] = accel.avg_pool %[[C]] {{.*}}clamp_max = 32767 : i32, clamp_min = 0 : i32
// CHECK-SAME: input_zero_point = 3 : i32
// CHECK-SAME: multiplier = array<i32: 1073741824>
// CHECK-SAME: shift = array<i32: 29>
// CHECK-SAME: (tensor<1x4x4x2xi8>) -> tensor<1x4x4x2xi16>
// CHECK: accel.binary %[[R]], %[[C]] {{.*}}clamp_max = 32767 : i32, clamp_min = -32768 : i32
// CHECK-SAME: (tensor<1x4x4x2xi16>, tensor<1x4x4x2xi8>) -> tensor<1x4x4x2xi16>
// CHECK: accel.max_pool {{.*}}clamp_max = 32767 : i32, clamp_min = -32768 : i32
// CHECK: accel.avg_pool {{.*}}output_zero_point = 3 : i32
// CHECK-SAME: shift = array<i32: 31>
// CHECK-SAME: -> tensor<{{.*}}xi8>
func.func @main(%x: tensor<1x3x4x4x!q12> {nn.name = "x"}) -> (tensor<1x2x2x2x!q8> {nn.name = "y"}) {
  %w = nn.constant dense<100> : tensor<2x3x1x1xi8> -> tensor<2x3x1x1x!w>
  %0 = nn.conv %x, %w {dilations = array<i64: 1, 1>, groups = 1 : i64,
    pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<1x3x4x4x!q12>, tensor<2x3x1x1x!w>) -> tensor<1x2x4x4x!q8>
  %1 = nn.relu %0 : (tensor<1x2x4x4x!q8>) -> tensor<1x2x4x4x!q16>
  %2 = nn.add %1, %0 : (tensor<1x2x4x4x!q16>, tensor<1x2x4x4x!q8>) -> tensor<1x2x4x4x!q16>
  %3 = nn.max_pool %2 {ceil_mode = false, dilations = array<i64: 1, 1>, kernel = array<i64: 2, 2>,
    pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 2, 2>} : (tensor<1x2x4x4x!q16>) -> tensor<1x2x2x2x!q8>
  return %3 : tensor<1x2x2x2x!q8>
}

// -----

!fine = !quant.uniform<i16:f32, 2.44140625e-4>
!coarse = !quant.uniform<i16:f32, 2.5e-1>

// 513 points over [-8, 8) are enough for tanh: steps of 1 / 32; over [-8192, 8192) they are
// not.
// CHECK-LABEL: func.func @main
// CHECK: accel.interpolate {{.*}}table = array<i16: -4096, -4096,
// CHECK-SAME: -256, -128, 0, 128, 256,
// CHECK-SAME: 4096, 4096>
// CHECK: accel.host @host_0{{.*}}reason = "lines between 513 points do not follow the function"
func.func @main(%x: tensor<1x4x!fine>, %y: tensor<1x4x!coarse>) -> (tensor<1x4x!fine>, tensor<1x4x!fine>) {
  %0 = nn.unary tanh %x : (tensor<1x4x!fine>) -> tensor<1x4x!fine>
  %1 = nn.unary tanh %y : (tensor<1x4x!coarse>) -> tensor<1x4x!fine>
  return %0, %1 : tensor<1x4x!fine>, tensor<1x4x!fine>
}
