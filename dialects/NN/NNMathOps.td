//===- NNMathOps.td - Functions of one, two, three values --*- tablegen -*-===//
//
// Part of AccOpt. Elementwise ops that differ in their scalar function alone
// are one op with a kind.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_NN_MATH_OPS
#define ACCOPT_NN_MATH_OPS

include "dialects/NN/NNDialect.td"
include "mlir/IR/EnumAttr.td"

class NN_Kind<string name, string what, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, what, cases> {
  let cppNamespace = "::accopt::nn";
  let genSpecializedAttr = 0;
}

def NN_UnaryKind : NN_Kind<"UnaryKind", "Function of one value", [
    I32EnumAttrCase<"Abs", 0, "abs">, I32EnumAttrCase<"Neg", 1, "neg">,
    I32EnumAttrCase<"Exp", 2, "exp">, I32EnumAttrCase<"Log", 3, "log">,
    I32EnumAttrCase<"Sqrt", 4, "sqrt">,
    I32EnumAttrCase<"Reciprocal", 5, "reciprocal">,
    I32EnumAttrCase<"Erf", 6, "erf">, I32EnumAttrCase<"Tanh", 7, "tanh">,
    I32EnumAttrCase<"Sin", 8, "sin">, I32EnumAttrCase<"Cos", 9, "cos">,
    I32EnumAttrCase<"Tan", 10, "tan">, I32EnumAttrCase<"Asin", 11, "asin">,
    I32EnumAttrCase<"Acos", 12, "acos">, I32EnumAttrCase<"Atan", 13, "atan">,
    I32EnumAttrCase<"Sinh", 14, "sinh">, I32EnumAttrCase<"Cosh", 15, "cosh">,
    I32EnumAttrCase<"Asinh", 16, "asinh">,
    I32EnumAttrCase<"Acosh", 17, "acosh">,
    I32EnumAttrCase<"Atanh", 18, "atanh">,
    I32EnumAttrCase<"Floor", 19, "floor">, I32EnumAttrCase<"Ceil", 20, "ceil">,
    I32EnumAttrCase<"Round", 21, "round">, I32EnumAttrCase<"Sign", 22, "sign">,
    I32EnumAttrCase<"Softplus", 23, "softplus">,
    I32EnumAttrCase<"Softsign", 24, "softsign">,
    I32EnumAttrCase<"Elu", 25, "elu">, I32EnumAttrCase<"Selu", 26, "selu">,
    I32EnumAttrCase<"Celu", 27, "celu">,
    I32EnumAttrCase<"ThresholdedRelu", 28, "thresholded_relu">,
    I32EnumAttrCase<"Mish", 29, "mish">, I32EnumAttrCase<"Gelu", 30, "gelu">,
    I32EnumAttrCase<"GeluTanh", 31, "gelu_tanh">,
    I32EnumAttrCase<"Shrink", 32, "shrink">,
    I32EnumAttrCase<"Power", 33, "power">,
    I32EnumAttrCase<"Swish", 34, "swish">,
    I32EnumAttrCase<"Not", 35, "not">,
    I32EnumAttrCase<"IsNaN", 36, "is_nan">,
    I32EnumAttrCase<"IsInf", 37, "is_inf">,
    I32EnumAttrCase<"IsPositiveInf", 38, "is_positive_inf">,
    I32EnumAttrCase<"IsNegativeInf", 39, "is_negative_inf">,
    // Steps of a chain; alone, these are ops of their own.
    I32EnumAttrCase<"Affine", 40, "affine">,
    I32EnumAttrCase<"Clamp", 41, "clamp">,
    I32EnumAttrCase<"LeakyRelu", 42, "leaky_relu">,
    I32EnumAttrCase<"Sigmoid", 43, "sigmoid">,
    I32EnumAttrCase<"HardSigmoid", 44, "hard_sigmoid">,
    I32EnumAttrCase<"HardSwish", 45, "hard_swish">,
    I32EnumAttrCase<"Silu", 46, "silu">]>;
def NN_UnaryKindAttr : EnumAttr<NN_Dialect, NN_UnaryKind, "unary_kind">;

def NN_UnaryMathOp : NN_InferredOp<"unary"> {
  let summary = "A function of one value, chosen by its kind";
  let description = [{
    What the ONNX operator of the kind's name computes. `alpha` and `beta` are
    the parameters of the kinds that have any: `elu`, `celu` and
    `thresholded_relu` alpha; `selu` alpha and gamma; `shrink` lambd and bias;
    `swish` alpha; `power` the exponent. `gelu_tanh` is Gelu with the
    approximation by tanh. The result is i1 for the kinds that ask a question;
    `not` takes integers, all bits of which it turns.

    A function of one value, so that a quantized one is a table look-up.

    Example:
    ```mlir
    %0 = nn.unary tanh %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
    ```
  }];
  let arguments = (ins NN_UnaryKindAttr:$kind, NN_Tensor:$input,
    OptionalAttr<F32Attr>:$alpha, OptionalAttr<F32Attr>:$beta);
  let assemblyFormat =
    "$kind $input attr-dict `:` functional-type(operands, $result)";
  let hasVerifier = 1;
}

def NN_ChainOp : NN_InferredOp<"chain"> {
  let summary = "Functions of one value, one after another";
  let description = [{
    `steps` from left to right: what `nn.unary` has of this name, or the op of
    this name; `affine(a, b)` is a x + b and `clamp(a, b)` is min(max(x, a), b).
    Up to two numbers are the parameters alpha and beta.

    What lies between two steps is never rounded: a quantized chain is one table
    look-up.

    Example:
    ```mlir
    %0 = nn.chain [hard_swish, affine(0.5, 2.0)] %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$input, DenseI32ArrayAttr:$kinds,
    DenseF32ArrayAttr:$alphas, DenseF32ArrayAttr:$betas);
  let assemblyFormat = [{
    custom<Steps>($kinds, $alphas, $betas) $input attr-dict
    `:` functional-type(operands, $result)
  }];
  let hasVerifier = 1;
}

def NN_BinaryKind : NN_Kind<"BinaryKind", "Function of two values", [
    I32EnumAttrCase<"Add", 0, "add">, I32EnumAttrCase<"Sub", 1, "sub">,
    I32EnumAttrCase<"Mul", 2, "mul">, I32EnumAttrCase<"Div", 3, "div">,
    I32EnumAttrCase<"Pow", 4, "pow">, I32EnumAttrCase<"Min", 5, "min">,
    I32EnumAttrCase<"Max", 6, "max">, I32EnumAttrCase<"Mod", 7, "mod">,
    I32EnumAttrCase<"FMod", 8, "fmod">, I32EnumAttrCase<"PRelu", 9, "prelu">,
    I32EnumAttrCase<"Equal", 10, "equal">, I32EnumAttrCase<"Less", 11, "less">,
    I32EnumAttrCase<"LessOrEqual", 12, "less_or_equal">,
    I32EnumAttrCase<"Greater", 13, "greater">,
    I32EnumAttrCase<"GreaterOrEqual", 14, "greater_or_equal">,
    I32EnumAttrCase<"And", 15, "and">, I32EnumAttrCase<"Or", 16, "or">,
    I32EnumAttrCase<"Xor", 17, "xor">,
    I32EnumAttrCase<"ShiftLeft", 18, "shift_left">,
    I32EnumAttrCase<"ShiftRight", 19, "shift_right">]>;
def NN_BinaryKindAttr : EnumAttr<NN_Dialect, NN_BinaryKind, "binary_kind">;

def NN_BinaryMathOp : NN_InferredOp<"binary"> {
  let summary = "A function of two values, with numpy broadcasting";
  let description = [{
    What `nn.add` and its like do not say: sums and products of integers, powers,
    extremes, remainders (`mod` has the divisor's sign, `fmod` the dividend's),
    comparisons, whose result is i1, bits. Integers wrap; their division
    truncates. Both operands have one element type.

    Example:
    ```mlir
    %0 = nn.binary less %a, %b : (tensor<2x4xi64>, tensor<4xi64>) -> tensor<2x4xi1>
    ```
  }];
  let arguments = (ins NN_BinaryKindAttr:$kind, NN_Tensor:$lhs, NN_Tensor:$rhs);
  let assemblyFormat =
    "$kind $lhs `,` $rhs attr-dict `:` functional-type(operands, $result)";
  let hasVerifier = 1;
}

def NN_SelectOp : NN_InferredOp<"select"> {
  let summary = "ONNX Where: condition ? on_true : on_false";
  let description = [{
    All three broadcast as in numpy.

    Example:
    ```mlir
    %0 = nn.select %c, %a, %b : (tensor<4xi1>, tensor<2x4xf32>, tensor<f32>) -> tensor<2x4xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$condition, NN_Tensor:$on_true,
    NN_Tensor:$on_false);
  let assemblyFormat = [{
    $condition `,` $on_true `,` $on_false attr-dict
    `:` functional-type(operands, $result)
  }];
  let hasVerifier = 1;
}

def NN_CastOp : NN_Op<"cast"> {
  let summary = "ONNX Cast between numbers";
  let description = [{
    Floats are cut to integers towards zero; integers of fewer bits keep the low
    ones; i1 is whether the value is not zero.

    Example:
    ```mlir
    %0 = nn.cast %x : (tensor<2x4xi64>) -> tensor<2x4xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$input);
  let results = (outs NN_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $result)";
  let hasVerifier = 1;
}

#endif // ACCOPT_NN_MATH_OPS
