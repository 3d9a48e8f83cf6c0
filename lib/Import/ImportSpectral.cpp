//===- ImportSpectral.cpp - Fourier transforms, mel filters ---------------===//
//
// With lengths known, a Fourier transform is a product with a constant matrix
// of cosines and sines, which the array computes. A DFT is a matrix product
// along its axis; an STFT is a convolution of one dimension whose stride is the
// frame's step, with the window multiplied into its weights. N log N steps of a
// fast transform would all be on the host.
//
//===----------------------------------------------------------------------===//

#include "NodeImporter.h"
#include "OpTable.h"
#include "TensorReader.h"
#include "llvm/ADT/Sequence.h"

#include <cmath>
#include <numbers>
#include <string>

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

/// A matrix of a transform has at most so many elements.
static constexpr int64_t matrixLimit = int64_t(1) << 26;

namespace {
/// A transform of `length` samples, real (`inputs` 1) or complex (2).
struct Transform {
  int64_t length, inputs;
  bool inverse = false, onesided = false;

  bool isRealInverse() const { return inverse && onesided; }
  /// Bins that come out, and real numbers of each.
  int64_t bins() const {
    return onesided && !inverse ? length / 2 + 1 : length;
  }
  int64_t outputs() const { return isRealInverse() ? 1 : 2; }
  float coefficient(int64_t from, int64_t input, int64_t to,
                    int64_t output) const;
};
} // namespace

/// What part `input` (0: real, 1: imaginary) of sample `from` adds to part
/// `output` of bin `to`. Of a spectrum of which one side is given, a bin stands
/// for its conjugate on the other side, too.
float Transform::coefficient(int64_t from, int64_t input, int64_t to,
                             int64_t output) const {
  int64_t given = isRealInverse() ? length / 2 + 1 : length;
  if (from >= given)
    return 0.0f;
  // The angle modulo a turn, while it is exact.
  double angle = 2 * std::numbers::pi * double(from * to % length) /
                 static_cast<double>(length);
  double cosine = std::cos(angle),
         sine = inverse ? std::sin(angle) : -std::sin(angle);
  double value = output == input ? cosine : input == 1 ? -sine : sine;
  if (inverse)
    value /= static_cast<double>(length);
  bool hasConjugate = from != 0 && 2 * from != length;
  if (isRealInverse() && hasConjugate)
    value *= 2;
  // The imaginary parts of the first bin and of the middle one mean nothing.
  if (isRealInverse() && !hasConjugate && input == 1)
    value = 0;
  return static_cast<float>(value);
}

/// Reads input `i` as a length; `missing` where there is none.
static std::optional<int64_t> readLength(NodeImporter &node, size_t i,
                                         StringRef what, int64_t missing) {
  std::optional<int64_t> length = node.integer(i, what, missing);
  if (length && (*length < 1 || *length > INT32_MAX)) {
    (void)node.error("expected '" + what + "' in [1, 2^31), got " +
                     Twine(*length));
    return std::nullopt;
  }
  return length;
}

static LogicalResult checkMatrix(NodeImporter &node, int64_t rows,
                                 int64_t columns) {
  if (rows <= matrixLimit / columns)
    return success();
  return node.error("expected a transform of at most " + Twine(matrixLimit) +
                    " coefficients, got " + Twine(rows) + " x " +
                    Twine(columns));
}

/// The axis: an input as of opset 20, an attribute before.
static std::optional<int64_t> readDftAxis(NodeImporter &node) {
  std::optional<int64_t> axis = node.intAttr("axis", -2);
  if (node.hasInput(2))
    axis = node.integer(2, "axis", -2);
  if (axis)
    axis = node.axis(*axis, node.rank(0));
  if (axis && *axis == node.rank(0) - 1) {
    (void)node.error("expected an axis of the signal, got the last dimension");
    return std::nullopt;
  }
  return axis;
}

static std::optional<Transform> readDft(NodeImporter &node, int64_t samples) {
  Transform transform;
  transform.inputs = node.shape(0).back();
  transform.inverse = node.intAttr("inverse", 0) != 0;
  transform.onesided = node.intAttr("onesided", 0) != 0;
  if (transform.onesided && transform.inputs != (transform.inverse ? 2 : 1)) {
    (void)node.error("expected onesided = 0 for such an input, got 1");
    return std::nullopt;
  }
  std::optional<int64_t> length = readLength(
      node, 1, "dft_length",
      transform.isRealInverse() ? std::max<int64_t>(1, 2 * (samples - 1))
                                : samples);
  if (!length)
    return std::nullopt;
  transform.length = *length;
  return transform;
}

/// Samples beyond the transform's length are cut by rows of zeros, those that
/// the signal lacks have no row.
LogicalResult accopt::importer::importDft(NodeImporter &node) {
  Value input = node.operand(0);
  if (!input)
    return failure();
  int64_t rank = node.rank(0);
  if (rank < 2 || (node.shape(0).back() != 1 && node.shape(0).back() != 2))
    return node.error("expected a signal whose last dimension is 1 or 2");
  std::optional<int64_t> axis = readDftAxis(node);
  if (!axis)
    return failure();
  Shape shape(node.shape(0));
  int64_t samples = shape[*axis];
  std::optional<Transform> transform = readDft(node, samples);
  if (!transform)
    return failure();
  int64_t rows = samples * transform->inputs;
  int64_t columns = transform->bins() * transform->outputs();
  if (failed(checkMatrix(node, rows, columns)))
    return failure();
  std::vector<float> matrix;
  matrix.reserve(rows * columns);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column)
      matrix.push_back(transform->coefficient(
          row / transform->inputs, row % transform->inputs,
          column / transform->outputs(), column % transform->outputs()));

  // The axis before the parts of a number, which are one dimension then.
  Shape perm = llvm::to_vector(llvm::seq(rank));
  perm.erase(perm.begin() + *axis);
  perm.insert(perm.end() - 1, *axis);
  Shape back(rank), lines;
  for (auto [at, from] : llvm::enumerate(perm)) {
    back[from] = at;
    if (at + 2 < static_cast<size_t>(rank))
      lines.push_back(shape[from]);
  }
  Shape merged(lines), split(lines);
  merged.push_back(rows);
  split.append({transform->bins(), transform->outputs()});
  if (*axis != rank - 2)
    input = node.emit<nn::TransposeOp>(input, node.array(perm));
  input = input ? node.reshape(input, merged) : nullptr;
  if (!input)
    return failure();
  Value result = node.emit<nn::MatMulOp>(
      input, node.constant(ArrayRef<int64_t>{rows, columns}, matrix));
  result = result ? node.reshape(result, split) : nullptr;
  if (result && *axis != rank - 2)
    result = node.emit<nn::TransposeOp>(result, node.array(back));
  return node.setOutput(0, result);
}

/// The window of an STFT: constant, or ones; its length is the frame's.
static std::optional<SmallVector<float, 0>> readFrame(NodeImporter &node) {
  std::optional<HostTensor> window;
  if (node.hasInput(2)) {
    window = node.host(2, "window");
    if (!window)
      return std::nullopt;
  }
  std::optional<int64_t> length =
      readLength(node, 3, "frame_length", window ? window->size() : 0);
  if (!length)
    return std::nullopt;
  if (window && (!window->isFloat() || window->size() != *length)) {
    (void)node.error("expected a window of " + Twine(*length) + " floats");
    return std::nullopt;
  }
  if (*length > matrixLimit) {
    (void)node.error("expected a frame of at most " + Twine(matrixLimit) +
                     " samples, got " + Twine(*length));
    return std::nullopt;
  }
  return window ? window->floats : SmallVector<float, 0>(*length, 1.0f);
}

LogicalResult accopt::importer::importStft(NodeImporter &node) {
  Value input = node.operand(0);
  std::optional<int64_t> step = readLength(node, 1, "frame_step", 0);
  if (!input || !step)
    return failure();
  Shape shape(node.shape(0));
  if (shape.size() == 2)
    shape.push_back(1);
  if (shape.size() != 3 || (shape[2] != 1 && shape[2] != 2))
    return node.error("expected a signal [batch, samples, 1 or 2]");
  std::optional<SmallVector<float, 0>> frame = readFrame(node);
  if (!frame)
    return failure();
  int64_t length = frame->size();
  Transform transform{length, shape[2]};
  transform.onesided = node.intAttr("onesided", 1) != 0;
  if (transform.onesided && transform.inputs != 1)
    return node.error("expected a real signal where onesided = 1, got a "
                      "complex one");
  if (shape[1] < length)
    return node.error("expected at least one frame of " + Twine(length) +
                      " samples, got a signal of " + Twine(shape[1]));
  int64_t outputs = 2 * transform.bins();
  if (failed(checkMatrix(node, length * transform.inputs, outputs)))
    return failure();
  std::vector<float> weights;
  weights.reserve(outputs * transform.inputs * length);
  for (int64_t output = 0; output < outputs; ++output)
    for (int64_t part = 0; part < transform.inputs; ++part)
      for (int64_t n = 0; n < length; ++n)
        weights.push_back((*frame)[n] * transform.coefficient(
                                            n, part, output / 2, output % 2));
  input = node.reshape(input, shape);
  if (!input)
    return failure();
  Value channels =
      transform.inputs == 1
          ? node.reshape(input, {shape[0], 1, shape[1]})
          : node.emit<nn::TransposeOp>(input, node.array({0, 2, 1}));
  if (!channels)
    return failure();
  Value result = node.emit<nn::ConvOp>(
      channels,
      node.constant(ArrayRef<int64_t>{outputs, transform.inputs, length},
                    weights),
      Value(), Value(), node.array({*step}), node.array({0, 0}),
      node.array({1}), node.i64(1), FloatAttr(), FloatAttr());
  int64_t frames = (shape[1] - length) / *step + 1;
  result = result ? node.emit<nn::TransposeOp>(result, node.array({0, 2, 1}))
                  : nullptr;
  return node.setOutput(
      0, result ? node.reshape(result, {shape[0], frames, transform.bins(), 2})
                : nullptr);
}

/// Triangles over the bins of a spectrum, evenly spaced on the mel scale: as
/// ONNX's reference computes them.
LogicalResult accopt::importer::importMelWeightMatrix(NodeImporter &node) {
  std::optional<int64_t> filters = readLength(node, 0, "num_mel_bins", 0);
  std::optional<int64_t> length = readLength(node, 1, "dft_length", 0);
  std::optional<int64_t> rate = readLength(node, 2, "sample_rate", 0);
  std::optional<float> low = node.scalar(3, "lower_edge_hertz", 0.0f);
  std::optional<float> high = node.scalar(4, "upper_edge_hertz", 0.0f);
  if (!filters || !length || !rate || !low || !high)
    return failure();
  int64_t rows = *length / 2 + 1;
  if (failed(checkMatrix(node, rows, *filters)))
    return failure();
  Type type =
      convertElementType(static_cast<int>(node.intAttr("output_datatype", 1)),
                         node.builder.getContext());
  if (!type || !type.isF32())
    return node.error("expected floats as output_datatype, got another type");
  auto toMel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
  double first = toMel(*low);
  double step = (toMel(*high) - first) / static_cast<double>(*filters + 2);
  Shape bins;
  for (int64_t i = 0; i < *filters + 2; ++i) {
    double hertz =
        700 * (std::pow(10.0, (first + step * double(i)) / 2595) - 1);
    double bin = std::floor(double(*length + 1) * hertz / double(*rate));
    if (!(bin >= 0 && bin <= static_cast<double>(rows)))
      return node.error("expected edges within the spectrum, got bin " +
                        Twine(std::to_string(bin)) + " of " + Twine(rows));
    bins.push_back(static_cast<int64_t>(bin));
  }
  std::vector<float> matrix(rows * *filters, 0.0f);
  auto set = [&](int64_t bin, int64_t filter, float value) {
    if (bin < rows)
      matrix[bin * *filters + filter] = value;
  };
  for (int64_t i = 0; i < *filters; ++i) {
    int64_t left = bins[i], centre = bins[i + 1], right = bins[i + 2];
    if (left == centre)
      set(centre, i, 1.0f);
    for (int64_t bin = left; left != centre && bin <= centre; ++bin)
      set(bin, i, float(bin - left) / float(centre - left));
    for (int64_t bin = centre; bin < right; ++bin)
      set(bin, i, float(right - bin) / float(right - centre));
  }
  auto shaped = RankedTensorType::get({rows, *filters}, type);
  return node.setOutput(
      0, ElementsAttr(DenseElementsAttr::get(shaped, ArrayRef(matrix))));
}
