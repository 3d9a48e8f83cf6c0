//===- Validate.cpp - Everything that a program must fulfil ---------------===//
//
// docs/Machine.md, "Validity". Limits of single fields come first: they bound
// the numbers so that the addresses computed from them cannot overflow.
//
//===----------------------------------------------------------------------===//

#include "FieldCheck.h"
#include "accopt/CodeGen/Binary.h"
#include "accopt/Target/Encoding.h"
#include "accopt/Target/Footprint.h"
#include "accopt/Target/MachineIO.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <map>
#include <optional>

using namespace accopt;
using llvm::formatv;

namespace {

using Reason = std::optional<std::string>;

class Validator {
public:
  explicit Validator(const Program &program) : program(program) {}

  llvm::Error run() {
    if (llvm::Error error = checkMachine(program.machine))
      return error;
    if (llvm::Error error = constants())
      return error;
    if (llvm::Error error = tensors())
      return error;
    if (llvm::Error error = hostFunctions())
      return error;
    for (size_t i = 0; i < program.commands.size(); ++i)
      if (Reason reason = command(i))
        return fail(
            formatv("command {0} ({1})", i, operationName(program.commands[i])),
            *reason);
    if (llvm::Error error = accumulators())
      return error;
    return tokens();
  }

private:
  static llvm::Error fail(const std::string &where, const llvm::Twine &why) {
    return llvm::make_error<llvm::StringError>(
        where + ": " + why, std::make_error_code(std::errc::invalid_argument));
  }

  /// Bytes of a tensor of int8 in DRAM, or why it does not lie there.
  Reason inDram(uint32_t address, llvm::ArrayRef<int64_t> shape,
                uint64_t &elements, int64_t bits = 8) const {
    return inMemory("DRAM", program.dramBytes, address, shape, elements, bits);
  }

  static Reason inMemory(const char *memory, uint64_t memoryBytes,
                         uint32_t address, llvm::ArrayRef<int64_t> shape,
                         uint64_t &elements, int64_t bits = 8) {
    double size = 1;
    for (int64_t extent : shape) {
      if (extent < 1)
        return formatv("expected extents of 1 or more, got {0}", extent).str();
      size *= double(extent);
    }
    double bytes = std::ceil(size * double(bits) / 8);
    if (address + bytes > memoryBytes)
      return formatv("expected {0:f0} bytes at {1:x} inside {2} of {3} bytes",
                     bytes, address, memory, memoryBytes)
          .str();
    elements = uint64_t(size);
    return std::nullopt;
  }

  llvm::Error constants() const {
    uint64_t end = 0;
    for (size_t i = 0; i < program.constants.size(); ++i) {
      const Constant &constant = program.constants[i];
      if (constant.address < end)
        return fail(formatv("constant {0}", i),
                    formatv("expected an address of {0:x} or more, got {1:x}",
                            end, constant.address));
      end = uint64_t(constant.address) + constant.bytes.size();
      if (end > program.dramBytes)
        return fail(formatv("constant {0}", i),
                    formatv("ends at {0:x}, beyond DRAM of {1} bytes", end,
                            program.dramBytes));
    }
    return llvm::Error::success();
  }

  /// A slice spans its runs, `pitch` bytes apart, in its memory.
  Reason slice(const TensorInfo &t) const {
    if (!t.pitch)
      return std::nullopt;
    int64_t width = int64_t(getByteWidth(t.type));
    if (t.kind != TensorInfo::Kind::Intermediate || t.isPacked ||
        t.shape.empty() || t.pitch < t.shape.back() * width)
      return formatv("expected a pitch only of intermediate tensors of bytes, "
                     "and of at least a run, got {0}",
                     t.pitch)
          .str();
    uint64_t limit =
        t.inScratchpad ? program.machine.scratchpadBytes : program.dramBytes;
    double runs = 1;
    for (int64_t extent : llvm::ArrayRef(t.shape).drop_back())
      runs *= double(extent);
    double end = t.address + (runs - 1) * double(t.pitch) +
                 double(t.shape.back() * width);
    if (!(end <= double(limit)))
      return formatv("expected a slice inside {0} bytes, it ends at {1:f0}",
                     limit, end)
          .str();
    return std::nullopt;
  }

  Reason tensor(const TensorInfo &t) const {
    uint64_t bytes = 0;
    if (t.inScratchpad && t.kind != TensorInfo::Kind::Intermediate)
      return std::string("expected inputs and outputs in DRAM");
    bool isWide = t.type == NumpyType::Int16;
    int32_t least = isWide ? 8 : 2, most = isWide ? 16 : 8;
    if (t.bits < least || t.bits > most)
      return formatv("expected {0} to {1} bits, got {2}", least, most, t.bits)
          .str();
    if (!isQuantized(t) && (t.inScratchpad || t.isPacked || t.pitch ||
                            t.bits != 8 || !llvm::is_sorted(t.permutation)))
      return formatv("expected {0} only in DRAM, dense and in the model's "
                     "order",
                     getName(t.type).str())
          .str();
    if (t.isPacked && (t.inScratchpad || t.bits >= 8 ||
                       t.kind != TensorInfo::Kind::Intermediate))
      return std::string("expected only intermediate tensors of fewer than 8 "
                         "bits in DRAM to be packed");
    // A packed tensor takes the bytes of a shorter one.
    int64_t part = t.isPacked ? t.bits : 8 * int64_t(getByteWidth(t.type));
    auto isInside = [&](uint32_t address, llvm::ArrayRef<int64_t> shape,
                        uint64_t &elements) {
      return t.inScratchpad
                 ? inMemory("a scratchpad", program.machine.scratchpadBytes,
                            address, shape, elements, part)
                 : inDram(address, shape, elements, part);
    };
    if (Reason reason = isInside(t.address, t.shape, bytes))
      return reason;
    if (Reason reason = slice(t))
      return reason;
    std::vector<int64_t> order = t.permutation;
    llvm::sort(order);
    bool isPermutation = order.size() == t.shape.size();
    for (size_t d = 0; isPermutation && d < order.size(); ++d)
      isPermutation = order[d] == int64_t(d);
    if (!isPermutation)
      return formatv("expected a permutation of {0} dimensions", t.shape.size())
          .str();
    uint64_t modelBytes = 0;
    if (Reason reason = isInside(0, t.modelShape, modelBytes))
      return "model shape: " + *reason;
    if (modelBytes != bytes)
      return formatv("expected {0} elements in the model's shape, got {1}",
                     bytes, modelBytes)
          .str();
    if (!std::isfinite(t.scale) || t.scale <= 0)
      return formatv("expected a positive scale, got {0}", t.scale).str();
    if (t.zeroPoint < -128 || t.zeroPoint > 127)
      return formatv("expected a zero point in [-128, 127], got {0}",
                     t.zeroPoint)
          .str();
    if (t.definedBy < -1 || t.definedBy >= int64_t(program.layers.size()))
      return formatv("expected a layer below {0}, got {1}",
                     program.layers.size(), t.definedBy)
          .str();
    return std::nullopt;
  }

  llvm::Error tensors() const {
    for (const TensorInfo &t : program.tensors)
      if (Reason reason = tensor(t))
        return fail("tensor '" + t.name + "'", *reason);
    return llvm::Error::success();
  }

  Reason hostFunction(const HostFunction &f) const {
    if (f.symbol.empty())
      return "expected a symbol";
    auto isInside = [&](const HostFunction::Argument &argument) {
      uint64_t elements = 0;
      return inDram(argument.address, argument.shape, elements,
                    8 * int64_t(getByteWidth(argument.type)));
    };
    for (const HostFunction::Argument &argument : f.arguments)
      if (Reason reason = isInside(argument))
        return "argument: " + *reason;
    for (const HostFunction::Argument &result : f.results) {
      if (Reason reason = isInside(result))
        return "result: " + *reason;
      uint64_t bytes = result.bytes();
      for (const HostFunction::Argument &argument : f.arguments) {
        if (result.address < argument.address + argument.bytes() &&
            argument.address < result.address + bytes)
          return "a result overlaps an argument";
      }
      if (writesConstant(result.address, result.address + bytes))
        return "a result overlaps a constant";
    }
    return std::nullopt;
  }

  llvm::Error hostFunctions() const {
    for (const HostFunction &f : program.hostFunctions)
      if (Reason reason = hostFunction(f))
        return fail("host function '" + f.symbol + "'", *reason);
    if (!program.hostFunctions.empty() && program.hostModule.empty())
      return fail("host functions", "expected the host's module, got none");
    return llvm::Error::success();
  }

  /// The first constant that [begin, end) meets.
  const Constant *writesConstant(int64_t begin, int64_t end) const {
    auto it = llvm::partition_point(program.constants, [&](const Constant &c) {
      return int64_t(c.address) + int64_t(c.bytes.size()) <= begin;
    });
    return it != program.constants.end() && it->address < end ? &*it : nullptr;
  }

  Reason region(const Region &r) const {
    static constexpr const char *names[] = {"DRAM", "scratchpad",
                                            "accumulators"};
    const int64_t sizes[] = {program.dramBytes, program.machine.scratchpadBytes,
                             program.machine.accumulatorBytes};
    int64_t size = sizes[unsigned(r.memory)];
    if (r.begin() < 0 || r.end() > size)
      return formatv("{0}: expected addresses in the {1} of {2} bytes, got "
                     "[{3}, {4})",
                     r.what, names[unsigned(r.memory)], size, r.begin(),
                     r.end())
          .str();
    if (r.memory == Memory::Dram && r.isWrite)
      return storeToConstant(r);
    return std::nullopt;
  }

  Reason storeToConstant(const Region &r) const {
    const Constant *constant = writesConstant(r.begin(), r.end());
    if (!constant)
      return std::nullopt;
    // Rows may pass by on both sides of a constant.
    for (const Constant *last =
             program.constants.data() + program.constants.size();
         constant != last && constant->address < r.end(); ++constant) {
      Region bytes;
      bytes.memory = Memory::Dram;
      bytes.base = constant->address;
      bytes.length = int64_t(constant->bytes.size());
      if (overlaps(r, bytes))
        return formatv("writes the constant at {0:x}", constant->address).str();
    }
    return std::nullopt;
  }

  Reason command(size_t index) const {
    const Command &c = program.commands[index];
    if (c.layer >= program.layers.size())
      return formatv("expected a layer below {0}, got {1}",
                     program.layers.size(), c.layer)
          .str();
    if (c.take[unsigned(c.engine())])
      return "takes tokens from its own engine";
    if (Reason reason = findFieldFault(c, program))
      return reason;
    for (const Region &r : footprint(c, program.machine))
      if (Reason reason = region(r))
        return reason;
    return std::nullopt;
  }

  /// Sums that a matmul left in the accumulators for later ones.
  struct PartialSums {
    int64_t end = 0;
    uint64_t pixels = 0;
    uint16_t columns = 0;
    bool operator==(const PartialSums &) const = default;
  };

  /// A matmul accumulates only onto what matmuls of the same pixels and columns
  /// have left: EXEC runs in order, so that this is known from the program.
  llvm::Error accumulators() const {
    std::map<int64_t, PartialSums> partial; // by first address, disjoint
    for (size_t i = 0; i < program.commands.size(); ++i) {
      auto *c = std::get_if<MatmulCommand>(&program.commands[i].operation);
      if (!c)
        continue;
      int64_t begin = c->accumulator, end = begin;
      for (const Region &r : footprint(program.commands[i], program.machine))
        if (r.memory == Memory::Accumulator)
          end = r.end();
      PartialSums sums{end,
                       uint64_t(c->window.outputRows) * c->window.outputColumns,
                       c->columns};
      if (c->accumulate) {
        auto it = partial.find(begin);
        if (it == partial.end() || !(it->second == sums))
          return fail(formatv("command {0} (matmul)", i),
                      "accumulates onto sums that no matmul of the same pixels "
                      "and columns has left");
      }
      auto first = partial.upper_bound(begin);
      if (first != partial.begin() && std::prev(first)->second.end > begin)
        --first;
      while (first != partial.end() && first->first < end)
        first = partial.erase(first);
      if (!c->finish)
        partial[begin] = sums;
    }
    return llvm::Error::success();
  }

  /// Runs the engines without time: whatever can start, starts. What is left
  /// waits for ever.
  llvm::Error tokens() const {
    std::array<std::vector<size_t>, kEngineCount> queues;
    for (size_t i = 0; i < program.commands.size(); ++i)
      queues[unsigned(program.commands[i].engine())].push_back(i);
    // done[e] commands of e are complete: so many tokens it has sent to each.
    std::array<uint64_t, kEngineCount> done = {};
    std::array<std::array<uint64_t, kEngineCount>, kEngineCount> taken = {};
    for (bool progress = true; progress;) {
      progress = false;
      for (unsigned e = 0; e < kEngineCount; ++e)
        for (; done[e] < queues[e].size(); ++done[e], progress = true) {
          const Command &c = program.commands[queues[e][done[e]]];
          auto has = [&](unsigned from) {
            return from == e || taken[e][from] + c.take[from] <= done[from];
          };
          if (!llvm::all_of(llvm::seq(0u, kEngineCount), has))
            break;
          for (unsigned from = 0; from < kEngineCount; ++from)
            taken[e][from] += c.take[from];
        }
    }
    for (unsigned e = 0; e < kEngineCount; ++e)
      if (done[e] < queues[e].size()) {
        size_t index = queues[e][done[e]];
        return fail(formatv("command {0} ({1})", index,
                            operationName(program.commands[index])),
                    "waits for tokens that never come");
      }
    return llvm::Error::success();
  }

  const Program &program;
};

} // namespace

llvm::Error accopt::validateProgram(const Program &program) {
  return Validator(program).run();
}
