//===- TilingCache.cpp - Tilings that were chosen before ------------------===//

#include "TilingCache.h"

using namespace accopt;

TilingCache::TilingCache() : impl(std::make_unique<Impl>()) {}
TilingCache::~TilingCache() = default;

std::optional<Tiling> accopt::chooseTiling(const WindowLayer &layer,
                                           const Placement &placement,
                                           const Machine &machine,
                                           TilingCache &cache) {
  llvm::SmallVector<int64_t, 64> key = {int64_t(layer.kind),
                                        layer.batch,
                                        layer.height,
                                        layer.width,
                                        layer.channels,
                                        layer.outHeight,
                                        layer.outWidth,
                                        layer.outChannels,
                                        layer.kernelY,
                                        layer.kernelX,
                                        layer.strideY,
                                        layer.strideX,
                                        layer.dilationY,
                                        layer.dilationX,
                                        layer.padTop,
                                        layer.padLeft,
                                        layer.groups,
                                        layer.hasResidual,
                                        layer.hasTable,
                                        layer.hasOneScale,
                                        layer.weightBits,
                                        layer.inputBits,
                                        layer.inputElement,
                                        layer.outputElement,
                                        layer.residualElement,
                                        placement.scratchpadBytes,
                                        placement.inputResident,
                                        placement.outputResident,
                                        placement.residualResident,
                                        placement.inputBits,
                                        placement.outputBits,
                                        placement.residualBits,
                                        placement.inputPitch,
                                        placement.outputPitch,
                                        placement.residualPitch};
  key.append(layer.inputChannels);
  llvm::StringRef bytes(reinterpret_cast<const char *>(key.data()),
                        key.size() * sizeof(int64_t));
  auto [entry, isNew] = cache.impl->tilings.try_emplace(bytes);
  if (isNew)
    entry->second = chooseTiling(layer, placement, machine);
  return entry->second;
}
