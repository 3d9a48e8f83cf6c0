//===- Ranges.cpp - Ranges by name, and their file ------------------------===//

#include "accopt/Transforms/Ranges.h"

#include "accopt/Support/Diagnostics.h"
#include "accopt/Support/OutputFile.h"
#include "dialects/NN/NNOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Quant/IR/Quant.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cmath>

using namespace mlir;
using namespace accopt;

Range accopt::unite(Range a, Range b) {
  return {std::min(a.min, b.min), std::max(a.max, b.max)};
}

void RangeTable::set(StringRef name, Range range) {
  auto [it, isNew] = index.try_emplace(name, entries.size());
  if (isNew)
    entries.emplace_back(name.str(), range);
  else
    entries[it->second].second = range;
}

void RangeTable::setNarrow(StringRef name, unsigned bits, Range range) {
  narrow[name][bits] = range;
}

const Range *RangeTable::findNarrow(StringRef name, unsigned bits) const {
  auto ofName = narrow.find(name);
  if (ofName == narrow.end())
    return nullptr;
  auto range = ofName->second.find(bits);
  return range == ofName->second.end() ? nullptr : &range->second;
}

const Range *RangeTable::find(StringRef name) const {
  auto it = index.find(name);
  return it == index.end() ? nullptr : &entries[it->second].second;
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

static void collectNames(Location loc, llvm::SetVector<StringRef> &names) {
  if (auto name = llvm::dyn_cast<NameLoc>(loc))
    names.insert(name.getName().getValue());
  else if (auto fused = llvm::dyn_cast<FusedLoc>(loc))
    for (Location part : fused.getLocations())
      collectNames(part, names);
}

std::string accopt::getNodeName(Location loc) {
  llvm::SetVector<StringRef> names;
  collectNames(loc, names);
  return llvm::join(names, "+");
}

llvm::MapVector<Value, std::string> accopt::nameValues(func::FuncOp func) {
  llvm::MapVector<Value, std::string> names;
  llvm::StringSet<> taken;
  // Where to go on: thousands of ops may come from one node.
  llvm::StringMap<unsigned> next;
  auto insert = [&](Value value, const std::string &name) {
    std::string unique = name;
    while (!taken.insert(unique).second)
      unique = name + ":" + std::to_string(++next[name]);
    names[value] = unique;
  };
  for (BlockArgument argument : func.getArguments()) {
    unsigned i = argument.getArgNumber();
    auto name = func.getArgAttrOfType<StringAttr>(i, "nn.name");
    insert(argument, name ? name.str() : "arg" + std::to_string(i));
  }
  func.walk([&](Operation *op) {
    if (llvm::isa<nn::ConstantOp, quant::QuantizeCastOp,
                  quant::DequantizeCastOp>(op))
      return;
    std::string name = getNodeName(op->getLoc());
    for (Value result : op->getResults())
      insert(result, name.empty() ? op->getName().stripDialect().str() : name);
  });
  return names;
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

static constexpr StringLiteral schemaName = "accopt.calibration";
static constexpr int64_t schemaVersion = 1;

static llvm::Error parseEntry(const llvm::json::Value &value, size_t i,
                              StringRef file, RangeTable &table) {
  std::string where = "ranges[" + std::to_string(i) + "]: ";
  const llvm::json::Object *entry = value.getAsObject();
  if (!entry)
    return makeFileError(file, where + "expected an object");
  std::optional<StringRef> name = entry->getString("name");
  if (!name)
    return makeFileError(file, where + "expected a string \"name\"");
  std::optional<double> min = entry->getNumber("min");
  std::optional<double> max = entry->getNumber("max");
  if (!min || !max || !std::isfinite(*min) || !std::isfinite(*max))
    return makeFileError(file, where +
                                   "expected finite numbers \"min\" and "
                                   "\"max\" for '" +
                                   *name + "'");
  if (*min > *max)
    return makeFileError(file, where + "expected min <= max for '" + *name +
                                   "', got " + std::to_string(*min) + " > " +
                                   std::to_string(*max));
  if (table.find(*name))
    return makeFileError(file,
                         where + "expected one range for '" + *name + "'");
  table.set(*name, {*min, *max});
  return llvm::Error::success();
}

llvm::Expected<RangeTable> accopt::parseRanges(StringRef text, StringRef file) {
  llvm::Expected<llvm::json::Value> value = llvm::json::parse(text);
  if (!value)
    return makeFileError(file,
                         "expected JSON: " + llvm::toString(value.takeError()));
  const llvm::json::Object *root = value->getAsObject();
  if (!root ||
      root->getString("schema") != std::optional<StringRef>(schemaName))
    return makeFileError(file, "expected an object with \"schema\": \"" +
                                   schemaName + "\"");
  if (root->getInteger("version") != std::optional<int64_t>(schemaVersion))
    return makeFileError(file,
                         "expected \"version\": " + llvm::Twine(schemaVersion));
  const llvm::json::Array *entries = root->getArray("ranges");
  if (!entries)
    return makeFileError(file, "expected an array \"ranges\"");
  RangeTable table;
  for (size_t i = 0; i < entries->size(); ++i)
    if (llvm::Error error = parseEntry((*entries)[i], i, file, table))
      return error;
  return table;
}

llvm::Expected<RangeTable> accopt::readRanges(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!buffer)
    return makeFileError(path, buffer.getError().message());
  return parseRanges((*buffer)->getBuffer(), path);
}

std::string accopt::serializeRanges(const RangeTable &table) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "{\n  \"schema\": \"" << schemaName
     << "\",\n  \"version\": " << schemaVersion << ",\n  \"ranges\": [";
  StringRef separator = "\n";
  // A zero loses its sign: "-0" is read as an integer, which has none.
  auto number = [](double value) { return llvm::json::Value(value + 0.0); };
  for (const auto &[name, range] : table) {
    os << separator
       << "    {\"name\": " << llvm::json::Value(llvm::json::fixUTF8(name))
       << ", \"min\": " << number(range.min)
       << ", \"max\": " << number(range.max) << "}";
    separator = ",\n";
  }
  os << "\n  ]\n}\n";
  return text;
}

llvm::Error accopt::writeRanges(StringRef path, const RangeTable &table) {
  return writeOutputFile(path, serializeRanges(table));
}
