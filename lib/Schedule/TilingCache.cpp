//===- TilingCache.cpp - Plans that were made before ----------------------===//

#include "TilingCache.h"

using namespace accopt;

TilingCache::TilingCache() : impl(std::make_unique<Impl>()) {}
TilingCache::~TilingCache() = default;

/// All numbers that schedules read of a window layer.
static int numberOf(const WindowLayer &layer, RowNumbers &shapes) {
  llvm::SmallVector<int64_t, 32> row = {
      int64_t(layer.kind),  layer.batch,        layer.height,
      layer.width,          layer.channels,     layer.outHeight,
      layer.outWidth,       layer.outChannels,  layer.kernelY,
      layer.kernelX,        layer.strideY,      layer.strideX,
      layer.dilationY,      layer.dilationX,    layer.padTop,
      layer.padLeft,        layer.groups,       layer.hasResidual,
      layer.hasTable,       layer.hasOneScale,  layer.weightBits,
      layer.inputBits,      layer.inputElement, layer.outputElement,
      layer.residualElement};
  row.append(layer.inputChannels);
  return shapes.number(row);
}

void accopt::numberShape(Layer &layer, TilingCache &cache) {
  layer.shape = numberOf(*layer.window, cache.impl->shapes);
}

void accopt::numberShapes(Network &network, TilingCache &cache) {
  for (Layer &layer : network.layers)
    if (layer.window)
      numberShape(layer, cache);
}

const std::optional<Tiling> &accopt::chooseTiling(const Layer &layer,
                                                  const Placement &placement,
                                                  const Machine &machine,
                                                  TilingCache &cache) {
  assert(layer.shape >= 0 && "numberShapes() comes first");
  auto pair = [](int64_t high, int64_t low) {
    return uint64_t(high) << 32 | uint64_t(uint32_t(low));
  };
  uint64_t flags = placement.inputResident + 2 * placement.outputResident +
                   4 * placement.residualResident;
  uint64_t bits = placement.inputBits << 16 | placement.outputBits << 8 |
                  placement.residualBits;
  TilingCache::Impl::TilingKey key = {
      pair(layer.shape, placement.scratchpadBytes), flags << 32 | bits,
      pair(placement.inputPitch, placement.outputPitch),
      uint64_t(placement.residualPitch)};
  TilingCache::Impl &impl = *cache.impl;
  auto [entry, isNew] = impl.tilings.try_emplace(key, nullptr);
  if (isNew)
    entry->second = &impl.chosen.emplace_back(
        chooseTiling(*layer.window, placement, machine));
  return *entry->second;
}
