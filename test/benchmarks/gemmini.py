"""Holds the Gemmini model of acc-cost against cycles measured under FireSim.

    .venv/bin/python test/benchmarks/gemmini.py LAYERS.csv --output=FILE.md

LAYERS.csv is ucb-bar/dosa's data/firesim_test_data/dataset.csv with the columns
that `acc-cost --model=gemmini` reads and the measured ones,
firesim_this_mapping_cycles, firesim_auto_tiling_cycles, and Timeloop's
prediction, timeloop_cycles. Writes Markdown: mean absolute percentage error
(MAPE) and Spearman's rank correlation of the model and of two published ones,
on the layers that the model's constants were fitted to, on the others, and on
all. A layer, all rows of its shape, is in the fitted part unless its CRC-32 is
1 modulo 3, so the split is the same for every file.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = {
    "given mapping": ("firesim_this_mapping_cycles", "mapping_cycles"),
    "Gemmini's own tiling": ("firesim_auto_tiling_cycles", "auto_tiling_cycles"),
}


def is_fitted(row):
    shape = "_".join(row[key] for key in ("N", "C", "K", "P", "Q", "R", "S", "Wstride"))
    return zlib.crc32(shape.encode()) % 3 != 1


def ranks(values):
    """Ranks from 0; equal values share the mean of theirs."""
    order = sorted(range(len(values)), key=values.__getitem__)
    result = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for at in order[start:end]:
            result[at] = (start + end - 1) / 2
        start = end
    return result


def spearman(first, second):
    a, b = ranks(first), ranks(second)
    mean = (len(a) - 1) / 2
    covariance = sum((x - mean) * (y - mean) for x, y in zip(a, b))
    variance = sum((x - mean) ** 2 for x in a) * sum((y - mean) ** 2 for y in b)
    return covariance / variance**0.5 if variance > 0 else float("nan")


def mape(predicted, measured):
    return 100 * sum(abs(p / m - 1) for p, m in zip(predicted, measured)) / len(measured)


def predict(tool, path):
    """What acc-cost says, a dict for each layer."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "out.json"
        words = [str(tool), "--model=gemmini", str(path), f"--report={report}"]
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(words)}\n{done.stderr}")
        return json.loads(report.read_text())["layers"]


def quality(predicted, measured, chosen):
    p = [x for x, c in zip(predicted, chosen) if c]
    m = [x for x, c in zip(measured, chosen) if c]
    if len(m) < 3:
        return "-"
    return f"{mape(p, m):.1f} %, {spearman(p, m):.3f}"


def write(os, rows, layers):
    fitted = [is_fitted(row) for row in rows]
    parts = (
        (f"fitted ({sum(fitted)})", fitted),
        (f"held out ({len(rows) - sum(fitted)})", [not f for f in fitted]),
        (f"all ({len(rows)})", [True] * len(rows)),
    )
    print("## Gemmini under FireSim", file=os)
    print(file=os)
    print("MAPE and Spearman's correlation of predicted with measured cycles,", file=os)
    print(f"{len(rows)} layers.", file=os)
    print(file=os)
    print("| measured | model | " + " | ".join(name for name, _ in parts) + " |", file=os)
    print("|---|---|" + "---|" * len(parts), file=os)
    for title, (measured_key, key) in COLUMNS.items():
        measured = [float(row[measured_key]) for row in rows]
        models = (
            ("acc-cost", [layer[key] for layer in layers]),
            ("Timeloop, given mapping", [float(row["timeloop_cycles"]) for row in rows]),
            ("SCALE-Sim WS formula", [layer["scale_sim_ws_cycles"] for layer in layers]),
        )
        for model, predicted in models:
            cells = " | ".join(quality(predicted, measured, part) for _, part in parts)
            print(f"| {title} | {model} | {cells} |", file=os)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "layers",
        nargs="?",
        type=Path,
        default=ROOT / "shared" / "data" / "gemmini_firesim_16x16.csv",
        help="CSV file of layers and measurements (default: %(default)s)",
    )
    parser.add_argument("--tool", type=Path, default=ROOT / "build" / "bin" / "acc-cost")
    parser.add_argument("--output", type=Path, help="Markdown file (default: standard output)")
    parser.add_argument("--residuals", action="store_true", help="also one line for each layer")
    arguments = parser.parse_args()
    if not arguments.layers.is_file():
        parser.error(f"expected a CSV file of layers, got {arguments.layers}")

    with open(arguments.layers, newline="") as file:
        rows = list(csv.DictReader(file))
    if not arguments.tool.is_file():
        parser.error(f"expected the tool acc-cost, got {arguments.tool}")
    layers = predict(arguments.tool.resolve(), arguments.layers)
    if len(layers) != len(rows):
        sys.exit(f"expected {len(rows)} layers from {arguments.tool}, got {len(layers)}")

    os = open(arguments.output, "w") if arguments.output else sys.stdout
    write(os, rows, layers)
    if arguments.residuals:
        print("\n| row | fitted | given mapping | own tiling |\n|---|---|---|---|", file=os)
        for row, layer in zip(rows, layers):
            cells = [row["row"], "yes" if is_fitted(row) else "no"]
            for measured, key in COLUMNS.values():
                cells.append(f"{100 * (layer[key] / float(row[measured]) - 1):+.1f} %")
            print(f"| {' | '.join(cells)} |", file=os)


if __name__ == "__main__":
    main()
