//===- OpSupport.cpp - The table of operators, for people and programs ----===//
//
// Part of AccOpt. What is ours comes from the importer's own table; opsets,
// element types and attributes are those of ONNX's schemas.
//
//===----------------------------------------------------------------------===//

#include "OnnxModel.h"
#include "TensorReader.h"
#include "accopt/Import/Import.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"

#include <onnx/defs/schema.h>

#include <set>

using namespace llvm;
using namespace accopt;
using namespace accopt::importer;

namespace {
/// What a schema says of an operator.
struct SchemaFacts {
  int firstOpset = 1;
  std::vector<std::string> attributes;
  /// Of the first input, or of the output where there is no input: those that
  /// the importer reads.
  std::vector<std::string> types;
};
} // namespace

/// Names of element types that an attribute of ONNX's is read as.
static bool isRead(StringRef type) {
  static constexpr StringLiteral names[] = {
      "bool",   "int8",   "int16",   "int32",    "int64", "uint8", "uint16",
      "uint32", "uint64", "float16", "bfloat16", "float", "double"};
  return is_contained(names, type);
}

static SchemaFacts factsOf(StringRef name) {
  SchemaFacts facts;
  std::string op = name.str();
  for (int opset = 1; opset <= newestOpset; ++opset)
    if (onnx::OpSchemaRegistry::Schema(op, opset, "")) {
      facts.firstOpset = opset;
      break;
    }
  const onnx::OpSchema *schema =
      onnx::OpSchemaRegistry::Schema(op, newestOpset, "");
  if (!schema)
    return facts;
  for (const auto &[attribute, description] : schema->attributes())
    facts.attributes.push_back(attribute);
  sort(facts.attributes);
  std::set<std::string> types;
  const auto &parameters =
      schema->inputs().empty() ? schema->outputs() : schema->inputs();
  if (!parameters.empty())
    for (const std::string *type : parameters.front().GetTypes()) {
      StringRef text = *type;
      if (text.consume_front("tensor(") && text.consume_back(")") &&
          isRead(text))
        types.insert(text.str());
    }
  facts.types.assign(types.begin(), types.end());
  return facts;
}

static void writeMarkdown(raw_ostream &os) {
  os << "| operator | opsets | support | runs on | int8 | trainable | element "
        "types |\n|---|---|---|---|---|---|---|\n";
  auto yes = [](bool value) { return value ? "yes" : "no"; };
  for (const SupportedOp &op : supportedOps()) {
    SchemaFacts facts = factsOf(op.name);
    os << "| " << op.name << " | " << facts.firstOpset << "-" << newestOpset
       << " | " << op.note << " | " << op.where << " | " << yes(op.quantizable)
       << " | " << yes(op.trainable) << " | " << join(facts.types, ", ")
       << " |\n";
  }
}

static void writeJson(raw_ostream &os) {
  json::OStream out(os, /*IndentSize=*/2);
  out.object([&] {
    out.attribute("schema", "accopt.op-support");
    out.attribute("version", 1);
    out.attributeArray("operators", [&] {
      for (const SupportedOp &op : supportedOps()) {
        SchemaFacts facts = factsOf(op.name);
        out.object([&] {
          out.attribute("name", StringRef(op.name));
          out.attribute("first_opset", facts.firstOpset);
          out.attribute("last_opset", newestOpset);
          out.attribute("support", StringRef(op.note));
          out.attribute("runs_on", StringRef(op.where));
          out.attribute("quantizable", op.quantizable);
          out.attribute("trainable", op.trainable);
          out.attribute("types", json::Array(facts.types));
          out.attribute("attributes", json::Array(facts.attributes));
        });
      }
    });
  });
  os << '\n';
}

void accopt::writeOpSupport(OpSupportFormat format, raw_ostream &os) {
  if (format == OpSupportFormat::Markdown)
    return writeMarkdown(os);
  if (format == OpSupportFormat::Json)
    return writeJson(os);
  for (const SupportedOp &op : supportedOps())
    os << left_justify(op.name, 27) << ' ' << op.note << '\n';
}
