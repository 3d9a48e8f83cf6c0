//===- OnnxMutator.h - Mutates ONNX models as graphs ------------*- C++ -*-===//

#ifndef ACCOPT_TEST_FUZZ_ONNXMUTATOR_H
#define ACCOPT_TEST_FUZZ_ONNXMUTATOR_H

#include "FuzzSupport.h"

#include "onnx/onnx_pb.h"

namespace accopt::fuzz {

/// The names of a data file beside the model, for external tensors, and of one
/// that is not there.
inline constexpr const char *kDataFile = "data.bin";
inline constexpr const char *kMissingFile = "missing.bin";

/// Changes one thing of `model`: an attribute, a wire, a node, a constant, a
/// type, a name, the opset. The model need not be valid before or after.
void mutateModel(onnx::ModelProto &model, Choices &choices);

/// Adds a part of `other`'s nodes and constants, under the names that they
/// have, so that wires may meet.
void mergeModel(onnx::ModelProto &model, const onnx::ModelProto &other,
                Choices &choices);

/// Makes values unique and defined before they are used.
void repairModel(onnx::ModelProto &model, Choices &choices);

/// Sets the version of ONNX's own operators, where the model has one.
void setOpset(onnx::ModelProto &model, int64_t version);

} // namespace accopt::fuzz

#endif // ACCOPT_TEST_FUZZ_ONNXMUTATOR_H
