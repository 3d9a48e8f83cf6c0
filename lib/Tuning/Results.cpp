//===- Results.cpp - What a run of acc-tune writes ------------------------===//
//
// Part of AccOpt. model.onnx first; model.elf is what the compiler makes of
// that file, so that the two cannot differ. report.json and the curves depend
// on the run alone, not on when or how often it was resumed; times are printed
// only.
//
//===----------------------------------------------------------------------===//

#include "Session.h"
#include "Verify.h"

#include "accopt/Driver/Compile.h"
#include "accopt/Export/Export.h"
#include "accopt/Support/Diagnostics.h"
#include "accopt/Support/OutputFile.h"
#include "accopt/Target/MachineIO.h"
#include "accopt/Tuning/EventFile.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace accopt;
using llvm::StringRef;

namespace {

/// A network as the report shows it.
struct Account {
  std::string name;
  Quality validation, test;
  const NetworkCost *cost = nullptr; ///< null in float
};

class ResultWriter {
public:
  ResultWriter(Session &session, const Choice &choice,
               std::optional<double> budget, llvm::raw_ostream &out)
      : session(session), choice(choice), budget(budget), out(out),
        result(session.candidates[choice.index]) {}
  llvm::Error run();

private:
  std::string path(StringRef file) const {
    llvm::SmallString<128> full(session.options.outputDirectory);
    llvm::sys::path::append(full, file);
    return full.str().str();
  }
  llvm::Error writeModel();
  llvm::Error measureAll();
  llvm::Expected<Quality> testOf(const Candidate &candidate, StringRef key);
  llvm::Error writeCurves();
  llvm::Error writeReport();
  void writeAccount(llvm::json::OStream &os, StringRef name,
                    const Account &account);
  void writeCandidates(llvm::json::OStream &os);
  void printSummary();

  Session &session;
  const Choice &choice;
  std::optional<double> budget;
  llvm::raw_ostream &out;
  const Candidate &result;
  Account floating, before, after;
  Agreement agreement;
};

} // namespace

llvm::Error ResultWriter::writeModel() {
  func::FuncOp function = Session::functionOf(*result.module);
  if (llvm::Error error = exportOnnx(function, path("model.onnx")))
    return error;
  CompileOptions compileOptions;
  compileOptions.input = path("model.onnx");
  compileOptions.target = session.options.target;
  compileOptions.output = path("model.elf");
  compileOptions.quiet = true;
  if (compile(compileOptions) != 0)
    return makeFileError(compileOptions.input,
                         "the optimised model did not compile");
  return llvm::Error::success();
}

llvm::Expected<Quality> ResultWriter::testOf(const Candidate &candidate,
                                             StringRef key) {
  // The module of a candidate has its quantizers written in; the network is
  // made from its float form, which they were taken from.
  auto network = session.makeNetwork(*candidate.floating);
  if (!network)
    return network.takeError();
  if (llvm::Error error = (*network)->setPlan(candidate.plan))
    return std::move(error);
  return session.measure(**network, session.data.test, training::Mode::Integer,
                         key);
}

llvm::Error ResultWriter::measureAll() {
  auto original = session.makeNetwork(*session.original);
  if (!original)
    return original.takeError();
  auto floatTest = session.measure(**original, session.data.test,
                                   training::Mode::Float, "test/float");
  if (!floatTest)
    return floatTest.takeError();
  floating = {"float", session.floatQuality, *floatTest, nullptr};
  const Candidate &first = session.candidates.front();
  auto firstTest = testOf(first, "test/int8");
  if (!firstTest)
    return firstTest.takeError();
  before = {first.name, first.validation, *firstTest, &first.cost};
  auto resultTest = testOf(result, "test/result");
  if (!resultTest)
    return resultTest.takeError();
  after = {result.name, result.validation, *resultTest, &result.cost};

  auto network = session.makeNetwork(*result.floating);
  if (!network)
    return network.takeError();
  if (llvm::Error error = (*network)->setPlan(result.plan))
    return error;
  auto compared = compareWithBinary(**network, session.data.test,
                                    session.options.verifySamples,
                                    path("model.elf"), result);
  if (!compared)
    return compared.takeError();
  agreement = *compared;
  return llvm::Error::success();
}

llvm::Error ResultWriter::writeCurves() {
  auto metrics = session.journal->metrics();
  if (!metrics)
    return metrics.takeError();
  if (llvm::Error error =
          writeOutputFile(path("curves.csv"), encodeCurvesCsv(*metrics)))
    return error;
  // TensorBoard takes any file with this word in its name.
  return writeOutputFile(path("events.out.tfevents.accopt"),
                         encodeEvents(*metrics));
}

void ResultWriter::writeAccount(llvm::json::OStream &os, StringRef name,
                                const Account &account) {
  os.attributeObject(name, [&] {
    os.attribute("name", account.name);
    auto quality = [&](StringRef part, const Quality &q) {
      os.attributeObject(part, [&] {
        os.attribute("loss", q.loss);
        if (q.isClassification)
          os.attribute("accuracy", q.accuracy);
      });
    };
    quality("validation", account.validation);
    quality("test", account.test);
    if (!account.cost)
      return;
    const NetworkCost &cost = *account.cost;
    os.attribute("cycles", cost.cycles);
    os.attribute("energy_pj", cost.energyPj);
    os.attribute("energy_delay_product_pj_cycles",
                 cost.get(Objective::EnergyDelay));
    os.attribute("macs", int64_t(cost.macs));
    os.attribute("dram_bytes", int64_t(cost.dramBytes));
    os.attribute("weight_bytes", int64_t(cost.weightBytes));
    os.attributeArray("ops", [&] {
      for (const CostEntry &layer : cost.layers)
        os.object([&] {
          os.attribute("name", llvm::json::fixUTF8(layer.name));
          os.attribute("op", layer.op);
          os.attribute("cycles", layer.cycles);
          os.attribute("energy_pj", layer.energyPj);
          os.attribute("macs", int64_t(layer.macs));
          os.attribute("dram_bytes", int64_t(layer.dramBytes));
          os.attribute("weight_bits", layer.bits.weights);
          os.attribute("input_bits", layer.bits.activations);
        });
    });
  });
}

void ResultWriter::writeCandidates(llvm::json::OStream &os) {
  os.attributeArray("candidates", [&] {
    for (const Candidate &candidate : session.candidates)
      os.object([&] {
        os.attribute("name", candidate.name);
        os.attribute("validation_loss", candidate.validation.loss);
        if (candidate.validation.isClassification)
          os.attribute("validation_accuracy", candidate.validation.accuracy);
        os.attribute("cycles", candidate.cost.cycles);
        os.attribute("energy_pj", candidate.cost.energyPj);
        os.attribute("weight_bytes", int64_t(candidate.cost.weightBytes));
      });
  });
}

llvm::Error ResultWriter::writeReport() {
  const TuneOptions &options = session.options;
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::json::OStream os(stream, /*IndentSize=*/2);
  os.object([&] {
    os.attribute("schema", "accopt.tune");
    os.attribute("version", 1);
    os.attribute("model", llvm::sys::path::filename(options.model));
    os.attributeObject("target", [&] {
      const Machine &machine = session.costs.machine();
      os.attribute("name", machine.name);
      os.attribute("sha256", machineHash(machine));
    });
    os.attributeObject("data", [&] {
      os.attribute("name", llvm::json::fixUTF8(session.data.name));
      os.attribute("sha256", session.data.sha256);
      os.attribute("train", session.data.train.size());
      os.attribute("validation", session.data.validation.size());
      os.attribute("test", session.data.test.size());
    });
    os.attribute("steps", options.steps);
    os.attribute("seed", int64_t(options.training.seed));
    static constexpr StringRef objectives[] = {"cycles", "energy", "edp"};
    os.attribute("objective", objectives[int(options.objective)]);
    if (budget)
      os.attribute("budget", *budget);
    if (auto floor = session.floor())
      os.attribute("floor", *floor);
    os.attribute("meets", choice.meets);
    if (!choice.meets)
      os.attribute("reason", choice.reason);
    writeAccount(os, "float", floating);
    writeAccount(os, "before", before);
    writeAccount(os, "after", after);
    os.attributeObject("binary", [&] {
      os.attribute("samples", agreement.samples);
      os.attribute("equal_decisions", agreement.equalDecisions);
      os.attribute("largest_difference_steps", agreement.largestSteps);
      os.attribute("simulated_cycles", int64_t(agreement.cycles));
    });
    writeCandidates(os);
  });
  stream << '\n';
  if (llvm::Error error = writeOutputFile(path("report.json"), text))
    return error;
  std::vector<TuneRun> runs{{"this run", text}};
  llvm::append_range(runs, session.beside);
  return writeOutputFile(path("report.html"), [&](llvm::raw_ostream &page) {
    printTunePage(runs, page);
    return llvm::Error::success();
  });
}

void ResultWriter::printSummary() {
  bool isClassification = floating.test.isClassification;
  auto quality = [&](const Quality &q) {
    return isClassification ? llvm::formatv("{0:f2} %", 100 * q.accuracy).str()
                            : llvm::formatv("{0:f6}", q.loss).str();
  };
  auto row = [&](StringRef name, const std::string &a, const std::string &b,
                 const std::string &c, const std::string &ratio) {
    out << llvm::formatv("{0,-22}{1,14}{2,14}{3,14}{4,10}\n", name, a, b, c,
                         ratio);
  };
  auto costRow = [&](StringRef name, double from, double to, double unit,
                     int digits) {
    auto text = [&](double value) {
      std::string s;
      llvm::raw_string_ostream(s) << llvm::format("%.*f", digits, value / unit);
      return s;
    };
    row(name, "", text(from), text(to),
        to > 0 ? llvm::formatv("{0:f2}x", from / to).str() : "");
  };
  const NetworkCost &from = *before.cost, &to = *after.cost;
  row("", "float", "int8 before", "after", "gain");
  row(isClassification ? "accuracy, test" : "loss, test",
      quality(floating.test), quality(before.test), quality(after.test), "");
  row(isClassification ? "accuracy, validation" : "loss, validation",
      quality(floating.validation), quality(before.validation),
      quality(after.validation), "");
  costRow("cycles", from.cycles, to.cycles, 1, 0);
  costRow("energy, uJ", from.energyPj, to.energyPj, 1e6, 3);
  costRow("energy x delay, uJ us", from.energyPj * from.cycles,
          to.energyPj * to.cycles, 1e6 * session.costs.machine().clockHz * 1e-6,
          3);
  costRow("weights, KiB", double(from.weightBytes), double(to.weightBytes),
          1024, 1);
  out << "result: '" << result.name << "' of " << session.candidates.size()
      << " candidates\n";
  if (agreement.samples)
    out << "binary in the simulator: " << agreement.equalDecisions << " of "
        << agreement.samples
        << " test samples as the training side, outputs at most "
        << agreement.largestSteps << " steps apart\n";
  const CostService::Statistics &queries = session.costs.statistics();
  out << llvm::formatv(
      "cost queries: {0} networks, {1} layers ({2} scheduled), {3:f1} s\n",
      queries.networkQueries, queries.layerQueries, queries.layerMisses,
      queries.seconds);
  out << "written: " << path("model.onnx") << ", model.elf, report.json, "
      << "report.html, curves.csv, events.out.tfevents.accopt\n";
}

llvm::Error ResultWriter::run() {
  for (llvm::Error (ResultWriter::*part)() :
       {&ResultWriter::writeModel, &ResultWriter::measureAll,
        &ResultWriter::writeCurves, &ResultWriter::writeReport})
    if (llvm::Error error = (this->*part)())
      return error;
  printSummary();
  return llvm::Error::success();
}

llvm::Error accopt::writeResults(Session &session, const Choice &choice,
                                 std::optional<double> budget,
                                 llvm::raw_ostream &out) {
  return ResultWriter(session, choice, budget, out).run();
}
