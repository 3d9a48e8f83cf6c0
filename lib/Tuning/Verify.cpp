//===- Verify.cpp - The binary against the training side ------------------===//
//
// Part of AccOpt. Goes through files as a user would: inputs as .npy, acc-sim's
// runner, outputs as .npz.
//
//===----------------------------------------------------------------------===//

#include "Verify.h"

#include "accopt/Simulator/Runner.h"
#include "accopt/Support/Diagnostics.h"
#include "accopt/Support/Npy.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace accopt;
using llvm::StringRef;

namespace {
/// Files that are gone when the comparison is over.
struct TemporaryFiles {
  std::string input, output, report;
  explicit TemporaryFiles(StringRef binary)
      : input((binary + ".verify-input.npy").str()),
        output((binary + ".verify-output.npz").str()),
        report((binary + ".verify-report.json").str()) {}
  ~TemporaryFiles() {
    for (const std::string &path : {input, output, report})
      (void)llvm::sys::fs::remove(path);
  }
};
} // namespace

static llvm::Expected<uint64_t> cyclesIn(StringRef report) {
  auto buffer = llvm::MemoryBuffer::getFile(report);
  if (!buffer)
    return makeFileError(report, buffer.getError().message());
  auto json = llvm::json::parse((*buffer)->getBuffer());
  if (!json)
    return json.takeError();
  const llvm::json::Object *root = json->getAsObject();
  const llvm::json::Object *total = root ? root->getObject("total") : nullptr;
  auto cycles = total ? total->getInteger("cycles") : std::nullopt;
  if (!cycles)
    return makeFileError(report, "expected the total's cycles");
  return uint64_t(*cycles);
}

llvm::Expected<Agreement>
accopt::compareWithBinary(training::Network &network, const Dataset &data,
                          int64_t samples, StringRef binary,
                          const Candidate &candidate) {
  Agreement result;
  func::FuncOp function = Session::functionOf(*candidate.floating);
  // The binary runs the model's batch at once.
  auto inputType = cast<RankedTensorType>(function.getArgumentTypes().front());
  int64_t batch =
      std::max<int64_t>(1, inputType.getNumElements() / data.sampleElements());
  int64_t count = samples ? std::min(samples, data.size()) : data.size();
  count -= count % batch;
  if (!count)
    return result;
  result.samples = count;

  TemporaryFiles files(binary);
  std::vector<int64_t> shape(inputType.getShape());
  if (shape.empty())
    shape = {1};
  shape.front() = count / batch * shape.front();
  llvm::ArrayRef<float> inputs =
      llvm::ArrayRef(data.inputs).take_front(count * data.sampleElements());
  if (llvm::Error error =
          writeNpy(files.input, NumpyArray::create<float>(shape, inputs)))
    return std::move(error);
  RunnerOptions runner;
  runner.binary = binary.str();
  runner.inputs = {files.input};
  runner.output = files.output;
  runner.reports = {files.report};
  runner.quiet = true;
  if (llvm::Error error = runBinary(runner, llvm::nulls(), llvm::nulls()))
    return std::move(error);
  auto cycles = cyclesIn(files.report);
  if (!cycles)
    return cycles.takeError();
  result.cycles = *cycles;
  auto outputs = readNumpyFile(files.output);
  if (!outputs)
    return outputs.takeError();
  std::vector<float> ours = outputs->begin()->second.toFloat();
  auto theirs = network.run(inputs, count, training::Mode::Integer);
  if (!theirs)
    return theirs.takeError();
  if (ours.size() != theirs->values.size())
    return makeFileError(
        binary, "the binary's output has " + llvm::Twine(ours.size()) +
                    " values, expected " + llvm::Twine(theirs->values.size()));

  auto names = nameValues(function);
  auto returned = function.front().getTerminator()->getOperand(0);
  const ActivationQuantizer *quantizer =
      candidate.plan.findActivation(names.lookup(returned));
  double step = quantizer ? quantizer->scale : 1;
  size_t width = ours.size() / size_t(count);
  for (int64_t i = 0; i < count; ++i) {
    auto a = llvm::ArrayRef(ours).slice(i * width, width);
    auto b = llvm::ArrayRef(theirs->values).slice(i * width, width);
    for (size_t k = 0; k < width; ++k)
      result.largestSteps =
          std::max(result.largestSteps,
                   std::round(std::fabs(double(a[k]) - b[k]) / step));
    result.equalDecisions += std::max_element(a.begin(), a.end()) - a.begin() ==
                             std::max_element(b.begin(), b.end()) - b.begin();
  }
  return result;
}
