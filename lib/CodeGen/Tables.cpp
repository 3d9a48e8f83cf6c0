//===- Tables.cpp - A binary's tables as JSON -----------------------------===//

#include "Tables.h"

#include "accopt/Target/MachineIO.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace accopt;
using llvm::StringRef;
namespace json = llvm::json;

// LLVM's mapping of JSON finds these by their arguments.
namespace accopt {

static bool readAddress(json::ObjectMapper &map, uint32_t &address,
                        json::Path path) {
  int64_t value = 0;
  if (!map.map("address", value))
    return false;
  if (value < 0 || value > UINT32_MAX) {
    path.field("address").report("expected an address of 32 bits");
    return false;
  }
  address = uint32_t(value);
  return true;
}

static bool fromJSON(const json::Value &value, TensorInfo::Kind &kind,
                     json::Path path) {
  std::optional<StringRef> text = value.getAsString();
  if (text == "input")
    kind = TensorInfo::Kind::Input;
  else if (text == "output")
    kind = TensorInfo::Kind::Output;
  else if (text == "intermediate")
    kind = TensorInfo::Kind::Intermediate;
  else {
    path.report("expected input, output or intermediate");
    return false;
  }
  return true;
}

static bool fromJSON(const json::Value &value, NumpyType &type,
                     json::Path path) {
  std::optional<StringRef> text = value.getAsString();
  std::optional<NumpyType> found =
      text ? findNumpyType(*text) : std::optional<NumpyType>();
  if (!found) {
    path.report("expected NumPy's name of an element type");
    return false;
  }
  type = *found;
  return true;
}

static bool fromJSON(const json::Value &value, TensorInfo &t, json::Path path) {
  json::ObjectMapper map(value, path);
  int64_t zeroPoint = 0, bits = 0, definedBy = 0;
  if (!map || !map.map("kind", t.kind) || !map.map("type", t.type) ||
      !map.map("name", t.name) || !readAddress(map, t.address, path) ||
      !map.map("in_scratchpad", t.inScratchpad) || !map.map("shape", t.shape) ||
      !map.map("permutation", t.permutation) ||
      !map.map("model_shape", t.modelShape) || !map.map("scale", t.scale) ||
      !map.map("zero_point", zeroPoint) || !map.map("bits", bits) ||
      !map.map("packed", t.isPacked) || !map.map("pitch", t.pitch) ||
      !map.map("defined_by", definedBy))
    return false;
  if (zeroPoint != int32_t(zeroPoint) || bits != int32_t(bits) ||
      definedBy != int32_t(definedBy)) {
    path.report("expected numbers of 32 bits");
    return false;
  }
  t.zeroPoint = int32_t(zeroPoint);
  t.bits = int32_t(bits);
  t.definedBy = int32_t(definedBy);
  return true;
}

static bool fromJSON(const json::Value &value, HostFunction::Argument &a,
                     json::Path path) {
  json::ObjectMapper map(value, path);
  return map && readAddress(map, a.address, path) &&
         map.map("shape", a.shape) && map.map("type", a.type);
}

static bool fromJSON(const json::Value &value, HostFunction &f,
                     json::Path path) {
  json::ObjectMapper map(value, path);
  return map && map.map("symbol", f.symbol) &&
         map.map("arguments", f.arguments) && map.map("results", f.results);
}

} // namespace accopt

namespace {

/// A row of the layer table as it is stored.
struct LayerRow {
  LayerInfo info;
  uint64_t first = 0, count = 0;
};

bool fromJSON(const json::Value &value, LayerRow &row, json::Path path) {
  json::ObjectMapper map(value, path);
  LayerInfo &info = row.info;
  auto bits = [&](llvm::StringLiteral name, int32_t &result, int64_t most) {
    int64_t value = 0;
    if (!map.map(name, value))
      return false;
    result = int32_t(value);
    if (value == 0 || (value >= 2 && value <= most))
      return true;
    path.field(name).report("expected 0, or 2 to 8 bits (16 of an input)");
    return false;
  };
  return map && map.map("name", info.name) && map.map("op", info.op) &&
         map.map("placement", info.placement) &&
         map.map("reason", info.reason) &&
         map.map("roofline_cycles", info.rooflineCycles) &&
         bits("weight_bits", info.weightBits, 8) &&
         bits("input_bits", info.inputBits, 16) &&
         map.map("first_command", row.first) && map.map("commands", row.count);
}

/// Fields of the note.
struct Note {
  int64_t format = 0;
  std::string model, modelSha256, target, targetSha256, parameters;
  uint64_t dramBytes = 0;
};

bool fromJSON(const json::Value &value, Note &note, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && map.map("format", note.format) &&
         map.map("model", note.model) &&
         map.map("model_sha256", note.modelSha256) &&
         map.map("target", note.target) &&
         map.map("target_sha256", note.targetSha256) &&
         map.map("target_parameters", note.parameters) &&
         map.map("dram_bytes", note.dramBytes);
}

llvm::Error fail(const llvm::Twine &text) {
  return llvm::make_error<llvm::StringError>(
      text, std::make_error_code(std::errc::invalid_argument));
}

/// LLVM's parser recurses; a damaged file must not exhaust the stack.
llvm::Error checkDepth(StringRef text) {
  int depth = 0;
  bool inString = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (inString && c == '\\')
      ++i;
    else if (c == '"')
      inString = !inString;
    else if (!inString && (c == '[' || c == '{') && ++depth > 16)
      return fail("expected JSON of at most 16 levels");
    else if (!inString && (c == ']' || c == '}'))
      --depth;
  }
  return llvm::Error::success();
}

template <typename T>
llvm::Error readJson(StringRef section, StringRef text, T &result) {
  if (llvm::Error error = checkDepth(text))
    return fail(section + ": " + llvm::toString(std::move(error)));
  llvm::Expected<json::Value> value = json::parse(text);
  if (!value)
    return fail(section + ": " + llvm::toString(value.takeError()));
  json::Path::Root root(section);
  if (!fromJSON(*value, result, root))
    return root.getError();
  return llvm::Error::success();
}

std::string toText(const json::Value &value) {
  return llvm::formatv("{0}", value);
}

json::Value arguments(llvm::ArrayRef<HostFunction::Argument> list) {
  json::Array array;
  for (const HostFunction::Argument &a : list)
    array.push_back(json::Object{{"address", a.address},
                                 {"shape", json::Array(a.shape)},
                                 {"type", getName(a.type)}});
  return array;
}

} // namespace

std::string accopt::writeNote(const Program &program) {
  return toText(json::Object{
      {"format", kBinaryFormat},
      {"model", json::fixUTF8(program.modelName)},
      {"model_sha256", json::fixUTF8(program.modelSha256)},
      {"target", json::fixUTF8(program.machine.name)},
      {"target_sha256", machineHash(program.machine)},
      {"target_parameters", json::fixUTF8(printMachine(program.machine))},
      {"dram_bytes", program.dramBytes}});
}

llvm::Error accopt::readNote(StringRef text, Program &program) {
  Note note;
  if (llvm::Error error = readJson(kNoteSection, text, note))
    return error;
  if (note.format != kBinaryFormat)
    return fail(llvm::formatv("expected format {0}, got {1}", kBinaryFormat,
                              note.format));
  llvm::Expected<Machine> machine =
      parseMachine(llvm::MemoryBufferRef(note.parameters, "target parameters"));
  if (!machine)
    return machine.takeError();
  // Another version could derive other prices from the same sizes.
  std::string hash = machineHash(*machine);
  if (hash != note.targetSha256)
    return fail(llvm::formatv("expected target parameters with SHA-256 {0}, "
                              "got {1}",
                              note.targetSha256, hash));
  if (note.dramBytes > UINT32_MAX)
    return fail(llvm::formatv("expected less than 4 GiB of DRAM, got {0} bytes",
                              note.dramBytes));
  program.modelName = note.model;
  program.modelSha256 = note.modelSha256;
  program.machine = std::move(*machine);
  program.dramBytes = uint32_t(note.dramBytes);
  return llvm::Error::success();
}

std::string accopt::writeTensors(const Program &program) {
  static constexpr const char *kinds[] = {"input", "output", "intermediate"};
  json::Array array;
  for (const TensorInfo &t : program.tensors)
    array.push_back(json::Object{{"kind", kinds[unsigned(t.kind)]},
                                 {"type", getName(t.type)},
                                 {"name", json::fixUTF8(t.name)},
                                 {"address", t.address},
                                 {"in_scratchpad", t.inScratchpad},
                                 {"shape", json::Array(t.shape)},
                                 {"permutation", json::Array(t.permutation)},
                                 {"model_shape", json::Array(t.modelShape)},
                                 {"scale", t.scale},
                                 {"zero_point", t.zeroPoint},
                                 {"bits", t.bits},
                                 {"packed", t.isPacked},
                                 {"pitch", t.pitch},
                                 {"defined_by", t.definedBy}});
  return toText(std::move(array));
}

llvm::Error accopt::readTensors(StringRef text, Program &program) {
  return readJson(kTensorsSection, text, program.tensors);
}

std::vector<std::pair<size_t, size_t>>
accopt::layerRanges(const Program &program) {
  std::vector<std::pair<size_t, size_t>> ranges(program.layers.size());
  size_t next = 0;
  for (size_t layer = 0; layer < ranges.size(); ++layer) {
    size_t first = next;
    while (next < program.commands.size() &&
           program.commands[next].layer == layer)
      ++next;
    ranges[layer] = {first, next - first};
  }
  return ranges;
}

std::string accopt::writeLayers(const Program &program) {
  auto ranges = layerRanges(program);
  json::Array array;
  for (size_t i = 0; i < program.layers.size(); ++i) {
    const LayerInfo &l = program.layers[i];
    array.push_back(json::Object{{"name", json::fixUTF8(l.name)},
                                 {"op", json::fixUTF8(l.op)},
                                 {"placement", json::fixUTF8(l.placement)},
                                 {"reason", json::fixUTF8(l.reason)},
                                 {"roofline_cycles", l.rooflineCycles},
                                 {"weight_bits", l.weightBits},
                                 {"input_bits", l.inputBits},
                                 {"first_command", ranges[i].first},
                                 {"commands", ranges[i].second}});
  }
  return toText(std::move(array));
}

llvm::Error accopt::readLayers(StringRef text, Program &program) {
  std::vector<LayerRow> rows;
  if (llvm::Error error = readJson(kLayersSection, text, rows))
    return error;
  for (LayerRow &row : rows)
    program.layers.push_back(std::move(row.info));
  auto ranges = layerRanges(program);
  for (size_t i = 0; i < rows.size(); ++i)
    if (ranges[i] !=
        std::make_pair(size_t(rows[i].first), size_t(rows[i].count)))
      return fail(llvm::formatv(
          "{0}: layer {1}: expected commands from {2}, {3} of them, got from "
          "{4}, {5} of them",
          kLayersSection, i, ranges[i].first, ranges[i].second, rows[i].first,
          rows[i].count));
  return llvm::Error::success();
}

std::string accopt::writeHostFunctions(const Program &program) {
  json::Array array;
  for (const HostFunction &f : program.hostFunctions)
    array.push_back(json::Object{{"symbol", json::fixUTF8(f.symbol)},
                                 {"arguments", arguments(f.arguments)},
                                 {"results", arguments(f.results)}});
  return toText(std::move(array));
}

llvm::Error accopt::readHostFunctions(StringRef text, Program &program) {
  return readJson(kHostSection, text, program.hostFunctions);
}
