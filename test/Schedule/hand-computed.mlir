// RUN: acc-opt %s --emit=accel-commands | FileCheck %s
// RUN: acc-opt %s --emit=elf -o %t.elf --report=%t.csv
// RUN: FileCheck %s --check-prefix=COST < %t.csv
// RUN: acc-sim %t.elf --quiet --report=%t.sim.csv && cmp %t.csv %t.sim.csv

// A 1x1 convolution of 16 pixels from 16 to 16 channels on systolic16x16, by hand:
//   LOAD input   256 bytes: 4 + 256/16 = 20 cycles, complete 100 later
//   LOAD chunk   16 * 12 bytes of parameters and 256 of weights: 4 + 448/16 = 32
//   EXEC matmul  one block: 4 + 16 + 16 + 16 + 16 - 1, and 8 for the output stage: 75
//   STORE output 256 bytes: 20, complete 100 later
// LOADs end at 20 and 52; the chunk is there at 152; EXEC ends at 227; STORE is
// busy until 247 and complete at 347.
// Energy, horowitz45 at 256 KiB and 64 KiB (prices of --print-target):
//   array 4096 * 0.3 = 1228.8; DRAM (704 + 256) * 162.4 = 155904.

// CHECK: accel.layer 0 "the_node"
// CHECK: accel.command "load" layer 0 take [0, 0, 0, 0]
// CHECK-NEXT: accel.command "load" layer 0 take [0, 0, 0, 0]
// CHECK-NEXT: accel.command "matmul" layer 0 take [2, 0, 0, 0]
// CHECK-NEXT: accel.command "store" layer 0 take [0, 1, 0, 0]

// COST: name,op,placement,reason,cycles,
// COST: the_node,conv2d,array,,347,
// COST-SAME: 1228.8
// COST-SAME: 155904
func.func @main(%x: tensor<1x4x4x16xi8> {accel.model_shape = array<i64: 1, 16, 4, 4>, accel.name = "x",
    accel.permutation = array<i64: 0, 3, 1, 2>, accel.scale = 1.0 : f64, accel.zero_point = 0 : i32})
    -> (tensor<1x4x4x16xi8> {accel.model_shape = array<i64: 1, 16, 4, 4>, accel.name = "y",
    accel.permutation = array<i64: 0, 3, 1, 2>, accel.scale = 1.0 : f64, accel.zero_point = 0 : i32}) {
  %w = accel.constant dense<1> : tensor<16x1x1x16xi8>
  %b = accel.constant dense<0> : tensor<16xi32>
  %0 = accel.conv2d %x, %w, %b {dilations = array<i64: 1, 1>, groups = 1 : i64,
    input_zero_point = 0 : i32, pads = array<i64: 0, 0, 0, 0>,
    requant = #accel.requant<multiplier = [1073741824], shift = [38], zero_point = 0, clamp = [-128, 127]>,
    strides = array<i64: 1, 1>}
    : (tensor<1x4x4x16xi8>, tensor<16x1x1x16xi8>, tensor<16xi32>) -> tensor<1x4x4x16xi8> loc("the_node")
  return %0 : tensor<1x4x4x16xi8>
}
