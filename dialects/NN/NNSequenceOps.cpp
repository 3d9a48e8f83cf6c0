//===- NNSequenceOps.cpp - Resampling and recurrent layers ----------------===//

#include "dialects/NN/NNOps.h"
#include "dialects/NN/NNShapeInference.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace accopt::nn;

//===----------------------------------------------------------------------===//
// ResampleOp
//===----------------------------------------------------------------------===//

LogicalResult
ResampleOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                             ValueRange operands, DictionaryAttr attributes,
                             OpaqueProperties properties, RegionRange regions,
                             SmallVectorImpl<Type> &types) {
  Adaptor op(operands, attributes, properties, regions);
  Shape shape(shapeOf(op.getInput()));
  int64_t axis = op.getAxis(), taps = op.getTaps();
  if (axis < 0 || axis >= static_cast<int64_t>(shape.size()))
    return emitOptionalError(loc, "expected an axis in [0, ", shape.size(),
                             "), got ", axis);
  int64_t count = op.getIndices().size(), weights = op.getWeights().size();
  bool isCopy = weights == 0;
  if (taps < 1 || count % taps != 0 || (isCopy ? taps != 1 : weights != count))
    return emitOptionalError(loc, "expected one weight for each index and ",
                             "whole groups of ", taps, " taps, got ", weights,
                             " weights and ", count, " indices");
  for (int64_t index : op.getIndices())
    if (index < 0 || index >= shape[axis])
      return emitOptionalError(loc, "expected indices in [0, ", shape[axis],
                               "), got ", index);
  shape[axis] = count / taps;
  return addResult(loc, op.getInput().getType(), shape, types);
}

//===----------------------------------------------------------------------===//
// RecurrentOp
//===----------------------------------------------------------------------===//

int64_t RecurrentOp::countGates(StringRef kind) {
  return llvm::StringSwitch<int64_t>(kind)
      .Case("lstm", 4)
      .Case("gru", 3)
      .Case("rnn", 1)
      .Default(0);
}

LogicalResult
RecurrentOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                              ValueRange operands, DictionaryAttr attributes,
                              OpaqueProperties properties, RegionRange regions,
                              SmallVectorImpl<Type> &types) {
  Adaptor op(operands, attributes, properties, regions);
  ArrayRef<int64_t> input = shapeOf(op.getInput());
  ArrayRef<int64_t> recurrence = shapeOf(op.getRecurrence());
  if (input.size() != 3 || recurrence.size() != 2)
    return emitOptionalError(loc, "expected an input of rank 3 and recurrence ",
                             "weights of rank 2, got ranks ", input.size(),
                             " and ", recurrence.size());
  int64_t hidden = recurrence[1];
  if (op.getOutput() == "step")
    return addResult(loc, op.getInput().getType(), {input[0], input[1], hidden},
                     types);
  return addResult(loc, op.getInput().getType(), {input[1], hidden}, types);
}

static LogicalResult verifyOperand(RecurrentOp op, StringRef what, Value value,
                                   ArrayRef<int64_t> expected) {
  if (!value || shapeOf(value) == expected)
    return success();
  return op.emitOpError("expected ") << what << " of shape [" << expected
                                     << "], got [" << shapeOf(value) << "]";
}

LogicalResult RecurrentOp::verify() {
  int64_t gates = countGates(getKind());
  bool isLstm = getKind() == "lstm";
  if (gates == 0)
    return emitOpError("expected kind lstm, gru or rnn, got '")
           << getKind() << "'";
  StringRef output = getOutput();
  if (output != "step" && output != "state" && !(isLstm && output == "cell"))
    return emitOpError("expected output step, state or, of an lstm, cell, "
                       "got '")
           << output << "'";
  ArrayRef<int64_t> input = shapeOf(getInput());
  int64_t batch = input[1], hidden = shapeOf(getRecurrence())[1];
  int64_t rows = gates * hidden;
  if (failed(verifyOperand(*this, "weights", getWeights(), {rows, input[2]})) ||
      failed(verifyOperand(*this, "recurrence weights", getRecurrence(),
                           {rows, hidden})) ||
      failed(verifyOperand(*this, "a bias", getBias(), {2 * rows})) ||
      failed(verifyOperand(*this, "an initial state", getInitialState(),
                           {batch, hidden})) ||
      failed(verifyOperand(*this, "an initial cell", getInitialCell(),
                           {batch, hidden})) ||
      failed(verifyOperand(*this, "peepholes", getPeepholes(), {3 * hidden})))
    return failure();
  if (!isLstm && (getInitialCell() || getPeepholes()))
    return emitOpError("expected a cell and peepholes of an lstm only");
  size_t functions = isLstm ? 3 : gates == 3 ? 2 : 1;
  if (getActivations().size() != functions || getAlphas().size() != functions ||
      getBetas().size() != functions)
    return emitOpError("expected ")
           << functions << " activations, alphas and betas, got "
           << getActivations().size() << ", " << getAlphas().size() << " and "
           << getBetas().size();
  if (std::optional<ArrayRef<int64_t>> lengths = getLengths()) {
    if (static_cast<int64_t>(lengths->size()) != batch)
      return emitOpError("expected ")
             << batch << " lengths, got " << lengths->size();
    for (int64_t length : *lengths)
      if (length < 0 || length > input[0])
        return emitOpError("expected lengths in [0, ")
               << input[0] << "], got " << length;
  }
  return success();
}
