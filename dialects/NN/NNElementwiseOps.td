//===- NNElementwiseOps.td - Elementwise ops ---------------*- tablegen -*-===//

#ifndef ACCOPT_NN_ELEMENTWISE_OPS
#define ACCOPT_NN_ELEMENTWISE_OPS

include "dialects/NN/NNDialect.td"

class NN_BinaryOp<string mnemonic, string onnx, list<Trait> traits = []>
    : NN_InferredOp<mnemonic, traits> {
  let summary = "ONNX " # onnx # " with numpy broadcasting and a fused clamp";
  let description = [{
    `result = clamp(lhs op rhs)`; the clamp bounds are absent where there is
    none.

    Example:
    ```mlir
    %0 = nn.}] # mnemonic # [{ %a, %b : (tensor<1x4x2x2xf32>, tensor<4x1x1xf32>) -> tensor<1x4x2x2xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$lhs, NN_Tensor:$rhs,
    OptionalAttr<F32Attr>:$clamp_min, OptionalAttr<F32Attr>:$clamp_max);
  let assemblyFormat =
    "$lhs `,` $rhs attr-dict `:` functional-type(operands, $result)";
}
def NN_AddOp : NN_BinaryOp<"add", "Add", [Commutative]> { let hasFolder = 1; }
def NN_SubOp : NN_BinaryOp<"sub", "Sub"> { let hasFolder = 1; }
def NN_MulOp : NN_BinaryOp<"mul", "Mul", [Commutative]> { let hasFolder = 1; }
def NN_DivOp : NN_BinaryOp<"div", "Div"> { let hasFolder = 1; }

class NN_UnaryOp<string mnemonic, string what, dag extra = (ins)>
    : NN_InferredOp<mnemonic> {
  let summary = what;
  let arguments = !con((ins NN_Tensor:$input), extra);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, $result)";
}
def NN_ReluOp : NN_UnaryOp<"relu", "ONNX Relu: max(x, 0)"> {
  let description = [{
    Example:
    ```mlir
    %0 = nn.relu %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
    ```
  }];
  let hasFolder = 1;
}
def NN_ClipOp : NN_UnaryOp<"clip", "ONNX Clip: min(max(x, minimum), maximum)",
    (ins OptionalAttr<F32Attr>:$minimum, OptionalAttr<F32Attr>:$maximum)> {
  let description = [{
    A bound that is absent does not bind.

    Example:
    ```mlir
    %0 = nn.clip %x {maximum = 6.0 : f32, minimum = 0.0 : f32} : (tensor<1x4xf32>) -> tensor<1x4xf32>
    ```
  }];
  let hasFolder = 1;
}
def NN_LeakyReluOp : NN_UnaryOp<"leaky_relu", "ONNX LeakyRelu: x < 0 ? alpha x : x",
    (ins F32Attr:$alpha)> {
  let description = [{
    Example:
    ```mlir
    %0 = nn.leaky_relu %x {alpha = 0.01 : f32} : (tensor<1x4xf32>) -> tensor<1x4xf32>
    ```
  }];
}
def NN_SigmoidOp : NN_UnaryOp<"sigmoid", "ONNX Sigmoid: 1 / (1 + exp(-x))"> {
  let description = [{
    Example:
    ```mlir
    %0 = nn.sigmoid %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
    ```
  }];
}
def NN_HardSigmoidOp : NN_UnaryOp<"hard_sigmoid",
    "ONNX HardSigmoid: max(0, min(1, alpha x + beta))",
    (ins F32Attr:$alpha, F32Attr:$beta)> {
  let description = [{
    Example:
    ```mlir
    %0 = nn.hard_sigmoid %x {alpha = 0.2 : f32, beta = 0.5 : f32} : (tensor<1x4xf32>) -> tensor<1x4xf32>
    ```
  }];
}
def NN_HardSwishOp : NN_UnaryOp<"hard_swish",
    "ONNX HardSwish: x max(0, min(1, x / 6 + 0.5))"> {
  let description = [{
    Example:
    ```mlir
    %0 = nn.hard_swish %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
    ```
  }];
}
def NN_SiluOp : NN_UnaryOp<"silu", "x / (1 + exp(-x)): x times its sigmoid"> {
  let description = [{
    Also called swish. A function of one value, so that a quantized one is a
    table look-up.

    Example:
    ```mlir
    %0 = nn.silu %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
    ```
  }];
}

def NN_BatchNormOp : NN_InferredOp<"batch_norm"> {
  let summary = "ONNX BatchNormalization in inference mode";
  let description = [{
    `scale (x - mean) / sqrt(variance + epsilon) + shift` per channel (axis 1);
    the four parameters have shape C.

    Example:
    ```mlir
    %0 = nn.batch_norm %x, %s, %b, %m, %v {epsilon = 1.0e-5 : f32}
      : (tensor<1x4x2x2xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4x2x2xf32>
    ```
  }];
  let arguments = (ins NN_Tensor:$input, NN_Tensor:$scale, NN_Tensor:$shift,
    NN_Tensor:$mean, NN_Tensor:$variance, F32Attr:$epsilon);
  let assemblyFormat = [{
    $input `,` $scale `,` $shift `,` $mean `,` $variance attr-dict
    `:` functional-type(operands, $result)
  }];
  let hasVerifier = 1;
}

def NN_SoftmaxOp : NN_UnaryOp<"softmax", "ONNX Softmax along one axis (opset 13)",
    (ins I64Attr:$axis)> {
  let description = [{
    `axis` lies in [0, rank).

    Example:
    ```mlir
    %0 = nn.softmax %x {axis = 1 : i64} : (tensor<1x4xf32>) -> tensor<1x4xf32>
    ```
  }];
  let hasVerifier = 1;
}

def NN_LrnOp : NN_UnaryOp<"lrn", "ONNX LRN across channels (axis 1)",
    (ins F32Attr:$alpha, F32Attr:$beta, F32Attr:$bias, I64Attr:$size)> {
  let description = [{
    `x / (bias + alpha / size * sum x^2)^beta` over a window of `size` channels,
    floor((size - 1) / 2) before and ceil((size - 1) / 2) after.

    Example:
    ```mlir
    %0 = nn.lrn %x {alpha = 1.0e-4 : f32, beta = 0.75 : f32, bias = 1.0 : f32, size = 5 : i64}
      : (tensor<1x8x2x2xf32>) -> tensor<1x8x2x2xf32>
    ```
  }];
  let hasVerifier = 1;
}

#endif // ACCOPT_NN_ELEMENTWISE_OPS
