//===- CodeGenTest.cpp - Binaries, their loader and its checks ------------===//

#include "RandomProgram.h"
#include "accopt/CodeGen/Binary.h"
#include "accopt/Target/Encoding.h"

#include "llvm/BinaryFormat/ELF.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <functional>

using namespace accopt;
using namespace accopt::test;
using testing::HasSubstr;

namespace {

std::string bytesOf(const Program &program) {
  auto binary = writeBinary(program);
  if (!binary) {
    ADD_FAILURE() << llvm::toString(binary.takeError());
    return "";
  }
  return std::string(binary->data(), binary->size());
}

llvm::Expected<Program> load(llvm::StringRef bytes) {
  return loadProgram(llvm::MemoryBufferRef(bytes, "test.elf"));
}

/// The error, or an empty text.
std::string loadError(llvm::StringRef bytes) {
  auto program = load(bytes);
  return program ? "" : llvm::toString(program.takeError());
}

std::string errorOf(const Program &program) {
  llvm::Error error = validateProgram(program);
  return error ? llvm::toString(std::move(error)) : "";
}

/// One of each kind of command, several constants, tensors and host functions.
Program sample(uint64_t seed) {
  RandomProgram random(seed);
  MatmulCommand first = random.matmul(), second = first;
  first.finish = false;
  second.accumulate = true;
  random.build(first, second, random.depthwise(), random.pool(),
               random.binary(), random.lookup(), random.fill());
  Program &p = random.program;
  p.dramBytes += 4096;
  uint32_t end = 2 * RandomProgram::kBytes;
  p.constants.push_back({end + 16, {1, 2, 3}});
  p.constants.push_back({end + 1024, {4, 5}});
  TensorInfo input;
  input.kind = TensorInfo::Kind::Input;
  input.name = "image \"1\" \\ \xc3\xa9";
  input.address = end + 2048;
  input.shape = {1, 4, 5, 3};
  input.permutation = {0, 3, 1, 2};
  input.modelShape = {1, 3, 4, 5};
  input.scale = 1.0 / 3;
  input.zeroPoint = -7;
  p.tensors.push_back(input);
  input.kind = TensorInfo::Kind::Intermediate;
  input.inScratchpad = true;
  input.address = RandomProgram::kBytes - 60;
  p.tensors.push_back(input);
  p.hostFunctions = {
      {"softmax", {{end + 2048, {60}}}, {{end + 3000, {4, 15}}}}};
  p.hostModule = std::string("ML\xefR\0bytes", 10);
  p.layers.push_back({"last", "softmax", "host", "no exponential", 9});
  p.layers[2].weightBits = 3, p.layers[2].inputBits = 5;
  p.tensors.back().bits = 4;
  random.append(3, HostCommand{0, 60, 120, 60}, {0, 0, 1, 0});
  return p;
}

void expectSame(const Program &a, const Program &b) {
  EXPECT_EQ(a.modelName, b.modelName);
  EXPECT_EQ(a.modelSha256, b.modelSha256);
  EXPECT_EQ(a.dramBytes, b.dramBytes);
  EXPECT_EQ(a.hostModule, b.hostModule);
  ASSERT_EQ(a.tensors.size(), b.tensors.size());
  for (size_t i = 0; i < a.tensors.size(); ++i) {
    const TensorInfo &x = a.tensors[i], &y = b.tensors[i];
    EXPECT_EQ(x.kind, y.kind);
    EXPECT_EQ(x.type, y.type);
    EXPECT_EQ(x.name, y.name);
    EXPECT_EQ(x.address, y.address);
    EXPECT_EQ(x.inScratchpad, y.inScratchpad);
    EXPECT_EQ(x.shape, y.shape);
    EXPECT_EQ(x.permutation, y.permutation);
    EXPECT_EQ(x.modelShape, y.modelShape);
    EXPECT_EQ(x.scale, y.scale);
    EXPECT_EQ(x.zeroPoint, y.zeroPoint);
    EXPECT_EQ(x.bits, y.bits);
    EXPECT_EQ(x.definedBy, y.definedBy);
  }
  ASSERT_EQ(a.layers.size(), b.layers.size());
  for (size_t i = 0; i < a.layers.size(); ++i) {
    EXPECT_EQ(a.layers[i].name, b.layers[i].name);
    EXPECT_EQ(a.layers[i].reason, b.layers[i].reason);
    EXPECT_EQ(a.layers[i].rooflineCycles, b.layers[i].rooflineCycles);
    EXPECT_EQ(a.layers[i].weightBits, b.layers[i].weightBits);
    EXPECT_EQ(a.layers[i].inputBits, b.layers[i].inputBits);
  }
  ASSERT_EQ(a.hostFunctions.size(), b.hostFunctions.size());
  for (size_t i = 0; i < a.hostFunctions.size(); ++i) {
    EXPECT_EQ(a.hostFunctions[i].symbol, b.hostFunctions[i].symbol);
    EXPECT_EQ(a.hostFunctions[i].results[0].shape,
              b.hostFunctions[i].results[0].shape);
  }
  ASSERT_EQ(a.commands.size(), b.commands.size());
  for (size_t i = 0; i < a.commands.size(); ++i) {
    EXPECT_TRUE(a.commands[i].operation == b.commands[i].operation);
    EXPECT_EQ(a.commands[i].take, b.commands[i].take);
    EXPECT_EQ(a.commands[i].layer, b.commands[i].layer);
  }
}

TEST(Binary, RoundTrip) {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    Program p = sample(seed);
    std::string bytes = bytesOf(p);
    EXPECT_EQ(bytes, bytesOf(p));
    auto loaded = load(bytes);
    ASSERT_TRUE(bool(loaded)) << llvm::toString(loaded.takeError());
    expectSame(p, *loaded);
    // The first two constants are 16 bytes apart only after the gap of the
    // result tensor: three segments with the same memory.
    std::map<uint32_t, uint8_t> expected, actual;
    for (const Constant &c : p.constants)
      for (size_t i = 0; i < c.bytes.size(); ++i)
        expected[uint32_t(c.address + i)] = c.bytes[i];
    for (const Constant &c : loaded->constants)
      for (size_t i = 0; i < c.bytes.size(); ++i)
        actual[uint32_t(c.address + i)] = c.bytes[i];
    EXPECT_EQ(actual, expected);
    // What was loaded gives the same file.
    EXPECT_EQ(bytesOf(*loaded), bytes);
  }
}

TEST(Binary, NeighbouringConstantsShareASegment) {
  Program p = sample(0);
  p.constants.push_back({p.constants.back().address + 10, {7}});
  auto loaded = load(bytesOf(p));
  ASSERT_TRUE(bool(loaded));
  ASSERT_EQ(loaded->constants.size(), 3u);
  EXPECT_EQ(loaded->constants[2].bytes,
            (std::vector<uint8_t>{4, 5, 0, 0, 0, 0, 0, 0, 0, 0, 7}));
}

TEST(Binary, TruncatedFilesAreRefused) {
  std::string bytes = bytesOf(sample(1));
  for (size_t size = 0; size < bytes.size();
       size += size < 2000 || size + 4000 > bytes.size() ? 7 : 4999) {
    std::string error = loadError(llvm::StringRef(bytes).take_front(size));
    EXPECT_THAT(error, HasSubstr("test.elf: ")) << size;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  }
}

/// Random damage outside the constants: an error of one line or a program that
/// passes all checks, never a crash.
TEST(Binary, DamagedFilesDoNotCrash) {
  const uint64_t seed = 20240817;
  std::mt19937_64 random(seed);
  std::string original = bytesOf(sample(2));
  size_t constants = RandomProgram::kBytes, refused = 0;
  size_t skipFrom = original.find("accopt") + 20000;
  for (int i = 0; i < 3000; ++i) {
    std::string bytes = original;
    for (uint64_t n = 1 + random() % 4; n; --n) {
      size_t position = random() % (bytes.size() - constants);
      // Leave out most of the constants: any value is fine there.
      if (position > skipFrom)
        position += constants - 20000;
      position %= bytes.size();
      bytes[position] = random() % 2 ? char(bytes[position] ^ 1 << random() % 8)
                                     : char(random());
    }
    auto program = load(bytes);
    if (!program) {
      ++refused;
      std::string error = llvm::toString(program.takeError());
      EXPECT_EQ(error.find('\n'), std::string::npos)
          << "seed " << seed << ", case " << i << ": " << error;
      continue;
    }
    llvm::consumeError(validateProgram(*program));
    llvm::consumeError(checkSynchronisation(*program));
  }
  EXPECT_GT(refused, 300u);
}

TEST(Binary, DamagedTablesAreRefused) {
  std::string bytes = bytesOf(sample(3));
  auto replaced = [&](const std::string &from, const std::string &to) {
    EXPECT_EQ(from.size(), to.size());
    std::string copy = bytes;
    size_t position = copy.find(from);
    EXPECT_NE(position, std::string::npos) << from;
    copy.replace(position, from.size(), to);
    return loadError(copy);
  };
  EXPECT_THAT(replaced("\"format\":4", "\"format\":1"),
              HasSubstr("expected format 4, got 1"));
  EXPECT_THAT(replaced("\"bits\":8", "\"bits\":9"),
              HasSubstr("expected 2 to 8 bits, got 9"));
  EXPECT_THAT(replaced("\"weight_bits\":0", "\"weight_bits\":1"),
              HasSubstr("expected 0, or 2 to 8 bits"));
  EXPECT_THAT(replaced("lanes: ", "lames: "), HasSubstr("unknown field"));
  EXPECT_THAT(
      replaced("accumulator_bytes: 1048576", "accumulator_bytes: 2097152"),
      HasSubstr("expected target parameters with SHA-256"));
  EXPECT_THAT(replaced("\"kind\":\"input\"", "\"kind\":\"inpus\""),
              HasSubstr("expected input, output or intermediate"));
  EXPECT_THAT(replaced("\"type\":\"int8\"", "\"type\":\"in16\""),
              HasSubstr("expected NumPy's name of an element type"));
  EXPECT_THAT(
      replaced("\"permutation\":[0,3,1,2]", "\"permutation\":[0,3,1,1]"),
      HasSubstr("expected a permutation of 4 dimensions"));
  EXPECT_THAT(replaced("\"zero_point\":-7", "\"zero_point\": x"),
              HasSubstr("test.elf: .accopt.tensors"));
  EXPECT_THAT(replaced("\"first_command\":1", "\"first_command\":2"),
              HasSubstr("expected commands from 1"));
  EXPECT_THAT(replaced("[{\"arguments\"", "[[[[[[[[[[[[["),
              HasSubstr(".accopt.host"));
  EXPECT_THAT(loadError("\x7f"
                        "ELF"),
              HasSubstr("test.elf: "));
  EXPECT_THAT(loadError("hello"), HasSubstr("expected an ELF file"));
  // A 64-bit little-endian binary of x86-64.
  std::string other = bytes;
  other[18] = llvm::ELF::EM_X86_64;
  EXPECT_THAT(loadError(other), HasSubstr("got ELF type 2 for machine 62"));
}

//===-- Validity ----------------------------------------------------------===//

/// Applies `damage` to the only command of type T and expects `reason`.
template <typename T>
void refuse(std::function<void(T &)> damage, llvm::StringRef reason) {
  Program p = sample(5);
  ASSERT_EQ(errorOf(p), "");
  for (Command &c : p.commands)
    if (T *operation = std::get_if<T>(&c.operation)) {
      damage(*operation);
      EXPECT_THAT(errorOf(p), HasSubstr(reason.str()));
      return;
    }
  FAIL() << "no such command";
}

TEST(Validate, TypesOfTheHost) {
  Program p = sample(5);
  ASSERT_EQ(errorOf(p), "");
  // Only int8 has an order of its own.
  for (TensorInfo &tensor : p.tensors)
    tensor.type = NumpyType::Bool;
  EXPECT_THAT(errorOf(p), HasSubstr("expected bool only in DRAM, dense and in "
                                    "the model's order"));
  // Elements of eight bytes take the DRAM that bytes before its end do not.
  p = sample(5);
  ASSERT_FALSE(p.hostFunctions.empty());
  HostFunction::Argument &result = p.hostFunctions[0].results[0];
  result.address = p.dramBytes - uint32_t(result.bytes());
  result.type = NumpyType::Int64;
  EXPECT_THAT(errorOf(p), HasSubstr("result: expected"));
}

TEST(Validate, Fields) {
  refuse<LoadCommand>([](auto &c) { c.count[1] = 0; },
                      "command 0 (load): expected counts and row bytes");
  refuse<LoadCommand>([](auto &c) { c.rowBytes = 0; }, "row bytes of 1");
  refuse<LoadCommand>([](auto &c) { c.bits = 1; },
                      "expected elements of 2 to 8 bits, got 1");
  refuse<StoreCommand>([](auto &c) { c.bits = 9; }, "2 to 8 bits, got 9");
  refuse<LoadCommand>([](auto &c) { c.plainBytes = 1; },
                      "expected at most 0 plain bytes, got 1");
  refuse<LoadCommand>(
      [](auto &c) { c.bits = 4, c.plainBytes = c.rowBytes + 1; },
      "plain bytes, got 262145");
  refuse<MatmulCommand>([](auto &c) { c.precision = 3; },
                        "expected a precision of 16, 8, 4 or 2, got 3");
  refuse<MatmulCommand>([](auto &c) { c.precision = 16; },
                        "expected a precision of 16 for inputs of two bytes");
  refuse<PoolCommand>(
      [](auto &c) { c.kind = PoolKind::Max, c.wideOutput = true; },
      "expected input and output of one type");
  refuse<BinaryCommand>([](auto &c) { c.wideA = true; },
                        "a: expected a machine with values of 16 bits");
  refuse<BinaryCommand>([](auto &c) { c.clampMin = -129; },
                        "expected bounds in [-128, 127]");
  refuse<LookupCommand>([](auto &c) { c.stepBits = 1; },
                        "expected at most 0 bits between two entries, got 1");
  refuse<MatmulCommand>([](auto &c) { c.window.kernelX = 0; },
                        "expected sizes, strides and dilations of 1");
  refuse<MatmulCommand>([](auto &c) { c.window.strideY = 0; },
                        "expected sizes, strides and dilations of 1");
  refuse<MatmulCommand>([](auto &c) { c.channels = 0; }, "of 1 or more");
  refuse<MatmulCommand>([](auto &c) { c.runs = 0; }, "runs of equal length");
  refuse<MatmulCommand>([](auto &c) { c.runs = c.channels + 1; },
                        "runs of equal length");
  refuse<MatmulCommand>(
      [](auto &c) {
        c.channels = 2;
        c.runs = 2;
        c.runPitch = UINT32_MAX;
      },
      "input");
  refuse<MatmulCommand>([](auto &c) { c.dataflow = Dataflow::RowStationary; },
                        "expected a dataflow that the machine has");
  refuse<MatmulCommand>(
      [](auto &c) { c.window.inputRows = c.window.inputColumns = 65535; },
      "pixels: expected at most the scratchpad's");
  refuse<MatmulCommand>([](auto &c) { c.columns = 0; }, "expected a column");
  refuse<MatmulCommand>([](auto &c) { c.accumulator = 2; },
                        "multiple of 4, got 2");
  refuse<MatmulCommand>(
      [](auto &c) { c.window.kernelX = c.window.kernelY = 65535; },
      "weights: expected at most the scratchpad's");
  refuse<DepthwiseCommand>(
      [](auto &c) { c.epilogue.clampMin = 10, c.epilogue.clampMax = 9; },
      "expected clamp_min <= clamp_max, got 10 and 9");
  refuse<DepthwiseCommand>(
      [](auto &c) {
        c.epilogue.hasResidual = true;
        c.epilogue.residualShift = 63;
      },
      "residual: expected a shift in [2, 62], got 63");
  refuse<DepthwiseCommand>(
      [](auto &c) {
        c.epilogue.hasResidual = true;
        c.epilogue.sumMultiplier = -5;
      },
      "sum: expected a multiplier in [2^30, 2^31), got -5");
  refuse<PoolCommand>([](auto &c) { c.window.outputRows = 0; }, "of 1 or more");
  refuse<BinaryCommand>([](auto &c) { c.length = 0; }, "a length of 1");
  refuse<BinaryCommand>([](auto &c) { c.count[2] = 0; }, "counts of 1");
  refuse<BinaryCommand>([](auto &c) { c.outputMultiplier = 3; },
                        "output: expected a multiplier");
  refuse<LookupCommand>([](auto &c) { c.length = 0; }, "a length of 1");
  refuse<FillCommand>([](auto &c) { c.rows = 0; }, "rows of 1 byte");
  refuse<FillCommand>([](auto &c) { c.rows = c.pitch = UINT32_MAX; },
                      "expected at most 262144 rows");
  refuse<HostCommand>([](auto &c) { c.function = 1; },
                      "expected a function below 1, got 1");
  refuse<HostCommand>([](auto &c) { c.operations = UINT64_MAX; }, "2^50");
  refuse<HostCommand>([](auto &c) { c.writtenBytes = c.bytes + 1; },
                      "written bytes");
}

TEST(Validate, Addresses) {
  constexpr uint32_t kLast = RandomProgram::kBytes - 1;
  refuse<LoadCommand>([](auto &c) { c.dramAddress = UINT32_MAX; },
                      "DRAM side: expected addresses in the DRAM");
  refuse<LoadCommand>([](auto &c) { c.scratchpadAddress = 1; },
                      "scratchpad side: expected addresses in the scratchpad");
  refuse<LoadCommand>(
      [](auto &c) {
        c.rowBytes = 1;
        c.count = {2, 1, 1};
        c.dramStride[0] = -1;
      },
      "DRAM side");
  refuse<LoadCommand>(
      [](auto &c) {
        c.rowBytes = 1;
        c.count = {65535, 65535, 65535};
        c.scratchpadStride = {UINT32_MAX, UINT32_MAX, UINT32_MAX};
      },
      "rows: expected at most the scratchpad's");
  refuse<LoadCommand>(
      [](auto &c) {
        c.rowBytes = 1;
        c.count = {65535, 1, 1};
        c.scratchpadStride = {UINT32_MAX, UINT32_MAX, UINT32_MAX};
      },
      "scratchpad side");
  refuse<StoreCommand>([](auto &c) { c.dramAddress = 0; },
                       "writes the constant at 0x0");
  refuse<MatmulCommand>([](auto &c) { c.weights = kLast; }, "weights");
  refuse<MatmulCommand>([](auto &c) { c.accumulator = 1 << 20; },
                        "accumulators");
  refuse<MatmulCommand>(
      [](auto &c) {
        c.window.padTop = c.window.padLeft = 0;
        c.window.input = kLast + 1;
      },
      "input");
  refuse<DepthwiseCommand>([](auto &c) { c.epilogue.parameters = kLast; },
                           "parameters");
  refuse<DepthwiseCommand>([](auto &c) { c.epilogue.output = kLast + 1; },
                           "output");
  refuse<DepthwiseCommand>(
      [](auto &c) { c.epilogue.hasTable = true, c.epilogue.table = kLast; },
      "table");
  refuse<PoolCommand>(
      [](auto &c) { c.window.outputRows = 2, c.outputRowPitch = UINT32_MAX; },
      "output");
  refuse<BinaryCommand>(
      [](auto &c) { c.length = 10, c.aStride[3] = UINT32_MAX; }, "operand a");
  refuse<BinaryCommand>([](auto &c) { c.b = kLast + 1; }, "operand b");
  refuse<LookupCommand>([](auto &c) { c.table = kLast; }, "table");
  refuse<LookupCommand>([](auto &c) { c.length = UINT32_MAX; }, "input");
  refuse<FillCommand>([](auto &c) { c.output = kLast + 1; }, "output");
}

TEST(Validate, ProgramTables) {
  auto refuseProgram = [](std::function<void(Program &)> damage,
                          const std::string &reason) {
    Program p = sample(5);
    damage(p);
    EXPECT_THAT(errorOf(p), HasSubstr(reason));
  };
  refuseProgram([](Program &p) { p.commands[1].layer = 7; },
                "expected a layer below 4, got 7");
  refuseProgram([](Program &p) { p.commands[0].take[0] = 1; },
                "takes tokens from its own engine");
  refuseProgram([](Program &p) { p.commands[0].take[1] = 1; },
                "command 0 (load): waits for tokens that never come");
  refuseProgram([](Program &p) { p.commands[1].take[0] = UINT32_MAX; },
                "waits for tokens that never come");
  refuseProgram([](Program &p) { std::swap(p.constants[0], p.constants[1]); },
                "constant 1: expected an address of");
  refuseProgram([](Program &p) { p.constants.back().bytes.resize(9999); },
                "beyond DRAM");
  refuseProgram([](Program &p) { p.tensors[1].address = UINT32_MAX; },
                "inside DRAM");
  refuseProgram([](Program &p) { ++p.tensors[2].address; },
                "inside a scratchpad");
  refuseProgram([](Program &p) { p.tensors[1].inScratchpad = true; },
                "expected inputs and outputs in DRAM");
  refuseProgram([](Program &p) { p.tensors[1].shape[0] = INT64_MAX; },
                "inside DRAM");
  refuseProgram([](Program &p) { p.tensors[1].shape[0] = 0; }, "got 0");
  refuseProgram([](Program &p) { p.tensors[1].modelShape[0] = 2; },
                "expected 60 elements in the model's shape, got 120");
  refuseProgram([](Program &p) { p.tensors[1].scale = 0; },
                "expected a positive scale");
  refuseProgram([](Program &p) { p.tensors[1].zeroPoint = 128; },
                "expected a zero point");
  refuseProgram([](Program &p) { p.tensors[1].definedBy = 4; },
                "expected a layer below 4, got 4");
  refuseProgram(
      [](Program &p) {
        p.hostFunctions[0].results[0].address =
            p.hostFunctions[0].arguments[0].address + 59;
      },
      "a result overlaps an argument");
  refuseProgram([](Program &p) { p.hostFunctions[0].results[0].address = 0; },
                "a result overlaps a constant");
  refuseProgram([](Program &p) { p.hostModule.clear(); },
                "expected the host's module");
  refuseProgram([](Program &p) { p.machine.rows = 0; }, "field 'rows'");
  refuseProgram(
      [](Program &p) {
        std::get<MatmulCommand>(p.commands[1].operation).finish = true;
      },
      "command 2 (matmul): accumulates onto sums");
}

/// A batch of activations that stays in the scratchpad may be larger than all
/// that DRAM has to hold.
TEST(Validate, ScratchpadTensorLargerThanDram) {
  Program p = sample(5);
  TensorInfo &tensor = p.tensors[2];
  ASSERT_TRUE(tensor.inScratchpad);
  int64_t rows = int64_t(p.dramBytes) / 15 + 1;
  Machine &machine = p.machine;
  machine.scratchpadBytes = 4 * RandomProgram::kBytes;
  machine.energy =
      horowitz45(machine.scratchpadBytes, machine.accumulatorBytes);
  tensor.address = 0;
  tensor.shape = {1, rows, 5, 3};
  tensor.modelShape = {1, 3, rows, 5};
  EXPECT_EQ(errorOf(p), "");
}

/// Two engines wait for each other.
TEST(Validate, Deadlock) {
  Program p = sample(5);
  p.commands.clear();
  RandomProgram random(5);
  p.commands = random.build(random.fill(), random.fill()).commands;
  p.commands.resize(3);
  p.layers = random.program.layers;
  p.hostFunctions.clear();
  p.constants.resize(1);
  for (TensorInfo &t : p.tensors)
    t.definedBy = -1;
  ASSERT_EQ(errorOf(p), "");
  p.commands[0].take = {0, 2, 0, 0};
  EXPECT_EQ(errorOf(p), "command 0 (load): waits for tokens that never come");
}

//===-- Synchronisation ---------------------------------------------------===//

std::string raceIn(const Program &p) {
  EXPECT_EQ(errorOf(p), "");
  llvm::Error error = checkSynchronisation(p);
  return error ? llvm::toString(std::move(error)) : "";
}

TEST(Synchronisation, FindsMissingTokens) {
  Program p = sample(6);
  EXPECT_EQ(raceIn(p), "");
  // The first command of EXEC no longer waits for the load.
  Program early = p;
  early.commands[1].take = {};
  EXPECT_THAT(raceIn(early), HasSubstr("no token orders them"));
  EXPECT_THAT(raceIn(early), HasSubstr("(load, layer 'in')"));
  // The store waits for one command less, and that one writes.
  Program late = p;
  late.commands[8].take[1] -= 1;
  EXPECT_THAT(raceIn(late), HasSubstr("(store, layer 'out') reads"));
}

/// A double buffer: LOAD fills halves in turn, EXEC reads them.
Program doubleBuffer(unsigned tiles, uint32_t takeFromExec) {
  RandomProgram random(9);
  Program &p = random.program;
  for (unsigned i = 0; i < tiles; ++i) {
    LoadCommand load;
    load.rowBytes = 512;
    load.scratchpadAddress = i % 2 * 512;
    LookupCommand use;
    use.input = i % 2 * 512;
    use.length = 512;
    use.table = 4096;
    use.output = 8192;
    random.append(0, load, {0, i < 2 ? 0 : takeFromExec, 0, 0});
    random.append(0, use, {1, 0, 0, 0});
  }
  return p;
}

TEST(Synchronisation, DoubleBuffer) {
  EXPECT_EQ(raceIn(doubleBuffer(40, 1)), "");
  EXPECT_THAT(raceIn(doubleBuffer(40, 0)), HasSubstr("no token orders them"));
}

TEST(Synchronisation, OrderIsTransitive) {
  // LOAD -> EXEC -> STORE -> LOAD: the second load may overwrite what EXEC
  // read.
  RandomProgram random(9);
  LoadCommand load;
  load.rowBytes = 64;
  FillCommand fill;
  fill.output = 0;
  fill.length = 64;
  StoreCommand store;
  store.rowBytes = 64;
  store.scratchpadAddress = 1000;
  store.dramAddress = RandomProgram::kBytes;
  random.append(0, load);
  random.append(0, fill, {1, 0, 0, 0});
  random.append(0, store, {0, 1, 0, 0});
  random.append(0, load, {0, 0, 1, 0});
  EXPECT_EQ(raceIn(random.program), "");
  random.program.commands[3].take = {};
  EXPECT_NE(raceIn(random.program), "");
}

TEST(Synchronisation, OutputOverOwnInput) {
  RandomProgram random(9);
  PoolCommand pool = random.pool();
  pool.window.padTop = pool.window.padLeft = 0;
  pool.output = pool.window.input;
  EXPECT_THAT(raceIn(random.build(pool)), HasSubstr("over its own input"));
}

TEST(Disassembly, NamesSources) {
  std::string text;
  llvm::raw_string_ostream os(text);
  disassemble(sample(7), os);
  EXPECT_THAT(text, HasSubstr("     0  load  load "));
  EXPECT_THAT(text, HasSubstr("host  host take_store=1 operations=60 bytes=120 "
                              "written_bytes=60  ; last\n"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 10);
}

} // namespace
