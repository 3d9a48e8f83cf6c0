"""Makes the arrays of acc-sim.test and checks what acc-sim made of them."""

import json
import sys

import numpy as np


def quantize(x):
    return np.clip(np.rint(x / np.float32(0.5)) + 3, -128, 127)


def network(q):
    """Channels swapped, the second doubled, in units above the zero point."""
    v = q.astype(int) - 3
    return np.clip(np.stack([v[:, 1], 2 * v[:, 0]], axis=1) + 3, -128, 127)


def make(folder):
    rng = np.random.default_rng(1)
    x = rng.normal(0, 30, (3, 2, 4, 4)).astype(np.float32)
    x[0, 0, 0, 0] = np.inf
    np.save(f"{folder}/x.npy", x)
    np.save(f"{folder}/q.npy", rng.integers(-128, 128, (1, 2, 4, 4), dtype=np.int8))
    labels = network(quantize(x)).reshape(3, -1).argmax(axis=1)
    labels[2] += 1
    np.save(f"{folder}/labels.npy", labels)
    np.savez(f"{folder}/all.npz", y=labels, pictures=x)


def check(x, y):
    expected = (network(quantize(np.load(x))) - 3) * 0.5
    actual = np.load(y)
    assert actual.files == ["result"], actual.files
    assert actual["result"].dtype == np.float32
    np.testing.assert_array_equal(actual["result"], expected)


def check_raw(q, y):
    actual = np.load(y)["result"]
    assert actual.dtype == np.int8
    np.testing.assert_array_equal(actual, network(np.load(q)))


def check_dump(q, folder):
    q = np.load(q)
    np.testing.assert_array_equal(np.load(f"{folder}/0000_image.npy"), q)
    np.testing.assert_array_equal(np.load(f"{folder}/0001_result.npy"), network(q))


class ImportedTrace:
    """What Perfetto's importer makes of a trace: it sorts by time, stable, and binds a
    flow event to the slice that its track began last."""

    def __init__(self, path):
        events = json.load(open(path))["traceEvents"]
        self.tracks, self.slices, self.flows, self.counters = {}, [], [], {}
        self.process = None
        self.order = {}
        open_slices, starts = {}, {}
        for e in sorted(events, key=lambda e: e.get("ts", 0)):
            ns = round(e.get("ts", 0) * 1000)
            assert e["pid"] not in (0, e.get("tid")), "a main thread"
            if e["ph"] == "M":
                self.read_metadata(e)
            elif e["ph"] == "X":
                # Slices of a track follow each other in whole nanoseconds.
                last = open_slices.get(e["tid"])
                assert last is None or last["end"] <= ns, (last, e)
                e["start"], e["end"] = ns, ns + round(e["dur"] * 1000)
                open_slices[e["tid"]] = e
                self.slices.append(e)
            elif e["ph"] == "C":
                (value,) = e["args"].values()
                self.counters.setdefault(e["name"], []).append((ns, value))
            else:
                assert isinstance(e["id"], int) and e["name"] == "token"
                enclosing = open_slices[e["tid"]]
                assert enclosing["start"] <= ns <= enclosing["end"]
                if e["ph"] == "s":
                    assert e["id"] not in starts
                    starts[e["id"]] = enclosing
                else:
                    assert (e["ph"], e["bp"]) == ("f", "e")
                    self.flows.append((starts[e["id"]], enclosing))
        assert len(self.flows) == len(starts)

    def read_metadata(self, e):
        if e["name"] == "process_name":
            self.process = e["args"]["name"]
        elif e["name"] == "thread_name":
            self.tracks[e["tid"]] = e["args"]["name"]
        else:
            assert e["name"] == "thread_sort_index"
            self.order[e["args"]["sort_index"]] = e["tid"]

    def commands(self, track):
        return [e for e in self.slices if self.tracks[e["tid"]] == track]


def trace(path):
    t = ImportedTrace(path)
    print(t.process)
    print(*(t.tracks[tid] for _, tid in sorted(t.order.items())))
    for e in t.slices:
        a = e["args"]
        if t.tracks[e["tid"]] == "layers":
            print("layer", e["cat"], e["start"], e["end"])
            continue
        assert (e["start"], e["end"]) == (a["start_cycle"], a["end_cycle"])
        print(t.tracks[e["tid"]], e["cat"], e["start"], e["end"], a["completion_cycle"])
    for begin, end in t.flows:
        print("flow", begin["args"]["command"], end["args"]["command"])
    for name, values in sorted(t.counters.items()):
        print(name, *(f"{ns}:{value:g}" for ns, value in values))


def check_trace(trace_path, report_path):
    """Of any network: the trace tells what the report does."""
    t = ImportedTrace(trace_path)
    report = json.load(open(report_path))
    nanoseconds = 1e9 / report["target"]["parameters"]["clock_hz"]
    layers = iter(t.commands("layers"))
    for op in report["ops"]:
        if op["cycles"]:
            layer = next(layers)
            assert layer["name"] == op["name"] and layer["args"]["cycles"] == op["cycles"]
    assert next(layers, None) is None
    for engine in ("load", "exec", "store", "host"):
        busy = sum(op.get("engines", {}).get(engine, {"busy": 0})["busy"] for op in report["ops"])
        spans = [e["args"] for e in t.commands(engine)]
        assert busy == sum(a["end_cycle"] - a["start_cycle"] for a in spans), engine
    # Who waits has the token when it starts.
    for begin, end in t.flows:
        assert begin["args"]["completion_cycle"] <= end["args"]["start_cycle"]
    assert max(v for _, v in t.counters["scratchpad"]) == max(
        op["scratchpad_bytes"] for op in report["ops"] if op["cycles"]
    )
    # The mean of the traffic is the report's, up to the counters' digits.
    last = report["total"]["cycles"] * nanoseconds
    for name, field in (("DRAM read", "dram_read_bytes"), ("DRAM write", "dram_write_bytes")):
        samples = t.counters[name]
        ends = [ns for ns, _ in samples[1:]] + [last]
        moved = sum(v * (end - ns) / nanoseconds for (ns, v), end in zip(samples, ends))
        total = report["total"][field]
        assert abs(moved - total) <= 0.02 * total + 100, (name, moved, total)
    print(len(t.slices), "slices,", len(t.flows), "flows")


if __name__ == "__main__":
    command = {
        "make": make,
        "check": check,
        "check-raw": check_raw,
        "check-dump": check_dump,
        "trace": trace,
        "check-trace": check_trace,
    }[sys.argv[1]]
    command(*sys.argv[2:])
