//===- ReleaseConstants.cpp - Memory of constants without users -----------===//

#include "accopt/Transforms/ReleaseConstants.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinDialect.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

void accopt::releaseUnusedConstants(MLIRContext &context, ModuleOp module) {
  llvm::StringSet<> used;
  if (module)
    module.walk([&](Operation *op) {
      for (NamedAttribute attribute : op->getAttrs())
        attribute.getValue().walk([&](DenseResourceElementsAttr data) {
          used.insert(data.getRawHandle().getKey());
        });
    });
  auto &manager = DenseResourceElementsHandle::getManagerInterface(&context)
                      .getBlobManager();
  SmallVector<std::string> unused;
  manager.getBlobMap(
      [&](const llvm::StringMap<DialectResourceBlobManager::BlobEntry> &map) {
        for (const auto &entry : map)
          if (entry.second.getBlob() && !used.contains(entry.getKey()))
            unused.push_back(entry.getKey().str());
      });
  for (const std::string &name : unused)
    manager.update(name, AsmResourceBlob());
}
