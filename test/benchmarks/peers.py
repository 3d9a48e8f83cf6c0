"""Holds our figures and times against other people's tools, run side by side.

    .venv/bin/python test/benchmarks/peers.py --install --output=peers.md

 - SCALE-Sim (PyPI scalesim): cycles of hundreds of random layers, layer by layer, and
   the time that both take;
 - ZigZag's cost model (zigzag-dse 3.8.5): energy and cycles of hundreds of random mappings
   of random layers to random machines, mapping by mapping;
 - ZigZag (zigzag-dse) and Vela (ethos-u-vela): the time for ResNet-50's main path. Their
   machines are others, so their cycles are not compared.

--install makes an environment for each peer below build/peers; one that cannot be
installed is named in one line and left out. Times are of one run, on the machine and at
the moment that the page names. The exit status is 1 if cycles or energy differ.
"""

import argparse
import json
import math
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUNNERS = Path(__file__).resolve().parent / "peers"
# scalesim turns arrays of one element into numbers, which numpy 2 refuses; zigzag-dse
# needs six and does not say so.
PEERS = {
    "scalesim": ["scalesim==3.0.0", "numpy<2", "pandas<3"],
    "zigzag": ["zigzag-dse==3.9.1", "six"],
    "zigzag-model": ["zigzag-dse==3.8.5", "six"],
    "vela": ["ethos-u-vela==5.2.0"],
}
TITLES = {
    "conv": "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, "
            "Num Filter, Strides,",
    "gemm": "Layer, M, N, K,",
}


def interpreter(folder, peer):
    """The peer's Python, or None where it is not installed."""
    path = folder / peer / "bin/python"
    return path if (folder / peer / "installed").exists() else None


def install(folder, peer):
    if interpreter(folder, peer):
        return
    subprocess.run([sys.executable, "-m", "venv", folder / peer], check=True)
    done = subprocess.run([folder / peer / "bin/pip", "install", "-q", *PEERS[peer]],
                          capture_output=True, text=True)
    if done.returncode == 0:
        (folder / peer / "installed").touch()
    else:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        print(f"could not install {' '.join(PEERS[peer])}: {reason}", file=sys.stderr)


def timed(*words):
    """Runs a command; its output and the seconds from start to end."""
    start = time.perf_counter()
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, words))}\n{done.stdout}{done.stderr}")
    return done.stdout, seconds


def random_layers(generator, kind, count):
    rows = []
    for i in range(count):
        if kind == "gemm":
            sizes = [generator.randint(1, 80) for _ in range(3)]
        else:
            kernel = generator.choice([1, 1, 3, 3, 5])
            sizes = [generator.randint(kernel, kernel + 8), generator.randint(kernel, kernel + 8),
                     kernel, generator.randint(1, kernel), generator.randint(1, 24),
                     generator.randint(1, 48), generator.randint(1, 3)]
        rows.append([f"layer{i}", *sizes])
    return rows


def write_layers(path, kind, rows, sparsity):
    title = TITLES[kind] + (" Sparsity," if sparsity else "")
    lines = [", ".join(map(str, row)) + (f", {sparsity}" if sparsity else "") + "," for row in rows]
    path.write_text("\n".join([title, *lines]) + "\n")


def compare_file(tools, python, path, kind, dataflow, rows, columns, sparsity):
    """(what, layers, equal ones, cycles, our seconds, the package's) for one file."""
    theirs = json.loads(timed(python, RUNNERS / "run_scalesim.py", path, kind, dataflow, rows,
                              columns, "sparse" if sparsity else "dense")[0])
    report = path.with_suffix(".json")
    _, seconds = timed(tools / "acc-cost", path, f"--dataflow={dataflow}", f"--rows={rows}",
                       f"--columns={columns}", f"--report={report}")
    ours = [layer["total_cycles"] for layer in json.loads(report.read_text())["layers"]]
    assert len(ours) == len(theirs["cycles"]) and not any(theirs["stalls"])
    equal = sum(a == b for a, b in zip(ours, theirs["cycles"]))
    what = ", ".join(filter(None, (dataflow, path.stem, sparsity, f"{rows}x{columns}")))
    return what, len(ours), equal, sum(ours), seconds, theirs["seconds"]


def compare_scalesim(tools, python, folder, count, seed):
    generator = random.Random(seed)
    table = []
    for dataflow in ("os", "ws", "is"):
        for kind, sparsity in (("conv", ""), ("gemm", ""), ("gemm", "2:4")):
            rows, columns = generator.randint(2, 16), generator.randint(2, 16)
            path = folder / f"{kind}.csv"
            write_layers(path, kind, random_layers(generator, kind, -(-count // 9)), sparsity)
            table.append(compare_file(tools, python, path, kind, dataflow, rows, columns,
                                      sparsity))
    path = folder / "AlexNet conv1.csv"
    write_layers(path, "conv", [["Conv1", 224, 224, 11, 11, 3, 96, 4]], "")
    table.append(compare_file(tools, python, path, "conv", "ws", 32, 32, ""))
    return table


def scalesim_section(table, seed):
    layers, equal = sum(row[1] for row in table), sum(row[2] for row in table)
    ours, theirs = sum(row[4] for row in table), sum(row[5] for row in table)
    lines = ["### SCALE-Sim", "",
             f"{PEERS['scalesim'][0]}, InterfaceBandwidth CALC, no traces; {layers - 1} random "
             f"layers and one real one, seed {seed}. {equal} of {layers} layers have the same "
             "\"Total Cycles\". Our seconds are whole runs of `acc-cost`, the package's are its "
             f"runs without imports: {theirs / ours:,.0f} times ours in all, "
             f"{table[-1][5] / table[-1][4]:,.0f} times for the real layer.", "",
             "| dataflow, layers, array | layers | equal | cycles | ours, s | package, s |",
             "|---|--:|--:|--:|--:|--:|"]
    lines += [f"| {name} | {n} | {same} | {cycles:,} | {a:.3f} | {b:.2f} |"
              for name, n, same, cycles, a, b in table]
    return lines + [""]


def compare_zigzag(tools, python, folder, count, seed):
    """(machine, mappings, equal energies, equal cycles, our seconds, the package's)."""
    text, _ = timed(python, RUNNERS / "run_zigzag_mappings.py", folder, count, seed)
    table = {}
    for theirs in json.loads(text):
        path = folder / theirs["file"]
        report = path.with_suffix(".report.json")
        _, seconds = timed(tools / "acc-cost", path, "--model=zigzag", f"--report={report}")
        layers = json.loads(report.read_text())["layers"]
        assert len(layers) == len(theirs["energy"]) == len(theirs["cycles"])
        row = table.setdefault(theirs["machine"], [0, 0, 0, 0.0, 0.0])
        row[0] += len(layers)
        # Sums of doubles in another order.
        for at, ours, key in ((1, "energy_pj", "energy"), (2, "cycles", "cycles")):
            row[at] += sum(math.isclose(layer[ours], golden, rel_tol=1e-9)
                           for layer, golden in zip(layers, theirs[key]))
        row[3] += seconds
        row[4] += theirs["seconds"]
    return [(machine, *row) for machine, row in sorted(table.items())]


def zigzag_section(table, seed):
    count, energies, cycles = (sum(row[at] for row in table) for at in (1, 2, 3))
    lines = ["### ZigZag's cost model", "",
             f"{PEERS['zigzag-model'][0]}: {count} random mappings of random convolutions to its machines with "
             f"random sizes, widths and prices, drawn from those that its search goes through, seed {seed}. "
             f"{energies} of {count} have the same energy and {cycles} the same cycles, to nine digits. The "
             "package's seconds are its search with them, without imports; ours are whole runs of `acc-cost`.", "",
             "| machine | mappings | equal energy | equal cycles | ours, s | package, s |",
             "|---|--:|--:|--:|--:|--:|"]
    lines += [f"| {machine} | {n} | {same} | {also} | {a:.3f} | {b:.2f} |"
              for machine, n, same, also, a, b in table]
    return lines + [""]


def time_chain(tools, pythons, folder):
    """(tool, what it does, seconds) for ResNet-50's main path."""
    chain = RUNNERS / "chain.py"
    model = folder / "chain.onnx"
    timed(sys.executable, chain, "onnx", model)
    _, seconds = timed(tools / "acc-opt", model, "--quiet", "-o", folder / "chain.elf",
                       f"--report={folder / 'chain.json'}")
    table = [("`acc-opt chain.onnx`", "quantization, schedule, binary, cost report", seconds)]
    if pythons["vela"]:
        timed(pythons["vela"], chain, "tflite", folder / "chain.tflite")
        _, seconds = timed(pythons["vela"].parent / "vela", folder / "chain.tflite",
                           "--accelerator-config=ethos-u85-256", f"--output-dir={folder}")
        table.append((f"`vela`, {PEERS['vela'][0]}, Ethos-U85-256",
                      "schedule, command stream, cost report of the int8 model", seconds))
    if pythons["zigzag"]:
        out, _ = timed(pythons["zigzag"], RUNNERS / "run_zigzag.py", model, "tpu_like")
        table.append((f"ZigZag, {PEERS['zigzag'][0]}, tpu_like",
                      "cost of the best mapping found, without imports",
                      json.loads(out)["seconds"]))
    return table


def chain_section(table):
    lines = ["### Vela and ZigZag", "",
             "ResNet-50's main path (49 convolutions, one pooling, no shortcuts), whole runs:", "",
             "| tool | what it does | seconds | over ours |", "|---|---|--:|--:|"]
    lines += [f"| {tool} | {what} | {seconds:.2f} | {seconds / table[0][2]:.1f} |"
              for tool, what, seconds in table]
    return lines + [""]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tools", type=Path, default=ROOT / "build/bin")
    parser.add_argument("--environments", type=Path, default=ROOT / "build/peers")
    parser.add_argument("--install", action="store_true", help="install the peers")
    parser.add_argument("--skip", nargs="*", default=[], choices=PEERS, help="peers to leave out")
    parser.add_argument("--layers", type=int, default=450, help="random layers for SCALE-Sim")
    parser.add_argument("--mappings", type=int, default=500, help="random mappings for ZigZag")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--output", type=Path, help="Markdown; default: standard output")
    arguments = parser.parse_args()

    wanted = [peer for peer in PEERS if peer not in arguments.skip]
    if arguments.install:
        for peer in wanted:
            install(arguments.environments, peer)
    pythons = {peer: interpreter(arguments.environments, peer) if peer in wanted else None
               for peer in PEERS}
    for peer in wanted:
        if not pythons[peer]:
            print(f"{peer} is left out: not in {arguments.environments}", file=sys.stderr)
    lines = ["## Peers", "",
             f"Side by side on {platform.machine()} with {os.cpu_count()} cores, by "
             "`test/benchmarks/peers.py`.", ""]
    differ = False
    with tempfile.TemporaryDirectory() as name:
        if pythons["scalesim"]:
            table = compare_scalesim(arguments.tools, pythons["scalesim"], Path(name),
                                     arguments.layers, arguments.seed)
            differ = any(row[1] != row[2] for row in table)
            lines += scalesim_section(table, arguments.seed)
        if pythons["zigzag-model"]:
            table = compare_zigzag(arguments.tools, pythons["zigzag-model"], Path(name),
                                   arguments.mappings, arguments.seed)
            differ |= any(row[2:4] != (row[1], row[1]) for row in table)
            lines += zigzag_section(table, arguments.seed)
        if pythons["vela"] or pythons["zigzag"]:
            lines += chain_section(time_chain(arguments.tools, pythons, Path(name)))
    text = "\n".join(lines)
    if arguments.output:
        arguments.output.write_text(text)
    else:
        print(text)
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
