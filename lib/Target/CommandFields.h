//===- CommandFields.h - Where each field of a command lies -----*- C++ -*-===//
//
// Part of AccOpt. The one list of fields, offsets and meanings from which
// encoding, decoding, disassembly and the tables of docs/Machine.md are made.
//
// A visitor has
//   field(offset, name, value, help)    an integer or enumeration at a byte
//   address(offset, name, value, help)  the same, shown in hexadecimal
//   flag(bit, name, value, help)        a bit of byte 1
// `C` is the command's type, const or not. Multi-byte fields are aligned to
// their size; fields that several operations share lie at the same place.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_TARGET_COMMANDFIELDS_H
#define ACCOPT_LIB_TARGET_COMMANDFIELDS_H

#include "accopt/Target/Command.h"

#include <concepts>
#include <type_traits>

namespace accopt {

template <typename T, typename Op>
concept CommandOf = std::same_as<std::remove_const_t<T>, Op>;

template <typename C, typename V> void visitHeader(C &c, V &v) {
  v.field(4, "layer", c.layer, "row of the layer table");
  v.field(8, "take_load", c.take[0], "tokens taken from LOAD");
  v.field(12, "take_exec", c.take[1], "tokens taken from EXEC");
  v.field(16, "take_store", c.take[2], "tokens taken from STORE");
  v.field(20, "take_host", c.take[3], "tokens taken from HOST");
}

template <typename C, typename V> void visitDma(C &c, V &v) {
  v.address(24, "dram", c.dramAddress, "DRAM address of row (0, 0, 0)");
  v.address(28, "scratchpad", c.scratchpadAddress,
            "scratchpad address of row (0, 0, 0)");
  v.field(32, "row_bytes", c.rowBytes, "bytes of a row");
  v.field(36, "count_0", c.count[0], "extent of index i");
  v.field(38, "count_1", c.count[1], "extent of index j");
  v.field(40, "count_2", c.count[2], "extent of index k");
  v.field(44, "dram_stride_0", c.dramStride[0], "bytes in DRAM per step of i");
  v.field(48, "dram_stride_1", c.dramStride[1], "... of j");
  v.field(52, "dram_stride_2", c.dramStride[2], "... of k");
  v.field(56, "scratchpad_stride_0", c.scratchpadStride[0],
          "bytes in the scratchpad per step of i");
  v.field(60, "scratchpad_stride_1", c.scratchpadStride[1], "... of j");
  v.field(64, "scratchpad_stride_2", c.scratchpadStride[2], "... of k");
  v.field(68, "bits", c.bits, "bits of an element in DRAM");
  v.field(72, "plain_bytes", c.plainBytes,
          "bytes at the begin of a row that are not packed");
}

template <CommandOf<LoadCommand> C, typename V> void visitFields(C &c, V &v) {
  visitDma(c, v);
}
template <CommandOf<StoreCommand> C, typename V> void visitFields(C &c, V &v) {
  visitDma(c, v);
}

template <typename W, typename V> void visitWindow(W &w, V &v) {
  v.address(24, "input", w.input, "address of input pixel (0, 0)");
  v.field(28, "input_row_pitch", w.inputRowPitch, "bytes between input rows");
  v.field(32, "input_pixel_pitch", w.inputPixelPitch,
          "bytes between pixels of a row");
  v.field(36, "input_rows", w.inputRows, "rows inside");
  v.field(38, "input_columns", w.inputColumns, "pixels of a row inside");
  v.field(40, "output_rows", w.outputRows, "rows of the output tile");
  v.field(42, "output_columns", w.outputColumns,
          "pixels of a row of the output tile");
  v.field(44, "kernel_y", w.kernelY, "taps, down");
  v.field(46, "kernel_x", w.kernelX, "taps, across");
  v.field(48, "stride_y", w.strideY, "input rows per output row");
  v.field(50, "stride_x", w.strideX, "input pixels per output pixel");
  v.field(52, "dilation_y", w.dilationY, "input rows per tap");
  v.field(54, "dilation_x", w.dilationX, "input pixels per tap");
  v.field(56, "pad_top", w.padTop, "rows of padding above; may be negative");
  v.field(58, "pad_left", w.padLeft, "pixels of padding; may be negative");
  v.flag(5, "wide_input", w.wideInput, "inputs have two bytes");
}

template <typename E, typename V> void visitEpilogue(E &e, V &v) {
  v.flag(2, "has_residual", e.hasResidual, "add a residual");
  v.flag(3, "has_table", e.hasTable, "look the result up in a table");
  v.flag(6, "wide_output", e.wideOutput, "results have two bytes");
  v.flag(7, "wide_residual", e.wideResidual, "so has the residual");
  v.field(2, "clamp_max", e.clampMax, "highest result");
  v.field(73, "output_zero_point", e.outputZeroPoint, "added after rescale");
  v.field(74, "clamp_min", e.clampMin, "lowest result");
  v.field(76, "residual_zero_point", e.residualZeroPoint, "of the residual");
  v.field(77, "residual_shift", e.residualShift, "scale of the residual");
  v.field(78, "sum_shift", e.sumShift, "scale of the sum");
  v.address(80, "parameters", e.parameters,
            "bias, multiplier, shift (int32 each) of each column");
  v.address(84, "output", e.output, "address of output pixel (0, 0)");
  v.field(88, "output_row_pitch", e.outputRowPitch,
          "bytes between output rows");
  v.field(92, "output_pixel_pitch", e.outputPixelPitch,
          "bytes between output pixels");
  v.address(96, "residual", e.residual, "address of residual pixel (0, 0)");
  v.field(100, "residual_row_pitch", e.residualRowPitch,
          "bytes between its rows");
  v.field(104, "residual_pixel_pitch", e.residualPixelPitch,
          "bytes between its pixels");
  v.field(108, "residual_multiplier", e.residualMultiplier,
          "scale of the residual");
  v.field(112, "sum_multiplier", e.sumMultiplier, "scale of the sum");
  v.address(116, "table", e.table, "address of 256 bytes");
}

template <CommandOf<MatmulCommand> C, typename V> void visitFields(C &c, V &v) {
  v.flag(0, "accumulate", c.accumulate, "start from the accumulators' values");
  v.flag(1, "finish", c.finish, "run the epilogue");
  visitWindow(c.window, v);
  v.field(60, "channels", c.channels, "elements of a tap");
  v.field(62, "columns", c.columns, "output columns");
  v.address(64, "weights", c.weights, "address of the weights");
  v.address(68, "accumulator", c.accumulator, "address of the first sum");
  v.field(72, "input_zero_point", c.inputZeroPoint,
          "subtracted from each input");
  visitEpilogue(c.epilogue, v);
  v.field(120, "precision", c.precision, "bits that the array multiplies");
  v.field(121, "dataflow", c.dataflow,
          "0 weight-, 1 output-stationary, where the machine has both");
  v.field(122, "runs", c.runs, "runs of channels of a tap");
  v.field(124, "run_pitch", c.runPitch, "bytes between runs");
}

template <CommandOf<DepthwiseCommand> C, typename V>
void visitFields(C &c, V &v) {
  visitWindow(c.window, v);
  v.field(60, "channels", c.channels, "channels, in and out");
  v.address(64, "weights", c.weights, "address of the weights");
  v.field(72, "input_zero_point", c.inputZeroPoint,
          "subtracted from each input");
  visitEpilogue(c.epilogue, v);
}

template <CommandOf<PoolCommand> C, typename V> void visitFields(C &c, V &v) {
  v.flag(4, "count_padding", c.countPadding,
         "one scale for all counts of taps");
  visitWindow(c.window, v);
  v.field(60, "channels", c.channels, "channels, in and out");
  v.field(72, "input_zero_point", c.inputZeroPoint,
          "subtracted from each input (sum)");
  v.field(73, "output_zero_point", c.outputZeroPoint,
          "added after rescale (sum)");
  v.flag(6, "wide_output", c.wideOutput, "results have two bytes");
  v.field(2, "clamp_max", c.clampMax, "highest result");
  v.field(74, "clamp_min", c.clampMin, "lowest result");
  v.field(79, "kind", c.kind, "0 maximum, 1 sum");
  v.address(80, "parameters", c.parameters,
            "multiplier, shift (int32 each) for each count of taps (sum)");
  v.address(84, "output", c.output, "address of output pixel (0, 0)");
  v.field(88, "output_row_pitch", c.outputRowPitch,
          "bytes between output rows");
  v.field(92, "output_pixel_pitch", c.outputPixelPitch,
          "bytes between output pixels");
}

template <CommandOf<BinaryCommand> C, typename V> void visitFields(C &c, V &v) {
  v.flag(3, "has_table", c.hasTable, "look the result up in a table");
  v.field(24, "count_0", c.count[0], "extent of index i");
  v.field(26, "count_1", c.count[1], "extent of index j");
  v.field(28, "count_2", c.count[2], "extent of index k");
  v.field(30, "kind", c.kind, "0 add, 1 subtract, 2 multiply");
  v.field(32, "length", c.length, "extent of index l");
  v.address(36, "a", c.a, "address of a (0, 0, 0, 0)");
  v.address(40, "b", c.b, "address of b (0, 0, 0, 0)");
  v.address(44, "output", c.output, "address of the output (0, 0, 0, 0)");
  v.address(48, "table", c.table, "address of 256 bytes");
  v.field(52, "a_stride_0", c.aStride[0], "bytes in a per step of i");
  v.field(56, "a_stride_1", c.aStride[1], "... of j");
  v.field(60, "a_stride_2", c.aStride[2], "... of k");
  v.field(64, "a_stride_3", c.aStride[3], "... of l");
  v.field(68, "b_stride_0", c.bStride[0], "bytes in b per step of i");
  v.field(72, "b_stride_1", c.bStride[1], "... of j");
  v.field(76, "b_stride_2", c.bStride[2], "... of k");
  v.field(80, "b_stride_3", c.bStride[3], "... of l");
  v.field(84, "output_stride_0", c.outputStride[0],
          "bytes in the output per step of i");
  v.field(88, "output_stride_1", c.outputStride[1], "... of j");
  v.field(92, "output_stride_2", c.outputStride[2], "... of k");
  v.field(96, "a_zero_point", c.aZeroPoint, "subtracted from a");
  v.field(97, "b_zero_point", c.bZeroPoint, "subtracted from b");
  v.field(98, "output_zero_point", c.outputZeroPoint, "added after rescale");
  v.flag(5, "wide_a", c.wideA, "elements of a have two bytes");
  v.flag(6, "wide_output", c.wideOutput, "results have two bytes");
  v.flag(7, "wide_b", c.wideB, "elements of b have two bytes");
  v.field(101, "a_shift", c.aShift, "scale of a (add, subtract)");
  v.field(102, "b_shift", c.bShift, "scale of b (add, subtract)");
  v.field(103, "output_shift", c.outputShift, "scale of the result");
  v.field(104, "a_multiplier", c.aMultiplier, "scale of a (add, subtract)");
  v.field(108, "b_multiplier", c.bMultiplier, "scale of b (add, subtract)");
  v.field(112, "output_multiplier", c.outputMultiplier, "scale of the result");
  v.field(116, "clamp_min", c.clampMin, "lowest result");
  v.field(118, "clamp_max", c.clampMax, "highest result");
}

template <CommandOf<LookupCommand> C, typename V> void visitFields(C &c, V &v) {
  v.address(24, "input", c.input, "address of the input");
  v.address(28, "output", c.output, "address of the output");
  v.address(32, "table", c.table, "address of 256 bytes, or 513 int16");
  v.field(36, "length", c.length, "elements");
  v.flag(5, "wide", c.isWide, "elements have two bytes");
  v.field(40, "step_bits", c.stepBits,
          "low bits of an input between two entries (wide)");
}

template <CommandOf<FillCommand> C, typename V> void visitFields(C &c, V &v) {
  v.address(24, "output", c.output, "address of the first row");
  v.field(28, "length", c.length, "bytes of a row");
  v.field(32, "rows", c.rows, "rows");
  v.field(36, "pitch", c.pitch, "bytes between rows");
  v.field(40, "value", c.value, "what is written");
  v.flag(6, "wide_output", c.wideOutput, "as two bytes");
}

template <CommandOf<HostCommand> C, typename V> void visitFields(C &c, V &v) {
  v.field(24, "function", c.function, "row of the host table");
  v.field(32, "operations", c.operations, "operations charged");
  v.field(40, "bytes", c.bytes, "bytes of DRAM charged, read and written");
  v.field(48, "written_bytes", c.writtenBytes, "of these, written");
}

} // namespace accopt

#endif // ACCOPT_LIB_TARGET_COMMANDFIELDS_H
