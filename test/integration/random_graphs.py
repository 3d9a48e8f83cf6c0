"""Random whole graphs: float execution against onnxruntime, the binary against the JIT.

    random_graphs.py [--cases N] [--seed S] [--minutes M] [--keep FOLDER]

Graphs of up to --steps operators at a random opset, with several inputs and outputs,
branches, joins and values that are read again later (graph_generator.py). A graph that
fails is made as small as it stays failing (minimize_graph.py) and written to --keep as
model.onnx and inputs.npz, so that it can become a test. With --minutes the run goes on
until the time is over; thousands of cases are a night.
"""

import argparse
import collections
import itertools
import random
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import onnx
from accopt.outcomes import CRASHED, FAILED, PASSED, REFUSED, prove, reason_of, run

from graph_generator import GRAPH_OPSETS, GraphGenerator, run_ort
from minimize_graph import minimize

TIMEOUT = 120


def support():
    text = subprocess.run(["acc-opt", "--print-op-support"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return dict(line.split(None, 1) for line in text.splitlines())


def tolerances(model, feeds, expected):
    """What may differ, element by element: rounding, and what inputs that differ by a few
    units in the last place change, which is large behind a cancellation."""
    rng = np.random.default_rng(0)
    allowed = {name: 1e-4 * (1 + np.abs(value)) for name, value in expected.items()}
    for _ in range(2):
        moved = {name: np.asarray(value * (1 + 1e-6 * rng.standard_normal(value.shape)), np.float32)
                 for name, value in feeds.items()}
        for name, value in run_ort(model, moved).items():
            allowed[name] = allowed[name] + 100 * np.abs(value - expected[name])
    return allowed


def judge_float(model, feeds, path, tool):
    """"" or what is wrong with float execution; refusals are wrong as well here."""
    expected = run_ort(model, feeds)
    inputs, outputs = path.with_name("in.npz"), path.with_name("out.npz")
    np.savez(inputs, **feeds)
    outputs.unlink(missing_ok=True)
    status, _, complaint = run([*tool.split(), path, f"--input={inputs}", f"--output={outputs}"], TIMEOUT)
    if status == REFUSED:
        return f"float: refused: {reason_of(complaint)}"
    if status != PASSED:
        return f"float: {status}: {complaint}"
    allowed = tolerances(model, feeds, expected)
    with np.load(outputs) as archive:
        for name, want in expected.items():
            got = archive[name]
            if got.shape != want.shape:
                return f"float: wrong shape: expected {want.shape}, got {got.shape} of '{name}'"
            with np.errstate(invalid="ignore"):  # infinities are equal or not
                excess = np.where(got == want, 0, np.abs(got - want) - allowed[name])
            if not np.all(excess <= 0):
                at = tuple(map(int, np.unravel_index(np.argmax(np.nan_to_num(excess, nan=np.inf)), want.shape)))
                return f"float: wrong: expected {want[at]}, got {got[at]} at {at} of '{name}'"
    return ""


def judge(model, feeds, folder, tools):
    """(verdict, what the machine refused): the verdict is "" where all is well."""
    path = folder / "model.onnx"
    onnx.save(model, path)
    verdict = judge_float(model, feeds, path, tools[0])
    if verdict:
        return verdict, ""
    # Measured ranges: some operators have none without data.
    status, reason = prove(tools[1], path, {name: value.shape for name, value in feeds.items()}, TIMEOUT,
                           f"--calibration-data={path.with_name('in.npz')}")
    if status in (FAILED, CRASHED):
        return f"binary: {status}: {reason}", ""
    return "", reason if status == REFUSED else ""


def make(seed, case, steps, supported):
    rng = random.Random(f"{seed}:{case}")
    generator = GraphGenerator(rng, rng.choice(GRAPH_OPSETS), supported)
    return generator.graph(rng.randint(1, steps))


def one(job):
    """Runs a case: (case, verdict, refused, operators, small graph or None). The verdict
    is None where onnxruntime refuses the graph that it took step by step."""
    seed, case, steps, tools, supported = job
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        model, feeds = make(seed, case, steps, supported)
        if not model.graph.output:
            return case, "", "", [], None
        try:
            run_ort(model, feeds)
        except Exception:  # onnxruntime's own exceptions share no base but this
            return case, None, "", [], None
        verdict, refused = judge(model, feeds, folder, tools)
        ops = [node.op_type for node in model.graph.node]
        if not verdict:
            return case, "", refused, ops, None
        small = minimize(model, feeds, verdict, lambda m, f: judge(m, f, folder, tools)[0])
        return case, judge(*small, folder, tools)[0], "", ops, (small[0].SerializeToString(), small[1])


def show(model):
    """A small graph in a few lines."""
    lines = []
    for node in model.graph.node:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        lines.append(f"    {', '.join(node.output)} = {node.op_type}({', '.join(node.input)}) {attributes or ''}")
    for value in model.graph.input:
        dims = [d.dim_value or d.dim_param for d in value.type.tensor_type.shape.dim]
        lines.append(f"    input {value.name} {dims}")
    for tensor in model.graph.initializer:
        array = onnx.numpy_helper.to_array(tensor)
        lines.append(f"    constant {tensor.name} {list(array.shape)} {array.ravel()[:8].tolist()}")
    return "\n".join(lines)


def keep(folder, name, data, feeds, verdict):
    target = folder / name
    target.mkdir(parents=True, exist_ok=True)
    (target / "model.onnx").write_bytes(data)
    np.savez(target / "inputs.npz", **feeds)
    (target / "verdict.txt").write_text(verdict + "\n")


def jobs(arguments, supported):
    end = time.monotonic() + 60 * arguments.minutes
    for case in itertools.count(arguments.first):
        if arguments.minutes and time.monotonic() > end:
            return
        if not arguments.minutes and case - arguments.first >= arguments.cases:
            return
        yield arguments.seed, case, arguments.steps, (arguments.run, arguments.prove), supported


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=40)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--steps", type=int, default=14)
    parser.add_argument("--keep", type=Path, help="folder for failing graphs, made small")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--run", default="accopt-run")
    parser.add_argument("--prove", default="accopt-prove")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    supported = support()
    total = proven = skipped = 0
    failed, refusals, operators = 0, collections.Counter(), collections.Counter()
    with ProcessPoolExecutor(arguments.jobs) as pool:
        source = jobs(arguments, supported)
        while batch := list(itertools.islice(source, 8 * arguments.jobs)):
            for case, verdict, refused, ops, small in pool.map(one, batch):
                skipped += verdict is None
                if verdict is None:
                    continue
                total += 1
                operators.update(ops)
                proven += not verdict and not refused
                refusals[refused] += bool(refused)
                if verdict:
                    failed += 1
                    print(f"FAIL case {case}: {verdict}\n{show(onnx.ModelProto.FromString(small[0]))}", flush=True)
                    if arguments.keep:
                        keep(arguments.keep, f"{arguments.seed}-{case}", *small, verdict)
    for reason, count in refusals.most_common():
        if count:
            print(f"binary refused {count}: {reason}")
    print(f"{total - failed} of {total} graphs passed, {proven} binaries proven, {skipped} skipped; {sum(operators.values())} nodes: "
          f"{dict(sorted(operators.items()))}")
    # A run in which the machine refuses most graphs would show little.
    return 1 if failed or 2 * proven < total else 0


if __name__ == "__main__":
    sys.exit(main())
