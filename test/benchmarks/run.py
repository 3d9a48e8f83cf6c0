"""Measures the tools against references run side by side and writes a page.

    .venv/bin/python test/benchmarks/run.py --output=docs/Benchmarks.md

 - start of `acc-opt --version` against `mlir-opt --version`;
 - compile time of ResNet-50 against onnx.load + onnx.checker in Python;
 - one inference of ResNet-50 in acc-sim against onnxruntime's float inference;
 - the time of cost queries of ResNet-50, and the memory of compiling large networks;
 - cycles over the bound for each network of the zoo (zoo.py);
 - with --gemmini=LAYERS.csv, predicted against measured cycles of Gemmini (gemmini.py);
 - with --peers, SCALE-Sim, ZigZag and Vela on the same layers (peers.py --install).

The zoo's weights are synthetic; the shapes are the real ones. Times are the
smallest of several runs, as noise only adds.
"""

import argparse
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import onnx

# Their memory is measured: the networks with many weights.
MEASURED = ("resnet50", "vgg19")

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python"))

from accopt.networks import light_model  # noqa: E402

import zoo  # noqa: E402


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


def measure_queries(tools, folder):
    """Lines on cost queries of ResNet-50, and on the memory of compiling large networks."""
    model = folder / "resnet50.onnx"
    times = zoo.query_times(tools, model, "--repeat=50")
    lines = [
        "## Cost queries and memory", "",
        "What a query of ResNet-50 takes from its layers (`accopt-cost-time`; "
        "[how](Design/CostQueries.md)), and for comparison what the whole program takes that "
        "`acc-opt` emits:", "",
        "| query | time | goal |", "|---|---:|---:|",
        f"| nothing known, with the search for mappings | {times['cold'] / 1e3:.1f} ms "
        "| 10 ms |",
        f"| all layers known | {times['known']:.0f} us | 50 us |",
        f"| one layer at other bits, known | {times['again']:.0f} us | 50 us |",
        f"| one layer at bits that are new, with the search for its mapping "
        f"| {times['changed']:.0f} us | |",
        f"| the whole program | {times['whole'] / 1e3:.1f} ms | |", "",
        "Most memory that `acc-opt` takes from file to binary:", "",
        "| network | weights in the file | in int8 | memory | goal: int8 and 200 MB |",
        "|---|---:|---:|---:|---:|",
    ]
    for name in MEASURED:
        model = folder / f"{name}.onnx"
        if not model.exists():
            onnx.save(light_model(f"light_{name}"), model)
        weights = sum(math.prod(w.dims) for w in onnx.load(model).graph.initializer) / 1e6
        lines.append(f"| {name} | {4 * weights:.0f} MB | {weights:.0f} MB "
                     f"| {peak_memory(tools, model, folder):.0f} MB | {weights + 200:.0f} MB |")
    return lines + [""]


def peak_memory(tools, model, folder):
    """Megabytes that acc-opt takes. In a small process of its own: a child's peak begins
    with its parent's."""
    measure = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, "
               "stderr=subprocess.DEVNULL); "
               "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
    peak = subprocess.run([sys.executable, "-c", measure, tools / "acc-opt", model, "--quiet",
                           "-o", folder / "y.elf"], capture_output=True, text=True, check=True)
    return int(peak.stdout) * 1024 / 1e6


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.machine()


def page(times, queries, rows, others, target, load):
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
    lines += ["", *queries, *zoo.section(rows, target)]
    for text in others:
        lines += [text.strip(), ""]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tools", type=Path, default=ROOT / "build/bin")
    parser.add_argument("--target", default="systolic16x16")
    parser.add_argument("--output", type=Path, default=ROOT / "docs/Benchmarks.md")
    parser.add_argument("--gemmini", metavar="LAYERS.csv")
    parser.add_argument("--peers", action="store_true")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        times = [measure_start(options.tools), measure_compile(options.tools, folder),
                 measure_simulation(options.tools, folder)]
        queries = measure_queries(options.tools, folder)
        models = zoo.build(folder, ROOT)
        rows = list(zoo.reports(options.tools, models, folder, options.target))
    others = []
    if options.gemmini:
        others.append(output_of("gemmini.py", options.gemmini))
    if options.peers:
        others.append(output_of("peers.py", "--install"))
    text = page(times, queries, rows, others, options.target, load)
    options.output.write_text(text)
    print(text)


def output_of(script, *arguments):
    """What another script here writes: Markdown from a heading on."""
    done = subprocess.run([sys.executable, Path(__file__).parent / script, *arguments],
                          stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout[done.stdout.index("## "):]


if __name__ == "__main__":
    main()
