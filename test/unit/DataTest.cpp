//===- DataTest.cpp - Tests of splits, batches and augmentation -----------===//
//
// Part of AccOpt. Files of every format are read in test/integration/data.test.
//
//===----------------------------------------------------------------------===//

#include "accopt/Data/BatchLoader.h"
#include "accopt/Data/Dataset.h"
#include "accopt/Data/Random.h"
#include "accopt/Support/Npy.h"

#include "llvm/Support/FileSystem.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <chrono>
#include <map>
#include <set>
#include <thread>

using namespace accopt;
using testing::HasSubstr;

namespace {

/// A file that goes away.
struct TemporaryFile {
  TemporaryFile() {
    llvm::SmallString<128> name;
    if (llvm::sys::fs::createTemporaryFile("accopt-data", "npz", name))
      ADD_FAILURE() << "no temporary file";
    path = name.str().str();
  }
  ~TemporaryFile() { llvm::sys::fs::remove(path); }
  std::string path;
};

void write(llvm::StringRef path, const NamedNumpyArrays &arrays) {
  if (llvm::Error error = writeNpz(path, arrays))
    FAIL() << llvm::toString(std::move(error));
}

/// Sample i is filled with i; label i % classes, the first class twice as
/// often.
NamedNumpyArrays makeArrays(int64_t size, int64_t classes) {
  std::vector<float> x;
  std::vector<int64_t> y;
  for (int64_t i = 0; i < size; ++i) {
    x.insert(x.end(), 4, static_cast<float>(i));
    y.push_back(std::max<int64_t>(0, i % (classes + 1) - 1));
  }
  NamedNumpyArrays arrays;
  arrays.emplace_back("x", NumpyArray::create<float>({size, 1, 2, 2}, x));
  arrays.emplace_back("y", NumpyArray::create<int64_t>({size}, y));
  return arrays;
}

DataSplits load(const std::string &spec, const DataOptions &options = {}) {
  llvm::Expected<DataSplits> splits = loadData(spec, options);
  if (!splits) {
    ADD_FAILURE() << llvm::toString(splits.takeError());
    return {};
  }
  return std::move(*splits);
}

std::string errorOf(const std::string &spec, const DataOptions &options = {}) {
  llvm::Expected<DataSplits> splits = loadData(spec, options);
  return splits ? "none" : llvm::toString(splits.takeError());
}

TEST(Random, IsSplitMix64) {
  // The numbers of the authors' C code for seed 0.
  SplitMix64 random(std::initializer_list<uint64_t>{});
  EXPECT_EQ(random.next(), 0xE220A8397B1DCDAFu);
  EXPECT_EQ(random.next(), 0x6E789E6AA1B965F4u);
  EXPECT_EQ(random.next(), 0x06C45D188009454Fu);
}

TEST(Random, StreamsDiffer) {
  std::set<uint64_t> firsts;
  for (uint64_t seed = 0; seed < 50; ++seed)
    for (uint64_t epoch = 0; epoch < 50; ++epoch)
      firsts.insert(SplitMix64({seed, epoch}).next());
  EXPECT_EQ(firsts.size(), 2500u);
}

TEST(Random, BelowIsEven) {
  SplitMix64 random({7});
  std::array<int, 6> counts{};
  for (int i = 0; i < 60000; ++i)
    ++counts[random.below(6)];
  for (int count : counts)
    EXPECT_NEAR(count, 10000, 500); // five standard deviations
}

TEST(Split, TakesEveryClassInProportion) {
  TemporaryFile file;
  write(file.path, makeArrays(400, 3)); // 200, 100 and 100 of the classes
  DataSplits splits = load(file.path);
  EXPECT_EQ(splits.classes, 3);
  EXPECT_EQ(splits.test.size(), 80);       // 20 % of 400
  EXPECT_EQ(splits.validation.size(), 48); // 15 % of 320
  EXPECT_EQ(splits.train.size(), 272);
  auto count = [](const Dataset &part, int label) {
    return llvm::count(part.labels, label);
  };
  for (int label = 0; label < 3; ++label) {
    EXPECT_EQ(count(splits.test, label), label == 0 ? 40 : 20);
    EXPECT_EQ(count(splits.validation, label), label == 0 ? 24 : 12);
  }
  // Nothing is lost or there twice, and labels stay with their samples.
  std::set<float> seen;
  for (const Dataset *part : {&splits.train, &splits.validation, &splits.test})
    for (int64_t i = 0; i < part->size(); ++i) {
      auto number = static_cast<int64_t>(part->inputs[4 * i]);
      seen.insert(part->inputs[4 * i]);
      EXPECT_EQ(part->labels[i], std::max<int64_t>(0, number % 4 - 1));
    }
  EXPECT_EQ(seen.size(), 400u);
}

TEST(Split, DependsOnTheSeedAlone) {
  TemporaryFile file;
  write(file.path, makeArrays(100, 3));
  DataOptions options;
  std::string first = load(file.path, options).sha256;
  EXPECT_EQ(load(file.path, options).sha256, first);
  EXPECT_EQ(load(file.path + "{split-seed=0}", options).sha256, first);
  EXPECT_NE(load(file.path + "{split-seed=1}", options).sha256, first);
  options.seed = 1;
  EXPECT_NE(load(file.path, options).sha256, first);
  options.seed = 0;
  // The test part does not move with the validation part.
  EXPECT_EQ(load(file.path + "{validation=0.5}").test.inputs,
            load(file.path).test.inputs);
}

TEST(Npz, BytesAreScaledAndChannelsStandardized) {
  TemporaryFile file;
  std::vector<uint8_t> x;
  std::vector<int32_t> y;
  for (int i = 0; i < 20; ++i) {
    x.insert(x.end(), {0, 255, 51, 102});
    y.push_back(i % 2);
  }
  NamedNumpyArrays arrays;
  arrays.emplace_back("x", NumpyArray::create<uint8_t>({20, 2, 1, 2}, x));
  arrays.emplace_back("y", NumpyArray::create<int32_t>({20}, y));
  write(file.path, arrays);
  auto first = [&](const std::string &options) {
    std::vector<float> inputs = load(file.path + options).train.inputs;
    inputs.resize(4);
    return inputs;
  };
  using testing::ElementsAre;
  using testing::FloatEq;
  EXPECT_THAT(first(""), ElementsAre(0, 1, FloatEq(0.2f), FloatEq(0.4f)));
  EXPECT_THAT(first("{scale=1}"), ElementsAre(0, 255, 51, 102));
  EXPECT_THAT(first("{scale=1,mean=51;2,std=0.5;100}"),
              ElementsAre(-102, 408, FloatEq(0.49f), 1));
  EXPECT_THAT(errorOf(file.path + "{mean=1;2;3}"), HasSubstr("mean: expected"));
}

TEST(Npz, FloatsAreTargets) {
  TemporaryFile file;
  NamedNumpyArrays arrays = makeArrays(20, 3);
  std::vector<float> y(20, 0.5f);
  arrays[1].second = NumpyArray::create<float>({20}, y);
  write(file.path, arrays);
  DataOptions options;
  options.outputShape = {1};
  DataSplits splits = load(file.path, options);
  EXPECT_EQ(splits.classes, 0);
  EXPECT_FALSE(splits.train.isClassification());
  EXPECT_EQ(splits.train.targetShape, std::vector<int64_t>{1});
  EXPECT_EQ(splits.train.targets.size(), size_t(splits.train.size()));
  options.outputShape = {10};
  EXPECT_THAT(errorOf(file.path, options),
              HasSubstr("expected integer labels, or targets of shape 10"));
}

TEST(Npz, ShapesThatHoldTheSameElements) {
  TemporaryFile file;
  NamedNumpyArrays arrays = makeArrays(20, 3);
  arrays[0].second.shape = {20, 2, 2};
  write(file.path, arrays);
  DataOptions options;
  for (std::vector<int64_t> shape :
       {std::vector<int64_t>{1, 2, 2}, {2, 2}, {4}}) {
    options.sampleShape = shape;
    EXPECT_EQ(load(file.path, options).train.sampleShape, shape);
  }
  options.sampleShape = {2, 1, 2};
  EXPECT_THAT(errorOf(file.path, options),
              HasSubstr("expected samples of shape 2 x 1 x 2 as the model "
                        "reads, got 2 x 2"));
}

TEST(Npz, RefusesWithOneLine) {
  TemporaryFile file;
  auto expect = [&](llvm::StringRef what,
                    llvm::function_ref<void(NamedNumpyArrays &)> damage,
                    const DataOptions &options = {}) {
    NamedNumpyArrays arrays = makeArrays(20, 3);
    damage(arrays);
    write(file.path, arrays);
    std::string error = errorOf(file.path, options);
    EXPECT_THAT(error, HasSubstr(what.str()));
    EXPECT_THAT(error, HasSubstr(file.path));
    EXPECT_EQ(error.find('\n'), std::string::npos);
  };
  auto floats = [](NamedNumpyArrays &arrays) {
    return reinterpret_cast<float *>(arrays[0].second.data.data());
  };
  expect("sample 3: expected finite values, got", [&](auto &arrays) {
    floats(arrays)[13] = std::numeric_limits<float>::quiet_NaN();
  });
  expect("sample 0: expected finite values, got", [&](auto &arrays) {
    floats(arrays)[0] = std::numeric_limits<float>::infinity();
  });
  expect("sample 4: expected a label from 0, got -1", [](auto &arrays) {
    reinterpret_cast<int64_t *>(arrays[1].second.data.data())[4] = -1;
  });
  DataOptions ten;
  ten.outputShape = {10};
  expect(
      "expected a label from 0 to 9, got 10",
      [](auto &arrays) {
        reinterpret_cast<int64_t *>(arrays[1].second.data.data())[4] = 10;
      },
      ten);
  expect("expected 20 entries as 'x' has, got shape 19", [](auto &arrays) {
    arrays[1].second =
        NumpyArray::create<int64_t>({19}, std::vector<int64_t>(19));
  });
  expect("got no 'y'", [](auto &arrays) { arrays.pop_back(); });
  expect("expected arrays x_train and y_train, or x and y", [](auto &arrays) {
    arrays.clear();
    arrays.emplace_back("z",
                        NumpyArray::create<float>({1}, std::vector<float>{1}));
  });
  expect("got no 'x_test'", [](auto &arrays) {
    arrays[0].first = "x_train";
    arrays[1].first = "y_train";
    arrays.push_back(arrays[1]);
    arrays[2].first = "y_test";
  });
  expect("expected samples, got none", [](auto &arrays) {
    arrays[0].second = NumpyArray::create<float>({0, 4}, {});
    arrays[1].second = NumpyArray::create<int64_t>({0}, {});
  });
  expect("expected enough samples to take 0.20 of them, got 1",
         [](auto &arrays) {
           arrays[0].second =
               NumpyArray::create<float>({1, 1}, std::vector<float>{1});
           arrays[1].second =
               NumpyArray::create<int64_t>({1}, std::vector<int64_t>{0});
         });
}

TEST(Spec, RefusesWithOneLine) {
  EXPECT_THAT(errorOf("x.npy"), HasSubstr("expected FILE.npz, digits"));
  EXPECT_THAT(errorOf("x.npz{mean=a}"), HasSubstr("mean: expected numbers"));
  EXPECT_THAT(errorOf("x.npz{std=0}"), HasSubstr("numbers above 0"));
  EXPECT_THAT(errorOf("x.npz{size=3}"), HasSubstr("got 'size'"));
  EXPECT_THAT(errorOf("x.npz{std=1,std=2}"), HasSubstr("'std' once"));
  EXPECT_THAT(errorOf("x.npz{validation=1}"), HasSubstr("between 0 and 1"));
  EXPECT_THAT(errorOf("x.npz}"), HasSubstr("expected '{'"));
  EXPECT_THAT(errorOf("cifar10:"), HasSubstr("expected a folder"));
  EXPECT_THAT(errorOf("no/such.npz"), HasSubstr("no/such.npz: "));
  DataOptions options;
  options.validationShare = 0;
  EXPECT_THAT(errorOf("x.npz", options), HasSubstr("validation share"));
}

//===----------------------------------------------------------------------===//
// Batches
//===----------------------------------------------------------------------===//

/// `size` images of 2 x 6 x 5 whose elements all differ and are not 0.
Dataset makeImages(int64_t size) {
  Dataset data;
  data.sampleShape = {2, 6, 5};
  for (int64_t i = 0; i < size * 60; ++i)
    data.inputs.push_back(static_cast<float>(i + 1));
  for (int64_t i = 0; i < size; ++i)
    data.labels.push_back(static_cast<int32_t>(i));
  return data;
}

std::vector<Batch> collect(const Dataset &data, const BatchOptions &options,
                           int pause = 0) {
  BatchLoader loader(data, options);
  std::vector<Batch> batches;
  Batch batch;
  while (loader.next(batch)) {
    batches.push_back(batch);
    std::this_thread::sleep_for(std::chrono::milliseconds(pause));
  }
  EXPECT_FALSE(loader.next(batch));
  EXPECT_EQ(loader.batches(), static_cast<int64_t>(batches.size()));
  return batches;
}

std::vector<int32_t> labelsOf(llvm::ArrayRef<Batch> batches) {
  std::vector<int32_t> labels;
  for (const Batch &batch : batches)
    labels.insert(labels.end(), batch.labels.begin(), batch.labels.end());
  return labels;
}

TEST(BatchLoader, GivesEverySampleOnce) {
  Dataset data = makeImages(50);
  BatchOptions options;
  options.batchSize = 8;
  std::vector<Batch> batches = collect(data, options);
  ASSERT_EQ(batches.size(), 7u);
  EXPECT_EQ(batches.back().size, 2);
  std::vector<int32_t> labels = labelsOf(batches);
  EXPECT_NE(labels, data.labels);
  for (const Batch &batch : batches) {
    ASSERT_EQ(batch.inputs.size(), size_t(60 * batch.size));
    for (int64_t i = 0; i < batch.size; ++i)
      EXPECT_TRUE(std::equal(batch.inputs.begin() + 60 * i,
                             batch.inputs.begin() + 60 * (i + 1),
                             data.inputs.begin() + 60 * batch.labels[i]));
  }
  llvm::sort(labels);
  EXPECT_EQ(labels, data.labels);

  options.dropLast = true;
  EXPECT_EQ(collect(data, options).size(), 6u);
  options.shuffle = false;
  options.dropLast = false;
  EXPECT_EQ(labelsOf(collect(data, options)), data.labels);
  data.inputs.clear();
  data.labels.clear();
  EXPECT_TRUE(collect(data, options).empty());
}

TEST(BatchLoader, DependsOnSeedAndEpochAlone) {
  Dataset data = makeImages(40);
  BatchOptions options;
  options.batchSize = 4;
  options.augmentation.flip = true;
  options.augmentation.shift = 2;
  auto inputs = [](llvm::ArrayRef<Batch> batches) {
    std::vector<float> all;
    for (const Batch &batch : batches)
      all.insert(all.end(), batch.inputs.begin(), batch.inputs.end());
    return all;
  };
  std::vector<float> first = inputs(collect(data, options));
  EXPECT_EQ(inputs(collect(data, options, /*pause=*/2)), first);
  options.batchSize = 7;
  EXPECT_EQ(inputs(collect(data, options)), first);
  options.epoch = 1;
  EXPECT_NE(inputs(collect(data, options)), first);
  options.epoch = 0;
  options.seed = 1;
  EXPECT_NE(inputs(collect(data, options)), first);
}

TEST(BatchLoader, StopsEarly) {
  Dataset data = makeImages(400);
  BatchOptions options;
  options.batchSize = 1;
  for (int taken = 0; taken < 20; ++taken) {
    BatchLoader loader(data, options);
    Batch batch;
    for (int i = 0; i < taken; ++i)
      ASSERT_TRUE(loader.next(batch));
  }
}

TEST(BatchLoader, CarriesTargets) {
  Dataset data = makeImages(10);
  data.labels.clear();
  data.targetShape = {2};
  for (int i = 0; i < 20; ++i)
    data.targets.push_back(static_cast<float>(i / 2));
  BatchOptions options;
  options.batchSize = 3;
  for (const Batch &batch : collect(data, options)) {
    EXPECT_TRUE(batch.labels.empty());
    ASSERT_EQ(batch.targets.size(), size_t(2 * batch.size));
    for (int64_t i = 0; i < batch.size; ++i)
      EXPECT_EQ(batch.targets[2 * i] * 60 + 1, batch.inputs[60 * i]);
  }
}

//===----------------------------------------------------------------------===//
// Augmentation
//===----------------------------------------------------------------------===//

/// Element (c, y, x) of an image moved by (dy, dx) after the flip.
float moved(llvm::ArrayRef<float> image, bool flip, int64_t dy, int64_t dx,
            int64_t c, int64_t y, int64_t x) {
  int64_t fromY = y - dy, fromX = x - dx;
  if (fromY < 0 || fromY >= 6 || fromX < 0 || fromX >= 5)
    return 0;
  return image[(c * 6 + fromY) * 5 + (flip ? 4 - fromX : fromX)];
}

/// What (flip, dy, dx) turned `image` into `result`; the flip is -1 if none
/// did.
std::array<int64_t, 3> explain(llvm::ArrayRef<float> image,
                               llvm::ArrayRef<float> result, int64_t reach) {
  for (int64_t flip = 0; flip < 2; ++flip)
    for (int64_t dy = -reach; dy <= reach; ++dy)
      for (int64_t dx = -reach; dx <= reach; ++dx) {
        bool same = true;
        for (int64_t i = 0; i < 60 && same; ++i)
          same = result[i] ==
                 moved(image, flip != 0, dy, dx, i / 30, i / 5 % 6, i % 5);
        if (same)
          return {flip, dy, dx};
      }
  return {-1, 0, 0};
}

TEST(Augmentation, FlipsAndMovesWithinReach) {
  Dataset data = makeImages(300);
  for (bool crop : {false, true}) {
    BatchOptions options;
    options.augmentation.flip = true;
    (crop ? options.augmentation.crop : options.augmentation.shift) = 2;
    std::map<std::array<int64_t, 3>, int> seen;
    for (const Batch &batch : collect(data, options))
      for (int64_t i = 0; i < batch.size; ++i) {
        llvm::ArrayRef<float> image(data.inputs.data() + 60 * batch.labels[i],
                                    60);
        auto change =
            explain(image, llvm::ArrayRef(batch.inputs).slice(60 * i, 60), 2);
        ASSERT_NE(change[0], -1);
        ++seen[change];
      }
    EXPECT_GT(seen.size(), 45u); // of 50, with 6 draws for each
  }
}

TEST(Augmentation, CutsASquareOut) {
  Dataset data = makeImages(200);
  BatchOptions options;
  options.augmentation.cutout = 3;
  std::set<int64_t> sizes;
  for (const Batch &batch : collect(data, options))
    for (int64_t i = 0; i < batch.size; ++i) {
      int64_t zeros = 0;
      for (int64_t j = 0; j < 60; ++j) {
        float value = batch.inputs[60 * i + j];
        float before = data.inputs[60 * batch.labels[i] + j];
        EXPECT_TRUE(value == 0 || value == before);
        // Both channels lose the same pixels.
        EXPECT_EQ(value == 0, batch.inputs[60 * i + (j + 30) % 60] == 0);
        zeros += value == 0;
      }
      sizes.insert(zeros / 2);
    }
  EXPECT_EQ(sizes, (std::set<int64_t>{4, 6, 9})); // corner, side, inside
}

TEST(Augmentation, Parses) {
  llvm::Expected<Augmentation> all =
      parseAugmentation("flip, shift=2,crop=4,cutout=8");
  ASSERT_TRUE(static_cast<bool>(all));
  EXPECT_TRUE(all->flip && all->shift == 2 && all->crop == 4 &&
              all->cutout == 8);
  llvm::Expected<Augmentation> none = parseAugmentation("none");
  ASSERT_TRUE(static_cast<bool>(none));
  EXPECT_FALSE(none->isActive());
  auto errorOf = [](llvm::StringRef text) {
    llvm::Expected<Augmentation> parsed = parseAugmentation(text);
    return parsed ? "none" : llvm::toString(parsed.takeError());
  };
  EXPECT_THAT(errorOf("turn=3"), HasSubstr("got 'turn=3'"));
  EXPECT_THAT(errorOf(""), HasSubstr("expected none, flip"));
  EXPECT_THAT(errorOf("shift"), HasSubstr("shift: expected a number"));
  EXPECT_THAT(errorOf("shift=-1"), HasSubstr("got '-1'"));
  EXPECT_THAT(errorOf("cutout=8.5"), HasSubstr("got '8.5'"));
}

TEST(Augmentation, NeedsImagesThatAreLargeEnough) {
  auto errorOf = [](const Augmentation &augmentation,
                    std::vector<int64_t> shape) {
    llvm::Error error = checkAugmentation(augmentation, shape);
    return error ? llvm::toString(std::move(error)) : "none";
  };
  Augmentation shift;
  shift.shift = 3;
  EXPECT_EQ(errorOf(shift, {3, 8, 8}), "none");
  EXPECT_EQ(errorOf(shift, {8, 8}), "none");
  EXPECT_THAT(errorOf(shift, {64}), HasSubstr("got samples of 64"));
  EXPECT_THAT(errorOf(shift, {3, 8, 3}), HasSubstr("got images of 3 x 8 x 3"));
  EXPECT_EQ(errorOf(Augmentation(), {64}), "none");
}

} // namespace
