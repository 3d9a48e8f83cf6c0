"""Takes one ONNX model through compiler, simulator and onnxruntime.

`measure` answers a dictionary of what was found; a step that ends otherwise than by
success or a refusal in one line (which names the file) is a defect, and says so.
"""

import json
import re
import resource
import subprocess
import time
from collections import Counter

import numpy as np
import onnx
import onnxruntime

from accopt.compare_reports import differences

CALIBRATION, TESTS = 8, 4


class Stop(Exception):
    """A model that goes no further: `outcome` is refused or defect."""

    def __init__(self, outcome, message):
        super().__init__(message)
        self.outcome = outcome


def session_of(path):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(command, limits, refusable=False):
    """Seconds that the command took; Stop where it fails."""
    def bound():
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory << 20, limits.memory << 20))

    start = time.monotonic()
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                              timeout=limits.seconds, preexec_fn=bound)
    except subprocess.TimeoutExpired:
        raise Stop("defect", f"{command[0]} took more than {limits.seconds} s") from None
    if done.returncode == 0:
        return time.monotonic() - start
    lines = [line for line in done.stderr.splitlines() if not line.startswith(("warning:", "note:"))]
    reason = "; ".join(lines[:2])
    if refusable and done.returncode == 1 and lines and all(line.startswith("error: ") for line in lines):
        raise Stop("refused", reason)
    raise Stop("defect", f"{command[0]} ended with {done.returncode}: {reason[:300]}")


def compare(expected, got):
    """SQNR in dB and cosine of one output."""
    if expected.shape != got.shape:
        raise Stop("defect", f"expected an output of shape {expected.shape}, got {got.shape}")
    a, b = expected.astype(np.float64).ravel(), got.astype(np.float64).ravel()
    known = np.isfinite(a)
    a, b = a[known], b[known]
    noise, signal = np.sum((a - b) ** 2), np.sum(a ** 2)
    if noise == 0:
        return float("inf"), 1.0
    scale = np.sqrt(signal * np.sum(b ** 2))
    return 10 * np.log10(max(signal, 1e-30) / noise), float(a @ b / scale) if scale else 0.0


def shapes(feeds, path):
    """--input-shape for what the model leaves symbolic, of fixed inputs as well."""
    model = onnx.load(path, load_external_data=False)
    constants = {tensor.name for tensor in model.graph.initializer}
    flags = []
    for value in model.graph.input:
        if value.name in constants or value.name not in feeds:
            continue
        sizes = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        if not all(size > 0 for size in sizes):
            flags.append(f"--input-shape={value.name}=" + "x".join(map(str, feeds[value.name].shape)))
    return flags


def compile_flags(path, sample, fixed):
    return shapes(sample, path) + [f"--input-value={name}={sample[name].ravel()[0]}" for name in fixed]


def batched(samples, shaped):
    """One array per input with the samples along the first dimension. What has no batch
    dimension of its own gets none: such an input is the same in all samples."""
    return {name: np.concatenate([s[name] for s in samples]) if samples[0][name].ndim else samples[0][name]
            for name in shaped}


def float_signal(path, sample, fixed, folder, limits, expected):
    """The imported network's SQNR in float, of the worst output."""
    np.savez(folder / "f.npz", **{name: sample[name] for name in sample if name not in fixed})
    run(["accopt-run", path, *compile_flags(path, sample, fixed),
         f"--input={folder / 'f.npz'}", f"--output={folder / 'g.npz'}"], limits)
    got = np.load(folder / "g.npz")
    return min(min(compare(expected[name], got[name])[0], 200.0) for name in expected)


def measure(path, samples, folder, limits, fixed=(), decide=None, prove=True,
            import_only=False):
    """`samples`: dictionaries of inputs by name, CALIBRATION + TESTS of them. `fixed`: names of
    inputs that are given to the compiler as constants. `decide`: from outputs by name to an
    array of decisions."""
    row = {"name": path.stem, "size": path.stat().st_size,
           "operators": dict(Counter(node.op_type for node in onnx.load(path, load_external_data=False).graph.node))}
    row["nodes"] = sum(row["operators"].values())
    try:
        if import_only:
            run(["acc-opt", path, *compile_flags(path, samples[0], fixed), "--emit=nn", "-o", folder / "m.mlir"],
                limits, refusable=True)
            row["outcome"] = "imported"
            return row
        compile_and_run(path, samples, folder, limits, fixed, decide, prove, row)
        row["outcome"] = "runs"
    except Stop as stop:
        row["outcome"], row["reason"] = stop.outcome, str(stop).replace(str(path.parent) + "/", "")
    return row


def compile_and_run(path, samples, folder, limits, fixed, decide, prove, row):
    session = session_of(path)
    outputs = [output.name for output in session.get_outputs()]
    real = [name for name in samples[0] if name not in fixed]
    row["inputs"] = {name: list(samples[0][name].shape) for name in real}
    flags = compile_flags(path, samples[0], fixed)
    calibration, tests = samples[:CALIBRATION], samples[CALIBRATION:]
    np.savez(folder / "c.npz", **batched(calibration, real))
    np.savez(folder / "x.npz", **batched(tests, real))
    data = f"--calibration-data={folder / 'c.npz'}"
    elf = folder / "m.elf"
    row["seconds"] = run(["acc-opt", path, *flags, data, "--quiet", "-o", elf, f"--report={folder / 'a.json'}"],
                         limits, refusable=True)
    analysis = json.loads((folder / "a.json").read_text())
    row["cycles"] = analysis["total"]["cycles"]
    row["bound"] = analysis["total"]["roofline_cycles"]
    row["ops"] = len(analysis["ops"])
    row["host"] = sum(op["placement"] == "host" for op in analysis["ops"])
    parts = [session.run(outputs, sample) for sample in tests]
    row["float"] = float_signal(path, tests[0], fixed, folder, limits, dict(zip(outputs, parts[0], strict=True)))
    run(["acc-sim", elf, f"--input={folder / 'x.npz'}", "--quiet", f"--output={folder / 'y.npz'}",
         f"--report={folder / 's.json'}"], limits)
    found = differences(analysis, json.loads((folder / "s.json").read_text()))
    if found:
        raise Stop("defect", f"analysis and simulator differ: {found[0]}")
    got = np.load(folder / "y.npz")
    want = {name: np.concatenate([np.atleast_1d(part[i]) for part in parts]) for i, name in enumerate(outputs)}
    have = {name: got[name].reshape(want[name].shape) if got[name].size == want[name].size else got[name]
            for name in outputs}
    scores = {name: compare(want[name], have[name]) for name in outputs}
    worst = min(scores, key=lambda name: scores[name][0])
    row["output"], row["sqnr"], row["cosine"] = worst, min(scores[worst][0], 200.0), scores[worst][1]
    if decide:
        a, b = decide(want), decide(have)
        row["decisions"] = [int(np.sum(a == b)), int(np.size(a)), len(np.unique(a))]
    if prove:
        try:
            run(["accopt-prove", path, *flags, data], limits)
            row["proven"] = True
        except Stop as stop:
            # Layers may be too many for MLIR's JIT within the time; other numbers are a defect.
            if "took more than" not in str(stop):
                raise
            row["proven"] = False
