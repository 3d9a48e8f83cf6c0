//===- JsonFields.h - Checked fields of JSON objects ------------*- C++ -*-===//

#ifndef ACCOPT_LIB_REPORT_JSONFIELDS_H
#define ACCOPT_LIB_REPORT_JSONFIELDS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/JSON.h"

#include <cstdint>
#include <string>

namespace accopt {

/// What a value is, for "got ...": scalars as they are, "an array", "nothing"
/// for null.
std::string describeJson(const llvm::json::Value *value);
std::string describeJson(double value);

/// Reads fields that must exist. `path` is what errors put before the key, such
/// as "target.". The first problem is kept; what could not be read is empty or
/// 0.
class JsonFields {
public:
  const llvm::json::Object &object(const llvm::json::Object &parent,
                                   llvm::StringRef key,
                                   const llvm::Twine &path);
  std::string text(const llvm::json::Object &parent, llvm::StringRef key,
                   const llvm::Twine &path);
  /// A finite number of at least 0.
  double number(const llvm::json::Object &parent, llvm::StringRef key,
                const llvm::Twine &path);
  /// A whole number of at least 0.
  int64_t count(const llvm::json::Object &parent, llvm::StringRef key,
                const llvm::Twine &path);

  void fail(const llvm::Twine &field, const llvm::Twine &expected,
            const llvm::Twine &got);
  bool hasFailed() const { return !problem.empty(); }
  /// "FIELD: expected ..., got ...".
  llvm::StringRef message() const { return problem; }

private:
  std::string problem;
};

} // namespace accopt

#endif // ACCOPT_LIB_REPORT_JSONFIELDS_H
