//===- Ranges.h - Ranges of activations -------------------------*- C++ -*-===//
//
// A range is the interval of real values that the quantized type of a tensor
// should represent. Ranges are kept by name in a table that can be written,
// edited and read again; they come from the model's own statistics
// (inferRanges) or from data (RangeCollector.h).
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TRANSFORMS_RANGES_H
#define ACCOPT_TRANSFORMS_RANGES_H

#include "mlir/IR/Location.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace mlir::func {
class FuncOp;
} // namespace mlir::func

namespace accopt {

struct Range {
  double min = 0.0;
  double max = 0.0;

  bool operator==(const Range &) const = default;
};

/// The smallest interval that holds both.
Range unite(Range a, Range b);

/// Ranges by the name of the value, in the order of insertion.
class RangeTable {
public:
  /// Adds a range or replaces the one of that name.
  void set(llvm::StringRef name, Range range);
  /// Null if the table has no range of that name.
  const Range *find(llvm::StringRef name) const;

  /// Ranges for types of 2 to 7 bits, beside those for 8, which they have no
  /// part in: fewer integers want a tighter range. The JSON form has none.
  void setNarrow(llvm::StringRef name, unsigned bits, Range range);
  const Range *findNarrow(llvm::StringRef name, unsigned bits) const;

  size_t size() const { return entries.size(); }
  auto begin() const { return entries.begin(); }
  auto end() const { return entries.end(); }

private:
  std::vector<std::pair<std::string, Range>> entries;
  llvm::StringMap<size_t> index;
  llvm::StringMap<std::map<unsigned, Range>> narrow;
};

/// The names of the ONNX nodes that a location stands for, joined by "+"; empty
/// if it names none.
std::string getNodeName(mlir::Location loc);

/// The name of every tensor of `func` that has a range, in program order: the
/// attribute `nn.name` of an argument (or "arg0", ...), the node name of an
/// op's result (or the op's own name without dialect). Constants and casts to
/// and from quantized types have none. What would repeat gets ":1", ":2", ...
/// appended.
llvm::MapVector<mlir::Value, std::string> nameValues(mlir::func::FuncOp func);

/// The values of `func` that need a range because the accelerator has them as
/// int8; what the host keeps for itself may be infinite (masks are).
llvm::DenseSet<mlir::Value> valuesToQuantize(mlir::func::FuncOp func);

/// Reads and writes the JSON form,
///   {"schema": "accopt.calibration", "version": 1,
///    "ranges": [{"name": "conv1", "min": -1.5, "max": 2.0}, ...]}
/// Anything else is refused with one line that names the file.
llvm::Expected<RangeTable> parseRanges(llvm::StringRef text,
                                       llvm::StringRef file);
llvm::Expected<RangeTable> readRanges(llvm::StringRef path);
std::string serializeRanges(const RangeTable &table);
llvm::Error writeRanges(llvm::StringRef path, const RangeTable &table);

struct InferRangesOptions {
  /// Standard deviations on each side of the mean, for results of ops. Six as
  /// in Nagel et al., Data-Free Quantization, ICCV 2019.
  double sigmas = 6.0;
  /// The same for function arguments without a range, which are taken to have
  /// mean 0 and standard deviation 1. Four is where clipping and rounding of a
  /// Gaussian in 256 steps balance.
  double inputSigmas = 4.0;
  /// Known ranges of arguments, by name.
  RangeTable inputs;
};

/// Ranges from the model alone: mean and variance of every channel are
/// propagated through the function, from normalization statistics where they
/// are recorded and from weights elsewhere. Fails with the node's name where a
/// value has no bound (a quotient whose divisor may be zero). Changes no IR.
llvm::Expected<RangeTable> inferRanges(mlir::func::FuncOp func,
                                       const InferRangesOptions &options = {});

} // namespace accopt

#endif // ACCOPT_TRANSFORMS_RANGES_H
