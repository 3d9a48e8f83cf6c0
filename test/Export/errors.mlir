// RUN: not acc-opt %s --emit=onnx -o %t.onnx 2>&1 | FileCheck %s
// CHECK: error: {{.*}}errors.mlir: is at a later stage than --emit asks for
func.func @main(%x: tensor<2x!quant.uniform<i8:f32, 0.5>>) -> tensor<2x!quant.uniform<i8:f32, 0.5>> {
  %0 = nn.relu %x : (tensor<2x!quant.uniform<i8:f32, 0.5>>) -> tensor<2x!quant.uniform<i8:f32, 0.5>> loc("relu")
  return %0 : tensor<2x!quant.uniform<i8:f32, 0.5>>
}
