//===- MemoryUseTest.cpp - Bytes in use while each layer runs -------------===//

#include "accopt/Report/MemoryUse.h"

#include "accopt/CodeGen/Binary.h"
#include "accopt/CodeGen/LayerGroups.h"
#include "accopt/Report/CostReportBuilder.h"
#include "accopt/Target/MachineIO.h"

#include "gtest/gtest.h"

using namespace accopt;

namespace {

/// A program of commands without tokens, which memoryUse() does not look at.
struct Builder {
  Program program;

  explicit Builder(size_t layers) {
    program.machine = llvm::cantFail(loadMachine("systolic16x16"));
    program.dramBytes = 4096;
    program.layers.resize(layers);
  }

  void add(uint32_t layer, Operation operation) {
    program.commands.emplace_back().layer = layer;
    program.commands.back().operation = std::move(operation);
  }

  /// `rows` rows of `length` bytes, `pitch` apart in DRAM, dense in the
  /// scratchpad.
  template <typename Dma>
  void copy(uint32_t layer, uint32_t dram, uint32_t scratchpad, uint32_t length,
            uint16_t rows = 1, int32_t pitch = 0) {
    Dma c;
    c.dramAddress = dram;
    c.scratchpadAddress = scratchpad;
    c.rowBytes = length;
    c.count[2] = rows;
    c.dramStride[2] = pitch;
    c.scratchpadStride[2] = length;
    add(layer, c);
  }

  void fill(uint32_t layer, uint32_t output, uint32_t length, uint32_t rows = 1,
            uint32_t pitch = 0) {
    FillCommand c;
    c.output = output;
    c.length = length;
    c.rows = rows;
    c.pitch = pitch;
    add(layer, c);
  }

  /// Reads `length` bytes at `input` and 256 at `table`, writes at `output`.
  void lookup(uint32_t layer, uint32_t input, uint32_t output,
              uint32_t length) {
    add(layer, LookupCommand{input, output, 2048, length});
  }

  void tensor(TensorInfo::Kind kind, uint32_t address, int64_t bytes) {
    TensorInfo &tensor = program.tensors.emplace_back();
    tensor.kind = kind;
    tensor.address = address;
    tensor.shape = {bytes};
  }

  std::vector<uint64_t> scratchpad() const {
    std::vector<uint64_t> bytes;
    for (const MemoryUse &use : memoryUse(program))
      bytes.push_back(use.scratchpadBytes);
    return bytes;
  }

  std::vector<uint64_t> dram() const {
    std::vector<uint64_t> bytes;
    for (const MemoryUse &use : memoryUse(program))
      bytes.push_back(use.dramBytes);
    return bytes;
  }
};

using Bytes = std::vector<uint64_t>;

TEST(MemoryUse, EmptyLayersAndPrograms) {
  EXPECT_TRUE(memoryUse(Builder(0).program).empty());
  EXPECT_EQ(Builder(3).scratchpad(), (Bytes{0, 0, 0}));
}

/// Layer 0 leaves 100 bytes that layer 3 reads; each layer has buffers of its
/// own.
TEST(MemoryUse, ResidentTensorIsHeldBetweenLayers) {
  Builder b(5);
  b.fill(0, 0, 100);
  b.fill(0, 0, 100); // again: counts once
  b.fill(1, 200, 30);
  b.fill(3, 500, 10);
  b.lookup(3, 0, 300, 100); // with a table of 256
  b.fill(4, 0, 50);
  // Layer 2 has no commands.
  EXPECT_EQ(b.scratchpad(), (Bytes{100, 130, 100, 466, 50}));
}

/// Layers that take turns hold their bytes together.
TEST(MemoryUse, LayersInTurn) {
  Builder b(4);
  b.fill(0, 0, 100);
  b.lookup(1, 0, 300, 100); // and a table of 256 bytes
  b.fill(0, 100, 50);
  b.lookup(1, 100, 400, 50);
  b.fill(3, 1000, 1);
  EXPECT_EQ(b.scratchpad(), (Bytes{556, 556, 0, 1}));
  EXPECT_EQ(layerGroups(b.program), (std::vector<size_t>{0, 0, 1, 2}));
}

TEST(MemoryUse, OnlyWhatIsReadIsHeld) {
  Builder b(3);
  b.fill(0, 0, 100);
  b.fill(1, 1000, 1);
  b.lookup(2, 40, 300, 10); // and a table that nobody wrote
  EXPECT_EQ(b.scratchpad(), (Bytes{100, 11, 276}));
}

/// What is written again before it is read is not held for the reader.
TEST(MemoryUse, WritesBeginAnew) {
  Builder b(4);
  b.fill(0, 0, 100);
  b.fill(1, 1000, 1);
  b.fill(2, 0, 60);
  b.lookup(3, 0, 300, 100);
  EXPECT_EQ(b.scratchpad(), (Bytes{100, 1 + 40, 100, 456}));

  // In one layer the order of the program decides.
  Builder c(3);
  c.fill(0, 0, 100);
  c.fill(2, 0, 100);
  c.lookup(2, 0, 300, 100);
  EXPECT_EQ(c.scratchpad(), (Bytes{100, 0, 456}));
  Builder d(3);
  d.fill(0, 0, 100);
  d.lookup(2, 0, 0, 100);
  d.fill(2, 0, 100);
  EXPECT_EQ(d.scratchpad(), (Bytes{100, 100, 356}));
}

TEST(MemoryUse, InputsFromTheBeginOutputsToTheEnd) {
  Builder b(5);
  b.tensor(TensorInfo::Kind::Input, 0, 100);
  b.tensor(TensorInfo::Kind::Input, 3000, 100); // nobody reads it
  b.tensor(TensorInfo::Kind::Output, 200, 50);
  b.program.constants = {{1000, std::vector<uint8_t>(64)},
                         {1064, std::vector<uint8_t>(64)}};
  b.copy<LoadCommand>(0, 1000, 0, 128); // constants
  b.copy<StoreCommand>(1, 400, 0, 20);  // until layer 2
  b.copy<LoadCommand>(2, 400, 0, 20);
  b.copy<LoadCommand>(2, 0, 500, 100);
  b.copy<StoreCommand>(3, 200, 0, 50);
  EXPECT_EQ(b.dram(), (Bytes{100, 120, 120, 50, 50}));
  EXPECT_EQ(constantBytes(b.program), 128u);
}

/// Two halves of every row of 20 bytes, stored by layers 1 and 3, over a dead
/// tensor: one region of 100 bytes from layer 1 to the last read.
TEST(MemoryUse, ConcatenationInPlaceIsOneRegion) {
  Builder b(6);
  b.copy<StoreCommand>(0, 0, 0, 200);
  b.copy<StoreCommand>(2, 0, 0, 10, 5, 20);
  b.copy<LoadCommand>(3, 0, 0, 10, 5, 20); // a read of the first half
  b.copy<StoreCommand>(4, 10, 0, 10, 5, 20);
  b.copy<LoadCommand>(5, 0, 0, 100);
  // The rows of one half reach from byte 0 to 90, or from 10 to 100.
  EXPECT_EQ(b.dram(), (Bytes{200, 0, 90, 90, 100, 100}));

  // When it is full, the next write begins anew.
  Builder c(4);
  c.copy<StoreCommand>(0, 0, 0, 10, 5, 20);
  c.copy<StoreCommand>(0, 10, 0, 10, 5, 20);
  c.copy<StoreCommand>(2, 0, 0, 10, 5, 20);
  c.copy<LoadCommand>(3, 0, 0, 90);
  EXPECT_EQ(c.dram(), (Bytes{100, 0, 90, 90}));
}

TEST(MemoryUse, HostsTensors) {
  Builder b(3);
  b.program.hostFunctions = {{"f", {{0, {2, 5}}}, {{100, {7}}}}};
  b.tensor(TensorInfo::Kind::Input, 0, 10);
  b.tensor(TensorInfo::Kind::Output, 100, 7);
  b.add(1, HostCommand{0, 1, 17, 7});
  EXPECT_EQ(b.dram(), (Bytes{10, 17, 7}));
}

/// Rows that overlap, and counts whose product has more than 64 bits.
TEST(MemoryUse, ExtremeRegions) {
  Builder b(2);
  StoreCommand store;
  store.rowBytes = 1000;
  store.count = {65535, 65535, 65535};
  store.dramStride = {0, 0, -1};
  store.dramAddress = 70000;
  b.add(0, store);
  b.fill(1, 0, 4, UINT32_MAX, 1);
  EXPECT_EQ(b.dram(), (Bytes{65534 + 1000, 0}));
  EXPECT_EQ(b.scratchpad(), (Bytes{1000, uint64_t(UINT32_MAX) + 3}));
}

TEST(MemoryUse, ReportHasIt) {
  Builder b(2);
  b.program.constants = {{1000, std::vector<uint8_t>(64)}};
  b.copy<LoadCommand>(0, 1000, 0, 64);
  b.fill(1, 0, 10);
  std::vector<LayerCost> costs(2);
  costs[0].engines[unsigned(Engine::Load)] = {3, 120, 8};
  costs[1].engines[unsigned(Engine::Exec)] = {121, 130, 9};
  CostReport report = buildCostReport(b.program, costs, "analysis");
  EXPECT_EQ(report.dramConstantBytes, 64);
  EXPECT_EQ(report.ops[0].scratchpadBytes, 64);
  EXPECT_EQ(report.ops[0].dramLiveBytes, 0);
  EXPECT_EQ(report.ops[1].scratchpadBytes, 10);
  EXPECT_EQ(report.ops[0].engines[unsigned(Engine::Load)],
            (EngineUse{3, 120, 8}));
  EXPECT_FALSE(report.ops[0].engines[unsigned(Engine::Exec)]);
  EXPECT_EQ(report.ops[0].bound, CostBound::Memory);
  EXPECT_EQ(report.ops[1].bound, CostBound::Compute);
}

} // namespace
