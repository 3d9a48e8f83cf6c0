// RUN: acc-opt %s --split-input-file --nn-quantize=activation-bits=16 | FileCheck %s
// RUN: acc-opt %s --split-input-file --nn-quantize=activation-bits=y=12 | FileCheck %s --check-prefix=ONE
// RUN: not acc-opt %s --split-input-file --nn-quantize=activation-bits=7 2>&1 | FileCheck %s --check-prefix=FEW

// FEW: error: activation-bits: expected 8 to 16 bits, as 16 or NAME=16, got '7'

// 1024 weights of 127 leave 15 bits to the input: 1024 * 127 * 2^14 < 2^31. An argument
// reaches 4, so that its step is 4 / (2^14 - 1) there, and 4 / (2^15 - 1) where there are few,
// as the next f32.
// CHECK-LABEL: func.func @many
// CHECK-SAME: tensor<1x1024x1x1x!quant.uniform<i16<-16384:16383>:f32, 2.441555552650243E-4>>
// CHECK: nn.conv
// CHECK-SAME: -> tensor<1x1x1x1x!quant.uniform<i16:f32, {{[^:>]*}}>>
// ONE-LABEL: func.func @many
// ONE-SAME: tensor<1x1024x1x1x!quant.uniform<i8:f32
// ONE: -> tensor<1x1x1x1x!quant.uniform<i16<-2048:2047>:f32, {{[^:>]*}}>>
func.func @many(%x: tensor<1x1024x1x1xf32>) -> tensor<1x1x1x1xf32> {
  %w = nn.constant dense<1.0> : tensor<1x1024x1x1xf32> -> tensor<1x1024x1x1xf32>
  %0 = nn.conv %x, %w {dilations = array<i64: 1, 1>, groups = 1 : i64,
    pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<1x1024x1x1xf32>, tensor<1x1024x1x1xf32>) -> tensor<1x1x1x1xf32> loc("y")
  return %0 : tensor<1x1x1x1xf32>
}

// -----

// CHECK-LABEL: func.func @few
// CHECK-SAME: tensor<1x2x1x1x!quant.uniform<i16:f32, 1.2207405234221369E-4>>
func.func @few(%x: tensor<1x2x1x1xf32>) -> tensor<1x1x1x1xf32> {
  %w = nn.constant dense<1.0> : tensor<1x2x1x1xf32> -> tensor<1x2x1x1xf32>
  %0 = nn.conv %x, %w {dilations = array<i64: 1, 1>, groups = 1 : i64,
    pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<1x2x1x1xf32>, tensor<1x2x1x1xf32>) -> tensor<1x1x1x1xf32> loc("y")
  return %0 : tensor<1x1x1x1xf32>
}
