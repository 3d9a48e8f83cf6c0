// RUN: acc-opt %s --nn-quantize=calibration=%S/Inputs/ranges.json | FileCheck %s

// x is [-1, 1]: scale 2/255, zero point -128 + 127.5. The clamp cuts the range of
// conv to [0, 2.55]: scale 0.01, zero point -128. Weights: 2.54/127 and 1.27/127.
// CHECK-LABEL: func @conv
// CHECK-SAME: %[[X:.*]]: tensor<1x1x4x!quant.uniform<i8:f32, [[SX:[0-9.E-]+]]:{{-1|0}}>> {nn.name = "x"}) -> tensor<1x2x4x!quant.uniform<i8:f32, [[SY:0.0100[0-9]+|0.00999[0-9]+]]:-128>>
// CHECK-DAG: %[[W:.*]] = nn.constant dense<{{\[\[}}[127]], {{\[}}[-127]]]> : tensor<2x1x1xi8> -> tensor<2x1x1x!quant.uniform<i8<-127:127>:f32:0, {[[W0:0.0200[0-9]*|0.01999[0-9]+]],[[W1:0.0100[0-9]*|0.00999[0-9]+]]}>>
// CHECK-DAG: %[[B:.*]] = nn.constant dense<[637{{[0-9]}}, -1275{{[0-9]}}]> : tensor<2xi32> -> tensor<2x!quant.uniform<i32:f32:0, {{.*}}>>
// CHECK: nn.conv %[[X]], %[[W]] bias %[[B]] {clamp_min = 0.000000e+00 : f32,
// CHECK-NOT: nn.output_mean
// CHECK: return
func.func @conv(%x: tensor<1x1x4xf32> {nn.name = "x"}) -> tensor<1x2x4xf32> {
  %w = nn.constant dense<[[[2.54]], [[-1.27]]]> : tensor<2x1x1xf32> -> tensor<2x1x1xf32>
  %b = nn.constant dense<[1.0, -1.0]> : tensor<2xf32> -> tensor<2xf32>
  %0 = nn.conv %x, %w bias %b {clamp_min = 0.0 : f32, dilations = array<i64: 1>, groups = 1 : i64,
    nn.output_mean = array<f32: 0.0, 0.0>, nn.output_std = array<f32: 1.0, 1.0>,
    pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x1x4xf32>, tensor<2x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4xf32> loc("conv")
  return %0 : tensor<1x2x4xf32>
}

// A constant operand has its own range, [0, 2.55].
// CHECK-LABEL: func @constant_operand
// CHECK: nn.constant dense<[127, -128]> : tensor<2xi8> -> tensor<2x!quant.uniform<i8:f32, {{0.0100[0-9]+|0.00999[0-9]+}}:-128>>
// CHECK: nn.add {{.*}} -> tensor<2x!quant.uniform<i8:f32, {{0.100[0-9]*}}:-1>>
func.func @constant_operand(%x: tensor<2xf32> {nn.name = "x"}) -> tensor<2xf32> {
  %c = nn.constant dense<[2.55, 0.0]> : tensor<2xf32> -> tensor<2xf32>
  %0 = nn.add %x, %c : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32> loc("sum")
  return %0 : tensor<2xf32>
}

// Operands and result of a concatenation share [-1, 1], and so does the argument
// that reaches it through a reshape.
// CHECK-LABEL: func @concat
// CHECK-SAME: (%{{.*}}: tensor<2x!quant.uniform<[[T:[^>]*]]>> {nn.name = "left"}, %{{.*}}: tensor<1x2x!quant.uniform<[[T]]>> {nn.name = "right"}) -> tensor<4x!quant.uniform<[[T]]>>
func.func @concat(%a: tensor<2xf32> {nn.name = "left"}, %b: tensor<1x2xf32> {nn.name = "right"}) -> tensor<4xf32> {
  %0 = nn.reshape %b : (tensor<1x2xf32>) -> tensor<2xf32>
  %1 = nn.concat %a, %0 {axis = 0 : i64} : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// The value of a padding takes part: [-1, 7].
// CHECK-LABEL: func @pad
// CHECK-SAME: tensor<2x!quant.uniform<i8:f32, [[S:0.0313[0-9]+]]:-96>> {nn.name = "x"}) -> tensor<3x!quant.uniform<i8:f32, [[S]]:-96>>
func.func @pad(%x: tensor<2xf32> {nn.name = "x"}) -> tensor<3xf32> {
  %0 = nn.pad %x {mode = "constant", pads = array<i64: 1, 0>, value = 7.0 : f32} : (tensor<2xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}

// CHECK-LABEL: func @fixed
// CHECK-COUNT-2: -> tensor<2x!quant.uniform<i8:f32, 3.906250e-03:-128>>{{$}}
// CHECK: nn.softmax %{{.*}} -> tensor<2xf32>
func.func @fixed(%x: tensor<2xf32> {nn.name = "x"}) -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) {
  %0 = nn.sigmoid %x : (tensor<2xf32>) -> tensor<2xf32>
  %1 = nn.hard_sigmoid %x {alpha = 0.2 : f32, beta = 0.5 : f32} : (tensor<2xf32>) -> tensor<2xf32>
  %2 = nn.softmax %x {axis = 0 : i64} : (tensor<2xf32>) -> tensor<2xf32>
  return %0, %1, %2 : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
}

// No scale is ever zero.
// CHECK-LABEL: func @degenerate
// CHECK-SAME: tensor<2x!quant.uniform<i8:f32, 1.000000e+00>>
func.func @degenerate(%x: tensor<2xf32> {nn.name = "nothing"}) -> tensor<2xf32> {
  return %x : tensor<2xf32>
}

// A mean has parameters of its own, a maximum those of its operand.
// CHECK-LABEL: func @windows
// CHECK: nn.max_pool %{{.*}} : (tensor<1x1x4x!quant.uniform<[[T:[^>]*]]>>) -> tensor<1x1x2x!quant.uniform<[[T]]>>
// CHECK: nn.reduce_mean %{{.*}} -> tensor<1x1x1x!quant.uniform<i8:f32, {{0.0100[0-9]+|0.00999[0-9]+}}:-28>>
func.func @windows(%x: tensor<1x1x4xf32> {nn.name = "x"}) -> tensor<1x1x1xf32> {
  %0 = nn.max_pool %x {ceil_mode = false, dilations = array<i64: 1>, kernel = array<i64: 2>, pads = array<i64: 0, 0>, strides = array<i64: 2>}
    : (tensor<1x1x4xf32>) -> tensor<1x1x2xf32>
  %1 = nn.reduce_mean %0 {axes = array<i64: 2>, keep_dims = true} : (tensor<1x1x2xf32>) -> tensor<1x1x1xf32> loc("mean")
  return %1 : tensor<1x1x1xf32>
}
