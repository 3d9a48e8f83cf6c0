"""Measures the tools against references run side by side and writes a page.

    .venv/bin/python test/benchmarks/run.py --output=docs/Benchmarks.md

 - start of `acc-opt --version` against `mlir-opt --version`;
 - compile time of ResNet-50 against onnx.load + onnx.checker in Python;
 - one inference of ResNet-50 in acc-sim against onnxruntime's float inference;
 - cycles over the roofline bound for each network of the `onnx` package.

The networks are the `light_*` topologies of the onnx package, whose weights are
made by ConstantOfShape nodes and therefore synthetic; they are the real shapes.
Times are the smallest of several runs, as noise only adds.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import onnx

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python"))

from accopt.networks import LIGHT, light_model  # noqa: E402

NETWORKS = ("resnet50", "squeezenet", "vgg19", "densenet121", "shufflenet", "inception_v2")


def best(action, repeats):
    """The smallest wall-clock time of `repeats` runs, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


def command(*words):
    def run():
        done = subprocess.run([str(w) for w in words], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(map(str, words))}\n{done.stderr}")
    return run


def measure_start(tools):
    ours = best(command(tools / "acc-opt", "--version"), 10)
    theirs = best(command("/usr/lib/llvm-22/bin/mlir-opt", "--version"), 10)
    return ("`acc-opt --version`", ours, "`mlir-opt --version`", theirs, "30 ms")


def measure_compile(tools, folder):
    # Weights in the file and not made by nodes, as in any trained model.
    full = folder / "resnet50.onnx"
    onnx.save(light_model("light_resnet50"), full)
    compile_it = command(tools / "acc-opt", full, "--quiet", "-o", folder / "resnet50.elf",
                         f"--report={folder / 'resnet50.json'}")
    check = ("import onnx, sys; m = onnx.load(sys.argv[1]); onnx.checker.check_model(m)")
    ours = best(compile_it, 3)
    theirs = best(command(sys.executable, "-c", check, full), 3)
    return ("`acc-opt resnet50.onnx`", ours, "onnx.load + onnx.checker", theirs, "3x")


def measure_simulation(tools, folder):
    import numpy as np
    import onnxruntime

    elf, model = folder / "resnet50.elf", folder / "resnet50.onnx"
    ours = best(command(tools / "acc-sim", elf, "--output", folder / "y.npz",
                        f"--report={folder / 'sim.json'}"), 3)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(model), options,
                                           providers=["CPUExecutionProvider"])
    (feed,) = session.get_inputs()
    x = np.random.default_rng(0).random(feed.shape, np.float32)
    theirs = best(lambda: session.run(None, {feed.name: x}), 5)
    return ("`acc-sim resnet50.elf`", ours, "onnxruntime, float, same cores", theirs, "5 s")


def measure_roofline(tools, folder, target):
    """Yields (network, total) or (network, the error's line)."""
    for name in ("digits", *NETWORKS):
        model = (ROOT / "models/digits.onnx") if name == "digits" else (
            LIGHT / f"light_{name}.onnx")
        report = folder / f"{name}.report.json"
        done = subprocess.run(
            [tools / "acc-opt", model, "--quiet", f"--target={target}",
             "-o", folder / "x.elf", f"--report={report}"], capture_output=True, text=True)
        if done.returncode != 0:
            yield name, done.stderr.splitlines()[0].replace(str(LIGHT) + "/", "")
        else:
            yield name, json.loads(report.read_text())


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.machine()


def page(times, rooflines, target, load):
    lines = [
        "# Benchmarks", "",
        "Written by `test/benchmarks/run.py`; every figure was measured by that run, on "
        f"{os.cpu_count()} cores ({processor()}) with a load average of {load:.1f} before the "
        "start.", "",
        "## Times", "",
        "| what | time | reference | its time | ratio | goal |", "|---|---:|---|---:|---:|---|",
    ]
    for what, ours, reference, theirs, goal in times:
        lines.append(f"| {what} | {1e3 * ours:.0f} ms | {reference} | {1e3 * theirs:.0f} ms "
                     f"| {ours / theirs:.2f} | {goal} |")
    lines += [
        "", f"## Cycles over the roofline bound ({target})", "",
        "The bound of an op is the larger of its MACs at the array's full rate and its "
        "compulsory DRAM traffic at full bandwidth; the network's is the sum. Goal: 1.3.", "",
        "| network | cycles | bound | ratio | energy | on the host |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, report in rooflines:
        if isinstance(report, str):
            lines.append(f"| {name} | refused: {report} | | | | |")
            continue
        total = report["total"]
        host = sum(op["placement"] == "host" for op in report["ops"])
        lines.append(
            f"| {name} | {total['cycles']} | {total['roofline_cycles']} "
            f"| {total['cycles'] / total['roofline_cycles']:.2f} "
            f"| {total['energy_pj'] / 1e9:.3f} mJ | {host} of {len(report['ops'])} ops |")
    lines += ["", "Networks other than digits have synthetic weights; cycles and energy do not "
              "depend on them.", ""]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tools", type=Path, default=ROOT / "build/bin")
    parser.add_argument("--target", default="systolic16x16")
    parser.add_argument("--output", type=Path, default=ROOT / "docs/Benchmarks.md")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        times = [measure_start(options.tools), measure_compile(options.tools, folder),
                 measure_simulation(options.tools, folder)]
        rooflines = list(measure_roofline(options.tools, folder, options.target))
    options.output.write_text(page(times, rooflines, options.target, load))
    print(options.output.read_text())


if __name__ == "__main__":
    main()
