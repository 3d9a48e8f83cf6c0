// RUN: not acc-opt %s --split-input-file --nn-quantize 2>&1 | FileCheck %s
// RUN: not acc-opt %s --split-input-file --nn-quantize=calibration=%S/Inputs/missing.json 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not acc-opt %s --split-input-file --nn-quantize=calibration=%S/Inputs/ranges.json 2>&1 | FileCheck %s --check-prefix=RANGES

// MISSING: error: {{.*}}missing.json: No such file or directory

// CHECK: error: {{.*}}node 'fc' (nn.gemm): expected the form that nn-normalize makes
func.func @gemm(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %w = nn.constant dense<1.0> : tensor<2x2xf32> -> tensor<2x2xf32>
  %0 = nn.gemm %x, %w {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = false, trans_b = false}
    : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32> loc("fc")
  return %0 : tensor<1x2xf32>
}

// -----

// CHECK: error: {{.*}}node 'bn' (nn.batch_norm): expected batch normalization with a positive variance
func.func @norm(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  %s = nn.constant dense<-1.0> : tensor<2xf32> -> tensor<2xf32>
  %0 = nn.batch_norm %x, %s, %s, %s, %s {epsilon = 0.0 : f32}
    : (tensor<1x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2xf32> loc("bn")
  return %0 : tensor<1x2xf32>
}

// -----

// CHECK: error: {{.*}}node 'quotient' (nn.div): expected a divisor that is never zero to infer a range, got one that may be; give calibration data
// RANGES: error: {{.*}}node 'quotient' (nn.div): expected a range for 'quotient', got none
func.func @div(%x: tensor<1x1x2xf32> {nn.name = "x"}, %y: tensor<1x1x2xf32> {nn.name = "y"}) -> tensor<1x1x2xf32> {
  %w = nn.constant dense<1.0> : tensor<1x1x1xf32> -> tensor<1x1x1xf32>
  %0 = nn.div %x, %y : (tensor<1x1x2xf32>, tensor<1x1x2xf32>) -> tensor<1x1x2xf32> loc("quotient")
  %1 = nn.conv %0, %w {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x1x2xf32>, tensor<1x1x1xf32>) -> tensor<1x1x2xf32> loc("after")
  return %1 : tensor<1x1x2xf32>
}

// -----

// CHECK: error: quant.qcast: expected int8 or int16 per tensor for an activation, got '!quant.uniform<i32:f32, 1.000000e+00>'
func.func @wide(%x: tensor<2xf32>) -> tensor<2xf32> {
  %q = quant.qcast %x : tensor<2xf32> to tensor<2x!quant.uniform<i32:f32, 1.0>>
  %d = quant.dcast %q : tensor<2x!quant.uniform<i32:f32, 1.0>> to tensor<2xf32>
  return %d : tensor<2xf32>
}

// -----

// CHECK: error: node 'broken' (nn.conv): expected finite weights and statistics to infer a range
func.func @not_a_number(%x: tensor<1x1x4xf32>) -> tensor<1x1x4xf32> {
  %w = nn.constant dense<0x7FC00000> : tensor<1x1x1xf32> -> tensor<1x1x1xf32>
  %0 = nn.conv %x, %w {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x1x4xf32>, tensor<1x1x1xf32>) -> tensor<1x1x4xf32> loc("broken")
  return %0 : tensor<1x1x4xf32>
}

// -----

// RANGES: error: {{.*}}node 'conv' (nn.conv): expected finite weights and bias with their data
func.func @infinite(%x: tensor<1x1x4xf32> {nn.name = "x"}) -> tensor<1x1x4xf32> {
  %w = nn.constant dense<0x7F800000> : tensor<1x1x1xf32> -> tensor<1x1x1xf32>
  %0 = nn.conv %x, %w {dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>}
    : (tensor<1x1x4xf32>, tensor<1x1x1xf32>) -> tensor<1x1x4xf32> loc("conv")
  return %0 : tensor<1x1x4xf32>
}
