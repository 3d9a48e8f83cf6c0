//===- OldOpsets.h - What ONNX's version converter gets wrong ---*- C++ -*-===//

#ifndef ACCOPT_LIB_IMPORT_OLDOPSETS_H
#define ACCOPT_LIB_IMPORT_OLDOPSETS_H

#include "llvm/Support/Error.h"

#include "onnx/onnx_pb.h"

#include <set>
#include <string>
#include <vector>

namespace accopt::importer {

/// The opset of ONNX's own domain; 0 where the model uses none of it.
int opsetOf(const onnx::ModelProto &model);

/// Up to opset 8, BatchNormalization with `spatial = 0` normalizes each
/// activation by itself. Later opsets cannot say that and the converter refuses
/// it, but the importer can: the attribute goes around the converter. Answers
/// the outputs of such nodes.
std::set<std::string> takeSpatialAttributes(onnx::ModelProto &model);

/// Gives these nodes `spatial = 0` again.
void restoreSpatialAttributes(onnx::ModelProto &model,
                              const std::set<std::string> &outputs);

/// Names, in order, of what samples images in the way of opset 10 and before,
/// where coordinates are asymmetric.
std::vector<std::string> findOldResizes(const onnx::ModelProto &model);

/// The converter to opset 11 forgets to say that coordinates are asymmetric,
/// and the one to 10 makes a nameless node of an Upsample, with another output.
/// Before opset 11 there were none but old ones, so all that there are now, in
/// their order, are these.
void sayOldResizes(onnx::ModelProto &model,
                   const std::vector<std::string> &names);

/// The Scan of opset 8 has a batch dimension and lengths that later ones have
/// not, and the converter leaves it as it is.
llvm::Error refuseBatchedScan(const onnx::ModelProto &model);

} // namespace accopt::importer

#endif // ACCOPT_LIB_IMPORT_OLDOPSETS_H
