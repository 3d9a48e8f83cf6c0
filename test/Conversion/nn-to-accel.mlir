// RUN: acc-opt %s --nn-to-accel --split-input-file | FileCheck %s

!q = !quant.uniform<i8:f32, 5.0e-1:3>
!p = !quant.uniform<i8:f32, 2.5e-1:-128>
!w = !quant.uniform<i8<-127:127>:f32:0, {1.0e-1, 2.0e-1}>
!b = !quant.uniform<i32:f32:0, {5.0e-2, 1.0e-1}>

// Channels go last, the names say so; weights M x C x KH x KW become M x KH x KW x C.
// The scales are 0.5 * 0.1 / 0.25 = 0.2 and 0.4: 0.8 * 2^31 >> 33 and >> 32.
// The sigmoid is a table of the epilogue: one op for two nodes.
// CHECK-LABEL: func.func @main
// CHECK-SAME: tensor<1x4x4x3xi8> {accel.model_shape = array<i64: 1, 3, 4, 4>, accel.name = "x", accel.permutation = array<i64: 0, 3, 1, 2>, accel.scale = 5.000000e-01 : f64, accel.zero_point = 3 : i32}
// CHECK-DAG: %[[B:.*]] = accel.constant dense<[7, -7]> : tensor<2xi32>
// CHECK-DAG: %[[W:.*]] = accel.constant dense<1> : tensor<2x3x3x3xi8>
// CHECK: accel.conv2d %{{.*}}, %[[W]], %[[B]]
// CHECK-SAME: input_zero_point = 3 : i32
// CHECK-SAME: multiplier = [1717986918, 1717986918], shift = [33, 32], zero_point = -128
// CHECK-SAME: table = [
// CHECK-NOT: accel.lookup
func.func @main(%x: tensor<1x3x4x4x!q> {nn.name = "x"}) -> (tensor<1x2x4x4x!p> {nn.name = "y"}) {
  %w = nn.constant dense<1> : tensor<2x3x3x3xi8> -> tensor<2x3x3x3x!w>
  %b = nn.constant dense<[7, -7]> : tensor<2xi32> -> tensor<2x!b>
  %0 = nn.conv %x, %w bias %b {dilations = array<i64: 1, 1>, groups = 1 : i64,
    pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>}
    : (tensor<1x3x4x4x!q>, tensor<2x3x3x3x!w>, tensor<2x!b>) -> tensor<1x2x4x4x!p>
  %1 = nn.sigmoid %0 : (tensor<1x2x4x4x!p>) -> tensor<1x2x4x4x!p>
  return %1 : tensor<1x2x4x4x!p>
}

// -----

!q = !quant.uniform<i8:f32, 5.0e-1:3>

// Transposes rename dimensions: nothing moves, the result's permutation says how.
// CHECK-LABEL: func.func @main
// CHECK-SAME: -> (tensor<1x4x5x3xi8> {{{.*}}accel.permutation = array<i64: 0, 1, 2, 3>
// CHECK-NEXT: accel.lookup
// CHECK-NEXT: return
func.func @main(%x: tensor<1x3x4x5x!q>) -> tensor<1x4x5x3x!q> {
  %0 = nn.transpose %x {perm = array<i64: 0, 2, 3, 1>} : (tensor<1x3x4x5x!q>) -> tensor<1x4x5x3x!q>
  %1 = nn.leaky_relu %0 {alpha = 0.5 : f32} : (tensor<1x4x5x3x!q>) -> tensor<1x4x5x3x!q>
  return %1 : tensor<1x4x5x3x!q>
}

// -----

!q = !quant.uniform<i8:f32, 5.0e-1:3>
!w = !quant.uniform<i8<-127:127>:f32:0, {1.0e-1, 1.0e-1}>

// A channel shuffle moves nothing: the convolution is told where channels lie.
// CHECK-LABEL: func.func @main
// CHECK-NOT: accel.transpose
// CHECK: accel.conv2d {{.*}}input_channels = array<i64: 0, 2, 1, 3>
func.func @main(%x: tensor<1x4x3x3x!q>) -> tensor<1x2x3x3x!q> {
  %0 = nn.reshape %x : (tensor<1x4x3x3x!q>) -> tensor<1x2x2x3x3x!q>
  %1 = nn.transpose %0 {perm = array<i64: 0, 2, 1, 3, 4>} : (tensor<1x2x2x3x3x!q>) -> tensor<1x2x2x3x3x!q>
  %2 = nn.reshape %1 : (tensor<1x2x2x3x3x!q>) -> tensor<1x4x3x3x!q>
  %w = nn.constant dense<1> : tensor<2x4x1x1xi8> -> tensor<2x4x1x1x!w>
  %3 = nn.conv %2, %w {dilations = array<i64: 1, 1>, groups = 1 : i64,
    pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<1x4x3x3x!q>, tensor<2x4x1x1x!w>) -> tensor<1x2x3x3x!q>
  return %3 : tensor<1x2x3x3x!q>
}

// -----

!q = !quant.uniform<i8:f32, 5.0e-1:3>
!s = !quant.uniform<i8:f32, 3.906250e-03:-128>

// What the machine cannot compute goes to the host, with the reason.
// CHECK: func.func private @host_0(%{{.*}}: tensor<1x4xi8>) -> tensor<1x4xi8>
// CHECK-LABEL: func.func @main
// CHECK: accel.host @host_0(%{{.*}}) {{.*}}reason = "the vector unit has no exponential"
func.func @main(%x: tensor<1x4x!q>) -> tensor<1x4x!s> {
  %0 = nn.softmax %x {axis = 1 : i64} : (tensor<1x4x!q>) -> tensor<1x4x!s>
  return %0 : tensor<1x4x!s>
}

// -----

!q = !quant.uniform<i8:f32, 5.0e-1:3>
!p = !quant.uniform<i8:f32, 2.5e-1:-128>
!w = !quant.uniform<i8<-127:127>:f32:0, {1.0e-1}>

// A bound that keeps a logarithm from zero does so after rounding; elsewhere it
// rounds as any number does.
// CHECK-LABEL: func.func @main
// CHECK: accel.conv2d
// CHECK-SAME: clamp = [-127, 127]
// CHECK: accel.conv2d
// CHECK-SAME: clamp = [-128, 127]
func.func @main(%x: tensor<1x1x1x4x!q> {nn.name = "x"}) -> (tensor<1x1x1x4xf32> {nn.name = "log"}, tensor<1x1x1x4x!p> {nn.name = "y"}) {
  %w = nn.constant dense<1> : tensor<1x1x1x1xi8> -> tensor<1x1x1x1x!w>
  %0 = nn.conv %x, %w {clamp_min = 1.0e-6 : f32, dilations = array<i64: 1, 1>, groups = 1 : i64,
    pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<1x1x1x4x!q>, tensor<1x1x1x1x!w>) -> tensor<1x1x1x4x!p>
  %1 = nn.transpose %0 {perm = array<i64: 1, 0, 2, 3>} : (tensor<1x1x1x4x!p>) -> tensor<1x1x1x4x!p>
  %2 = nn.unary log %1 : (tensor<1x1x1x4x!p>) -> tensor<1x1x1x4xf32>
  %3 = nn.conv %x, %w {clamp_min = 1.0e-6 : f32, dilations = array<i64: 1, 1>, groups = 1 : i64,
    pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<1x1x1x4x!q>, tensor<1x1x1x1x!w>) -> tensor<1x1x1x4x!p>
  return %2, %3 : tensor<1x1x1x4xf32>, tensor<1x1x1x4x!p>
}
