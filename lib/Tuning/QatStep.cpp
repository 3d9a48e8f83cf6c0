//===- QatStep.cpp - Training in float and with quantizers ----------------===//

#include "Session.h"

#include "dialects/NN/NNOps.h"

#include "llvm/ADT/SmallPtrSet.h"

using namespace mlir;
using namespace accopt;
using llvm::StringRef;

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
  auto epochs = getInteger(step, "epochs", training.epochs);
  if (!epochs)
    return epochs.takeError();
  auto rate = getNumber(step, "learning-rate", training.learningRate);
  if (!rate)
    return rate.takeError();
  if (session.plan)
    return llvm::createStringError(
        std::errc::invalid_argument,
        "--steps: 'finetune' trains in float, expected it before 'qat'");
  training.epochs = *epochs;
  training.learningRate = *rate;
  // Ranges were those of the weights before.
  if (session.ranges)
    session.ranges.reset();
  return session.train(training, session.stepKey, "finetune");
}

/// Bits that the step asks for; none keeps what was chosen before.
static llvm::Expected<std::optional<LayerBits>> readBits(const StepSpec &step) {
  bool any = false;
  LayerBits bits;
  auto read = [&](StringRef name, unsigned &value) -> llvm::Error {
    auto number = getInteger(step, name, value, 2);
    if (!number)
      return number.takeError();
    if (*number > 8)
      return llvm::createStringError(std::errc::invalid_argument,
                                     "--steps: '%s' of 'qat': expected 2 to 8 "
                                     "bits, got %d",
                                     name.str().c_str(), int(*number));
    any |= step.options.count(name.str()) > 0;
    value = unsigned(*number);
    return llvm::Error::success();
  };
  if (llvm::Error error = read("bits", bits.weights))
    return std::move(error);
  bits.activations = bits.weights;
  if (llvm::Error error = read("weights", bits.weights))
    return std::move(error);
  if (llvm::Error error = read("activations", bits.activations))
    return std::move(error);
  if (!any)
    return std::nullopt;
  return bits;
}

llvm::Error accopt::runQat(Session &session, const StepSpec &step) {
  training::TrainingOptions training = session.options.training;
  auto epochs = getInteger(step, "epochs", training.epochs);
  if (!epochs)
    return epochs.takeError();
  auto rate = getNumber(step, "learning-rate", training.learningRate);
  if (!rate)
    return rate.takeError();
  auto edges = getInteger(step, "edges", 8, 2);
  if (!edges)
    return edges.takeError();
  auto bits = readBits(step);
  if (!bits)
    return bits.takeError();
  if (llvm::Error error = session.fuse())
    return error;
  if (*bits)
    session.bits = uniformBits(session.function(), **bits, unsigned(*edges));
  if (!session.ranges)
    if (llvm::Error error = session.calibrate("minmax", 512))
      return error;
  auto plan =
      planQuantization(session.function(), *session.ranges, session.bits);
  if (!plan)
    return plan.takeError();
  session.plan = std::move(*plan);
  training.epochs = *epochs;
  training.learningRate = *rate;
  training.mode = training::Mode::FakeQuantized;
  if (llvm::Error error = session.train(training, session.stepKey,
                                        "quantization-aware training"))
    return error;
  return session.addCandidate(session.stepKey).takeError();
}
