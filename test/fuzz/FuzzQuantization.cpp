//===- FuzzQuantization.cpp - Fuzzer of ranges and plans of quantization --===//
//
// A calibration's ranges and a plan of quantizers are read from JSON. Either
// that is read must write as JSON that reads back and writes as the same bytes.
//
//===----------------------------------------------------------------------===//

#include "FuzzSupport.h"

#include "accopt/Transforms/QuantizationPlan.h"
#include "accopt/Transforms/Ranges.h"

using namespace accopt;
using llvm::StringRef;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  StringRef text(reinterpret_cast<const char *>(data), size);
  llvm::Expected<RangeTable> ranges = parseRanges(text, "fuzzed.json");
  if (fuzz::get(ranges)) {
    std::string written = serializeRanges(*ranges);
    llvm::Expected<RangeTable> again = parseRanges(written, "written.json");
    fuzz::demand(serializeRanges(fuzz::need(again, "ranges")) == written,
                 "other ranges");
  }
  llvm::Expected<QuantizationPlan> plan = parsePlan(text);
  if (fuzz::get(plan)) {
    std::string written = serializePlan(*plan);
    llvm::Expected<QuantizationPlan> again = parsePlan(written);
    fuzz::demand(serializePlan(fuzz::need(again, "a plan")) == written,
                 "another plan");
  }
  return 0;
}
