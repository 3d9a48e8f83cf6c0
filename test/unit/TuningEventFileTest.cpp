//===- TuningEventFileTest.cpp - Curves ----------------------===//

#include "accopt/Tuning/EventFile.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/Endian.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

using namespace accopt;

namespace {
/// Reads a protobuf message: the fields in order, as numbers or bytes.
struct Field {
  unsigned number = 0;
  uint64_t value = 0;
  std::string bytes;
};
std::vector<Field> parse(llvm::StringRef message) {
  std::vector<Field> fields;
  size_t at = 0;
  auto varint = [&] {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      auto byte = uint64_t(uint8_t(message[at++]));
      value |= (byte & 127) << shift;
      if (byte < 128)
        return value;
    }
  };
  auto fixed = [&](size_t width) {
    uint64_t value = 0;
    for (size_t i = 0; i < width; ++i)
      value |= uint64_t(uint8_t(message[at++])) << (8 * i);
    return value;
  };
  while (at < message.size()) {
    uint64_t key = varint();
    Field field;
    field.number = unsigned(key >> 3);
    switch (key & 7) {
    case 0:
      field.value = varint();
      break;
    case 1:
      field.value = fixed(8);
      break;
    case 2: {
      size_t size = varint();
      field.bytes = message.substr(at, size).str();
      at += size;
      break;
    }
    case 5:
      field.value = fixed(4);
      break;
    default:
      ADD_FAILURE() << "wire type " << (key & 7);
      return fields;
    }
    fields.push_back(field);
  }
  return fields;
}

std::vector<std::string> records(llvm::StringRef file) {
  std::vector<std::string> result;
  while (!file.empty()) {
    size_t size = llvm::support::endian::read64le(file.data());
    result.push_back(file.substr(12, size).str());
    file = file.drop_front(16 + size);
  }
  return result;
}

const std::vector<Metric> kMetrics = {{"qat", "loss", 0, 0.1},
                                      {"qat", "loss", 300, NAN},
                                      {"prune{a,b}", "top-1 \"x\"", 1, 1e-300}};
} // namespace

TEST(TuningEventFile, FramesRecordsAsTensorFlow) {
  // The version record with wall time 0 as TensorFlow writes it: length,
  // checksum of the length (known from any event file: 24 bytes), message.
  std::string file = encodeEvents({});
  ASSERT_EQ(file.size(), 8u + 4 + 24 + 4);
  EXPECT_EQ(llvm::toHex(llvm::StringRef(file).take_front(12), true),
            "1800000000000000a37f4b22");
}

TEST(TuningEventFile, HoldsEveryMetric) {
  std::vector<std::string> events = records(encodeEvents(kMetrics));
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(parse(events[0])[1].bytes, "brain.Event:2");
  for (size_t i = 0; i < kMetrics.size(); ++i) {
    std::vector<Field> event = parse(events[i + 1]);
    ASSERT_EQ(event.size(), 3u);
    EXPECT_EQ(llvm::bit_cast<double>(event[0].value), double(i + 1));
    EXPECT_EQ(event[1].number, 2u);
    EXPECT_EQ(int64_t(event[1].value), kMetrics[i].index);
    EXPECT_EQ(event[2].number, 5u);
    std::vector<Field> value = parse(parse(event[2].bytes)[0].bytes);
    ASSERT_EQ(value.size(), 2u);
    EXPECT_EQ(value[0].bytes, kMetrics[i].step + "/" + kMetrics[i].name);
    EXPECT_EQ(value[1].number, 2u);
    EXPECT_EQ(uint32_t(value[1].value),
              llvm::bit_cast<uint32_t>(float(kMetrics[i].value)));
  }
}

TEST(TuningEventFile, WritesCsv) {
  EXPECT_EQ(encodeCurvesCsv(kMetrics),
            "step,name,index,value\n"
            "qat,loss,0,0.10000000000000001\n"
            "qat,loss,300,nan\n"
            "\"prune{a,b}\",\"top-1 \"\"x\"\"\",1,1e-300\n");
}
