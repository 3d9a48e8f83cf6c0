//===- Models.h - One report for each model ---------------------*- C++ -*-===//
//
// What evaluate() chooses from. Options and layers have been checked.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_FORMULAS_MODELS_H
#define ACCOPT_FORMULAS_MODELS_H

#include "accopt/Formulas/Evaluate.h"

#include "llvm/ADT/ArrayRef.h"

namespace accopt::formulas {

FormulaReport reportScaleSim(llvm::ArrayRef<Layer> layers,
                             const ArrayShape &array,
                             const EvaluateOptions &options);
FormulaReport reportStonne(llvm::ArrayRef<Layer> layers,
                           const ArrayShape &array);
/// Fails where a layer does not fit the chip; the error names the layer.
llvm::Expected<FormulaReport> reportEyeriss(llvm::ArrayRef<Layer> layers,
                                            const EyerissChip &chip,
                                            int64_t batch);
/// Fails where the mapping cannot be read or does not suit a layer of `path`.
llvm::Expected<FormulaReport> reportMaestro(llvm::ArrayRef<Layer> layers,
                                            llvm::StringRef path,
                                            const EvaluateOptions &options);
/// Reads machine and mappings; fails where they are refused.
llvm::Expected<FormulaReport> reportOperandNests(llvm::StringRef path);

} // namespace accopt::formulas

#endif // ACCOPT_FORMULAS_MODELS_H
