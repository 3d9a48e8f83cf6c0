//===- make-binary.cpp - A small binary for tests -------------------------===//
//
// make-binary FILE [race]: writes a network of one 3x3 convolution over a
// 1x2x4x4 image (stored as NHWC) whose only weight that is not zero copies
// channel 1 to output 0 and twice channel 0 to output 1. With `race`, the array
// does not wait for its input.
//
//===----------------------------------------------------------------------===//

#include "accopt/CodeGen/Binary.h"
#include "accopt/Support/Diagnostics.h"
#include "accopt/Support/OutputFile.h"
#include "accopt/Target/MachineIO.h"

#include <cstring>

using namespace accopt;

namespace {

constexpr uint32_t kParameters = 64, kImage = 256, kResult = 512, kDram = 1024;
/// In the scratchpad; weights and parameters lie as in DRAM.
constexpr uint32_t kScratchpadImage = 1024, kScratchpadResult = 2048;

void append(Program &program, uint32_t layer, const Operation &operation,
            std::array<uint32_t, kEngineCount> take = {}) {
  Command &command = program.commands.emplace_back();
  command.layer = layer;
  command.take = take;
  command.operation = operation;
}

Constant constants() {
  Constant constant;
  constant.bytes.resize(kParameters + 2 * 12);
  // Row (ky, kx, c), column n: the middle tap is 4.
  constant.bytes[(4 * 2 + 1) * 2 + 0] = 1;
  constant.bytes[(4 * 2 + 0) * 2 + 1] = 2;
  for (int n = 0; n < 2; ++n) {
    int32_t entry[3] = {0, 1 << 30, 30};
    std::memcpy(&constant.bytes[kParameters + 12 * n], entry, sizeof(entry));
  }
  return constant;
}

TensorInfo tensor(TensorInfo::Kind kind, const char *name, uint32_t address,
                  int32_t definedBy) {
  TensorInfo t;
  t.kind = kind;
  t.name = name;
  t.address = address;
  t.shape = {1, 4, 4, 2};
  t.permutation = {0, 3, 1, 2};
  t.modelShape = {1, 2, 4, 4};
  t.scale = 0.5;
  t.zeroPoint = 3;
  t.definedBy = definedBy;
  return t;
}

MatmulCommand convolution() {
  MatmulCommand c;
  Window &w = c.window;
  w.input = kScratchpadImage;
  w.inputRowPitch = 8;
  w.inputPixelPitch = 2;
  w.inputRows = w.inputColumns = w.outputRows = w.outputColumns = 4;
  w.kernelY = w.kernelX = 3;
  w.padTop = w.padLeft = 1;
  c.channels = c.columns = 2;
  c.inputZeroPoint = c.epilogue.outputZeroPoint = 3;
  c.epilogue.parameters = kParameters;
  c.epilogue.output = kScratchpadResult;
  c.epilogue.outputRowPitch = 8;
  c.epilogue.outputPixelPitch = 2;
  return c;
}

Program makeProgram(bool race) {
  Program p;
  p.machine = llvm::cantFail(loadMachine("systolic16x16"));
  p.modelName = "copy.onnx";
  p.dramBytes = kDram;
  p.constants.push_back(constants());
  p.tensors = {tensor(TensorInfo::Kind::Input, "image", kImage, -1),
               tensor(TensorInfo::Kind::Output, "result", kResult, 0)};
  p.layers = {{"/conv1/Conv", "conv2d", "array", "", 36}};
  LoadCommand weights;
  weights.rowBytes = kParameters + 24;
  LoadCommand image;
  image.dramAddress = kImage;
  image.scratchpadAddress = kScratchpadImage;
  image.rowBytes = 32;
  StoreCommand result;
  result.scratchpadAddress = kScratchpadResult;
  result.dramAddress = kResult;
  result.rowBytes = 32;
  append(p, 0, weights);
  append(p, 0, image);
  append(p, 0, convolution(), {race ? 1u : 2u, 0, 0, 0});
  append(p, 0, result, {0, 1, 0, 0});
  return p;
}

} // namespace

int main(int argc, char **argv) {
  if (argc < 2)
    return 2;
  bool race = argc > 2 && std::strcmp(argv[2], "race") == 0;
  auto bytes = writeBinary(makeProgram(race));
  llvm::Error error =
      bytes ? writeOutputFile(argv[1],
                              llvm::StringRef(bytes->data(), bytes->size()))
            : bytes.takeError();
  if (!error)
    return 0;
  printError(std::move(error));
  return 1;
}
