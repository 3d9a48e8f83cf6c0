//===- CutModel.h - A part of a network, by names of tensors ----*- C++ -*-===//

#ifndef ACCOPT_LIB_IMPORT_CUTMODEL_H
#define ACCOPT_LIB_IMPORT_CUTMODEL_H

#include "OnnxModel.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <set>

namespace accopt::importer {

/// Every name that a node reads, in the graphs of its attributes as well.
void forEachRead(const onnx::NodeProto &node,
                 llvm::function_ref<void(const std::string &)> visit);

/// Leaves of the graph what lies between `options.inputs` and
/// `options.outputs`; nothing else has been asked of the model before. `infer`
/// adds types to a model's `value_info`: a tensor that becomes an input needs
/// one, and exporters do not write it.
llvm::Error cutModel(OnnxModel &model, const ImportOptions &options,
                     llvm::function_ref<llvm::Error(onnx::ModelProto &)> infer);

/// The tensors of the file at which the network can be cut to go without the
/// nodes that make `missing`: computed from the inputs alone, and read by what
/// needs these nodes, or outputs. In the graph's order.
std::vector<std::string> findFrontier(const OnnxModel &model,
                                      const std::set<std::string> &missing);

/// `names` as a flag that a shell reads back.
std::string printOutputsFlag(llvm::ArrayRef<std::string> names);

} // namespace accopt::importer

#endif // ACCOPT_LIB_IMPORT_CUTMODEL_H
