"""Cycles of the zoo over their bounds, and what a cost query and a compilation take."""

import json
import math
import subprocess

import onnx

from accopt.networks import make

NETWORKS = (
    "light_resnet50", "light_squeezenet", "light_vgg19", "light_densenet121",
    "light_shufflenet", "light_inception_v2", "resnet18", "mobilenet_v2", "mobilenet_v3",
    "efficientnet_b0",
)
NAMED = 1.10  # a network above it has its worst op named


def build(folder, root):
    """The models' paths by name."""
    models = {"digits": root / "models/digits.onnx"}
    for name in NETWORKS:
        path = folder / f"{name}.onnx"
        onnx.save(make(name), path)
        models[name.removeprefix("light_")] = path
    return models


def reports(tools, models, folder, target):
    """Yields (network, report) or (network, the error's line)."""
    for name, model in models.items():
        path = folder / f"{name}.report.json"
        done = subprocess.run(
            [tools / "acc-opt", model, "--quiet", f"--target={target}",
             "-o", folder / "x.elf", f"--report={path}"], capture_output=True, text=True)
        if done.returncode != 0:
            yield name, done.stderr.splitlines()[0]
        else:
            yield name, json.loads(path.read_text())


def worst(report):
    """The op that is most above its bound, as the table names it."""
    op = max(report["ops"], key=lambda op: op["cycles"] - op["roofline_cycles"])
    return f"`{op['name']}` ({op['op']}), {op['cycles'] - op['roofline_cycles']} cycles"


def section(rows, target):
    lines = [
        f"## Cycles over the bound ({target})", "",
        "The bound of an op is the larger of its arithmetic at the unit's full rate and its "
        "compulsory DRAM traffic at full bandwidth, of which what runs strip by strip has none "
        "between its layers; the network's is the sum, which only what neighbouring ops "
        "overlap can undercut. Goal: a geometric mean of at most 1.10, and ResNet-50 in at "
        "most 18 M cycles.", "",
        "| network | cycles | bound | ratio | energy | on the host | most above its bound |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    logs = []
    for name, report in rows:
        if isinstance(report, str):
            lines.append(f"| {name} | refused: {report} | | | | | |")
            continue
        total = report["total"]
        ratio = total["cycles"] / total["roofline_cycles"]
        host = sum(op["placement"] == "host" for op in report["ops"])
        if name != "digits":
            logs.append(math.log(ratio))
        lines.append(
            f"| {name} | {total['cycles']} | {total['roofline_cycles']} | {ratio:.3f} "
            f"| {total['energy_pj'] / 1e9:.3f} mJ | {host} of {len(report['ops'])} ops "
            f"| {worst(report) if ratio > NAMED else ''} |")
    lines += [
        "", f"Geometric mean of the ratios but digits', which is bound by latency at 3,000 "
        f"cycles: **{math.exp(sum(logs) / len(logs)):.3f}**. `acc-opt MODEL.onnx` says below "
        "its table why the worst ops are above their bounds; `--explain=NODE` says more.", "",
        "Networks other than digits have synthetic weights; cycles and energy do not depend "
        "on them.", ""]
    return lines


def query_times(tools, model, *options):
    """Microseconds of cost queries on a compiled network, by what accopt-cost-time calls
    them."""
    done = subprocess.run([tools / "accopt-cost-time", model, *options],
                          capture_output=True, text=True, check=True)
    lines = [line.split() for line in done.stdout.splitlines()]
    return {words[0]: float(words[1]) for words in lines if words[-1] == "us"}
