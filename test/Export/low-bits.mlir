// RUN: acc-opt %s --emit=onnx -o %t.onnx
// RUN: acc-opt %t.onnx --emit=nn-quantized -o - 2>/dev/null | FileCheck %s

// An ONNX file knows only int8; the clamp of "a" and the integers of the weights
// give the bits back.
// CHECK: nn.constant dense<3> {{.*}}!quant.uniform<i8<-4:3>:f32:0, {5.000000e-01}>
// CHECK: nn.conv {{.*}} -> tensor<1x1x4x!quant.uniform<i8<-8:7>:f32, 0.10000000149011612:-8>>
// CHECK: nn.conv {{.*}} -> tensor<1x1x4x!quant.uniform<i8:f32, 1.000000e+00>>
func.func @main(%x: tensor<1x1x4xf32> {nn.name = "x"}) -> tensor<1x1x4xf32> {
  %xq = quant.qcast %x : tensor<1x1x4xf32> to tensor<1x1x4x!quant.uniform<i8:f32, 0.5:3>>
  %xd = quant.dcast %xq : tensor<1x1x4x!quant.uniform<i8:f32, 0.5:3>> to tensor<1x1x4xf32>
  %w = nn.constant dense<3> : tensor<1x1x1xi8> -> tensor<1x1x1x!quant.uniform<i8:f32, 0.5>>
  %wd = quant.dcast %w : tensor<1x1x1x!quant.uniform<i8:f32, 0.5>> to tensor<1x1x1xf32>
  %a = nn.conv %xd, %wd {clamp_min = 0.0 : f32, clamp_max = 1.5 : f32, dilations = array<i64: 1>, groups = 1 : i64,
    pads = array<i64: 0, 0>, strides = array<i64: 1>} : (tensor<1x1x4xf32>, tensor<1x1x1xf32>) -> tensor<1x1x4xf32> loc("a")
  %aq = quant.qcast %a : tensor<1x1x4xf32> to tensor<1x1x4x!quant.uniform<i8<-8:7>:f32, 0.1:-8>>
  %ad = quant.dcast %aq : tensor<1x1x4x!quant.uniform<i8<-8:7>:f32, 0.1:-8>> to tensor<1x1x4xf32>
  %b = nn.conv %ad, %wd {dilations = array<i64: 1>, groups = 1 : i64,
    pads = array<i64: 0, 0>, strides = array<i64: 1>} : (tensor<1x1x4xf32>, tensor<1x1x1xf32>) -> tensor<1x1x4xf32> loc("b")
  %bq = quant.qcast %b : tensor<1x1x4xf32> to tensor<1x1x4x!quant.uniform<i8:f32, 1.0>>
  %bd = quant.dcast %bq : tensor<1x1x4x!quant.uniform<i8:f32, 1.0>> to tensor<1x1x4xf32>
  return %bd : tensor<1x1x4xf32>
}
