// RUN: acc-opt %s --nn-print-channel-groups -o /dev/null | FileCheck %s

// A chain: the channels between two convolutions. Inputs and outputs are fixed.
// CHECK-LABEL: function chain
// CHECK-NEXT: group x: 2 units, fixed: is argument 0
// CHECK-NEXT:   value x dim 1 [0 | 1]
// CHECK-NEXT:   parameter first operand 1 dim 1 [0 | 1]
// CHECK-NEXT: group first: 4 units
// CHECK-NEXT:   producer first dim 1 [0 | ... | 3]
// CHECK-NEXT:   value act dim 1 [0 | ... | 3]
// CHECK-NEXT:   parameter first operand 1 dim 0 [0 | ... | 3]
// CHECK-NEXT:   parameter first operand 2 dim 0 [0 | ... | 3]
// CHECK-NEXT:   parameter second operand 1 dim 1 [0 | ... | 3]
// CHECK-NEXT: group second: 3 units, fixed: reaches result 0
func.func @chain(%x: tensor<1x2x4xf32> {nn.name = "x"}) -> tensor<1x3x4xf32> {
  %w1 = nn.constant dense<1.0> : tensor<4x2x3xf32> -> tensor<4x2x3xf32>
  %b1 = nn.constant dense<1.0> : tensor<4xf32> -> tensor<4xf32>
  %w2 = nn.constant dense<1.0> : tensor<3x4x1xf32> -> tensor<3x4x1xf32>
  %0 = nn.conv %x, %w1 bias %b1 {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 1, 1>, strides = array<i64: 1>}
    : (tensor<1x2x4xf32>, tensor<4x2x3xf32>, tensor<4xf32>) -> tensor<1x4x4xf32> loc("first")
  %1 = nn.relu %0 : (tensor<1x4x4xf32>) -> tensor<1x4x4xf32> loc("act")
  %2 = nn.conv %1, %w2 {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x4x4xf32>, tensor<3x4x1xf32>) -> tensor<1x3x4xf32> loc("second")
  return %2 : tensor<1x3x4xf32>
}

// A residual sum joins its operands; the depthwise convolution takes inputs and
// outputs together; the mean keeps channels; every flattened channel is a run.
// CHECK-LABEL: function residual
// CHECK: group stem: 2 units
// CHECK-NEXT:   producer stem dim 1 [0 | 1]
// CHECK-NEXT:   producer depthwise dim 1 [0 | 1]
// CHECK-NEXT:   value norm dim 1 [0 | 1]
// CHECK-NEXT:   value sum dim 1 [0 | 1]
// CHECK-NEXT:   value flat dim 1 [0..3 | 4..7]
// CHECK-NEXT:   parameter stem operand 1 dim 0 [0 | 1]
// CHECK-NEXT:   parameter depthwise operand 1 dim 0 [0 | 1]
// CHECK-NEXT:   parameter norm operand 1 dim 0 [0 | 1]
// CHECK-NEXT:   parameter norm operand 2 dim 0 [0 | 1]
// CHECK-NEXT:   parameter norm operand 3 dim 0 [0 | 1]
// CHECK-NEXT:   parameter norm operand 4 dim 0 [0 | 1]
// CHECK-NEXT:   parameter linear operand 1 dim 1 [0..3 | 4..7]
// CHECK-NEXT: group linear: 3 units, fixed: reaches result 0
// CHECK: branch sum: 2 ops
func.func @residual(%x: tensor<1x2x2x2xf32>) -> tensor<1x3xf32> {
  %w1 = nn.constant dense<1.0> : tensor<2x2x1x1xf32> -> tensor<2x2x1x1xf32>
  %w2 = nn.constant dense<1.0> : tensor<2x1x1x1xf32> -> tensor<2x1x1x1xf32>
  %w3 = nn.constant dense<1.0> : tensor<3x8xf32> -> tensor<3x8xf32>
  %c = nn.constant dense<1.0> : tensor<2xf32> -> tensor<2xf32>
  %0 = nn.conv %x, %w1 {dilations = array<i64: 1, 1>, groups = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<1x2x2x2xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x2x2xf32> loc("stem")
  %1 = nn.conv %0, %w2 {dilations = array<i64: 1, 1>, groups = 2 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<1x2x2x2xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x2x2xf32> loc("depthwise")
  %2 = nn.batch_norm %1, %c, %c, %c, %c {epsilon = 1.0e-5 : f32}
    : (tensor<1x2x2x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x2x2xf32> loc("norm")
  %3 = nn.add %2, %0 : (tensor<1x2x2x2xf32>, tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32> loc("sum")
  %4 = nn.reshape %3 : (tensor<1x2x2x2xf32>) -> tensor<1x8xf32> loc("flat")
  %5 = nn.gemm %4, %w3 {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = false, trans_b = true}
    : (tensor<1x8xf32>, tensor<3x8xf32>) -> tensor<1x3xf32> loc("linear")
  return %5 : tensor<1x3xf32>
}

// Half of the channels go through a slice and are joined with others: two groups
// at one convolution, and positions with an offset.
// CHECK-LABEL: function slices
// CHECK: group both: 2 units
// CHECK-NEXT:   producer both dim 1 [0 | 1]
// CHECK-NEXT:   value joined dim 1 [3 | 4]
// CHECK: group both#1: 2 units
// CHECK-NEXT:   producer both dim 1 [2 | 3]
// CHECK-NEXT:   value half dim 1 [0 | 1]
// CHECK-NEXT:   value joined dim 1 [5 | 6]
// CHECK: group third: 3 units
// CHECK-NEXT:   producer third dim 1 [0 | ... | 2]
// CHECK-NEXT:   value joined dim 1 [0 | ... | 2]
func.func @slices(%x: tensor<1x1x2xf32>) -> (tensor<1x1x2xf32>, tensor<1x1x2xf32>) {
  %w = nn.constant dense<1.0> : tensor<4x1x1xf32> -> tensor<4x1x1xf32>
  %w3 = nn.constant dense<1.0> : tensor<3x1x1xf32> -> tensor<3x1x1xf32>
  %w2 = nn.constant dense<1.0> : tensor<1x2x1xf32> -> tensor<1x2x1xf32>
  %w7 = nn.constant dense<1.0> : tensor<1x7x1xf32> -> tensor<1x7x1xf32>
  %0 = nn.conv %x, %w {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x1x2xf32>, tensor<4x1x1xf32>) -> tensor<1x4x2xf32> loc("both")
  %1 = nn.conv %x, %w3 {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x1x2xf32>, tensor<3x1x1xf32>) -> tensor<1x3x2xf32> loc("third")
  %2 = nn.slice %0 {starts = array<i64: 0, 2, 0>, sizes = array<i64: 1, 2, 2>, steps = array<i64: 1, 1, 1>}
    : (tensor<1x4x2xf32>) -> tensor<1x2x2xf32> loc("half")
  %3 = nn.concat %1, %0 {axis = 1 : i64} : (tensor<1x3x2xf32>, tensor<1x4x2xf32>) -> tensor<1x7x2xf32> loc("joined")
  %4 = nn.conv %2, %w2 {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x2x2xf32>, tensor<1x2x1xf32>) -> tensor<1x1x2xf32>
  %5 = nn.conv %3, %w7 {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x7x2xf32>, tensor<1x7x1xf32>) -> tensor<1x1x2xf32>
  return %4, %5 : tensor<1x1x2xf32>, tensor<1x1x2xf32>
}

// Two conv groups of three channels: one of each group makes a unit, and the
// weights, which the groups share the indices of, lose one input.
// CHECK-LABEL: function grouped
// CHECK: group in: 3 units
// CHECK-NEXT:   producer in dim 1 [0,3 | ... | 2,5]
// CHECK:        parameter grouped operand 1 dim 1 [0 | ... | 2]
// CHECK: group grouped: 4 units
// CHECK-NEXT:   producer grouped dim 1 [0,4 | ... | 3,7]
func.func @grouped(%x: tensor<1x1x2xf32>) -> tensor<1x1x2xf32> {
  %w = nn.constant dense<1.0> : tensor<6x1x1xf32> -> tensor<6x1x1xf32>
  %wg = nn.constant dense<1.0> : tensor<8x3x1xf32> -> tensor<8x3x1xf32>
  %w8 = nn.constant dense<1.0> : tensor<1x8x1xf32> -> tensor<1x8x1xf32>
  %0 = nn.conv %x, %w {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x1x2xf32>, tensor<6x1x1xf32>) -> tensor<1x6x2xf32> loc("in")
  %1 = nn.conv %0, %wg {dilations = array<i64: 1>, groups = 2 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x6x2xf32>, tensor<8x3x1xf32>) -> tensor<1x8x2xf32> loc("grouped")
  %2 = nn.conv %1, %w8 {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x8x2xf32>, tensor<1x8x1xf32>) -> tensor<1x1x2xf32>
  return %2 : tensor<1x1x2xf32>
}

// More conv groups than channels in each: whole groups are removed.
// CHECK-LABEL: function whole
// CHECK: group in: 4 units
// CHECK-NEXT:   producer in dim 1 [0,1 | ... | 6,7]
// CHECK-NEXT:   producer grouped dim 1 [0 | ... | 3]
// CHECK-NOT:   parameter grouped operand 1 dim 1
// CHECK: group out:
func.func @whole(%x: tensor<1x1x2xf32>) -> tensor<1x1x2xf32> {
  %w = nn.constant dense<1.0> : tensor<8x1x1xf32> -> tensor<8x1x1xf32>
  %wg = nn.constant dense<1.0> : tensor<4x2x1xf32> -> tensor<4x2x1xf32>
  %w4 = nn.constant dense<1.0> : tensor<1x4x1xf32> -> tensor<1x4x1xf32>
  %0 = nn.conv %x, %w {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x1x2xf32>, tensor<8x1x1xf32>) -> tensor<1x8x2xf32> loc("in")
  %1 = nn.conv %0, %wg {dilations = array<i64: 1>, groups = 4 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x8x2xf32>, tensor<4x2x1xf32>) -> tensor<1x4x2xf32> loc("grouped")
  %2 = nn.conv %1, %w4 {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x4x2xf32>, tensor<1x4x1xf32>) -> tensor<1x1x2xf32> loc("out")
  return %2 : tensor<1x1x2xf32>
}

// Softmax over channels sums over them: fixed. So is what a matmul of two
// activations sums over where neither factor can be made zero.
// CHECK-LABEL: function fixed
// CHECK: group a: 2 units, fixed: reaches softmax
// CHECK: group b: 2 units, fixed: is summed over in nn.matmul of two activations
func.func @fixed(%x: tensor<3x2xf32>) -> (tensor<3x2xf32>, tensor<3x3xf32>) {
  %w = nn.constant dense<1.0> : tensor<2x2xf32> -> tensor<2x2xf32>
  %0 = nn.matmul %x, %w : (tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32> loc("a")
  %1 = nn.softmax %0 {axis = 1 : i64} : (tensor<3x2xf32>) -> tensor<3x2xf32>
  %2 = nn.matmul %1, %w : (tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32>
  %3 = nn.matmul %x, %w : (tensor<3x2xf32>, tensor<2x2xf32>) -> tensor<3x2xf32> loc("b")
  %4 = nn.sigmoid %3 : (tensor<3x2xf32>) -> tensor<3x2xf32>
  %5 = nn.transpose %4 {perm = array<i64: 1, 0>} : (tensor<3x2xf32>) -> tensor<2x3xf32>
  %6 = nn.matmul %4, %5 : (tensor<3x2xf32>, tensor<2x3xf32>) -> tensor<3x3xf32>
  return %2, %6 : tensor<3x2xf32>, tensor<3x3xf32>
}
