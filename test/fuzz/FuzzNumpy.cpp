//===- FuzzNumpy.cpp - Fuzzer of the readers of .npy and .npz -------------===//
//
// An array that is read must serialize and read back as the same array, and
// convert to both number types.
//
//===----------------------------------------------------------------------===//

#include "FuzzSupport.h"

#include "accopt/Support/Npy.h"

using namespace accopt;
using llvm::StringRef;

static void check(const NumpyArray &array) {
  auto count = size_t(array.numElements());
  fuzz::demand(array.data.size() == count * getByteWidth(array.type),
               "expected as many bytes as the shape says");
  fuzz::demand(array.toFloat().size() == count, "lost floats");
  fuzz::demand(array.toInt64().size() == count, "lost integers");
  std::string bytes = serializeNpy(array);
  llvm::Expected<NumpyArray> again = parseNpy(bytes, "written.npy");
  fuzz::need(again, "written, but not read");
  fuzz::demand(again->type == array.type && again->shape == array.shape &&
                   again->data == array.data,
               "another array");
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  StringRef bytes(reinterpret_cast<const char *>(data), size);
  if (bytes.starts_with("PK")) {
    llvm::Expected<NamedNumpyArrays> arrays = parseNpz(bytes, "fuzzed.npz");
    if (fuzz::get(arrays))
      for (const auto &[name, array] : *arrays)
        check(array);
    return 0;
  }
  llvm::Expected<NumpyArray> array = parseNpy(bytes, "fuzzed.npy");
  if (fuzz::get(array))
    check(*array);
  return 0;
}
