//===- ChannelGroupsNetwork.h - Random networks to prune --------*- C++ -*-===//
//
// Grows an nn function op by op from a seed: convolutions of every grouping,
// normalizations, residual sums, concatenations, slices, channel shuffles,
// squeeze-and-excite, layers on transposed data, products of two activations.
// Values keep one spatial size, so that any two can be combined.
//
//===----------------------------------------------------------------------===//

#ifndef ACCOPT_TEST_UNIT_CHANNELGROUPSNETWORK_H
#define ACCOPT_TEST_UNIT_CHANNELGROUPSNETWORK_H

#include "dialects/NN/NNOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

#include <cmath>
#include <random>
#include <vector>

namespace accopt::test {

class RandomNetwork {
public:
  RandomNetwork(mlir::MLIRContext &context, unsigned seed)
      : builder(&context), loc(builder.getUnknownLoc()), generator(seed) {}

  mlir::OwningOpRef<mlir::ModuleOp> grow(int numSteps) {
    mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(loc);
    builder.setInsertionPointToStart(module->getBody());
    auto function = mlir::func::FuncOp::create(
        builder, loc, "main",
        builder.getFunctionType({tensor({1, 3, side, side})}, {}));
    builder.setInsertionPointToStart(function.addEntryBlock());
    pool = {conv(function.getArgument(0), pick({6, 8, 12}), 3, 1)};
    for (int i = 0; i < numSteps; ++i)
      step();
    mlir::SmallVector<mlir::Value> results{classify(pool.back())};
    if (chance(0.5))
      results.push_back(classify(any()));
    if (chance(0.1))
      results.push_back(any());
    mlir::func::ReturnOp::create(builder, loc, results);
    function.setType(builder.getFunctionType(function.getArgumentTypes(),
                                             mlir::TypeRange(results)));
    return module;
  }

private:
  using Value = mlir::Value;
  using Shape = llvm::ArrayRef<int64_t>;
  static constexpr int64_t side = 4;
  static constexpr int64_t maxChannels = 48;

  int64_t below(int64_t bound) { return int64_t(generator() % bound); }
  bool chance(double p) { return double(generator() % 1000) < p * 1000; }
  int64_t pick(std::vector<int64_t> list) { return list[below(list.size())]; }
  Value any() { return pool[below(pool.size())]; }
  mlir::RankedTensorType tensor(Shape shape) {
    return mlir::RankedTensorType::get(shape, builder.getF32Type());
  }
  static Shape shapeOf(Value value) {
    return llvm::cast<mlir::RankedTensorType>(value.getType()).getShape();
  }
  static int64_t channels(Value value) { return shapeOf(value)[1]; }

  Value constant(Shape shape, float low, float high) {
    std::uniform_real_distribution<float> uniform(low, high);
    auto type = tensor(shape);
    std::vector<float> values(type.getNumElements());
    for (float &value : values)
      value = uniform(generator);
    return nn::ConstantOp::create(
        builder, loc, type,
        mlir::DenseElementsAttr::get(type, llvm::ArrayRef<float>(values)));
  }
  /// Weights; now and then some that another op has already, or a transposed
  /// constant.
  Value weights(Shape shape) {
    for (Value old : shared)
      if (shapeOf(old) == shape && chance(0.3))
        return old;
    int64_t fanIn = 1;
    for (int64_t size : shape.drop_front())
      fanIn *= size;
    float bound = 1.5f / std::sqrt(float(fanIn));
    Value value;
    if (chance(0.1)) {
      llvm::SmallVector<int64_t> swapped(shape), perm(shape.size());
      for (size_t i = 0; i < perm.size(); ++i)
        perm[i] = int64_t(i);
      std::swap(swapped[0], swapped[1]);
      std::swap(perm[0], perm[1]);
      value = nn::TransposeOp::create(builder, loc,
                                      constant(swapped, -bound, bound), perm);
    } else {
      value = constant(shape, -bound, bound);
    }
    shared.push_back(value);
    return value;
  }

  Value conv(Value x, int64_t outputs, int64_t kernel, int64_t groups,
             Value residual = nullptr) {
    Value w = weights({outputs, channels(x) / groups, kernel, kernel});
    Value bias = chance(0.6) ? constant({outputs}, -0.5f, 0.5f) : Value();
    int64_t pad = kernel / 2;
    llvm::SmallVector<int64_t> ones(2, 1), pads(4, pad);
    mlir::FloatAttr low, high;
    if (chance(0.2))
      low = builder.getF32FloatAttr(chance(0.5) ? 0.0f : 0.1f);
    if (low && chance(0.5))
      high = builder.getF32FloatAttr(1.0f);
    return nn::ConvOp::create(
        builder, loc, x, w, bias, residual, builder.getDenseI64ArrayAttr(ones),
        builder.getDenseI64ArrayAttr(pads), builder.getDenseI64ArrayAttr(ones),
        builder.getI64IntegerAttr(groups), low, high);
  }
  Value norm(Value x) {
    int64_t c = channels(x);
    return nn::BatchNormOp::create(
        builder, loc, x, constant({c}, 0.5f, 1.5f), constant({c}, -0.5f, 0.5f),
        constant({c}, -0.5f, 0.5f), constant({c}, 0.5f, 2.0f),
        builder.getF32FloatAttr(1e-5f));
  }
  Value activation(Value x) {
    auto f32 = [&](float value) { return builder.getF32FloatAttr(value); };
    switch (below(7)) {
    case 0:
      return nn::LeakyReluOp::create(builder, loc, x, f32(0.1f));
    case 1:
      return nn::SigmoidOp::create(builder, loc, x);
    case 2:
      return nn::HardSigmoidOp::create(builder, loc, x, f32(0.2f), f32(0.5f));
    case 3:
      return nn::HardSwishOp::create(builder, loc, x);
    case 4:
      return nn::ClipOp::create(builder, loc, x, f32(0.25f), f32(2.0f));
    default:
      return nn::ReluOp::create(builder, loc, x);
    }
  }
  Value binary(Value a, Value b, int64_t kind) {
    switch (kind) {
    case 0:
      return nn::SubOp::create(builder, loc, a, b, mlir::FloatAttr(),
                               mlir::FloatAttr());
    case 1:
      return nn::MulOp::create(builder, loc, a, b, mlir::FloatAttr(),
                               mlir::FloatAttr());
    case 2:
      return nn::DivOp::create(builder, loc, a, b, mlir::FloatAttr(),
                               mlir::FloatAttr());
    default:
      return nn::AddOp::create(builder, loc, a, b, mlir::FloatAttr(),
                               mlir::FloatAttr());
    }
  }
  /// A value of the shape of `x`: an old one, or one made for it.
  Value partner(Value x) {
    for (Value value : pool)
      if (value != x && value.getType() == x.getType() && chance(0.5))
        return value;
    return conv(any(), channels(x), 1, 1);
  }
  Value reshape(Value x, Shape shape) {
    return nn::ReshapeOp::create(builder, loc, tensor(shape), x);
  }
  Value transpose(Value x, llvm::ArrayRef<int64_t> perm) {
    return nn::TransposeOp::create(builder, loc, x, perm);
  }
  Value sliceChannels(Value x, int64_t start, int64_t size, int64_t step) {
    llvm::SmallVector<int64_t> starts(4, 0), sizes(shapeOf(x)), steps(4, 1);
    starts[1] = start, sizes[1] = size, steps[1] = step;
    return nn::SliceOp::create(builder, loc, x, starts, sizes, steps);
  }

  Value constantOperand(Value x) {
    int64_t c = channels(x);
    switch (below(5)) {
    case 0:
      return constant({}, 0.5f, 1.5f);
    case 1:
      return constant({1, c, 1, 1}, 0.5f, 1.5f);
    case 2:
      return constant({side, side}, 0.5f, 1.5f);
    case 3:
      return constant({1, c, side, side}, 0.5f, 1.5f);
    default:
      return constant({c, 1, 1}, 0.5f, 1.5f);
    }
  }
  Value groupedConv(Value x) {
    for (int64_t groups : {pick({2, 3, 4, 6}), int64_t(2)})
      if (channels(x) % groups == 0)
        return conv(x, groups * pick({1, 2, 3, 4}), pick({1, 3}), groups);
    return conv(x, pick({6, 8}), 1, 1);
  }
  Value slice(Value x) {
    int64_t c = channels(x);
    switch (below(4)) {
    case 0: // Both halves, the other way around.
      return concat({sliceChannels(x, c / 2, c - c / 2, 1),
                     activation(sliceChannels(x, 0, c / 2, 1))});
    case 1:
      return sliceChannels(x, c - 1, c, -1);
    case 2:
      return sliceChannels(x, below(2), (c - 1) / 2, 2);
    default:
      return sliceChannels(x, below(c / 2), c / 2, 1);
    }
  }
  Value concat(llvm::ArrayRef<Value> values) {
    return nn::ConcatOp::create(builder, loc, mlir::ValueRange(values),
                                builder.getI64IntegerAttr(1));
  }
  Value shuffle(Value x) {
    int64_t c = channels(x), groups = pick({2, 3});
    if (c % groups != 0)
      return activation(x);
    Value split = reshape(x, {1, groups, c / groups, side, side});
    return reshape(transpose(split, {0, 2, 1, 3, 4}), {1, c, side, side});
  }
  Value mean(Value x, bool keepDims) {
    return nn::ReduceMeanOp::create(builder, loc, x,
                                    llvm::ArrayRef<int64_t>{2, 3}, keepDims);
  }
  Value squeezeExcite(Value x) {
    Value gate = nn::ReluOp::create(builder, loc, conv(mean(x, true), 4, 1, 1));
    gate = nn::SigmoidOp::create(builder, loc, conv(gate, channels(x), 1, 1));
    return binary(x, gate, 1);
  }
  Value pool2d(Value x) {
    llvm::SmallVector<int64_t> ones(2, 1), kernel(2, 3), pads(4, 1);
    if (chance(0.5))
      return nn::MaxPoolOp::create(builder, loc, x, kernel, ones, pads, ones,
                                   false);
    return nn::AveragePoolOp::create(builder, loc, x, kernel, ones, pads, ones,
                                     false, chance(0.5));
  }
  /// A product with constant weights on channels that come last.
  Value channelsLast(Value x) {
    int64_t outputs = pick({6, 8, 12});
    Value last = transpose(x, {0, 2, 3, 1});
    if (chance(0.5))
      last = reshape(last, {1, side * side, channels(x)});
    Value y = nn::MatMulOp::create(builder, loc, last,
                                   weights({channels(x), outputs}));
    if (chance(0.5))
      y = binary(y, constant({outputs}, -1, 1), 3);
    y = activation(y);
    return transpose(reshape(y, {1, side, side, outputs}), {0, 3, 1, 2});
  }
  /// Attention without heads: positions weigh positions.
  Value attention(Value x) {
    int64_t positions = side * side;
    Value a = partner(x);
    // What both factors make of zero decides whether channels can be removed.
    if (chance(0.6)) {
      x = activation(conv(x, 6, 1, 1));
      a = activation(conv(any(), 6, 1, 1));
    }
    Value query = transpose(reshape(x, {1, channels(x), positions}), {0, 2, 1});
    Value key = reshape(a, {1, channels(x), positions});
    Value scores = nn::MatMulOp::create(builder, loc, query, key);
    // Softmax would hide a constant that is missing from all scores.
    if (chance(0.5))
      scores = nn::SoftmaxOp::create(builder, loc, scores,
                                     builder.getI64IntegerAttr(2));
    Value source = any();
    Value y = nn::MatMulOp::create(
        builder, loc, reshape(source, {1, channels(source), positions}),
        scores);
    return reshape(y, {1, channels(source), side, side});
  }
  Value padChannels(Value x) {
    llvm::SmallVector<int64_t> pads(8, 0);
    pads[1] = below(3), pads[5] = below(4);
    return nn::PadOp::create(builder, loc, x,
                             builder.getDenseI64ArrayAttr(pads),
                             builder.getStringAttr("constant"),
                             builder.getF32FloatAttr(chance(0.5) ? 0.f : 1.f));
  }

  Value stepFrom(Value x) {
    switch (below(20)) {
    case 0:
    case 1:
    case 2:
      return conv(x, pick({6, 8, 12}), pick({1, 3}), 1);
    case 3:
      return groupedConv(x);
    case 4:
      return conv(x, channels(x) * pick({1, 1, 2}), 3, channels(x));
    case 5:
      return norm(x);
    case 6:
    case 7:
      return activation(x);
    case 8:
      return binary(x, partner(x), pick({0, 1, 3, 3}));
    case 9:
      return binary(x, constantOperand(x), below(4));
    case 10:
      return concat({x, any()});
    case 11:
      return slice(x);
    case 12:
      return shuffle(x);
    case 13:
      return squeezeExcite(x);
    case 14:
      return pool2d(x);
    case 15:
      return channelsLast(x);
    case 16:
      return attention(x);
    case 17:
      return padChannels(x);
    case 18: {
      Value residual = partner(x);
      return conv(any(), channels(x), 3, 1, residual);
    }
    default:
      // What mixes channels without weights, now and then.
      if (chance(0.3))
        return nn::LrnOp::create(builder, loc, x, builder.getF32FloatAttr(0.1f),
                                 builder.getF32FloatAttr(0.75f),
                                 builder.getF32FloatAttr(1.0f),
                                 builder.getI64IntegerAttr(3));
      return norm(conv(x, pick({8, 12}), 3, 1));
    }
  }
  void step() {
    // Mostly from the last value, so that the network is deep.
    Value x = stepFrom(chance(0.7) ? pool.back() : any());
    if (channels(x) > maxChannels || channels(x) < 2)
      x = conv(x, pick({6, 8, 12}), 1, 1);
    pool.push_back(x);
  }

  Value gemm(Value x, int64_t outputs) {
    bool transB = chance(0.5);
    int64_t inputs = shapeOf(x)[1];
    Value w = transB ? weights({outputs, inputs}) : weights({inputs, outputs});
    Value bias = chance(0.7) ? constant({outputs}, -0.5f, 0.5f) : Value();
    return nn::GemmOp::create(
        builder, loc, x, w, bias, Value(), builder.getF32FloatAttr(1.0f),
        builder.getF32FloatAttr(0.5f), builder.getBoolAttr(false),
        builder.getBoolAttr(transB), mlir::FloatAttr(), mlir::FloatAttr());
  }
  Value classify(Value x) {
    int64_t c = channels(x);
    switch (below(3)) {
    case 0:
      x = mean(x, false);
      break;
    case 1:
      x = reshape(x, {1, c * side * side});
      break;
    default:
      x = reshape(transpose(x, {0, 2, 3, 1}), {1, c * side * side});
    }
    if (chance(0.5))
      x = activation(gemm(x, 10));
    return gemm(x, 5);
  }

  mlir::OpBuilder builder;
  mlir::Location loc;
  std::mt19937 generator;
  std::vector<Value> pool, shared;
};

} // namespace accopt::test

#endif // ACCOPT_TEST_UNIT_CHANNELGROUPSNETWORK_H
