//===- NNMappedFiles.cpp - Memory of weights that are in files ------------===//

#include "dialects/NN/NNMappedFiles.h"

#include "dialects/NN/NNDialect.h"

#include "mlir/IR/MLIRContext.h"

#include <sys/mman.h>

using namespace accopt::nn;

/// What may be in memory before it goes; little beside the process, much beside
/// the cost of a system call.
static constexpr size_t kMostRead = size_t(8) << 20;

/// MemoryBuffer's own way, posix_madvise(), does nothing in glibc.
void accopt::nn::releasePages(const llvm::MemoryBuffer &file) {
  if (file.getBufferKind() == llvm::MemoryBuffer::MemoryBuffer_MMap)
    madvise(const_cast<char *>(file.getBufferStart()), file.getBufferSize(),
            MADV_DONTNEED);
}

MappedFiles *MappedFiles::find(mlir::MLIRContext *context) {
  auto *dialect = context->getLoadedDialect<NNDialect>();
  return dialect ? dialect->getRegisteredInterface<MappedFiles>() : nullptr;
}

MappedFiles &MappedFiles::get(mlir::MLIRContext *context) {
  if (MappedFiles *known = find(context))
    return *known;
  context->getLoadedDialect<NNDialect>()->addInterface<MappedFiles>();
  return *find(context);
}

void MappedFiles::add(std::shared_ptr<llvm::MemoryBuffer> file) {
  std::scoped_lock lock(mutex);
  files.push_back(file);
}

void MappedFiles::countRead(size_t bytes) {
  if (read.fetch_add(bytes) + bytes < kMostRead)
    return;
  read = 0;
  std::scoped_lock lock(mutex);
  for (const std::weak_ptr<llvm::MemoryBuffer> &file : files)
    if (std::shared_ptr<llvm::MemoryBuffer> open = file.lock())
      releasePages(*open);
}

void accopt::nn::countRead(mlir::MLIRContext *context, size_t bytes) {
  if (MappedFiles *files = MappedFiles::find(context))
    files->countRead(bytes);
}
