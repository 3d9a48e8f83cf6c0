//===- AccelCommandOps.td - Commands of the machine --------*- tablegen -*-===//
//
// Part of AccOpt. A program and its commands. The fields of each command are
// those of the encoding (accopt/Target/Encoding.h), their one home; verifiers
// check names and ranges against it.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_ACCEL_COMMAND_OPS
#define ACCOPT_ACCEL_COMMAND_OPS

include "dialects/Accel/AccelDialect.td"

def Accel_ProgramOp : Accel_Op<"program", [SymbolTable, Symbol, NoTerminator,
    SingleBlock, IsolatedFromAbove]> {
  let summary = "A scheduled network: tensors, constants, layers, commands";
  let description = [{
    `target` is the complete description of the machine in YAML; addresses are
    only valid for it. `host_module` is the bytecode of the host's functions.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$target,
    StrAttr:$model_sha256, I64Attr:$dram_bytes, StrAttr:$host_module);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat =
    "$sym_name attr-dict-with-keyword $body";
}

class Accel_InProgram<string mnemonic>
    : Accel_Op<mnemonic, [HasParent<"ProgramOp">]>;

def Accel_DramConstantOp : Accel_InProgram<"dram_constant"> {
  let summary = "Bytes that lie in DRAM before the program starts";
  let arguments = (ins I64Attr:$address, ElementsAttr:$value);
  let assemblyFormat = "$address attr-dict $value";
  let hasVerifier = 1;
}

def Accel_TensorOp : Accel_InProgram<"tensor"> {
  let summary = "A tensor in DRAM: an input, an output or what a layer leaves";
  let arguments = (ins StrAttr:$name, StrAttr:$kind, I64Attr:$address,
    BoolAttr:$in_scratchpad,
    DenseI64ArrayAttr:$shape, DenseI64ArrayAttr:$permutation,
    DenseI64ArrayAttr:$model_shape, F64Attr:$scale, I32Attr:$zero_point,
    I32Attr:$defined_by, DefaultValuedAttr<I32Attr, "8">:$bits,
    DefaultValuedAttr<BoolAttr, "false">:$packed,
    DefaultValuedAttr<I64Attr, "0">:$pitch,
    DefaultValuedAttr<StrAttr, "\"int8\"">:$type);
  let assemblyFormat = "$name $kind `at` $address attr-dict";
}

def Accel_LayerInfoOp : Accel_InProgram<"layer"> {
  let summary = "A row of the cost report: what the commands with its index compute";
  let arguments = (ins I32Attr:$index, StrAttr:$name, StrAttr:$op,
    StrAttr:$placement, StrAttr:$reason, I64Attr:$roofline_cycles,
    DefaultValuedAttr<I32Attr, "0">:$weight_bits,
    DefaultValuedAttr<I32Attr, "0">:$input_bits);
  let assemblyFormat = "$index $name attr-dict";
}

def Accel_HostFunctionOp : Accel_InProgram<"host_function"> {
  let summary = "Where the tensors of a host function lie in DRAM";
  let arguments = (ins StrAttr:$function, DenseI64ArrayAttr:$argument_addresses,
    ArrayAttr:$argument_shapes, StrArrayAttr:$argument_types,
    DenseI64ArrayAttr:$result_addresses, ArrayAttr:$result_shapes,
    StrArrayAttr:$result_types);
  let assemblyFormat = "$function attr-dict";
}

def Accel_CommandOp : Accel_InProgram<"command"> {
  let summary = "One command: tokens taken from each engine, layer, fields";
  let description = [{
    `opcode` and `fields` are those of the encoding; a field that is absent is
    zero. `take` counts the tokens from LOAD, EXEC, STORE and HOST.

    Example:
    ```mlir
    accel.command "load" layer 0 take [0, 0, 0, 0] {dram_address = 64, row_bytes = 128}
    ```
  }];
  let arguments = (ins StrAttr:$opcode, I32Attr:$layer, DenseI64ArrayAttr:$take,
    DictionaryAttr:$fields);
  let assemblyFormat = "$opcode `layer` $layer `take` $take $fields attr-dict";
  let hasVerifier = 1;
}

#endif // ACCOPT_ACCEL_COMMAND_OPS
