//===- OnnxModel.h - A model file, checked and prepared ---------*- C++ -*-===//

#ifndef ACCOPT_LIB_IMPORT_ONNXMODEL_H
#define ACCOPT_LIB_IMPORT_ONNXMODEL_H

#include "accopt/Import/Import.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"

#include "onnx/onnx_pb.h"

#include <future>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace accopt::importer {

/// The opset of the default domain to which older models are converted.
constexpr int importedOpset = 25;
/// The newest one that is read. What opsets after `importedOpset` changed is
/// new operators and element types alone, so that such models stay as they are.
constexpr int newestOpset = 28;

/// No tensor may have more elements.
constexpr int64_t maxTensorElements = (int64_t(1) << 31) - 1;

/// The bytes of a tensor and what keeps them alive.
struct TensorBytes {
  llvm::StringRef bytes;
  std::shared_ptr<void> owner;
};

/// A tensor whose values ONNX's own passes do not get to see.
struct TensorSource {
  /// Name, type and dimensions; `raw_data` where it was not cut.
  onnx::TensorProto proto;
  /// The values, where they were cut out of the file.
  llvm::StringRef cut;
};

/// A parsed model file. After `prepare` the graph is valid ONNX of
/// `importedOpset`, without local functions, with inferred types in
/// `value_info`; large constants are in `weights` and listed as graph inputs.
struct OnnxModel {
  std::string path;
  std::shared_ptr<llvm::MemoryBuffer> file;
  /// Of the file's bytes, in hex; computed beside everything else.
  std::future<std::string> sha256;
  onnx::ModelProto proto;
  /// By value name; ordered, so that every walk is deterministic.
  std::map<std::string, TensorSource> weights;
  /// Name of the node that produced each value in the file (as given, or
  /// `OpType_index`); conversion leaves nodes without a name.
  std::map<std::string, std::string> producers;
  /// The graph's outputs as the file declares them.
  std::vector<onnx::ValueInfoProto> outputs;
  /// What was chosen for the user, to be said where the import succeeds.
  std::vector<std::string> notes;
};

/// Maps and parses the file and takes the weights out.
llvm::Expected<std::unique_ptr<OnnxModel>> readModel(llvm::StringRef path);

/// Checks, inlines, infers shapes and converts. The options' shapes replace
/// those of the inputs.
llvm::Error prepareModel(OnnxModel &model, const ImportOptions &options);

/// True where the graph uses operators that the importer has no handler for:
/// then a failed conversion is not the first thing to tell.
bool hasUnsupportedOps(const onnx::GraphProto &graph);

} // namespace accopt::importer

#endif // ACCOPT_LIB_IMPORT_ONNXMODEL_H
