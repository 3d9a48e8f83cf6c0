//===- Npy.cpp - NumPy's .npy files ---------------------------------------===//
//
// The header of an .npy file is a Python dictionary with the three keys
// 'descr', 'fortran_order' and 'shape'. Only what numpy.save writes is
// accepted: that is a small language, and a damaged file is told apart from a
// valid one early.
//
//===----------------------------------------------------------------------===//

#include "accopt/Support/Npy.h"

#include "accopt/Support/Diagnostics.h"
#include "accopt/Support/OutputFile.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cmath>
#include <limits>
#include <optional>

using namespace llvm;
using namespace accopt;

//===----------------------------------------------------------------------===//
// Element types
//===----------------------------------------------------------------------===//

namespace {
struct TypeInfo {
  NumpyType type;
  StringRef descr;
  StringRef name;
  unsigned width;
};
} // namespace

static constexpr TypeInfo typeInfos[] = {
    {NumpyType::Bool, "|b1", "bool", 1},
    {NumpyType::Int8, "|i1", "int8", 1},
    {NumpyType::Int16, "<i2", "int16", 2},
    {NumpyType::Int32, "<i4", "int32", 4},
    {NumpyType::Int64, "<i8", "int64", 8},
    {NumpyType::UInt8, "|u1", "uint8", 1},
    {NumpyType::UInt16, "<u2", "uint16", 2},
    {NumpyType::UInt32, "<u4", "uint32", 4},
    {NumpyType::UInt64, "<u8", "uint64", 8},
    {NumpyType::Float16, "<f2", "float16", 2},
    {NumpyType::Float32, "<f4", "float32", 4},
    {NumpyType::Float64, "<f8", "float64", 8},
};

static const TypeInfo &getInfo(NumpyType type) {
  return typeInfos[static_cast<unsigned>(type)];
}

unsigned accopt::getByteWidth(NumpyType type) { return getInfo(type).width; }

std::optional<NumpyType> accopt::findNumpyType(llvm::StringRef name) {
  for (auto type = unsigned(NumpyType::Bool);
       type <= unsigned(NumpyType::Float64); ++type)
    if (getName(NumpyType(type)) == name)
      return NumpyType(type);
  return std::nullopt;
}

StringRef accopt::getName(NumpyType type) { return getInfo(type).name; }

//===----------------------------------------------------------------------===//
// NumpyArray
//===----------------------------------------------------------------------===//

int64_t NumpyArray::numElements() const {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

static float halfToFloat(uint16_t bits) {
  APFloat value(APFloat::IEEEhalf(), APInt(16, bits));
  bool lost = false;
  value.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &lost);
  return value.convertToFloat();
}

/// Calls `visit` with each element in its own C++ type; halves as float.
template <typename Visitor>
static void forEachElement(const NumpyArray &array, Visitor visit) {
  auto walk = [&]<typename T>(T) {
    for (int64_t i = 0, e = array.numElements(); i != e; ++i) {
      T value;
      std::memcpy(&value, array.data.data() + i * sizeof(T), sizeof(T));
      visit(value);
    }
  };
  switch (array.type) {
  case NumpyType::Bool:
  case NumpyType::UInt8:
    return walk(uint8_t());
  case NumpyType::Int8:
    return walk(int8_t());
  case NumpyType::Int16:
    return walk(int16_t());
  case NumpyType::Int32:
    return walk(int32_t());
  case NumpyType::Int64:
    return walk(int64_t());
  case NumpyType::UInt16:
    return walk(uint16_t());
  case NumpyType::UInt32:
    return walk(uint32_t());
  case NumpyType::UInt64:
    return walk(uint64_t());
  case NumpyType::Float32:
    return walk(float());
  case NumpyType::Float64:
    return walk(double());
  case NumpyType::Float16:
    for (int64_t i = 0, e = array.numElements(); i != e; ++i)
      visit(halfToFloat(support::endian::read16le(array.data.data() + 2 * i)));
    return;
  }
}

std::vector<float> NumpyArray::toFloat() const {
  std::vector<float> result;
  result.reserve(numElements());
  forEachElement(*this, [&](auto value) { result.push_back(float(value)); });
  return result;
}

static int64_t clampToInt64(double value) {
  if (std::isnan(value))
    return 0;
  if (value >= 0x1p63)
    return std::numeric_limits<int64_t>::max();
  if (value < -0x1p63)
    return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(value);
}

std::vector<int64_t> NumpyArray::toInt64() const {
  std::vector<int64_t> result;
  result.reserve(numElements());
  forEachElement(*this, [&]<typename T>(T value) {
    if constexpr (std::is_floating_point_v<T>)
      result.push_back(clampToInt64(value));
    else if constexpr (std::is_same_v<T, uint64_t>)
      result.push_back(
          std::min<uint64_t>(value, std::numeric_limits<int64_t>::max()));
    else
      result.push_back(value);
  });
  return result;
}

//===----------------------------------------------------------------------===//
// Header
//===----------------------------------------------------------------------===//

namespace {
struct Header {
  std::optional<NumpyType> type;
  std::optional<bool> fortranOrder;
  std::optional<SmallVector<int64_t>> shape;
};

/// Parses the dictionary literal. Every function returns false where the text
/// does not fit and leaves the reason in `message`.
class HeaderParser {
public:
  HeaderParser(StringRef text) : text(text) {}

  bool parse(Header &header);
  std::string message = "malformed header";

private:
  bool consume(char c) {
    text = text.ltrim(" \n");
    return text.consume_front(StringRef(&c, 1));
  }
  bool parseString(StringRef &value);
  bool parseType(std::optional<NumpyType> &type);
  bool parseBool(std::optional<bool> &value);
  bool parseShape(std::optional<SmallVector<int64_t>> &shape);
  bool fail(const Twine &reason) {
    message = reason.str();
    return false;
  }

  StringRef text;
};
} // namespace

bool HeaderParser::parseString(StringRef &value) {
  if (!consume('\''))
    return false;
  size_t end = text.find('\'');
  if (end == StringRef::npos)
    return false;
  value = text.take_front(end);
  text = text.drop_front(end + 1);
  return true;
}

bool HeaderParser::parseType(std::optional<NumpyType> &type) {
  StringRef descr;
  if (!parseString(descr))
    return fail("expected one element type, got a structured one");
  for (const TypeInfo &info : typeInfos)
    if (info.descr == descr)
      type = info.type;
  if (!type)
    return fail("expected a little-endian bool, integer or float element "
                "type, got '" +
                descr + "'");
  return true;
}

bool HeaderParser::parseBool(std::optional<bool> &value) {
  text = text.ltrim(" ");
  if (text.consume_front("True"))
    value = true;
  else if (text.consume_front("False"))
    value = false;
  return value.has_value();
}

bool HeaderParser::parseShape(std::optional<SmallVector<int64_t>> &shape) {
  // More dimensions than NumPy itself allows are damage.
  constexpr unsigned maxRank = 64;
  if (!consume('('))
    return false;
  shape.emplace();
  while (!consume(')')) {
    int64_t size;
    text = text.ltrim(" ");
    if (text.consumeInteger(10, size))
      return fail("malformed shape");
    if (size < 0)
      return fail("expected a shape of non-negative sizes, got " + Twine(size));
    shape->push_back(size);
    if (shape->size() > maxRank)
      return fail("expected at most 64 dimensions");
    if (!consume(',') && !text.starts_with(")"))
      return fail("malformed shape");
  }
  return true;
}

bool HeaderParser::parse(Header &header) {
  if (!consume('{'))
    return false;
  while (!consume('}')) {
    StringRef key;
    if (!parseString(key) || !consume(':'))
      return false;
    text = text.ltrim(" ");
    bool fits = key == "descr"           ? parseType(header.type)
                : key == "fortran_order" ? parseBool(header.fortranOrder)
                : key == "shape"         ? parseShape(header.shape)
                                         : false;
    if (!fits)
      return false;
    if (!consume(',') && !text.starts_with("}"))
      return false;
  }
  return header.type && header.fortranOrder && header.shape &&
         text.trim(" \n").empty();
}

/// Splits `bytes` into the header's text and the elements.
static bool splitHeader(StringRef bytes, StringRef &header, StringRef &data) {
  // Magic (6 bytes), version (2), length of the header (2 or 4).
  if (bytes.size() < 10)
    return false;
  bool isFirstVersion = bytes[6] == 1;
  size_t start = isFirstVersion ? 10 : 12;
  if (bytes.size() < start)
    return false;
  size_t length = isFirstVersion ? support::endian::read16le(bytes.data() + 8)
                                 : support::endian::read32le(bytes.data() + 8);
  if (bytes.size() - start < length)
    return false;
  header = bytes.substr(start, length);
  data = bytes.drop_front(start + length);
  return true;
}

/// Bytes of an array, or nothing when they do not fit in 63 bits.
static std::optional<int64_t> getByteSize(NumpyType type,
                                          ArrayRef<int64_t> shape) {
  // A zero makes the product zero, but the others must still be sensible.
  int64_t size = getByteWidth(type);
  bool isEmpty = false;
  for (int64_t dim : shape) {
    if (dim == 0)
      isEmpty = true;
    else if (MulOverflow(size, dim, size))
      return std::nullopt;
  }
  return isEmpty ? 0 : size;
}

/// Copies elements from column-major `source` to row-major `target`.
static void copyTransposed(StringRef source, ArrayRef<int64_t> shape,
                           unsigned width, std::vector<char> &target) {
  SmallVector<int64_t> index(shape.size(), 0), strides(shape.size());
  int64_t stride = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    strides[i] = stride;
    stride *= shape[i];
  }
  int64_t from = 0;
  for (size_t to = 0; to < target.size(); to += width) {
    std::memcpy(target.data() + to, source.data() + from * width, width);
    for (size_t i = shape.size(); i-- > 0;) {
      from += strides[i];
      if (++index[i] < shape[i])
        break;
      from -= strides[i] * shape[i];
      index[i] = 0;
    }
  }
}

Expected<NumpyArray> accopt::parseNpy(StringRef bytes, StringRef file) {
  if (!bytes.starts_with("\x93NUMPY"))
    return makeFileError(file, "expected an .npy file, got other data");
  if (bytes.size() >= 8 && (bytes[6] < 1 || bytes[6] > 3 || bytes[7] != 0))
    return makeFileError(file, "expected .npy version 1.0 to 3.0, got " +
                                   Twine(unsigned(uint8_t(bytes[6]))) + "." +
                                   Twine(unsigned(uint8_t(bytes[7]))));
  StringRef headerText, elements;
  if (!splitHeader(bytes, headerText, elements))
    return makeFileError(file, "truncated .npy header");

  Header header;
  HeaderParser parser(headerText);
  if (!parser.parse(header))
    return makeFileError(file, ".npy header: " + parser.message);

  NumpyArray array;
  array.type = *header.type;
  array.shape = *header.shape;
  std::optional<int64_t> size = getByteSize(array.type, array.shape);
  if (!size || static_cast<uint64_t>(*size) != elements.size())
    return makeFileError(
        file, "expected " +
                  (size ? Twine(*size).str() : std::string("over 2^63")) +
                  " bytes of elements, got " + Twine(elements.size()));
  array.data.resize(elements.size());
  if (*header.fortranOrder && array.shape.size() > 1)
    copyTransposed(elements, array.shape, getByteWidth(array.type), array.data);
  else if (!elements.empty())
    std::memcpy(array.data.data(), elements.data(), elements.size());
  return array;
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

static Expected<std::unique_ptr<MemoryBuffer>> openFile(StringRef path) {
  ErrorOr<std::unique_ptr<MemoryBuffer>> buffer = MemoryBuffer::getFile(
      path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return makeFileError(path, buffer.getError().message());
  return std::move(*buffer);
}

Expected<NumpyArray> accopt::readNpy(StringRef path) {
  Expected<std::unique_ptr<MemoryBuffer>> buffer = openFile(path);
  if (!buffer)
    return buffer.takeError();
  return parseNpy((*buffer)->getBuffer(), path);
}

Expected<NamedNumpyArrays> accopt::readNpz(StringRef path) {
  Expected<std::unique_ptr<MemoryBuffer>> buffer = openFile(path);
  if (!buffer)
    return buffer.takeError();
  return parseNpz((*buffer)->getBuffer(), path);
}

Expected<NamedNumpyArrays> accopt::readNumpyFile(StringRef path) {
  Expected<std::unique_ptr<MemoryBuffer>> buffer = openFile(path);
  if (!buffer)
    return buffer.takeError();
  StringRef bytes = (*buffer)->getBuffer();
  if (bytes.starts_with("PK"))
    return parseNpz(bytes, path);
  if (!bytes.starts_with("\x93NUMPY"))
    return makeFileError(path, "expected an .npy or .npz file, got other data");
  Expected<NumpyArray> array = parseNpy(bytes, path);
  if (!array)
    return array.takeError();
  NamedNumpyArrays arrays;
  arrays.emplace_back("", std::move(*array));
  return arrays;
}

std::string accopt::serializeNpy(const NumpyArray &array) {
  std::string header;
  raw_string_ostream os(header);
  os << "{'descr': '" << getInfo(array.type).descr
     << "', 'fortran_order': False, 'shape': (";
  interleave(array.shape, os, ", ");
  os << (array.shape.size() == 1 ? ",), }" : "), }");

  // The elements start at a multiple of 64 bytes; the padding ends in a
  // newline.
  bool isFirstVersion = header.size() + 10 + 64 <= 0xffff;
  size_t start = isFirstVersion ? 10 : 12;
  size_t total = alignTo(start + header.size() + 1, 64);
  header.append(total - start - header.size() - 1, ' ');
  header += '\n';

  std::string bytes("\x93NUMPY");
  bytes += isFirstVersion ? '\x01' : '\x02';
  bytes += '\0';
  char length[4];
  support::endian::write32le(length, header.size());
  bytes.append(length, start - 8);
  bytes += header;
  bytes.append(array.data.begin(), array.data.end());
  return bytes;
}

Error accopt::writeNpy(StringRef path, const NumpyArray &array) {
  return writeOutputFile(path, serializeNpy(array));
}
