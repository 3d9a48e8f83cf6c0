//===- QatStep.cpp - Training in float and with quantizers ----------------===//

#include "Session.h"

#include "dialects/NN/NNOps.h"

#include "llvm/ADT/SmallPtrSet.h"

using namespace mlir;
using namespace accopt;

std::vector<std::string> accopt::arrayLayers(func::FuncOp function) {
  auto names = nameValues(function);
  std::vector<std::string> layers;
  function.walk([&](mlir::Operation *op) {
    if (!isa<nn::ConvOp, nn::GemmOp>(op))
      return;
    // Only constant weights make a layer of the array.
    mlir::Operation *weights = op->getOperand(1).getDefiningOp();
    if (isa_and_nonnull<nn::ConstantOp>(weights))
      layers.push_back(names.lookup(op->getResult(0)));
  });
  return layers;
}

BitAssignment accopt::uniformBits(func::FuncOp function, LayerBits inner,
                                  unsigned edges) {
  BitAssignment bits;
  std::vector<std::string> layers = arrayLayers(function);
  for (const std::string &layer : layers) {
    bool isEdge = layer == layers.front() || layer == layers.back();
    LayerBits own = inner;
    if (isEdge) {
      own.weights = std::max(own.weights, edges);
      own.activations = std::max(own.activations, edges);
    }
    bits[layer] = own;
  }
  return bits;
}

llvm::Error accopt::runFinetune(Session &session, const StepSpec &step) {
  training::TrainingOptions training = session.options.training;
  training.epochs = getInteger(step, "epochs", training.epochs);
  training.learningRate =
      getNumber(step, "learning-rate", training.learningRate);
  // Ranges were those of the weights before.
  session.ranges.reset();
  if (llvm::Error error = session.train(training, session.stepKey, "finetune"))
    return error;
  return session.addCandidate(session.stepKey).takeError();
}

/// Bits that the step asks for; none keeps what was chosen before.
static std::optional<LayerBits> readBits(const StepSpec &step) {
  auto isGiven = [&](const char *name) { return step.options.count(name) > 0; };
  if (!isGiven("bits") && !isGiven("weights") && !isGiven("activations"))
    return std::nullopt;
  int64_t both = getInteger(step, "bits", 8);
  return LayerBits{unsigned(getInteger(step, "weights", both)),
                   unsigned(getInteger(step, "activations", both))};
}

llvm::Error accopt::runQat(Session &session, const StepSpec &step) {
  training::TrainingOptions training = session.options.training;
  training.epochs = getInteger(step, "epochs", training.epochs);
  training.learningRate =
      getNumber(step, "learning-rate", training.learningRate);
  if (llvm::Error error = session.fuse())
    return error;
  if (std::optional<LayerBits> bits = readBits(step))
    session.bits = uniformBits(session.function(), *bits,
                               unsigned(getInteger(step, "edges", 8)));
  if (!session.ranges)
    if (llvm::Error error = session.calibrate("minmax", 512))
      return error;
  auto plan =
      planQuantization(session.function(), *session.ranges, session.bits);
  if (!plan)
    return plan.takeError();
  session.plan = std::move(*plan);
  training.mode = training::Mode::FakeQuantized;
  if (llvm::Error error = session.train(training, session.stepKey,
                                        "quantization-aware training"))
    return error;
  return session.addCandidate(session.stepKey).takeError();
}
