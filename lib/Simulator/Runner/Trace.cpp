//===- Trace.cpp - Timelines for Perfetto ---------------------------------===//

#include "Trace.h"

#include "accopt/Target/Encoding.h"

#include "llvm/Support/JSON.h"

using namespace accopt;

void accopt::writeTrace(const Program &program, const RunResult &result,
                        llvm::raw_ostream &os) {
  // The format counts in microseconds.
  double cycle = 1e6 / program.machine.clockHz;
  llvm::json::OStream json(os);
  json.objectBegin();
  json.attribute("displayTimeUnit", "ns");
  json.attributeBegin("traceEvents");
  json.arrayBegin();
  for (unsigned e = 0; e < kEngineCount; ++e)
    json.object([&] {
      json.attribute("ph", "M");
      json.attribute("name", "thread_name");
      json.attribute("pid", 1);
      json.attribute("tid", int64_t(e) + 1);
      json.attributeObject(
          "args", [&] { json.attribute("name", engineName(Engine(e))); });
    });
  for (const TraceEvent &event : result.trace) {
    const LayerInfo &layer = program.layers[event.layer];
    json.object([&] {
      json.attribute("ph", "X");
      json.attribute("name", llvm::json::fixUTF8(layer.name));
      json.attribute("cat", operationName(program.commands[event.command]));
      json.attribute("pid", 1);
      json.attribute("tid", int64_t(event.engine) + 1);
      json.attribute("ts", double(event.start) * cycle);
      json.attribute("dur", double(event.end - event.start) * cycle);
      json.attributeObject("args", [&] {
        json.attribute("command", int64_t(event.command));
        json.attribute("op", layer.op);
        json.attribute("start_cycle", int64_t(event.start));
        json.attribute("end_cycle", int64_t(event.end));
        json.attribute("completion_cycle", int64_t(event.completion));
      });
    });
  }
  json.arrayEnd();
  json.attributeEnd();
  json.objectEnd();
  os << "\n";
}
