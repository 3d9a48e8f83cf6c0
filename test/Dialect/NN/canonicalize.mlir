// RUN: acc-opt %s --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @constants
// CHECK: nn.constant dense<[3.000000e+00, 0.000000e+00]>
// CHECK-NOT: nn.add
func.func @constants() -> tensor<2xf32> {
  %a = nn.constant dense<[1.0, -2.0]> : tensor<2xf32> -> tensor<2xf32>
  %b = nn.constant dense<2.0> : tensor<1xf32> -> tensor<1xf32>
  %sum = nn.add %a, %b {clamp_max = 3.0 : f32} : (tensor<2xf32>, tensor<1xf32>) -> tensor<2xf32>
  %clip = nn.clip %sum {minimum = -1.0 : f32} : (tensor<2xf32>) -> tensor<2xf32>
  %relu = nn.relu %clip : (tensor<2xf32>) -> tensor<2xf32>
  return %relu : tensor<2xf32>
}

// CHECK-LABEL: func.func @neutral
// CHECK-SAME: (%[[X:.*]]: tensor<2x3xf32>)
// CHECK-NEXT: return %[[X]]
func.func @neutral(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %zero = nn.constant dense<0.0> : tensor<3xf32> -> tensor<3xf32>
  %one = nn.constant dense<1.0> : tensor<f32> -> tensor<f32>
  %0 = nn.add %zero, %x : (tensor<3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = nn.sub %0, %zero : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %2 = nn.mul %1, %one : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  %3 = nn.div %2, %one : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
  %4 = nn.clip %3 : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %4 : tensor<2x3xf32>
}

// Adding zero broadcasts here, and clamps there: both stay.
// CHECK-LABEL: func.func @not_neutral
// CHECK: nn.add
// CHECK: nn.add
func.func @not_neutral(%x: tensor<3xf32>) -> tensor<2x3xf32> {
  %zeros = nn.constant dense<0.0> : tensor<2x3xf32> -> tensor<2x3xf32>
  %0 = nn.add %x, %zeros : (tensor<3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = nn.add %0, %zeros {clamp_min = 0.0 : f32} : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
  return %1 : tensor<2x3xf32>
}

// CHECK-LABEL: func.func @reshapes
// CHECK-SAME: (%[[X:.*]]: tensor<2x6xf32>)
// CHECK: %[[R:.*]] = nn.reshape %[[X]] : (tensor<2x6xf32>) -> tensor<3x4xf32>
// CHECK: return %[[X]], %[[R]]
func.func @reshapes(%x: tensor<2x6xf32>) -> (tensor<2x6xf32>, tensor<3x4xf32>) {
  %0 = nn.reshape %x : (tensor<2x6xf32>) -> tensor<12xf32>
  %1 = nn.reshape %0 : (tensor<12xf32>) -> tensor<2x6xf32>
  %2 = nn.reshape %0 : (tensor<12xf32>) -> tensor<3x4xf32>
  return %1, %2 : tensor<2x6xf32>, tensor<3x4xf32>
}

// The resource's blob is shared, however large it is.
// CHECK-LABEL: func.func @resource
// CHECK-NEXT: nn.constant dense_resource<weights> : tensor<2x1xf32> -> tensor<2x1xf32>
func.func @resource() -> tensor<2x1xf32> {
  %0 = nn.constant dense_resource<weights> : tensor<2xf32> -> tensor<2xf32>
  %1 = nn.reshape %0 : (tensor<2xf32>) -> tensor<2x1xf32>
  return %1 : tensor<2x1xf32>
}

// CHECK-LABEL: func.func @transposes
// CHECK-SAME: (%[[X:.*]]: tensor<2x3x4xf32>)
// CHECK: %[[T:.*]] = nn.transpose %[[X]] {perm = array<i64: 2, 1, 0>}
// CHECK: return %[[X]], %[[T]]
func.func @transposes(%x: tensor<2x3x4xf32>) -> (tensor<2x3x4xf32>, tensor<4x3x2xf32>) {
  %0 = nn.transpose %x {perm = array<i64: 1, 2, 0>} : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  %1 = nn.transpose %0 {perm = array<i64: 2, 0, 1>} : (tensor<3x4x2xf32>) -> tensor<2x3x4xf32>
  %2 = nn.transpose %0 {perm = array<i64: 1, 0, 2>} : (tensor<3x4x2xf32>) -> tensor<4x3x2xf32>
  return %1, %2 : tensor<2x3x4xf32>, tensor<4x3x2xf32>
}

// CHECK-LABEL: func.func @moved_constants
// CHECK-DAG: dense<{{\[\[}}1.000000e+00, 3.000000e+00], [2.000000e+00, 4.000000e+00]]>
// CHECK-DAG: dense<[4.000000e+00, 2.000000e+00]>
// CHECK-DAG: dense<[1.000000e+00, 2.000000e+00, 3.000000e+00, 4.000000e+00, 4.000000e+00, 2.000000e+00]>
func.func @moved_constants() -> (tensor<2x2xf32>, tensor<2xf32>, tensor<6xf32>) {
  %m = nn.constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32> -> tensor<2x2xf32>
  %v = nn.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32> -> tensor<4xf32>
  %0 = nn.transpose %m {perm = array<i64: 1, 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %1 = nn.slice %v {sizes = array<i64: 2>, starts = array<i64: 3>, steps = array<i64: -2>} : (tensor<4xf32>) -> tensor<2xf32>
  %2 = nn.concat %v, %1 {axis = 0 : i64} : (tensor<4xf32>, tensor<2xf32>) -> tensor<6xf32>
  return %0, %1, %2 : tensor<2x2xf32>, tensor<2xf32>, tensor<6xf32>
}

// CHECK-LABEL: func.func @identities
// CHECK-SAME: (%[[X:.*]]: tensor<2x3xf32>)
// CHECK-NEXT: return %[[X]]
func.func @identities(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = nn.transpose %x {perm = array<i64: 0, 1>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %1 = nn.concat %0 {axis = 1 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %2 = nn.slice %1 {sizes = array<i64: 2, 3>, starts = array<i64: 0, 0>, steps = array<i64: 1, 1>} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  %3 = nn.pad %2 {mode = "edge", pads = array<i64: 0, 0, 0, 0>, value = 1.0 : f32} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return %3 : tensor<2x3xf32>
}

// Walking backwards over everything has the input's type, but is not the input.
// CHECK-LABEL: func.func @reversed
// CHECK: nn.slice
func.func @reversed(%x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = nn.slice %x {sizes = array<i64: 3>, starts = array<i64: 2>, steps = array<i64: -1>} : (tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// CHECK-LABEL: func.func @pad_into_conv
// CHECK-NOT: nn.pad
// CHECK: nn.conv %{{.*}} pads = array<i64: 1, 2, 3, 5>
func.func @pad_into_conv(%x: tensor<1x1x4x4xf32>, %w: tensor<1x1x3x3xf32>) -> tensor<1x1x6x9xf32> {
  %0 = nn.pad %x {mode = "constant", pads = array<i64: 0, 0, 0, 1, 0, 0, 2, 4>, value = 0.0 : f32} : (tensor<1x1x4x4xf32>) -> tensor<1x1x6x9xf32>
  %1 = nn.conv %0, %w {dilations = array<i64: 1, 1>, groups = 1 : i64, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>}
    : (tensor<1x1x6x9xf32>, tensor<1x1x3x3xf32>) -> tensor<1x1x6x9xf32>
  return %1 : tensor<1x1x6x9xf32>
}

// A value other than zero, a crop and padded channels are no convolution's pads.
// CHECK-LABEL: func.func @pad_stays
// CHECK-COUNT-3: nn.pad
func.func @pad_stays(%x: tensor<1x1x4x4xf32>, %w: tensor<1x1x1x1xf32>, %v: tensor<1x2x1x1xf32>)
    -> (tensor<1x1x5x5xf32>, tensor<1x1x3x3xf32>, tensor<1x1x4x4xf32>) {
  %0 = nn.pad %x {mode = "constant", pads = array<i64: 0, 0, 0, 0, 0, 0, 1, 1>, value = 1.0 : f32} : (tensor<1x1x4x4xf32>) -> tensor<1x1x5x5xf32>
  %1 = nn.conv %0, %w {dilations = array<i64: 1, 1>, groups = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<1x1x5x5xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x5x5xf32>
  %2 = nn.pad %x {mode = "constant", pads = array<i64: 0, 0, -1, -1, 0, 0, 0, 0>, value = 0.0 : f32} : (tensor<1x1x4x4xf32>) -> tensor<1x1x3x3xf32>
  %3 = nn.conv %2, %w {dilations = array<i64: 1, 1>, groups = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<1x1x3x3xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x3x3xf32>
  %4 = nn.pad %x {mode = "constant", pads = array<i64: 0, 1, 0, 0, 0, 0, 0, 0>, value = 0.0 : f32} : (tensor<1x1x4x4xf32>) -> tensor<1x2x4x4xf32>
  %5 = nn.conv %4, %v {dilations = array<i64: 1, 1>, groups = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<1x2x4x4xf32>, tensor<1x2x1x1xf32>) -> tensor<1x1x4x4xf32>
  return %1, %3, %5 : tensor<1x1x5x5xf32>, tensor<1x1x3x3xf32>, tensor<1x1x4x4xf32>
}

// Rounding to other scales is not folding's business.
// CHECK-LABEL: func.func @quantized
// CHECK: nn.reshape
// CHECK: nn.relu
func.func @quantized() -> tensor<2x!quant.uniform<i8:f32, 0.25>> {
  %0 = nn.constant dense<1> : tensor<2x1xi8> -> tensor<2x1x!quant.uniform<i8:f32, 0.5>>
  %1 = nn.reshape %0 : (tensor<2x1x!quant.uniform<i8:f32, 0.5>>) -> tensor<2x!quant.uniform<i8:f32, 0.25>>
  %2 = nn.relu %1 : (tensor<2x!quant.uniform<i8:f32, 0.25>>) -> tensor<2x!quant.uniform<i8:f32, 0.25>>
  return %2 : tensor<2x!quant.uniform<i8:f32, 0.25>>
}

{-#
  dialect_resources: {
    builtin: {
      weights: "0x040000000000803F00000040"
    }
  }
#-}
