//===- AccelLayerOps.td - Layers on tensors ----------------*- tablegen -*-===//
//
// Part of AccOpt. Integer semantics on static tensors; images are N x H x W x C.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_ACCEL_LAYER_OPS
#define ACCOPT_ACCEL_LAYER_OPS

include "dialects/Accel/AccelDialect.td"

def Accel_I8 : StaticShapeTensorOf<[I8]>;
/// What the engines compute on: bytes, or int16 with a zero point of 0.
def Accel_Activation : StaticShapeTensorOf<[I8, I16]>;
def Accel_I32 : StaticShapeTensorOf<[I32]>;
/// What lies in DRAM: the engines touch int8 and int16 alone, the host any
/// number.
def Accel_Number : StaticShapeTensorOf<[F32, AnyInteger]>;

class Accel_LayerOp<string mnemonic, list<Trait> traits = []>
    : Accel_Op<mnemonic, !listconcat([Pure], traits)> {
  let results = (outs Accel_Activation:$result);
}

def Accel_ConstantOp : Accel_Op<"constant",
    [Pure, ConstantLike, AllTypesMatch<["value", "result"]>]> {
  let summary = "Integers that are known when compiling";
  let description = [{
    Example:
    ```mlir
    %0 = accel.constant dense<[1, 2]> : tensor<2xi32>
    ```
  }];
  let arguments = (ins ElementsAttr:$value);
  let results = (outs StaticShapeTensorOf<[I8, I16, I32]>:$result);
  let assemblyFormat = "attr-dict $value";
  let hasFolder = 1;
}

def Accel_Conv2DOp : Accel_LayerOp<"conv2d"> {
  let summary = "Convolution, grouped or not, on the array";
  let description = [{
    acc[n,y,x,m] = bias[m] + sum over taps and channels of the group of
    (input - input_zero_point) * weights; padding contributes nothing. Then
    `requant`; the residual has the result's shape. Input N x H x W x C,
    weights M x KH x KW x C/groups, bias M. `pads` is top, left, bottom, right.
    Inputs have `input_bits` and weights `weight_bits` bits (2 to 8): their
    values lie in [-2^(b - 1), 2^(b - 1) - 1]. Inputs of 9 to 16 bits are int16,
    and so few that no sum leaves int32. Input, residual and result may differ
    in width.
    With `input_channels` the convolution's channel c is channel
    `input_channels[c]` of the input: a channel shuffle that moves nothing.

    Example:
    ```mlir
    %0 = accel.conv2d %x, %w, %b {dilations = array<i64: 1, 1>, groups = 1 : i64,
      input_zero_point = -128 : i32, pads = array<i64: 1, 1, 1, 1>,
      requant = #accel.requant<multiplier = [1073741824], shift = [38], zero_point = -128, clamp = [-128, 127]>,
      strides = array<i64: 1, 1>}
      : (tensor<1x8x8x3xi8>, tensor<4x3x3x3xi8>, tensor<4xi32>) -> tensor<1x8x8x4xi8>
    ```
  }];
  let arguments = (ins Accel_Activation:$input, Accel_I8:$weights,
    Accel_I32:$bias, Optional<Accel_Activation>:$residual,
    DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
    DenseI64ArrayAttr:$dilations, I64Attr:$groups, I32Attr:$input_zero_point,
    Accel_RequantAttr:$requant,
    OptionalAttr<DenseI64ArrayAttr>:$input_channels,
    DefaultValuedAttr<I32Attr, "8">:$weight_bits,
    DefaultValuedAttr<I32Attr, "8">:$input_bits);
  let assemblyFormat = [{
    $input `,` $weights `,` $bias (`residual` $residual^)? attr-dict
    `:` functional-type(operands, $result)
  }];
  let hasVerifier = 1;
}

def Accel_DepthwiseConv2DOp
    : Accel_LayerOp<"depthwise_conv2d"> {
  let summary = "Depthwise convolution with a multiplier of 1, on the vector unit";
  let description = [{
    As conv2d with one channel per group and as many groups as channels;
    weights are KH x KW x C.

    Example:
    ```mlir
    %0 = accel.depthwise_conv2d %x, %w, %b {dilations = array<i64: 1, 1>,
      input_zero_point = 3 : i32, pads = array<i64: 1, 1, 1, 1>,
      requant = #accel.requant<multiplier = [1073741824], shift = [36], zero_point = 0, clamp = [-128, 127]>,
      strides = array<i64: 2, 2>}
      : (tensor<1x8x8x4xi8>, tensor<3x3x4xi8>, tensor<4xi32>) -> tensor<1x4x4x4xi8>
    ```
  }];
  let arguments = (ins Accel_Activation:$input, Accel_I8:$weights,
    Accel_I32:$bias, Optional<Accel_Activation>:$residual,
    DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
    DenseI64ArrayAttr:$dilations, I32Attr:$input_zero_point,
    Accel_RequantAttr:$requant,
    DefaultValuedAttr<I32Attr, "8">:$weight_bits,
    DefaultValuedAttr<I32Attr, "8">:$input_bits);
  let assemblyFormat = [{
    $input `,` $weights `,` $bias (`residual` $residual^)? attr-dict
    `:` functional-type(operands, $result)
  }];
  let hasVerifier = 1;
}

def Accel_MaxPoolOp : Accel_LayerOp<"max_pool"> {
  let summary = "Maximum of a window; padding takes no part";
  let description = [{
    The result's type and parameters of quantization are the input's; it is
    clamped to [`clamp_min`, `clamp_max`], by default all of int8.

    Example:
    ```mlir
    %0 = accel.max_pool %x {dilations = array<i64: 1, 1>, kernel = array<i64: 2, 2>,
      pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 2, 2>}
      : (tensor<1x8x8x4xi8>) -> tensor<1x4x4x4xi8>
    ```
  }];
  let arguments = (ins Accel_Activation:$input, DenseI64ArrayAttr:$kernel,
    DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
    DenseI64ArrayAttr:$dilations,
    DefaultValuedAttr<I32Attr, "-128">:$clamp_min,
    DefaultValuedAttr<I32Attr, "127">:$clamp_max);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $result)";
  let hasVerifier = 1;
}

def Accel_AvgPoolOp : Accel_LayerOp<"avg_pool"> {
  let summary = "Sum of a window, scaled by the number of its taps";
  let description = [{
    v = sum over the taps inside the input of (x - input_zero_point); with n
    the number of those taps (of all taps where `count_include_pad`):
    result = clamp(apply_scale(v, multiplier[n - 1], shift[n - 1]) +
    output_zero_point, clamp_min, clamp_max), by default all of int8. The tables
    have KH * KW entries, the multiplier of n holding input scale / (output
    scale * n); where `count_include_pad`, there is one n and one entry. With a
    window of one tap it converts between int8 and int16.

    Example:
    ```mlir
    %0 = accel.avg_pool %x {count_include_pad = false, dilations = array<i64: 1, 1>,
      input_zero_point = 0 : i32, kernel = array<i64: 1, 2>,
      multiplier = array<i32: 1073741824, 1073741824>, output_zero_point = 0 : i32,
      pads = array<i64: 0, 0, 0, 0>, shift = array<i32: 30, 31>, strides = array<i64: 1, 2>}
      : (tensor<1x8x8x4xi8>) -> tensor<1x8x4x4xi8>
    ```
  }];
  let arguments = (ins Accel_Activation:$input, DenseI64ArrayAttr:$kernel,
    DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
    DenseI64ArrayAttr:$dilations, BoolAttr:$count_include_pad,
    I32Attr:$input_zero_point, I32Attr:$output_zero_point,
    DenseI32ArrayAttr:$multiplier, DenseI32ArrayAttr:$shift,
    DefaultValuedAttr<I32Attr, "-128">:$clamp_min,
    DefaultValuedAttr<I32Attr, "127">:$clamp_max);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $result)";
  let hasVerifier = 1;
}

def Accel_BinaryKind : I32EnumAttr<"BinaryOpKind", "Elementwise operation", [
    I32EnumAttrCase<"Add", 0, "add">, I32EnumAttrCase<"Sub", 1, "sub">,
    I32EnumAttrCase<"Mul", 2, "mul">]> {
  let cppNamespace = "::accopt::accel";
  let genSpecializedAttr = 0;
}
def Accel_BinaryKindAttr
    : EnumAttr<Accel_Dialect, Accel_BinaryKind, "kind"> {
  let assemblyFormat = "`<` $value `>`";
}

def Accel_BinaryOp : Accel_LayerOp<"binary"> {
  let summary = "Elementwise addition, subtraction or product";
  let description = [{
    Operands of equal rank; a dimension of 1 broadcasts. Add and sub: both
    operands, less their zero points, are scaled (`lhs_scale`, `rhs_scale`) to
    a common scale and added or subtracted; mul: multiplied, and the two scales
    are absent. Then apply_scale with `output_scale`, zero point, clamp.

    Example:
    ```mlir
    %0 = accel.binary %a, %b {clamp_max = 127 : i32, clamp_min = -128 : i32,
      kind = #accel.kind<mul>, lhs_zero_point = 1 : i32, output_scale = #accel.scale<1073741824, 38>,
      output_zero_point = 0 : i32, rhs_zero_point = 2 : i32}
      : (tensor<1x8x8x4xi8>, tensor<1x1x1x4xi8>) -> tensor<1x8x8x4xi8>
    ```
  }];
  let arguments = (ins Accel_Activation:$lhs, Accel_Activation:$rhs, Accel_BinaryKindAttr:$kind,
    I32Attr:$lhs_zero_point, I32Attr:$rhs_zero_point,
    OptionalAttr<Accel_ScaleAttr>:$lhs_scale,
    OptionalAttr<Accel_ScaleAttr>:$rhs_scale,
    Accel_ScaleAttr:$output_scale, I32Attr:$output_zero_point,
    I32Attr:$clamp_min, I32Attr:$clamp_max);
  let assemblyFormat =
    "$lhs `,` $rhs attr-dict `:` functional-type(operands, $result)";
  let hasVerifier = 1;
}

def Accel_LookupOp : Accel_LayerOp<"lookup", [AllTypesMatch<["input", "result"]>]> {
  let summary = "Any function of one int8 value, as a table";
  let description = [{
    result = table[input + 128]; the table has 256 entries.

    Example (abridged in documents; the table always has 256 entries):
    `accel.lookup %x {table = array<i8: ...>} : (tensor<1x4xi8>) -> tensor<1x4xi8>`
  }];
  let arguments = (ins Accel_I8:$input, DenseI8ArrayAttr:$table);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $result)";
  let hasVerifier = 1;
}

def Accel_InterpolateOp
    : Accel_LayerOp<"interpolate", [AllTypesMatch<["input", "result"]>]> {
  let summary = "Any function of one int16 value, between 513 points";
  let description = [{
    Inputs have b = `input_bits` bits (9 to 16). With s = b - 9, k = x >> s and f
    the low s bits of x: result = t[k + 256] + (((t[k + 257] - t[k + 256]) * f +
    2^(s - 1)) >> s), the last without the rounding where s is 0.

    Example (abridged in documents; the table always has 513 entries):
    `accel.interpolate %x {table = array<i16: ...>} : (tensor<1x4xi16>) -> tensor<1x4xi16>`
  }];
  let arguments = (ins StaticShapeTensorOf<[I16]>:$input,
    DenseI16ArrayAttr:$table, DefaultValuedAttr<I32Attr, "16">:$input_bits);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $result)";
  let hasVerifier = 1;
}

def Accel_ReshapeOp : Accel_Op<"reshape", [Pure]> {
  let summary = "The same bytes with another shape; costs nothing";
  let description = [{
    Example:
    ```mlir
    %0 = accel.reshape %x : (tensor<1x2x2x4xi8>) -> tensor<1x16xi8>
    ```
  }];
  let arguments = (ins Accel_Number:$input);
  let results = (outs Accel_Number:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $result)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Accel_TransposeOp : Accel_LayerOp<"transpose"> {
  let summary = "Result dimension i is input dimension perm[i]; by DMA";
  let description = [{
    Example:
    ```mlir
    %0 = accel.transpose %x {perm = array<i64: 0, 3, 1, 2>}
      : (tensor<1x2x2x4xi8>) -> tensor<1x4x2x2xi8>
    ```
  }];
  let arguments = (ins Accel_Activation:$input, DenseI64ArrayAttr:$perm);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $result)";
  let hasVerifier = 1;
}

def Accel_ConcatOp : Accel_LayerOp<"concat"> {
  let summary = "Concatenation along one axis; by DMA";
  let description = [{
    Example:
    ```mlir
    %0 = accel.concat %a, %b {axis = 3 : i64}
      : (tensor<1x2x2x4xi8>, tensor<1x2x2x3xi8>) -> tensor<1x2x2x7xi8>
    ```
  }];
  let arguments = (ins Variadic<Accel_Activation>:$inputs, I64Attr:$axis);
  let assemblyFormat = "$inputs attr-dict `:` functional-type(operands, $result)";
  let hasVerifier = 1;
}

def Accel_SliceOp : Accel_LayerOp<"slice"> {
  let summary = "Element i of dimension d is input element starts[d] + i * steps[d]; by DMA";
  let description = [{
    Example:
    ```mlir
    %0 = accel.slice %x {starts = array<i64: 0, 0, 0, 2>, steps = array<i64: 1, 1, 1, 1>}
      : (tensor<1x2x2x4xi8>) -> tensor<1x2x2x2xi8>
    ```
  }];
  let arguments = (ins Accel_Activation:$input, DenseI64ArrayAttr:$starts,
    DenseI64ArrayAttr:$steps);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $result)";
  let hasVerifier = 1;
}

def Accel_PadOp : Accel_LayerOp<"pad"> {
  let summary = "Non-negative padding with one value; by DMA and fill";
  let description = [{
    `pads` lists all begins, then all ends.

    Example:
    ```mlir
    %0 = accel.pad %x {pads = array<i64: 0, 1, 1, 0, 0, 1, 1, 0>, value = -128 : i32}
      : (tensor<1x2x2x4xi8>) -> tensor<1x4x4x4xi8>
    ```
  }];
  let arguments = (ins Accel_Activation:$input, DenseI64ArrayAttr:$pads, I32Attr:$value);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $result)";
  let hasVerifier = 1;
}

def Accel_HostOp : Accel_Op<"host", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "A function that the host runs, and why";
  let description = [{
    `callee` is a function of the module whose body is TOSA, tensor, arith,
    math, scf and linalg, on tensors of int8 where the machine makes or reads
    them and of any number elsewhere; `operations` is what the host is charged
    for.

    Example:
    ```mlir
    %0 = accel.host @softmax(%x) {operations = 40 : i64, reason = "the vector unit has no exponential"}
      : (tensor<1x10xi8>) -> tensor<1x10xi8>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$callee, Variadic<Accel_Number>:$inputs,
    StrAttr:$reason, I64Attr:$operations);
  let results = (outs Variadic<Accel_Number>:$results);
  let assemblyFormat = [{
    $callee `(` $inputs `)` attr-dict `:` functional-type($inputs, $results)
  }];
}

#endif // ACCOPT_ACCEL_LAYER_OPS
