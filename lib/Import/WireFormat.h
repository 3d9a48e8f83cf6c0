//===- WireFormat.h - Cut weights out of a serialized model -----*- C++ -*-===//
//
// A model is megabytes of weights and kilobytes of graph. Protobuf would copy
// all of it; this walks the serialized bytes first and leaves the weights where
// they are: `raw_data` of initializers and of nodes' tensor attributes in the
// main graph. What remains is parsed by protobuf as usual.
//
// Field numbers are those of onnx.proto; wire types those of protobuf's
// encoding: 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_LIB_IMPORT_WIREFORMAT_H
#define ACCOPT_LIB_IMPORT_WIREFORMAT_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace accopt::importer {

/// Tensors with fewer bytes stay in the message.
constexpr size_t cutThreshold = 1024;

/// A serialized model without its weights.
struct CutModel {
  /// ModelProto; tensors that were cut have no `raw_data`.
  std::string skeleton;
  /// Bytes of initializer i of the main graph.
  llvm::DenseMap<unsigned, llvm::StringRef> initializers;
  /// Bytes of the tensor in attribute .second of node .first.
  llvm::DenseMap<std::pair<unsigned, unsigned>, llvm::StringRef> attributes;
};

/// The spans of the result point into `bytes`.
llvm::Expected<CutModel> cutWeights(llvm::StringRef bytes);

} // namespace accopt::importer

#endif // ACCOPT_LIB_IMPORT_WIREFORMAT_H
