"""What accuracy goals choose for models of the zoo, as a table for docs/Design/Quantization.md.

    python test/zoo/goals.py --folder FOLDER --goal 20dB NAME...

NAMEs are zoo.py's. Each is compiled with the goal on its 8 calibration inputs, beside chance
with as many experiments; then with 8 bits for all, what was chosen, what chance chose and
more for all, and the binaries' integers are compared with the float network on those inputs
and on the 4 others. dB of the worst output.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from measure import CALIBRATION, batched, compile_flags
from packaged_models import PACKAGED
from zoo import draw, file_of

POINTS = (("narrow", "8"), ("chosen", "chosen"), ("control", "by chance"), ("wide", "more"))


def compile_model(path, flags, folder, *more):
    subprocess.run(["acc-opt", path, *flags, f"--calibration-data={folder / 'c.npz'}", "--quiet",
                    "-o", folder / "m.elf", *more], check=True)


def quality(path, flags, folder, data, point):
    """dB of the worst output on `data` with the bits of `point`."""
    compile_model(path, flags, folder, f"--compare={folder / data}", f"--accuracy-report={folder / 'a.json'}",
                  f"--activation-bits={point['activation_bits']}", f"--weight-bits={point['weight_bits']}")
    tensors = json.loads((folder / "a.json").read_text())["tensors"]
    return min(tensor["sqnr_db"] for tensor in tensors if tensor["is_output"])


def rows_of(name, goal, folder, models):
    path = file_of(name, models)
    samples = draw(name, path)
    fixed = PACKAGED[name.partition("/")[2]].fixed if name.startswith("packaged/") else ()
    real = [key for key in samples[0] if key not in fixed]
    flags = compile_flags(path, samples[0], fixed)
    np.savez(folder / "c.npz", **batched(samples[:CALIBRATION], real))
    np.savez(folder / "x.npz", **batched(samples[CALIBRATION:], real))
    compile_model(path, flags, folder, f"--accuracy-goal={goal}", "--bits-control=1",
                  f"--bits-report={folder / 'b.json'}")
    report = json.loads((folder / "b.json").read_text())
    rows = []
    for key, label in POINTS:
        point = report.get(key, {}).get("point") if key == "control" else report.get(key)
        if point is None:
            continue
        seen, other = (quality(path, flags, folder, data, point) for data in ("c.npz", "x.npz"))
        rows.append(f"| {name.partition('/')[2] if not rows else ''} | {label} | {point['widened']} | "
                    f"{point['corrected']} | {point['cycles']} | {seen:.1f} | {other:.1f} |")
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="+")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--goal", default="20dB")
    options = parser.parse_args()
    print("| model | bits | tensors | weights | cycles | calibration data | other data |\n"
          "|---|---|--:|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as temporary:
        for name in options.names:
            print("\n".join(rows_of(name, options.goal, Path(temporary), options.folder)), flush=True)


if __name__ == "__main__":
    main()
