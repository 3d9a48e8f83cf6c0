"""Takes one ONNX model through compiler, simulator and onnxruntime.

`measure` answers a dictionary of what was found; a step that ends otherwise than by
success or a refusal in one line (which names the file) is a defect, and says so.
"""

import json
import re
import resource
import signal
import subprocess
from collections import Counter

import numpy as np
import onnx
import onnxruntime

from samples import ROOT  # which gives the path to accopt as well

from accopt.compare_reports import differences

CALIBRATION, TESTS = 8, 4


class Stop(Exception):
    """A model that goes no further: `outcome` is refused, defect, out of time or not compared."""

    def __init__(self, outcome, message):
        super().__init__(message)
        self.outcome = outcome


def checked_out():
    """The commit of this tree, with -dirty where files differ from it."""
    return subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True,
                          check=True).stdout.strip()


def session_of(path):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(command, limits, refusable=False, seconds=None):
    """Seconds of processor time that the command took; Stop where it fails, or takes more than
    `seconds` of that. On the clock a busy machine may take many times as much."""
    seconds = seconds or limits.seconds

    def bound():
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory << 20, limits.memory << 20))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                              timeout=20 * seconds, preexec_fn=bound)
    except subprocess.TimeoutExpired:
        raise Stop("out of time", f"{command[0]} took more than {20 * seconds} s on the clock") from None
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        raise Stop("out of time", f"{command[0]} took more than {seconds} s")
    if done.returncode == 0:
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    lines = [line for line in done.stderr.splitlines() if not line.startswith(("warning:", "note:"))]
    reason = "; ".join(lines[:2])
    if refusable and done.returncode == 1 and lines and all(line.startswith("error: ") for line in lines):
        raise Stop("refused", reason)
    raise Stop("defect", f"{command[0]} ended with {done.returncode}: {reason[:300]}")


def compare(expected, got):
    """SQNR in dB and cosine of one output. What is less than 1e-6 counts as that much signal, so
    that a probability of 0 may be one of 1e-12."""
    if expected.shape != got.shape:
        raise Stop("defect", f"expected an output of shape {expected.shape}, got {got.shape}")
    a, b = expected.astype(np.float64).ravel(), got.astype(np.float64).ravel()
    known = np.isfinite(a)
    a, b = a[known], b[known]
    noise, signal = np.sum((a - b) ** 2), max(np.sum(a ** 2), 1e-12 * a.size)
    if noise == 0:
        return float("inf"), 1.0
    if not np.isfinite(noise):
        return -200.0, 0.0
    scale = np.sqrt(signal * np.sum(b ** 2))
    return 10 * np.log10(signal / noise), float(a @ b / scale) if scale else 0.0


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


def widened(array):
    """float32 for float16, as whose inputs the compiled network has."""
    return array.astype(np.float32) if array.dtype == np.float16 else array


def batched(samples, shaped):
    """One array per input with the samples along the first dimension. What has no batch
    dimension of its own gets none: such an input is the same in all samples."""
    return {name: widened(np.concatenate([s[name] for s in samples]) if samples[0][name].ndim else samples[0][name])
            for name in shaped}


def float_signal(path, sample, fixed, folder, limits, expected):
    """The imported network's SQNR in float, of the worst output."""
    np.savez(folder / "f.npz", **{name: widened(sample[name]) for name in sample if name not in fixed})
    run(["accopt-run", path, *compile_flags(path, sample, fixed),
         f"--input={folder / 'f.npz'}", f"--output={folder / 'g.npz'}"], limits)
    got = np.load(folder / "g.npz")
    return min(min(compare(expected[name], got[name])[0], 200.0) for name in expected)


def measure(path, samples, folder, limits, fixed=(), decide=None):
    """`samples`: dictionaries of inputs by name, CALIBRATION + TESTS of them. `fixed`: names of
    inputs that are given to the compiler as constants. `decide`: from outputs by name to an
    array of decisions."""
    row = {"name": path.stem, "size": path.stat().st_size,
           "operators": dict(Counter(node.op_type for node in onnx.load(path, load_external_data=False).graph.node))}
    row["nodes"] = sum(row["operators"].values())
    row["compiler"] = limits.compiler
    try:
        if limits.import_only:
            run(["acc-opt", path, *compile_flags(path, samples[0], fixed), "--emit=nn", "-o", folder / "m.mlir"],
                limits, refusable=True)
            row["outcome"] = "imported"
            return row
        compile_and_run(path, samples, folder, limits, fixed, decide, row)
        row["outcome"] = "runs"
    except Stop as stop:
        row["outcome"], row["reason"] = stop.outcome, str(stop).replace(str(path.parent) + "/", "")
    return row


def compile_and_run(path, samples, folder, limits, fixed, decide, row):
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
    try:
        session = session_of(path)
        outputs = [output.name for output in session.get_outputs()]
        parts = [session.run(outputs, sample) for sample in tests]
    except Exception as error:  # onnxruntime's have no class in common
        raise Stop("not compared", f"onnxruntime: {str(error).splitlines()[0][:200]}") from None
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


def prove(path, samples, folder, limits, fixed, row):
    """Adds to a row that runs whether MLIR's JIT computes the same integers."""
    real = [name for name in samples[0] if name not in fixed]
    np.savez(folder / "c.npz", **batched(samples[:CALIBRATION], real))
    try:
        run(["accopt-prove", path, *compile_flags(path, samples[0], fixed),
             f"--calibration-data={folder / 'c.npz'}"], limits, seconds=limits.prove_seconds)
        row["proven"] = True
    except Stop as stop:
        # A layer or two may be too large for MLIR's loops; other numbers are a defect.
        if stop.outcome == "out of time":
            row["proven"] = False
        else:
            row["outcome"], row["reason"] = stop.outcome, str(stop)
