// RUN: acc-opt %s --target=systolic16x16-mixed --emit=accel-commands | FileCheck %s
// RUN: acc-opt %s --target=systolic16x16-mixed --emit=elf -o %t.elf --report=%t.csv
// RUN: FileCheck %s --check-prefix=COST < %t.csv
// RUN: acc-sim %t.elf --quiet --report=%t.sim.csv && cmp %t.csv %t.sim.csv
// RUN: acc-opt %s --emit=accel-commands | FileCheck %s --check-prefix=FIXED
// RUN: acc-opt %s --emit=elf -o %t.fixed.elf --report=%t.fixed.csv
// RUN: FileCheck %s --check-prefix=FIXED-COST < %t.fixed.csv
// RUN: acc-sim %t.fixed.elf --quiet --report=%t.fixed.sim.csv && cmp %t.fixed.csv %t.fixed.sim.csv

// A 1x1 convolution of 16 pixels from 64 to 16 channels with 3-bit weights and 4-bit
// inputs on systolic16x16-mixed, by hand. The array multiplies at 4 bits, where a block
// is 16 * 2 = 32 deep: 2 blocks.
//   LOAD input   1024 bytes: 4 + 64 = 68 cycles, complete 100 later
//   LOAD chunk   16 * 12 bytes of parameters and 1024 * 3 / 8 = 384 of weights:
//                4 + 576/16 = 40
//   EXEC matmul  4 + 16 + 16 (block 1) + 16 + 16 + 16 - 1 (block 2) + 8: 91
//   STORE output 256 bytes: 20, complete 100 later
// LOADs end at 68 and 108; the chunk is there at 208; EXEC ends at 299; STORE is
// complete at 299 + 20 + 100 = 419.
// Energy: array 16384 * 0.15 = 2457.6; DRAM (1024 + 576 + 256) * 162.4 = 301414.4.
// CHECK: accel.layer 0 "the_node" {{.*}}input_bits = 4 : i32{{.*}}weight_bits = 3 : i32
// CHECK: accel.command "load" {{.*}}row_bytes = 1024 : i64
// CHECK: accel.command "load" {{.*}}bits = 3 : i64{{.*}}plain_bytes = 192 : i64, row_bytes = 1216 : i64
// CHECK: accel.command "matmul" {{.*}}precision = 4 : i64
// COST: name,op,placement,reason,cycles,
// COST-SAME: weight_bits,input_bits,array_mode,array_rate
// COST: the_node,conv2d,array,,419,
// COST-SAME: ,2457.{{5999|6}}
// COST-SAME: ,301414.4
// COST-SAME: ,3,4,4,2

// systolic16x16 has one rate: 4 blocks, MACs priced as int8, the traffic is the same.
//   EXEC matmul  4 + 16 + 3 * 16 + 16 + 16 + 16 - 1 + 8: 123
// FIXED: accel.command "load" {{.*}}bits = 3 : i64
// FIXED-NOT: precision
// FIXED-COST: the_node,conv2d,array,,451,
// FIXED-COST-SAME: ,4915.{{1999|2}}
// FIXED-COST-SAME: ,301414.4
// FIXED-COST-SAME: ,3,4,8,1
func.func @main(%x: tensor<1x4x4x64xi8> {accel.model_shape = array<i64: 1, 64, 4, 4>, accel.name = "x",
    accel.permutation = array<i64: 0, 3, 1, 2>, accel.scale = 1.0 : f64, accel.zero_point = 0 : i32,
    accel.bits = 4 : i32})
    -> (tensor<1x4x4x16xi8> {accel.model_shape = array<i64: 1, 16, 4, 4>, accel.name = "y",
    accel.permutation = array<i64: 0, 3, 1, 2>, accel.scale = 1.0 : f64, accel.zero_point = 0 : i32}) {
  %w = accel.constant dense<-3> : tensor<16x1x1x64xi8>
  %b = accel.constant dense<0> : tensor<16xi32>
  %0 = accel.conv2d %x, %w, %b {dilations = array<i64: 1, 1>, groups = 1 : i64, input_bits = 4 : i32,
    input_zero_point = 0 : i32, pads = array<i64: 0, 0, 0, 0>,
    requant = #accel.requant<multiplier = [1073741824], shift = [38], zero_point = 0, clamp = [-128, 127]>,
    strides = array<i64: 1, 1>, weight_bits = 3 : i32}
    : (tensor<1x4x4x64xi8>, tensor<16x1x1x64xi8>, tensor<16xi32>) -> tensor<1x4x4x16xi8> loc("the_node")
  return %0 : tensor<1x4x4x16xi8>
}
