//===- Runner.cpp - What acc-sim does -------------------------------------===//

#include "accopt/Simulator/Runner.h"

#include "HostExecutor.h"
#include "Inputs.h"
#include "Trace.h"
#include "accopt/CodeGen/Binary.h"
#include "accopt/Report/CostReportBuilder.h"
#include "accopt/Report/ReportWriter.h"
#include "accopt/Simulator/TensorLayout.h"
#include "accopt/Support/Diagnostics.h"
#include "accopt/Support/Npy.h"
#include "accopt/Support/OutputFile.h"
#include "accopt/Target/MachineIO.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <algorithm>
#include <optional>

using namespace accopt;
using llvm::StringRef;

namespace {

/// Elements of one output, in the model's order, for all inferences: quantized
/// ones, or the bytes of another type.
struct OutputData {
  const TensorInfo *tensor = nullptr;
  std::vector<int8_t> values;
};

class Session {
public:
  Session(const Program &program, const RunnerOptions &options,
          llvm::raw_ostream &out, llvm::raw_ostream &notes)
      : program(program), options(options), out(out), notes(notes),
        host(program),
        simulator(program, &host,
                  {!options.trace.empty(), true, options.threads}) {
    for (const TensorInfo &tensor : program.tensors)
      if (tensor.kind == TensorInfo::Kind::Output)
        outputs.push_back({&tensor, {}});
  }

  llvm::Error run() {
    llvm::Expected<InputSet> inputs = readInputs(program, options);
    if (!inputs)
      return inputs.takeError();
    if (options.inputs.empty() && !options.quiet)
      notes << "note: no --input: random values from seed " << options.seed
            << "\n";
    if (!options.labels.empty())
      if (llvm::Error error = readLabelsFor(inputs->inferences))
        return error;
    for (size_t i = 0; i < inputs->inferences; ++i)
      if (llvm::Error error = infer(*inputs, i))
        return error;
    for (llvm::Error (Session::*step)() :
         {&Session::writeOutputs, &Session::writeTraceFile,
          &Session::writeReportFiles})
      if (llvm::Error error = (this->*step)())
        return error;
    printSummary(inputs->inferences);
    return llvm::Error::success();
  }

private:
  llvm::Error infer(const InputSet &inputs, size_t index) {
    for (const InputData &input : inputs.inputs) {
      size_t size = byteCount(*input.tensor);
      toStoredOrder(*input.tensor,
                    llvm::ArrayRef(input.values).slice(index * size, size),
                    simulator.tensorBytes(*input.tensor));
    }
    llvm::Error dumpError = llvm::Error::success();
    simulator.onLayerComplete(nullptr);
    if (index == 0 && !options.dumpDirectory.empty()) {
      if (llvm::Error error = createDumpDirectory()) {
        llvm::consumeError(std::move(dumpError));
        return error;
      }
      simulator.onLayerComplete([&](uint32_t layer) {
        if (!dumpError)
          dumpError = dump(int32_t(layer));
      });
      dumpError = dump(-1);
    }
    llvm::Expected<RunResult> run = simulator.run();
    if (!run) {
      llvm::consumeError(std::move(dumpError));
      return makeFileError(options.binary, llvm::toString(run.takeError()));
    }
    if (dumpError)
      return dumpError;
    for (OutputData &output : outputs) {
      size_t size = byteCount(*output.tensor);
      output.values.resize((index + 1) * size);
      toModelOrder(
          *output.tensor, simulator.tensorBytes(*output.tensor),
          llvm::MutableArrayRef(output.values).drop_front(index * size));
    }
    // Time does not depend on data: all runs are alike.
    if (index == 0)
      result = std::move(*run);
    return llvm::Error::success();
  }

  llvm::Error createDumpDirectory() {
    if (std::error_code code =
            llvm::sys::fs::create_directories(options.dumpDirectory))
      return makeFileError(options.dumpDirectory, code.message());
    return llvm::Error::success();
  }

  /// Bytes in the model's order as an array.
  static NumpyArray toArray(const TensorInfo &tensor,
                            llvm::ArrayRef<int64_t> shape,
                            llvm::ArrayRef<int8_t> bytes) {
    NumpyArray array;
    array.type = tensor.type;
    array.shape.assign(shape.begin(), shape.end());
    array.data.assign(bytes.begin(), bytes.end());
    return array;
  }

  /// Writes the tensors that the layer completes, as they are in the model's
  /// layout: NUMBER_NAME.npy with NUMBER the row of the table of tensors.
  llvm::Error dump(int32_t layer) {
    for (auto [row, tensor] : llvm::enumerate(program.tensors)) {
      if (tensor.definedBy != layer)
        continue;
      std::vector<int8_t> values(byteCount(tensor));
      toModelOrder(tensor, simulator.readTensor(tensor), values);
      std::string name;
      for (char c : tensor.name)
        name += llvm::isAlnum(c) || c == '.' || c == '-' ? c : '_';
      llvm::SmallString<128> path(options.dumpDirectory);
      std::string file;
      llvm::raw_string_ostream(file)
          << llvm::format("%04zu_", row) << StringRef(name).take_front(100)
          << ".npy";
      llvm::sys::path::append(path, file);
      if (llvm::Error error =
              writeNpy(path, toArray(tensor, tensor.modelShape, values)))
        return error;
    }
    return llvm::Error::success();
  }

  llvm::Error readLabelsFor(size_t inferences) {
    llvm::Expected<std::vector<int64_t>> values = readLabels(options.labels);
    if (!values)
      return values.takeError();
    if (outputs.size() != 1)
      return makeFileError(options.binary,
                           "--labels: expected a model with one output, got " +
                               llvm::Twine(outputs.size()));
    const std::vector<int64_t> &shape = outputs[0].tensor->modelShape;
    samples = inferences * size_t(shape.empty() ? 1 : shape.front());
    if (values->size() != samples)
      return makeFileError(options.labels, "expected " + llvm::Twine(samples) +
                                               " labels, got " +
                                               llvm::Twine(values->size()));
    labels = std::move(*values);
    return llvm::Error::success();
  }

  size_t countCorrect() const {
    if (!samples)
      return 0;
    auto count = [&](const auto &values) {
      size_t classes = values.size() / samples, correct = 0;
      for (size_t s = 0; s < samples; ++s) {
        auto first = values.begin() + s * classes;
        correct +=
            std::max_element(first, first + classes) - first == labels[s];
      }
      return correct;
    };
    if (outputs[0].tensor->type == NumpyType::Int8)
      return count(outputs[0].values);
    int64_t size = int64_t(outputs[0].values.size() /
                           getByteWidth(outputs[0].tensor->type));
    return count(
        toArray(*outputs[0].tensor, size, outputs[0].values).toFloat());
  }

  llvm::Error writeOutputs() {
    if (options.output.empty())
      return llvm::Error::success();
    NamedNumpyArrays arrays;
    for (const OutputData &output : outputs) {
      std::vector<int64_t> shape = output.tensor->modelShape;
      size_t runs = output.values.size() / byteCount(*output.tensor);
      if (!shape.empty())
        shape[0] *= int64_t(runs);
      else if (runs > 1)
        shape.push_back(int64_t(runs));
      if (options.raw || !isQuantized(*output.tensor)) {
        arrays.emplace_back(output.tensor->name,
                            toArray(*output.tensor, shape, output.values));
        continue;
      }
      std::vector<float> values =
          dequantizeValues(output.values, *output.tensor);
      arrays.emplace_back(output.tensor->name,
                          NumpyArray::create<float>(shape, values));
    }
    return writeNpz(options.output, arrays);
  }

  llvm::Error writeTraceFile() {
    if (options.trace.empty())
      return llvm::Error::success();
    return writeOutputFile(options.trace, [&](llvm::raw_ostream &os) {
      writeTrace(program, result, os);
      return llvm::Error::success();
    });
  }

  llvm::Error writeReportFiles() {
    if (options.reports.empty())
      return llvm::Error::success();
    return writeReports(buildCostReport(program, result.layers, "simulator"),
                        options.reports);
  }

  void printSummary(size_t inferences) {
    if (!labels.empty()) {
      size_t correct = countCorrect();
      out << llvm::format("top-1       %.2f %% (%zu of %zu)\n",
                          100.0 * double(correct) / double(samples), correct,
                          samples);
    }
    if (options.quiet || !options.reports.empty())
      return;
    CostReport report = buildCostReport(program, result.layers, "simulator");
    out << "model       " << program.modelName << "\n"
        << "target      " << program.machine.name << "\n"
        << "inferences  " << inferences << "\n"
        << "cycles      " << report.total.cycles << " each, "
        << llvm::format("%.6g ms at %.6g MHz\n",
                        report.total.latencySeconds * 1e3,
                        program.machine.clockHz / 1e6)
        << llvm::format("energy      %.6g uJ each\n",
                        report.total.energyPj / 1e6);
  }

  const Program &program;
  const RunnerOptions &options;
  llvm::raw_ostream &out, &notes;
  HostExecutor host;
  Simulator simulator;
  std::vector<OutputData> outputs;
  std::vector<int64_t> labels;
  size_t samples = 0;
  RunResult result; ///< of the first inference
};

llvm::Error checkTarget(const Program &program, const RunnerOptions &options) {
  llvm::Expected<Machine> machine = loadMachine(options.target);
  if (!machine)
    return machine.takeError();
  std::string expected = machineHash(*machine);
  std::string actual = machineHash(program.machine);
  if (expected == actual)
    return llvm::Error::success();
  return makeFileError(
      options.binary,
      llvm::formatv("expected a binary for {0} (parameters "
                    "{1}...), got one for {2} ({3}...)",
                    machine->name, StringRef(expected).take_front(12),
                    program.machine.name, StringRef(actual).take_front(12))
          .str());
}

} // namespace

llvm::Error accopt::runBinary(const RunnerOptions &options,
                              llvm::raw_ostream &out,
                              llvm::raw_ostream &notes) {
  // Wrong endings should not cost a run.
  for (const std::string &path : options.reports)
    if (llvm::Expected<ReportFormat> format = getReportFormat(path); !format)
      return format.takeError();
  auto buffer = llvm::MemoryBuffer::getFile(options.binary, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return makeFileError(options.binary, buffer.getError().message());
  llvm::Expected<Program> program = loadProgram((*buffer)->getMemBufferRef());
  if (!program)
    return program.takeError();
  if (!options.target.empty())
    if (llvm::Error error = checkTarget(*program, options))
      return error;
  if (options.disassemble) {
    disassemble(*program, out);
    return llvm::Error::success();
  }
  if (llvm::Error error = checkSynchronisation(*program))
    return makeFileError(options.binary, llvm::toString(std::move(error)));
  return Session(*program, options, out, notes).run();
}
