//===- acc-sim.cpp - Runs binaries of the accelerator ---------------------===//

#include "accopt/Simulator/Runner.h"
#include "accopt/Support/Diagnostics.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"

namespace cl = llvm::cl;

static cl::OptionCategory category("acc-sim options");

static cl::opt<std::string> binary(cl::Positional, cl::Required,
                                   cl::desc("FILE.elf"), cl::cat(category));
static cl::list<std::string>
    inputs("input", cl::value_desc("[NAME=]FILE"), cl::cat(category),
           cl::desc(".npy or .npz with the input: int8 as it is, all else "
                    "quantized with the binary's scale. A leading dimension of "
                    "N times the batch runs N inferences. Default: random"));
static cl::opt<std::string>
    output("output", cl::value_desc("FILE.npz"), cl::cat(category),
           cl::desc("Write the outputs, by name, as float"));
static cl::opt<bool> raw("raw", cl::cat(category),
                         cl::desc("Write the outputs as int8"));
static cl::opt<std::string> labels("labels", cl::value_desc("FILE.npy"),
                                   cl::cat(category),
                                   cl::desc("Print top-1 against the labels"));
static cl::list<std::string>
    reports("report", cl::value_desc("FILE"), cl::cat(category),
            cl::desc("Write the costs of an inference: .json, .csv, .md, .html "
                     "(a page for a browser), or - for a table; may be "
                     "repeated"));
static cl::opt<std::string>
    trace("trace", cl::value_desc("FILE.json"), cl::cat(category),
          cl::desc("Write the first inference's timeline, for Perfetto"));
static cl::opt<bool>
    disassemble("disassemble", cl::cat(category),
                cl::desc("Print the commands with their source nodes, and do "
                         "not run them"));
static cl::opt<std::string>
    dumpTensors("dump-tensors", cl::value_desc("DIR"), cl::cat(category),
                cl::desc("Write every tensor of the first inference"));
static cl::opt<std::string>
    target("target", cl::value_desc("NAME|FILE"), cl::cat(category),
           cl::desc("Refuse a binary made for other parameters"));
static cl::opt<uint64_t> seed("seed", cl::init(0), cl::cat(category),
                              cl::desc("Seed of random inputs"));
static cl::opt<unsigned>
    threads("threads", cl::init(0), cl::cat(category),
            cl::desc("Threads; 0 (default): one for each core"));
static cl::opt<bool> quiet("quiet", cl::cat(category),
                           cl::desc("No summary and no notes"));

static accopt::RunnerOptions collectOptions() {
  accopt::RunnerOptions options;
  options.binary = binary;
  options.inputs = inputs;
  options.output = output;
  options.raw = raw;
  options.labels = labels;
  options.reports = reports;
  options.trace = trace;
  options.dumpDirectory = dumpTensors;
  options.target = target;
  options.disassemble = disassemble;
  options.quiet = quiet;
  options.seed = seed;
  options.threads = threads;
  return options;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::HideUnrelatedOptions(category);
  cl::SetVersionPrinter([](llvm::raw_ostream &os) {
    os << "acc-sim (AccOpt) " << ACCOPT_VERSION << "\n";
  });
  if (!cl::ParseCommandLineOptions(
          argc, argv, "Runs binaries of the accelerator\n", &llvm::errs()))
    return 2;
  accopt::exitWhereMemoryEnds(binary);
  if (llvm::Error error =
          accopt::runBinary(collectOptions(), llvm::outs(), llvm::errs())) {
    accopt::printError(std::move(error));
    return 1;
  }
  return 0;
}
