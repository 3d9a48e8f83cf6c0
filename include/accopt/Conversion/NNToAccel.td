//===- NNToAccel.td - Pass from nn to accel ----------------*- tablegen -*-===//

#ifndef ACCOPT_NNTOACCEL
#define ACCOPT_NNTOACCEL

include "mlir/Pass/PassBase.td"

def NNToAccel : Pass<"nn-to-accel", "::mlir::ModuleOp"> {
  let summary = "Lower a quantized network to layers of the accelerator";
  let description = [{
    Takes `@main` with nn ops on `!quant.uniform` types (after `nn-quantize`)
    and rebuilds it with accel layer ops on int8 tensors, channels last.
    Transposes only rename dimensions; a table that follows a convolution
    becomes part of its epilogue; ops that the machine cannot compute become
    `accel.host` calls of functions in TOSA, with the reason.

    Before:
    ```mlir
    %1 = nn.relu %0 : (tensor<1x4x2x2x!q>) -> tensor<1x4x2x2x!p>
    ```
    After:
    ```mlir
    %1 = accel.lookup %0 {table = array<i8: ...>} : (tensor<1x2x2x4xi8>) -> tensor<1x2x2x4xi8>
    ```
  }];
  let dependentDialects = ["::accopt::accel::AccelDialect",
    "::mlir::func::FuncDialect", "::mlir::tosa::TosaDialect",
    "::mlir::tensor::TensorDialect", "::mlir::arith::ArithDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
    "::mlir::scf::SCFDialect"];
}

#endif // ACCOPT_NNTOACCEL
