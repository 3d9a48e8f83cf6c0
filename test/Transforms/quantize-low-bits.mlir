// RUN: acc-opt %s --nn-quantize | FileCheck %s

// Casts are int8, as in an ONNX file. The clamp of "a" leaves the integers
// [-8, 7], so its type has four bits; the weights of both fit three.
// CHECK-LABEL: func @clamped
// CHECK-DAG: nn.constant {{.*}} -> tensor<1x1x1x!quant.uniform<i8<-4:3>:f32:0, {5.000000e-01}>>
// CHECK: nn.conv {{.*}}clamp_max{{.*}} -> tensor<1x1x4x!quant.uniform<i8<-8:7>:f32, 1.000000e-01:-8>>
// CHECK: nn.conv {{.*}} -> tensor<1x1x4x!quant.uniform<i8:f32, 1.000000e+00>>
func.func @clamped(%x: tensor<1x1x4xf32>) -> tensor<1x1x4xf32> {
  %xq = quant.qcast %x : tensor<1x1x4xf32> to tensor<1x1x4x!quant.uniform<i8:f32, 0.5:3>>
  %xd = quant.dcast %xq : tensor<1x1x4x!quant.uniform<i8:f32, 0.5:3>> to tensor<1x1x4xf32>
  %w = nn.constant dense<3> : tensor<1x1x1xi8> -> tensor<1x1x1x!quant.uniform<i8:f32, 0.5>>
  %wd = quant.dcast %w : tensor<1x1x1x!quant.uniform<i8:f32, 0.5>> to tensor<1x1x1xf32>
  %a = nn.conv %xd, %wd {clamp_min = 0.0 : f32, clamp_max = 1.5 : f32, dilations = array<i64: 1>, groups = 1 : i64,
    pads = array<i64: 0, 0>, strides = array<i64: 1>} : (tensor<1x1x4xf32>, tensor<1x1x1xf32>) -> tensor<1x1x4xf32> loc("a")
  %aq = quant.qcast %a : tensor<1x1x4xf32> to tensor<1x1x4x!quant.uniform<i8:f32, 0.1:-8>>
  %ad = quant.dcast %aq : tensor<1x1x4x!quant.uniform<i8:f32, 0.1:-8>> to tensor<1x1x4xf32>
  %b = nn.conv %ad, %wd {dilations = array<i64: 1>, groups = 1 : i64,
    pads = array<i64: 0, 0>, strides = array<i64: 1>} : (tensor<1x1x4xf32>, tensor<1x1x1xf32>) -> tensor<1x1x4xf32> loc("b")
  %bq = quant.qcast %b : tensor<1x1x4xf32> to tensor<1x1x4x!quant.uniform<i8:f32, 1.0>>
  %bd = quant.dcast %bq : tensor<1x1x4x!quant.uniform<i8:f32, 1.0>> to tensor<1x1x4xf32>
  return %bd : tensor<1x1x4xf32>
}

// A relu6 at 8 bits starts at -128 and stays at 8 bits.
// CHECK-LABEL: func @relu6
// CHECK: nn.conv {{.*}}clamp_max{{.*}} -> tensor<1x1x4x!quant.uniform<i8:f32, {{.*}}:-128>>
func.func @relu6(%x: tensor<1x1x4xf32>) -> tensor<1x1x4xf32> {
  %w = nn.constant dense<1.0> : tensor<1x1x1xf32> -> tensor<1x1x1xf32>
  %a = nn.conv %x, %w {clamp_min = 0.0 : f32, clamp_max = 6.0 : f32, dilations = array<i64: 1>, groups = 1 : i64,
    pads = array<i64: 0, 0>, strides = array<i64: 1>} : (tensor<1x1x4xf32>, tensor<1x1x1xf32>) -> tensor<1x1x4xf32> loc("a")
  %aq = quant.qcast %a : tensor<1x1x4xf32> to tensor<1x1x4x!quant.uniform<i8:f32, 0.023529411764705882:-128>>
  %ad = quant.dcast %aq : tensor<1x1x4x!quant.uniform<i8:f32, 0.023529411764705882:-128>> to tensor<1x1x4xf32>
  %b = nn.conv %ad, %w {dilations = array<i64: 1>, groups = 1 : i64,
    pads = array<i64: 0, 0>, strides = array<i64: 1>} : (tensor<1x1x4xf32>, tensor<1x1x1xf32>) -> tensor<1x1x4xf32> loc("b")
  return %b : tensor<1x1x4xf32>
}
