// RUN: acc-opt %s --nn-to-tosa --split-input-file | FileCheck %s
// RUN: acc-opt %s --nn-to-tosa --split-input-file | mlir-opt --split-input-file --tosa-to-linalg-pipeline -o /dev/null

// Channels move last once and back once, around both convolutions.
// CHECK-LABEL: func.func @chain
// CHECK-SAME: (%[[X:.*]]: tensor<1x3x8x8xf32>) -> tensor<1x4x8x8xf32>
// CHECK: tosa.transpose %[[X]] {perms = array<i32: 0, 2, 3, 1>}
// CHECK: tosa.conv2d {{.*}}pad = array<i64: 1, 1, 1, 1>{{.*}} -> tensor<1x8x8x4xf32>
// CHECK-NOT: tosa.transpose %{{.*}}tensor<1x8x8x4xf32>
// CHECK: tosa.clamp {{.*}}max_val = 6.000000e+00 : f32, min_val = 0.000000e+00 : f32
// CHECK: tosa.depthwise_conv2d {{.*}} -> tensor<1x8x8x4xf32>
// CHECK: %[[Y:.*]] = tosa.transpose %{{.*}} {perms = array<i32: 0, 3, 1, 2>}
// CHECK: return %[[Y]]
func.func @chain(%x: tensor<1x3x8x8xf32>) -> tensor<1x4x8x8xf32> {
  %w = nn.constant dense_resource<weights> : tensor<4x3x3x3xf32> -> tensor<4x3x3x3xf32>
  %d = nn.constant dense<0.5> : tensor<4x1x3x3xf32> -> tensor<4x1x3x3xf32>
  %0 = nn.conv %x, %w {clamp_max = 6.0 : f32, clamp_min = 0.0 : f32,
    dilations = array<i64: 1, 1>, groups = 1 : i64,
    pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>}
    : (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x8x8xf32>
  %1 = nn.conv %0, %d {dilations = array<i64: 1, 1>, groups = 4 : i64,
    pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>}
    : (tensor<1x4x8x8xf32>, tensor<4x1x3x3xf32>) -> tensor<1x4x8x8xf32>
  return %1 : tensor<1x4x8x8xf32>
}
{-#
  dialect_resources: {
    builtin: {
      weights: "0x040000000000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F0000803F"
    }
  }
#-}

// -----

// The last row and column that no window reads are cropped: TOSA wants windows
// that cover their input exactly.
// CHECK-LABEL: func.func @crop
// CHECK: %[[SIZE:.*]] = tosa.const_shape {values = dense<[1, 7, 7, 2]>
// CHECK: tosa.slice %{{.*}}, %{{.*}}, %[[SIZE]]
// CHECK: tosa.max_pool2d {{.*}} pad = array<i64: 0, 0, 0, 0>
func.func @crop(%x: tensor<1x2x8x8xf32>) -> tensor<1x2x3x3xf32> {
  %0 = nn.max_pool %x {ceil_mode = false, dilations = array<i64: 1, 1>,
    kernel = array<i64: 3, 3>, pads = array<i64: 0, 0, 0, 0>,
    strides = array<i64: 2, 2>} : (tensor<1x2x8x8xf32>) -> tensor<1x2x3x3xf32>
  return %0 : tensor<1x2x3x3xf32>
}

// -----

// Dilated windows are linalg's.
// CHECK-LABEL: func.func @dilated
// CHECK: linalg.pooling_nhwc_max {dilations = dense<2> : tensor<2xi64>
func.func @dilated(%x: tensor<1x2x8x8xf32>) -> tensor<1x2x4x4xf32> {
  %0 = nn.max_pool %x {ceil_mode = false, dilations = array<i64: 2, 2>,
    kernel = array<i64: 3, 3>, pads = array<i64: 0, 0, 0, 0>,
    strides = array<i64: 1, 1>} : (tensor<1x2x8x8xf32>) -> tensor<1x2x4x4xf32>
  return %0 : tensor<1x2x4x4xf32>
}

// -----

// A parameter of shape C x 1 x 1 follows its operand to channels last.
// CHECK-LABEL: func.func @broadcast
// CHECK: tosa.avg_pool2d
// CHECK: tosa.const_shape {values = dense<[1, 1, 1, 2]>
// CHECK: tosa.mul {{.*}}(tensor<1x4x4x2xf32>, tensor<1x1x1x2xf32>, tensor<1xi8>)
func.func @broadcast(%x: tensor<1x2x8x8xf32>, %s: tensor<2x1x1xf32>) -> tensor<1x2x4x4xf32> {
  %0 = nn.average_pool %x {ceil_mode = false, count_include_pad = false,
    dilations = array<i64: 1, 1>, kernel = array<i64: 2, 2>,
    pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 2, 2>}
    : (tensor<1x2x8x8xf32>) -> tensor<1x2x4x4xf32>
  %1 = nn.mul %0, %s : (tensor<1x2x4x4xf32>, tensor<2x1x1xf32>) -> tensor<1x2x4x4xf32>
  return %1 : tensor<1x2x4x4xf32>
}

// -----

// Quantized values enter and leave as their storage integers.
// CHECK-LABEL: func.func @quantized
// CHECK-SAME: (%{{.*}}: tensor<4xi8>) -> tensor<4xi8>
// CHECK: arith.sitofp
// CHECK: arith.subf
// CHECK: arith.mulf
// CHECK: tosa.sigmoid
// CHECK: arith.divf
// CHECK: math.roundeven
// CHECK: arith.fptosi
!in = !quant.uniform<i8:f32, 0.1:3>
!out = !quant.uniform<i8:f32, 3.90625e-03:-128>
func.func @quantized(%x: tensor<4x!in>) -> tensor<4x!out> {
  %0 = nn.sigmoid %x : (tensor<4x!in>) -> tensor<4x!out>
  return %0 : tensor<4x!out>
}
