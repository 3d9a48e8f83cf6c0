//===- WindowAttributes.h - Attributes of Conv and pooling ------*- C++ -*-===//

#ifndef ACCOPT_LIB_IMPORT_WINDOWATTRIBUTES_H
#define ACCOPT_LIB_IMPORT_WINDOWATTRIBUTES_H

#include "NodeImporter.h"

namespace accopt::importer {

/// A window with its defaults filled in and `auto_pad` turned into pads.
struct WindowAttributes {
  Shape kernel, strides, pads, dilations;
  bool ceilMode = false;
};

/// Reads the attributes of a node whose input 0 is N x C x spatial. Nothing and
/// an error where they do not fit the input.
std::optional<WindowAttributes> readWindow(NodeImporter &node,
                                           llvm::ArrayRef<int64_t> kernel,
                                           bool hasCeilMode);
/// The same for an input of any layout with the spatial sizes `input`.
std::optional<WindowAttributes> readWindow(NodeImporter &node,
                                           llvm::ArrayRef<int64_t> input,
                                           llvm::ArrayRef<int64_t> kernel,
                                           bool hasCeilMode);

/// The same with the node's attribute kernel_shape.
std::optional<WindowAttributes> readPool(NodeImporter &node,
                                         llvm::ArrayRef<int64_t> input);

} // namespace accopt::importer

#endif // ACCOPT_LIB_IMPORT_WINDOWATTRIBUTES_H
