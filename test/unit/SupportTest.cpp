//===- SupportTest.cpp - Output files, NumPy files, error lines -----------===//

#include "accopt/Support/Diagnostics.h"
#include "accopt/Support/Npy.h"
#include "accopt/Support/OutputFile.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "gtest/gtest.h"

#include <cstdlib>
#include <limits>

using namespace llvm;
using namespace accopt;

namespace {

/// A folder of its own for each test, removed afterwards.
class SupportTest : public ::testing::Test {
protected:
  void SetUp() override {
    ASSERT_FALSE(sys::fs::createUniqueDirectory("accopt-support", folder));
  }
  void TearDown() override { sys::fs::remove_directories(folder); }

  std::string path(StringRef name) {
    SmallString<128> result(folder);
    sys::path::append(result, name);
    return result.str().str();
  }
  std::string contents(StringRef file) {
    auto buffer = MemoryBuffer::getFile(file);
    return buffer ? (*buffer)->getBuffer().str() : "<none>";
  }
  unsigned countFiles() {
    unsigned count = 0;
    std::error_code code;
    for (sys::fs::directory_iterator it(folder, code), end; it != end && !code;
         it.increment(code))
      ++count;
    return count;
  }

  SmallString<128> folder;
};

std::string takeText(Error error) {
  std::string text;
  raw_string_ostream os(text);
  printError(std::move(error), os);
  return text;
}

template <typename T> std::string takeText(Expected<T> result) {
  return result ? "no error" : takeText(result.takeError());
}

TEST_F(SupportTest, ErrorStaysOneLine) {
  EXPECT_EQ(takeText(makeFileError("a.onnx", "node 'x\ny'")),
            "error: a.onnx: node 'x\\x0Ay'\n");
}

// Marks that turn the direction of what follows, and separate lines.
TEST_F(SupportTest, ErrorSaysWhatItSays) {
  EXPECT_EQ(takeText(makeFileError("a", "\u202Eb\u2028c\u2066d\uFEFF")),
            "error: a: \\xE2\\x80\\xAEb\\xE2\\x80\\xA8c"
            "\\xE2\\x81\\xA6d\\xEF\\xBB\\xBF\n");
  EXPECT_EQ(takeText(makeFileError("a", "\u0441\u5377\U0001F9E0\u00E9")),
            "error: a: \u0441\u5377\U0001F9E0\u00E9\n");
  // No UTF-8: a lone byte that goes on, a cut character, a C1 control.
  EXPECT_EQ(takeText(makeFileError("a", "\x80 \xE2\x80 \xC2\x9B")),
            "error: a: \\x80 \\xE2\\x80 \\xC2\\x9B\n");
}

TEST_F(SupportTest, CommittedFileAppears) {
  std::string file = path("out");
  ASSERT_FALSE(writeOutputFile(file, "new"));
  EXPECT_EQ(contents(file), "new");
  EXPECT_EQ(countFiles(), 1u);
}

TEST_F(SupportTest, FailureKeepsTheOldFileAndNothingElse) {
  std::string file = path("out");
  ASSERT_FALSE(writeOutputFile(file, "old"));
  Error error = writeOutputFile(file, [](raw_ostream &os) {
    os << "half";
    return createStringError("no more");
  });
  EXPECT_EQ(takeText(std::move(error)), "error: no more\n");
  EXPECT_EQ(contents(file), "old");
  EXPECT_EQ(countFiles(), 1u);
}

TEST_F(SupportTest, UnwritablePlacesAreRefused) {
  std::string file = path("missing/out");
  EXPECT_EQ(takeText(writeOutputFile(file, "x")),
            "error: " + file + ": cannot write: No such file or directory\n");
  EXPECT_EQ(takeText(writeOutputFile(folder, "x")),
            ("error: " + folder + ": cannot write: is a directory\n").str());
  EXPECT_EQ(takeText(writeOutputFile("/dev/full", "x")),
            "error: /dev/full: cannot write: No space left on device\n");
}

TEST_F(SupportTest, NpyRoundTripsEveryType) {
  auto check = [&]<typename T>(T) {
    std::vector<T> values = {
        std::numeric_limits<T>::lowest(), T(0), T(1), T(2), T(100),
        std::numeric_limits<T>::max()};
    NumpyArray array = NumpyArray::create<T>({2, 3}, ArrayRef<T>(values));
    ASSERT_FALSE(writeNpy(path("a.npy"), array));
    Expected<NumpyArray> read = readNpy(path("a.npy"));
    ASSERT_TRUE(bool(read)) << takeText(read.takeError());
    EXPECT_EQ(read->type, array.type);
    EXPECT_EQ(read->shape, array.shape);
    EXPECT_EQ(read->values<T>(), ArrayRef<T>(values));
  };
  check(int8_t());
  check(int16_t());
  check(int32_t());
  check(int64_t());
  check(uint8_t());
  check(uint16_t());
  check(uint32_t());
  check(uint64_t());
  check(float());
  check(double());
}

TEST_F(SupportTest, NpyScalarVectorAndEmptyShapes) {
  for (const SmallVector<int64_t> &shape :
       {SmallVector<int64_t>{}, SmallVector<int64_t>{3},
        SmallVector<int64_t>{4, 0, 2}}) {
    NumpyArray array;
    array.type = NumpyType::UInt8;
    array.shape = shape;
    array.data.resize(array.numElements());
    Expected<NumpyArray> read = parseNpy(serializeNpy(array), "x");
    ASSERT_TRUE(bool(read)) << takeText(read.takeError());
    EXPECT_EQ(read->shape, array.shape);
  }
}

TEST_F(SupportTest, Conversions) {
  NumpyArray half;
  half.type = NumpyType::Float16;
  half.shape = {3};
  // 1.5, -2, the smallest subnormal.
  half.data = {0x00, 0x3e, 0x00, char(0xc0), 0x01, 0x00};
  EXPECT_EQ(half.toFloat(), (std::vector<float>{1.5f, -2.0f, 0x1p-24f}));
  EXPECT_EQ(half.toInt64(), (std::vector<int64_t>{1, -2, 0}));
  NumpyArray wide = NumpyArray::create<double>(
      {3}, {1e300, -1e300, std::numeric_limits<double>::quiet_NaN()});
  EXPECT_EQ(wide.toInt64(),
            (std::vector<int64_t>{std::numeric_limits<int64_t>::max(),
                                  std::numeric_limits<int64_t>::min(), 0}));
}

/// An .npy file of version `major` with the given header text and elements.
std::string makeNpy(StringRef header, StringRef elements, char major = 1) {
  std::string bytes = std::string("\x93NUMPY") + major + '\0';
  bytes += char(header.size() & 255);
  bytes += char(header.size() >> 8);
  if (major > 1)
    bytes += std::string(2, '\0');
  return bytes + header.str() + elements.str();
}

TEST_F(SupportTest, FortranOrderIsTransposed) {
  for (char major : {1, 2, 3}) {
    Expected<NumpyArray> read = parseNpy(
        makeNpy("{'descr': '|i1', 'fortran_order': True, 'shape': (2, 3), }\n",
                StringRef("\1\4\2\5\3\6", 6), major),
        "x");
    ASSERT_TRUE(bool(read)) << takeText(read.takeError());
    EXPECT_EQ(read->values<int8_t>(), ArrayRef<int8_t>({1, 2, 3, 4, 5, 6}));
  }
}

TEST_F(SupportTest, MalformedNpyIsRefusedByName) {
  auto refuse = [&](StringRef header, StringRef elements, StringRef reason) {
    EXPECT_EQ(takeText(parseNpy(makeNpy(header, elements), "f.npy")),
              ("error: f.npy: " + reason + "\n").str());
  };
  refuse("{'descr': '>f4', 'fortran_order': False, 'shape': (), }", "abcd",
         ".npy header: expected a little-endian bool, integer or float "
         "element type, got '>f4'");
  refuse("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (), }",
         "abcd",
         ".npy header: expected one element type, got a structured one");
  refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "abcd",
         "expected 8 bytes of elements, got 4");
  refuse("{'descr': '<f4', 'fortran_order': False, "
         "'shape': (4611686018427387904, 4611686018427387904), }",
         "abcd", "expected over 2^63 bytes of elements, got 4");
  refuse("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "",
         ".npy header: expected a shape of non-negative sizes, got -1");
  refuse("{'descr': '<f4', 'shape': (), }", "abcd",
         ".npy header: malformed header");
  refuse("__import__('os')", "", ".npy header: malformed header");
  EXPECT_EQ(takeText(parseNpy("hello", "f.npy")),
            "error: f.npy: expected an .npy file, got other data\n");
  EXPECT_EQ(takeText(parseNpy(makeNpy("", "", 9), "f.npy")),
            "error: f.npy: expected .npy version 1.0 to 3.0, got 9.0\n");
}

TEST_F(SupportTest, EveryTruncationOfNpyIsRefused) {
  std::string bytes = serializeNpy(NumpyArray::create<float>({2}, {1, 2}));
  for (size_t size = 0; size < bytes.size(); ++size) {
    // A copy of its own, so that the sanitizer sees a read past the end.
    std::vector<char> cut(bytes.begin(), bytes.begin() + size);
    EXPECT_NE(takeText(parseNpy(StringRef(cut.data(), size), "f")), "no error")
        << size;
  }
}

NamedNumpyArrays makeArrays() {
  NamedNumpyArrays arrays;
  arrays.emplace_back("x", NumpyArray::create<float>({2, 2}, {1, 2, 3, 4}));
  arrays.emplace_back("labels", NumpyArray::create<int64_t>({1}, {7}));
  return arrays;
}

TEST_F(SupportTest, NpzRoundTripsAndIsDeterministic) {
  ASSERT_FALSE(writeNpz(path("a.npz"), makeArrays()));
  // The local time zone must not get into the file.
  const char *old = ::getenv("TZ");
  std::string kept = old ? old : "";
  ::setenv("TZ", "Asia/Tokyo", 1);
  scope_exit restore(
      [&] { old ? ::setenv("TZ", kept.c_str(), 1) : ::unsetenv("TZ"); });
  ASSERT_FALSE(writeNpz(path("b.npz"), makeArrays()));
  EXPECT_EQ(contents(path("a.npz")), contents(path("b.npz")));

  Expected<NamedNumpyArrays> read = readNumpyFile(path("a.npz"));
  ASSERT_TRUE(bool(read)) << takeText(read.takeError());
  ASSERT_EQ(read->size(), 2u);
  EXPECT_EQ((*read)[0].first, "x");
  EXPECT_EQ((*read)[0].second.values<float>(), ArrayRef<float>({1, 2, 3, 4}));
  EXPECT_EQ((*read)[1].first, "labels");
  EXPECT_EQ((*read)[1].second.values<int64_t>(), ArrayRef<int64_t>({7}));
}

TEST_F(SupportTest, EmptyNpz) {
  ASSERT_FALSE(writeNpz(path("a.npz"), {}));
  Expected<NamedNumpyArrays> read = readNpz(path("a.npz"));
  ASSERT_TRUE(bool(read)) << takeText(read.takeError());
  EXPECT_TRUE(read->empty());
}

TEST_F(SupportTest, DamagedNpzNeverReadsAsGood) {
  ASSERT_FALSE(writeNpz(path("a.npz"), makeArrays()));
  std::string bytes = contents(path("a.npz"));
  for (size_t size = 0; size < bytes.size(); ++size) {
    std::vector<char> cut(bytes.begin(), bytes.begin() + size);
    EXPECT_NE(takeText(parseNpz(StringRef(cut.data(), size), "f")), "no error")
        << size;
  }
  // A flipped bit may hit a date or a comment, but never changes an element.
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] ^= 0x10;
    Expected<NamedNumpyArrays> read = parseNpz(damaged, "f");
    if (!read) {
      consumeError(read.takeError());
      continue;
    }
    ASSERT_EQ(read->size(), 2u);
    EXPECT_EQ((*read)[0].second.data, makeArrays()[0].second.data) << i;
    EXPECT_EQ((*read)[1].second.data, makeArrays()[1].second.data) << i;
  }
}

// Two directory entries of one member: together they claim more data than there
// is, and many of them would fill the memory.
TEST_F(SupportTest, OverlappingMembersOfNpzAreRefused) {
  NumpyArray ones = NumpyArray::create<float>({1024}, SmallVector<float>(1024));
  ASSERT_FALSE(writeNpz(path("a.npz"), {{"a", ones}}));
  std::string bytes = contents(path("a.npz"));
  size_t directory = bytes.find("PK\x01\x02"), end = bytes.find("PK\x05\x06");
  ASSERT_NE(end, std::string::npos);
  std::string entry = bytes.substr(directory, end - directory);
  std::string record = bytes.substr(end);
  // Entries on this disk, in all, and the bytes of the directory.
  record[8] = record[10] = 2;
  support::endian::write32le(&record[12], 2 * entry.size());
  std::string other = entry;
  other[46] = 'b';
  std::string twice = bytes.substr(0, directory) + entry + other + record;
  EXPECT_NE(takeText(parseNpz(twice, "f")).find("bytes of data in the file"),
            std::string::npos);
}

// The files in Inputs were written by numpy.save and numpy.savez_compressed.
TEST_F(SupportTest, ReadsNumpysOwnFiles) {
  Expected<NumpyArray> half =
      readNpy(ACCOPT_TEST_INPUTS "/fortran-float16.npy");
  ASSERT_TRUE(bool(half)) << takeText(half.takeError());
  EXPECT_EQ(half->type, NumpyType::Float16);
  EXPECT_EQ(half->shape, (SmallVector<int64_t>{2, 3, 4}));
  std::vector<float> values = half->toFloat();
  for (size_t i = 0; i < values.size(); ++i)
    EXPECT_EQ(values[i], float(i) / 8);

  Expected<NamedNumpyArrays> mixed = readNpz(ACCOPT_TEST_INPUTS "/mixed.npz");
  ASSERT_TRUE(bool(mixed)) << takeText(mixed.takeError());
  ASSERT_EQ(mixed->size(), 4u);
  EXPECT_EQ((*mixed)[0].first, "scalar");
  EXPECT_EQ((*mixed)[0].second.values<double>(), ArrayRef<double>({2.5}));
  EXPECT_TRUE((*mixed)[0].second.shape.empty());
  EXPECT_EQ((*mixed)[1].second.toInt64(), (std::vector<int64_t>{1, 0, 1}));
  EXPECT_EQ((*mixed)[2].second.values<int16_t>(),
            ArrayRef<int16_t>({-5, -4, -3, -2, -1, 0, 1, 2, 3, 4}));
  EXPECT_EQ((*mixed)[3].second.shape, (SmallVector<int64_t>{0, 3}));
}

TEST_F(SupportTest, MissingFileIsNamed) {
  EXPECT_EQ(takeText(readNpy(path("no.npy"))),
            "error: " + path("no.npy") + ": No such file or directory\n");
}

} // namespace
