//===- RandomNetwork.h - Networks to compile, for tests ---------*- C++ -*-===//

#ifndef ACCOPT_TEST_UNIT_RANDOMNETWORK_H
#define ACCOPT_TEST_UNIT_RANDOMNETWORK_H

#include "llvm/ADT/StringExtras.h"

#include <random>
#include <string>
#include <vector>

namespace accopt::test {

/// A random network as MLIR text, with random weights: convolutions with all
/// that fuses with them, residuals and a head; if it is `varied`, also pools,
/// concatenations, and functions of the host between them.
class RandomNetwork {
public:
  explicit RandomNetwork(unsigned seed, bool isVaried = false)
      : random(seed), isVaried(isVaried) {}

  std::string make() {
    size = 4 + int(random() % (isVaried ? 40 : 12));
    channels = 1 + int(random() % 5);
    std::string argument = type({1, channels, size, size});
    value = "%x";
    setShape();
    for (int i = 0, count = 2 + int(random() % 5); i < count; ++i)
      addLayer();
    if (random() % 2)
      addHead();
    return "func.func @main(%x: " + argument + " {nn.name = \"x\"}) -> (" +
           shape + " {nn.name = \"y\"}) {\n" + text + "  return " + value +
           " : " + shape + "\n}\n";
  }

private:
  static std::string type(std::vector<int> dims) {
    std::string result = "tensor<";
    for (int dim : dims)
      result += std::to_string(dim) + "x";
    return result + "f32>";
  }
  std::string name() { return "%" + std::to_string(next++); }
  std::string loc(const std::string &of) {
    return " loc(\"" + of.substr(1) + "\")\n";
  }
  void emit(const std::string &result, const std::string &op) {
    text += "  " + result + " = " + op + loc("%n" + result.substr(1));
    value = result;
  }
  std::string constant(std::vector<int> dims, bool positive = false,
                       bool zero = false) {
    size_t count = 1;
    for (int dim : dims)
      count *= size_t(dim);
    std::vector<float> data(count);
    for (float &element : data) {
      element = float(random() % 2000) / 1000 - (positive ? -0.01f : 1);
      if (zero)
        element = 0;
    }
    std::string result = name();
    text += "  " + result + " = nn.constant dense<\"0x" +
            llvm::toHex(llvm::StringRef(
                reinterpret_cast<const char *>(data.data()), count * 4)) +
            "\"> : " + type(dims) + " -> " + type(dims) + "\n";
    return result;
  }
  void setShape() { shape = type({1, channels, size, size}); }

  void addConv(int outputs, int kernel, int stride, bool depthwise) {
    int groups = depthwise ? channels : 1, pad = kernel / 2;
    std::vector<int> dims = {outputs, channels / groups, kernel, kernel};
    std::string weights = constant(dims), bias;
    bool hasBias = random() % 2;
    if (hasBias)
      bias = constant({outputs});
    std::string from = value, before = type({1, channels, size, size});
    size = (size + 2 * pad - kernel) / stride + 1;
    channels = outputs;
    setShape();
    auto pair = [](int v) {
      return "array<i64: " + std::to_string(v) + ", " + std::to_string(v) + ">";
    };
    std::string p = std::to_string(pad);
    emit(name(), "nn.conv " + from + ", " + weights +
                     (hasBias ? " bias " + bias : "") + " {dilations = " +
                     pair(1) + ", groups = " + std::to_string(groups) +
                     " : i64, pads = array<i64: " + p + ", " + p + ", " + p +
                     ", " + p + ">, strides = " + pair(stride) + "} : (" +
                     before + ", " + type(dims) +
                     (hasBias ? ", " + type({outputs}) : "") + ") -> " + shape);
  }
  void addNorm() {
    std::string c = type({channels});
    bool centred = random() % 3 == 0;
    std::string scale = constant({channels}),
                shift = constant({channels}, false, centred),
                mean = constant({channels}, false, centred),
                variance = constant({channels}, true);
    emit(name(), "nn.batch_norm " + value + ", " + scale + ", " + shift + ", " +
                     mean + ", " + variance + " {epsilon = 1.0e-5 : f32} : (" +
                     shape + ", " + c + ", " + c + ", " + c + ", " + c +
                     ") -> " + shape);
  }
  void addActivation() {
    const char *ops[] = {"relu", "sigmoid", "hard_swish"};
    emit(name(), std::string("nn.") + ops[random() % 3] + " " + value + " : (" +
                     shape + ") -> " + shape);
  }
  void addPool() {
    std::string before = shape;
    int kernel = 2 + int(random() % 2), stride = 1 + int(random() % 2);
    if (size < kernel)
      return;
    size = (size - kernel) / stride + 1;
    setShape();
    auto pair = [](int v) {
      return "array<i64: " + std::to_string(v) + ", " + std::to_string(v) + ">";
    };
    emit(name(), "nn.max_pool " + value + " {ceil_mode = false, dilations = " +
                     pair(1) + ", kernel = " + pair(kernel) +
                     ", pads = array<i64: 0, 0, 0, 0>, strides = " +
                     pair(stride) + "} : (" + before + ") -> " + shape);
  }
  /// Of two convolutions of what is there, or of that and one.
  void addConcat() {
    std::string fork = value, first = value, firstShape = shape;
    int forked = channels;
    if (random() % 2) {
      addConv(16 * (1 + int(random() % 2)), 3, 1, false);
      first = value;
      firstShape = shape;
    }
    int firstChannels = channels;
    value = fork;
    channels = forked;
    setShape();
    addConv(16 * (1 + int(random() % 3)), 1, 1, false);
    std::string second = value, secondShape = shape;
    channels += firstChannels;
    setShape();
    emit(name(), "nn.concat " + first + ", " + second +
                     " {axis = 1 : i64} : (" + firstShape + ", " + secondShape +
                     ") -> " + shape);
  }
  void addSoftmax() {
    emit(name(), "nn.softmax " + value + " {axis = 1 : i64} : (" + shape +
                     ") -> " + shape);
  }
  void addLayer() {
    if (isVaried && random() % 4 == 0)
      return addPool();
    if (isVaried && random() % 4 == 0)
      return addConcat();
    if (isVaried && random() % 12 == 0)
      return addSoftmax();
    if (random() % 4 == 0)
      addNorm(); // before the convolution, which is another fold
    std::string skip = value;
    int before = channels, beforeSize = size;
    addConv(1 + int(random() % 40), random() % 2 ? 3 : 1, 1 + random() % 2,
            false);
    if (random() % 3)
      addNorm();
    if (random() % 3)
      addActivation();
    if (random() % 3 == 0)
      addConv(channels, 3, 1, true);
    if (random() % 2 && before == channels && beforeSize == size)
      emit(name(), "nn.add " + value + ", " + skip + " : (" + shape + ", " +
                       shape + ") -> " + shape);
    else if (random() % 2) {
      std::string fork = value;
      addConv(channels, 3, 1, false);
      emit(name(), "nn.add " + value + ", " + fork + " : (" + shape + ", " +
                       shape + ") -> " + shape);
    }
  }
  void addHead() {
    std::string before = shape, flat = type({1, channels * size * size});
    emit(name(), "nn.reshape " + value + " : (" + before + ") -> " + flat);
    std::vector<int> dims = {10, channels * size * size};
    std::string weights = constant(dims), bias = constant({10});
    shape = type({1, 10});
    emit(name(), "nn.gemm " + value + ", " + weights + " bias " + bias +
                     " {alpha = 1.0 : f32, beta = 1.0 : f32, trans_a = false, "
                     "trans_b = true} : (" +
                     flat + ", " + type(dims) + ", " + type({10}) + ") -> " +
                     shape);
  }

  std::mt19937 random;
  std::string text, value, shape;
  int size = 0, channels = 0, next = 0;
  bool isVaried;
};

} // namespace accopt::test

#endif // ACCOPT_TEST_UNIT_RANDOMNETWORK_H
