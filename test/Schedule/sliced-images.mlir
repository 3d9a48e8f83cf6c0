// RUN: acc-opt %s --stacks=false "--target=systolic16x16{scratchpad_bytes=16384}" --emit=elf -o %t.elf --report=%t.csv
// RUN: acc-sim %t.elf --quiet --report=%t.sim.csv && cmp %t.csv %t.sim.csv
// RUN: acc-opt %s --stacks=false "--target=systolic16x16{scratchpad_bytes=16384}" --emit=accel-commands | FileCheck %s

// The second convolution reads one slice of the concatenation and writes the
// other. Their pixels lie between each other's, but no byte is shared: once the
// first one's stores are done, loads do not wait for stores.
// CHECK: accel.command "store" layer 1
// CHECK: accel.command "store" layer 1
// CHECK-NEXT: accel.command "load" layer 1 take [0, {{[0-9]+}}, 0, 0]
// CHECK-NEXT: accel.command "matmul" layer 1
// CHECK-NEXT: accel.command "store" layer 1
// CHECK-NEXT: accel.command "load" layer 1 take [0, {{[0-9]+}}, 0, 0]
!q8 = !quant.uniform<i8:f32, 5.0e-1:3>
!w = !quant.uniform<i8<-127:127>:f32:0, {0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01}>
func.func @main(%x: tensor<1x16x32x32x!q8>) -> tensor<1x32x32x32x!q8> {
  %w = nn.constant dense<3> : tensor<16x16x1x1xi8> -> tensor<16x16x1x1x!w>
  %0 = nn.conv %x, %w {dilations = array<i64: 1, 1>, groups = 1 : i64,
    pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<1x16x32x32x!q8>, tensor<16x16x1x1x!w>) -> tensor<1x16x32x32x!q8> loc("first")
  %1 = nn.conv %0, %w {dilations = array<i64: 1, 1>, groups = 1 : i64,
    pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<1x16x32x32x!q8>, tensor<16x16x1x1x!w>) -> tensor<1x16x32x32x!q8> loc("second")
  %2 = nn.concat %0, %1 {axis = 1 : i64}
    : (tensor<1x16x32x32x!q8>, tensor<1x16x32x32x!q8>) -> tensor<1x32x32x32x!q8> loc("both")
  return %2 : tensor<1x32x32x32x!q8>
}
