//===- Normalize.h - Patterns of nn-normalize -------------------*- C++ -*-===//

#ifndef ACCOPT_LIB_TRANSFORMS_NORMALIZE_H
#define ACCOPT_LIB_TRANSFORMS_NORMALIZE_H

namespace mlir {
class RewritePatternSet;
} // namespace mlir

namespace accopt {

/// gemm, matmul and div in one form each; padding into windows.
void populateNormalizeLinearPatterns(mlir::RewritePatternSet &patterns);

/// One scale for each quantized activation.
void populateNormalizeCastPatterns(mlir::RewritePatternSet &patterns);

/// hard_sigmoid and hard_swish from their parts.
void populateNormalizeActivationPatterns(mlir::RewritePatternSet &patterns);

/// Pointwise ops up to the convolution, over what moves its result.
void populateNormalizeMovementPatterns(mlir::RewritePatternSet &patterns);

} // namespace accopt

#endif // ACCOPT_LIB_TRANSFORMS_NORMALIZE_H
