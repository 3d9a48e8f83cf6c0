//===- ImportEinsum.cpp - Einsum as transposes, products and sums ---------===//
//
// Part of AccOpt. Operands are contracted from left to right. For two of them
// the labels fall into four groups: those that both have and that are needed
// later (batch), those that both have and nobody needs (summed by the matrix
// product), and those that one of them has. Labels that only one operand has
// and nobody needs are summed before.
//
//===----------------------------------------------------------------------===//

#include "NodeImporter.h"
#include "OpTable.h"

#include "llvm/ADT/StringExtras.h"

#include <map>

using namespace mlir;
using namespace accopt;
using namespace accopt::importer;

namespace {

using Labels = std::string;

/// A value whose dimension i is called labels[i].
struct Operand {
  Value value;
  Labels labels;
};

class Einsum {
public:
  explicit Einsum(NodeImporter &node) : node(node) {}
  Value run();

private:
  Value fail(const Twine &message) {
    (void)node.error(message);
    return nullptr;
  }
  bool parse();
  bool nameDimensions(StringRef term, int64_t rank, Labels &labels);
  bool measure();
  ArrayRef<int64_t> shapeOf(const Operand &operand) const {
    return cast<RankedTensorType>(operand.value.getType()).getShape();
  }
  Shape sizesOf(StringRef labels) const {
    Shape shape;
    for (char label : labels)
      shape.push_back(sizes.at(label));
    return shape;
  }
  int64_t countOf(StringRef labels) const {
    int64_t count = 1;
    for (char label : labels)
      count *= sizes.at(label);
    return count;
  }
  /// With the dimensions of `labels`, in that order; the others are summed.
  Value arrange(Operand operand, StringRef labels);
  Operand contract(Operand a, Operand b, StringRef needed);

  NodeImporter &node;
  SmallVector<Operand> operands;
  Labels result;
  std::map<char, int64_t> sizes;
  /// Dimensions that an ellipsis stands for are called 0, 1, ...
  size_t ellipsis = 0;
};

/// Labels of `term` for `rank` dimensions; an ellipsis is counted from the end.
bool Einsum::nameDimensions(StringRef term, int64_t rank, Labels &labels) {
  size_t dots = term.find("...");
  size_t letters = term.size() - (dots == StringRef::npos ? 0 : 3);
  for (char c : term)
    if (!llvm::isAlpha(c) && c != '.')
      return fail("expected letters and '...' in the equation, got '" + term +
                  "'"),
             false;
  if (dots == StringRef::npos) {
    labels = term.str();
  } else {
    size_t hidden = rank < 0 ? ellipsis : size_t(rank) - letters;
    if (rank >= 0 && size_t(rank) < letters)
      hidden = 0;
    if (hidden > 9)
      return fail("expected at most 9 dimensions for '...'"), false;
    labels = term.take_front(dots).str();
    for (size_t i = 0; i < hidden; ++i)
      labels += char('9' - (hidden - 1 - i));
    labels += term.drop_front(dots + 3);
    ellipsis = std::max(ellipsis, hidden);
  }
  if (rank >= 0 && int64_t(labels.size()) != rank)
    return fail("expected " + Twine(labels.size()) + " dimensions for '" +
                term + "', got " + Twine(rank)),
           false;
  for (char label : labels)
    if (llvm::count(labels, label) > 1)
      return fail("expected each label once in a term, got '" + term + "'"),
             false;
  return true;
}

bool Einsum::parse() {
  std::string equation = node.stringAttr("equation", "");
  llvm::erase(equation, ' ');
  auto [left, right] = StringRef(equation).split("->");
  SmallVector<StringRef> terms;
  left.split(terms, ',');
  if (terms.size() != node.inputs.size())
    return fail("expected one term of the equation for each input, got " +
                Twine(terms.size()) + " for " + Twine(node.inputs.size())),
           false;
  for (auto [i, term] : llvm::enumerate(terms)) {
    Operand operand;
    operand.value = node.operand(i);
    if (!operand.value || !nameDimensions(term, node.rank(i), operand.labels))
      return false;
    operands.push_back(std::move(operand));
  }
  if (StringRef(equation).contains("->"))
    return nameDimensions(right, -1, result);
  // Implicit: the ellipsis, then what occurs once, in alphabetical order.
  for (size_t i = 0; i < ellipsis; ++i)
    result += char('9' - (ellipsis - 1 - i));
  for (char c = 'A'; c <= 'z'; ++c)
    if (llvm::isAlpha(c) && left.count(c) == 1)
      result += c;
  return true;
}

/// Sizes of labels; a dimension of one broadcasts.
bool Einsum::measure() {
  for (const Operand &operand : operands)
    for (auto [label, size] :
         llvm::zip_equal(operand.labels, shapeOf(operand))) {
      int64_t &known = sizes.try_emplace(label, size).first->second;
      if (known != size && known != 1 && size != 1)
        return fail("expected one size for label '" + Twine(label) + "', got " +
                    Twine(known) + " and " + Twine(size)),
               false;
      known = std::max(known, size);
    }
  for (char label : result)
    if (!sizes.count(label))
      return fail("expected labels of inputs in the result, got '" +
                  Twine(label) + "'"),
             false;
  for (Operand &operand : operands) {
    Shape full = sizesOf(operand.labels);
    if (shapeOf(operand) == ArrayRef(full))
      continue;
    auto type = cast<RankedTensorType>(operand.value.getType());
    operand.value = node.finish(nn::ExpandOp::create(
        node.builder, node.loc, type.clone(full), operand.value));
    if (!operand.value)
      return false;
  }
  return true;
}

Value Einsum::arrange(Operand operand, StringRef labels) {
  Shape summed, perm;
  Labels kept;
  for (auto [d, label] : llvm::enumerate(operand.labels)) {
    if (labels.contains(label))
      kept += label;
    else
      summed.push_back(int64_t(d));
  }
  Value value = operand.value;
  if (!summed.empty())
    value = node.emit<nn::ReduceOp>(nn::ReduceKind::Sum, value,
                                    ArrayRef<int64_t>(summed), false);
  if (!value || kept == labels)
    return value;
  for (char label : labels)
    perm.push_back(int64_t(kept.find(label)));
  return node.emit<nn::TransposeOp>(value, node.array(perm));
}

Operand Einsum::contract(Operand a, Operand b, StringRef needed) {
  Labels batch, onlyA, onlyB, summed;
  auto isNeeded = [&](char label) { return needed.contains(label); };
  for (char label : a.labels) {
    bool shared = StringRef(b.labels).contains(label);
    if (shared)
      (isNeeded(label) ? batch : summed) += label;
    else if (isNeeded(label))
      onlyA += label;
  }
  for (char label : b.labels)
    if (!StringRef(a.labels).contains(label) && isNeeded(label))
      onlyB += label;
  Operand product{nullptr, batch + onlyA + onlyB};
  Value lhs = arrange(a, batch + onlyA + summed);
  Value rhs =
      lhs ? arrange(b, summed.empty() ? batch + onlyB : batch + summed + onlyB)
          : nullptr;
  if (!rhs)
    return product;
  Shape outer = sizesOf(batch);
  if (summed.empty()) {
    // Nothing to sum: an elementwise product.
    Shape left(outer), right(outer);
    left.append(sizesOf(onlyA));
    left.append(onlyB.size(), 1);
    right.append(onlyA.size(), 1);
    right.append(sizesOf(onlyB));
    product.value = emitArithmetic(node, "Mul", node.reshape(lhs, left),
                                   node.reshape(rhs, right));
    return product;
  }
  Shape left(outer), right(outer);
  left.append({countOf(onlyA), countOf(summed)});
  right.append({countOf(summed), countOf(onlyB)});
  Value multiplied = node.emit<nn::MatMulOp>(node.reshape(lhs, left),
                                             node.reshape(rhs, right));
  product.value =
      multiplied ? node.reshape(multiplied, sizesOf(product.labels)) : nullptr;
  return product;
}

Value Einsum::run() {
  if (!parse() || !measure())
    return nullptr;
  Operand left = operands.front();
  for (size_t i = 1; i < operands.size(); ++i) {
    Labels needed = result;
    for (const Operand &later : ArrayRef(operands).drop_front(i + 1))
      needed += later.labels;
    left = contract(left, operands[i], needed);
    if (!left.value)
      return nullptr;
  }
  return arrange(left, result);
}
} // namespace

LogicalResult accopt::importer::importEinsum(NodeImporter &node) {
  return node.setOutput(0, Einsum(node).run());
}
