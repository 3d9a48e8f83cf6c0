//===- ModelInputs.h - Shapes and values that the user gives ----*- C++ -*-===//

#ifndef ACCOPT_LIB_IMPORT_MODELINPUTS_H
#define ACCOPT_LIB_IMPORT_MODELINPUTS_H

#include "OnnxModel.h"

namespace accopt::importer {

/// `options` with a shape for each input of two or more dimensions of which
/// only the first is not known and that got none: the size that a given shape
/// tells for the same symbol, or a batch of one. Notes say so.
ImportOptions chooseBatch(OnnxModel &model, ImportOptions options);

/// Puts the given shapes in.
llvm::Error setInputShapes(OnnxModel &model, const ImportOptions &options);

/// Demands that no input is left symbolic.
llvm::Error checkInputShapes(OnnxModel &model);

/// Makes constants of the inputs that are given values. Their shapes are
/// static.
llvm::Error fixInputs(OnnxModel &model, const ImportOptions &options);

} // namespace accopt::importer

#endif // ACCOPT_LIB_IMPORT_MODELINPUTS_H
