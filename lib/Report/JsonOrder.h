//===- JsonOrder.h - The order of energy components in JSON -----*- C++ -*-===//

#ifndef ACCOPT_LIB_REPORT_JSONORDER_H
#define ACCOPT_LIB_REPORT_JSONORDER_H

#include "llvm/ADT/StringRef.h"

#include <string>
#include <vector>

namespace accopt {

/// Keys in the order of the text.
using KeyList = std::vector<std::string>;

/// The keys of the objects "energy" of a cost report.
struct EnergyOrder {
  KeyList total;
  /// One list for each op; an empty one if the op has no such object.
  std::vector<KeyList> ops;
};

/// Reads the order from `json`, which must be well-formed and hold an object.
EnergyOrder readEnergyOrder(llvm::StringRef json);

/// Whether arrays and objects are nested deeper than any report's: parsing such
/// a text would exhaust the stack. `json` may be any text.
bool isNestedTooDeep(llvm::StringRef json);

} // namespace accopt

#endif // ACCOPT_LIB_REPORT_JSONORDER_H
