//===- NNMappedFiles.h - Memory of weights that are in files ----*- C++ -*-===//
//
// Part of AccOpt. Weights are read where a file is mapped. What has been read
// stays in memory as long as nobody tells the system that it may go, so that a
// pass over all weights would take as much memory as the file is long.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_DIALECTS_NN_NNMAPPEDFILES_H
#define ACCOPT_DIALECTS_NN_NNMAPPEDFILES_H

#include "mlir/IR/DialectInterface.h"
#include "llvm/Support/MemoryBuffer.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

namespace accopt::nn {

/// Takes what has been read of a file that is mapped (read only) out of memory;
/// who reads it again reads the file again. Nothing for other buffers.
void releasePages(const llvm::MemoryBuffer &file);

/// The files that constants of a context lie in.
class MappedFiles : public mlir::DialectInterface::Base<MappedFiles> {
public:
  explicit MappedFiles(mlir::Dialect *dialect) : Base(dialect) {}
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(MappedFiles)

  /// Of the context, made on demand; the dialect `nn` must be loaded, and
  /// nobody else use the context.
  static MappedFiles &get(mlir::MLIRContext *context);
  /// Nothing where no file was mapped.
  static MappedFiles *find(mlir::MLIRContext *context);

  void add(std::shared_ptr<llvm::MemoryBuffer> file);
  /// `bytes` more of constants are read. From time to time, everything read so
  /// far leaves memory; who reads it again reads the file again.
  void countRead(size_t bytes);

private:
  std::mutex mutex; ///< of this context's files
  std::vector<std::weak_ptr<llvm::MemoryBuffer>> files;
  std::atomic<size_t> read = 0;
};

/// countRead() of the context's files, if it has any.
void countRead(mlir::MLIRContext *context, size_t bytes);

} // namespace accopt::nn

#endif // ACCOPT_DIALECTS_NN_NNMAPPEDFILES_H
