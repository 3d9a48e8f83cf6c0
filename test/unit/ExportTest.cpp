//===- ExportTest.cpp - Nodes, names and errors of exported files ---------===//

#include "accopt/Export/Export.h"

#include "accopt/InitAllDialects.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <onnx/onnx_pb.h>

#include <cstring>
#include <set>

using namespace accopt;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

class Export : public testing::Test {
protected:
  Export() {
    mlir::DialectRegistry registry;
    registerAllDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    context.allowUnregisteredDialects();
  }

  llvm::Expected<std::string> exportText(llvm::StringRef text) {
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    if (!module)
      return llvm::createStringError("the test's module does not parse");
    return exportOnnx(*module->getOps<mlir::func::FuncOp>().begin());
  }
  onnx::ModelProto model(llvm::StringRef text) {
    onnx::ModelProto result;
    llvm::Expected<std::string> bytes = exportText(text);
    if (!bytes)
      ADD_FAILURE() << llvm::toString(bytes.takeError());
    else
      EXPECT_TRUE(result.ParseFromString(*bytes));
    return result;
  }
  std::string error(llvm::StringRef text) {
    llvm::Expected<std::string> bytes = exportText(text);
    return bytes ? "no error" : llvm::toString(bytes.takeError());
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

/// A function @main of one op on a value "x".
std::string oneOp(llvm::StringRef op, llvm::StringRef from,
                  llvm::StringRef to) {
  return ("func.func @main(%x: " + from + " {nn.name = \"x\"}) -> (" + to +
          " {nn.name = \"y\"}) {\n  %0 = " + op + " : (" + from + ") -> " + to +
          " loc(\"op\")\n  return %0 : " + to + "\n}\n")
      .str();
}

const onnx::AttributeProto &attribute(const onnx::NodeProto &node,
                                      llvm::StringRef name) {
  static const onnx::AttributeProto none;
  for (const onnx::AttributeProto &found : node.attribute())
    if (found.name() == name)
      return found;
  ADD_FAILURE() << node.op_type() << " has no attribute " << name.str();
  return none;
}

std::vector<int64_t> ints(const onnx::NodeProto &node, llvm::StringRef name) {
  const auto &values = attribute(node, name).ints();
  return {values.begin(), values.end()};
}

/// The values of the initializer that `node` reads as its `index`-th input.
template <typename T>
std::vector<T> values(const onnx::ModelProto &model,
                      const onnx::NodeProto &node, int index) {
  for (const onnx::TensorProto &tensor : model.graph().initializer()) {
    if (index >= node.input_size() || tensor.name() != node.input(index))
      continue;
    std::vector<T> result(tensor.raw_data().size() / sizeof(T));
    std::memcpy(result.data(), tensor.raw_data().data(),
                tensor.raw_data().size());
    return result;
  }
  ADD_FAILURE() << node.op_type() << " has no constant input " << index;
  return {};
}

std::vector<std::string> types(const onnx::ModelProto &model) {
  std::vector<std::string> result;
  for (const onnx::NodeProto &node : model.graph().node())
    result.push_back(node.op_type());
  return result;
}
} // namespace

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

static const char *kFused = R"(
func.func @main(%x: tensor<1x1x4xf32> {nn.name = "x"}) -> (tensor<1x1x4xf32> {nn.name = "y"}) {
  %w = nn.constant dense<2.0> : tensor<1x1x1xf32> -> tensor<1x1x1xf32> loc("w")
  %0 = nn.conv %x, %w residual %x {clamp_min = 0.0 : f32, CLAMP
    dilations = array<i64: 1>, groups = 1 : i64, pads = array<i64: 0, 0>,
    strides = array<i64: 1>}
    : (tensor<1x1x4xf32>, tensor<1x1x1xf32>, tensor<1x1x4xf32>) -> tensor<1x1x4xf32>
    loc(fused["conv", "norm", "sum", "act"])
  return %0 : tensor<1x1x4xf32>
})";

static std::string fused(llvm::StringRef clamp) {
  std::string text = kFused;
  text.replace(text.find("CLAMP"), 5, clamp.str());
  return text;
}

TEST_F(Export, TakesFusedOpsApart) {
  onnx::ModelProto result = model(fused("clamp_max = 6.0 : f32,"));
  EXPECT_EQ(result.opset_import(0).version(), 19);
  const onnx::GraphProto &graph = result.graph();
  ASSERT_EQ(graph.input_size(), 1);
  EXPECT_EQ(graph.input(0).name(), "x");
  ASSERT_EQ(graph.output_size(), 1);
  EXPECT_EQ(graph.output(0).name(), "y");
  ASSERT_THAT(types(result), ElementsAre("Conv", "Add", "Clip"));
  EXPECT_EQ(graph.node(0).name(), "conv+norm");
  EXPECT_EQ(graph.node(1).name(), "sum");
  EXPECT_EQ(graph.node(2).name(), "act");
  EXPECT_THAT(graph.node(0).input(), ElementsAre("x", "w"));
  EXPECT_THAT(graph.node(1).input(), ElementsAre(graph.node(0).output(0), "x"));
  EXPECT_EQ(graph.node(2).input(0), graph.node(1).output(0));
  EXPECT_THAT(graph.node(2).output(), ElementsAre("y"));
  EXPECT_THAT(values<float>(result, graph.node(2), 1), ElementsAre(0.0f));
  EXPECT_THAT(values<float>(result, graph.node(2), 2), ElementsAre(6.0f));
  EXPECT_THAT(values<float>(result, graph.node(0), 1), ElementsAre(2.0f));
}

TEST_F(Export, AClampAtZeroIsARelu) {
  EXPECT_THAT(types(model(fused(""))), ElementsAre("Conv", "Add", "Relu"));
}

TEST_F(Export, IsDeterministic) {
  std::string text = fused("clamp_max = 6.0 : f32,");
  EXPECT_EQ(llvm::cantFail(exportText(text)), llvm::cantFail(exportText(text)));
}

TEST_F(Export, MakesNamesUnique) {
  onnx::ModelProto result = model(R"(
    func.func @main(%x: tensor<2xf32> {nn.name = "a"}) -> (tensor<2xf32> {nn.name = "a"}) {
      %0 = nn.relu %x : (tensor<2xf32>) -> tensor<2xf32> loc("a")
      %1 = nn.sigmoid %0 : (tensor<2xf32>) -> tensor<2xf32> loc("a")
      return %1 : tensor<2xf32>
    })");
  std::set<std::string> nodes, values = {result.graph().input(0).name()};
  for (const onnx::NodeProto &node : result.graph().node()) {
    EXPECT_TRUE(nodes.insert(node.name()).second) << node.name();
    EXPECT_TRUE(values.insert(node.output(0)).second) << node.output(0);
  }
  EXPECT_EQ(nodes.size(), 2u);
  EXPECT_EQ(result.graph().input(0).name(), "a");
  EXPECT_EQ(result.graph().output(0).name(), "a:1");
}

TEST_F(Export, NamesWhatIsReturnedTwice) {
  onnx::ModelProto result = model(R"(
    func.func @main(%x: tensor<2xf32> {nn.name = "x"})
        -> (tensor<2xf32> {nn.name = "y"}, tensor<2xf32> {nn.name = "z"}) {
      %0 = nn.relu %x : (tensor<2xf32>) -> tensor<2xf32> loc("op")
      return %0, %0 : tensor<2xf32>, tensor<2xf32>
    })");
  ASSERT_THAT(types(result), ElementsAre("Relu", "Identity"));
  EXPECT_EQ(result.graph().node(0).output(0), "y");
  EXPECT_EQ(result.graph().node(1).output(0), "z");
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

TEST_F(Export, SiluIsTwoOps) {
  onnx::ModelProto result =
      model(oneOp("nn.silu %x", "tensor<1x4x9xf32>", "tensor<1x4x9xf32>"));
  ASSERT_THAT(types(result), ElementsAre("Sigmoid", "Mul"));
  const onnx::NodeProto &product = result.graph().node(1);
  EXPECT_THAT(product.input(),
              ElementsAre("x", result.graph().node(0).output(0)));
  EXPECT_THAT(product.output(), ElementsAre("y"));
}

TEST_F(Export, OpsOfOneOperand) {
  struct Case {
    const char *op, *type;
  } cases[] = {
      {"nn.relu %x", "Relu"},
      {"nn.sigmoid %x", "Sigmoid"},
      {"nn.hard_swish %x", "HardSwish"},
      {"nn.clip %x {maximum = 6.0 : f32}", "Clip"},
      {"nn.leaky_relu %x {alpha = 0.5 : f32}", "LeakyRelu"},
      {"nn.hard_sigmoid %x {alpha = 0.5 : f32, beta = 0.5 : f32}",
       "HardSigmoid"},
      {"nn.softmax %x {axis = 1 : i64}", "Softmax"},
      {"nn.reshape %x", "Reshape"},
      {"nn.transpose %x {perm = array<i64: 0, 1, 2>}", "Transpose"},
  };
  for (const Case &c : cases) {
    SCOPED_TRACE(c.op);
    onnx::ModelProto result =
        model(oneOp(c.op, "tensor<1x4x9xf32>", "tensor<1x4x9xf32>"));
    ASSERT_THAT(types(result), ElementsAre(c.type));
    const onnx::NodeProto &node = result.graph().node(0);
    EXPECT_EQ(node.name(), "op");
    EXPECT_EQ(node.input(0), "x");
    EXPECT_THAT(node.output(), ElementsAre("y"));
  }
}

TEST_F(Export, AbsentBoundsOfAClip) {
  onnx::ModelProto result = model(oneOp("nn.clip %x {maximum = 6.0 : f32}",
                                        "tensor<2xf32>", "tensor<2xf32>"));
  const onnx::NodeProto &node = result.graph().node(0);
  ASSERT_EQ(node.input_size(), 3);
  EXPECT_EQ(node.input(1), "");
  EXPECT_THAT(values<float>(result, node, 2), ElementsAre(6.0f));
}

static std::string pool(llvm::StringRef kernel, llvm::StringRef to) {
  return oneOp(("nn.max_pool %x {ceil_mode = true, dilations = array<i64: 1>,"
                " kernel = array<i64: " +
                kernel + ">, pads = array<i64: 0, 0>, strides = array<i64: 3>}")
                   .str(),
               "tensor<1x1x9xf32>", to);
}

TEST_F(Export, RoundsUpOnlyWhereThatAddsAPosition) {
  // Positions 0, 3 and 6; one at 9 would begin behind the input.
  onnx::ModelProto vain = model(pool("1", "tensor<1x1x3xf32>"));
  EXPECT_EQ(attribute(vain.graph().node(0), "ceil_mode").i(), 0);
  // Positions 0 to 4, 3 to 7 and, rounded up, 6 to 10.
  onnx::ModelProto used = model(pool("5", "tensor<1x1x3xf32>"));
  EXPECT_EQ(attribute(used.graph().node(0), "ceil_mode").i(), 1);
  EXPECT_THAT(ints(used.graph().node(0), "kernel_shape"), ElementsAre(5));
  EXPECT_THAT(ints(used.graph().node(0), "strides"), ElementsAre(3));
}

TEST_F(Export, SlicesBackwards) {
  onnx::ModelProto result =
      model(oneOp("nn.slice %x {sizes = array<i64: 4>, starts = array<i64: 3>, "
                  "steps = array<i64: -1>}",
                  "tensor<4xf32>", "tensor<4xf32>"));
  ASSERT_THAT(types(result), ElementsAre("Slice"));
  const onnx::NodeProto &node = result.graph().node(0);
  EXPECT_THAT(values<int64_t>(result, node, 1), ElementsAre(3));
  // -1 would be the last element.
  EXPECT_THAT(values<int64_t>(result, node, 2), ElementsAre(-5));
  EXPECT_THAT(values<int64_t>(result, node, 4), ElementsAre(-1));
}

//===----------------------------------------------------------------------===//
// Casts
//===----------------------------------------------------------------------===//

static std::string castPair(llvm::StringRef type) {
  std::string quantized = ("tensor<2x!quant.uniform<" + type + ">>").str();
  return "func.func @main(%x: tensor<2xf32> {nn.name = \"x\"}) -> "
         "(tensor<2xf32> {nn.name = \"y\"}) {\n"
         "  %q = quant.qcast %x : tensor<2xf32> to " +
         quantized + " loc(\"x\")\n  %d = quant.dcast %q : " + quantized +
         " to tensor<2xf32> loc(\"x\")\n  return %d : tensor<2xf32>\n}\n";
}

TEST_F(Export, EightBits) {
  onnx::ModelProto result = model(castPair("i8:f32, 0.5:3"));
  ASSERT_THAT(types(result), ElementsAre("QuantizeLinear", "DequantizeLinear"));
  for (const onnx::NodeProto &node : result.graph().node()) {
    EXPECT_THAT(values<float>(result, node, 1), ElementsAre(0.5f));
    EXPECT_THAT(values<int8_t>(result, node, 2), ElementsAre(3));
  }
}

TEST_F(Export, FewerBitsSaturateInAClip) {
  onnx::ModelProto result = model(castPair("i8<-8:7>:f32, 0.5:-8"));
  ASSERT_THAT(types(result),
              ElementsAre("Clip", "QuantizeLinear", "DequantizeLinear"));
  const onnx::NodeProto &clip = result.graph().node(0);
  EXPECT_THAT(values<float>(result, clip, 1), ElementsAre(0.0f));
  EXPECT_THAT(values<float>(result, clip, 2), ElementsAre(7.5f));
  EXPECT_EQ(result.graph().node(1).input(0), clip.output(0));
}

TEST_F(Export, WeightsWithAScaleForEachChannel) {
  onnx::ModelProto result = model(R"(
    func.func @main(%x: tensor<1x3xf32> {nn.name = "x"}) -> tensor<1x2xf32> {
      %w = nn.constant dense<[[1, 2, 3], [-4, -5, -6]]> : tensor<2x3xi8>
        -> tensor<2x3x!quant.uniform<i8:f32:0, {0.5, 0.25}>> loc("w")
      %d = quant.dcast %w : tensor<2x3x!quant.uniform<i8:f32:0, {0.5, 0.25}>>
        to tensor<2x3xf32> loc("w")
      %0 = nn.gemm %x, %d {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = false,
        trans_b = true} : (tensor<1x3xf32>, tensor<2x3xf32>) -> tensor<1x2xf32> loc("fc")
      return %0 : tensor<1x2xf32>
    })");
  ASSERT_THAT(types(result), ElementsAre("DequantizeLinear", "Gemm"));
  const onnx::NodeProto &node = result.graph().node(0);
  EXPECT_EQ(attribute(node, "axis").i(), 0);
  EXPECT_THAT(values<int8_t>(result, node, 0),
              ElementsAre(1, 2, 3, -4, -5, -6));
  EXPECT_THAT(values<float>(result, node, 1), ElementsAre(0.5f, 0.25f));
  EXPECT_THAT(values<int8_t>(result, node, 2), ElementsAre(0, 0));
  EXPECT_EQ(result.graph().node(1).input(1), node.output(0));
}

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

TEST_F(Export, RefusesInputsThatAreNotFloat) {
  EXPECT_EQ(error("func.func @main(%x: tensor<2xi32> {nn.name = \"x\"}) {\n"
                  "  return\n}\n"),
            "input 'x': expected static f32 to export");
  EXPECT_EQ(error("func.func @main(%x: tensor<?xf32> {nn.name = \"x\"}) {\n"
                  "  return\n}\n"),
            "input 'x': expected static f32 to export");
}

TEST_F(Export, RefusesOpsOfOtherDialects) {
  EXPECT_EQ(error(oneOp("\"other.op\"(%x)", "tensor<2xf32>", "tensor<2xf32>")),
            "node 'op' (other.op): expected an op that ONNX has a form for");
}

TEST_F(Export, RefusesQuantizedOps) {
  std::string type = "tensor<2x!quant.uniform<i8:f32, 0.5>>";
  std::string cast = " : tensor<2xf32> to " + type;
  EXPECT_EQ(error("func.func @main(%x: tensor<2xf32>) -> " + type +
                  " {\n  %q = quant.qcast %x" + cast +
                  "\n  %0 = nn.relu %q : (" + type + ") -> " + type +
                  " loc(\"op\")\n  return %0 : " + type + "\n}\n"),
            "node 'op' (nn.relu): expected a float op, between casts where it "
            "is quantized, to export");
  EXPECT_EQ(error("func.func @main(%x: tensor<2xf32>) -> (" + type +
                  " {nn.name = \"y\"}) {\n  %q = quant.qcast %x" + cast +
                  "\n  return %q : " + type + "\n}\n"),
            "output 'y': expected f32 to export");
}

TEST_F(Export, RefusesConstantsWithoutData) {
  const char *constant = "  %c = nn.constant dense_resource<gone> : "
                         "tensor<2xf32> -> tensor<2xf32> loc(\"c\")\n";
  const char *expected = "node 'c' (nn.constant): expected a constant of f32, "
                         "i8 or i32 with its data";
  EXPECT_EQ(
      error(std::string("func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> "
                        "{\n") +
            constant +
            "  %0 = nn.add %x, %c : (tensor<2xf32>, tensor<2xf32>) -> "
            "tensor<2xf32>\n  return %0 : tensor<2xf32>\n}\n"),
      expected);
  EXPECT_EQ(error(std::string("func.func @main() -> tensor<2xf32> {\n") +
                  constant + "  return %c : tensor<2xf32>\n}\n"),
            expected);
}

TEST_F(Export, RefusesSeveralBlocks) {
  EXPECT_EQ(error("func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {\n"
                  "  \"other.br\"()[^next] : () -> ()\n^next:\n  return %x : "
                  "tensor<2xf32>\n}\n"),
            "expected a function with one block, to export");
}

TEST_F(Export, NamesTheFileThatCannotBeWritten) {
  module = mlir::parseSourceString<mlir::ModuleOp>(
      oneOp("nn.relu %x", "tensor<2xf32>", "tensor<2xf32>"), &context);
  ASSERT_TRUE(module);
  llvm::Error failure =
      exportOnnx(*module->getOps<mlir::func::FuncOp>().begin(),
                 "/nonexistent/folder/model.onnx");
  std::string text = llvm::toString(std::move(failure));
  EXPECT_THAT(text, HasSubstr("/nonexistent/folder/model.onnx"));
  EXPECT_EQ(text.find('\n'), std::string::npos) << text;
}
