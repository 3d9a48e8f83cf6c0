//===- NetworkState.cpp - Parameters as bytes -----------------------------===//
//
// "ACCOPTNS", then for every tensor: length of its name and the name, rank and
// sizes, and the elements as f32; all integers are 64 bits, little-endian, as
// the machines are that LibTorch is built for.
//
//===----------------------------------------------------------------------===//

#include "NetworkImpl.h"

#include <bit>
#include <cstring>

using namespace accopt;
using namespace accopt::training;

static_assert(std::endian::native == std::endian::little);
static constexpr llvm::StringLiteral magic = "ACCOPTNS";

/// All tensors of the state, the graph's first.
static std::vector<NamedTensor> listTensors(const Network::Impl &impl) {
  std::vector<NamedTensor> tensors;
  for (const at::Tensor &tensor : impl.executor.parameters())
    tensors.push_back({"parameter" + std::to_string(tensors.size()), tensor});
  tensors.insert(tensors.end(), impl.extras.begin(), impl.extras.end());
  return tensors;
}

static void append(std::string &bytes, const void *data, size_t size) {
  bytes.append(static_cast<const char *>(data), size);
}
static void append(std::string &bytes, uint64_t value) {
  append(bytes, &value, sizeof(value));
}

std::string Network::saveState() const {
  std::vector<NamedTensor> tensors = listTensors(*impl);
  std::string bytes = magic.str();
  append(bytes, tensors.size());
  for (const auto &[name, tensor] : tensors) {
    append(bytes, name.size());
    bytes += name;
    append(bytes, static_cast<uint64_t>(tensor.dim()));
    for (int64_t size : tensor.sizes())
      append(bytes, static_cast<uint64_t>(size));
    at::Tensor host = tensor.detach().to(at::kCPU, at::kFloat).contiguous();
    append(bytes, host.const_data_ptr<float>(),
           static_cast<size_t>(host.numel()) * sizeof(float));
  }
  return bytes;
}

namespace {
/// Takes values off the front of bytes; zeros and false once they have run out.
class Reader {
public:
  explicit Reader(llvm::StringRef bytes) : bytes(bytes) {}

  llvm::StringRef take(uint64_t size) {
    if (size > bytes.size()) {
      isGood = false;
      return {};
    }
    llvm::StringRef part = bytes.take_front(size);
    bytes = bytes.drop_front(size);
    return part;
  }
  uint64_t number() {
    uint64_t value = 0;
    llvm::StringRef part = take(sizeof(value));
    if (!part.empty())
      std::memcpy(&value, part.data(), sizeof(value));
    return value;
  }
  bool good() const { return isGood; }
  bool atEnd() const { return isGood && bytes.empty(); }

private:
  llvm::StringRef bytes;
  bool isGood = true;
};
} // namespace

/// The elements of the next tensor, if it is as `expected`.
static llvm::Expected<llvm::StringRef> readTensor(Reader &reader,
                                                  const NamedTensor &expected) {
  llvm::StringRef name = reader.take(reader.number());
  bool fits = name == expected.name &&
              reader.number() == static_cast<uint64_t>(expected.tensor.dim());
  for (int64_t size : expected.tensor.sizes())
    fits = fits && reader.number() == static_cast<uint64_t>(size);
  llvm::StringRef elements;
  if (fits)
    elements = reader.take(static_cast<uint64_t>(expected.tensor.numel()) *
                           sizeof(float));
  if (!reader.good())
    return makeError("network state: expected more bytes at '" + expected.name +
                     "'");
  if (!fits)
    return makeError("network state: expected tensor '" + expected.name +
                     "' of this network's shape, got '" + name + "'");
  return elements;
}

llvm::Error Network::loadState(llvm::StringRef state) {
  std::vector<NamedTensor> tensors = listTensors(*impl);
  Reader reader(state);
  if (reader.take(magic.size()) != magic)
    return makeError("network state: expected the magic number " + magic);
  if (uint64_t count = reader.number(); count != tensors.size())
    return makeError("network state: expected " + llvm::Twine(tensors.size()) +
                     " tensors, got " + llvm::Twine(count));
  // Nothing changes unless all fits.
  std::vector<llvm::StringRef> contents;
  for (const NamedTensor &tensor : tensors) {
    llvm::Expected<llvm::StringRef> elements = readTensor(reader, tensor);
    if (!elements)
      return elements.takeError();
    contents.push_back(*elements);
  }
  if (!reader.atEnd())
    return makeError("network state: expected its end after '" +
                     (tensors.empty() ? "" : tensors.back().name) + "'");
  return guarded([&] {
    at::NoGradGuard noGrad;
    for (size_t i = 0; i < tensors.size(); ++i) {
      at::Tensor host = at::empty(tensors[i].tensor.sizes(), at::kFloat);
      std::memcpy(host.mutable_data_ptr<float>(), contents[i].data(),
                  contents[i].size());
      tensors[i].tensor.copy_(host);
    }
  });
}
