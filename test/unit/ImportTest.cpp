//===- ImportTest.cpp - Cutting weights, host tensors, window sizes -------===//

#include "lib/Import/HostTensor.h"
#include "lib/Import/WireFormat.h"

#include "accopt/Import/Import.h"
#include "dialects/NN/NNConstants.h"
#include "dialects/NN/NNShapeInference.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/MLIRContext.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "onnx/onnx_pb.h"

using namespace accopt;
using namespace accopt::importer;

namespace {

std::string pattern(size_t size, char first) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<char>(first + i);
  return bytes;
}

/// Two initializers, the second one small, and a node with a large tensor in
/// its second attribute.
onnx::ModelProto makeModel() {
  onnx::ModelProto model;
  model.set_ir_version(8);
  onnx::GraphProto &graph = *model.mutable_graph();
  onnx::TensorProto &large = *graph.add_initializer();
  large.set_name("large");
  large.set_raw_data(pattern(cutThreshold, 1));
  onnx::TensorProto &small = *graph.add_initializer();
  small.set_name("small");
  small.set_raw_data(pattern(cutThreshold - 1, 2));
  graph.add_node()->set_op_type("Relu");
  onnx::NodeProto &node = *graph.add_node();
  node.set_op_type("Constant");
  node.add_attribute()->set_name("other");
  onnx::AttributeProto &attribute = *node.add_attribute();
  attribute.set_name("value");
  attribute.mutable_t()->set_raw_data(pattern(3 * cutThreshold, 3));
  return model;
}

TEST(WireFormat, CutsLargeTensorsOnly) {
  std::string bytes = makeModel().SerializeAsString();
  llvm::Expected<CutModel> cut = cutWeights(bytes);
  ASSERT_TRUE(static_cast<bool>(cut));
  ASSERT_EQ(cut->initializers.size(), 1u);
  EXPECT_EQ(cut->initializers.lookup(0), pattern(cutThreshold, 1));
  ASSERT_EQ(cut->attributes.size(), 1u);
  EXPECT_EQ(cut->attributes.lookup({1, 1}), pattern(3 * cutThreshold, 3));
  // The spans lie in the serialized bytes: nothing was copied.
  EXPECT_GE(cut->initializers.lookup(0).data(), bytes.data());
  EXPECT_LT(cut->initializers.lookup(0).data(), bytes.data() + bytes.size());

  onnx::ModelProto expected = makeModel(), parsed;
  expected.mutable_graph()->mutable_initializer(0)->clear_raw_data();
  expected.mutable_graph()
      ->mutable_node(1)
      ->mutable_attribute(1)
      ->mutable_t()
      ->clear_raw_data();
  ASSERT_TRUE(parsed.ParseFromString(cut->skeleton));
  EXPECT_EQ(parsed.SerializeAsString(), expected.SerializeAsString());
}

TEST(WireFormat, LastDataOfATensorCounts) {
  onnx::TensorProto first, second;
  first.set_raw_data(pattern(cutThreshold, 1));
  second.set_raw_data("short");
  std::string tensor = first.SerializeAsString() + second.SerializeAsString();
  std::string graph = "\x2a"; // Field 5, length-delimited.
  graph += static_cast<char>(0x80 | (tensor.size() & 0x7f));
  graph += static_cast<char>(tensor.size() >> 7);
  graph += tensor;
  std::string model = "\x3a"; // Field 7, length-delimited.
  model += static_cast<char>(0x80 | (graph.size() & 0x7f));
  model += static_cast<char>(graph.size() >> 7);
  model += graph;
  llvm::Expected<CutModel> cut = cutWeights(model);
  ASSERT_TRUE(static_cast<bool>(cut));
  EXPECT_TRUE(cut->initializers.empty());
  onnx::ModelProto parsed;
  ASSERT_TRUE(parsed.ParseFromString(cut->skeleton));
  EXPECT_EQ(parsed.graph().initializer(0).raw_data(), "short");
}

TEST(WireFormat, AgreesWithProtobufOnEveryTruncation) {
  std::string bytes = makeModel().SerializeAsString();
  for (size_t size = 0; size <= bytes.size(); size += 7) {
    llvm::StringRef part(bytes.data(), size);
    llvm::Expected<CutModel> cut = cutWeights(part);
    onnx::ModelProto parsed;
    bool whole = parsed.ParseFromArray(part.data(), static_cast<int>(size));
    EXPECT_EQ(static_cast<bool>(cut), whole) << size << " bytes";
    llvm::consumeError(cut.takeError());
  }
}

TEST(HostTensor, KeepsEveryIntegerType) {
  mlir::MLIRContext context;
  auto check = [&](unsigned width, mlir::IntegerType::SignednessSemantics sign,
                   llvm::ArrayRef<int64_t> values) {
    mlir::Type type = mlir::IntegerType::get(&context, width, sign);
    HostTensor tensor =
        HostTensor::ofInts(type, {static_cast<int64_t>(values.size())}, values);
    std::optional<HostTensor> back = toHost(toAttribute(tensor));
    ASSERT_TRUE(back.has_value());
    EXPECT_THAT(back->ints,
                testing::ElementsAreArray(values.begin(), values.end()));
  };
  check(64, mlir::IntegerType::Signless, {INT64_MIN, -1, 0, INT64_MAX});
  check(32, mlir::IntegerType::Signless, {INT32_MIN, -1, INT32_MAX});
  check(8, mlir::IntegerType::Signless, {-128, 127});
  check(8, mlir::IntegerType::Unsigned, {0, 128, 255});
  check(1, mlir::IntegerType::Signless, {1, 0, 1});
}

TEST(ShapeInference, WindowSizes) {
  using nn::windowOutputSize;
  // (8 + 1 + 1 - 3) / 2 + 1, rounded down.
  EXPECT_EQ(windowOutputSize({8, 3, 2, 1, 1, 1}), 4);
  // Dilation 2 makes the kernel reach 5: 8 - 5 + 1.
  EXPECT_EQ(windowOutputSize({8, 3, 1, 0, 0, 2}), 4);
  // Rounded up, the last window starts at 6 and is cut short ...
  EXPECT_EQ(windowOutputSize({8, 3, 2, 0, 0, 1, true}), 4);
  // ... but none starts in the end padding, as one at 9 would.
  EXPECT_EQ(windowOutputSize({7, 2, 3, 0, 2, 1, true}), 3);
  EXPECT_EQ(windowOutputSize({2, 3, 1, 0, 0, 1}), std::nullopt);
  EXPECT_EQ(windowOutputSize({8, 3, 0, 0, 0, 1}), std::nullopt);
  EXPECT_EQ(windowOutputSize({8, 3, 1, -1, 0, 1}), std::nullopt);
  EXPECT_EQ(windowOutputSize({INT64_MAX, 1, 1, 0, 0, 1}), std::nullopt);
}

TEST(ShapeInference, ElementCounts) {
  EXPECT_EQ(nn::checkedElementCount({}), 1);
  EXPECT_EQ(nn::checkedElementCount({3, 0, int64_t(1) << 20}), 0);
  // Without the zero there would be too many, in whatever order they come.
  int64_t many = int64_t(1) << 40;
  EXPECT_EQ(nn::checkedElementCount({0, many, many}), std::nullopt);
  EXPECT_EQ(nn::checkedElementCount({many, many, 0}), std::nullopt);
  EXPECT_EQ(nn::checkedElementCount({int64_t(1) << 21, 1 << 20}), std::nullopt);
  EXPECT_EQ(nn::checkedElementCount({-1}), std::nullopt);
}

TEST(Constants, ReshapeSharesTheBlob) {
  mlir::MLIRContext context;
  auto type =
      mlir::RankedTensorType::get({2, 3}, mlir::Float32Type::get(&context));
  static const float values[] = {1, 2, 3, 4, 5, 6};
  mlir::AsmResourceBlob blob =
      mlir::UnmanagedAsmResourceBlob::allocateInferAlign(
          llvm::ArrayRef<float>(values));
  auto resource =
      mlir::DenseResourceElementsAttr::get(type, "w", std::move(blob));
  mlir::ElementsAttr reshaped = nn::reshapeElements(resource, {6});
  EXPECT_EQ(nn::readElements(reshaped)->bytes.data(),
            reinterpret_cast<const char *>(values));
  EXPECT_THAT(*nn::readFloats(reshaped), testing::ElementsAreArray(values));
  EXPECT_EQ(nn::readFloats(reshaped, /*limit=*/5), std::nullopt);
}

TEST(SupportedOps, AreSortedAndExplained) {
  llvm::ArrayRef<SupportedOp> ops = supportedOps();
  ASSERT_FALSE(ops.empty());
  for (size_t i = 0; i < ops.size(); ++i) {
    EXPECT_FALSE(ops[i].note.empty()) << ops[i].name.str();
    if (i > 0)
      EXPECT_LT(ops[i - 1].name.str(), ops[i].name.str());
  }
}

} // namespace
