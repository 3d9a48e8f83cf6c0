//===- EventFile.cpp - Learning curves for other programs -----------------===//
//
// Part of AccOpt. The formats are those of TensorFlow: records as in
// tensorflow/core/lib/io/record_writer.h, with the checksum of RFC 3720
// (Castagnoli) masked as in tensorflow/core/lib/hash/crc32c.h; messages as in
// tensorflow/core/util/event.proto and framework/summary.proto, by hand in the
// wire format of https://protobuf.dev/programming-guides/encoding.
//
//===----------------------------------------------------------------------===//

#include "accopt/Tuning/EventFile.h"

#include "llvm/ADT/bit.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/LEB128.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace llvm;

namespace accopt {
namespace {

/// One byte at a time; curves have some thousand points.
uint32_t crc32c(StringRef bytes) {
  uint32_t crc = ~0u;
  for (unsigned char byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78u : 0);
  }
  return ~crc;
}

template <typename T> std::string littleEndian(T value) {
  std::string bytes(sizeof(T), '\0');
  support::endian::write<T>(bytes.data(), value, endianness::little);
  return bytes;
}

std::string maskedChecksum(StringRef bytes) {
  uint32_t crc = crc32c(bytes);
  return littleEndian<uint32_t>(((crc >> 15) | (crc << 17)) + 0xa282ead8u);
}

std::string record(StringRef data) {
  std::string length = littleEndian<uint64_t>(data.size());
  return length + maskedChecksum(length) + data.str() + maskedChecksum(data);
}

enum class Wire { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

std::string varint(uint64_t value) {
  std::string bytes;
  raw_string_ostream os(bytes);
  encodeULEB128(value, os);
  return bytes;
}
std::string tag(unsigned field, Wire wire) {
  return varint(field << 3 | unsigned(wire));
}
std::string message(unsigned field, StringRef content) {
  return tag(field, Wire::Bytes) + varint(content.size()) + content.str();
}
std::string wallTime(double seconds) {
  return tag(1, Wire::Fixed64) + littleEndian(bit_cast<uint64_t>(seconds));
}

/// Event{wall_time = 1, step = 2, summary = 5}, Summary{value = 1},
/// Value{tag = 1, simple_value = 2}.
std::string scalarEvent(double time, const Metric &metric) {
  std::string value = message(1, metric.step + "/" + metric.name) +
                      tag(2, Wire::Fixed32) +
                      littleEndian(bit_cast<uint32_t>(float(metric.value)));
  return wallTime(time) + tag(2, Wire::Varint) +
         varint(uint64_t(metric.index)) + message(5, message(1, value));
}

/// A field of CSV (RFC 4180).
std::string field(StringRef text) {
  if (text.find_first_of(",\"\r\n") == StringRef::npos)
    return text.str();
  std::string quoted = "\"";
  for (char c : text)
    quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

void printValue(raw_ostream &os, double value) {
  if (std::isnan(value))
    os << "nan";
  else if (std::isinf(value))
    os << (value < 0 ? "-inf" : "inf");
  else
    os << format("%.17g", value);
}
} // namespace

std::string encodeEvents(ArrayRef<Metric> metrics) {
  // file_version = 3, which must come first.
  std::string file = record(wallTime(0) + message(3, "brain.Event:2"));
  double time = 0;
  for (const Metric &metric : metrics)
    file += record(scalarEvent(++time, metric));
  return file;
}

std::string encodeCurvesCsv(ArrayRef<Metric> metrics) {
  std::string text;
  raw_string_ostream os(text);
  os << "step,name,index,value\n";
  for (const Metric &metric : metrics) {
    os << field(metric.step) << ',' << field(metric.name) << ',' << metric.index
       << ',';
    printValue(os, metric.value);
    os << '\n';
  }
  return text;
}

} // namespace accopt
