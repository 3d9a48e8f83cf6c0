//===- TensorReader.cpp - From ONNX tensors to attributes -----------------===//

#include "TensorReader.h"

#include "WireFormat.h"
#include "dialects/NN/NNMappedFiles.h"
#include "dialects/NN/NNShapeInference.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"

#include <cstring>

using namespace mlir;
using namespace accopt::importer;
using llvm::createStringError;
using llvm::Expected;
using onnx::TensorProto;

Type accopt::importer::convertElementType(int onnxType, MLIRContext *context) {
  auto integer = [&](unsigned width, bool isUnsigned = false) -> Type {
    return IntegerType::get(context, width,
                            isUnsigned ? IntegerType::Unsigned
                                       : IntegerType::Signless);
  };
  switch (onnxType) {
  case TensorProto::FLOAT:
  case TensorProto::FLOAT16:
  case TensorProto::BFLOAT16:
  case TensorProto::DOUBLE:
    return Float32Type::get(context);
  case TensorProto::BOOL:
    return integer(1);
  case TensorProto::INT8:
    return integer(8);
  case TensorProto::INT16:
    return integer(16);
  case TensorProto::INT32:
    return integer(32);
  case TensorProto::INT64:
    return integer(64);
  case TensorProto::UINT8:
    return integer(8, true);
  case TensorProto::UINT16:
    return integer(16, true);
  case TensorProto::UINT32:
    return integer(32, true);
  case TensorProto::UINT64:
    return integer(64, true);
  default:
    return nullptr;
  }
}

/// Whether two elements share a byte.
static bool isNibble(int onnxType) {
  return onnxType == TensorProto::INT4 || onnxType == TensorProto::UINT4;
}

/// Constants may also have 4 bits, which only quantization knows.
static Type convertConstantType(int onnxType, MLIRContext *context) {
  if (!isNibble(onnxType))
    return convertElementType(onnxType, context);
  return IntegerType::get(context, 4,
                          onnxType == TensorProto::UINT4
                              ? IntegerType::Unsigned
                              : IntegerType::Signless);
}

std::string accopt::importer::elementTypeName(int onnxType) {
  return onnx::TensorProto_DataType_IsValid(onnxType)
             ? StringRef(onnx::TensorProto_DataType_Name(
                             static_cast<onnx::TensorProto_DataType>(onnxType)))
                   .lower()
             : "type " + std::to_string(onnxType);
}

/// Bytes of one element as ONNX stores it (of two that have 4 bits); 0 where
/// the type is not supported.
static unsigned storedWidth(int onnxType) {
  switch (onnxType) {
  case TensorProto::INT4:
  case TensorProto::UINT4:
  case TensorProto::BOOL:
  case TensorProto::INT8:
  case TensorProto::UINT8:
    return 1;
  case TensorProto::FLOAT16:
  case TensorProto::BFLOAT16:
  case TensorProto::INT16:
  case TensorProto::UINT16:
    return 2;
  case TensorProto::FLOAT:
  case TensorProto::INT32:
  case TensorProto::UINT32:
    return 4;
  case TensorProto::DOUBLE:
  case TensorProto::INT64:
  case TensorProto::UINT64:
    return 8;
  default:
    return 0;
  }
}

//===----------------------------------------------------------------------===//
// Where the bytes are
//===----------------------------------------------------------------------===//

/// Narrow types are stored one to an int32 or uint64.
template <typename Repeated>
static TensorBytes packField(const Repeated &field, unsigned width) {
  auto buffer = std::make_shared<std::string>();
  buffer->reserve(field.size() * size_t(width));
  for (auto value : field)
    buffer->append(reinterpret_cast<const char *>(&value), width);
  return {*buffer, buffer};
}

/// The values of a tensor that are not in `raw_data`. Little-endian host.
static TensorBytes packTypedField(const TensorProto &tensor, unsigned width) {
  switch (tensor.data_type()) {
  case TensorProto::FLOAT:
    return packField(tensor.float_data(), width);
  case TensorProto::DOUBLE:
    return packField(tensor.double_data(), width);
  case TensorProto::INT64:
    return packField(tensor.int64_data(), width);
  case TensorProto::UINT32:
  case TensorProto::UINT64:
    return packField(tensor.uint64_data(), width);
  default:
    return packField(tensor.int32_data(), width);
  }
}

Expected<TensorBytes> TensorReader::mapExternal(StringRef location) {
  if (auto known = files.find(location); known != files.end())
    return TensorBytes{known->second->getBuffer(), known->second};
  auto refuse = [&](const Twine &reason) {
    return createStringError("external data '" + location + "': " + reason);
  };
  SmallString<256> folder(llvm::sys::path::parent_path(model->path));
  if (folder.empty())
    folder = ".";
  SmallString<256> path(folder), realFolder, realPath;
  bool leaves =
      location.empty() || location.contains('\0') || location.contains('\\') ||
      llvm::sys::path::is_absolute(location) ||
      llvm::is_contained(llvm::make_range(llvm::sys::path::begin(location),
                                          llvm::sys::path::end(location)),
                         "..");
  if (leaves)
    return refuse("expected a path inside the model's folder");
  llvm::sys::path::append(path, location);
  if (std::error_code code = llvm::sys::fs::real_path(path, realPath))
    return refuse(code.message());
  if (std::error_code code = llvm::sys::fs::real_path(folder, realFolder))
    return refuse(code.message());
  if (!realFolder.ends_with("/"))
    realFolder += "/";
  if (!StringRef(realPath).starts_with(realFolder))
    return refuse("expected a path inside the model's folder, got a link that "
                  "leaves it");
  if (!llvm::sys::fs::is_regular_file(realPath))
    return refuse("not a regular file");
  auto buffer = llvm::MemoryBuffer::getFile(realPath, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return refuse(buffer.getError().message());
  std::shared_ptr<llvm::MemoryBuffer> shared = std::move(*buffer);
  files[location] = shared;
  nn::MappedFiles::get(context).add(shared);
  return TensorBytes{shared->getBuffer(), shared};
}

Expected<TensorBytes> TensorReader::locateExternal(const TensorProto &tensor) {
  StringRef location;
  uint64_t offset = 0;
  std::optional<uint64_t> length;
  for (const onnx::StringStringEntryProto &entry : tensor.external_data()) {
    uint64_t value = 0;
    bool isNumber = entry.key() == "offset" || entry.key() == "length";
    if (isNumber && StringRef(entry.value()).getAsInteger(10, value))
      return createStringError("expected a number as external " + entry.key() +
                               ", got '" + entry.value() + "'");
    if (entry.key() == "location")
      location = entry.value();
    else if (entry.key() == "offset")
      offset = value;
    else if (entry.key() == "length")
      length = value;
  }
  Expected<TensorBytes> file = mapExternal(location);
  if (!file)
    return file.takeError();
  uint64_t size = file->bytes.size();
  if (offset > size || (length && *length > size - offset))
    return createStringError("external data '" + location +
                             "': expected offset " + Twine(offset) +
                             " and length " + Twine(length.value_or(0)) +
                             " inside the file, got " + Twine(size) + " bytes");
  file->bytes = file->bytes.substr(offset, length.value_or(size - offset));
  return file;
}

Expected<TensorBytes> TensorReader::locate(const TensorProto &tensor,
                                           StringRef cut) {
  if (tensor.data_location() == TensorProto::EXTERNAL)
    return locateExternal(tensor);
  if (!cut.empty())
    return TensorBytes{cut, model};
  if (tensor.has_raw_data())
    return TensorBytes{tensor.raw_data(), model};
  return packTypedField(tensor, storedWidth(tensor.data_type()));
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

/// f16, bf16 and f64 to f32, rounded to nearest.
static TensorBytes widen(const TensorBytes &from, int onnxType) {
  unsigned width = storedWidth(onnxType);
  size_t count = from.bytes.size() / width;
  auto buffer = std::make_shared<std::string>(count * sizeof(float), '\0');
  for (size_t i = 0; i < count; ++i) {
    float value;
    const char *source = from.bytes.data() + i * width;
    if (onnxType == TensorProto::DOUBLE) {
      double wide;
      std::memcpy(&wide, source, sizeof(wide));
      value = static_cast<float>(wide);
    } else {
      uint16_t half;
      std::memcpy(&half, source, sizeof(half));
      const llvm::fltSemantics &semantics = onnxType == TensorProto::BFLOAT16
                                                ? llvm::APFloat::BFloat()
                                                : llvm::APFloat::IEEEhalf();
      value = llvm::APFloat(semantics, llvm::APInt(16, half)).convertToFloat();
    }
    std::memcpy(buffer->data() + i * sizeof(float), &value, sizeof(float));
  }
  return {*buffer, buffer};
}

/// A byte for each of `count` elements of 4 bits, the lower half of a byte
/// first (onnx.proto). The upper half of ours is zero, as MLIR has it.
static TensorBytes unpackNibbles(const TensorBytes &from, size_t count) {
  auto buffer = std::make_shared<std::string>(count, '\0');
  for (size_t i = 0; i < count; ++i)
    (*buffer)[i] = char(uint8_t(from.bytes[i / 2]) >> (i % 2 * 4) & 0xf);
  return {*buffer, buffer};
}

Expected<ElementsAttr> TensorReader::read(const TensorProto &tensor,
                                          StringRef cut) {
  int onnxType = tensor.data_type();
  Type element = convertConstantType(onnxType, context);
  if (!element)
    return createStringError("expected a numeric element type, got " +
                             elementTypeName(onnxType));
  SmallVector<int64_t> shape(tensor.dims().begin(), tensor.dims().end());
  std::optional<int64_t> count = nn::checkedElementCount(shape);
  if (!count || *count > maxTensorElements)
    return createStringError("expected at most " + Twine(maxTensorElements) +
                             " elements, got a shape with more");
  Expected<TensorBytes> values = locate(tensor, cut);
  if (!values)
    return values.takeError();
  size_t size = size_t(*count) * storedWidth(onnxType);
  if (isNibble(onnxType))
    size = llvm::divideCeil(size, 2);
  if (values->bytes.size() != size)
    return createStringError("expected " + Twine(size) +
                             " bytes of data, got " +
                             Twine(values->bytes.size()));
  if (onnxType == TensorProto::FLOAT16 || onnxType == TensorProto::BFLOAT16 ||
      onnxType == TensorProto::DOUBLE)
    values = widen(*values, onnxType);
  if (isNibble(onnxType))
    values = unpackNibbles(*values, size_t(*count));

  auto type = RankedTensorType::get(shape, element);
  ArrayRef<char> data(values->bytes.data(), values->bytes.size());
  if (onnxType == TensorProto::BOOL) {
    SmallVector<bool> bits;
    for (char byte : data)
      bits.push_back(byte != 0);
    return ElementsAttr(DenseElementsAttr::get(type, bits));
  }
  // Small ones read better as text, and a resource must not be empty.
  if (data.size() < cutThreshold)
    return ElementsAttr(DenseElementsAttr::getFromRawBuffer(type, data));
  // A mapped file promises no alignment: say what there is.
  size_t alignment =
      llvm::MinAlign(reinterpret_cast<uintptr_t>(data.data()), 64);
  std::shared_ptr<void> owner = values->owner;
  AsmResourceBlob blob(
      data, alignment,
      [owner](void *, size_t, size_t) mutable { owner.reset(); },
      /*dataIsMutable=*/false);
  return ElementsAttr(DenseResourceElementsAttr::get(
      type, tensor.name().empty() ? "weights" : tensor.name(),
      std::move(blob)));
}
