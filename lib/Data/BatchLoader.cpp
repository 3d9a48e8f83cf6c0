//===- BatchLoader.cpp - Mini-batches prepared on a thread ----------------===//
//
// Part of AccOpt. One thread fills a short queue. Each sample has a stream of
// random numbers of its own, named by seed, epoch and the sample's number, so
// that neither timing nor the batch size has a say in how it is changed.
//
//===----------------------------------------------------------------------===//

#include "accopt/Data/BatchLoader.h"

#include "Augment.h"

#include "llvm/Support/ErrorHandling.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <numeric>
#include <thread>

using namespace llvm;
using namespace accopt;

namespace {
/// Streams of random numbers.
enum : uint64_t { OrderStream = 1, AugmentStream = 2 };
constexpr size_t queueLimit = 3;
} // namespace

struct BatchLoader::Impl {
  const Dataset &data;
  const BatchOptions options;
  std::vector<int64_t> order;
  int64_t count = 0;

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Batch> ready; ///< guarded by mutex
  std::vector<Batch> used; ///< guarded by mutex; memory to fill again
  bool stopping = false;   ///< guarded by mutex
  int64_t delivered = 0;   ///< of the reader alone
  std::thread thread;

  Impl(const Dataset &data, const BatchOptions &options);
  ~Impl();
  void fill(int64_t index, Batch &batch) const;
  void produce();
};

BatchLoader::Impl::Impl(const Dataset &data, const BatchOptions &options)
    : data(data), options(options), order(data.size()) {
  assert(options.batchSize >= 1 && "a batch holds at least one sample");
  // The caller has asked before; to change other samples would be worse.
  if (data.size() != 0)
    if (Error error = checkAugmentation(options.augmentation, data.sampleShape))
      report_fatal_error(std::move(error), /*gen_crash_diag=*/false);
  std::iota(order.begin(), order.end(), 0);
  if (options.shuffle)
    SplitMix64({options.seed, options.epoch, OrderStream})
        .shuffle(MutableArrayRef<int64_t>(order));
  int64_t size = data.size();
  count = size / options.batchSize;
  if (!options.dropLast && size % options.batchSize != 0)
    ++count;
  if (count != 0)
    thread = std::thread([this] { produce(); });
}

BatchLoader::Impl::~Impl() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    stopping = true;
  }
  changed.notify_all();
  if (thread.joinable())
    thread.join();
}

void BatchLoader::Impl::fill(int64_t index, Batch &batch) const {
  int64_t begin = index * options.batchSize;
  int64_t end = std::min(begin + options.batchSize, data.size());
  int64_t size = data.sampleElements(), targetSize = data.targetElements();
  batch.size = end - begin;
  batch.inputs.resize(batch.size * size);
  batch.labels.clear();
  batch.targets.clear();
  for (int64_t i = begin; i < end; ++i) {
    int64_t sample = order[i];
    ArrayRef<float> from(data.inputs.data() + sample * size, size);
    MutableArrayRef<float> to(batch.inputs.data() + (i - begin) * size, size);
    if (options.augmentation.isActive()) {
      SplitMix64 random({options.seed, options.epoch, AugmentStream,
                         static_cast<uint64_t>(sample)});
      augment(options.augmentation, data.sampleShape, from, random, to);
    } else {
      std::copy(from.begin(), from.end(), to.begin());
    }
    if (!data.labels.empty())
      batch.labels.push_back(data.labels[sample]);
    if (data.targets.empty())
      continue;
    auto target = data.targets.begin() + sample * targetSize;
    batch.targets.insert(batch.targets.end(), target, target + targetSize);
  }
}

void BatchLoader::Impl::produce() {
  for (int64_t index = 0; index < count; ++index) {
    Batch batch;
    {
      std::unique_lock<std::mutex> lock(mutex);
      changed.wait(lock, [&] { return stopping || ready.size() < queueLimit; });
      if (stopping)
        return;
      if (!used.empty()) {
        batch = std::move(used.back());
        used.pop_back();
      }
    }
    fill(index, batch);
    {
      std::lock_guard<std::mutex> lock(mutex);
      ready.push_back(std::move(batch));
    }
    changed.notify_all();
  }
}

BatchLoader::BatchLoader(const Dataset &data, const BatchOptions &options)
    : impl(std::make_unique<Impl>(data, options)) {}

BatchLoader::~BatchLoader() = default;

int64_t BatchLoader::batches() const { return impl->count; }

bool BatchLoader::next(Batch &batch) {
  if (impl->delivered == impl->count)
    return false;
  {
    std::unique_lock<std::mutex> lock(impl->mutex);
    impl->changed.wait(lock, [&] { return !impl->ready.empty(); });
    impl->used.push_back(std::move(batch));
    batch = std::move(impl->ready.front());
    impl->ready.pop_front();
  }
  impl->changed.notify_all();
  ++impl->delivered;
  return true;
}
