//===- GemminiMapping.cpp - Timeloop's text of a mapping ------------------===//

#include "GemminiNest.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/Twine.h"

using namespace llvm;
using namespace accopt::formulas;
using namespace accopt::formulas::gemmini;

namespace {

/// One loop: a dimension and its factor.
struct Factor {
  unsigned dim = 0;
  int64_t factor = 1;
};

constexpr char letters[] = "NQPKSRC"; ///< of GemminiDim

} // namespace

/// "K16X": the sixteen iterations of K are spatial.
static Expected<Factor> parseFactor(StringRef word) {
  Factor factor;
  StringRef number = word;
  size_t dim = StringRef(letters).find(number.front());
  number = number.drop_front();
  if (!number.consume_back("X"))
    number.consume_back("Y");
  if (dim == StringRef::npos || number.empty() ||
      number.getAsInteger(10, factor.factor) || factor.factor < 1 ||
      factor.factor > 65535)
    return createStringError("expected a loop such as K16 or K16X, got '" +
                             word + "'");
  factor.dim = unsigned(dim);
  return factor;
}

/// The loops of one level, whose text must begin with "L3[", as an example.
static Error parseLevel(StringRef text, unsigned level,
                        SmallVectorImpl<Factor> &loops) {
  SmallVector<StringRef> words;
  text.split(words, ' ', -1, /*KeepEmpty=*/false);
  std::string name = ("L" + Twine(level) + "[").str();
  if (words.empty() || !words[0].starts_with(name) || !words[0].ends_with("]"))
    return createStringError("expected level " + name + "...], got '" +
                             text.trim() + "'");
  for (StringRef word : ArrayRef(words).drop_front()) {
    Expected<Factor> factor = parseFactor(word);
    if (!factor)
      return factor.takeError();
    loops.push_back(*factor);
  }
  return Error::success();
}

/// Loops of L3 from the outermost in, after those that it does not name. The
/// program appends these, innermost last, to "CRSKPQN"
/// (gemmini-data-collection/layers/extract_data_csv.py).
static Expected<GemminiMapping> orderLoops(ArrayRef<Factor> outer) {
  GemminiMapping mapping;
  SmallVector<GemminiDim> named, order;
  for (Factor loop : outer) {
    GemminiDim dim = GemminiDim(loop.dim);
    if (is_contained(named, dim))
      return createStringError("expected at most one loop over " +
                               Twine(letters[loop.dim]) + " at L3, got two");
    named.push_back(dim);
  }
  for (GemminiDim dim : mapping.order)
    if (!is_contained(named, dim))
      order.push_back(dim);
  order.append(named);
  copy(order, mapping.order.begin());
  return mapping;
}

Expected<GemminiMapping>
accopt::formulas::parseGemminiMapping(StringRef text,
                                      const GemminiLayer &layer) {
  SmallVector<StringRef> levels;
  text.split(levels, " - ");
  if (levels.size() != 4)
    return createStringError("expected the levels L3, L2, L1, L0 with ' - ' "
                             "between them, got " +
                             Twine(levels.size()) + " levels");
  SmallVector<Factor> outer, inner;
  for (unsigned i = 0; i < 4; ++i)
    if (Error error = parseLevel(levels[i], 3 - i, i == 0 ? outer : inner))
      return std::move(error);

  Expected<GemminiMapping> mapping = orderLoops(outer);
  if (!mapping)
    return mapping;
  // Extents are below 2^16, so products are checked before they overflow.
  GemminiExtents product = {1, 1, 1, 1, 1, 1, 1};
  auto multiply = [&](const Factor &loop) {
    product[loop.dim] =
        std::min(product[loop.dim], int64_t(65536)) * loop.factor;
  };
  for (const Factor &loop : inner)
    multiply(loop);
  mapping->tile = product;
  for (const Factor &loop : outer)
    multiply(loop);
  const GemminiExtents extents = {layer.n, layer.q, layer.p, layer.k,
                                  layer.s, layer.r, layer.c};
  for (unsigned d = 0; d < numGemminiDims; ++d)
    if (product[d] != extents[d])
      return createStringError("expected factors of " + Twine(letters[d]) +
                               " whose product is " + Twine(extents[d]) +
                               ", got " + Twine(product[d]));
  constexpr int64_t maxTiles = int64_t(1) << 24;
  int64_t tiles = 1;
  for (const Factor &loop : outer)
    tiles = std::min(tiles, maxTiles + 1) * loop.factor;
  if (tiles > maxTiles)
    return createStringError("expected at most 2^24 tiles, got more");
  return mapping;
}
