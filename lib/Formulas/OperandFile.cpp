//===- OperandFile.cpp - Files of mapped layers ---------------------------===//
//
// First the JSON as it stands, then its names and short forms.
//
//===----------------------------------------------------------------------===//

#include "accopt/Formulas/OperandFile.h"

#include "accopt/Support/Diagnostics.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/JSON.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

using namespace llvm;
using namespace accopt;
using namespace accopt::formulas;

static constexpr StringLiteral tensorLetters = "WIO";
static constexpr StringLiteral dimensionLetters = "NCMPQRS";

namespace {

struct MemoryEntry {
  int64_t bits, narrowest, widest;
  double readPrice, writePrice;
  std::vector<std::string> ports;
};

struct OperandEntry {
  int64_t bits;
  std::optional<int64_t> finalBits;
  std::vector<std::string> memories;
};

struct LayerEntry {
  std::string name, loops;
  std::vector<int64_t> stride, input;
  std::string weights, inputs, outputs;
};

struct FileEntry {
  double macPrice;
  std::string systolic, spare = "longest-first";
  std::map<std::string, MemoryEntry> memories;
  struct {
    OperandEntry weights, inputs, outputs;
  } operands;
  std::vector<LayerEntry> layers;
};

bool fromJSON(const json::Value &from, MemoryEntry &to, json::Path path) {
  json::ObjectMapper map(from, path);
  return map && map.map("bits", to.bits) && map.map("read_pj", to.readPrice) &&
         map.map("write_pj", to.writePrice) &&
         map.map("narrowest", to.narrowest) && map.map("widest", to.widest) &&
         map.map("ports", to.ports);
}

bool fromJSON(const json::Value &from, OperandEntry &to, json::Path path) {
  json::ObjectMapper map(from, path);
  return map && map.map("bits", to.bits) &&
         map.map("final_bits", to.finalBits) &&
         map.map("memories", to.memories);
}

bool fromJSON(const json::Value &from, decltype(FileEntry::operands) &to,
              json::Path path) {
  json::ObjectMapper map(from, path);
  return map && map.map("W", to.weights) && map.map("I", to.inputs) &&
         map.map("O", to.outputs);
}

bool fromJSON(const json::Value &from, LayerEntry &to, json::Path path) {
  json::ObjectMapper map(from, path);
  return map && map.map("name", to.name) && map.map("stride", to.stride) &&
         map.map("input", to.input) && map.map("loops", to.loops) &&
         map.map("W", to.weights) && map.map("I", to.inputs) &&
         map.map("O", to.outputs);
}

bool fromJSON(const json::Value &from, FileEntry &to, json::Path path) {
  json::ObjectMapper map(from, path);
  return map && map.map("mac_pj", to.macPrice) &&
         map.mapOptional("systolic", to.systolic) &&
         map.mapOptional("spare", to.spare) &&
         map.map("memories", to.memories) && map.map("operands", to.operands) &&
         map.map("layers", to.layers);
}

} // namespace

static Error expected(const Twine &what, StringRef found) {
  return createStringError(inconvertibleErrorCode(),
                           "expected " + what + ", got '" + found + "'");
}

static Error readLoops(StringRef text, std::vector<OperandLoop> &loops) {
  SmallVector<StringRef> words;
  SplitString(text, words);
  for (StringRef word : words) {
    size_t dimension = dimensionLetters.find(word.front());
    OperandLoop loop;
    if (dimension == StringRef::npos ||
        word.drop_front().getAsDouble(loop.count))
      return expected("a loop such as C32, one of N C M P Q R S and a count",
                      word);
    loop.dimension = ConvDimension(dimension);
    loops.push_back(loop);
  }
  return Error::success();
}

static Error readPort(StringRef text, MemoryPort &port) {
  SmallVector<StringRef> words;
  SplitString(text, words);
  if (words.empty() || words.front().getAsInteger(10, port.bits))
    return expected("a port such as '8 W0:tl', bits and uses", text);
  for (StringRef word : ArrayRef(words).drop_front()) {
    auto [memory, way] = word.split(':');
    std::optional<Transfer> transfer =
        StringSwitch<std::optional<Transfer>>(way)
            .Case("tl", Transfer::ReadBelow)
            .Case("fl", Transfer::WriteBelow)
            .Case("th", Transfer::ReadAbove)
            .Case("fh", Transfer::WriteAbove)
            .Default(std::nullopt);
    size_t tensor =
        memory.empty() ? StringRef::npos : tensorLetters.find(memory.front());
    PortUse use;
    if (tensor == StringRef::npos || !transfer ||
        memory.drop_front().getAsInteger(10, use.memory))
      return expected("a use such as W0:tl, an operand's memory and tl, fl, th "
                      "or fh",
                      word);
    use.tensor = ConvTensor(tensor);
    use.transfer = *transfer;
    port.uses.push_back(use);
  }
  return Error::success();
}

static Error readOperand(const FileEntry &file, const OperandEntry &from,
                         Operand &to) {
  to.bits = from.bits;
  to.finalBits = from.finalBits.value_or(from.bits);
  if (std::min(to.bits, to.finalBits) < 1 || to.bits > 4096)
    return expected("elements of 1 to 4096 bits", std::to_string(to.bits));
  for (const std::string &name : from.memories) {
    auto found = file.memories.find(name);
    if (found == file.memories.end())
      return expected("the name of a memory", name);
    const MemoryEntry &memory = found->second;
    to.memories.push_back({{},
                           0,
                           memory.readPrice,
                           memory.writePrice,
                           memory.widest,
                           memory.narrowest});
  }
  return Error::success();
}

static Error readMachine(const FileEntry &file, OperandMachine &machine) {
  for (const auto &[name, memory] : file.memories) {
    PhysicalMemory &physical = machine.memories.emplace_back();
    physical.bits = memory.bits;
    for (const std::string &port : memory.ports)
      if (Error error = readPort(port, physical.ports.emplace_back()))
        return error;
  }
  if (Error error = readLoops(file.systolic, machine.systolic))
    return error;
  if (file.spare == "together")
    machine.spare = SpareRule::Together;
  else if (file.spare != "longest-first")
    return expected("a spare rule longest-first or together", file.spare);
  return Error::success();
}

/// "fan-out:loops|fan-out:loops", one for each memory.
static Error readMapping(StringRef text, Operand &operand) {
  SmallVector<StringRef> parts;
  text.split(parts, '|');
  if (parts.size() != operand.memories.size())
    return expected(
        Twine(operand.memories.size()) + " memories, separated by |", text);
  for (size_t i = 0; i < parts.size(); ++i) {
    auto [fanOut, loops] = parts[i].split(':');
    if (loops.trim().getAsInteger(10, operand.memories[i].loops))
      return expected("a memory such as 'M32 C3:6', a fan-out and a number of "
                      "loops",
                      parts[i]);
    if (Error error = readLoops(fanOut, operand.memories[i].fanOut))
      return error;
  }
  return Error::success();
}

static Error readLayer(const LayerEntry &from, OperandNest &nest) {
  for (const std::vector<int64_t> *pair : {&from.stride, &from.input})
    if (pair->size() != 2 || std::min((*pair)[0], (*pair)[1]) < 1)
      return expected("a stride and an input of two integers of 1 or more",
                      from.name);
  nest.strideHeight = from.stride[0];
  nest.strideWidth = from.stride[1];
  nest.inputHeight = from.input[0];
  nest.inputWidth = from.input[1];
  if (Error error = readLoops(from.loops, nest.loops))
    return error;
  const std::string *mappings[] = {&from.weights, &from.inputs, &from.outputs};
  for (ConvTensor tensor : {ConvWeights, ConvInputs, ConvOutputs})
    if (Error error = readMapping(*mappings[tensor], nest.operands[tensor]))
      return error;
  return Error::success();
}

Expected<OperandFile> accopt::formulas::parseOperandFile(StringRef text,
                                                         StringRef file) {
  Expected<json::Value> value = json::parse(text);
  if (!value)
    return makeFileError(file, toString(value.takeError()));
  FileEntry entry;
  json::Path::Root root("file");
  if (!fromJSON(*value, entry, root))
    return makeFileError(file, toString(root.getError()));

  OperandFile result;
  OperandNest unmapped;
  unmapped.macPrice = entry.macPrice;
  if (Error error = readMachine(entry, result.machine))
    return makeFileError(file, toString(std::move(error)));
  const OperandEntry *operands[] = {
      &entry.operands.weights, &entry.operands.inputs, &entry.operands.outputs};
  for (ConvTensor tensor : {ConvWeights, ConvInputs, ConvOutputs})
    if (Error error =
            readOperand(entry, *operands[tensor], unmapped.operands[tensor]))
      return makeFileError(file, toString(std::move(error)));
  for (const LayerEntry &layer : entry.layers) {
    OperandNest nest = unmapped;
    if (Error error = readLayer(layer, nest))
      return makeFileError((file + ": layer '" + layer.name + "'").str(),
                           toString(std::move(error)));
    result.layers.emplace_back(layer.name, std::move(nest));
  }
  return result;
}
