//===- accopt-data.cpp - Shows what --data names --------------------------===//
//
// For tests: reads data as acc-tune does and prints what came out.
//
//   accopt-data SPEC [--sample=3x32x32] [--output=10] [--seed=N] [--dump=F.npz]
//
//===----------------------------------------------------------------------===//

#include "accopt/Data/Dataset.h"
#include "accopt/Support/Diagnostics.h"
#include "accopt/Support/Npy.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

#include <map>

using namespace accopt;
namespace cl = llvm::cl;

static cl::opt<std::string> spec(cl::Positional, cl::Required,
                                 cl::desc("SPEC"));
static cl::opt<std::string> sample("sample", cl::desc("shape, such as 1x8x8"));
static cl::opt<std::string> output("output", cl::desc("shape, such as 10"));
static cl::opt<uint64_t> seed("seed", cl::desc("of the split"));
static cl::opt<std::string> dump("dump", cl::desc("writes the splits, .npz"));

static std::vector<int64_t> parseShape(llvm::StringRef text) {
  std::vector<int64_t> shape;
  llvm::SmallVector<llvm::StringRef> parts;
  text.split(parts, 'x', -1, /*KeepEmpty=*/false);
  for (llvm::StringRef part : parts) {
    int64_t size = 0;
    if (part.getAsInteger(10, size))
      llvm::report_fatal_error("malformed shape");
    shape.push_back(size);
  }
  return shape;
}

static void print(llvm::StringRef name, const Dataset &part) {
  llvm::outs() << name << ": " << part.size() << " of";
  for (int64_t size : part.sampleShape)
    llvm::outs() << ' ' << size;
  std::map<int32_t, int64_t> counts;
  for (int32_t label : part.labels)
    ++counts[label];
  llvm::outs() << (part.isClassification() ? "; labels" : "; targets of");
  for (auto [label, count] : counts)
    llvm::outs() << ' ' << label << ':' << count;
  for (int64_t size : part.targetShape)
    llvm::outs() << ' ' << size;
  llvm::outs() << '\n';
}

static void append(NamedNumpyArrays &arrays, llvm::StringRef name,
                   const Dataset &part) {
  std::vector<int64_t> shape{part.size()};
  shape.insert(shape.end(), part.sampleShape.begin(), part.sampleShape.end());
  arrays.emplace_back("x_" + name.str(),
                      NumpyArray::create<float>(shape, part.inputs));
  shape.resize(1);
  if (part.isClassification()) {
    arrays.emplace_back("y_" + name.str(),
                        NumpyArray::create<int32_t>(shape, part.labels));
    return;
  }
  shape.insert(shape.end(), part.targetShape.begin(), part.targetShape.end());
  arrays.emplace_back("y_" + name.str(),
                      NumpyArray::create<float>(shape, part.targets));
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "shows what --data names\n");
  DataOptions options;
  options.seed = seed;
  options.sampleShape = parseShape(sample);
  options.outputShape = parseShape(output);
  llvm::Expected<DataSplits> splits = loadData(spec, options);
  if (!splits) {
    printError(splits.takeError());
    return 1;
  }
  llvm::outs() << splits->name << ": " << splits->classes << " classes\n";
  print("train", splits->train);
  print("val", splits->validation);
  print("test", splits->test);
  llvm::outs() << "sha256: " << splits->sha256 << '\n';
  if (dump.empty())
    return 0;
  NamedNumpyArrays arrays;
  append(arrays, "train", splits->train);
  append(arrays, "val", splits->validation);
  append(arrays, "test", splits->test);
  if (llvm::Error error = writeNpz(dump, arrays)) {
    printError(std::move(error));
    return 1;
  }
  return 0;
}
