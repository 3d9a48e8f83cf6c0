"""Exports models and compares in onnxruntime and in the simulator.

    export.py float NAME...     the file that acc-opt makes of a float model, raw and
                                fused, against the model itself
    export.py digits MODELS     the quantized file of the bundled model against the
                                binary made from it, and the binary made from the
                                float model
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from float_networks import model_file

from export_tools import acc_opt, check, expect_fixpoint, export_float, session


def sizes(text):
    return [int(size) for size in text.split("x")] if text else None


def check_float(name, rng):
    """Whether both forms agree within 1e-5 of the largest output. NAME=1x3x48x192
    gives the shape of the only input."""
    name, _, given = name.partition("=")
    with tempfile.TemporaryDirectory() as folder:
        model = model_file(name, folder)
        original = session(model)
        feed = {
            i.name: rng.uniform(-1, 1, sizes(given) or i.shape).astype(np.float32)
            for i in original.get_inputs()
        }
        expected = original.run(None, feed)
        good = True
        for optimize in (False, True):
            shapes = [f"--input-shape={i}={given}" for i in feed] if given else []
            path = export_float(model, folder, optimize, shapes=shapes)
            check(path)
            expect_fixpoint(path, folder, optimize)
            exported = session(path)
            names = [o.name for o in original.get_outputs()]
            actual = exported.run(names, feed)
            error = max(
                float(np.abs(a - e).max() / max(1e-6, np.abs(e).max()))
                for a, e in zip(actual, expected, strict=True)
            )
            print(f"{name}{' fused' if optimize else ''}: relative error {error:.1e}")
            good &= error < 1e-5
    return good


def run_binary(model, folder, data, rows):
    elf, output = f"{folder}/model.elf", f"{folder}/output.npz"
    acc_opt(model, "--quiet", "-o", elf)
    subprocess.run(
        ["acc-sim", elf, f"--input={data}", f"--output={output}"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    with np.load(output) as arrays:
        return arrays[arrays.files[0]].reshape(rows, -1)


def check_digits(models):
    """The quantized file decides as the binary does on 99.5 % of the images, and
    gives the integers of the one-step way."""
    models = Path(models)
    data = models / "digits-heldout.npz"
    calibration = f"--calibration-data={models / 'digits-calibration.npz'}"
    with tempfile.TemporaryDirectory() as folder:
        exported, ranges = f"{folder}/digits-qdq.onnx", f"{folder}/ranges.json"
        acc_opt(
            models / "digits.onnx",
            "--emit=onnx",
            calibration,
            f"--save-calibration={ranges}",
            "-o",
            exported,
        )
        check(exported)
        direct, again = f"{folder}/direct.mlir", f"{folder}/again.mlir"
        acc_opt(
            models / "digits.onnx",
            "--emit=nn-quantized",
            calibration,
            f"--calibration={ranges}",
            "-o",
            direct,
        )
        acc_opt(exported, "--emit=nn-quantized", "-o", again)
        same = bool(types_and_data(direct)) and types_and_data(direct) == types_and_data(
            again
        )
        print(f"digits: the same integers and scales: {same}")
        runner = session(exported)
        with np.load(data) as arrays:
            images = arrays["image"].astype(np.float32).reshape(-1, 1, 1, 8, 8)
        name = runner.get_inputs()[0].name
        reference = np.concatenate([runner.run(None, {name: x})[0] for x in images])
        binary = run_binary(exported, folder, data, len(images))
        share = float(np.mean(reference.argmax(1) == binary.argmax(1)))
        print(f"digits: {100 * share:.2f} % of decisions")
        return same and share >= 0.995


def types_and_data(path):
    """The quantized function with its data in place, without locations."""
    text = Path(path).read_text()
    data = dict(re.findall(r'^ +"?([^"\n]+)"?: "(0x[0-9A-F]+)"', text, re.MULTILINE))
    lines = []
    for line in text.splitlines():
        line = line.split(" loc(")[0]
        found = re.search(r'dense_resource<"?([^">]+)"?>', line)
        if found:
            line = line.replace(found.group(0), data[found.group(1)])
        if re.search(r"= nn\.", line):
            lines.append(line)
    return lines


def main():
    what, *names = sys.argv[1:]
    seed = np.random.SeedSequence().entropy % 2**32
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    if what == "float":
        good = [check_float(name, rng) for name in names]
    else:
        good = [check_digits(name) for name in names]
    print("all agree" if all(good) else "FAIL: they differ")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
