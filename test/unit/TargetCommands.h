//===- TargetCommands.h - A machine and commands for tests ------*- C++ -*-===//

#ifndef ACCOPT_TEST_UNIT_TARGETCOMMANDS_H
#define ACCOPT_TEST_UNIT_TARGETCOMMANDS_H

#include "accopt/Target/Command.h"
#include "accopt/Target/MachineIO.h"

namespace accopt::test {

/// systolic16x16: 16 x 16, 16 bytes a cycle, latency 100, issue 4, 64 lanes,
/// vector latency 8, rescale 4, look-up 4.
inline Machine machine() {
  return llvm::cantFail(loadMachine("systolic16x16"));
}

inline Command command(Operation operation) {
  Command c;
  c.operation = std::move(operation);
  return c;
}

/// 6 x 5 = 30 pixels, 3x3 kernel, 8 channels, 20 columns.
inline MatmulCommand convolution() {
  MatmulCommand c;
  c.window.outputRows = 6;
  c.window.outputColumns = 5;
  c.window.inputRows = 6;
  c.window.inputColumns = 5;
  c.window.kernelY = c.window.kernelX = 3;
  c.window.inputPixelPitch = 8;
  c.window.inputRowPitch = 40;
  c.channels = 8;
  c.columns = 20;
  return c;
}

} // namespace accopt::test

#endif // ACCOPT_TEST_UNIT_TARGETCOMMANDS_H
