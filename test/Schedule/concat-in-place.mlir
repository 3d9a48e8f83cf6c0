// RUN: acc-opt %s --emit=accel-commands | FileCheck %s
// RUN: acc-opt %s --emit=elf -o %t.elf --report=%t.csv
// RUN: FileCheck %s --check-prefix=COST < %t.csv
// RUN: acc-sim %t.elf --quiet --report=%t.sim.csv && cmp %t.csv %t.sim.csv

// The two convolutions write 16 of 32 channels each, and the concatenation moves
// nothing. The input, which is an operand of the second concatenation, is copied.
// CHECK: accel.command "load" layer 0
// CHECK-NOT: layer 2
// CHECK: accel.command "load" layer 3
// COST: first,conv2d
// COST: second,conv2d
// COST: both,concat,dma,,0,0
// COST: copy,concat,dma,,{{[1-9]}}
!q8 = !quant.uniform<i8:f32, 5.0e-1:3>
!w = !quant.uniform<i8<-127:127>:f32:0, {0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01}>
func.func @main(%x: tensor<1x16x16x16x!q8>) -> tensor<1x48x16x16x!q8> {
  %w = nn.constant dense<3> : tensor<16x16x1x1xi8> -> tensor<16x16x1x1x!w>
  %0 = nn.conv %x, %w {dilations = array<i64: 1, 1>, groups = 1 : i64,
    pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<1x16x16x16x!q8>, tensor<16x16x1x1x!w>) -> tensor<1x16x16x16x!q8> loc("first")
  %1 = nn.conv %0, %w {dilations = array<i64: 1, 1>, groups = 1 : i64,
    pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>}
    : (tensor<1x16x16x16x!q8>, tensor<16x16x1x1x!w>) -> tensor<1x16x16x16x!q8> loc("second")
  %2 = nn.concat %0, %1 {axis = 1 : i64}
    : (tensor<1x16x16x16x!q8>, tensor<1x16x16x16x!q8>) -> tensor<1x32x16x16x!q8> loc("both")
  %3 = nn.concat %2, %x {axis = 1 : i64}
    : (tensor<1x32x16x16x!q8>, tensor<1x16x16x16x!q8>) -> tensor<1x48x16x16x!q8> loc("copy")
  return %3 : tensor<1x48x16x16x!q8>
}
