//===- WireFormat.cpp - Cut weights out of a serialized model -------------===//

#include "WireFormat.h"

#include <optional>

using namespace llvm;
using namespace accopt::importer;

namespace {

// Field numbers of onnx.proto.
constexpr uint64_t modelGraph = 7, graphNode = 1, graphInitializer = 5;
constexpr uint64_t nodeAttribute = 5, attributeTensor = 5, tensorRawData = 9;

/// One field of a message: `whole` with its tag, `content` without tag and
/// length (length-delimited fields only).
struct Field {
  uint64_t number;
  bool delimited;
  StringRef whole, content;
};

std::optional<uint64_t> readVarint(StringRef &in) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !in.empty(); shift += 7) {
    uint8_t byte = in.front();
    in = in.drop_front();
    value |= uint64_t(byte & 0x7f) << shift;
    if (byte < 0x80)
      return value;
  }
  return std::nullopt;
}

void writeVarint(std::string &out, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

std::optional<Field> readField(StringRef &in) {
  const char *begin = in.data();
  std::optional<uint64_t> tag = readVarint(in);
  if (!tag || *tag >> 3 == 0)
    return std::nullopt;
  Field field{*tag >> 3, (*tag & 7) == 2, {}, {}};
  size_t size;
  switch (*tag & 7) {
  case 0:
    if (!readVarint(in))
      return std::nullopt;
    size = 0;
    break;
  case 1:
    size = 8;
    break;
  case 2: {
    std::optional<uint64_t> length = readVarint(in);
    if (!length || *length > in.size())
      return std::nullopt;
    size = *length;
    field.content = in.take_front(size);
    break;
  }
  case 5:
    size = 4;
    break;
  default: // Groups are not used by ONNX.
    return std::nullopt;
  }
  if (size > in.size())
    return std::nullopt;
  in = in.drop_front(size);
  field.whole = StringRef(begin, in.data() - begin);
  return field;
}

/// Walks the messages from the model down to the tensors. Every function
/// appends what remains of its message to `out` and is false where the bytes
/// are no message.
class Cutter {
public:
  explicit Cutter(CutModel &model) : model(model) {}

  bool cutModel(StringRef in) {
    return walk(in, model.skeleton, [&](const Field &field, std::string &out) {
      return field.number == modelGraph ? cutGraph(field.content, out)
                                        : std::optional<bool>();
    });
  }

private:
  using Visit =
      function_ref<std::optional<bool>(const Field &, std::string &out)>;

  /// Copies the fields of `in`, but lets `visit` rewrite length-delimited ones:
  /// it answers whether it could, or nothing to have the field copied.
  bool walk(StringRef in, std::string &out, Visit visit) {
    while (!in.empty()) {
      std::optional<Field> field = readField(in);
      if (!field)
        return false;
      std::string content;
      std::optional<bool> rewritten;
      if (field->delimited)
        rewritten = visit(*field, content);
      if (!rewritten) {
        out.append(field->whole.data(), field->whole.size());
        continue;
      }
      if (!*rewritten)
        return false;
      writeVarint(out, field->number << 3 | 2);
      writeVarint(out, content.size());
      out += content;
    }
    return true;
  }

  bool cutGraph(StringRef in, std::string &out) {
    return walk(
        in, out,
        [&](const Field &field, std::string &content) -> std::optional<bool> {
          if (field.number == graphNode)
            return cutNode(field.content, content, nodes++);
          if (field.number != graphInitializer)
            return std::nullopt;
          std::optional<StringRef> span;
          if (!cutTensor(field.content, content, span))
            return false;
          if (span)
            model.initializers[initializers] = *span;
          ++initializers;
          return true;
        });
  }

  bool cutNode(StringRef in, std::string &out, unsigned node) {
    unsigned attribute = 0;
    return walk(
        in, out,
        [&](const Field &field, std::string &content) -> std::optional<bool> {
          if (field.number != nodeAttribute)
            return std::nullopt;
          std::optional<StringRef> span;
          if (!cutAttribute(field.content, content, span))
            return false;
          if (span)
            model.attributes[{node, attribute}] = *span;
          ++attribute;
          return true;
        });
  }

  bool cutAttribute(StringRef in, std::string &out,
                    std::optional<StringRef> &span) {
    return walk(
        in, out,
        [&](const Field &field, std::string &content) -> std::optional<bool> {
          if (field.number != attributeTensor)
            return std::nullopt;
          return cutTensor(field.content, content, span);
        });
  }

  /// The last `raw_data` of a tensor counts, as in protobuf.
  bool cutTensor(StringRef in, std::string &out,
                 std::optional<StringRef> &span) {
    while (!in.empty()) {
      std::optional<Field> field = readField(in);
      if (!field)
        return false;
      bool isData = field->delimited && field->number == tensorRawData;
      if (isData && field->content.size() >= cutThreshold) {
        span = field->content;
        continue;
      }
      if (isData)
        span.reset();
      out.append(field->whole.data(), field->whole.size());
    }
    return true;
  }

  CutModel &model;
  unsigned initializers = 0;
  unsigned nodes = 0;
};

} // namespace

Expected<CutModel> accopt::importer::cutWeights(StringRef bytes) {
  CutModel model;
  if (!Cutter(model).cutModel(bytes))
    return createStringError("expected an ONNX model, got a file that is "
                             "truncated or not a protobuf message");
  return model;
}
