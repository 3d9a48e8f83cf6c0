//===- Tensor.cpp - Tensors of the executor -------------------------------===//

#include "accopt/Execution/Executor.h"

#include "llvm/Support/ErrorHandling.h"

namespace accopt {

unsigned getByteWidth(ElementKind kind) {
  switch (kind) {
  case ElementKind::I1:
  case ElementKind::I8:
    return 1;
  case ElementKind::I16:
    return 2;
  case ElementKind::F32:
  case ElementKind::I32:
    return 4;
  case ElementKind::I64:
    return 8;
  }
  llvm_unreachable("all kinds are listed");
}

int64_t Tensor::numElements() const {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

} // namespace accopt
