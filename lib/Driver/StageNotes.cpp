//===- StageNotes.cpp - What a long compilation is doing ------------------===//
//
// Part of AccOpt.
//
//===----------------------------------------------------------------------===//

#include "StageNotes.h"

#include "dialects/NN/NNOps.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace accopt;

/// Weights of fewer bytes are compiled before anybody has read a line.
static constexpr uint64_t kLongBytes = uint64_t(256) << 20;

void StageNotes::reading() {
  uint64_t size = 0;
  if (isQuiet || llvm::sys::fs::file_size(file, size) || size < kLongBytes)
    return;
  llvm::errs() << "note: " << file << ": reading " << (size >> 20) << " MB\n";
}

void StageNotes::count(mlir::ModuleOp module) {
  if (isQuiet)
    return;
  module.walk([&](nn::ConstantOp constant) {
    auto type = llvm::cast<mlir::ShapedType>(constant.getValue().getType());
    if (!llvm::isa<mlir::SplatElementsAttr>(constant.getValue()))
      bytes += uint64_t(type.getNumElements()) *
               ((type.getElementTypeBitWidth() + 7) / 8);
  });
  isLong = bytes >= kLongBytes;
  start = std::chrono::steady_clock::now();
}

void StageNotes::begin(llvm::StringRef stage, double done) const {
  if (!isLong)
    return;
  std::chrono::duration<double> passed =
      std::chrono::steady_clock::now() - start;
  llvm::errs() << "note: " << file << ": " << stage << " of " << (bytes >> 20)
               << " MB of weights";
  if (done > 0)
    llvm::errs() << ", " << llvm::format("%.0f", 100 * done)
                 << " % done, about "
                 << llvm::format("%.1f", passed.count() * (1 - done) / done)
                 << " s left";
  llvm::errs() << '\n';
}
