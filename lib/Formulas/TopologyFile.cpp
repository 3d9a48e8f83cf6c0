//===- TopologyFile.cpp - SCALE-Sim's lists of layers ---------------------===//

#include "accopt/Formulas/TopologyFile.h"

#include "Csv.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace llvm;
using namespace accopt::formulas;

namespace {

/// What a column sets: a name, a sparsity, or fields of one of the shapes.
struct Column {
  enum Kind { Unknown, Name, Sparsity, Conv, Gemm, Groups } kind = Unknown;
  SmallVector<int64_t ConvShape::*, 4> convFields;
  int64_t GemmShape::*gemmField = nullptr;
};

Column conv(std::initializer_list<int64_t ConvShape::*> fields) {
  return {Column::Conv, fields, nullptr};
}

Column gemm(int64_t GemmShape::*field) { return {Column::Gemm, {}, field}; }

Column columnOf(StringRef title) {
  using C = ConvShape;
  return StringSwitch<Column>(normalizeTitle(title))
      .Cases({"layername", "layer", "name"}, {Column::Name, {}, nullptr})
      .Cases({"sparsity", "sparsityratio"}, {Column::Sparsity, {}, nullptr})
      .Case("groups", {Column::Groups, {}, nullptr})
      .Case("m", gemm(&GemmShape::m))
      .Case("n", gemm(&GemmShape::n))
      .Case("k", gemm(&GemmShape::k))
      .Case("batch", conv({&C::batch}))
      .Cases({"ifmapheight", "inputheight"}, conv({&C::inputHeight}))
      .Cases({"ifmapwidth", "inputwidth"}, conv({&C::inputWidth}))
      .Case("filterheight", conv({&C::kernelHeight}))
      .Case("filterwidth", conv({&C::kernelWidth}))
      .Cases({"channels", "numchannels"}, conv({&C::inputChannels}))
      .Cases({"numfilter", "numfilters", "filters"}, conv({&C::outputChannels}))
      .Cases({"strides", "stride"}, conv({&C::strideHeight, &C::strideWidth}))
      .Case("strideheight", conv({&C::strideHeight}))
      .Case("stridewidth", conv({&C::strideWidth}))
      .Case("dilation", conv({&C::dilationHeight, &C::dilationWidth}))
      .Case("dilationheight", conv({&C::dilationHeight}))
      .Case("dilationwidth", conv({&C::dilationWidth}))
      .Cases({"padding", "pad"},
             conv({&C::padTop, &C::padLeft, &C::padBottom, &C::padRight}))
      .Case("padtop", conv({&C::padTop}))
      .Case("padleft", conv({&C::padLeft}))
      .Case("padbottom", conv({&C::padBottom}))
      .Case("padright", conv({&C::padRight}))
      .Default({});
}

/// One file being read.
class Reader {
public:
  Reader(StringRef file, Rounding rounding) : file(file), rounding(rounding) {}

  Expected<std::vector<Layer>> run(StringRef text);

private:
  Error readHeader(const CsvLine &line);
  Error requireColumns(unsigned line) const;
  Expected<Layer> readLayer(const CsvLine &line) const;
  Error setCell(const Column &column, StringRef title, StringRef cell,
                Layer &layer, ConvShape &conv, GemmShape &gemm) const;

  StringRef file;
  Rounding rounding;
  std::vector<Column> columns;
  std::vector<StringRef> titles;
  bool isGemm = false, hasGroups = false;
};
} // namespace

Error Reader::readHeader(const CsvLine &line) {
  for (StringRef title : line.cells) {
    Column column = columnOf(title);
    if (column.kind == Column::Unknown)
      return makeLineError(
          file, line.number,
          "expected the titles of SCALE-Sim's columns (Layer name, IFMAP "
          "Height, ... or Layer, M, N, K), got '" +
              title + "'");
    isGemm |= column.kind == Column::Gemm;
    hasGroups |= column.kind == Column::Groups;
    if (llvm::any_of(titles, [&](StringRef other) {
          return normalizeTitle(other) == normalizeTitle(title);
        }))
      return makeLineError(file, line.number,
                           "expected each column once, got '" + title +
                               "' twice");
    columns.push_back(std::move(column));
    titles.push_back(title);
  }
  return requireColumns(line.number);
}

Error Reader::requireColumns(unsigned line) const {
  for (auto [column, title] : zip(columns, titles))
    if (isGemm && column.kind == Column::Conv)
      return makeLineError(file, line,
                           "expected columns of a matrix product next to M, N "
                           "or K, got '" +
                               title + "'");
  const StringRef gemmTitles[] = {"M", "N", "K"};
  const StringRef convTitles[] = {"IFMAP Height",  "IFMAP Width",
                                  "Filter Height", "Filter Width",
                                  "Channels",      "Num Filter"};
  for (StringRef needed :
       isGemm ? ArrayRef(gemmTitles) : ArrayRef(convTitles)) {
    Column wanted = columnOf(needed);
    if (llvm::none_of(columns, [&](const Column &column) {
          return column.convFields == wanted.convFields &&
                 column.gemmField == wanted.gemmField;
        }))
      return makeLineError(file, line,
                           "expected a column '" + needed + "', got none");
  }
  return Error::success();
}

Error Reader::setCell(const Column &column, StringRef title, StringRef cell,
                      Layer &layer, ConvShape &conv, GemmShape &gemm) const {
  if (column.kind == Column::Name) {
    layer.name = cell.str();
    return Error::success();
  }
  if (column.kind == Column::Sparsity)
    return parseSparsity(cell).moveInto(layer.sparsity.emplace());
  int64_t value;
  if (cell.getAsInteger(10, value))
    return createStringError(inconvertibleErrorCode(),
                             "column '" + title +
                                 "': expected an integer, got '" + cell + "'");
  if (column.kind == Column::Groups)
    conv.groups = gemm.groups = value;
  else if (column.kind == Column::Gemm)
    gemm.*column.gemmField = value;
  else
    for (int64_t ConvShape::*field : column.convFields)
      conv.*field = value;
  return Error::success();
}

Expected<Layer> Reader::readLayer(const CsvLine &line) const {
  size_t count = line.cells.size();
  // The sparsity may be left out, as SCALE-Sim allows.
  bool complete =
      count == columns.size() ||
      (count + 1 == columns.size() && columns.back().kind == Column::Sparsity);
  if (!complete)
    return makeLineError(file, line.number,
                         "expected " + Twine(columns.size()) +
                             " columns, as in the first line, got " +
                             Twine(count));
  Layer layer;
  ConvShape conv;
  GemmShape gemm;
  conv.rounding = rounding;
  for (auto [column, title, cell] : zip(columns, titles, line.cells))
    if (Error error = setCell(column, title, cell, layer, conv, gemm))
      return atLine(file, line.number, std::move(error));
  // SCALE-Sim spells a depthwise layer so.
  if (!isGemm && !hasGroups && StringRef(layer.name).contains("DP")) {
    conv.groups = conv.inputChannels;
    if (conv.inputChannels > 0 && conv.inputChannels <= maxExtent &&
        conv.outputChannels <= maxExtent)
      conv.outputChannels *= conv.inputChannels;
  }
  if (Error error = isGemm ? check(gemm) : check(conv))
    return atLine(file, line.number, std::move(error));
  if (isGemm)
    layer.shape = gemm;
  else
    layer.shape = conv;
  return layer;
}

Expected<std::vector<Layer>> Reader::run(StringRef text) {
  std::vector<CsvLine> lines = splitCsv(text);
  if (lines.empty())
    return makeLineError(file, 1, "expected a line of column titles, got none");
  if (Error error = readHeader(lines.front()))
    return error;
  if (lines.size() == 1)
    return makeLineError(file, lines.front().number,
                         "expected layers after the titles, got none");
  std::vector<Layer> layers;
  for (const CsvLine &line : drop_begin(lines)) {
    Expected<Layer> layer = readLayer(line);
    if (!layer)
      return layer.takeError();
    if (layer->name.empty())
      layer->name = "layer" + std::to_string(layers.size());
    layers.push_back(std::move(*layer));
  }
  return layers;
}

Expected<std::vector<Layer>>
accopt::formulas::parseTopology(StringRef text, StringRef file,
                                Rounding rounding) {
  return Reader(file, rounding).run(text);
}

Expected<std::vector<Layer>> accopt::formulas::readTopology(StringRef path,
                                                            Rounding rounding) {
  Expected<std::unique_ptr<MemoryBuffer>> buffer = openFile(path);
  if (!buffer)
    return buffer.takeError();
  return parseTopology((*buffer)->getBuffer(), path, rounding);
}
