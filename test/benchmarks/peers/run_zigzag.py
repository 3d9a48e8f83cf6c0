"""Costs an ONNX model with ZigZag, in an environment that has the package.

    python run_zigzag.py MODEL.onnx ACCELERATOR

ACCELERATOR is one that the package brings, such as tpu_like. Prints JSON: energy in
pJ, cycles, and the seconds that the search took, without imports.
"""

import contextlib
import io
import json
import logging
import sys
import tempfile
import time
from pathlib import Path


def main():
    model, accelerator = sys.argv[1:]
    import zigzag
    from zigzag.api import get_hardware_performance_zigzag

    logging.disable(logging.CRITICAL)
    inputs = Path(zigzag.__file__).parent / "inputs"
    with tempfile.TemporaryDirectory() as folder, \
            contextlib.redirect_stdout(io.StringIO()):
        start = time.perf_counter()
        energy, cycles, _ = get_hardware_performance_zigzag(
            model, str(inputs / f"hardware/{accelerator}.yaml"),
            str(inputs / f"mapping/{accelerator}.yaml"), opt="EDP",
            dump_folder=folder, pickle_filename=f"{folder}/results.pickle",
            loma_show_progress_bar=False)
        seconds = time.perf_counter() - start
    print(json.dumps({"energy": float(energy), "cycles": float(cycles), "seconds": seconds}))


if __name__ == "__main__":
    main()
