//===- ImportFlags.cpp - Options that say what of a model is read ---------===//

#include "accopt/Driver/ImportFlags.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

namespace cl = llvm::cl;
using namespace accopt;

/// Adds "x=1x3x224x224".
static llvm::Error addInputShape(llvm::StringRef text, ImportOptions &options) {
  auto [name, sizes] = text.rsplit('=');
  llvm::SmallVector<int64_t> shape;
  llvm::SmallVector<llvm::StringRef> parts;
  sizes.split(parts, 'x');
  for (llvm::StringRef part : parts) {
    int64_t size = 0;
    if (name.empty() || part.getAsInteger(10, size) || size < 1)
      return llvm::createStringError(
          std::errc::invalid_argument,
          "--input-shape: expected NAME=1x3x224x224, got '%s'",
          text.str().c_str());
    shape.push_back(size);
  }
  options.inputShapes[name] = std::move(shape);
  return llvm::Error::success();
}

/// Adds "sr=16000".
static llvm::Error addInputValue(llvm::StringRef text, ImportOptions &options) {
  auto [name, numbers] = text.rsplit('=');
  llvm::SmallVector<double> values;
  llvm::SmallVector<llvm::StringRef> parts;
  numbers.split(parts, ',');
  for (llvm::StringRef part : parts) {
    double value = 0;
    if (name.empty() || part.getAsDouble(value) || !std::isfinite(value))
      return llvm::createStringError(
          std::errc::invalid_argument,
          "--input-value: expected NAME=16000 or NAME=1,2,3, got '%s'",
          text.str().c_str());
    values.push_back(value);
  }
  options.inputValues[name] = std::move(values);
  return llvm::Error::success();
}

/// Adds "a,b".
static llvm::Error addNames(llvm::StringRef flag, llvm::StringRef text,
                            std::vector<std::string> &names) {
  llvm::SmallVector<llvm::StringRef> parts;
  text.split(parts, ',');
  for (llvm::StringRef part : parts) {
    if (part.empty())
      return llvm::createStringError(std::errc::invalid_argument,
                                     "--%s: expected NAME or NAME,NAME, "
                                     "got '%s'",
                                     flag.str().c_str(), text.str().c_str());
    names.push_back(part.str());
  }
  return llvm::Error::success();
}

ImportFlags::ImportFlags(cl::OptionCategory &category)
    : shapes("input-shape",
             cl::desc("Shape of an input with symbolic dimensions; a first one "
                      "alone is 1 without"),
             cl::value_desc("NAME=1x3x224x224"), cl::cat(category)),
      values("input-value", cl::desc("Make an input a constant of the network"),
             cl::value_desc("NAME=16000"), cl::cat(category)),
      inputs("inputs",
             cl::desc("Tensors at which the network begins, instead of its "
                      "inputs"),
             cl::value_desc("NAME,NAME"), cl::cat(category)),
      outputs("outputs",
              cl::desc("Tensors at which the network ends, instead of its "
                       "outputs: what only later nodes need is left out"),
              cl::value_desc("NAME,NAME"), cl::cat(category)) {}

llvm::Error ImportFlags::apply(ImportOptions &options) const {
  for (const std::string &shape : shapes)
    if (llvm::Error error = addInputShape(shape, options))
      return error;
  for (const std::string &value : values)
    if (llvm::Error error = addInputValue(value, options))
      return error;
  for (const std::string &names : inputs)
    if (llvm::Error error = addNames("inputs", names, options.inputs))
      return error;
  for (const std::string &names : outputs)
    if (llvm::Error error = addNames("outputs", names, options.outputs))
      return error;
  return llvm::Error::success();
}

std::string accopt::printImportOptions(const ImportOptions &options) {
  std::vector<std::string> shapes, values;
  for (const auto &[name, shape] : options.inputShapes)
    shapes.push_back(
        (name + "=" +
         llvm::join(llvm::map_range(
                        shape, [](int64_t size) { return llvm::utostr(size); }),
                    "x"))
            .str());
  for (const auto &[name, given] : options.inputValues) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    stream << " --input-value=" << name << '=';
    for (auto [i, value] : llvm::enumerate(given))
      stream << (i ? "," : "") << llvm::format("%.17g", value);
    values.push_back(text);
  }
  llvm::sort(shapes);
  llvm::sort(values);
  std::string text = llvm::join(shapes, " ") + llvm::join(values, "");
  if (!options.inputs.empty())
    text += " --inputs=" + llvm::join(options.inputs, ",");
  if (!options.outputs.empty())
    text += " --outputs=" + llvm::join(options.outputs, ",");
  return text;
}
