//===- AccelDialect.td - Dialect of the accelerator --------*- tablegen -*-===//
//
// Part of AccOpt. The dialect, and what both of its levels share.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_ACCEL_DIALECT
#define ACCOPT_ACCEL_DIALECT

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Accel_Dialect : Dialect {
  let name = "accel";
  let cppNamespace = "::accopt::accel";
  let summary = "The accelerator, as layers on tensors and as commands";
  let description = [{
    Two levels. Layer ops compute on int8 tensors in NHWC order with the exact
    integer arithmetic of the machine. Command ops are what the machine
    executes: addresses in its memories, tokens between its engines. The
    scheduler turns the first into the second.
  }];
  let useDefaultAttributePrinterParser = 1;
}

class Accel_Op<string mnemonic, list<Trait> traits = []>
    : Op<Accel_Dialect, mnemonic, traits>;

class Accel_Attr<string name, string attrMnemonic> : AttrDef<Accel_Dialect, name> {
  let mnemonic = attrMnemonic;
}

/// How an int32 value is scaled: TOSA's apply_scale_32 with single rounding,
/// `(value * multiplier + (1 << (shift - 1))) >> shift` in 64 bits.
def Accel_ScaleAttr : Accel_Attr<"Scale", "scale"> {
  let summary = "Fixed-point scale: multiplier in [2^30, 2^31), shift in [2, 62]";
  let parameters = (ins "int32_t":$multiplier, "int32_t":$shift);
  let assemblyFormat = "`<` $multiplier `,` $shift `>`";
  let genVerifyDecl = 1;
}

/// How an accumulator becomes int8; see Epilogue in accopt/Target/Command.h.
def Accel_RequantAttr : Accel_Attr<"Requant", "requant"> {
  let summary = "Requantization of int32 accumulators to int8 or int16";
  let description = [{
    `multiplier` and `shift` have one entry per output channel, or one in all.
    With a residual the scaled accumulator and the scaled residual are added
    and scaled by `sum`. `table`, where not empty, has 256 entries and maps the
    clamped int8 value q to `table[q + 128]`.
  }];
  let parameters = (ins
    ArrayRefParameter<"int32_t">:$multiplier,
    ArrayRefParameter<"int32_t">:$shift,
    "int32_t":$zeroPoint, "int32_t":$clampMin, "int32_t":$clampMax,
    OptionalParameter<"::accopt::accel::ScaleAttr">:$residual,
    DefaultValuedParameter<"int32_t", "0">:$residualZeroPoint,
    OptionalParameter<"::accopt::accel::ScaleAttr">:$sum,
    OptionalArrayRefParameter<"int8_t">:$table);
  let assemblyFormat = [{
    `<` `multiplier` `=` `[` $multiplier `]` `,` `shift` `=` `[` $shift `]` `,`
    `zero_point` `=` $zeroPoint `,` `clamp` `=` `[` $clampMin `,` $clampMax `]`
    (`residual` `=` $residual^)?
    (`residual_zero_point` `=` $residualZeroPoint^)?
    (`sum` `=` $sum^)?
    (`table` `=` `[` $table^ `]`)? `>`
  }];
}

#endif // ACCOPT_ACCEL_DIALECT
