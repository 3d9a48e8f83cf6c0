//===- Trace.cpp - Timelines for Perfetto ---------------------------------===//
//
// Perfetto's importer sorts events by time and, where times are equal, keeps
// the order of the file. It binds a flow event to the slice that its track
// began last. So an arrow's end (`f` with `bp` = `e`) stands right behind the
// slice that it points to, at its start, and its begin (`s`) behind the slice
// that it leaves, one nanosecond before the end.
//
// Times are whole nanoseconds, as the importer's are: begin and end are rounded
// each by itself, so that a slice never reaches into the next one.
//
//===----------------------------------------------------------------------===//

#include "Trace.h"

#include "accopt/Report/MemoryUse.h"
#include "accopt/Target/Encoding.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

using namespace accopt;

namespace {

// A thread whose number is its process's would be taken for its main thread.
constexpr int64_t kProcess = 1;
constexpr int64_t kLayerTrack = 2;
constexpr int64_t kFirstEngineTrack = 3;
/// Samples of DRAM traffic at most.
constexpr uint64_t kSamples = 1000;

int64_t trackOf(Engine engine) { return kFirstEngineTrack + int64_t(engine); }

/// A thousandth of `value`, with all digits.
std::string inThousands(uint64_t value) {
  std::string text;
  llvm::raw_string_ostream(text)
      << value / 1000 << llvm::format(".%03u", unsigned(value % 1000));
  return text;
}

/// The tokens that commands take and send: of each engine that a command takes
/// from, the last token, which is the one that it waits for.
struct Flows {
  using Ids = std::vector<llvm::SmallVector<int64_t, 3>>; ///< by command
  Ids taken, sent;

  explicit Flows(const Program &program)
      : taken(program.commands.size()), sent(program.commands.size()) {
    std::array<std::vector<size_t>, kEngineCount> sequence;
    for (auto [index, command] : llvm::enumerate(program.commands))
      sequence[unsigned(command.engine())].push_back(index);
    std::array<std::array<uint64_t, kEngineCount>, kEngineCount> total = {};
    int64_t id = 0;
    for (auto [index, command] : llvm::enumerate(program.commands))
      for (unsigned from = 0; from < kEngineCount; ++from) {
        if (!command.take[from])
          continue;
        uint64_t &count = total[unsigned(command.engine())][from];
        count += command.take[from];
        taken[index].push_back(++id);
        sent[sequence[from][count - 1]].push_back(id);
      }
  }
};

class TraceWriter {
public:
  TraceWriter(const Program &program, const RunResult &result,
              llvm::raw_ostream &os)
      : program(program), result(result), json(os) {}

  void write() {
    json.object([&] {
      json.attribute("displayTimeUnit", "ns");
      json.attributeArray("traceEvents", [&] {
        writeNames();
        writeLayers();
        writeTraffic();
        writeCommands();
      });
    });
  }

private:
  uint64_t nanoseconds(uint64_t cycle) const {
    return uint64_t(
        std::llround(double(cycle) * (1e9 / program.machine.clockHz)));
  }

  void number(llvm::StringRef name, llvm::StringRef digits) {
    json.attributeBegin(name);
    json.rawValue(digits);
    json.attributeEnd();
  }

  /// The format counts in microseconds.
  void time(llvm::StringRef name, uint64_t nanoseconds) {
    number(name, inThousands(nanoseconds));
  }

  void begin(llvm::StringRef phase, llvm::StringRef name) {
    json.objectBegin();
    json.attribute("ph", phase);
    json.attribute("name", llvm::json::fixUTF8(name));
    json.attribute("pid", kProcess);
  }

  void slice(int64_t track, llvm::StringRef name, llvm::StringRef category,
             uint64_t start, uint64_t end,
             llvm::function_ref<void()> writeArguments) {
    begin("X", name);
    json.attribute("cat", category);
    json.attribute("tid", track);
    time("ts", nanoseconds(start));
    time("dur", nanoseconds(end) - nanoseconds(start));
    json.attributeObject("args", writeArguments);
    json.objectEnd();
  }

  void flow(llvm::StringRef phase, int64_t track, uint64_t at, int64_t id) {
    begin(phase, "token");
    json.attribute("cat", "token");
    json.attribute("tid", track);
    time("ts", at);
    json.attribute("id", id);
    if (phase == "f")
      json.attribute("bp", "e");
    json.objectEnd();
  }

  void counter(llvm::StringRef name, llvm::StringRef unit, uint64_t cycle,
               llvm::StringRef digits) {
    begin("C", name);
    time("ts", nanoseconds(cycle));
    json.attributeObject("args", [&] { number(unit, digits); });
    json.objectEnd();
  }

  void metadata(llvm::StringRef name, std::optional<int64_t> track,
                llvm::StringRef key, llvm::json::Value value) {
    begin("M", name);
    if (track)
      json.attribute("tid", *track);
    json.attributeObject("args", [&] { json.attribute(key, value); });
    json.objectEnd();
  }

  void writeNames();
  void writeLayers();
  void writeTraffic();
  void writeCommands();

  const Program &program;
  const RunResult &result;
  llvm::json::OStream json;
};

void TraceWriter::writeNames() {
  std::string process = program.modelName + " on " + program.machine.name;
  metadata("process_name", std::nullopt, "name", llvm::json::fixUTF8(process));
  metadata("thread_name", kLayerTrack, "name", "layers");
  metadata("thread_sort_index", kLayerTrack, "sort_index", kLayerTrack);
  for (unsigned e = 0; e < kEngineCount; ++e) {
    int64_t track = trackOf(Engine(e));
    metadata("thread_name", track, "name", engineName(Engine(e)));
    metadata("thread_sort_index", track, "sort_index", track);
  }
}

/// Layers as the report accounts for them, which is without overlap, and the
/// bytes in use meanwhile. Layers of no cycles have no place here.
void TraceWriter::writeLayers() {
  uint64_t start = 0;
  std::vector<MemoryUse> memory = memoryUse(program);
  for (auto [layer, cost, use] :
       llvm::zip_equal(program.layers, result.layers, memory)) {
    if (!cost.cycles)
      continue;
    slice(kLayerTrack, layer.name, layer.op, start, start + cost.cycles, [&] {
      json.attribute("placement", layer.placement);
      json.attribute("cycles", int64_t(cost.cycles));
      json.attribute("roofline_cycles", int64_t(layer.rooflineCycles));
      json.attribute("macs", int64_t(cost.quantities.macs));
    });
    counter("scratchpad", "bytes", start, llvm::utostr(use.scratchpadBytes));
    counter("DRAM tensors", "bytes", start, llvm::utostr(use.dramBytes));
    start += cost.cycles;
  }
  counter("scratchpad", "bytes", start, "0");
  counter("DRAM tensors", "bytes", start, "0");
}

/// DRAM traffic, the mean over intervals of equal length: a command moves its
/// bytes evenly while its engine is busy.
void TraceWriter::writeTraffic() {
  uint64_t width =
      std::max<uint64_t>(1, (result.cycles + kSamples - 1) / kSamples);
  std::vector<std::array<double, 2>> bytes(result.cycles / width + 1);
  for (const TraceEvent &event : result.trace) {
    Quantities moved =
        quantities(program.commands[event.command], program.machine);
    auto busy = double(event.end - event.start);
    for (uint64_t at = event.start; at < event.end;) {
      uint64_t next = std::min(event.end, (at / width + 1) * width);
      double share = double(next - at) / busy;
      bytes[at / width][0] += share * double(moved.dramReadBytes);
      bytes[at / width][1] += share * double(moved.dramWriteBytes);
      at = next;
    }
  }
  for (auto [direction, name] : llvm::enumerate(
           std::array<llvm::StringRef, 2>{"DRAM read", "DRAM write"})) {
    std::string last;
    for (auto [sample, moved] : llvm::enumerate(bytes)) {
      std::string rate = inThousands(
          uint64_t(std::llround(moved[direction] * 1e3 / double(width))));
      if (rate != last)
        counter(name, "bytes per cycle", sample * width, rate);
      last = rate;
    }
  }
}

void TraceWriter::writeCommands() {
  Flows flows(program);
  for (const TraceEvent &event : result.trace) {
    const LayerInfo &layer = program.layers[event.layer];
    int64_t track = trackOf(event.engine);
    slice(track, layer.name, operationName(program.commands[event.command]),
          event.start, event.end, [&] {
            json.attribute("command", int64_t(event.command));
            json.attribute("op", layer.op);
            json.attribute("start_cycle", int64_t(event.start));
            json.attribute("end_cycle", int64_t(event.end));
            json.attribute("completion_cycle", int64_t(event.completion));
          });
    uint64_t start = nanoseconds(event.start), end = nanoseconds(event.end);
    for (int64_t id : flows.taken[event.command])
      flow("f", track, start, id);
    for (int64_t id : flows.sent[event.command])
      flow("s", track, std::max(start + 1, end) - 1, id);
  }
}

} // namespace

void accopt::writeTrace(const Program &program, const RunResult &result,
                        llvm::raw_ostream &os) {
  TraceWriter(program, result, os).write();
  os << "\n";
}
