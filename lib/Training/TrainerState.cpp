//===- TrainerState.cpp - A trainer as bytes ------------------------------===//
//
// Part of AccOpt. "ACCOPTTS", the number of steps, the network's state with its
// length in front, then the elements of the optimizer's tensors and of the
// averages, each with their number in front; f32 and 64-bit integers,
// little-endian.
//
//===----------------------------------------------------------------------===//

#include "TrainerImpl.h"

#include <cstring>

using namespace accopt;
using namespace accopt::training;

static constexpr llvm::StringLiteral magic = "ACCOPTTS";

static std::vector<at::Tensor> listTensors(const Trainer::Impl &impl) {
  std::vector<at::Tensor> tensors = impl.optimizer.state();
  tensors.insert(tensors.end(), impl.averages.begin(), impl.averages.end());
  return tensors;
}

static void append(std::string &bytes, uint64_t value) {
  bytes.append(reinterpret_cast<const char *>(&value), sizeof(value));
}

std::string Trainer::saveState() const {
  std::string bytes = magic.str();
  append(bytes, static_cast<uint64_t>(impl->steps));
  std::string network = impl->owner.saveState();
  append(bytes, network.size());
  bytes += network;
  for (const at::Tensor &tensor : listTensors(*impl)) {
    at::Tensor host = tensor.to(at::kCPU, at::kFloat).contiguous();
    append(bytes, static_cast<uint64_t>(host.numel()));
    bytes.append(reinterpret_cast<const char *>(host.const_data_ptr<float>()),
                 static_cast<size_t>(host.numel()) * sizeof(float));
  }
  return bytes;
}

/// The next `size` bytes; nothing if there are fewer.
static llvm::StringRef take(llvm::StringRef &bytes, uint64_t size) {
  llvm::StringRef part = bytes.take_front(size);
  bytes = bytes.drop_front(part.size());
  return part.size() == size ? part : llvm::StringRef();
}

static uint64_t takeNumber(llvm::StringRef &bytes) {
  uint64_t value = 0;
  llvm::StringRef part = take(bytes, sizeof(value));
  if (!part.empty())
    std::memcpy(&value, part.data(), sizeof(value));
  return value;
}

llvm::Error Trainer::loadState(llvm::StringRef state) {
  if (!state.consume_front(magic))
    return makeError("trainer state: expected the magic number " + magic);
  uint64_t steps = takeNumber(state);
  llvm::StringRef network = take(state, takeNumber(state));
  // Nothing changes unless all fits.
  std::vector<at::Tensor> tensors = listTensors(*impl);
  std::vector<llvm::StringRef> contents;
  for (const at::Tensor &tensor : tensors) {
    uint64_t count = takeNumber(state);
    if (count != static_cast<uint64_t>(tensor.numel()))
      return makeError("trainer state: expected a tensor of " +
                       llvm::Twine(tensor.numel()) + " elements, got " +
                       llvm::Twine(count));
    contents.push_back(take(state, count * sizeof(float)));
    if (count != 0 && contents.back().empty())
      return makeError("trainer state: expected more bytes");
  }
  if (!state.empty())
    return makeError("trainer state: expected its end, got " +
                     llvm::Twine(state.size()) + " bytes more");
  if (llvm::Error error = impl->owner.loadState(network))
    return error;
  return guarded([&] {
    at::NoGradGuard noGrad;
    for (size_t i = 0; i < tensors.size(); ++i) {
      at::Tensor host = at::empty(tensors[i].sizes(), at::kFloat);
      std::memcpy(host.mutable_data_ptr<float>(), contents[i].data(),
                  contents[i].size());
      tensors[i].copy_(host);
    }
    impl->steps = static_cast<int64_t>(steps);
  });
}
