//===- Program.h - A program of the machine, in memory ----------*- C++ -*-===//
//
// Part of AccOpt. What a binary holds: the meeting point of scheduling (which
// makes it), the ELF writer and loader, analysis and simulator.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_CODEGEN_PROGRAM_H
#define ACCOPT_CODEGEN_PROGRAM_H

#include "accopt/Support/Npy.h"
#include "accopt/Target/Command.h"
#include "accopt/Target/Machine.h"

#include <string>
#include <vector>

namespace accopt {

/// A tensor, dense and row-major in `shape`: in DRAM, or, where the schedule
/// keeps an intermediate one there, in the scratchpad. Only int8, and int16 of
/// 9 to 16 bits, has a scale, an order of its own, or anything to do with the
/// machine's engines; other types are the host's.
struct TensorInfo {
  enum class Kind : uint8_t { Input, Output, Intermediate };
  Kind kind = Kind::Intermediate;
  NumpyType type = NumpyType::Int8;
  std::string name; ///< ONNX value or node name
  uint32_t address = 0;
  bool inScratchpad = false;
  std::vector<int64_t> shape; ///< as stored (NHWC where the model says NCHW)
  /// Dimension i of the model's tensor is dimension permutation[i] of `shape`;
  /// the model's shape follows from it, except that `modelShape` may
  /// differ by a reshape of the permuted tensor.
  std::vector<int64_t> permutation;
  std::vector<int64_t> modelShape;
  double scale = 1;
  int32_t zeroPoint = 0;
  /// Values of int8 lie in [-2^(bits - 1), 2^(bits - 1) - 1], with 2 to 8 bits,
  /// and so do those of the machine's int16, with 9 to 16; 8 for the host's.
  int32_t bits = 8;
  /// In DRAM, where its elements are `bits` bits wide, one behind the other as
  /// in a packed row of a LOAD; only intermediate tensors of fewer than 8 bits.
  bool isPacked = false;
  /// Bytes from a run of the last dimension to the next, where the tensor is a
  /// slice of another's channels; 0 where it is dense. Intermediate tensors
  /// only.
  int64_t pitch = 0;
  /// Layer after which the tensor is complete and until which it is alive; an
  /// input is complete before layer 0 (-1).
  int32_t definedBy = -1;
};

/// Whether the tensor is the machine's: integers that stand for real numbers.
inline bool isQuantized(const TensorInfo &tensor) {
  return tensor.type == NumpyType::Int8 ||
         (tensor.type == NumpyType::Int16 && tensor.bits > 8);
}

/// Bytes that `elements` elements of the tensor take.
inline uint64_t storedBytes(const TensorInfo &tensor, uint64_t elements) {
  return tensor.isPacked ? (elements * uint64_t(tensor.bits) + 7) / 8
                         : elements * getByteWidth(tensor.type);
}

/// A row of the cost report that does not depend on a run.
struct LayerInfo {
  std::string name;      ///< ONNX node names, joined by '+'
  std::string op;        ///< e.g. "conv2d"
  std::string placement; ///< "array", "vector", "dma" or "host"
  std::string reason;    ///< why on the host; else empty
  uint64_t rooflineCycles = 0;
  /// Of the operands of a layer with weights, 2 to 8, or up to 16 for the
  /// input; 0 for others.
  int32_t weightBits = 0, inputBits = 0;
};

/// A function of the host's module: tensors in DRAM in and out.
struct HostFunction {
  struct Argument {
    uint32_t address = 0;
    std::vector<int64_t> shape;
    NumpyType type = NumpyType::Int8;
    /// Bytes of all elements.
    uint64_t bytes() const {
      uint64_t count = getByteWidth(type);
      for (int64_t extent : shape)
        count *= uint64_t(extent);
      return count;
    }
  };
  std::string symbol;
  std::vector<Argument> arguments, results;
};

struct Constant {
  uint32_t address = 0;
  std::vector<uint8_t> bytes;
};

struct Program {
  std::string modelName, modelSha256;
  Machine machine;
  uint32_t dramBytes = 0;          ///< all addresses lie below
  std::vector<Constant> constants; ///< sorted, disjoint
  /// Bytes of constants that were not packed (ScheduleOptions): such a program
  /// has a cost but cannot run.
  uint64_t missingConstantBytes = 0;
  std::vector<TensorInfo> tensors;
  std::vector<LayerInfo> layers;
  std::vector<HostFunction> hostFunctions;
  std::string hostModule;        ///< toBytecode(), empty without host functions
  std::vector<Command> commands; ///< program order
};

} // namespace accopt

#endif // ACCOPT_CODEGEN_PROGRAM_H
