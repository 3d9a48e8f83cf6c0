//===- SimulatorTest.cpp - Functional effect, time and events -------------===//

#include "accopt/Simulator/Simulator.h"

#include "../../lib/Simulator/MatmulKernel.h"
#include "MachineModel.h"
#include "RandomProgram.h"
#include "accopt/Analysis/CostAnalysis.h"
#include "accopt/CodeGen/Binary.h"
#include "accopt/Target/Arithmetic.h"

#include "gtest/gtest.h"

using namespace accopt;
using namespace accopt::test;

namespace {

std::string textOf(llvm::Error error) {
  return llvm::toString(std::move(error));
}

/// Runs the program through its binary in the simulator and directly in the
/// naive model; all of DRAM must be equal.
void compare(Program &program, uint64_t seed, unsigned threads = 1) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  auto binary = writeBinary(program);
  ASSERT_TRUE(bool(binary)) << textOf(binary.takeError());
  auto loaded = loadProgram(llvm::MemoryBufferRef(
      llvm::StringRef(binary->data(), binary->size()), "test.elf"));
  ASSERT_TRUE(bool(loaded)) << textOf(loaded.takeError());
  llvm::Error race = checkSynchronisation(*loaded);
  ASSERT_FALSE(bool(race)) << textOf(std::move(race));

  MachineModel model(program.machine, program.dramBytes);
  for (const Constant &c : program.constants)
    std::copy(c.bytes.begin(), c.bytes.end(), model.dram.begin() + c.address);
  for (const Command &command : program.commands)
    model.run(command);

  Simulator simulator(*loaded, nullptr, {false, true, threads});
  auto result = simulator.run();
  ASSERT_TRUE(bool(result)) << textOf(result.takeError());
  TensorInfo all;
  all.shape = {int64_t(program.dramBytes)};
  llvm::ArrayRef<int8_t> bytes = simulator.tensorBytes(all);
  size_t differences = 0;
  for (size_t i = 0; i < bytes.size(); ++i)
    if (bytes[i] != model.dram[i] && ++differences <= 3)
      ADD_FAILURE() << "byte " << i << ": simulator " << int(bytes[i])
                    << ", model " << int(model.dram[i]);
  EXPECT_EQ(differences, 0u);
}

Machine defaultMachine() {
  return llvm::cantFail(loadMachine("systolic16x16"));
}

constexpr uint64_t kCases = 150;

TEST(Simulator, Matmul) {
  for (uint64_t seed = 0; seed < 2 * kCases; ++seed) {
    RandomProgram random(seed, seed & 1);
    MatmulCommand command = random.matmul();
    compare(random.build(command), seed);
    if (HasFatalFailure())
      return;
  }
}

/// Operands that fit a precision give the same sums at it as at 8 bits.
TEST(Simulator, PrecisionsAgreeOnNarrowValues) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    RandomProgram random(seed);
    MatmulCommand command = random.matmul();
    for (unsigned precision : {4u, 2u}) {
      std::vector<uint8_t> &bytes = random.program.constants[0].bytes;
      for (uint32_t i = 0; i < 2 * RandomProgram::kArea; ++i)
        bytes[i] = uint8_t(signExtend(int8_t(bytes[i]), precision));
      std::vector<int8_t> results[2];
      for (bool low : {false, true}) {
        command.precision = low ? uint8_t(precision) : 8;
        random.program.commands.clear();
        Program &program = random.build(command);
        ASSERT_FALSE(bool(validateProgram(program)));
        Simulator simulator(program, nullptr);
        ASSERT_TRUE(bool(simulator.run()));
        TensorInfo all;
        all.shape = {int64_t(program.dramBytes)};
        results[low] = simulator.tensorBytes(all).vec();
      }
      EXPECT_EQ(results[0], results[1]) << "seed " << seed;
    }
  }
}

/// A few packed rows by hand, and the way back.
TEST(Simulator, PackedRowsByHand) {
  Program p;
  p.machine = defaultMachine();
  p.dramBytes = 64;
  p.layers.resize(1);
  // 3-bit elements 1, -1, 3, -4, 0, 2: 001 111 011 100 000 010, lowest first,
  // after one plain byte; bits 0 to 7 are 1 | 7 << 3 | 3 << 6, then 3 >> 2 | 4
  // << 1 | 0 << 4 | 2 << 7, then 2 >> 1.
  p.constants = {{0, {0x85, 1 | 7 << 3 | (3 & 3) << 6, 3 >> 2 | 4 << 1, 1}}};
  LoadCommand load;
  load.rowBytes = 7;
  load.bits = 3;
  load.plainBytes = 1;
  StoreCommand plain, packed;
  plain.rowBytes = 7;
  plain.dramAddress = 16;
  static_cast<DmaCommand &>(packed) = load;
  packed.dramAddress = 32;
  for (Operation op : {Operation(load), Operation(plain), Operation(packed)})
    p.commands.emplace_back().operation = op;
  p.commands[1].take[0] = 1;
  ASSERT_FALSE(bool(validateProgram(p)));
  Simulator simulator(p, nullptr);
  auto result = simulator.run();
  ASSERT_TRUE(bool(result));
  auto read = [&](uint32_t address, int64_t size) {
    TensorInfo tensor;
    tensor.address = address;
    tensor.shape = {size};
    return simulator.tensorBytes(tensor).vec();
  };
  EXPECT_EQ(read(16, 7), (std::vector<int8_t>{-123, 1, -1, 3, -4, 0, 2}));
  EXPECT_EQ(read(32, 5),
            (std::vector<int8_t>{-123, read(0, 4)[1], read(0, 4)[2], 1, 0}));
  EXPECT_EQ(result->layers[0].quantities.dramReadBytes, 4u);
}

/// Every width, loaded and stored, against the naive model.
TEST(Simulator, PackedRows) {
  for (uint64_t seed = 0; seed < 70; ++seed) {
    RandomProgram random(seed);
    LoadCommand load{random.dma(0)}, all;
    StoreCommand store{random.dma(RandomProgram::kBytes)}, back;
    load.bits = uint8_t(2 + seed % 7);
    store.bits = uint8_t(2 + seed / 7 % 7);
    for (DmaCommand *c : {(DmaCommand *)&load, (DmaCommand *)&store})
      c->plainBytes =
          c->bits == 8 || random.coin() ? 0 : random.number(0, c->rowBytes);
    all.rowBytes = back.rowBytes = RandomProgram::kBytes;
    back.dramAddress = RandomProgram::kBytes;
    random.append(0, all);
    random.append(0, load);
    random.append(2, back, {2, 0, 0, 0});
    random.append(2, store);
    compare(random.program, seed);
    if (HasFatalFailure())
      return;
  }
}

TEST(Simulator, MatmulInParts) {
  for (uint64_t seed = 0; seed < 2 * kCases; ++seed) {
    RandomProgram random(seed, seed & 1);
    // The same outputs, other inputs and weights.
    MatmulCommand first = random.matmul(), second = random.matmul(),
                  third = random.matmul();
    first.finish = false;
    for (MatmulCommand *later : {&second, &third}) {
      later->window.outputRows = first.window.outputRows;
      later->window.outputColumns = first.window.outputColumns;
      later->columns = first.columns;
      later->accumulator = first.accumulator;
      later->accumulate = true;
    }
    second.finish = false;
    third.epilogue = random.epilogue(third.window, third.columns);
    compare(random.build(first, second, third), seed);
    if (HasFatalFailure())
      return;
  }
}

TEST(Simulator, LargeMatmulOnThreads) {
  for (uint64_t seed = 0; seed < 4; ++seed) {
    RandomProgram random(seed);
    MatmulCommand c = random.matmul();
    c.channels = 40, c.columns = 70;
    c.window = Window();
    c.window.inputRows = c.window.inputColumns = 20;
    c.window.inputPixelPitch = 40, c.window.inputRowPitch = 800;
    c.window.outputRows = c.window.outputColumns = 20;
    c.window.kernelY = c.window.kernelX = 3;
    c.window.padTop = c.window.padLeft = 1;
    c.epilogue = random.epilogue(c.window, c.columns);
    c.epilogue.hasResidual = seed & 1;
    compare(random.build(c), seed, 3);
  }
}

TEST(Simulator, WrapsAt32Bits) {
  RandomProgram random(1);
  MatmulCommand c = random.matmul();
  // Bias at the top of the range and positive products.
  for (unsigned i = 0; i < c.columns; ++i)
    random.setWord(c.epilogue.parameters + 12 * i, INT32_MAX);
  compare(random.build(c), 1);
}

TEST(Simulator, Depthwise) {
  for (uint64_t seed = 0; seed < 2 * kCases; ++seed) {
    RandomProgram random(seed, seed & 1);
    DepthwiseCommand command = random.depthwise();
    compare(random.build(command), seed);
  }
}

TEST(Simulator, Pool) {
  for (uint64_t seed = 0; seed < 2 * kCases; ++seed) {
    RandomProgram random(seed, seed & 1);
    PoolCommand command = random.pool();
    compare(random.build(command), seed);
  }
}

TEST(Simulator, Binary) {
  for (uint64_t seed = 0; seed < 2 * kCases; ++seed) {
    RandomProgram random(seed, seed & 1);
    BinaryCommand command = random.binary();
    compare(random.build(command), seed);
  }
}

TEST(Simulator, LookupFillAndDma) {
  for (uint64_t seed = 0; seed < 2 * kCases; ++seed) {
    RandomProgram random(seed, seed & 1);
    LookupCommand lookup = random.lookup();
    FillCommand fill = random.fill();
    StoreCommand store{random.dma(RandomProgram::kBytes)};
    LoadCommand load{random.dma(0)};
    LoadCommand all;
    all.rowBytes = RandomProgram::kBytes;
    StoreCommand back;
    back.rowBytes = RandomProgram::kBytes;
    back.dramAddress = RandomProgram::kBytes;
    random.append(0, all);
    random.append(0, load);
    random.append(1, lookup, {2, 0, 0, 0});
    random.append(1, fill);
    random.append(2, back, {0, 2, 0, 0});
    random.append(2, store);
    compare(random.program, seed);
  }
}

TEST(Simulator, KernelsAgree) {
  std::mt19937 random(7);
  MatmulKernels kernels = availableMatmulKernels();
  for (unsigned pixels = 1; pixels <= kKernelPixels; ++pixels)
    for (size_t pairs : {1, 2, 7, 100}) {
      std::vector<int16_t> a(pixels * pairs * 2), w(pairs * 2 * 16);
      for (int16_t &v : a)
        v = int16_t(random() % 2 ? -32768 : int(random() % 65536) - 32768);
      for (int16_t &v : w)
        v = int16_t(random() % 2 ? -128 : int(random() % 256) - 128);
      std::vector<int32_t> expected(pixels * 16), actual(pixels * 16);
      kernels.portable(a.data(), pairs * 2, pixels, w.data(), pairs,
                       expected.data(), 16);
      for (MatmulKernel kernel : {kernels.avx2, kernels.avx512}) {
        if (!kernel)
          continue;
        kernel(a.data(), pairs * 2, pixels, w.data(), pairs, actual.data(), 16);
        EXPECT_EQ(actual, expected);
      }
    }
}

/// Binaries that are damaged and still valid run: to the end or to an error.
TEST(Simulator, DamagedBinariesRun) {
  const uint64_t seed = 77;
  RandomProgram source(seed);
  auto file = writeBinary(source.build(source.matmul(), source.depthwise(),
                                       source.pool(), source.binary(),
                                       source.lookup(), source.fill()));
  ASSERT_TRUE(bool(file));
  std::string original(file->data(), file->size());
  size_t commands = original.find(std::string("\1\0\0\0\0\0\0\0", 8), 64);
  std::mt19937_64 random(seed);
  size_t ran = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string bytes = original;
    for (uint64_t n = 1 + random() % 3; n; --n)
      bytes[commands + random() % (8 * 128)] = char(random());
    auto program = loadProgram(llvm::MemoryBufferRef(bytes, "damaged.elf"));
    if (!program) {
      llvm::consumeError(program.takeError());
      continue;
    }
    if (llvm::Error race = checkSynchronisation(*program)) {
      llvm::consumeError(std::move(race));
      continue;
    }
    Quantities total;
    for (const Command &command : program->commands)
      total += quantities(command, program->machine);
    if (total.macs + total.vectorOperations + total.scratchpadReadBytes +
            total.scratchpadWriteBytes >
        10000000)
      continue;
    Simulator simulator(*program, nullptr, {false, true, 1});
    auto result = simulator.run();
    EXPECT_TRUE(bool(result));
    ++ran;
  }
  EXPECT_GT(ran, 100u) << "seed " << seed;
}

/// Load, two fills, a store, by hand: issue 4, latency 100, 16 bytes a cycle.
TEST(Simulator, TimeByHand) {
  Program p;
  p.machine = defaultMachine();
  p.dramBytes = 4096;
  p.layers.resize(3);
  auto add = [&](uint32_t layer, Operation op,
                 std::array<uint32_t, kEngineCount> take = {}) {
    p.commands.emplace_back();
    p.commands.back().layer = layer;
    p.commands.back().take = take;
    p.commands.back().operation = op;
  };
  LoadCommand load;
  load.rowBytes = 160; // 10 beats: busy 14, complete 100 later
  FillCommand fill;
  fill.length = 640; // 10 groups of 64: 4 + 8 + 10 = 22
  StoreCommand store;
  store.rowBytes = 33; // 3 beats
  store.dramAddress = 1024;
  add(0, load);                // [0, 14), complete 114
  add(0, load);                // [14, 28), complete 128
  add(1, fill, {2, 0, 0, 0});  // [128, 150)
  add(1, fill);                // [150, 172)
  add(2, store, {0, 1, 0, 0}); // [150, 157), complete 257
  add(2, store, {0, 1, 0, 0}); // [172, 179), complete 279
  ASSERT_FALSE(bool(validateProgram(p)));
  Simulator simulator(p, nullptr, {true, true, 1});
  auto result = simulator.run();
  ASSERT_TRUE(bool(result));
  EXPECT_EQ(result->cycles, 279u);
  EXPECT_EQ(result->layers[0].cycles, 128u);
  EXPECT_EQ(result->layers[1].cycles, 44u);
  EXPECT_EQ(result->layers[2].cycles, 107u);
  EXPECT_EQ(result->layers[0].quantities.dramReadBytes, 320u);
  EXPECT_EQ(result->layers[1].quantities.scratchpadWriteBytes, 1280u);
  EXPECT_EQ(result->layers[2].quantities.dramWriteBytes, 66u);
  ASSERT_EQ(result->trace.size(), 6u);
  EXPECT_EQ(result->trace[4].start, 150u);
  EXPECT_EQ(result->trace[5].start, 172u);
  EXPECT_EQ(result->trace[5].end, 179u);
  EXPECT_EQ(result->trace[5].completion, 279u);
  auto engine = [&](unsigned layer, Engine e) {
    return result->layers[layer].engines[unsigned(e)];
  };
  EXPECT_EQ(engine(0, Engine::Load), (EngineSpan{0, 128, 28}));
  EXPECT_EQ(engine(1, Engine::Exec), (EngineSpan{128, 172, 44}));
  EXPECT_EQ(engine(2, Engine::Store), (EngineSpan{150, 279, 14}));
  EXPECT_EQ(engine(0, Engine::Exec), std::nullopt);
  EXPECT_EQ(engine(2, Engine::Host), std::nullopt);
  EXPECT_EQ(llvm::cantFail(analyzeCost(p)).layers, result->layers);

  // A second run starts from time zero.
  auto again = simulator.run();
  ASSERT_TRUE(bool(again));
  EXPECT_EQ(again->cycles, 279u);
}

/// Two layers in turn: each command adds to its own.
TEST(Simulator, LayersInTurnByHand) {
  Program p;
  p.machine = defaultMachine();
  p.dramBytes = 4096;
  p.layers.resize(2);
  FillCommand fill;
  fill.length = 640; // 22 cycles
  for (uint32_t layer : {0, 1, 0, 1, 1}) {
    p.commands.emplace_back().layer = layer;
    p.commands.back().operation = fill;
  }
  ASSERT_FALSE(bool(validateProgram(p)));
  Simulator simulator(p, nullptr, {true, false, 1});
  auto result = simulator.run();
  ASSERT_TRUE(bool(result));
  EXPECT_EQ(result->layers[0].cycles, 44u);
  EXPECT_EQ(result->layers[1].cycles, 66u);
  EXPECT_EQ(llvm::cantFail(analyzeCost(p)).layers, result->layers);
}

TEST(Simulator, HostSeesTensorsAndFails) {
  struct Host : HostRunner {
    llvm::Error
    run(const HostFunction &f, llvm::ArrayRef<llvm::ArrayRef<int8_t>> in,
        llvm::ArrayRef<llvm::MutableArrayRef<int8_t>> out) override {
      if (f.symbol == "fail")
        return llvm::createStringError("the host failed");
      for (size_t i = 0; i < in[0].size(); ++i)
        out[0][i] = int8_t(in[0][i] + 1);
      return llvm::Error::success();
    }
  } host;
  Program p;
  p.machine = defaultMachine();
  p.dramBytes = 64;
  p.layers.resize(1);
  p.constants = {{0, {1, 2, 3}}};
  p.hostFunctions = {{"f", {{0, {3}}}, {{32, {3}}}}};
  p.hostModule = "module";
  p.commands.emplace_back().operation = HostCommand{0, 3, 6, 3};
  ASSERT_FALSE(bool(validateProgram(p)));
  Simulator simulator(p, &host);
  auto result = simulator.run();
  ASSERT_TRUE(bool(result));
  // 2000 + ceil(3 * 1 + 6 * 0.25)
  EXPECT_EQ(result->cycles, 2005u);
  TensorInfo out;
  out.address = 32;
  out.shape = {3};
  EXPECT_EQ(simulator.tensorBytes(out).vec(), (std::vector<int8_t>{2, 3, 4}));

  p.hostFunctions[0].symbol = "fail";
  Simulator failing(p, &host);
  auto error = failing.run();
  ASSERT_FALSE(bool(error));
  EXPECT_EQ(textOf(error.takeError()), "the host failed");
}

} // namespace
