// RUN: acc-opt %s --emit=onnx -o %t.onnx
// RUN: acc-opt %t.onnx --emit=nn -o %t.mlir
// RUN: FileCheck %s --input-file=%t.mlir
// RUN: acc-opt %t.mlir --nn-optimize --mlir-print-debuginfo -o %t.fused.mlir
// RUN: acc-opt %t.fused.mlir --emit=onnx -o %t.again.onnx
// RUN: cmp %t.onnx %t.again.onnx

// What fusion joined comes apart, with the names that were fused, and goes
// together again.
// CHECK: func.func @main(%{{.*}}: tensor<1x1x4xf32> {nn.name = "x"}
// CHECK-SAME: -> (tensor<1x1x4xf32> {nn.name = "y"})
// CHECK: nn.conv {{.*}} loc(#[[CONV:loc[0-9]*]])
// CHECK: nn.add {{.*}} loc(#[[ADD:loc[0-9]*]])
// CHECK: nn.clip {{.*}}maximum = 6.{{.*}} loc(#[[CLIP:loc[0-9]*]])
// CHECK-DAG: #[[CONV]] = loc("conv+norm")
// CHECK-DAG: #[[ADD]] = loc("sum")
// CHECK-DAG: #[[CLIP]] = loc("relu6")
func.func @main(%x: tensor<1x1x4xf32> {nn.name = "x"}) -> (tensor<1x1x4xf32> {nn.name = "y"}) {
  %w = nn.constant dense<2.0> : tensor<1x1x1xf32> -> tensor<1x1x1xf32> loc("w")
  %0 = nn.conv %x, %w residual %x {clamp_min = 0.0 : f32, clamp_max = 6.0 : f32, dilations = array<i64: 1>, groups = 1 : i64,
    pads = array<i64: 0, 0>, strides = array<i64: 1>} : (tensor<1x1x4xf32>, tensor<1x1x1xf32>, tensor<1x1x4xf32>) -> tensor<1x1x4xf32>
    loc(fused["conv", "norm", "sum", "relu6"])
  return %0 : tensor<1x1x4xf32>
}
