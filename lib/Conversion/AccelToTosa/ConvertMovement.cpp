//===- ConvertMovement.cpp - Constants and data movement ------------------===//

#include "lib/Conversion/AccelToTosa/LayerConverter.h"

using namespace mlir;

namespace accopt {

Value LayerConverter::convert(accel::ConstantOp op) {
  return b.constant(op.getValue());
}

Value LayerConverter::convert(accel::ReshapeOp op) {
  return b.reshape(op.getInput(), getShape(op.getResult()));
}

Value LayerConverter::convert(accel::TransposeOp op) {
  return b.transpose(op.getInput(), op.getPerm());
}

Value LayerConverter::convert(accel::ConcatOp op) {
  return b.concat(op.getInputs(), static_cast<int64_t>(op.getAxis()));
}

Value LayerConverter::convert(accel::SliceOp op) {
  return b.stridedSlice(op.getInput(), op.getStarts(), getShape(op.getResult()),
                        op.getSteps());
}

Value LayerConverter::convert(accel::PadOp op) {
  size_t rank = getShape(op.getInput()).size();
  return b.pad(op.getInput(), op.getPads().take_front(rank),
               op.getPads().drop_front(rank), op.getValue());
}

} // namespace accopt
