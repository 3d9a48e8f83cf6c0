//===- FieldCheck.cpp - Limits of single fields ---------------------------===//

#include "FieldCheck.h"

#include "accopt/Target/Arithmetic.h"

#include "llvm/Support/FormatVariadic.h"

using namespace accopt;
using llvm::formatv;

namespace {

using Reason = std::optional<std::string>;

/// Steps of a command's innermost loop: no useful command needs more, and a
/// damaged one must not keep the simulator busy for days.
constexpr double kMaxWork = double(uint64_t(1) << 40);
/// Operations and bytes that one host command can be charged.
constexpr uint64_t kMaxHostWork = uint64_t(1) << 50;

/// Checks the fields of one command's operation, not its addresses.
class FieldCheck {
public:
  explicit FieldCheck(const Program &program)
      : program(program), machine(program.machine) {}

  Reason operator()(const LoadCommand &c) const { return dma(c); }
  Reason operator()(const StoreCommand &c) const { return dma(c); }

  Reason operator()(const MatmulCommand &c) const {
    if (Reason reason = window(c.window, c.channels, c.runs))
      return reason;
    if (!c.columns)
      return "expected a column or more, got none";
    bool hasBoth = machine.dataflow == Dataflow::WeightOrOutput;
    if (c.dataflow != Dataflow::WeightStationary &&
        !(hasBoth && c.dataflow == Dataflow::OutputStationary))
      return formatv("expected a dataflow that the machine has, got {0}",
                     unsigned(c.dataflow))
          .str();
    if (!c.runs || c.channels % c.runs)
      return formatv("expected runs of equal length, got {0} runs of {1} "
                     "channels",
                     c.runs, c.channels)
          .str();
    if (c.precision != 8 && c.precision != 4 && c.precision != 2 &&
        c.precision != 16)
      return formatv("expected a precision of 16, 8, 4 or 2, got {0}",
                     unsigned(c.precision))
          .str();
    if (c.window.wideInput != (c.precision == 16))
      return formatv("expected a precision of 16 for inputs of two bytes and "
                     "for no others, got {0}",
                     unsigned(c.precision))
          .str();
    if (Reason reason = element("input", c.window.wideInput, c.inputZeroPoint))
      return reason;
    double weights =
        double(c.window.kernelY) * c.window.kernelX * c.channels * c.columns;
    if (Reason reason = inScratchpad("weights", weights))
      return reason;
    if (Reason reason = work(weights * pixels(c.window)))
      return reason;
    if (c.accumulator % 4)
      return formatv("expected an accumulator address that is a multiple of "
                     "4, got {0}",
                     c.accumulator)
          .str();
    return c.finish ? epilogue(c.epilogue) : std::nullopt;
  }

  Reason operator()(const DepthwiseCommand &c) const {
    if (Reason reason = window(c.window, c.channels))
      return reason;
    double weights = double(c.window.kernelY) * c.window.kernelX * c.channels;
    if (Reason reason = inScratchpad("weights", weights))
      return reason;
    if (Reason reason = work(weights * pixels(c.window)))
      return reason;
    if (Reason reason = element("input", c.window.wideInput, c.inputZeroPoint))
      return reason;
    return epilogue(c.epilogue);
  }

  Reason operator()(const PoolCommand &c) const {
    if (Reason reason = window(c.window, c.channels))
      return reason;
    if (c.kind == PoolKind::Max && c.window.wideInput != c.wideOutput)
      return "expected input and output of one type for a maximum";
    if (Reason reason = element("input", c.window.wideInput, c.inputZeroPoint))
      return reason;
    if (Reason reason = work(double(c.window.kernelY) * c.window.kernelX *
                             c.channels * pixels(c.window)))
      return reason;
    return result(c.wideOutput, c.outputZeroPoint, c.clampMin, c.clampMax);
  }

  Reason operator()(const BinaryCommand &c) const {
    for (uint16_t count : c.count)
      if (!count)
        return "expected counts of 1 or more, got 0";
    if (!c.length)
      return "expected a length of 1 or more, got 0";
    if (Reason reason = inScratchpad("output", c.length))
      return reason;
    if (Reason reason =
            work(double(c.count[0]) * c.count[1] * c.count[2] * c.length))
      return reason;
    if (Reason reason = scale("output", c.outputMultiplier, c.outputShift))
      return reason;
    if (c.kind != BinaryKind::Mul) {
      if (Reason reason = scale("a", c.aMultiplier, c.aShift))
        return reason;
      if (Reason reason = scale("b", c.bMultiplier, c.bShift))
        return reason;
    }
    if (c.hasTable && c.wideOutput)
      return "expected no table for results of two bytes";
    if (Reason reason = element("a", c.wideA, c.aZeroPoint))
      return reason;
    if (Reason reason = element("b", c.wideB, c.bZeroPoint))
      return reason;
    return result(c.wideOutput, c.outputZeroPoint, c.clampMin, c.clampMax);
  }

  Reason operator()(const LookupCommand &c) const {
    if (!c.length)
      return "expected a length of 1 or more, got 0";
    if (c.stepBits > (c.isWide ? 7 : 0))
      return formatv("expected at most {0} bits between two entries, got {1}",
                     c.isWide ? 7 : 0, unsigned(c.stepBits))
          .str();
    return element("input", c.isWide, 0);
  }

  Reason operator()(const FillCommand &c) const {
    if (!c.length || !c.rows)
      return "expected rows of 1 byte or more, got none";
    if (c.rows > machine.scratchpadBytes)
      return formatv("expected at most {0} rows, got {1}",
                     machine.scratchpadBytes, c.rows)
          .str();
    if (c.wideOutput && c.length % 2)
      return formatv("expected whole elements of two bytes, got {0} bytes",
                     c.length)
          .str();
    if (Reason reason = result(c.wideOutput, 0, c.value, c.value))
      return reason;
    return work(double(c.rows) * c.length);
  }

  Reason operator()(const HostCommand &c) const {
    if (c.function >= program.hostFunctions.size())
      return formatv("expected a function below {0}, got {1}",
                     program.hostFunctions.size(), c.function)
          .str();
    if (c.operations > kMaxHostWork || c.bytes > kMaxHostWork)
      return "expected at most 2^50 operations and bytes";
    if (c.writtenBytes > c.bytes)
      return formatv("expected at most {0} written bytes, got {1}", c.bytes,
                     c.writtenBytes)
          .str();
    return std::nullopt;
  }

private:
  static double pixels(const Window &w) {
    return double(w.outputRows) * w.outputColumns;
  }

  static Reason work(double steps) {
    if (steps <= kMaxWork)
      return std::nullopt;
    return formatv("expected at most 2^40 steps, got {0}", steps).str();
  }

  Reason inScratchpad(const char *what, double bytes) const {
    if (bytes <= machine.scratchpadBytes)
      return std::nullopt;
    return formatv("{0}: expected at most the scratchpad's {1} bytes, got {2}",
                   what, machine.scratchpadBytes, bytes)
        .str();
  }

  Reason dma(const DmaCommand &c) const {
    if (!c.count[0] || !c.count[1] || !c.count[2] || !c.rowBytes)
      return "expected counts and row bytes of 1 or more, got 0";
    // Rows have bytes of their own in the scratchpad.
    if (Reason reason =
            inScratchpad("rows", double(c.count[0]) * c.count[1] * c.count[2]))
      return reason;
    if (c.bits < 2 || c.bits > 8)
      return formatv("expected elements of 2 to 8 bits, got {0}",
                     unsigned(c.bits))
          .str();
    if (c.plainBytes > (c.bits == 8 ? 0 : c.rowBytes))
      return formatv("expected at most {0} plain bytes, got {1}",
                     c.bits == 8 ? 0 : c.rowBytes, c.plainBytes)
          .str();
    return work(double(c.count[0]) * c.count[1] * c.count[2] * c.rowBytes);
  }

  Reason window(const Window &w, uint16_t channels, uint16_t runs = 1) const {
    for (uint16_t extent :
         {w.inputRows, w.inputColumns, w.outputRows, w.outputColumns, w.kernelY,
          w.kernelX, w.strideY, w.strideX, w.dilationY, w.dilationX, channels})
      if (!extent)
        return "expected sizes, strides and dilations of 1 or more, got 0";
    // Pixels have bytes of their own.
    return inScratchpad("pixels", double(w.inputRows) * w.inputColumns * runs);
  }

  static Reason scale(const char *what, int32_t multiplier, uint8_t shift) {
    if (multiplier < kMinMultiplier)
      return formatv("{0}: expected a multiplier in [2^30, 2^31), got {1}",
                     what, multiplier)
          .str();
    if (shift < kMinShift || shift > kMaxShift)
      return formatv("{0}: expected a shift in [2, 62], got {1}", what,
                     unsigned(shift))
          .str();
    return std::nullopt;
  }

  /// An operand of one or two bytes.
  Reason element(const char *what, bool isWide, int zeroPoint) const {
    if (!isWide)
      return std::nullopt;
    if (!machine.arrayPes16Bit)
      return formatv("{0}: expected a machine with values of 16 bits", what)
          .str();
    if (zeroPoint)
      return formatv("{0}: expected a zero point of 0 for values of 16 bits, "
                     "got {1}",
                     what, zeroPoint)
          .str();
    return std::nullopt;
  }

  Reason result(bool isWide, int zeroPoint, int low, int high) const {
    if (Reason reason = element("output", isWide, zeroPoint))
      return reason;
    if (!isWide && (low < INT8_MIN || high > INT8_MAX))
      return formatv("expected bounds in [-128, 127] for results of a byte, "
                     "got {0} and {1}",
                     low, high)
          .str();
    if (low <= high)
      return std::nullopt;
    return formatv("expected clamp_min <= clamp_max, got {0} and {1}", low,
                   high)
        .str();
  }

  Reason epilogue(const Epilogue &e) const {
    if (e.hasTable && e.wideOutput)
      return "expected no table for results of two bytes";
    if (e.wideResidual && !e.hasResidual)
      return "expected a residual where it has two bytes";
    if (Reason reason =
            element("residual", e.wideResidual, e.residualZeroPoint))
      return reason;
    if (e.hasResidual) {
      if (Reason reason =
              scale("residual", e.residualMultiplier, e.residualShift))
        return reason;
      if (Reason reason = scale("sum", e.sumMultiplier, e.sumShift))
        return reason;
    }
    return result(e.wideOutput, e.outputZeroPoint, e.clampMin, e.clampMax);
  }

  const Program &program;
  const Machine &machine;
};

} // namespace

std::optional<std::string> accopt::findFieldFault(const Command &command,
                                                  const Program &program) {
  return std::visit(FieldCheck(program), command.operation);
}
