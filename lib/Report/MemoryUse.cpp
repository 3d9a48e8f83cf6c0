//===- MemoryUse.cpp - Bytes in use while each layer runs -----------------===//

#include "accopt/Report/MemoryUse.h"

#include "HeldBytes.h"
#include "accopt/CodeGen/LayerGroups.h"
#include "accopt/Target/Footprint.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <functional>
#include <numeric>

using namespace accopt;

namespace {

int64_t elementCount(llvm::ArrayRef<int64_t> shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t(1),
                         std::multiplies<>());
}

/// Bytes of the region's rows as if none overlapped, at most its extent.
int64_t rowBytes(const Region &region) {
  auto bytes = uint64_t(region.length);
  for (unsigned i = 0; i < 3; ++i)
    if (region.stride[i])
      bytes = llvm::SaturatingMultiply(bytes, uint64_t(region.count[i]));
  return std::min(region.end() - region.begin(),
                  int64_t(std::min(bytes, uint64_t(INT64_MAX))));
}

class Tracker {
public:
  explicit Tracker(const Program &program)
      : program(program), groups(layerGroups(program)) {
    for (const Constant &c : program.constants)
      constants.insert({c.address, c.address + int64_t(c.bytes.size())});
  }

  std::vector<MemoryUse> run() {
    // Inputs are there before the first layer, outputs are read after the last.
    forTensors(TensorInfo::Kind::Input, true);
    finishLayer();
    size_t group = 0;
    for (const Command &command : program.commands) {
      for (; group < groups[command.layer]; ++group)
        finishLayer();
      add(command);
    }
    for (size_t count = groups.empty() ? 0 : groups.back() + 1; group < count;
         ++group)
      finishLayer();
    forTensors(TensorInfo::Kind::Output, false);
    finishLayer();

    std::vector<MemoryUse> uses(program.layers.size());
    // In front is what happens before the first layer.
    std::vector<uint64_t> inScratchpad = scratchpad.perLayer();
    std::vector<uint64_t> inDram = dram.perLayer();
    for (auto [use, layerGroup] : llvm::zip_equal(uses, groups))
      use = {inScratchpad[layerGroup + 1], inDram[layerGroup + 1]};
    return uses;
  }

private:
  void finishLayer() {
    scratchpad.finishLayer();
    dram.finishLayer();
  }

  void addDram(Interval interval, bool isWrite, int64_t bytes) {
    for (const Interval &piece : constants.missing(interval)) {
      if (isWrite)
        dram.write(piece, bytes);
      else
        dram.read(piece);
    }
  }

  void forTensors(TensorInfo::Kind kind, bool isWrite) {
    for (const TensorInfo &tensor : program.tensors) {
      if (tensor.kind != kind || tensor.inScratchpad)
        continue;
      auto bytes =
          int64_t(storedBytes(tensor, uint64_t(elementCount(tensor.shape))));
      addDram({tensor.address, tensor.address + bytes}, isWrite, bytes);
    }
  }

  void addHost(const HostFunction &function) {
    for (bool isResult : {false, true})
      for (const HostFunction::Argument &argument :
           isResult ? function.results : function.arguments) {
        auto bytes = int64_t(argument.bytes());
        addDram({argument.address, argument.address + bytes}, isResult, bytes);
      }
  }

  void add(const Command &command) {
    if (auto *call = std::get_if<HostCommand>(&command.operation))
      return addHost(program.hostFunctions[call->function]);
    for (const Region &region : footprint(command, program.machine)) {
      Interval interval = {region.begin(), region.end()};
      if (region.memory == Memory::Dram)
        addDram(interval, region.isWrite, rowBytes(region));
      else if (region.memory == Memory::Scratchpad && region.isWrite)
        scratchpad.write(interval, rowBytes(region));
      else if (region.memory == Memory::Scratchpad)
        scratchpad.read(interval);
    }
  }

  const Program &program;
  std::vector<size_t> groups;
  IntervalSet constants;
  HeldBytes scratchpad;
  HeldBytes dram;
};

} // namespace

std::vector<MemoryUse> accopt::memoryUse(const Program &program) {
  return Tracker(program).run();
}

uint64_t accopt::constantBytes(const Program &program) {
  // Each begins at a multiple of 16. A binary joins neighbours, so that what is
  // between them counts in either case.
  uint64_t bytes = program.missingConstantBytes;
  for (const Constant &constant : program.constants)
    bytes += llvm::alignTo(constant.bytes.size(), 16);
  return bytes;
}
