//===- RandomProgram.h - Random valid commands for tests --------*- C++ -*-===//
//
// One operation in the middle of a program that loads the whole scratchpad from
// constants and stores all of it afterwards. The scratchpad is divided into
// areas so that no command overlaps itself.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TEST_UNIT_RANDOMPROGRAM_H
#define ACCOPT_TEST_UNIT_RANDOMPROGRAM_H

#include "accopt/CodeGen/Program.h"
#include "accopt/Target/MachineIO.h"

#include <algorithm>
#include <cstring>
#include <random>

namespace accopt::test {

class RandomProgram {
public:
  static constexpr uint32_t kArea = 1 << 15;
  static constexpr uint32_t kInput = 0, kWeights = kArea,
                            kParameters = 2 * kArea, kResidual = 3 * kArea,
                            kTable = 4 * kArea, kOutput = 5 * kArea,
                            kBytes = 8 * kArea;

  /// With `wide`, operands have one or two bytes at random.
  explicit RandomProgram(uint64_t seed, bool wide = false)
      : random(seed), wide(wide) {
    Machine &m = program.machine;
    m.name = "random";
    m.rows = 1u << number(1, 5);
    m.columns = 1u << number(1, 5);
    m.arrayRate4Bit = number(1, 16);
    m.arrayRate2Bit = number(1, 16);
    m.dataflow = Dataflow(number(0, 4));
    m.stationaryRegisters = number(1, 2);
    m.patchSegments = number(1, 5);
    m.lanes = 1u << number(0, 8);
    if (wide) {
      m.arrayPes16Bit = number(1, std::min<uint32_t>(m.rows, 4));
      m.lanes *= 2;
    }
    m.dramBytesPerCycle = number(1, 64);
    m.dramLatency = number(0, 200);
    m.dramOutstanding = number(0, 1) * number(1, 20);
    m.dramBurstBytes = number(1, 4) * m.dramBytesPerCycle;
    m.scratchpadPortBytes = number(0, 1) * number(1, 64);
    m.scratchpadPorts = ScratchpadPorts(number(0, 1));
    m.issueCycles = number(1, 10);
    m.vectorLatency = number(0, 20);
    m.scratchpadBytes = kBytes;
    m.accumulatorBytes = 1 << 20;
    m.energy = horowitz45(m.scratchpadBytes, m.accumulatorBytes);
    program.dramBytes = 2 * kBytes;
    program.modelName = "random.onnx";
    program.layers = {{"in", "load", "dma", "", 0},
                      {"op", "test", "vector", "", 0},
                      {"out", "store", "dma", "", 0}};
    Constant constant;
    constant.bytes.resize(kBytes);
    for (uint8_t &byte : constant.bytes)
      byte = uint8_t(random());
    program.constants.push_back(std::move(constant));
    TensorInfo result;
    result.kind = TensorInfo::Kind::Output;
    result.name = "result";
    result.address = kBytes;
    result.shape = result.modelShape = {int64_t(kBytes)};
    result.permutation = {0};
    result.definedBy = 2;
    program.tensors.push_back(std::move(result));
  }

  uint32_t number(uint32_t low, uint32_t high) {
    return low + uint32_t(random() % (uint64_t(high) - low + 1));
  }
  bool coin() { return random() & 1; }
  int8_t byte() { return int8_t(random()); }
  int32_t multiplier() { return int32_t(number(1u << 30, (1u << 31) - 1)); }
  /// Mostly shifts that leave results of the size of int8.
  uint8_t shift() { return uint8_t(coin() ? number(30, 42) : number(2, 62)); }

  bool isWide() { return wide && coin(); }
  static unsigned bytesOf(bool isWide) { return isWide ? 2 : 1; }
  int8_t zeroPoint(bool isWide) { return isWide ? int8_t(0) : byte(); }

  void clamp(int16_t &low, int16_t &high, bool isWide) {
    low = byte(), high = byte();
    if (isWide)
      low = int16_t(random()), high = int16_t(random());
    if (low > high)
      std::swap(low, high);
    if (coin()) {
      low = isWide ? INT16_MIN : -128;
      high = isWide ? INT16_MAX : 127;
    }
  }

  /// Writes an int32 into the constants that the scratchpad is loaded from.
  void setWord(uint32_t address, int32_t value) {
    std::memcpy(program.constants[0].bytes.data() + address, &value, 4);
  }

  Window window(unsigned channels, bool dense) {
    Window w;
    w.inputRows = uint16_t(number(1, 9));
    w.inputColumns = uint16_t(number(1, 9));
    w.outputRows = uint16_t(number(1, 7));
    w.outputColumns = uint16_t(number(1, 7));
    w.kernelY = uint16_t(number(1, 4));
    w.kernelX = uint16_t(number(1, 4));
    w.strideY = uint16_t(number(1, 3));
    w.strideX = uint16_t(number(1, 3));
    w.dilationY = uint16_t(number(1, 3));
    w.dilationX = uint16_t(dense ? 1 : number(1, 3));
    w.padTop = int16_t(int(number(0, 6)) - 2);
    w.padLeft = int16_t(int(number(0, 6)) - 2);
    w.wideInput = isWide();
    w.inputPixelPitch =
        channels * bytesOf(w.wideInput) + (dense ? 0 : number(0, 5));
    w.inputRowPitch = w.inputPixelPitch * w.inputColumns + number(0, 9);
    w.input = kInput + number(0, 64);
    return w;
  }

  Epilogue epilogue(const Window &w, unsigned columns) {
    Epilogue e;
    e.parameters = kParameters + number(0, 64);
    for (unsigned c = 0; c < columns; ++c) {
      uint32_t entry = e.parameters + 12 * c;
      setWord(entry, int32_t(random()) >> number(0, 20));
      setWord(entry + 4, multiplier());
      setWord(entry + 8, shift());
    }
    e.wideOutput = isWide();
    e.outputPixelPitch = columns * bytesOf(e.wideOutput) + number(0, 5);
    e.outputRowPitch = e.outputPixelPitch * w.outputColumns + number(0, 9);
    e.output = kOutput + number(0, 64);
    e.hasResidual = coin();
    e.hasTable = !e.wideOutput && coin();
    e.wideResidual = e.hasResidual && isWide();
    e.residualPixelPitch = columns * bytesOf(e.wideResidual) + number(0, 5);
    e.residualRowPitch = e.residualPixelPitch * w.outputColumns + number(0, 9);
    e.residual = kResidual + number(0, 64);
    e.residualMultiplier = multiplier();
    e.sumMultiplier = multiplier();
    e.residualShift = shift();
    e.sumShift = shift();
    e.residualZeroPoint = zeroPoint(e.wideResidual);
    e.outputZeroPoint = zeroPoint(e.wideOutput);
    clamp(e.clampMin, e.clampMax, e.wideOutput);
    e.table = kTable + number(0, 64);
    return e;
  }

  MatmulCommand matmul() {
    MatmulCommand c;
    c.channels = uint16_t(number(1, 24));
    c.columns = uint16_t(number(1, 40));
    c.window = window(c.channels, coin());
    c.inputZeroPoint = zeroPoint(c.window.wideInput);
    c.weights = kWeights + number(0, 64);
    c.accumulator = 4 * number(0, 64);
    c.epilogue = epilogue(c.window, c.columns);
    c.precision = c.window.wideInput ? 16 : coin() ? 8 : coin() ? 4 : 2;
    if (program.machine.dataflow == Dataflow::WeightOrOutput)
      c.dataflow = Dataflow(number(0, 1));
    if (coin()) {
      c.runs = uint16_t(number(1, 4));
      c.channels = uint16_t(c.runs * number(1, 6));
      c.runPitch = number(0, 40);
      c.window.inputPixelPitch = 150;
      c.window.inputRowPitch = 150 * c.window.inputColumns;
    }
    return c;
  }

  DepthwiseCommand depthwise() {
    DepthwiseCommand c;
    c.channels = uint16_t(number(1, 40));
    c.window = window(c.channels, coin());
    c.inputZeroPoint = zeroPoint(c.window.wideInput);
    c.weights = kWeights + number(0, 64);
    c.epilogue = epilogue(c.window, c.channels);
    return c;
  }

  PoolCommand pool() {
    PoolCommand c;
    c.channels = uint16_t(number(1, 40));
    c.window = window(c.channels, coin());
    c.kind = coin() ? PoolKind::Max : PoolKind::Sum;
    c.countPadding = coin();
    c.wideOutput = c.kind == PoolKind::Max ? c.window.wideInput : isWide();
    c.inputZeroPoint = zeroPoint(c.window.wideInput);
    c.outputZeroPoint = zeroPoint(c.wideOutput);
    clamp(c.clampMin, c.clampMax, c.wideOutput);
    c.parameters = kParameters + number(0, 64);
    for (uint32_t n = 0; n <= 16; ++n) {
      setWord(c.parameters + 8 * n, multiplier());
      setWord(c.parameters + 8 * n + 4, shift());
    }
    c.outputPixelPitch = c.channels * bytesOf(c.wideOutput) + number(0, 5);
    c.outputRowPitch =
        c.outputPixelPitch * c.window.outputColumns + number(0, 9);
    c.output = kOutput + number(0, 64);
    return c;
  }

  BinaryCommand binary() {
    BinaryCommand c;
    c.kind = BinaryKind(number(0, 2));
    c.wideA = isWide(), c.wideB = isWide(), c.wideOutput = isWide();
    c.hasTable = !c.wideOutput && coin();
    c.length = number(1, 40);
    uint32_t pitch = c.length * bytesOf(c.wideOutput);
    for (int d = 2; d >= 0; --d) {
      c.count[d] = uint16_t(number(1, 6));
      c.outputStride[d] = pitch;
      pitch *= c.count[d];
    }
    auto operand = [&](std::array<uint32_t, 4> &stride, bool isWide) {
      // Broadcast some dimensions.
      for (int d = 0; d < 3; ++d)
        stride[d] = coin() ? c.outputStride[d] : 0;
      stride[3] = coin() ? bytesOf(isWide) : 0;
    };
    operand(c.aStride, c.wideA);
    operand(c.bStride, c.wideB);
    c.a = kInput + number(0, 64);
    c.b = kResidual + number(0, 64);
    c.output = kOutput + number(0, 64);
    c.table = kTable + number(0, 64);
    c.aZeroPoint = zeroPoint(c.wideA), c.bZeroPoint = zeroPoint(c.wideB);
    c.outputZeroPoint = zeroPoint(c.wideOutput);
    clamp(c.clampMin, c.clampMax, c.wideOutput);
    c.aShift = uint8_t(number(12, 30)), c.bShift = uint8_t(number(12, 30));
    c.outputShift = coin() ? uint8_t(number(30, 50)) : shift();
    c.aMultiplier = multiplier(), c.bMultiplier = multiplier();
    c.outputMultiplier = multiplier();
    return c;
  }

  LookupCommand lookup() {
    LookupCommand c;
    c.length = number(1, 3000);
    c.input = kInput + number(0, 64);
    c.output = coin() ? c.input : kOutput;
    c.table = kTable;
    c.isWide = isWide();
    c.stepBits = uint8_t(c.isWide ? number(0, 7) : 0);
    return c;
  }

  FillCommand fill() {
    FillCommand c;
    c.wideOutput = isWide();
    c.length = number(1, 100) * bytesOf(c.wideOutput);
    c.rows = number(1, 20);
    c.pitch = c.length + number(0, 50);
    c.output = kOutput + number(0, 64);
    c.value = c.wideOutput ? int16_t(random()) : int16_t(byte());
    return c;
  }

  /// A strided copy inside [0, kBytes) of both memories, the DRAM side possibly
  /// backwards.
  DmaCommand dma(uint32_t dramBase) {
    DmaCommand c;
    c.rowBytes = number(1, 100);
    uint32_t step = c.rowBytes;
    int64_t lowest = 0;
    for (int d = 2; d >= 0; --d) {
      c.count[d] = uint16_t(number(1, 5));
      c.scratchpadStride[d] = step + number(0, 7);
      c.dramStride[d] = int32_t(step + number(0, 7)) * (coin() ? 1 : -1);
      if (c.dramStride[d] < 0)
        lowest += int64_t(c.count[d] - 1) * c.dramStride[d];
      step = (step + 7) * c.count[d];
    }
    c.dramAddress = uint32_t(dramBase - lowest + number(0, 64));
    c.scratchpadAddress = number(0, 64);
    if (coin()) {
      c.bits = uint8_t(number(2, 7));
      c.plainBytes = coin() ? 0 : number(0, c.rowBytes);
    }
    return c;
  }

  void append(uint32_t layer, Operation operation,
              std::array<uint32_t, kEngineCount> take = {}) {
    Command command;
    command.layer = layer;
    command.take = take;
    command.operation = std::move(operation);
    program.commands.push_back(std::move(command));
  }

  /// load everything; `operations` in order; store everything.
  template <typename... Ops> Program &build(Ops... operations) {
    LoadCommand load;
    load.rowBytes = kBytes;
    append(0, load);
    bool first = true;
    (
        [&] {
          append(1, operations, {first, 0, 0, 0});
          first = false;
        }(),
        ...);
    StoreCommand store;
    store.rowBytes = kBytes;
    store.dramAddress = kBytes;
    append(2, store, {0, uint32_t(sizeof...(Ops)), 0, 0});
    return program;
  }

  std::mt19937_64 random;
  bool wide;
  Program program;
};

} // namespace accopt::test

#endif // ACCOPT_TEST_UNIT_RANDOMPROGRAM_H
