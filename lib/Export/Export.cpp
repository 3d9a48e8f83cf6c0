//===- Export.cpp - ONNX files from nn ------------------------------------===//
//
// One walk in program order. Constants are written where an op first reads
// them, which is where the importer makes them: a file that is imported and
// exported again has the same bytes.
//
//===----------------------------------------------------------------------===//

#include "accopt/Export/Export.h"

#include "Exporter.h"

#include "accopt/Support/Diagnostics.h"
#include "accopt/Support/OutputFile.h"
#include "dialects/NN/NNOps.h"

#include "mlir/Dialect/Quant/IR/Quant.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace accopt;
using namespace accopt::exporter;

/// The first that says all of nn (Pad that wraps, dilated AveragePool). From 21
/// on, onnxruntime 1.31 refuses QDQ files that its own optimizer has moved
/// casts in.
static constexpr int exportedOpset = 19;
/// The first with metadata of nodes.
static constexpr int irVersion = 10;

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

/// Names of the casts of this exporter, without what it added.
static std::string stripSuffix(std::string name) {
  for (StringRef suffix : {dequantizeSuffix, quantizeSuffix})
    if (size_t at = name.find(suffix); at != std::string::npos)
      name.resize(at);
  return name;
}

std::string Exporter::nameOf(mlir::Operation *op) const {
  std::string name = getNodeName(op->getLoc());
  if (isa<nn::ConstantOp, quant::QuantizeCastOp, quant::DequantizeCastOp>(op))
    name = stripSuffix(std::move(name));
  if (!name.empty())
    return name;
  auto found = op->getNumResults() ? names.find(op->getResult(0)) : names.end();
  return found != names.end() ? found->second
                              : op->getName().stripDialect().str();
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

std::string Exporter::use(Value value) {
  if (!value)
    return "";
  auto it = known.find(value);
  if (it != known.end())
    return it->second;
  mlir::Operation *op = value.getDefiningOp();
  if (auto constant = dyn_cast<nn::ConstantOp>(op)) {
    std::string name = builder.addConstant(nameOf(op), constant.getValue());
    if (name.empty())
      missing = op;
    return known[value] = name;
  }
  // A dcast of a constant, which waits for its first use as well.
  (void)exportCast(op);
  return known[value];
}

void Exporter::addInputs() {
  for (BlockArgument argument : function.getArguments()) {
    onnx::ValueInfoProto *input = model.mutable_graph()->add_input();
    input->set_name(names.find(argument)->second);
    setFloatType(*input, cast<RankedTensorType>(argument.getType()));
    builder.reserve(input->name());
    known[argument] = input->name();
  }
}

/// A result of the function names the value that it returns, unless that has a
/// name already.
void Exporter::nameOutputs() {
  llvm::StringSet<> taken;
  for (auto &[value, name] : known)
    taken.insert(name);
  auto results = function.getBody().front().getTerminator()->getOperands();
  for (auto [i, value] : llvm::enumerate(results)) {
    auto given = function.getResultAttrOfType<StringAttr>(i, "nn.name");
    std::string wanted = given ? given.str() : "result" + std::to_string(i);
    std::string name = wanted;
    for (unsigned k = 1; !taken.insert(name).second; ++k)
      name = wanted + ":" + std::to_string(k);
    outputNames.push_back(name);
    builder.reserve(name);
    mlir::Operation *op = value.getDefiningOp();
    if (op && !isa<nn::ConstantOp>(op))
      outputs.try_emplace(value, name);
  }
}

llvm::Error Exporter::addOutputs() {
  mlir::Operation *end = function.getBody().front().getTerminator();
  for (auto [i, value] : llvm::enumerate(end->getOperands())) {
    auto type = cast<RankedTensorType>(value.getType());
    if (!type.getElementType().isF32())
      return llvm::createStringError("output '" + outputNames[i] +
                                     "': expected f32 to export");
    std::string name = use(value);
    if (name != outputNames[i])
      builder.addNode("Identity", outputNames[i] + "/Identity", {name},
                      outputNames[i]);
    onnx::ValueInfoProto *output = model.mutable_graph()->add_output();
    output->set_name(outputNames[i]);
    setFloatType(*output, type);
  }
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// The model
//===----------------------------------------------------------------------===//

static bool isQuantized(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && isa<quant::QuantizedType>(type.getElementType());
}

llvm::Error Exporter::exportOp(mlir::Operation *op) {
  // Written where they are used.
  if (isa<nn::ConstantOp, func::ReturnOp>(op))
    return llvm::Error::success();
  bool isCast = isa<quant::QuantizeCastOp, quant::DequantizeCastOp>(op);
  if (auto cast = dyn_cast<quant::DequantizeCastOp>(op))
    if (cast.getInput().getDefiningOp<nn::ConstantOp>())
      return llvm::Error::success();
  if (!isCast && (llvm::any_of(op->getOperands(), isQuantized) ||
                  llvm::any_of(op->getResults(), isQuantized)))
    return fail(op, "expected a float op, between casts where it is quantized, "
                    "to export");
  if (!exportLinear(op) && !exportWindow(op) && !exportCast(op) &&
      !(isa<nn::ReshapeOp, nn::TransposeOp, nn::ConcatOp, nn::PadOp,
            nn::SliceOp>(op)
            ? exportMovement(op)
            : isa_and_nonnull<nn::NNDialect>(op->getDialect()) &&
                  exportElementwise(op)))
    return fail(op, "expected an op that ONNX has a form for");
  return checkConstants();
}

llvm::Error Exporter::checkConstants() const {
  if (missing)
    return fail(missing, "expected a constant of f32, i8 or i32 with its data");
  return llvm::Error::success();
}

llvm::Expected<std::string> Exporter::run() {
  if (!llvm::hasSingleElement(function.getBody()))
    return llvm::createStringError("expected a function with one block, to "
                                   "export");
  for (BlockArgument argument : function.getArguments()) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type || !type.hasStaticShape() || !type.getElementType().isF32())
      return llvm::createStringError("input '" + names.find(argument)->second +
                                     "': expected static f32 to export");
  }
  model.set_ir_version(irVersion);
  model.set_producer_name("accopt");
  model.add_opset_import()->set_version(exportedOpset);
  model.mutable_graph()->set_name("main");
  addInputs();
  nameOutputs();
  for (mlir::Operation &op : function.getBody().front())
    if (llvm::Error error = exportOp(&op))
      return error;
  if (llvm::Error error = addOutputs())
    return error;
  // A result may be the first to read a constant.
  if (llvm::Error error = checkConstants())
    return error;
  // Protobuf's own limit, which it would meet with an empty string.
  if (size_t size = model.ByteSizeLong(); size > size_t(INT32_MAX))
    return llvm::createStringError(
        "expected at most 2147483647 bytes, which is all that an ONNX file can "
        "hold, got " +
        llvm::Twine(size));
  return model.SerializeAsString();
}

llvm::Expected<std::string> accopt::exportOnnx(func::FuncOp function) {
  return Exporter(function).run();
}

llvm::Error accopt::exportOnnx(func::FuncOp function, StringRef path) {
  llvm::Expected<std::string> bytes = exportOnnx(function);
  if (!bytes)
    return makeFileError(path, llvm::toString(bytes.takeError()));
  return writeOutputFile(path, *bytes);
}
