//===- NNDialect.td - Dialect of neural networks -----------*- tablegen -*-===//
//
// Part of AccOpt. The dialect, and what its families of ops share.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_NN_DIALECT
#define ACCOPT_NN_DIALECT

include "mlir/Dialect/Quant/IR/QuantBase.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def NN_Dialect : Dialect {
  let name = "nn";
  let cppNamespace = "::accopt::nn";
  let summary = "Neural networks with ONNX's semantics on static tensors";
  let description = [{
    Ops compute what the ONNX operator of the same name computes, on tensors of
    static shape in ONNX's layout (N, C, spatial...). The element type is `f32`
    or an integer; where the accelerator computes, `f32` becomes
    `!quant.uniform`. Shape arithmetic is folded away by the importer and never
    appears. Optional attributes of ONNX are explicit here: `auto_pad` has
    become `pads`, defaults are filled in.
  }];
  let dependentDialects = ["::mlir::quant::QuantDialect"];
  let hasConstantMaterializer = 1;
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = [{
    /// Add every op and attribute; defined where the generated ones are
    /// compiled.
    void registerOps();
    void registerAttributes();
  }];
}

/// A float or quantized tensor of static shape.
def NN_Tensor : Type<
    And<[RankedTensorOf<[F32, quant_QuantizedType, AnyInteger]>.predicate,
         CPred<"::llvm::cast<::mlir::ShapedType>($_self).hasStaticShape()">]>,
    "static tensor of f32, integer or quantized values",
    "::mlir::RankedTensorType">;

/// Base of all ops: pure functions of their operands.
class NN_Op<string mnemonic, list<Trait> traits = []>
    : Op<NN_Dialect, mnemonic, !listconcat([Pure], traits)>;

/// An op whose result shape is inferred in C++ from operands and attributes.
/// The inferred element type is the first operand's; a quantized result type
/// is compatible with any inferred element type.
class NN_InferredOp<string mnemonic, list<Trait> traits = []>
    : NN_Op<mnemonic, !listconcat([
        DeclareOpInterfaceMethods<InferTypeOpInterface, ["inferReturnTypes"]>],
        traits)> {
  let results = (outs NN_Tensor:$result);
  let extraClassDeclaration = [{
    /// See `areCompatible`.
    static bool isCompatibleReturnTypes(::mlir::TypeRange lhs,
                                        ::mlir::TypeRange rhs);
  }];
  let extraClassDefinition = [{
    bool $cppClass::isCompatibleReturnTypes(::mlir::TypeRange lhs,
                                            ::mlir::TypeRange rhs) {
      return areCompatible(lhs, rhs);
    }
  }];
}

#endif // ACCOPT_NN_DIALECT
