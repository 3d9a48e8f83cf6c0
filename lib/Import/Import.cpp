//===- Import.cpp - From an ONNX graph to a module ------------------------===//
//
// Walks the prepared graph once, in its (topological) order. A node that cannot
// be imported is recorded and stands in as a value of the type that ONNX's
// shape inference gave it, so that one run finds all such nodes.
//
//===----------------------------------------------------------------------===//

#include "accopt/Import/Import.h"

#include "ConstantEvaluator.h"
#include "CutModel.h"
#include "IntegerValues.h"
#include "NodeImporter.h"
#include "OnnxModel.h"
#include "OpTable.h"
#include "TensorReader.h"
#include "accopt/Support/Diagnostics.h"
#include "dialects/NN/NNMappedFiles.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Path.h"

#include <map>
#include <set>

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;

namespace {

class GraphImporter {
public:
  GraphImporter(std::shared_ptr<OnnxModel> model, MLIRContext &context)
      : model(model), graph(model->proto.graph()), context(context),
        builder(&context), reader(model, &context) {}

  /// The module, or null with `errors` filled.
  OwningOpRef<ModuleOp> run();

  /// Without the file's name.
  std::vector<std::string> errors, warnings;

private:
  Location nameLoc(StringRef name) {
    return NameLoc::get(builder.getStringAttr(name));
  }
  bool fail(const Twine &message) {
    errors.push_back(message.str());
    return false;
  }

  bool addConstants();
  bool addConstant(const std::string &name, const onnx::TensorProto &tensor,
                   StringRef cut);
  bool addInputs(func::FuncOp main);
  void collectUses(const onnx::GraphProto &graph);
  std::vector<std::string> nameNodes(const onnx::GraphProto &graph) const;
  bool importNodes(const onnx::GraphProto &graph);
  bool importNode(const onnx::NodeProto &node, const std::string &name);
  LogicalResult importBody(const onnx::GraphProto &body,
                           ArrayRef<Entry> arguments,
                           SmallVectorImpl<Entry> &results);
  LogicalResult runHandler(NodeImporter &node);
  LogicalResult readTensorAttribute(NodeImporter &node);
  Entry standIn(const std::string &name);
  bool holdOutput(const std::string &name, Entry &entry);
  bool addOutputs(func::FuncOp main);
  void sayWhereToCut();

  std::shared_ptr<OnnxModel> model;
  const onnx::GraphProto &graph;
  MLIRContext &context;
  OpBuilder builder;
  TensorReader reader;
  std::map<std::string, Entry> values;
  llvm::StringSet<> used;
  /// What reads each value; a null node where a graph returns it.
  ValueUses uses;
  llvm::StringSet<> leaving; ///< outputs of the graph
  /// Types of values by name, as ONNX inferred them.
  std::map<std::string, const onnx::TypeProto *> types;
  /// What nodes that failed would have made.
  std::set<std::string> missing;
  /// The first error of a node whose result's shape depends on data.
  std::optional<size_t> dependentError;
};

} // namespace

//===----------------------------------------------------------------------===//
// Constants and inputs
//===----------------------------------------------------------------------===//

bool GraphImporter::addConstant(const std::string &name,
                                const onnx::TensorProto &tensor,
                                StringRef cut) {
  Expected<ElementsAttr> attr = reader.read(tensor, cut);
  if (!attr)
    return fail("constant '" + name + "': " + toString(attr.takeError()));
  Entry entry;
  entry.constant = *attr;
  entry.loc = nameLoc(name);
  values[name] = entry;
  return true;
}

bool GraphImporter::addConstants() {
  bool ok = true;
  for (const auto &[name, source] : model->weights)
    ok &= addConstant(name, source.proto, source.cut);
  for (const onnx::TensorProto &tensor : graph.initializer())
    ok &= addConstant(tensor.name(), tensor, {});
  return ok;
}

bool GraphImporter::addInputs(func::FuncOp main) {
  SmallVector<Type> argumentTypes;
  SmallVector<Attribute> names;
  for (const onnx::ValueInfoProto &input : graph.input()) {
    if (values.count(input.name()))
      continue;
    const auto &type = input.type().tensor_type();
    Type element = convertElementType(type.elem_type(), &context);
    if (!element)
      return fail("input '" + input.name() +
                  "': expected a numeric type, got " +
                  elementTypeName(type.elem_type()));
    Shape shape;
    for (const auto &dim : type.shape().dim())
      shape.push_back(dim.dim_value());
    std::optional<int64_t> count = nn::checkedElementCount(shape);
    if (!count || *count > maxTensorElements)
      return fail("input '" + input.name() + "': expected at most " +
                  Twine(maxTensorElements) + " elements, got more");
    auto tensor = RankedTensorType::get(shape, element);
    values[input.name()].value =
        main.getBody().front().addArgument(tensor, nameLoc(input.name()));
    argumentTypes.push_back(tensor);
    names.push_back(builder.getStringAttr(input.name()));
  }
  main.setFunctionType(builder.getFunctionType(argumentTypes, {}));
  for (auto [i, name] : llvm::enumerate(names))
    main.setArgAttr(i, "nn.name", name);
  return true;
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

/// Of a graph and of the bodies in its nodes.
void GraphImporter::collectUses(const onnx::GraphProto &graph) {
  for (const onnx::NodeProto &node : graph.node()) {
    for (const std::string &input : node.input()) {
      used.insert(input);
      uses[input].push_back(&node);
    }
    for (const onnx::AttributeProto &attribute : node.attribute())
      if (attribute.has_g())
        collectUses(attribute.g());
  }
  for (const onnx::ValueInfoProto &output : graph.output()) {
    used.insert(output.name());
    uses[output.name()].push_back(nullptr);
  }
  for (const auto *list : {&graph.value_info(), &graph.output()})
    for (const onnx::ValueInfoProto &info : *list)
      types[info.name()] = &info.type();
}

/// The name in the file. A node that conversion or inlining made has none: then
/// that of the node which made one of its outputs in the file, or of the node
/// that it was made for, which comes later.
std::vector<std::string>
GraphImporter::nameNodes(const onnx::GraphProto &graph) const {
  std::vector<std::string> nodeNames(graph.node_size());
  std::map<std::string, StringRef> consumers;
  for (int i = graph.node_size() - 1; i >= 0; --i) {
    const onnx::NodeProto &node = graph.node(i);
    std::string &name = nodeNames[i];
    for (const std::string &output : node.output())
      if (auto known = model->producers.find(output);
          name.empty() && known != model->producers.end())
        name = known->second;
    if (name.empty())
      name = node.name();
    for (const std::string &output : node.output())
      if (auto known = consumers.find(output);
          name.empty() && known != consumers.end())
        name = known->second;
    if (name.empty())
      name = node.op_type() + "_" + std::to_string(i);
    for (const std::string &input : node.input())
      consumers[input] = name;
  }
  return nodeNames;
}

/// A value of the type that ONNX inferred, for a node that failed.
Entry GraphImporter::standIn(const std::string &name) {
  Entry entry;
  entry.failed = true;
  auto known = types.find(name);
  if (known == types.end() || !known->second->has_tensor_type() ||
      !known->second->tensor_type().has_shape())
    return entry;
  Type element =
      convertElementType(known->second->tensor_type().elem_type(), &context);
  if (!element)
    return entry;
  Shape shape;
  for (const auto &dim : known->second->tensor_type().shape().dim()) {
    if (!dim.has_dim_value() || dim.dim_value() < 1)
      return entry;
    shape.push_back(dim.dim_value());
  }
  if (!nn::checkedElementCount(shape))
    return entry;
  auto type = RankedTensorType::get(shape, element);
  entry.value = UnrealizedConversionCastOp::create(
                    builder, builder.getUnknownLoc(), type, ValueRange())
                    .getResult(0);
  entry.failed = false;
  return entry;
}

/// Tensors in attributes: Constant's value is the output, ConstantOfShape's
/// becomes a second input.
LogicalResult GraphImporter::readTensorAttribute(NodeImporter &node) {
  const onnx::AttributeProto *value = node.attribute("value");
  if (!value || !value->has_t())
    return success();
  Expected<ElementsAttr> attr = reader.read(value->t());
  if (!attr)
    return node.error(toString(attr.takeError()));
  if (node.proto.op_type() == "Constant")
    return node.setOutput(0, *attr);
  Entry &entry = values["\nvalue of " + node.proto.output(0)];
  entry.constant = *attr;
  node.inputs.push_back(&entry);
  return success();
}

LogicalResult GraphImporter::runHandler(NodeImporter &node) {
  StringRef op = node.proto.op_type();
  Handler handler = findHandler(node.proto.domain(), op);
  if (!handler)
    return node.error(
        "expected a supported operator (see --print-op-support), got " +
        (node.proto.domain().empty() ? "" : node.proto.domain() + ".") + op);
  if (op == "Constant" || op == "ConstantOfShape") {
    if (failed(readTensorAttribute(node)))
      return failure();
    if (node.outputs[0].constant)
      return success();
  }
  FailureOr<bool> evaluated = evaluateConstants(node);
  if (failed(evaluated))
    return failure();
  if (*evaluated)
    return success();
  IntegerUse use = integerUse(node.proto.domain(), op);
  if (failed(holdIntegers(node, use)) || failed(handler(node)))
    return failure();
  passIntegers(node, use);
  return success();
}

/// A body of If, Loop or Scan, in the place of its node. Its values are known
/// while it is imported; what they hide is known again afterwards.
LogicalResult GraphImporter::importBody(const onnx::GraphProto &body,
                                        ArrayRef<Entry> arguments,
                                        SmallVectorImpl<Entry> &results) {
  std::map<std::string, std::optional<Entry>> hidden;
  auto hide = [&](const std::string &name) {
    auto known = values.find(name);
    hidden.try_emplace(name, known == values.end()
                                 ? std::nullopt
                                 : std::optional(known->second));
  };
  for (auto [input, argument] : llvm::zip(body.input(), arguments)) {
    hide(input.name());
    values[input.name()] = argument;
  }
  bool ok = true;
  for (const onnx::TensorProto &tensor : body.initializer()) {
    hide(tensor.name());
    ok &= addConstant(tensor.name(), tensor, {});
  }
  for (const onnx::NodeProto &node : body.node())
    for (const std::string &output : node.output())
      hide(output);
  ok = ok && importNodes(body);
  for (const onnx::ValueInfoProto &output : body.output()) {
    auto known = values.find(output.name());
    ok &= known != values.end() && !known->second.failed;
    results.push_back(known == values.end() ? Entry() : known->second);
  }
  for (const auto &[name, entry] : hidden) {
    if (entry)
      values[name] = *entry;
    else
      values.erase(name);
  }
  return success(ok);
}

bool GraphImporter::importNodes(const onnx::GraphProto &graph) {
  std::vector<std::string> names = nameNodes(graph);
  bool ok = true;
  for (auto [node, name] : llvm::zip(graph.node(), names))
    ok &= importNode(node, name);
  return ok;
}

bool GraphImporter::importNode(const onnx::NodeProto &proto,
                               const std::string &name) {
  NodeImporter node(proto, nameLoc(name), builder);
  size_t before = errors.size();
  node.uses = &uses;
  node.importBody = [this](const onnx::GraphProto &body,
                           ArrayRef<Entry> arguments,
                           SmallVectorImpl<Entry> &results) {
    return importBody(body, arguments, results);
  };
  bool inputFailed = false;
  for (const std::string &input : proto.input()) {
    if (input.empty()) {
      node.inputs.push_back(nullptr);
      continue;
    }
    auto known = values.find(input);
    if (known == values.end())
      return fail("node '" + name + "' (" + proto.op_type() +
                  "): expected input '" + input + "' to be computed before, " +
                  "got no such value");
    inputFailed |= known->second.failed;
    node.inputs.push_back(&known->second);
  }
  node.outputs.resize(proto.output_size());
  for (const std::string &output : proto.output()) {
    node.outputUsed.push_back(!output.empty() && used.contains(output));
    node.outputLeaves.push_back(leaving.contains(output));
  }

  bool supported = findHandler(proto.domain(), proto.op_type());
  bool ok = (!inputFailed || !supported) && succeeded(runHandler(node));
  if (!ok && !node.reason.empty())
    fail("node '" + name + "' (" + proto.op_type() + "): " + node.reason);
  else if (!ok && !inputFailed && errors.size() == before)
    fail("node '" + name + "' (" + proto.op_type() + "): cannot be imported");
  for (int i = 0; i < proto.output_size(); ++i) {
    if (proto.output(i).empty())
      continue;
    Entry &output = node.outputs[i];
    bool made = ok && (output.value || output.constant);
    // An output that nothing reads need not be made.
    if (ok && !made && !node.outputUsed[i])
      continue;
    Entry &entry = values[proto.output(i)];
    entry = made ? output : standIn(proto.output(i));
    if (made)
      continue;
    missing.insert(proto.output(i));
    node.dependsOnData |= entry.failed && node.outputUsed[i];
  }
  if (errors.size() == before + 1 && node.dependsOnData && !dependentError)
    dependentError = before;
  return ok;
}

/// Shapes that depend on data are at the ends of networks: what comes before
/// can be compiled.
void GraphImporter::sayWhereToCut() {
  if (!dependentError)
    return;
  std::vector<std::string> frontier = findFrontier(*model, missing);
  if (!frontier.empty())
    errors[*dependentError] += "; what comes before can be compiled with " +
                               printOutputsFlag(frontier);
}

//===----------------------------------------------------------------------===//
// The module
//===----------------------------------------------------------------------===//

/// Whether a computed element type is what the file says of an output, where it
/// does: of a tensor that --outputs names it need not.
static bool agreesInElements(RankedTensorType type,
                             const onnx::TypeProto &declared) {
  if (declared.has_tensor_type() &&
      declared.tensor_type().elem_type() == onnx::TensorProto::UNDEFINED)
    return true;
  return declared.has_tensor_type() &&
         type.getElementType() ==
             convertElementType(declared.tensor_type().elem_type(),
                                type.getContext());
}

/// The same for the shape; symbolic dimensions agree with any.
static bool agreesInShape(RankedTensorType type,
                          const onnx::TypeProto &declared) {
  const auto &tensor = declared.tensor_type();
  if (!tensor.has_shape())
    return true;
  if (tensor.shape().dim_size() != type.getRank())
    return false;
  for (auto [dim, size] : llvm::zip(tensor.shape().dim(), type.getShape()))
    if (dim.has_dim_value() && dim.dim_value() > 0 && dim.dim_value() != size)
      return false;
  return true;
}

static std::string print(const onnx::TypeProto &declared) {
  if (!declared.has_tensor_type())
    return "no tensor";
  std::string text;
  for (const auto &dim : declared.tensor_type().shape().dim())
    text += (dim.has_dim_value() ? std::to_string(dim.dim_value()) : "?") + "x";
  return text + elementTypeName(declared.tensor_type().elem_type());
}

/// Of an output that stands for integers, these.
bool GraphImporter::holdOutput(const std::string &name, Entry &entry) {
  if (!entry.integers)
    return true;
  onnx::NodeProto none;
  NodeImporter node(none, nameLoc(name), builder);
  Value held = emitIntegers(node, entry);
  if (!held)
    return fail("output '" + name + "': " + node.reason);
  entry = Entry();
  entry.value = held;
  return true;
}

bool GraphImporter::addOutputs(func::FuncOp main) {
  SmallVector<Value> results;
  SmallVector<Attribute> names;
  if (model->outputs.empty())
    return fail("expected a graph with an output, got none");
  for (const onnx::ValueInfoProto &output : model->outputs) {
    auto known = values.find(output.name());
    if (known == values.end())
      return fail("output '" + output.name() +
                  "': expected a value of the graph, got no such value");
    Entry &entry = known->second;
    if (!holdOutput(output.name(), entry))
      return false;
    std::string text;
    llvm::raw_string_ostream(text) << entry.type();
    std::string difference = "output '" + output.name() +
                             "': expected the declared type " +
                             print(output.type()) + ", got " + text;
    if (!agreesInElements(entry.type(), output.type()))
      return fail(difference);
    // Exporters get shapes of outputs wrong, and runtimes take the computed
    // ones.
    if (!agreesInShape(entry.type(), output.type()))
      warnings.push_back(difference);
    if (!entry.value)
      entry.value = nn::ConstantOp::create(builder, nameLoc(output.name()),
                                           entry.type(), entry.constant);
    results.push_back(entry.value);
    names.push_back(builder.getStringAttr(output.name()));
  }
  func::ReturnOp::create(builder, main.getLoc(), results);
  main.setFunctionType(builder.getFunctionType(main.getArgumentTypes(),
                                               ValueRange(results).getTypes()));
  for (auto [i, name] : llvm::enumerate(names))
    main.setResultAttr(i, "nn.name", name);
  return true;
}

OwningOpRef<ModuleOp> GraphImporter::run() {
  StringRef stem = llvm::sys::path::stem(model->path);
  OwningOpRef<ModuleOp> module = ModuleOp::create(nameLoc(stem));
  (*module)->setAttr("nn.model_name", builder.getStringAttr(stem));
  builder.setInsertionPointToStart(module->getBody());
  auto main = func::FuncOp::create(builder, nameLoc(stem), "main",
                                   builder.getFunctionType({}, {}));
  builder.setInsertionPointToStart(main.addEntryBlock());

  if (!addConstants() || !addInputs(main))
    return nullptr;
  collectUses(graph);
  for (const onnx::ValueInfoProto &output : graph.output())
    leaving.insert(output.name());
  if (!importNodes(graph)) {
    sayWhereToCut();
    return nullptr;
  }
  if (!addOutputs(main))
    return nullptr;
  (*module)->setAttr("nn.sha256", builder.getStringAttr(model->sha256.get()));
  return module;
}

OwningOpRef<ModuleOp> accopt::importOnnx(StringRef path,
                                         const ImportOptions &options,
                                         MLIRContext &context,
                                         llvm::raw_ostream &errors) {
  auto report = [&](Error error) {
    printError(makeFileError(path, toString(std::move(error))), errors);
    return nullptr;
  };
  Expected<std::unique_ptr<OnnxModel>> read = readModel(path);
  if (!read)
    return report(read.takeError());
  std::shared_ptr<OnnxModel> model = std::move(*read);
  if (Error error = prepareModel(*model, options))
    return report(std::move(error));

  context.loadDialect<nn::NNDialect, func::FuncDialect>();
  nn::MappedFiles::get(&context).add(model->file);
  GraphImporter importer(model, context);
  OwningOpRef<ModuleOp> module = importer.run();
  for (const std::string &message : importer.errors)
    printError(makeFileError(path, message), errors);
  if (!importer.errors.empty())
    return nullptr;
  for (const std::string &message : model->notes)
    errors << "note: " << path << ": " << message << '\n';
  for (const std::string &message : importer.warnings)
    errors << "warning: " << path << ": " << message << '\n';
  if (!module)
    return report(createStringError("expected a graph that can be imported"));
  if (failed(verify(*module)))
    return report(createStringError(
        "expected a graph that can be imported, got one whose ops fail "
        "verification"));
  return module;
}
